/* The role's table, its start and its end. */
#include "base/time.h"
#include "evidence/jobs.h"
#include "http/metrics.h"
#include "ra/erase.h"
#include "ra/lapse.h"
#include "ra/loss.h"
#include "ra/notice.h"
#include "ra/ra.h"
#include "ra/registry.h"
#include "ra/source.h"

static void ra_free(struct ra *ra)
{
	if (ra == NULL)
		return;
	secret_free(ra->registry);
	http_client_free(ra->source);
	(void)pthread_cond_destroy(&ra->wake);
	(void)pthread_mutex_destroy(&ra->lock);
	mem_free(ra);
}
DROP(ra, ra_free);

static RC sync_init(struct ra *ra)
{
	pthread_condattr_t a;

	NEED(pthread_condattr_init(&a) == 0, RC_NOMEM, "ra: no memory");
	(void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&ra->wake, &a);
	(void)pthread_condattr_destroy(&a);
	NEED(pthread_mutex_init(&ra->lock, NULL) == 0, RC_NOMEM, "ra: no memory");
	return OK;
}

static RC start(struct instance *in)
{
	const struct instance_config *c = instance_config(in);
	AUTO(ra, ra, mem_new(1, sizeof(*ra)));
	AUTO(db_lease, lease, NULL);
	int64_t queued;

	NEED(ra != NULL, RC_NOMEM, "no memory");
	ra->in = in;
	ra->work = true;
	TRY(sync_init(ra));
	TRY(instance_secret(in, "ra-registry", &ra->registry));
	if (c->ca_url != NULL)
		TRY(instance_client(in, c->ca_url, c->ca_name, &ra->ca));
	if (c->vault_url != NULL)
		TRY(instance_client(in, c->vault_url, c->vault_name, &ra->vault));
	if (c->source_url != NULL)
		TRY(source_open(ra));
	TRY(db_pool_lease(instance_readers(in), &lease));
	TRY(ra_store_revocations_queued(lease->db, &queued));
	atomic_store(&ra->revocations_queued, (unsigned long)queued);
	instance_set_state(in, ra);
	TRY(ra_registry_catch_up(ra));
	return ra_forward_start(MOVE(ra));
}

static void ending(struct instance *in)
{
	struct ra *ra = instance_state(in);

	if (ra != NULL)
		ra_forward_end(ra);
}

static void stop(struct instance *in)
{
	struct ra *ra = instance_state(in);

	if (ra == NULL)
		return;
	ra_forward_stop(ra);
	instance_set_state(in, NULL);
	ra_free(ra);
}

static void metrics(struct instance *in, struct buf *out)
{
	struct ra *ra = instance_state(in);

	if (ra == NULL)
		return;
	metrics_family(out, METRIC_COUNTER, "applications_total",
	               "Steps that applications took since the start.");
	for (int e = APPLICATION_ENTER; e < APPLICATION_EVENTS; e++)
		metrics_sample(out, "applications_total", (double)atomic_load(&ra->counts[e]), "event",
		               application_event_name((enum application_event)e), NULL);
	metrics_family(out, METRIC_COUNTER, "forward_failures_total", "Rounds to the CA that failed.");
	metrics_sample(out, "forward_failures_total", (double)atomic_load(&ra->forward_failures), NULL);
	metrics_family(out, METRIC_COUNTER, "revocations_total", "Revocations taken since the start.");
	metrics_sample(out, "revocations_total", (double)atomic_load(&ra->revocations), NULL);
	metrics_family(out, METRIC_GAUGE, "revocations_queued",
	               "Revocations that the CA has not been told of yet.");
	metrics_sample(out, "revocations_queued", (double)atomic_load(&ra->revocations_queued), NULL);
}

#define EXPIRY_PERIOD 3600

static const struct job jobs[] = {
        {.name = "acceptance", .due = ra_lapse_due, .run = ra_lapse_run},
        {.name = "held", .due = ra_held_due, .run = ra_held_run},
        {.name = "expiry", .period = EXPIRY_PERIOD, .run = ra_expiry_run},
        {.name = "loss", .period = EXPIRY_PERIOD, .run = ra_loss_watch},
        {.name = "notice-mail", .due = ra_mail_due, .run = ra_mail_run},
        {.name = "erase", .period = DISPOSED_PERIOD, .run = ra_erase_run},
        {.name = "refused", .period = REFUSED_PERIOD, .apply = ra_refused_apply},
};

const struct role role_ra = {
        .name = "ra",
        .routes = ra_routes,
        .route_count = RA_ROUTES,
        .jobs = jobs,
        .job_count = sizeof(jobs) / sizeof(jobs[0]),
        .start = start,
        .ending = ending,
        .stop = stop,
        .log_entry = ra_log_entry,
        .metrics = metrics,
};
