/* The source point's public side: certificates and revocation lists of the roots whose keys lie here (R06.6).
 * Trust list and catalogue find their place beside them. */
#include "authority/crl_maker.h"
#include "evidence/jobs.h"
#include "http/server.h"

#define LIST_SECONDS (30 * 86400) /* validity of a root's list unless the configuration says otherwise */
#define AUTHORITY_AGE 3600        /* seconds a certificate of an authority may be cached */

static RC get_list(void *ctx, const struct request *q, struct response *r)
{
	return crl_maker_answer(instance_state(ctx), request_param(q, "ca"), r);
}

static RC get_authority(void *ctx, const struct request *q, struct response *r)
{
	AUTO(trust, t, instance_trust(ctx));
	struct slice id = request_param(q, "ca");
	const struct trust_authority *a;
	char name[TRUST_ID_MAX + 1] = "";

	NEED(id.len <= TRUST_ID_MAX, RC_NOTFOUND, "no such authority");
	memcpy(name, id.p, id.len);
	a = trust_authority(t, name);
	NEED(a != NULL, RC_NOTFOUND, "no authority %s", name);
	response_cache(r, &(struct cache_rule){.max_age = AUTHORITY_AGE});
	return response_bytes(r, "application/pkix-cert", a->cert.der);
}

static const struct route public_routes[] = {
        {GET, "/crl/{ca}.crl", WHO_ANYONE, NULL, 0, 0, get_list, NULL},
        {GET, "/ca/{ca}.cer", WHO_ANYONE, NULL, 0, 0, get_authority, NULL},
};

static int64_t lists_due(void *arg, int64_t last)
{
	(void)last;
	return crl_maker_due(instance_state(arg));
}

static struct rc lists_run(void *arg, int64_t due)
{
	(void)due;
	return crl_maker_run(instance_state(arg));
}

static const struct job jobs[] = {{.name = "crl", .due = lists_due, .run = lists_run}};

static RC check_lists(struct instance *in)
{
	return crl_maker_ready(instance_state(in));
}

static const struct ready_check checks[] = {{"crl", check_lists}};

static RC start(struct instance *in)
{
	unsigned seconds = instance_config(in)->crl_period_seconds;
	struct crl_maker *m;

	TRY(crl_maker_start(in, KEY_ROOT, seconds != 0 ? seconds : LIST_SECONDS, &m));
	instance_set_state(in, m);
	return OK;
}

static void stop(struct instance *in)
{
	crl_maker_stop(instance_state(in));
}

const struct role role_source = {
        .name = "source",
        .public_routes = public_routes,
        .public_route_count = sizeof(public_routes) / sizeof(public_routes[0]),
        .jobs = jobs,
        .job_count = sizeof(jobs) / sizeof(jobs[0]),
        .checks = checks,
        .check_count = sizeof(checks) / sizeof(checks[0]),
        .start = start,
        .stop = stop,
};
