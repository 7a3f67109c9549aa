/* Keeps the standby store above its threshold (R06.13). */
#include "base/clock.h"
#include "base/log.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "kmc/kmc.h"
#include "signer/client.h"

#define FILL_LOOK_MS 2000  /* looks at the stock even when nobody wakes it */
#define FILL_RETRY_MS 1000 /* after a failure */

struct fill {
	struct kmc *k;
	struct key_stored keys[KMC_FILL_BATCH];
	size_t n;
};

/* The pairs come into being outside the transaction; what is not stored is simply lost. */
static struct rc fill_store(struct db_tx *tx, void *arg)
{
	struct fill *f = arg;
	int64_t now = clock_now();

	_Static_assert(KEY_STORED <= KMC_WRAPPED_MAX, "a wrapped key fits its column");
	for (size_t i = 0; i < f->n; i++) {
		struct kmc_key key = {.wrapped_len = KEY_STORED};

		memcpy(key.pub, f->keys[i].pub.xy, KMC_PUB);
		memcpy(key.wrapped, f->keys[i].blob, KEY_STORED);
		TRY(kmc_store_standby_add(tx->db, &f->k->mac, &key, now));
	}
	return alarm_clear(instance_log(f->k->in), tx, "km-stock", instance_name(f->k->in));
}

static RC stock(struct kmc *k, int64_t *ret)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(k->in), &lease));
	return kmc_store_standby_count(lease->db, ret);
}

static RC fill_batch(struct kmc *k, int64_t missing)
{
	AUTO_MEM(struct fill, f, mem_new(1, sizeof(*f)));

	NEED(f != NULL, RC_NOMEM, "no memory");
	f->k = k;
	f->n = missing < KMC_FILL_BATCH ? (size_t)missing : KMC_FILL_BATCH;
	TRY(signer_km_generate(instance_signer(k->in), SLICE_LIT(KMC_KEY), f->keys, f->n));
	return writer_run(instance_writer(k->in), fill_store, f);
}

static bool fill_ending(struct kmc *k)
{
	bool ending;

	pthread_mutex_lock(&k->lock);
	ending = k->ending;
	pthread_mutex_unlock(&k->lock);
	return ending;
}

/* Below `keep`: up to `fill`. */
static RC fill_up(struct kmc *k)
{
	const struct instance_config *c = instance_config(k->in);
	int64_t n = 0;

	TRY(stock(k, &n));
	if (n >= c->standby_keep)
		return OK;
	while (n < c->standby_fill && !fill_ending(k)) {
		TRY(fill_batch(k, c->standby_fill - n));
		TRY(stock(k, &n));
	}
	return OK;
}

static void fill_wait(struct kmc *k, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&k->lock);
	if (!k->ending)
		pthread_cond_timedwait(&k->wake, &k->lock, &until);
	pthread_mutex_unlock(&k->lock);
}

static void *fill_loop(void *arg)
{
	struct kmc *k = arg;

	while (!fill_ending(k)) {
		struct rc rc = fill_up(k);

		if (!rc_ok(rc) && !fill_ending(k)) {
			log_failure("standby-refill", NULL);
			instance_alarm(k->in, "km-refill", slice_text(instance_name(k->in)), rc_last()->text);
		}
		fill_wait(k, rc_ok(rc) ? FILL_LOOK_MS : FILL_RETRY_MS);
	}
	return NULL;
}

RC kmc_fill_start(struct kmc *k)
{
	NEED(pthread_create(&k->filler, NULL, fill_loop, k) == 0, RC_NOMEM,
	     "no thread for the standby store");
	k->filling = true;
	return OK;
}

void kmc_fill_stop(struct kmc *k)
{
	if (!k->filling)
		return;
	pthread_mutex_lock(&k->lock);
	k->ending = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->filler, NULL);
	k->filling = false;
}

void kmc_fill_wake(struct kmc *k)
{
	pthread_mutex_lock(&k->lock);
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
}
