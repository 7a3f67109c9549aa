/* SM2, SM3 and SM4 by each implementation that this CPU runs, beside libcrypto in the same rounds. */
#include "bench/measure.h"
#include "bench/private.h"
#include "bench/sm_work.h"
#include "base/mem.h"
#include "sm/cpu.h"

/* One of those who take turns at a task. */
struct side {
	struct sm_world *world;
	sm_job *job;
	enum sm_impl impl;
	char suffix[32]; /* of the row's name; none: a peer */
};

struct sides {
	struct side at[MEASURE_SIDES];
	double rates[MEASURE_SIDES];
	size_t n;
};

static size_t run_side(void *arg)
{
	const struct side *s = arg;

	return rc_ok(sm_use(s->impl)) ? s->job(s->world) : 0;
}

static struct side *join(struct sides *all, struct sm_world *w, sm_job *job, enum sm_impl impl)
{
	struct side *s = &all->at[all->n++];

	*s = (struct side){.world = w, .job = job, .impl = impl};
	return s;
}

/* One at a time for scalar code, batches for vectors; batches of scalar code in a row of their own. */
static void join_ours(struct sides *all, struct sm_world *w, const struct sm_task *t)
{
	enum sm_impl i;

	for (i = SM_PORTABLE; i < SM_IMPLS; i++) {
		bool batch = i == SM_AVX512IFMA && t->many != NULL;

		if (!sm_impl_runs(i))
			continue;
		(void)snprintf(join(all, w, batch ? t->many : t->one, i)->suffix, 32, ".%s", sm_impl_name(i));
		if (t->many != NULL && !batch)
			(void)snprintf(join(all, w, t->many, i)->suffix, 32, ".batch.%s", sm_impl_name(i));
	}
}

struct peer {
	const char *name;
	double rate;
};

static RC add_row(struct bench *b, const struct sm_task *t, const char *suffix, double rate, struct peer peer)
{
	double scale = t->stream ? 1e-6 : 1;
	struct bench_row row = {.value = rate * scale,
	                        .unit = t->stream ? "MB/s" : "1/s",
	                        .peer = peer.name,
	                        .peer_value = peer.rate * scale};

	NEED(rate > 0 && peer.rate > 0, RC_CRYPTO, "bench: %s%s failed", t->name, suffix);
	(void)snprintf(row.name, sizeof(row.name), "%s%s", t->name, suffix);
	return rows_add(&b->rows, &row);
}

static RC run_task(struct bench *b, struct sm_world *w, const struct sm_task *t)
{
	struct work work[MEASURE_SIDES];
	struct sides all = {.n = 0};
	struct peer sm = {rows_openssl()}, p256 = {"OpenSSL P-256"};
	size_t ours, i;

	join_ours(&all, w, t);
	ours = all.n;
	(void)join(&all, w, t->peer, SM_PORTABLE);
	if (t->p256 != NULL)
		(void)join(&all, w, t->p256, SM_PORTABLE);
	for (i = 0; i < all.n; i++)
		work[i] = (struct work){run_side, &all.at[i]};
	measure_all(work, all.rates, all.n);
	sm.rate = all.rates[ours];
	p256.rate = all.rates[all.n - 1];
	for (i = 0; i < ours; i++)
		TRY(add_row(b, t, all.at[i].suffix, all.rates[i], sm));
	/* what is used where nothing is asked for: the last, which is the best */
	if (strncmp(t->name, "sm2.", 4) != 0)
		TRY(add_row(b, t, "", all.rates[ours - 1], sm));
	return t->p256 != NULL ? add_row(b, t, ".beside-p256", all.rates[ours - 1], p256) : OK;
}

static RC run_tasks(struct bench *b, struct sm_world *w)
{
	const struct sm_task *t;
	enum sm_impl i;

	for (i = SM_PORTABLE; i < SM_IMPLS; i++) {
		if (!sm_impl_runs(i))
			fprintf(stderr, "bench: this CPU does not run %s: no rows for it\n", sm_impl_name(i));
	}
	TRY(sm_world_prepare(w));
	for (t = sm_tasks; t->name != NULL; t++)
		TRY(run_task(b, w, t));
	return OK;
}

RC bench_sm(struct bench *b)
{
	AUTO_MEM(struct sm_world, w, mem_new(1, sizeof(*w)));
	enum sm_impl was = sm_impl_best();
	struct rc rc;

	NEED(w != NULL, RC_NOMEM, "bench: no memory");
	rc = run_tasks(b, w);
	sm_world_drop(w);
	TRY(sm_use(was));
	return rc;
}
