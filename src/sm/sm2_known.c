/* Most signatures that a platform checks come from few keys: officers, peer instances.  For a public key seen
 * often a table like the generator's is kept, which saves all doublings. */
#include "base/mem.h"
#include "sm/sm2_point.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define KNOWN_MAX 16 /* tables, 53 KiB each */
#define SEEN_MAX 256 /* keys whose uses are counted, by part of X */
#define SEEN_OFTEN 8 /* uses that are worth a table, which costs about as much as five */
#define COUNT_BITS 4

struct known {
	uint8_t xy[64];
	struct point_table table;
	atomic_ulong used; /* the clock when it last was */
};

/* Process state.  Tables are read and used under the lock, and put in place under it. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct known *tables[KNOWN_MAX];
static atomic_ulong uses;
/* Part of the key's X above its count.  Two threads may miss each other's: then it takes longer. */
static _Atomic uint64_t seen[SEEN_MAX];

static bool often(const uint8_t xy[64])
{
	uint64_t mark = load_be64(xy + 8) << COUNT_BITS, was;
	_Atomic uint64_t *at = &seen[xy[31]];

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

static struct known *find(const uint8_t xy[64])
{
	unsigned i;

	for (i = 0; i < KNOWN_MAX; i++) {
		if (tables[i] != NULL && memcmp(tables[i]->xy, xy, 64) == 0)
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
static void learn(const uint8_t xy[64])
{
	struct affine p;
	struct known *k;

	if (!point_from_bytes(&p, xy))
		return;
	k = mem_new(1, sizeof(*k));
	if (k == NULL)
		return;
	memcpy(k->xy, xy, 64);
	point_table_fill(&k->table, &p);
	atomic_store(&k->used, atomic_fetch_add(&uses, 1));
	(void)pthread_rwlock_wrlock(&lock);
	if (find(xy) == NULL) {
		unsigned place = oldest();
		struct known *out = tables[place];

		tables[place] = k;
		k = out;
	}
	(void)pthread_rwlock_unlock(&lock);
	mem_free(k);
}

bool point_mul_known_public(struct jacobian *r, const struct sc *s, const struct sc *t, const uint8_t xy[64])
{
	struct known *k;
	bool there;

	(void)pthread_rwlock_rdlock(&lock);
	k = find(xy);
	there = k != NULL;
	if (there) {
		atomic_store_explicit(&k->used, atomic_fetch_add(&uses, 1), memory_order_relaxed);
		point_mul_tables_public(r, s, t, &k->table);
	}
	(void)pthread_rwlock_unlock(&lock);
	if (!there && often(xy))
		learn(xy);
	return there;
}
