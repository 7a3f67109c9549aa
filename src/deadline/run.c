#include "deadline/run.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>

#define AHEAD TIME_DAY         /* seconds the clock may be ahead of what passed here */
#define STOPPED (7 * TIME_DAY) /* … since the last run, whose length nobody here has measured */

struct deadline_runner {
	struct writer *writer;
	const struct deadline_policy *policy;
	pthread_mutex_t lock;
	uint64_t mono; /* when the clock was believed last; 0: not since the start */
};

struct looking {
	struct deadline_runner *r;
	int64_t now, allowed;
	struct deadline_tick *tick;
	const struct statement *s;
	bool *believed;
};

RC deadline_runner_new(struct writer *w, const struct deadline_policy *p, struct deadline_runner **ret)
{
	struct deadline_runner *r = mem_new(1, sizeof(*r));

	NEED(r != NULL, RC_NOMEM, "no memory");
	r->writer = w;
	r->policy = p;
	(void)pthread_mutex_init(&r->lock, NULL);
	*ret = r;
	return OK;
}

void deadline_runner_free(struct deadline_runner *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	mem_free(r);
}

static struct rc look(struct db_tx *tx, void *arg)
{
	struct looking *l = arg;

	return deadline_store_tick(tx->db, l->r->policy, l->now, l->allowed, l->tick);
}

RC deadline_run(struct deadline_runner *r, struct deadline_tick *ret)
{
	struct looking l = {.r = r, .tick = ret};
	uint64_t mono;
	struct rc rc;

	(void)pthread_mutex_lock(&r->lock);
	mono = clock_mono_ms();
	l.now = clock_now();
	l.allowed = r->mono == 0 ? STOPPED : (int64_t)((mono - r->mono) / 1000) + AHEAD;
	rc = writer_run(r->writer, look, &l);
	if (rc_ok(rc) && !ret->doubted)
		r->mono = mono;
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

static struct rc attest(struct db_tx *tx, void *arg)
{
	struct looking *l = arg;

	return deadline_store_attest(tx->db, l->s, l->now, l->believed);
}

RC deadline_attest(struct deadline_runner *r, const struct statement *s, bool *believed)
{
	struct looking l = {.r = r, .s = s, .believed = believed};
	struct rc rc;

	(void)pthread_mutex_lock(&r->lock);
	l.now = clock_now();
	rc = writer_run(r->writer, attest, &l);
	if (rc_ok(rc) && *believed)
		r->mono = clock_mono_ms();
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}
