#include "bench/crew.h"

#include "base/mem.h"
#include "bench/measure.h"

#include <pthread.h>

#define STACK_SIZE (1u << 20)
#define FIRST_ROOM 256

struct state {
	const struct crew *c;
	pthread_barrier_t ready;
	double from, until; /* set between the two barriers */
};

struct member {
	struct state *s;
	pthread_t thread;
	void *lane;
	bool opened;
	double ended; /* when it found nothing left to do; 0: it had something to the end */
	double *ms;
	size_t steps, room, units, errors;
	struct rc_text why;
};

static void remember_error(struct member *m)
{
	if (m->errors++ == 0)
		m->why = *rc_last();
}

static void remember_time(struct member *m, double ms)
{
	if (m->steps == m->room) {
		size_t room = m->room == 0 ? FIRST_ROOM : 2 * m->room;
		double *grown = mem_grow(m->ms, room, sizeof(double));

		if (grown == NULL)
			return;
		m->ms = grown;
		m->room = room;
	}
	m->ms[m->steps++] = ms;
}

static bool one_step(struct member *m)
{
	const struct state *s = m->s;
	double begun = seconds_now(), done;
	size_t units = 0;
	struct rc rc = s->c->step(m->lane, &units);

	done = seconds_now();
	if (rc.code == RC_NOTFOUND) {
		m->ended = done;
		return false;
	}
	if (!rc_ok(rc))
		remember_error(m);
	if (rc_ok(rc) && done >= s->from && done < s->until)
		m->units += units;
	if (rc_ok(rc) && begun >= s->from && begun < s->until)
		remember_time(m, (done - begun) * 1000);
	return true;
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct rc rc = m->s->c->open(m->s->c->arg, &m->lane);

	m->opened = rc_ok(rc);
	if (!m->opened)
		remember_error(m);
	(void)pthread_barrier_wait(&m->s->ready);
	(void)pthread_barrier_wait(&m->s->ready);
	while (m->opened && seconds_now() < m->s->until && one_step(m))
		;
	if (m->opened)
		m->s->c->close(m->lane);
	return NULL;
}

static void let_run(struct state *s)
{
	(void)pthread_barrier_wait(&s->ready); /* all lanes are open */
	s->from = seconds_now() + s->c->warm;
	s->until = s->from + s->c->window;
	(void)pthread_barrier_wait(&s->ready);
}

/* When work ran out before the time did, the last to find that out ended it. */
static double end_of(const struct state *s, const struct member *m)
{
	double last = 0;
	size_t i;

	for (i = 0; i < s->c->threads; i++)
		last = m[i].ended > last ? m[i].ended : last;
	return last > 0 && last < s->until ? last : s->until;
}

static void add_up(const struct state *s, struct member *m, double *all, struct crew_result *ret)
{
	double until = end_of(s, m);
	size_t i, k, n = 0, units = 0;

	for (i = 0; i < s->c->threads; i++) {
		for (k = 0; k < m[i].steps; k++)
			all[n++] = m[i].ms[k];
		units += m[i].units;
		if (ret->errors == 0 && m[i].errors > 0)
			ret->why = m[i].why;
		ret->errors += m[i].errors;
	}
	ret->steps = n;
	ret->rate = until > s->from ? (double)units / (until - s->from) : 0;
	if (n == 0)
		return;
	ret->p50_ms = median(all, n); /* sorts */
	ret->p99_ms = all[(n - 1) * 99 / 100];
}

static RC collect(const struct state *s, struct member *m, struct crew_result *ret)
{
	AUTO_MEM(double, all, NULL);
	size_t i, n = 0;

	for (i = 0; i < s->c->threads; i++)
		n += m[i].steps;
	all = mem_new(n + 1, sizeof(*all));
	NEED(all != NULL, RC_NOMEM, "bench: no memory");
	add_up(s, m, all, ret);
	return OK;
}

/* Threads that could not be made would leave the others waiting: that ends the program's run. */
static RC start_all(struct state *s, struct member *m)
{
	pthread_attr_t attr;
	size_t i;
	int failed = pthread_attr_init(&attr);

	NEED(failed == 0, RC_NOMEM, "bench: no memory");
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (i = 0; i < s->c->threads && failed == 0; i++) {
		m[i].s = s;
		failed = pthread_create(&m[i].thread, &attr, member_main, &m[i]);
	}
	(void)pthread_attr_destroy(&attr);
	NEED(failed == 0, RC_NOMEM, "bench: only %zu threads", i - 1);
	return OK;
}

RC crew_run(const struct crew *c, struct crew_result *ret)
{
	AUTO_MEM(struct member, members, mem_new(c->threads, sizeof(*members)));
	struct state s = {.c = c};
	struct rc rc;
	size_t i;

	*ret = (struct crew_result){.rate = 0};
	NEED(c->threads >= 1 && c->threads <= CREW_MAX && members != NULL, RC_NOMEM, "bench: no memory");
	NEED(pthread_barrier_init(&s.ready, NULL, (unsigned)c->threads + 1) == 0, RC_NOMEM,
	     "bench: no memory");
	TRY(start_all(&s, members));
	let_run(&s);
	for (i = 0; i < c->threads; i++)
		(void)pthread_join(members[i].thread, NULL);
	(void)pthread_barrier_destroy(&s.ready);
	rc = collect(&s, members, ret);
	for (i = 0; i < c->threads; i++)
		mem_free(members[i].ms);
	return rc;
}
