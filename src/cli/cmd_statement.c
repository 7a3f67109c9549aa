/* yuandian statement show|verify FILE…: what a statement says, and whether it is to be believed: bytes,
 * signature, certificate, role at that time, and the order of editions. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/objects.h"
#include "pki/cms.h"
#include "statement/chain.h"
#include "statement/holder.h"

#include <stdlib.h>

/* ---- what it says ---- */

/* What a statement is about: the first of these members that its body has. */
static const char *const subjects[] = {
        "application", "id",       "institution", "ra",     "person", "records", "log",     "keys",
        "recovery",    "disposal", "document",    "entity", "number", "code",    "profile", "time"};

static void put_subject(const struct statement *s, json_t *o)
{
	json_t *serial = json_object_get(s->body, "serial");

	if (s->kind == STATEMENT_REVOCATION && serial != NULL) {
		char text[160];

		(void)snprintf(text, sizeof(text), "%s/%s", json_string_value(json_object_get(s->body, "ca")),
		               json_string_value(serial));
		json_put_cstr(o, "subject", text);
		return;
	}
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		json_t *v = json_object_get(s->body, subjects[i]);

		if (v == NULL)
			continue;
		json_put_take(o, "subject", json_incref(v));
		return;
	}
}

static RC put_signer(const struct statement *s, json_t *o)
{
	AUTO_JSON(signer, json_object());
	struct holder h;

	TRY(holder_read(s->certificate, &h));
	if (s->person.len > 0)
		json_put_text(signer, "person", s->person);
	TRY(object_name(signer, "subject", h.subject));
	TRY(object_name(signer, "issuer", h.issuer));
	json_put_hex(signer, "certificate", SLICE_ARR(s->certificate_sm3));
	json_put_take(o, "signer", json_incref(signer));
	json_put_text(o, "role", s->role);
	return OK;
}

static RC describe(const struct statement *s, json_t *o)
{
	struct edition e;
	bool is;

	json_put_cstr(o, "kind", statement_kind_name(s->kind));
	json_put_hex(o, "sm3", SLICE_ARR(s->sm3));
	TRY(edition_of(s, &is, &e));
	if (is)
		json_put_int(o, "number", e.number);
	json_put_time(o, "issued", s->issued);
	json_put_text(o, "organisation", s->organisation);
	put_subject(s, o);
	TRY(put_signer(s, o));
	if (is && e.has_previous)
		json_put_hex(o, "previous", SLICE_ARR(e.previous));
	return json_put_result();
}

static RC load(const char *path, struct statement **ret)
{
	AUTO_BUF(der, STATEMENT_MAX);

	TRY(file_read(path, STATEMENT_MAX, &der));
	return rc_note(statement_open(buf_slice(&der), ret), "%s", path);
}

/* Adds one result, or prints it. */
static RC give(struct cli *c, json_t *list, const char *file, const struct statement *s, const char *result)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "file", file);
	if (result != NULL)
		json_put_cstr(o, "result", result);
	TRY(describe(s, o));
	NEED(o != NULL, RC_NOMEM, "no memory");
	if (!c->json) {
		tree_print(c, o, 0);
		(void)json_dumpf(s->body, c->out, JSON_INDENT(2) | JSON_SORT_KEYS);
		(void)fputc('\n', c->out);
		return OK;
	}
	json_put_take(o, "body", json_incref(s->body));
	TRY(json_put_result());
	NEED(json_array_append(list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC finish(struct cli *c, const char *schema, json_t *list)
{
	AUTO_JSON(o, json_object());

	json_put_take(o, "statements", json_incref(list));
	return c->json ? cli_json(c, schema, MOVE(o)) : OK;
}

struct rc cmd_statement_show(struct cli *c)
{
	AUTO_JSON(list, json_array());

	for (size_t i = 0; i < c->operand_count; i++) {
		AUTO(statement, s, NULL);

		TRY(load(c->operands[i], &s));
		TRY(give(c, list, c->operands[i], s, NULL));
	}
	return finish(c, "statement", list);
}

/* ---- whether to believe it ---- */

struct judge {
	struct cli *c;
	int64_t at;
	struct statement_trust *trust; /* NULL: signature under its own certificate only */
	struct chain *chain;
};

RC trust_organisation(const struct cli *c, const char *dir, char ret[STATEMENT_NAME_MAX + 1])
{
	AUTO_MEM(char, path, NULL);
	const char *given = cli_get(c, "organisation");
	char *cut;

	if (given == NULL) {
		path = realpath(dir, NULL);
		NEED(path != NULL, RC_NOTFOUND, "%s cannot be read", dir);
		for (unsigned up = 0; up < 2; up++) {
			cut = strrchr(path, '/');
			REQUIRE(cut != NULL, USAGE, "--organisation is needed: %s is not ORG/ROLE/trust",
			        dir);
			*cut = '\0';
		}
		cut = strrchr(path, '/');
		given = cut != NULL ? cut + 1 : path;
	}
	NEED(strlen(given) <= STATEMENT_NAME_MAX, RC_INPUT, "%s is no name of an organisation", given);
	(void)snprintf(ret, STATEMENT_NAME_MAX + 1, "%s", given);
	return OK;
}

static RC load_trust(struct judge *j)
{
	char organisation[STATEMENT_NAME_MAX + 1];
	const char *dir = cli_get(j->c, "trust");

	if (dir == NULL)
		return OK;
	TRY(trust_organisation(j->c, dir, organisation));
	return rc_note(statement_trust_load(dir, organisation, &j->trust), "%s", dir);
}

static RC signature_alone(const struct statement *s)
{
	struct cms_signer signer = {.signature = s->signature};
	struct sm2_check check;
	struct holder h;

	TRY(holder_read(s->certificate, &h));
	TRY(cms_verify_input(&signer, &h.pub, s->content, &check));
	REQUIRE(rc_ok(sm2_verify_digest(&check.pub, check.e, &check.sig)), STATEMENT_SIGNATURE,
	        "the signature does not verify");
	return OK;
}

static RC judge_one(struct judge *j, const char *file, json_t *list)
{
	AUTO(statement, s, NULL);
	struct edition e;
	bool is;

	TRY(load(file, &s));
	TRY(rc_note(j->trust != NULL ? statement_verify(s, j->trust, j->at) : signature_alone(s), "%s",
	            file));
	TRY(edition_of(s, &is, &e));
	if (is)
		TRY(rc_note(chain_add(j->chain, &e), "%s", file));
	return give(j->c, list, file, s, j->trust != NULL ? "verified" : "signature only, signer not judged");
}

struct rc cmd_statement_verify(struct cli *c)
{
	AUTO(statement_trust, trust, NULL);
	AUTO_MEM(struct chain, chain, mem_new(1, sizeof(*chain)));
	AUTO_JSON(list, json_array());
	struct judge j = {.c = c, .at = clock_real(), .chain = chain};

	NEED(chain != NULL && list != NULL, RC_NOMEM, "no memory");
	TRY(cli_get_time(c, "at", &j.at));
	c->verifying = true;
	TRY(load_trust(&j));
	trust = j.trust;
	for (size_t i = 0; i < c->operand_count; i++)
		TRY(judge_one(&j, c->operands[i], list));
	TRY(chain_current(chain, j.at));
	if (trust == NULL)
		c->exit = CLI_UNVERIFIED;
	return finish(c, "statement-verify", list);
}
