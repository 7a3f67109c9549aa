/* Most signatures that a platform checks come from few keys: officers, peer instances.  For a public key seen
 * often a table like the generator's is kept, which saves all doublings. */
#include "base/mem.h"
#include "sm/sm2_point.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define KNOWN_MAX 16 /* tables, 86 KiB each */
#define SEEN_MAX 256 /* keys whose uses are counted, by part of X */
#define SEEN_OFTEN 8 /* uses that are worth a table, which costs about as much as seven */
#define COUNT_BITS 4

struct known {
	struct affine p;
	struct point_table table;
	unsigned long used; /* the clock when it last was */
	atomic_uint holders;
};

/* Process state.  The lock is held to find a table and to put one in place, never while one is made or used:
 * a held table stays where it is. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct known *tables[KNOWN_MAX];
static unsigned long uses;
/* Part of the key's X above its count.  Two threads may miss each other's: then it takes longer. */
static _Atomic uint64_t seen[SEEN_MAX];

static void take_lock(void)
{
	(void)pthread_mutex_lock(&lock);
}

static void give_lock(void)
{
	(void)pthread_mutex_unlock(&lock);
}

/* The threads that held tables are not in the child. */
static void give_lock_in_child(void)
{
	unsigned i;

	for (i = 0; i < KNOWN_MAX; i++) {
		if (tables[i] != NULL)
			atomic_store(&tables[i]->holders, 0);
	}
	give_lock();
}

static void watch_forks(void)
{
	(void)pthread_atfork(take_lock, give_lock, give_lock_in_child);
}

static bool often(const struct affine *p)
{
	uint64_t mark = p->x.v[1] << COUNT_BITS, was;
	_Atomic uint64_t *at = &seen[p->x.v[0] % SEEN_MAX];

	was = atomic_load_explicit(at, memory_order_relaxed);
	if (was >> COUNT_BITS != mark >> COUNT_BITS)
		was = mark;
	was++;
	/* counted from the start again: when there are too many such keys, tables come and go, but each is
	 * made only for so many uses */
	if ((was & ((1u << COUNT_BITS) - 1)) >= SEEN_OFTEN) {
		atomic_store_explicit(at, mark, memory_order_relaxed);
		return true;
	}
	atomic_store_explicit(at, was, memory_order_relaxed);
	return false;
}

static struct known *find(const struct affine *p)
{
	unsigned i;

	for (i = 0; i < KNOWN_MAX; i++) {
		if (tables[i] != NULL && memcmp(&tables[i]->p, p, sizeof(*p)) == 0)
			return tables[i];
	}
	return NULL;
}

/* The place of the one that was not used for the longest time; NULL when all are held. */
static struct known **oldest(void)
{
	struct known **r = NULL;
	unsigned i;

	for (i = 0; i < KNOWN_MAX; i++) {
		if (tables[i] == NULL)
			return &tables[i];
		if (atomic_load(&tables[i]->holders) == 0 && (r == NULL || tables[i]->used < (*r)->used))
			r = &tables[i];
	}
	return r;
}

/* Without memory there is no table, and that is all. */
static void learn(const struct affine *p, point_table_maker *make)
{
	struct known *k = mem_new(1, sizeof(*k)), **place, *out;

	if (k == NULL)
		return;
	k->p = *p;
	make(&k->table, p);
	take_lock();
	place = find(p) == NULL ? oldest() : NULL;
	if (place != NULL) {
		k->used = uses++;
		out = *place;
		*place = k;
		k = out;
	}
	give_lock();
	mem_free(k);
}

struct point_table *known_table_hold(const struct affine *p, point_table_maker *make)
{
	struct known *k;

	(void)pthread_once(&once, watch_forks);
	take_lock();
	k = find(p);
	if (k != NULL) {
		k->used = uses++;
		atomic_fetch_add(&k->holders, 1);
	}
	give_lock();
	if (k != NULL)
		return &k->table;
	if (often(p))
		learn(p, make);
	return NULL;
}

void known_table_release(struct point_table *table)
{
	struct known *k = (struct known *)(void *)((uint8_t *)table - offsetof(struct known, table));

	atomic_fetch_sub(&k->holders, 1);
}
