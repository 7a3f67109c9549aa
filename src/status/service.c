/* The role's table: public routes, readiness, start and stop. */
#include "status/status.h"
#include "status/query.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "evidence/jobs.h"
#include "http/metrics.h"

#include <stdio.h>

#define RESPONDER_WARNING (30 * TIME_DAY)

struct issuer *status_issuer(struct status *s, const char *id)
{
	for (size_t i = 0; i < s->issuers; i++)
		if (strcmp(s->issuer[i].id, id) == 0)
			return &s->issuer[i];
	return NULL;
}

static RC path_id(const struct request *q, char ret[TRUST_ID_MAX + 1])
{
	struct slice id = request_param(q, "ca");

	NEED(id.len > 0 && id.len <= TRUST_ID_MAX, RC_NOTFOUND, "no such authority");
	memcpy(ret, id.p, id.len);
	ret[id.len] = '\0';
	return OK;
}

/* "sm2-delta" → "sm2" */
static bool cut_delta(char *id)
{
	size_t n = strlen(id), suffix = strlen(LIST_DELTA_SUFFIX);

	if (n <= suffix || strcmp(id + n - suffix, LIST_DELTA_SUFFIX) != 0)
		return false;
	id[n - suffix] = '\0';
	return true;
}

/* GET /crl/{ca}.crl, and {ca}-delta.crl */
static RC get_list(void *ctx, const struct request *q, struct response *r)
{
	struct status *s = instance_state(ctx);
	char id[TRUST_ID_MAX + 1], tag[24];
	enum list_kind kind = LIST_FULL;
	struct issuer *i;
	struct list *l;

	TRY(path_id(q, id));
	i = status_issuer(s, id);
	if (i == NULL && cut_delta(id)) {
		kind = LIST_DELTA;
		i = status_issuer(s, id);
	}
	NEED(i != NULL, RC_NOTFOUND, "no authority %s is served here", id);
	l = list_hold(s, i, kind);
	NEED(l != NULL, RC_NOTFOUND, "%s has not published a revocation list yet", id);
	int n = snprintf(tag, sizeof(tag), "%llu", (unsigned long long)l->number);
	response_cache(r, &(struct cache_rule){.etag = slice_of(tag, (size_t)n), .modified = l->this_update});
	return response_shared(r, "application/pkix-crl", buf_slice(&l->der), l, list_drop);
}

/* GET /ca/{ca}.cer */
static RC get_authority(void *ctx, const struct request *q, struct response *r)
{
	struct status *s = instance_state(ctx);
	const struct trust_authority *a;
	char id[TRUST_ID_MAX + 1];

	TRY(path_id(q, id));
	a = trust_authority(s->trust, id);
	NEED(a != NULL, RC_NOTFOUND, "no authority %s", id);
	response_cache(r, &(struct cache_rule){.max_age = 3600});
	return response_bytes(r, "application/pkix-cert", a->cert.der);
}

/* GET /v1/certificates/{ca}/{serial}: status and hash; the certificate itself is not public (R21.8). */
static RC get_certificate(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(db_lease, lease, NULL);
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	struct status_row row;
	char text[CERT_SERIAL_TEXT];
	uint8_t sm3[32];
	json_t *o;

	TRY(cert_serial_from_text(request_param(q, "serial"), &serial));
	TRY(db_pool_lease(instance_readers(in), &lease));
	TRY(status_store_find(lease->db, request_param(q, "ca"), buf_slice(&serial), &row, sm3));
	cert_serial_text(row.serial, text);
	o = json_object();
	json_put_text(o, "ca", row.ca);
	json_put_cstr(o, "serial", text);
	json_put_cstr(o, "status",
	              row.revoked && row.reason == REASON_HOLD ? "on-hold"
	              : row.revoked                            ? "revoked"
	              : row.not_after < clock_now()            ? "expired"
	                                                       : "good");
	json_put_time(o, "not_before", row.not_before);
	json_put_time(o, "not_after", row.not_after);
	json_put_hex(o, "sm3", SLICE_ARR(sm3));
	if (row.revoked) {
		json_put_time(o, "revoked_at", row.revoked_at);
		json_put_cstr(o, "reason", crl_reason_name((enum crl_reason)row.reason));
	}
	return response_json(r, o);
}

static const struct route public_routes[] = {
        {POST, "/ocsp", WHO_ANYONE, "application/ocsp-request", OCSP_REQUEST_MAX, HTTP_BATCH | HTTP_INLINE,
         NULL, ocsp_post},
        {GET, "/ocsp/{request*}", WHO_ANYONE, NULL, 0, HTTP_BATCH | HTTP_INLINE, NULL, ocsp_get},
        {GET, "/crl/{ca}.crl", WHO_ANYONE, NULL, 0, 0, get_list, NULL},
        {GET, "/ca/{ca}.cer", WHO_ANYONE, NULL, 0, 0, get_authority, NULL},
        {GET, "/v1/certificates/{ca}/{serial}", WHO_ANYONE, NULL, 0, 0, get_certificate, NULL},
};

int64_t status_age(struct status *s)
{
	uint64_t heard = atomic_load(&s->heard), now = clock_mono_ms();

	if (heard == 0)
		return INT64_MAX;
	return now > heard ? (int64_t)((now - heard) / 1000) : 0;
}

static RC check_feed(struct instance *in)
{
	struct status *s = instance_state(in);

	NEED(!atomic_load(&s->broken), RC_CRYPTO, "the CA's log has a gap or a wrong leaf");
	NEED(status_known(s) != 0, RC_BUSY, "the CA's log has not been read for too long");
	NEED(clock_now() < head_relied(s), RC_BUSY, "no head of the CA's log may be relied on now");
	return OK;
}

static RC check_lists(struct instance *in)
{
	struct status *s = instance_state(in);

	for (size_t i = 0; i < s->issuers; i++) {
		struct list *l = list_hold(s, &s->issuer[i], LIST_FULL);
		bool fresh = l != NULL && l->next_update > clock_now();
		list_drop(l);
		NEED(fresh, RC_BUSY, "no fresh revocation list of %s", s->issuer[i].id);
	}
	return OK;
}

static const struct ready_check checks[] = {{"feed", check_feed}, {"crl", check_lists}};

static const struct job jobs[] = {{.name = "responder", .period = TIME_DAY, .run = responder_run}};

/* An authority whose responder's key is here. */
static RC load_issuer(struct status *s, const struct trust_authority *a)
{
	struct issuer *i = &s->issuer[s->issuers];
	int n = snprintf(i->key, sizeof(i->key), "ocsp-%s", a->id);
	struct rc rc;

	NEED(n > 0 && (size_t)n < sizeof(i->key), RC_INPUT, "authority id is too long");
	rc = responder_load(s, i, a);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	NEED(s->issuers < STATUS_ISSUERS - 1, RC_INPUT, "more than %d responders", STATUS_ISSUERS - 1);
	TRY(ocsp_issuer_init(&i->hashes, a->cert.subject, &a->cert.key));
	memcpy(i->id, a->id, sizeof(i->id));
	s->issuers++;
	return OK;
}

static void status_free(struct status *s)
{
	if (s == NULL)
		return;
	directory_stop(s->directory);
	for (size_t i = 0; i < STATUS_ISSUERS; i++) {
		for (size_t k = 0; k < LIST_KINDS; k++)
			list_drop(s->issuer[i].list[k]);
		responder_free(s->issuer[i].responder);
	}
	/* s->ca belongs to the frame */
	copy_stop(s);
	table_wipe(&s->table);
	cache_free(s->cache);
	trust_drop(s->trust);
	pthread_mutex_destroy(&s->lists);
	mem_free(s);
}
DROP(status, status_free);

static RC start(struct instance *in)
{
	const struct instance_config *c = instance_config(in);
	AUTO(status, s, mem_new(1, sizeof(*s)));
	const struct trust_authority *a;

	NEED(s != NULL, RC_NOMEM, "no memory");
	s->in = in;
	pthread_mutex_init(&s->lists, NULL);
	s->trust = instance_trust(in);
	TRY(table_init(&s->table));
	for (size_t i = 0; (a = trust_authority_at(s->trust, i)) != NULL; i++)
		TRY(load_issuer(s, a));
	NEED(s->issuers > 0, RC_INPUT, "no responder certificate in trust/responders");
	REQUIRE(c->ca_url != NULL && c->ca_name != NULL, CONFIG, "ca_url and ca_name are missing");
	TRY(ocsp_start(s));
	TRY(list_load(s));
	TRY(instance_client(in, c->ca_url, c->ca_name, &s->ca));
	TRY(directory_start(in, s->ca, &s->next, &s->directory));
	TRY(tail_start(s));
	instance_set_state(in, MOVE(s));
	return OK;
}

static void stop(struct instance *in)
{
	struct status *s = instance_state(in);

	tail_stop(s);
	status_free(s);
}

static void status_metrics(struct instance *in, struct buf *out)
{
	static const char *const names[ANSWER_KINDS] = {"good", "revoked", "unknown", "error"};
	struct status *s = instance_state(in);

	metrics_family(out, METRIC_GAUGE, "status_certificates", "certificates known from the CA's log");
	metrics_sample(out, "status_certificates", (double)table_count(&s->table), NULL);
	metrics_family(out, METRIC_GAUGE, "crl_seconds_left", "until the first list is out of date");
	metrics_sample(out, "crl_seconds_left", (double)list_left(s), NULL);
	metrics_family(out, METRIC_COUNTER, "ocsp_responses_total", "OCSP answers by status");
	for (size_t i = 0; i < ANSWER_KINDS; i++)
		metrics_sample(out, "ocsp_responses_total", (double)atomic_load(&s->answers[i]), "status",
		               names[i], NULL);
}

const struct role role_status = {
        .name = "status",
        .routes = status_routes,
        .route_count = STATUS_ROUTES,
        .public_routes = public_routes,
        .public_route_count = sizeof(public_routes) / sizeof(public_routes[0]),
        .jobs = jobs,
        .job_count = sizeof(jobs) / sizeof(jobs[0]),
        .checks = checks,
        .check_count = sizeof(checks) / sizeof(checks[0]),
        .start = start,
        .stop = stop,
        .metrics = status_metrics,
};
