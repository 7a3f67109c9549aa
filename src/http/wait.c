#include "http/exchange.h"
#include "base/clock.h"
#include "base/mem.h"

#include <time.h>

/* The waiting room of long polls: parked exchanges in buckets by key, and one thread that sends those
 * away whose time is over.  A wake that comes while a handler is still looking is not lost: every
 * bucket remembers the number of its last wake, every run the number at its beginning. */
struct waits {
	void (*again)(struct exchange *x);
	pthread_mutex_t lock; /* over all below, but seq is read without it */
	pthread_cond_t changed;
	uint64_t seq;     /* atomic */
	uint64_t soonest; /* when the thread looks next; UINT64_MAX: nobody waits */
	size_t count;
	bool ending, started;
	pthread_t thread;
	struct {
		uint64_t last;
		struct exchange *first;
	} buckets[HTTP_WAIT_BUCKETS];
};

/* Takes those out of a bucket that the test picks; returns them as a list. */
static struct exchange *take_out(struct waits *w, size_t b,
                                 bool (*pick)(const struct exchange *x, uint64_t v), uint64_t v,
                                 struct exchange *list)
{
	struct exchange **at = &w->buckets[b].first, *x;

	while ((x = *at) != NULL) {
		if (!pick(x, v)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		x->next = list;
		list = x;
		w->count--;
	}
	return list;
}

static bool has_key(const struct exchange *x, uint64_t key)
{
	return x->response.wait_key == key;
}

static bool is_over(const struct exchange *x, uint64_t now)
{
	return x->wait_until <= now;
}

static void send_away(struct waits *w, struct exchange *list, bool over)
{
	struct exchange *x, *next;

	for (x = list; x != NULL; x = next) {
		next = x->next;
		x->request.waited = x->request.waited || over;
		w->again(x);
	}
}

/* Locked.  *soonest is when to look again. */
static struct exchange *take_over(struct waits *w, uint64_t now)
{
	struct exchange *list = NULL, *x;
	size_t b;

	w->soonest = UINT64_MAX;
	for (b = 0; b < HTTP_WAIT_BUCKETS; b++) {
		list = take_out(w, b, is_over, now, list);
		for (x = w->buckets[b].first; x != NULL; x = x->next)
			if (x->wait_until < w->soonest)
				w->soonest = x->wait_until;
	}
	return list;
}

/* Locked. */
static void sleep_until_soonest(struct waits *w)
{
	struct timespec t = {.tv_sec = (time_t)(w->soonest / 1000),
	                     .tv_nsec = (long)(w->soonest % 1000) * 1000000};

	if (w->soonest == UINT64_MAX)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	else
		(void)pthread_cond_timedwait(&w->changed, &w->lock, &t);
}

static void *watch(void *arg)
{
	struct waits *w = arg;
	struct exchange *list;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->ending) {
		sleep_until_soonest(w);
		list = take_over(w, clock_mono_ms());
		(void)pthread_mutex_unlock(&w->lock);
		send_away(w, list, true);
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

RC waits_new(void (*again)(struct exchange *x), struct waits **ret)
{
	AUTO(waits, w, mem_new(1, sizeof(*w)));
	pthread_condattr_t a;

	NEED(w != NULL, RC_NOMEM, "waiting room: no memory");
	w->again = again;
	w->seq = 1;
	w->soonest = UINT64_MAX;
	(void)pthread_condattr_init(&a);
	(void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, &a);
	(void)pthread_condattr_destroy(&a);
	TRY(net_thread_start(&w->thread, watch, w));
	w->started = true;
	*ret = MOVE(w);
	return OK;
}

uint64_t waits_seq(struct waits *w)
{
	return __atomic_load_n(&w->seq, __ATOMIC_ACQUIRE);
}

bool waits_park(struct waits *w, struct exchange *x, uint64_t key)
{
	size_t b = key % HTTP_WAIT_BUCKETS;
	bool parked = false;

	(void)pthread_mutex_lock(&w->lock);
	if (w->ending || w->count >= HTTP_PARKED_MAX || x->wait_until <= clock_mono_ms()) {
		x->request.waited = true;
	} else if (w->buckets[b].last <= x->seq) {
		x->next = w->buckets[b].first;
		w->buckets[b].first = x;
		w->count++;
		parked = true;
		if (x->wait_until < w->soonest) {
			w->soonest = x->wait_until;
			(void)pthread_cond_signal(&w->changed);
		}
	}
	(void)pthread_mutex_unlock(&w->lock);
	return parked;
}

void waits_wake(struct waits *w, uint64_t key)
{
	size_t b = key % HTTP_WAIT_BUCKETS;
	struct exchange *list;

	(void)pthread_mutex_lock(&w->lock);
	w->buckets[b].last = __atomic_add_fetch(&w->seq, 1, __ATOMIC_RELEASE);
	list = take_out(w, b, has_key, key, NULL);
	(void)pthread_mutex_unlock(&w->lock);
	send_away(w, list, false);
}

void waits_end(struct waits *w)
{
	struct exchange *list;

	(void)pthread_mutex_lock(&w->lock);
	w->ending = true;
	list = take_over(w, UINT64_MAX);
	(void)pthread_cond_signal(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	send_away(w, list, true);
	if (w->started)
		(void)pthread_join(w->thread, NULL);
	w->started = false;
}

void waits_free(struct waits *w)
{
	if (w == NULL)
		return;
	waits_end(w);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	mem_free(w);
}
