#include "ca/flight.h"

#include "base/clock.h"
#include "base/mem.h"

#include <time.h>

struct km_answer *km_answer_new(void)
{
	struct km_answer *a = mem_new(1, sizeof(*a));

	if (a != NULL) {
		atomic_init(&a->refs, 1);
		a->request = BUF(DB_MAX_VALUE);
		a->der = BUF(DB_MAX_VALUE);
	}
	return a;
}

struct km_answer *km_answer_hold(struct km_answer *a)
{
	atomic_fetch_add(&a->refs, 1);
	return a;
}

void km_answer_drop(struct km_answer *a)
{
	if (a == NULL || atomic_fetch_sub(&a->refs, 1) != 1)
		return;
	buf_free(&a->request);
	buf_free(&a->der);
	mem_free(a);
}

static void issue_free(struct issue *i)
{
	statement_free(i->application);
	statement_free(i->approval);
	buf_free(&i->spki);
	for (int p = 0; p < CA_PARTS; p++)
		buf_free(&i->tbs[p]);
	for (int p = 0; p < CA_PARTS; p++)
		buf_free(&i->old_der[p]);
	km_answer_drop(i->km);
	buf_free(&i->envelope);
	mem_free(i);
}

static void cond_monotonic(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

void flights_open(struct flights *f)
{
	*f = (struct flights){0};
	pthread_mutex_init(&f->lock, NULL);
	cond_monotonic(&f->done);
	cond_monotonic(&f->work);
}

static void queue_clear(struct issue_queue *q)
{
	while (q->first != NULL) {
		struct issue *i = q->first;

		q->first = i->next;
		i->refs--;
	}
	*q = (struct issue_queue){0};
}

void flights_close(struct flights *f)
{
	queue_clear(&f->prepare);
	queue_clear(&f->sign);
	for (size_t n = 0; n < CA_FLIGHT_TABLE; n++) {
		while (f->table[n] != NULL) {
			struct issue *i = f->table[n];

			f->table[n] = i->chain;
			issue_free(i);
		}
	}
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->done);
	pthread_cond_destroy(&f->work);
}

/* Keys are SM3 values: any two bytes of them spread well. */
static struct issue **slot(struct flights *f, const uint8_t key[32])
{
	return &f->table[((unsigned)key[0] << 8 | key[1]) % CA_FLIGHT_TABLE];
}

static struct issue *issue_new(const uint8_t key[32])
{
	struct issue *i = mem_new(1, sizeof(*i));

	if (i == NULL)
		return NULL;
	memcpy(i->row.key, key, sizeof(i->row.key));
	i->refs = 1;
	i->spki = BUF(CA_CERTIFICATE_MAX);
	for (int p = 0; p < CA_PARTS; p++)
		i->tbs[p] = i->old_der[p] = BUF(CA_CERTIFICATE_MAX);
	i->envelope = BUF(CA_CERTIFICATE_MAX);
	return i;
}

static struct issue *lookup(struct flights *f, const uint8_t key[32])
{
	for (struct issue *i = *slot(f, key); i != NULL; i = i->chain) {
		if (memcmp(i->row.key, key, 32) == 0)
			return i;
	}
	return NULL;
}

static RC join_locked(struct flights *f, const uint8_t key[32], struct issue **ret, bool *fresh)
{
	struct issue **at = slot(f, key), *i = lookup(f, key);

	*fresh = i == NULL;
	if (i != NULL) {
		i->refs++;
		*ret = i;
		return OK;
	}
	REQUIRE(f->count < CA_FLIGHTS && !f->ending, OVERLOADED, "%zu requests are on their way", f->count);
	i = issue_new(key);
	NEED(i != NULL, RC_NOMEM, "no memory");
	i->chain = *at;
	*at = i;
	f->count++;
	*ret = i;
	return OK;
}

RC flight_join(struct flights *f, const uint8_t key[32], struct issue **ret, bool *fresh)
{
	struct rc rc;

	pthread_mutex_lock(&f->lock);
	rc = join_locked(f, key, ret, fresh);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static bool unref(struct issue *i)
{
	return --i->refs == 0;
}

void flight_leave(struct flights *f, struct issue *i)
{
	bool last;

	pthread_mutex_lock(&f->lock);
	last = unref(i);
	pthread_mutex_unlock(&f->lock);
	if (last)
		issue_free(i);
}

static void queue_add(struct flights *f, struct issue_queue *q, struct issue *const *i, size_t n,
                      unsigned refs)
{
	pthread_mutex_lock(&f->lock);
	for (size_t k = 0; k < n; k++) {
		i[k]->refs += refs;
		i[k]->next = NULL;
		if (q->last != NULL)
			q->last->next = i[k];
		else
			q->first = i[k];
		q->last = i[k];
	}
	q->count += n;
	pthread_cond_broadcast(&f->work);
	pthread_mutex_unlock(&f->lock);
}

void flight_launch(struct flights *f, struct issue_queue *q, struct issue *const *i, size_t n)
{
	queue_add(f, q, i, n, 1);
}

void flight_queue(struct flights *f, struct issue_queue *q, struct issue *const *i, size_t n)
{
	queue_add(f, q, i, n, 0);
}

static struct timespec after(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

size_t flight_take(struct flights *f, struct issue_queue *q, struct issue **ret, unsigned ms)
{
	struct timespec until = after(ms);
	size_t n = 0;

	pthread_mutex_lock(&f->lock);
	while (q->first == NULL && !f->ending) {
		if (pthread_cond_timedwait(&f->work, &f->lock, &until) != 0)
			break;
	}
	while (n < CA_BATCH && q->first != NULL && !f->ending) {
		ret[n++] = q->first;
		q->first = q->first->next;
		q->count--;
	}
	if (q->first == NULL)
		q->last = NULL;
	if (n > 0)
		pthread_cond_broadcast(&f->work);
	pthread_mutex_unlock(&f->lock);
	return n;
}

void flight_room(struct flights *f, struct issue_queue *q, size_t most)
{
	pthread_mutex_lock(&f->lock);
	while (q->count >= most && !f->ending)
		pthread_cond_wait(&f->work, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

/* The table's entry goes; who still holds the issue may read it. */
static void finish_locked(struct flights *f, struct issue *i)
{
	for (struct issue **at = slot(f, i->row.key); *at != NULL; at = &(*at)->chain) {
		if (*at == i) {
			*at = i->chain;
			f->count--;
			break;
		}
	}
	i->done = true;
}

void flight_finish(struct flights *f, struct issue *const *i, size_t n, bool queued)
{
	pthread_mutex_lock(&f->lock);
	for (size_t k = 0; k < n; k++) {
		finish_locked(f, i[k]);
		if (queued && unref(i[k]))
			issue_free(i[k]);
	}
	pthread_cond_broadcast(&f->done);
	pthread_mutex_unlock(&f->lock);
}

bool flight_wait(struct flights *f, struct issue *i, uint64_t until_ms)
{
	uint64_t now = clock_mono_ms();
	struct timespec until = after(until_ms > now ? (unsigned)(until_ms - now) : 0);
	bool done;

	pthread_mutex_lock(&f->lock);
	while (!i->done && !f->ending) {
		if (pthread_cond_timedwait(&f->done, &f->lock, &until) != 0)
			break;
	}
	done = i->done;
	pthread_mutex_unlock(&f->lock);
	return done;
}

bool flight_known(struct flights *f, const uint8_t key[32])
{
	bool known;

	pthread_mutex_lock(&f->lock);
	known = lookup(f, key) != NULL;
	pthread_mutex_unlock(&f->lock);
	return known;
}

size_t flight_count(struct flights *f)
{
	size_t n;

	pthread_mutex_lock(&f->lock);
	n = f->count;
	pthread_mutex_unlock(&f->lock);
	return n;
}

void flight_end(struct flights *f)
{
	pthread_mutex_lock(&f->lock);
	f->ending = true;
	pthread_cond_broadcast(&f->work);
	pthread_cond_broadcast(&f->done);
	pthread_mutex_unlock(&f->lock);
}

bool flight_ending(struct flights *f)
{
	bool ending;

	pthread_mutex_lock(&f->lock);
	ending = f->ending;
	pthread_mutex_unlock(&f->lock);
	return ending;
}
