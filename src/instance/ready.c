/* /readyz and /metrics of every role. */
#include "base/clock.h"
#include "base/rand.h"
#include "evidence/alarm.h"
#include "instance/frame.h"

#define JOB_LATE_MAX 600 /* seconds a job may be late */

static RC check_started(struct instance *in)
{
	REQUIRE(atomic_load(&in->started), NOT_READY, "starting");
	return OK;
}

static RC check_database(struct instance *in)
{
	AUTO(db_lease, lease, NULL);
	int64_t open;

	TRY(db_pool_lease(in->readers, &lease));
	return alarm_count(lease->db, &open);
}

static RC check_signer(struct instance *in)
{
	struct signer_info *info = mem_new(1, sizeof(*info));
	struct rc rc;

	NEED(info != NULL, RC_NOMEM, "no memory");
	rc = signer_info(in->signer, info);
	if (rc_ok(rc) && !info->unlocked)
		rc = rc_refuse(ERR_SIGNER_LOCKED, "unlock it with yuandian unlock");
	mem_free(info);
	return rc;
}

static RC check_jobs(struct instance *in)
{
	int64_t late = in->jobs != NULL ? jobs_lateness(in->jobs) : 0;

	REQUIRE(late <= JOB_LATE_MAX, NOT_READY, "a job is %lld seconds late", (long long)late);
	return OK;
}

static RC check_random(struct instance *in)
{
	if (!rand_healthy())
		instance_alarm(in, "random-unhealthy", slice_text(in->name),
		               "the random source failed its test: no key is made and nothing is signed");
	REQUIRE(rand_healthy(), RANDOM_UNHEALTHY, "the health test failed");
	return OK;
}

static const struct ready_check common[] = {
        {"database", check_database}, {"signer", check_signer}, {"random", check_random},
        {"started", check_started},   {"jobs", check_jobs},     {"storage", frame_storage_check},
};
#define COMMON (sizeof(common) / sizeof(common[0]))

struct rc frame_ready(void *ctx, size_t i, const char **name)
{
	struct instance *in = ctx;
	size_t own = i - COMMON;

	if (i < COMMON) {
		*name = common[i].name;
		return common[i].check(in);
	}
	*name = NULL;
	if (own >= in->role->check_count)
		return OK;
	*name = in->role->checks[own].name;
	REQUIRE(atomic_load(&in->started), NOT_READY, "starting");
	return in->role->checks[own].check(in);
}

void frame_metrics(void *ctx, struct buf *out)
{
	struct instance *in = ctx;

	metrics_family(out, METRIC_GAUGE, "log_entries", "entries of the append-only log");
	metrics_sample(out, "log_entries", (double)log_size(in->log), NULL);
	metrics_family(out, METRIC_GAUGE, "notes_lost", "refusals and alarms that were not written");
	metrics_sample(out, "notes_lost", (double)atomic_load(&in->notes_lost), NULL);
	metrics_family(out, METRIC_GAUGE, "storage_failing", "1 while nothing can be written");
	metrics_sample(out, "storage_failing", atomic_load(&in->storage.err) != ERR_GENERIC_OK ? 1.0 : 0.0,
	               NULL);
	metrics_family(out, METRIC_GAUGE, "tls_not_after_timestamp_seconds", "end of the TLS certificate");
	metrics_sample(out, "tls_not_after_timestamp_seconds", (double)tls_server_not_after(in->tls), NULL);
	metrics_family(out, METRIC_GAUGE, "jobs_late_seconds", "lateness of the most overdue job");
	metrics_sample(out, "jobs_late_seconds", in->jobs != NULL ? (double)jobs_lateness(in->jobs) : 0.0,
	               NULL);
	if (in->role->metrics != NULL && atomic_load(&in->started))
		in->role->metrics(in, out);
}
