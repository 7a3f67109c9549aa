#include "kmc/judicial.h"

#include "db/writer.h"
#include "http/metrics.h"
#include "http/server.h"

#define GMT0014_MEDIA "application/octet-stream"

/* POST /gmt0014: one DER message each way (design 9.6). */
static RC gmt0014(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	struct buf answer = BUF(KMC_ANSWER_MAX);
	struct rc rc = kmc_serve(instance_state(in), q->peer->instance, q->body, &answer);

	if (rc_ok(rc))
		return response_take(r, GMT0014_MEDIA, &answer);
	buf_free(&answer);
	if (rc.code == RC_INPUT || rc.code == RC_DENIED)
		instance_alarm(in, "km-refused", slice_text(q->peer->instance), rc_last()->text);
	return instance_refused(in, rc, "km-task", slice_text(q->peer->instance), q->peer);
}

/* GET /v1/keys: how many keys lie where. */
static RC keys(void *ctx, const struct request *q, struct response *r)
{
	struct instance *in = ctx;
	AUTO(db_lease, lease, NULL);
	int64_t standby, in_use, history, tasks, recovered;
	json_t *o;

	TRY(request_query_only(q, NULL));
	TRY(db_pool_lease(instance_readers(in), &lease));
	TRY(kmc_store_counts(lease->db, &standby, &in_use, &history, &tasks));
	TRY(kmc_store_recovered_count(lease->db, &recovered));
	o = json_object();
	json_put_int(o, "standby", standby);
	json_put_int(o, "in_use", in_use);
	json_put_int(o, "history", history);
	json_put_int(o, "tasks", tasks);
	json_put_int(o, "recovered", recovered);
	return response_json(r, o);
}

/* ---- recovery cases ---- */
static RC decided(struct instance *in, struct rc rc, const struct request *q)
{
	return rc_ok(rc) ? rc : instance_refused(in, rc, "recovery", request_param(q, "id"), q->peer);
}

static RC case_take(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(decided(ctx, kmc_case_take(instance_state(ctx), q, &o), q));
	return response_json(r, o);
}

static RC case_decide(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(decided(ctx, kmc_case_decide(instance_state(ctx), q, &o), q));
	return response_json(r, o);
}

static RC case_show(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(request_query_only(q, NULL));
	TRY(kmc_case_show(instance_state(ctx), q, &o));
	return response_json(r, o);
}

static RC case_list(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(kmc_case_list(instance_state(ctx), q, &o));
	return response_json(r, o);
}

/* ---- judicial recovery ---- */
static RC judicial(void *ctx, const struct request *q, struct response *r,
                   struct rc (*call)(struct kmc *k, const struct request *q, json_t **ret))
{
	json_t *o = NULL;
	struct rc rc = call(instance_state(ctx), q, &o);

	if (!rc_ok(rc))
		return instance_refused(ctx, rc, "judicial-recovery", request_param(q, "id"), q->peer);
	return response_json(r, o);
}

static RC judicial_key(void *ctx, const struct request *q, struct response *r)
{
	return judicial(ctx, q, r, kmc_judicial_key);
}

static RC judicial_order(void *ctx, const struct request *q, struct response *r)
{
	return judicial(ctx, q, r, kmc_judicial_order);
}

static RC judicial_show(void *ctx, const struct request *q, struct response *r)
{
	return judicial(ctx, q, r, kmc_judicial_show);
}

static RC judicial_decide(void *ctx, const struct request *q, struct response *r)
{
	return judicial(ctx, q, r, kmc_judicial_decide);
}

static RC judicial_fetch(void *ctx, const struct request *q, struct response *r)
{
	return judicial(ctx, q, r, kmc_judicial_fetch);
}

#define WHO_WATCHES (OFFICER(RECOVERY) | OFFICER(KMC_OPERATOR) | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN))

static const struct route routes[] = {
        {GET, "/v1/judicial/keys", OFFICER(RECOVERY), NULL, 0, 0, judicial_key, NULL},
        {POST, "/v1/judicial", OFFICER(RECOVERY), STATEMENT_MEDIA, STATEMENT_MAX, HTTP_BLOCKS, judicial_order,
         NULL},
        {GET, "/v1/judicial/{id}", WHO_WATCHES, NULL, 0, 0, judicial_show, NULL},
        {POST, "/v1/judicial/{id}/decision", OFFICER(RECOVERY), STATEMENT_MEDIA, STATEMENT_MAX, HTTP_BLOCKS,
         judicial_decide, NULL},
        {GET, "/v1/judicial/{id}/envelopes", OFFICER(RECOVERY), NULL, 0, HTTP_BLOCKS, judicial_fetch, NULL},
        {POST, "/v1/recoveries", WHO_CA, "application/json", 1u << 20, HTTP_BLOCKS, case_take, NULL},
        {GET, "/v1/recoveries", WHO_WATCHES, NULL, 0, 0, case_list, NULL},
        {GET, "/v1/recoveries/{id}", WHO_WATCHES, NULL, 0, 0, case_show, NULL},
        {POST, "/v1/recoveries/{id}/decision", OFFICER(RECOVERY), STATEMENT_MEDIA, STATEMENT_MAX, HTTP_BLOCKS,
         case_decide, NULL},
        {POST, "/gmt0014", WHO_CA, GMT0014_MEDIA, KM_REQUEST_MAX, 0, gmt0014, NULL},
        {GET, "/v1/keys", OFFICER(KMC_OPERATOR) | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN), NULL, 0, 0, keys,
         NULL},
};

/* At least one batch has to lie ready (R06.13). */
static RC check_stock(struct instance *in)
{
	const struct instance_config *c = instance_config(in);
	int64_t least = c->standby_keep < KMC_FILL_BATCH ? c->standby_keep : KMC_FILL_BATCH, n;
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(in), &lease));
	TRY(kmc_store_standby_count(lease->db, &n));
	REQUIRE(n >= least, KM_STOCK, "%lld keys on standby, %lld wanted", (long long)n, (long long)least);
	return OK;
}

static const struct ready_check checks[] = {{"standby", check_stock}};

static void kmc_free(struct kmc *k)
{
	if (k == NULL)
		return;
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->wake);
	wipe(&k->mac, sizeof(k->mac));
	mem_free(k);
}
DROP(kmc, kmc_free);

/* Keys that lay ready in a backup may have been given out since (R12.5). */
static struct rc drop_standby(struct db_tx *tx, void *arg)
{
	const struct kmc *k = arg;
	int64_t restored = instance_restored(k->in);

	return restored != 0 ? kmc_store_standby_drop(tx->db, restored) : OK;
}

static RC start(struct instance *in)
{
	AUTO(kmc, k, mem_new(1, sizeof(*k)));
	AUTO(secret, key, NULL);
	pthread_condattr_t attr;

	NEED(k != NULL, RC_NOMEM, "no memory");
	k->in = in;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, &attr);
	pthread_condattr_destroy(&attr);
	TRY(instance_secret(in, "kmc-store", &key));
	memcpy(k->mac.key, key->p, sizeof(k->mac.key));
	TRY(writer_run(instance_writer(in), drop_standby, k));
	TRY(kmc_fill_start(k));
	instance_set_state(in, MOVE(k));
	return OK;
}

static void stop(struct instance *in)
{
	struct kmc *k = instance_state(in);

	kmc_fill_stop(k);
	kmc_free(k);
}

static void kmc_metrics(struct instance *in, struct buf *out)
{
	AUTO(db_lease, lease, NULL);
	int64_t standby, in_use, history, tasks, recovered;

	if (!rc_ok(db_pool_lease(instance_readers(in), &lease)) ||
	    !rc_ok(kmc_store_counts(lease->db, &standby, &in_use, &history, &tasks)) ||
	    !rc_ok(kmc_store_recovered_count(lease->db, &recovered)))
		return;
	metrics_family(out, METRIC_GAUGE, "kmc_standby_keys", "encryption key pairs on standby");
	metrics_sample(out, "kmc_standby_keys", (double)standby, NULL);
	metrics_family(out, METRIC_GAUGE, "kmc_keys", "encryption key pairs by store");
	metrics_sample(out, "kmc_keys", (double)in_use, "store", "in-use", NULL);
	metrics_sample(out, "kmc_keys", (double)history, "store", "history", NULL);
	metrics_family(out, METRIC_GAUGE, "kmc_recovered_keys",
	               "keys that were recovered, once for each case");
	metrics_sample(out, "kmc_recovered_keys", (double)recovered, NULL);
}

const struct role role_kmc = {
        .name = "kmc",
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .checks = checks,
        .check_count = sizeof(checks) / sizeof(checks[0]),
        .start = start,
        .stop = stop,
        .metrics = kmc_metrics,
};
