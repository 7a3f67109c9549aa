/* The source point in its first form: holds the national roots, serves their certificates and revocation
 * lists to everybody (design 2; the signed trust list finds its place here). */
#include "authority/crl_maker.h"
#include "authority/store.h"
#include "evidence/jobs.h"
#include "http/server.h"
#include "instance/instance.h"

#define CERTIFICATE_MEDIA "application/pkix-cert"
#define PERIOD_USUAL (30 * 86400) /* seconds a root's list is in force */
#define CERTIFICATE_AGE 86400

/* GET /ca/{id}.cer */
static RC ca_certificate(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(trust, t, instance_trust(in));
	struct slice name = request_param(q, "id");
	char id[AUTHORITY_ID_MAX + 1] = "", tag[65];
	const struct trust_authority *a;
	AUTO_BUF(hash, 65);
	uint8_t sm3[32];

	TRY(request_query_only(q, NULL));
	NEED(name.len <= AUTHORITY_ID_MAX, RC_NOTFOUND, "no such authority");
	memcpy(id, name.p, name.len);
	a = trust_authority(t, id);
	NEED(a != NULL && crl_maker_has(instance_state(in), id), RC_NOTFOUND, "no authority %s here", id);
	cert_sm3(&a->cert, sm3);
	buf_hex(&hash, SLICE_ARR(sm3));
	snprintf(tag, sizeof(tag), "%.32s", buf_cstr(&hash));
	response_cache(r, &(struct cache_rule){.max_age = CERTIFICATE_AGE, .etag = slice_text(tag)});
	return response_bytes(r, CERTIFICATE_MEDIA, a->cert.der);
}

/* GET /crl/{id}.crl */
static RC crl(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;

	TRY(request_query_only(q, NULL));
	return crl_maker_answer(instance_state(in), request_param(q, "id"), r);
}

static const struct route public_routes[] = {
        {GET, "/ca/{id}.cer", WHO_ANYONE, NULL, 0, 0, ca_certificate, NULL},
        {GET, "/crl/{id}.crl", WHO_ANYONE, NULL, 0, 0, crl, NULL},
};

/* GET /v1/authorities: what this source point holds. */
static RC authorities(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(trust, t, instance_trust(in));
	json_t *o = json_object(), *list = json_array();
	const char *id;

	for (size_t i = 0; (id = crl_maker_id(instance_state(in), i)) != NULL; i++) {
		const struct trust_authority *a = trust_authority(t, id);
		json_t *one = json_object();

		json_put_cstr(one, "id", id);
		if (a != NULL) {
			json_put_time(one, "not_before", a->cert.not_before);
			json_put_time(one, "not_after", a->cert.not_after);
			json_put_base64(one, "certificate", a->cert.der);
		}
		if (list != NULL)
			(void)json_array_append_new(list, one);
	}
	(void)q;
	json_put_take(o, "authorities", list);
	return response_json(r, o);
}

static const struct route routes[] = {
        {GET, "/v1/authorities", WHO_INSTANCE | OFFICER_ANY, NULL, 0, 0, authorities, NULL},
};

static int64_t crl_due(void *arg, int64_t last)
{
	(void)last;
	return crl_maker_due(instance_state(arg));
}

static struct rc crl_run(void *arg, int64_t due)
{
	(void)due;
	return crl_maker_run(instance_state(arg));
}

static const struct job jobs[] = {{.name = "crl", .due = crl_due, .run = crl_run}};

static RC check_lists(struct instance *in)
{
	return crl_maker_ready(instance_state(in));
}

static const struct ready_check checks[] = {{"crl", check_lists}};

static RC start(struct instance *in)
{
	int64_t period = instance_config(in)->crl_period_seconds;
	struct crl_maker *m = NULL;

	TRY(crl_maker_start(in, KEY_ROOT, period != 0 ? period : PERIOD_USUAL, &m));
	instance_set_state(in, m);
	return OK;
}

static void stop(struct instance *in)
{
	crl_maker_stop(instance_state(in));
}

const struct role role_source = {
        .name = "source",
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .public_routes = public_routes,
        .public_route_count = sizeof(public_routes) / sizeof(public_routes[0]),
        .jobs = jobs,
        .job_count = sizeof(jobs) / sizeof(jobs[0]),
        .checks = checks,
        .check_count = sizeof(checks) / sizeof(checks[0]),
        .start = start,
        .stop = stop,
};
