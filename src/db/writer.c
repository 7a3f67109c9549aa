#include "db/writer.h"
#include "base/mem.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* One closure.  It lives on the stack of a waiting caller, or (with done) on the heap. */
struct item {
	struct item *next;
	writer_fn *fn;
	void *arg;
	void (*done)(struct rc rc, void *arg);
	bool waited;
	sem_t ready;
	struct rc rc;
	struct rc_text text;
};

struct list {
	struct item *first, **end;
	size_t count;
};

struct writer {
	struct db *db;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list urgent, normal; /* under lock */
	bool closing;               /* under lock */
	struct lease *lease;        /* under lock until the first closure */
	struct writer_watch *watches;
	atomic_bool fenced;
	bool dirty; /* a transaction may be open that should not be */
};

static void push(struct list *l, struct item *i)
{
	i->next = NULL;
	*l->end = i;
	l->end = &i->next;
	l->count++;
}

static struct item *pop(struct list *l)
{
	struct item *i = l->first;

	if (i == NULL)
		return NULL;
	l->first = i->next;
	l->count--;
	if (l->first == NULL)
		l->end = &l->first;
	return i;
}

/* ---- the watches ---- */

static void marks(struct writer *w)
{
	struct writer_watch *i;

	for (i = w->watches; i != NULL; i = i->next)
		if (i->mark != NULL)
			i->mark(i->arg);
}

static void undos(struct writer *w)
{
	struct writer_watch *i;

	for (i = w->watches; i != NULL; i = i->next)
		if (i->undo != NULL)
			i->undo(i->arg);
}

static void ends(struct writer *w, bool committed)
{
	struct writer_watch *i;

	for (i = w->watches; i != NULL; i = i->next)
		if (i->end != NULL)
			i->end(i->arg, committed);
}

static void rereads(struct writer *w)
{
	struct writer_watch *i;

	for (i = w->watches; i != NULL; i = i->next)
		if (i->reread != NULL)
			i->reread(i->arg, w->db);
}

/* ---- one batch ---- */

static RC touch(struct writer *w)
{
	struct rc rc = w->lease == NULL ? OK : lease_touch(w->db, w->lease);

	if (w->lease != NULL && w->lease->epoch == 0)
		atomic_store(&w->fenced, true);
	return rc;
}

static RC begin(struct writer *w)
{
	w->dirty = true;
	TRY(db_verb(w->db, DB_BEGIN));
	return touch(w);
}

static RC commit(struct writer *w)
{
	TRY(db_verb(w->db, DB_COMMIT));
	w->dirty = false;
	return OK;
}

/* Leaves a transaction that ended badly; nothing new starts before that has worked.  Touching the lease
 * waits for whatever the server still does for a connection that was lost, so the truth is final. */
static RC leave(struct writer *w)
{
	struct rc rc = OK;

	TRY(db_verb(w->db, DB_ROLLBACK));
	if (w->lease != NULL)
		rc = begin(w);
	if (!rc_ok(rc)) {
		struct rc_text why = *rc_last();

		(void)rc_ok(db_verb(w->db, DB_ROLLBACK)); /* dirty still, but without a lock */
		return rc_restore(&why);
	}
	if (w->lease != NULL)
		TRY(commit(w));
	w->dirty = false;
	rereads(w);
	return OK;
}

static void note_result(struct item *i, struct rc rc)
{
	i->rc = rc;
	if (!rc_ok(rc))
		i->text = *rc_last();
}

/* OK: the transaction is still good, whatever became of the closure. */
static RC run_one(struct writer *w, struct item *i)
{
	struct db_tx tx = {w->db};

	TRY(db_verb(w->db, DB_SAVEPOINT));
	marks(w);
	note_result(i, i->fn(&tx, i->arg));
	if (rc_ok(i->rc))
		return db_verb(w->db, DB_RELEASE);
	undos(w);
	return db_verb(w->db, DB_ROLLBACK_TO);
}

static RC run_all(struct writer *w, struct item *items)
{
	struct item *i;

	if (w->dirty)
		TRY(leave(w));
	TRY(begin(w));
	for (i = items; i != NULL; i = i->next)
		TRY(run_one(w, i));
	return commit(w);
}

static void answer(struct item *i)
{
	if (i->waited) {
		(void)sem_post(&i->ready); /* the item is gone from here on */
		return;
	}
	if (i->done != NULL) {
		if (!rc_ok(i->rc))
			(void)rc_ok(rc_restore(&i->text));
		i->done(i->rc, i->arg);
	}
	mem_free(i);
}

static void run_batch(struct writer *w, struct item *items)
{
	struct item *i, *next;
	struct rc rc;

	for (i = items; i != NULL; i = i->next)
		i->rc = OK;
	rc = run_all(w, items);
	if (!rc_ok(rc)) {
		/* Nothing of the batch may pass for done, also what ran well. */
		for (i = items; i != NULL; i = i->next)
			if (rc_ok(i->rc))
				note_result(i, rc);
	}
	ends(w, rc_ok(rc));
	if (!rc_ok(rc))
		(void)rc_ok(leave(w));
	for (i = items; i != NULL; i = next) {
		next = i->next;
		answer(i);
	}
}

/* With a lease the wait ends in time to touch it. */
static void wait_for_work(struct writer *w)
{
	struct timespec end;
	int result = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += LEASE_BEAT_MS / 1000;
	while (w->urgent.first == NULL && w->normal.first == NULL && !w->closing && result == 0)
		result = w->lease == NULL ? pthread_cond_wait(&w->wake, &w->lock)
		                          : pthread_cond_timedwait(&w->wake, &w->lock, &end);
}

/* False when the writer is closing and nothing is left.  No items: the lease wants to be touched. */
static bool take_batch(struct writer *w, struct item **ret)
{
	struct list batch = {.end = &batch.first};
	struct item *i;
	bool more;

	(void)pthread_mutex_lock(&w->lock);
	wait_for_work(w);
	while (batch.count < WRITER_BATCH) {
		i = pop(&w->urgent);
		if (i == NULL)
			i = pop(&w->normal);
		if (i == NULL)
			break;
		push(&batch, i);
	}
	more = batch.count > 0 || !w->closing;
	(void)pthread_mutex_unlock(&w->lock);
	*ret = batch.first;
	return more;
}

static void *run_thread(void *arg)
{
	struct writer *w = arg;
	struct item *items;

	while (take_batch(w, &items))
		if (items != NULL)
			run_batch(w, items);
		else if (!atomic_load(&w->fenced) && !rc_ok(run_all(w, NULL)))
			(void)rc_ok(leave(w));
	if (w->lease != NULL && !w->dirty)
		(void)rc_ok(lease_give_back(w->db, w->lease));
	return NULL;
}

/* ---- doors ---- */

static RC enqueue(struct writer *w, struct item *i, bool urgent)
{
	bool closing, full;

	(void)pthread_mutex_lock(&w->lock);
	closing = w->closing;
	full = w->normal.count + w->urgent.count >= WRITER_QUEUE;
	if (!closing && !full) {
		push(urgent ? &w->urgent : &w->normal, i);
		(void)pthread_cond_signal(&w->wake);
	}
	(void)pthread_mutex_unlock(&w->lock);
	NEED(!closing, RC_BUSY, "writer: closing");
	NEED(!full, RC_BUSY, "writer: %d closures are waiting already", WRITER_QUEUE);
	return OK;
}

static RC run_and_wait(struct writer *w, writer_fn *fn, void *arg, bool urgent)
{
	struct item i = {.fn = fn, .arg = arg, .waited = true};
	struct rc rc;

	NEED(!pthread_equal(pthread_self(), w->thread), RC_BUG, "writer: waiting for itself");
	NEED(sem_init(&i.ready, 0, 0) == 0, RC_BUSY, "writer: no semaphore");
	rc = enqueue(w, &i, urgent);
	if (rc_ok(rc)) {
		while (sem_wait(&i.ready) != 0)
			;
		rc = rc_ok(i.rc) ? OK : rc_restore(&i.text);
	}
	(void)sem_destroy(&i.ready);
	return rc;
}

RC writer_run(struct writer *w, writer_fn *fn, void *arg)
{
	return run_and_wait(w, fn, arg, false);
}

RC writer_run_first(struct writer *w, writer_fn *fn, void *arg)
{
	return run_and_wait(w, fn, arg, true);
}

size_t writer_waiting(struct writer *w)
{
	size_t n;

	(void)pthread_mutex_lock(&w->lock);
	n = w->normal.count + w->urgent.count;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

RC writer_submit(struct writer *w, writer_fn *fn, void (*done)(struct rc rc, void *arg), void *arg)
{
	struct item *i = mem_new(1, sizeof(*i));
	struct rc rc;

	NEED(i != NULL, RC_NOMEM, "writer: out of memory");
	*i = (struct item){.fn = fn, .arg = arg, .done = done};
	rc = enqueue(w, i, false);
	if (!rc_ok(rc))
		mem_free(i);
	return rc;
}

void writer_watch(struct writer *w, struct writer_watch *watch)
{
	struct writer_watch **at = &w->watches;

	(void)pthread_mutex_lock(&w->lock);
	while (*at != NULL)
		at = &(*at)->next;
	watch->next = NULL;
	*at = watch;
	(void)pthread_mutex_unlock(&w->lock);
}

void writer_lease(struct writer *w, struct lease *lease)
{
	(void)pthread_mutex_lock(&w->lock);
	w->lease = lease;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
}

bool writer_fenced(struct writer *w)
{
	return atomic_load(&w->fenced);
}

/* Signals belong to the main thread. */
static int start_thread(struct writer *w)
{
	sigset_t all, old;
	int result;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	result = pthread_create(&w->thread, NULL, run_thread, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return result;
}

static void destroy(struct writer *w)
{
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	db_close(w->db);
	mem_free(w);
}

RC writer_open(struct db *db_take, struct writer **ret)
{
	struct writer *w = mem_new(1, sizeof(*w));
	pthread_condattr_t attr;

	if (w == NULL) {
		db_close(db_take);
		FAIL(RC_NOMEM, "writer: out of memory");
	}
	w->db = db_take;
	w->urgent.end = &w->urgent.first;
	w->normal.end = &w->normal.first;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&w->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (start_thread(w) != 0) {
		destroy(w);
		FAIL(RC_BUSY, "writer: cannot start its thread");
	}
	*ret = w;
	return OK;
}

void writer_close(struct writer *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->closing = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	destroy(w);
}
