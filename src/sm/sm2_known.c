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
	atomic_ulong used; /* the clock when it last was */
};

/* Process state.  Tables are read and used under the lock, and put in place under it. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct known *tables[KNOWN_MAX];
static atomic_ulong uses;
/* Part of the key's X above its count.  Two threads may miss each other's: then it takes longer. */
static _Atomic uint64_t seen[SEEN_MAX];

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

/* The place of the one that was not used for the longest time. */
static unsigned oldest(void)
{
	unsigned i, r = 0;

	for (i = 0; i < KNOWN_MAX; i++) {
		if (tables[i] == NULL)
			return i;
		if (atomic_load(&tables[i]->used) < atomic_load(&tables[r]->used))
			r = i;
	}
	return r;
}

/* Without memory there is no table, and that is all. */
static void learn(const struct affine *p, point_table_maker *make)
{
	struct known *k = mem_new(1, sizeof(*k));

	if (k == NULL)
		return;
	k->p = *p;
	make(&k->table, p);
	atomic_store(&k->used, atomic_fetch_add(&uses, 1));
	(void)pthread_rwlock_wrlock(&lock);
	if (find(p) == NULL) {
		unsigned place = oldest();
		struct known *out = tables[place];

		tables[place] = k;
		k = out;
	}
	(void)pthread_rwlock_unlock(&lock);
	mem_free(k);
}

const struct point_table *known_table_hold(const struct affine *p, point_table_maker *make)
{
	struct known *k;

	(void)pthread_rwlock_rdlock(&lock);
	k = find(p);
	if (k != NULL) {
		atomic_store_explicit(&k->used, atomic_fetch_add(&uses, 1), memory_order_relaxed);
		return &k->table;
	}
	(void)pthread_rwlock_unlock(&lock);
	if (often(p))
		learn(p, make);
	return NULL;
}

void known_table_release(void)
{
	(void)pthread_rwlock_unlock(&lock);
}
