/* The role's doors, its start and its end. */
#include "base/clock.h"
#include "evidence/jobs.h"
#include "http/metrics.h"
#include "signer/client.h"
#include "vault/vault.h"

#include <stdio.h>
#include <sys/stat.h>

#define PATH_ROOM 1200
#define SCRUB_PERIOD 60
#define CLOCK_PERIOD 60
#define FEED_LATE_MS 600000

/* ---- doors ---- */

/* A decision that was refused is itself logged (design 5). */
static RC answered(struct vault *v, struct rc rc, const char *what, const struct request *q,
                   struct response *r, json_t *o)
{
	if (rc_ok(rc))
		return response_json(r, o);
	json_decref(o);
	return instance_refused(v->in, rc, what, slice_text(q->peer->person), q->peer);
}

#define DOOR(name, call)                                                                                     \
	static RC name(void *ctx, const struct request *q, struct response *r)                               \
	{                                                                                                    \
		struct vault *v = instance_state(ctx);                                                       \
		json_t *o = NULL;                                                                            \
                                                                                                             \
		TRY(call(v, q, &o));                                                                         \
		return response_json(r, o);                                                                  \
	}
DOOR(records_take, vault_take_records)
DOOR(evidence_missing, vault_missing_evidence)
DOOR(evidence_take, vault_take_evidence)
DOOR(records_list, vault_list)
DOOR(records_exceptions, vault_exceptions)
DOOR(disposal_show, vault_disposal_show)
DOOR(disposed, vault_disposed)
#undef DOOR

#define DECISION(name, call, what)                                                                           \
	static RC name(void *ctx, const struct request *q, struct response *r)                               \
	{                                                                                                    \
		struct vault *v = instance_state(ctx);                                                       \
		json_t *o = NULL;                                                                            \
		struct rc rc = call(v, q, &o);                                                               \
                                                                                                             \
		return answered(v, rc, what, q, r, o);                                                       \
	}
DECISION(record_show, vault_show, "record-read")
DECISION(hold, vault_hold, "hold")
DECISION(disposal, vault_dispose, "disposal")
DECISION(disposal_decision, vault_decide, "disposal-decision")
DECISION(attestation, vault_attest, "time-attestation")
#undef DECISION

static RC places(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(request_query_only(q, NULL));
	TRY(vault_places(instance_state(ctx), &o));
	return response_json(r, o);
}

static RC scrub(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(request_query_only(q, NULL));
	TRY(vault_scrub_now(instance_state(ctx), &o));
	return response_json(r, o);
}

#define STATEMENTS STATEMENT_MEDIA, STATEMENT_MAX
#define WHO_READS                                                                                            \
	(OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN) | OFFICER(INSTITUTION) | OFFICER(EVALUATOR) |               \
	 OFFICER(REGULATOR))
#define WHO_RUNS (OFFICER(SUPER_ADMIN) | OFFICER(SECURITY_ADMIN) | OFFICER(AUDIT_ADMIN))

const struct route vault_routes[VAULT_ROUTES] = {
        {POST, "/v1/records", WHO_CA, BUNDLE_MEDIA, BUNDLE_MAX, HTTP_BLOCKS, records_take, NULL},
        {POST, "/v1/originals/missing", WHO_OWN_RA, "application/json", 1u << 20, 0, evidence_missing, NULL},
        {POST, "/v1/originals", WHO_OWN_RA, BUNDLE_MEDIA, BUNDLE_MAX, HTTP_BLOCKS, evidence_take, NULL},
        {GET, "/v1/records", WHO_READS, NULL, 0, HTTP_BLOCKS, records_list, NULL},
        {GET, "/v1/records/exceptions", WHO_READS | WHO_RUNS, NULL, 0, HTTP_BLOCKS, records_exceptions, NULL},
        {GET, "/v1/records/{key}", WHO_READS, NULL, 0, HTTP_BLOCKS, record_show, NULL},
        {POST, "/v1/holds", OFFICER(INSTITUTION), STATEMENTS, 0, hold, NULL},
        {POST, "/v1/disposals", OFFICER(INSTITUTION), STATEMENTS, HTTP_BLOCKS, disposal, NULL},
        {POST, "/v1/disposals/decisions", OFFICER(INSTITUTION), STATEMENTS, HTTP_BLOCKS, disposal_decision,
         NULL},
        {GET, "/v1/disposals/{hash}", WHO_READS, NULL, 0, 0, disposal_show, NULL},
        {GET, "/v1/disposed", WHO_OWN_RA | WHO_CA, NULL, 0, HTTP_BLOCKS, disposed, NULL},
        {POST, "/v1/time-attestations", OFFICER(INSTITUTION) | OFFICER(SECURITY_ADMIN), STATEMENTS, 0,
         attestation, NULL},
        {GET, "/v1/places", WHO_READS | WHO_RUNS, NULL, 0, 0, places, NULL},
        {POST, "/v1/scrub", WHO_RUNS, NULL, 0, HTTP_BLOCKS, scrub, NULL},
};

/* ---- keys of items ---- */

static RC wrap(void *arg, const uint8_t (*keys)[16], size_t n, uint8_t (*wrapped)[MEDIA_WRAPPED])
{
	for (size_t i = 0; i < n; i += SIGNER_BATCH)
		TRY(signer_wrap(arg, keys + i, n - i < SIGNER_BATCH ? n - i : SIGNER_BATCH, wrapped + i));
	return OK;
}

static RC unwrap(void *arg, const uint8_t (*wrapped)[MEDIA_WRAPPED], size_t n, uint8_t (*keys)[16])
{
	for (size_t i = 0; i < n; i += SIGNER_BATCH)
		TRY(signer_unwrap(arg, wrapped + i, n - i < SIGNER_BATCH ? n - i : SIGNER_BATCH, keys + i));
	return OK;
}
_Static_assert(MEDIA_WRAPPED == SIGNER_WRAPPED, "one form of a wrapped key");

/* ---- start and end ---- */

static void vault_free(struct vault *v)
{
	if (v == NULL)
		return;
	media_close(v->media);
	pthread_mutex_destroy(&v->clock);
	pthread_mutex_destroy(&v->disposing);
	mem_free(v);
}
DROP(vault, vault_free);

static RC add_feed(struct vault *v, const char *url, const char *name)
{
	struct feed *f = &v->feed[v->feeds];

	if (url == NULL)
		return OK;
	f->v = v;
	f->name = name;
	TRY(instance_client(v->in, url, name, &f->client));
	v->feeds++;
	return OK;
}

static RC open_places(struct vault *v)
{
	const struct instance_config *c = instance_config(v->in);
	const char *given[MEDIA_PLACES] = {c->place_first, c->place_second}, *path[MEDIA_PLACES];
	static const char *const usual[MEDIA_PLACES] = {"first", "second"};
	char room[MEDIA_PLACES][PATH_ROOM];
	const struct media_keys keys = {wrap, unwrap, instance_signer(v->in)};

	for (size_t i = 0; i < MEDIA_PLACES; i++) {
		int n = snprintf(room[i], sizeof(room[i]), "%s/%s", instance_dir(v->in), usual[i]);

		NEED(n > 0 && (size_t)n < sizeof(room[i]), RC_INPUT, "the data folder's name is too long");
		path[i] = given[i] != NULL ? given[i] : room[i];
	}
	return media_open(path, &keys, &v->media);
}

/* The places were copied at another moment than the database. */
static RC after_restoration(struct vault *v)
{
	size_t added;

	TRY(vault_destroy_again(v));
	return vault_index(v, 0, &added);
}

static RC start(struct instance *in)
{
	const struct instance_config *c = instance_config(in);
	AUTO(vault, v, mem_new(1, sizeof(*v)));
	struct rc rc;

	NEED(v != NULL, RC_NOMEM, "no memory");
	v->in = in;
	pthread_mutex_init(&v->clock, NULL);
	pthread_mutex_init(&v->disposing, NULL);
	TRY(open_places(v));
	TRY(add_feed(v, c->ca_url, c->ca_name));
	TRY(add_feed(v, c->ra_url, c->ra_name));
	/* a doubted clock is told by its alarm; everything but disposal goes on */
	rc = vault_clock(v);
	if (!rc_ok(rc) && rc_last()->err != ERR_CLOCK_DOUBTED)
		return rc;
	instance_set_state(in, v);
	rc = instance_restored(in) != 0 ? after_restoration(v) : OK;
	if (rc_ok(rc))
		rc = vault_dispose_resume(v);
	if (rc_ok(rc))
		rc = vault_tail_start(v);
	if (!rc_ok(rc)) {
		vault_tail_stop(v);
		instance_set_state(in, NULL);
		return rc;
	}
	(void)MOVE(v);
	return OK;
}

static void stop(struct instance *in)
{
	struct vault *v = instance_state(in);

	if (v == NULL)
		return;
	vault_tail_stop(v);
	instance_set_state(in, NULL);
	vault_free(v);
}

static RC check_places(struct instance *in)
{
	struct vault *v = instance_state(in);
	struct media_state s;

	media_state(v->media, &s);
	for (size_t i = 0; i < MEDIA_PLACES; i++)
		NEED(s.place[i].works, RC_BUSY, "place %zu does not work", i + 1);
	return OK;
}

static RC check_feeds(struct instance *in)
{
	struct vault *v = instance_state(in);

	for (size_t i = 0; i < v->feeds; i++)
		NEED(!atomic_load(&v->feed[i].broken), RC_CRYPTO, "the log of %s has a gap or a wrong leaf",
		     v->feed[i].name);
	return OK;
}

static const struct ready_check checks[] = {{"places", check_places}, {"feed", check_feeds}};

static const struct job jobs[] = {
        {.name = "clock", .period = CLOCK_PERIOD, .run = vault_clock_run},
        {.name = "scrub", .period = SCRUB_PERIOD, .run = vault_scrub_run},
};

RC vault_places(struct vault *v, json_t **ret)
{
	AUTO_JSON(o, json_object());
	json_t *list = json_array();
	struct media_state s;

	json_put_take(o, "places", list);
	media_state(v->media, &s);
	for (size_t i = 0; i < MEDIA_PLACES; i++) {
		json_t *one = json_object();

		json_put_cstr(one, "path", s.place[i].path);
		json_put_bool(one, "works", s.place[i].works);
		json_put_int(one, "bytes", (int64_t)s.place[i].bytes);
		json_put_int(one, "free", (int64_t)s.place[i].free);
		NEED(json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
	json_put_int(o, "repaired", (int64_t)atomic_load(&v->repaired));
	json_put_int(o, "lost", (int64_t)atomic_load(&v->lost));
	TRY(json_put_result());
	*ret = MOVE(o);
	return OK;
}

static void vault_metrics(struct instance *in, struct buf *out)
{
	struct vault *v = instance_state(in);
	struct media_state s;

	if (v == NULL)
		return;
	media_state(v->media, &s);
	metrics_family(out, METRIC_COUNTER, "vault_records_total", "records kept since the start");
	metrics_sample(out, "vault_records_total", (double)atomic_load(&v->records), NULL);
	metrics_family(out, METRIC_GAUGE, "vault_bytes", "bytes on each place");
	for (size_t i = 0; i < MEDIA_PLACES; i++)
		metrics_sample(out, "vault_bytes", (double)s.place[i].bytes, "place",
		               i == 0 ? "first" : "second", NULL);
	metrics_family(out, METRIC_COUNTER, "vault_repaired_total", "frames repaired since the start");
	metrics_sample(out, "vault_repaired_total", (double)atomic_load(&v->repaired), NULL);
	metrics_family(out, METRIC_COUNTER, "vault_lost_total", "frames lost on both places since the start");
	metrics_sample(out, "vault_lost_total", (double)atomic_load(&v->lost), NULL);
}

const struct role role_vault = {
        .name = "vault",
        .routes = vault_routes,
        .route_count = VAULT_ROUTES,
        .jobs = jobs,
        .job_count = sizeof(jobs) / sizeof(jobs[0]),
        .checks = checks,
        .check_count = sizeof(checks) / sizeof(checks[0]),
        .start = start,
        .stop = stop,
        .metrics = vault_metrics,
};
