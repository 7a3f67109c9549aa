/* issue.e2e.cN and load.*: N registrars at once, each with an entry clerk's and a reviewer's connection.  One
 * pair is evidence, application, the reviewer's look at it, approval, and both certificates with the envelope
 * in hand; statements are signed inside the time, CSRs are ready before. */
#include "base/text.h"
#include "bench/applicant.h"
#include "bench/crew.h"
#include "bench/clerk.h"
#include "bench/issue.h"
#include "bench/peer.h"
#include "pki/cert.h"
#include "sm/sm3.h"

#include <stdatomic.h>
#include <stdlib.h>

#define RA "shifan/ra"
#define PATH_MAX_HERE 256
#define RATE_APPLICANTS 8000
#define LOAD_SLICES 9   /* BENCH_LOAD says otherwise */
#define MIXED_REVOKED 8 /* of that many pairs one is revoked */
#define FETCH_ROUNDS 4  /* of 30 s each, until a pair counts as failed */

struct desk {
	const struct clerk *entry, *review;
	const char *url;
	struct profile *profile;
	struct applicant *applicants;
	size_t count;
	atomic_size_t next;
	void (*seen)(void *arg, const char *serial, bool revoked); /* NULL: nobody looks */
	void *seen_arg;
	bool mixed; /* each pair is looked up again, and some are revoked */
};

struct lane {
	struct desk *desk;
	struct wire *entry, *review;
	struct buf answer, statement;
};

/* One pair on its way. */
struct pair {
	const struct applicant *a;
	uint8_t application_sm3[SM3_LEN];
	struct buf subject;
	char id[65], entity[65], authority[65], serial[CERT_SERIAL_TEXT];
};

static RC call(struct wire *w, const char *method, const char *path, const char *media, struct slice content,
               struct buf *answer)
{
	unsigned status = 0;

	TRY(wire_call(w, method, path, media, content, &status, answer));
	if (status == 409)
		FAIL(RC_CONFLICT, "bench: %s %s: %.200s", method, path, buf_cstr(answer));
	NEED(status >= 200 && status < 300, RC_BUSY, "bench: %s %s: %u %.200s", method, path, status,
	     buf_cstr(answer));
	return OK;
}

static RC copy_member(const json_t *o, const char *key, char ret[65])
{
	struct slice s;

	TRY(json_get_text(o, key, 64, &s));
	(void)snprintf(ret, 65, "%.*s", (int)s.len, (const char *)s.p);
	return OK;
}

static RC apply(struct lane *l, struct pair *p)
{
	uint8_t evidence[APPLICANT_EVIDENCE];
	AUTO_JSON(body, NULL);
	AUTO_JSON(answer, NULL);

	applicant_evidence(p->a, evidence);
	TRY(call(l->entry, "POST", "/v1/evidence?type=identity-document", "application/octet-stream",
	         SLICE_ARR(evidence), &l->answer));
	TRY(applicant_application(p->a, &body));
	TRY(applicant_subject(l->desk->profile, body, &p->subject));
	buf_clear(&l->statement);
	TRY(clerk_sign(l->desk->entry, STATEMENT_APPLICATION, body, &l->statement));
	sm3_hash(buf_slice(&l->statement), p->application_sm3);
	TRY(call(l->entry, "POST", "/v1/applications", STATEMENT_MEDIA, buf_slice(&l->statement),
	         &l->answer));
	TRY(json_read(buf_slice(&l->answer), JSON_MAX, &answer));
	return copy_member(answer, "id", p->id);
}

static RC look(struct lane *l, struct pair *p)
{
	char path[PATH_MAX_HERE];
	AUTO_JSON(answer, NULL);

	(void)snprintf(path, sizeof(path), "/v1/applications/%s", p->id);
	TRY(call(l->review, "GET", path, NULL, SLICE_NONE, &l->answer));
	TRY(json_read(buf_slice(&l->answer), JSON_MAX, &answer));
	TRY(copy_member(answer, "entity", p->entity));
	return copy_member(answer, "authority", p->authority);
}

static RC approve(struct lane *l, struct pair *p)
{
	char path[PATH_MAX_HERE];
	struct applicant_case c = {
	        .a = p->a,
	        .application_sm3 = p->application_sm3,
	        .id = slice_text(p->id),
	        .entity = slice_text(p->entity),
	        .authority = slice_text(p->authority),
	        .subject = buf_slice(&p->subject),
	};
	AUTO_JSON(body, NULL);

	TRY(applicant_approval(&c, &body));
	buf_clear(&l->statement);
	TRY(clerk_sign(l->desk->review, STATEMENT_APPROVAL, body, &l->statement));
	(void)snprintf(path, sizeof(path), "/v1/applications/%s/review", p->id);
	return call(l->review, "POST", path, STATEMENT_MEDIA, buf_slice(&l->statement), &l->answer);
}

/* Both certificates, the first for the applicant's own key, and the envelope. */
static RC check(const struct lane *l, struct pair *p)
{
	AUTO_JSON(answer, NULL);
	AUTO_BUF(der, CERT_DER_MAX);
	struct slice state;
	struct cert cert;
	uint8_t sm3[SM3_LEN];

	TRY(json_read(buf_slice(&l->answer), JSON_MAX, &answer));
	TRY(json_get_text(answer, "state", 32, &state));
	NEED(slice_is(state, "issued"), RC_CONFLICT, "bench: %s is %.*s", p->id, (int)state.len,
	     (const char *)state.p);
	TRY(json_get_base64(answer, "sign", CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &cert));
	cert_serial_text(cert.serial, p->serial);
	pubkey_sm3(&cert.key, sm3);
	NEED(memcmp(sm3, p->a->spki_sm3, SM3_LEN) == 0, RC_BUG, "bench: %s got another's certificate", p->id);
	NEED(json_is_string(json_object_get(answer, "encrypt")) &&
	             json_is_string(json_object_get(answer, "envelope")),
	     RC_BUG, "bench: %s has no encryption certificate", p->id);
	return OK;
}

static RC fetch(struct lane *l, struct pair *p)
{
	char path[PATH_MAX_HERE];
	struct rc rc = OK;
	int i;

	(void)snprintf(path, sizeof(path), "/v1/applications/%s/certificates?envelope=sm2&wait=30", p->id);
	for (i = 0; i < FETCH_ROUNDS; i++) {
		rc = call(l->entry, "GET", path, NULL, SLICE_NONE, &l->answer);
		if (rc_ok(rc))
			rc = check(l, p);
		if (rc.code != RC_CONFLICT)
			break;
	}
	return rc;
}

static RC revoke(struct lane *l, const struct pair *p)
{
	char path[PATH_MAX_HERE];
	AUTO_JSON(body, json_object());

	json_put_cstr(body, "ca", p->authority);
	json_put_cstr(body, "serial", p->serial);
	json_put_cstr(body, "reason", "superseded");
	TRY(json_put_result());
	buf_clear(&l->statement);
	TRY(clerk_sign(l->desk->review, STATEMENT_REVOCATION, body, &l->statement));
	(void)snprintf(path, sizeof(path), "/v1/certificates/%.64s/%s/revocation", p->authority, p->serial);
	return call(l->review, "POST", path, STATEMENT_MEDIA, buf_slice(&l->statement), &l->answer);
}

static RC show_and_revoke(struct lane *l, const struct pair *p)
{
	l->desk->seen(l->desk->seen_arg, p->serial, false);
	TRY(revoke(l, p));
	l->desk->seen(l->desk->seen_arg, p->serial, true);
	return OK;
}

static RC go_through(struct lane *l, struct pair *p)
{
	TRY(apply(l, p));
	TRY(look(l, p));
	TRY(approve(l, p));
	TRY(fetch(l, p));
	if (l->desk->seen != NULL)
		return show_and_revoke(l, p);
	if (!l->desk->mixed)
		return OK;
	TRY(look(l, p));
	return p->a->number % MIXED_REVOKED == 0 ? revoke(l, p) : OK;
}

static struct rc one_pair(void *arg, size_t *units)
{
	struct lane *l = arg;
	size_t at = atomic_fetch_add(&l->desk->next, 1);
	struct pair p = {.subject = BUF(4096)};
	struct rc rc;

	NEED(at < l->desk->count, RC_NOTFOUND, "bench: no applicants left");
	p.a = &l->desk->applicants[at];
	rc = go_through(l, &p);
	buf_free(&p.subject);
	*units = 1;
	/* not found has a meaning of its own here */
	return rc.code == RC_NOTFOUND ? rc_fail(RC_BUSY, "%s", rc_last()->text) : rc;
}

static void lane_close(void *arg)
{
	struct lane *l = arg;

	wire_close(l->entry);
	wire_close(l->review);
	buf_free(&l->answer);
	buf_free(&l->statement);
	mem_free(l);
}

static struct rc lane_open(void *arg, void **ret)
{
	struct lane *l = mem_new(1, sizeof(*l));
	struct rc rc;

	NEED(l != NULL, RC_NOMEM, "bench: no memory");
	*l = (struct lane){.desk = arg, .answer = BUF(WIRE_ANSWER_MAX), .statement = BUF(STATEMENT_MAX)};
	rc = wire_open(l->desk->url, l->desk->entry->tls, &l->entry);
	if (rc_ok(rc))
		rc = wire_open(l->desk->url, l->desk->review->tls, &l->review);
	if (!rc_ok(rc)) {
		lane_close(l);
		return rc;
	}
	*ret = l;
	return OK;
}

/* ---- rows ---- */

static const struct level {
	size_t clients, applicants;
	double window;
} levels[] = {{1, 3000, 8}, {8, 10000, 10}, {64, 24000, 15}, {256, 32000, 20}};

static RC add_row(struct bench *b, size_t clients, const char *what, double value, const char *unit)
{
	struct bench_row row = {.value = value, .unit = unit};

	(void)snprintf(row.name, sizeof(row.name), "issue.e2e.c%zu%s", clients, what);
	return rows_add(&b->rows, &row);
}

static RC add_rows(struct bench *b, size_t clients, const struct crew_result *r, double peer)
{
	struct bench_row row = {
	        .value = r->rate, .unit = "pairs/s", .peer = rows_openssl(), .peer_value = peer};

	if (r->errors > 0)
		fprintf(stderr, "bench: issue.e2e.c%zu: %zu errors, the first: %s\n", clients, r->errors,
		        r->why.text);
	(void)snprintf(row.name, sizeof(row.name), "issue.e2e.c%zu", clients);
	TRY(rows_add(&b->rows, &row));
	TRY(add_row(b, clients, ".p50_ms", r->p50_ms, "ms"));
	TRY(add_row(b, clients, ".p99_ms", r->p99_ms, "ms"));
	return add_row(b, clients, ".errors", (double)r->errors, "pairs");
}

static RC run_crew(struct desk *d, const struct level *level, struct crew_result *ret)
{
	struct crew c = {
	        .threads = level->clients,
	        .warm = 1,
	        .window = level->window,
	        .arg = d,
	        .open = lane_open,
	        .close = lane_close,
	        .step = one_pair,
	};
	struct rc rc;

	TRY(applicants_new(level->applicants, &d->applicants));
	d->count = level->applicants;
	atomic_store(&d->next, 0);
	rc = crew_run(&c, ret);
	applicants_free(d->applicants, d->count);
	d->applicants = NULL;
	return rc;
}

/* Who registers there, and what they need. */
static RC open_desk(struct platform *p, struct clerk *entry, struct clerk *review, struct profile **profile,
                    struct desk *d)
{
	TRY(clerk_open(p, "entry", "entry", entry));
	TRY(clerk_open(p, "review", "review", review));
	TRY(platform_url(p, RA, "api", &d->url));
	TRY(profile_builtin(APPLICANT_PROFILE, profile));
	d->profile = *profile;
	return OK;
}

static RC run_desk(struct platform *p, struct desk *d, size_t clients, double window, struct crew_result *r)
{
	AUTO_CLERK(entry);
	AUTO_CLERK(review);
	AUTO(profile, profile, NULL);
	struct crew c = {.threads = clients,
	                 .warm = 1,
	                 .window = window,
	                 .arg = d,
	                 .open = lane_open,
	                 .close = lane_close,
	                 .step = one_pair};
	struct rc rc;

	d->entry = &entry;
	d->review = &review;
	TRY(open_desk(p, &entry, &review, &profile, d));
	d->count = RATE_APPLICANTS;
	TRY(applicants_new(d->count, &d->applicants));
	rc = crew_run(&c, r);
	applicants_free(d->applicants, d->count);
	TRY(rc);
	NEED(r->errors == 0, RC_BUSY, "bench: %s", r->why.text);
	return OK;
}

RC issue_rate(struct platform *p, size_t clients, double window, double *rate, size_t *pairs)
{
	struct desk d = {.seen = NULL};
	struct crew_result r = {.rate = 0};
	struct rc rc = run_desk(p, &d, clients, window, &r);

	*pairs = atomic_load(&d.next);
	*rate = r.rate;
	return rc;
}

RC issue_revoked(struct platform *p, size_t clients, double window,
                 void (*seen)(void *arg, const char *serial, bool revoked), void *arg)
{
	struct desk d = {.seen = seen, .seen_arg = arg};
	struct crew_result r = {.rate = 0};

	return run_desk(p, &d, clients, window, &r);
}

static RC run_levels(struct bench *b, struct desk *d)
{
	struct crew_result r;
	double peer;

	TRY(peer_issue(&peer));
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		TRY(run_crew(d, &levels[i], &r));
		TRY(add_rows(b, levels[i].clients, &r, peer));
	}
	return OK;
}

/* Slices of one long run of the highest level: the best, the least, and what failed. */
static RC run_slices(struct bench *b, struct desk *d)
{
	const char *wanted = getenv("BENCH_LOAD");
	long slices = wanted != NULL ? strtol(wanted, NULL, 10) : LOAD_SLICES;
	double best = 0, least = 0, last = 0;
	size_t errors = 0;
	struct crew_result r;

	d->mixed = getenv("BENCH_PLAIN") == NULL;
	for (long i = 0; i < slices; i++) {
		TRY(run_crew(d, &levels[sizeof(levels) / sizeof(levels[0]) - 1], &r));
		fprintf(stderr, "bench: load: slice %ld: %.0f pairs/s, p99 %.0f ms, %zu errors%s%s\n", i + 1,
		        r.rate, r.p99_ms, r.errors, r.errors > 0 ? ", the first: " : "",
		        r.errors > 0 ? r.why.text : "");
		best = r.rate > best ? r.rate : best;
		least = i == 0 || r.rate < least ? r.rate : least;
		last = r.rate;
		errors += r.errors;
	}
	TRY(rows_add(&b->rows, &(struct bench_row){.name = "load.best", .value = best, .unit = "pairs/s"}));
	TRY(rows_add(&b->rows, &(struct bench_row){.name = "load.least", .value = least, .unit = "pairs/s"}));
	TRY(rows_add(&b->rows, &(struct bench_row){.name = "load.last", .value = last, .unit = "pairs/s"}));
	return rows_add(&b->rows,
	                &(struct bench_row){.name = "load.errors", .value = (double)errors, .unit = "pairs"});
}

static RC at_the_desk(struct bench *b, struct rc (*run)(struct bench *b, struct desk *d))
{
	AUTO_CLERK(entry);
	AUTO_CLERK(review);
	AUTO(profile, profile, NULL);
	struct desk d = {.entry = &entry, .review = &review};
	struct platform *p;

	TRY(platform_get(b, &p));
	TRY(open_desk(p, &entry, &review, &profile, &d));
	return run(b, &d);
}

RC bench_issue(struct bench *b)
{
	return at_the_desk(b, run_levels);
}

/* Minutes long, so only when it is asked for. */
RC bench_load(struct bench *b)
{
	return b->options->count == 0 ? OK : at_the_desk(b, run_slices);
}
