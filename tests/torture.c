/* Every allocation of every parser fails once, ours and libcrypto's, over the golden files: nothing crashes
 * or leaks (under the sanitizers), what is taken is what is taken with enough memory, and what is refused
 * stays refused: want of memory never lets a bad object pass. */
#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "deadline/clock.h"
#include "pki/chain.h"
#include "pki/cms.h"
#include "pki/crl.h"
#include "pki/csr.h"
#include "pki/csr_response.h"
#include "pki/envelope.h"
#include "pki/km.h"
#include "pki/name.h"
#include "pki/ocsp.h"
#include "pki/pkcs8.h"
#include "pki/profile.h"
#include "statement/statement.h"

#include <dirent.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define POINTS_MAX 4000 /* allocations of one parse */
#define FILE_LIMIT (1u << 20)

/* ---- libcrypto's allocations ---- */

static size_t lend_in, lent; /* as in base/mem.c */

static bool due(void)
{
	lent++;
	return lend_in > 0 && --lend_in == 0;
}

static void *lend(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return due() ? NULL : malloc(n);
}

static void *lend_more(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return due() ? NULL : realloc(p, n);
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* ---- the parsers ---- */

static struct rc cert_whole(struct slice in)
{
	AUTO_BUF(text, FILE_LIMIT);
	struct cert c;

	TRY(cert_parse(in, &c));
	return cert_to_text(&c, &text);
}

static struct rc edition_whole(struct slice in)
{
	AUTO_JSON(body, NULL);
	struct calendar_edition e;

	TRY(json_read(in, EDITION_JSON_MAX, &body));
	return edition_read(body, &e);
}

static struct rc case_whole(struct slice in)
{
	AUTO_JSON(file, NULL);
	AUTO(calendar, c, NULL);
	AUTO(deadline_rules, rules, NULL);
	AUTO(deadline_case, k, NULL);

	TRY(json_read(in, CASE_FILE_MAX, &file));
	TRY(calendar_new(&c));
	TRY(deadline_rules_load("2009", &rules));
	return deadline_case_read(file, rules, c, &k);
}

static struct rc cms_signed(struct slice in)
{
	struct cms_signed s;

	return cms_signed_parse(in, &s);
}

static struct rc cms_sealed(struct slice in)
{
	struct cms_sealed s;

	return cms_sealed_parse(in, &s);
}

static struct rc crl_whole(struct slice in)
{
	struct crl_entry e;
	struct der_reader r;
	struct crl c;

	TRY(crl_parse(in, &c));
	for (r = crl_walk(&c); crl_next(&r, &e);)
		;
	return OK;
}

static struct rc csr_whole(struct slice in)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr c;

	return csr_read(in, &der, &c);
}

static struct rc envelope_any(struct slice in)
{
	struct envelope e;

	return envelope_read(in, NULL, &e);
}

static struct rc csr_answer(struct slice in)
{
	struct csr_response r;

	return csr_response_parse(in, &r);
}

static struct rc km_asks(struct slice in)
{
	AUTO(km_request, m, NULL);
	AUTO_BUF(tbs, KM_REQUEST_MAX);

	TRY(km_request_parse(in, &m));
	return km_request_tbs(m, &tbs);
}

static struct rc km_answers(struct slice in)
{
	AUTO(km_respond, m, NULL);
	AUTO_BUF(tbs, KM_RESPOND_MAX);

	TRY(km_respond_parse(in, &m));
	return km_respond_tbs(m, &tbs);
}

static struct rc ocsp_asks(struct slice in)
{
	struct ocsp_request q;

	return ocsp_request_parse(in, &q);
}

static struct rc ocsp_answers(struct slice in)
{
	struct ocsp_response a;

	return ocsp_response_parse(in, &a);
}

static struct rc private_key(struct slice in)
{
	struct private_key k = {0};

	return private_key_read(in, SLICE_NONE, &k);
}

static struct rc statement_whole(struct slice in)
{
	AUTO(statement, s, NULL);

	return statement_open(in, &s);
}

static struct rc profile_whole(struct slice in)
{
	AUTO(profile, p, NULL);

	return profile_load(in, &p);
}

static struct rc json_whole(struct slice in)
{
	AUTO_JSON(v, NULL);
	AUTO_BUF(out, FILE_LIMIT);

	TRY(json_read(in, JSON_MAX, &v));
	return json_canonical(v, &out);
}

static struct rc name_whole(struct slice in)
{
	AUTO_BUF(der, NAME_DER_MAX);
	AUTO_BUF(text, FILE_LIMIT);

	TRY(name_from_text(in, &der));
	return name_to_text(buf_slice(&der), &text);
}

struct source {
	struct slice left;
};

static struct rc give(void *arg, uint8_t *to, size_t max, size_t *n)
{
	struct source *s = arg;

	*n = s->left.len < max ? s->left.len : max;
	if (*n > 0)
		memcpy(to, s->left.p, *n);
	s->left = slice_of(s->left.p + *n, s->left.len - *n);
	return OK;
}

static struct rc csv_whole(struct slice in)
{
	struct source s = {in};
	AUTO(csv, c, NULL);
	bool more = true;

	TRY(csv_new(give, &s, &c));
	while (more)
		TRY(csv_row(c, &more));
	return OK;
}

static const struct parser {
	const char *folder;
	struct rc (*run)(struct slice in);
} parsers[] = {
        {"tests/data/cert", cert_whole},
        {"rulesets/calendar", edition_whole},
        {"tests/fuzz/seeds/case", case_whole},
        {"tests/data/cms", cms_signed},
        {"tests/data/cms", cms_sealed},
        {"tests/data/crl", crl_whole},
        {"tests/data/csr", csr_whole},
        {"tests/data/envelope", envelope_any},
        {"tests/data/envelope", csr_answer},
        {"tests/data/km", km_asks},
        {"tests/data/km", km_answers},
        {"tests/data/ocsp", ocsp_asks},
        {"tests/data/ocsp", ocsp_answers},
        {"tests/data/pkcs8", private_key},
        {"tests/data/statement", statement_whole},
        {"tests/fuzz/seeds/json", json_whole},
        {"tests/fuzz/seeds/name", name_whole},
        {"tests/fuzz/seeds/csv", csv_whole},
        {"profiles", profile_whole},
};

/* ---- the walk ---- */

struct counts {
	size_t files, points, noticed;
};

static void arm(bool ours, size_t n)
{
	(void)mem_fail_after(ours ? n : 0);
	lent = 0;
	lend_in = ours ? 0 : n;
}

/* How many allocations were made; none fails from now on. */
static size_t disarm(bool ours)
{
	size_t made = mem_fail_after(0);

	lend_in = 0;
	return ours ? made : lent;
}

static void torture(const struct parser *p, const char *name, struct slice in, struct counts *c)
{
	bool taken;

	(void)rc_ok(p->run(in)); /* what is made once and stays */
	taken = rc_ok(p->run(in));
	for (int ours = 0; ours < 2; ours++)
		for (size_t n = 1; n < POINTS_MAX; n++) {
			arm(ours == 1, n);
			bool now = rc_ok(p->run(in));
			if (disarm(ours == 1) < n)
				break;
			if (now && !taken)
				fail_msg("%s: refused, but taken when allocation %zu fails", name, n);
			c->points++;
			c->noticed += taken && !now;
		}
	if (rc_ok(p->run(in)) != taken)
		fail_msg("%s: another result afterwards", name);
	c->files++;
}

static void torture_file(const struct parser *p, const char *name, struct counts *c)
{
	AUTO_BUF(in, FILE_LIMIT);

	if (!rc_ok(file_read(name, FILE_LIMIT, &in)))
		fail_msg("%s: %s", name, rc_last()->text);
	torture(p, name, buf_slice(&in), c);
}

static void walk(const struct parser *p, const char *folder, struct counts *c)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char name[512];

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
		if (e->d_type == DT_DIR)
			walk(p, name, c);
		else
			torture_file(p, name, c);
	}
	closedir(d);
}

static void every_allocation_fails_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		struct counts c = {0};

		walk(&parsers[i], parsers[i].folder, &c);
		print_message("%s %zu: %zu files, %zu allocations, %zu of them refuse\n", parsers[i].folder,
		              i, c.files, c.points, c.noticed);
		if (c.files == 0)
			fail_msg("%s: no files", parsers[i].folder);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails_once)};

	/* before libcrypto allocates anything */
	if (CRYPTO_set_mem_functions(lend, lend_more, give_back) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
