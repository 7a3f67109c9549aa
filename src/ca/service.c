/* The role's table, its start and its end. */
#include "base/log.h"
#include "ca/ca.h"
#include "ca/erase.h"
#include "ca/revoke.h"
#include "ca/routes.h"
#include "evidence/jobs.h"
#include "http/metrics.h"

static int64_t crl_due(void *arg, int64_t last)
{
	struct ca *c = instance_state(arg);

	(void)last;
	return crl_maker_due(c->lists);
}

static struct rc crl_run(void *arg, int64_t due)
{
	struct ca *c = instance_state(arg);

	(void)due;
	return crl_maker_run(c->lists);
}

static int64_t hold_due(void *arg, int64_t last)
{
	(void)last;
	return ca_hold_due(instance_state(arg));
}

static struct rc hold_run(void *arg, int64_t due)
{
	(void)due;
	return ca_hold_run(instance_state(arg));
}

static const struct job jobs[] = {
        {.name = "crl", .due = crl_due, .run = crl_run},
        {.name = "hold", .due = hold_due, .run = hold_run},
        {.name = "erase", .period = DISPOSED_PERIOD, .run = ca_erase_run},
};

static RC check_lists(struct instance *in)
{
	struct ca *c = instance_state(in);

	return crl_maker_ready(c->lists);
}

static const struct ready_check checks[] = {{"crl", check_lists}};

static void ca_free(struct ca *c)
{
	if (c == NULL)
		return;
	ca_issuer_stop(c);
	crl_maker_stop(c->lists);
	flights_close(&c->flights);
	mem_free(c);
}
DROP(ca, ca_free);

/* Without a KMC only single certificates can be issued (G07). */
static RC open_kmc(struct ca *c)
{
	const struct instance_config *config = instance_config(c->in);

	if (config->kmc_url == NULL) {
		log_line(LOG_WARN, "kmc", "no KMC is configured: no pairs", NULL);
		return OK;
	}
	return instance_client(c->in, config->kmc_url, config->kmc_name, &c->kmc);
}

static RC start(struct instance *in)
{
	AUTO(ca, c, mem_new(1, sizeof(*c)));

	NEED(c != NULL, RC_NOMEM, "no memory");
	c->in = in;
	flights_open(&c->flights);
	TRY(open_kmc(c));
	if (instance_config(in)->vault_url != NULL)
		TRY(instance_client(in, instance_config(in)->vault_url, instance_config(in)->vault_name,
		                    &c->vault));
	TRY(crl_maker_start(in, KEY_CA, 0, &c->lists));
	TRY(ca_recover(c));
	TRY(ca_issuer_start(c));
	instance_set_state(in, MOVE(c));
	return OK;
}

static void stop(struct instance *in)
{
	ca_free(instance_state(in));
}

/* Waiting handlers leave before the listeners are closed. */
static void ending(struct instance *in)
{
	struct ca *c = instance_state(in);

	flight_end(&c->flights);
}

static void ca_metrics(struct instance *in, struct buf *out)
{
	struct ca *c = instance_state(in);

	metrics_family(out, METRIC_COUNTER, "ca_requests_total", "requests by outcome since the start");
	metrics_sample(out, "ca_requests_total", (double)atomic_load(&c->issued), "outcome", "issued", NULL);
	metrics_sample(out, "ca_requests_total", (double)atomic_load(&c->partial), "outcome", "partial",
	               NULL);
	metrics_sample(out, "ca_requests_total", (double)atomic_load(&c->refused), "outcome", "refused",
	               NULL);
	metrics_family(out, METRIC_COUNTER, "ca_revocations_total", "revocations since the start");
	metrics_sample(out, "ca_revocations_total", (double)atomic_load(&c->revoked), NULL);
	metrics_family(out, METRIC_GAUGE, "crl_seconds_left", "until the first list is out of date");
	metrics_sample(out, "crl_seconds_left", (double)crl_maker_left(c->lists), NULL);
	metrics_family(out, METRIC_GAUGE, "ca_in_flight", "requests on their way");
	metrics_sample(out, "ca_in_flight", (double)flight_count(&c->flights), NULL);
}

const struct role role_ca = {
        .name = "ca",
        .routes = ca_routes,
        .route_count = CA_ROUTES,
        .jobs = jobs,
        .job_count = sizeof(jobs) / sizeof(jobs[0]),
        .checks = checks,
        .check_count = sizeof(checks) / sizeof(checks[0]),
        .start = start,
        .ending = ending,
        .stop = stop,
        .log_entry = ca_log_entry,
        .metrics = ca_metrics,
};
