#include "evidence/jobs.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

/* What is remembered of one job.  Of the job thread, except next (under lock). */
struct state {
	int64_t last, runs; /* as in its row */
	int64_t next;
	uint64_t not_before; /* monotonic ms: a failed job waits */
};

struct jobs {
	struct jobs_setup setup;
	struct state state[JOBS_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, woken; /* under lock */
};

/* The transaction of one run. */
struct note {
	const struct job *job;
	struct jobs *jobs;
	int64_t due, runs;
	int64_t done; /* what the row says afterwards */
};

static RC read_state(struct db *db, const struct job *job, struct state *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT last, runs FROM job WHERE name = $1", DB_ARGS(DB_CSTR(job->name))));
	TRY(db_next(q, &row));
	if (row) {
		ret->last = db_int(q, 0);
		ret->runs = db_int(q, 1);
	}
	return OK;
}

/* Work and note in one transaction.  A row that is one run ahead tells that the answer of the
 * last COMMIT was lost: the work is done. */
static RC run_in_transaction(struct db_tx *tx, void *arg)
{
	struct note *n = arg;
	struct state s = {0};

	TRY(read_state(tx->db, n->job, &s));
	n->done = s.runs > n->runs ? s.last : n->due;
	if (s.runs > n->runs)
		return OK;
	if (n->job->apply != NULL)
		TRY(n->job->apply(tx, n->jobs->setup.arg, n->due));
	return db_run(tx->db, NULL,
	              "INSERT INTO job (name, last, runs) VALUES ($1, $2, $3)"
	              " ON CONFLICT (name) DO UPDATE SET last = $2, runs = $3",
	              DB_ARGS(DB_CSTR(n->job->name), DB_INT(n->due), DB_INT(n->runs + 1)));
}

static RC run_job(struct jobs *j, const struct job *job, struct state *s, int64_t due)
{
	struct note n = {.job = job, .jobs = j, .due = due, .runs = s->runs};

	if (job->run != NULL)
		TRY(job->run(j->setup.arg, due));
	TRY(writer_run(j->setup.writer, run_in_transaction, &n));
	s->runs++;
	s->last = n.done;
	return OK;
}

/* When the job is due next.  A clock that was set back beyond the last run makes a period job due
 * now: that run belongs to a future that is no more. */
static int64_t next_of(const struct jobs *j, const struct job *job, const struct state *s, int64_t now)
{
	if (job->period <= 0)
		return job->due(j->setup.arg, s->last);
	if (s->runs == 0 || s->last > now)
		return now;
	return s->last + job->period;
}

/* Missed periods are run once, as the last of them. */
static int64_t latest_due(const struct job *job, int64_t next, int64_t now)
{
	return job->period <= 0 ? next : now - (now - next) % job->period;
}

static bool stopping(struct jobs *j)
{
	bool r;

	(void)pthread_mutex_lock(&j->lock);
	r = j->stop;
	(void)pthread_mutex_unlock(&j->lock);
	return r;
}

static void walk_one(struct jobs *j, size_t i)
{
	const struct job *job = &j->setup.table[i];
	struct state *s = &j->state[i];
	int64_t now = clock_now(), next = next_of(j, job, s, now);
	struct rc rc;

	(void)pthread_mutex_lock(&j->lock);
	s->next = next;
	(void)pthread_mutex_unlock(&j->lock);
	if (next > now || clock_mono_ms() < s->not_before)
		return;
	rc = run_job(j, job, s, latest_due(job, next, now));
	s->not_before = rc_ok(rc) ? 0 : clock_mono_ms() + JOBS_RETRY_MS;
	if (!rc_ok(rc) && j->setup.failed != NULL)
		j->setup.failed(j->setup.arg, job->name, rc);
	if (rc_ok(rc)) {
		(void)pthread_mutex_lock(&j->lock);
		s->next = INT64_MAX; /* until the next walk */
		(void)pthread_mutex_unlock(&j->lock);
	}
}

static void sleep_a_little(struct jobs *j)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += JOBS_POLL_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&j->lock);
	if (!j->stop && !j->woken)
		(void)pthread_cond_timedwait(&j->wake, &j->lock, &until);
	j->woken = false;
	(void)pthread_mutex_unlock(&j->lock);
}

/* A mapped page cannot wake anybody: the clock is looked at in each round. */
static void *run_thread(void *arg)
{
	struct jobs *j = arg;
	size_t i;

	while (!stopping(j)) {
		for (i = 0; i < j->setup.count && !stopping(j); i++)
			walk_one(j, i);
		sleep_a_little(j);
	}
	return NULL;
}

static RC start(struct jobs *j)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int result;

	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&j->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	result = pthread_create(&j->thread, NULL, run_thread, j);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	NEED(result == 0, RC_BUSY, "jobs: cannot start their thread");
	return OK;
}

RC jobs_start(const struct jobs_setup *setup, struct db *reader, struct jobs **ret)
{
	AUTO_MEM(struct jobs, j, mem_new(1, sizeof(*j)));
	size_t i;

	NEED(j != NULL, RC_NOMEM, "jobs: out of memory");
	NEED(setup->count <= JOBS_MAX, RC_BUG, "jobs: more than %d", JOBS_MAX);
	j->setup = *setup;
	for (i = 0; i < setup->count; i++) {
		NEED(setup->table[i].period > 0 || setup->table[i].due != NULL, RC_BUG, "job %s: never due",
		     setup->table[i].name);
		TRY(read_state(reader, &setup->table[i], &j->state[i]));
		j->state[i].next = INT64_MAX;
	}
	TRY(start(j));
	*ret = MOVE(j);
	return OK;
}

void jobs_stop(struct jobs *j)
{
	if (j == NULL)
		return;
	(void)pthread_mutex_lock(&j->lock);
	j->stop = true;
	(void)pthread_cond_signal(&j->wake);
	(void)pthread_mutex_unlock(&j->lock);
	(void)pthread_join(j->thread, NULL);
	(void)pthread_cond_destroy(&j->wake);
	(void)pthread_mutex_destroy(&j->lock);
	mem_free(j);
}

void jobs_wake(struct jobs *j)
{
	(void)pthread_mutex_lock(&j->lock);
	j->woken = true;
	(void)pthread_cond_signal(&j->wake);
	(void)pthread_mutex_unlock(&j->lock);
}

int64_t jobs_lateness(struct jobs *j)
{
	int64_t now = clock_now(), most = 0;
	size_t i;

	(void)pthread_mutex_lock(&j->lock);
	for (i = 0; i < j->setup.count; i++)
		if (j->state[i].next < now && now - j->state[i].next > most)
			most = now - j->state[i].next;
	(void)pthread_mutex_unlock(&j->lock);
	return most;
}
