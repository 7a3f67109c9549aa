#include "status/cache.h"

#include "base/mem.h"
#include "sm/sm3.h"

#include <pthread.h>
#include <stdalign.h>
#include <sys/mman.h>

#define WAYS 8
#define LOCKS 1024
#define SERIAL 20

/* What is known of an answer; its bytes follow. */
struct entry {
	int64_t this_update, until, next_update;
	const void *by;
	uint32_t len;        /* 0: free */
	uint16_t id, id_len; /* where the CertID stands in the bytes */
	uint8_t issuer, kind, serial_len;
	uint8_t serial[SERIAL];
	uint8_t tag[CACHE_TAG];
	uint8_t der[];
};

/* One line of the processor's cache says whether to look further. */
struct set {
	uint32_t version; /* rises with each drop */
	uint32_t next;    /* way that goes when all are taken */
	uint32_t print[WAYS];
};

struct cache {
	size_t sets, slot, stride, answer_max, bytes;
	uint8_t *at;
	pthread_mutex_t lock[LOCKS];
};

RC cache_new(size_t bytes, size_t answer_max, struct cache **ret)
{
	size_t slot = (sizeof(struct entry) + answer_max + 63) / 64 * 64, stride = 64 + WAYS * slot;
	AUTO(cache, c, mem_new(1, sizeof(*c)));

	NEED(c != NULL && bytes >= stride, RC_NOMEM, "no memory for a cache of answers");
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&c->lock[i], NULL);
	c->slot = slot;
	c->stride = stride;
	c->sets = bytes / stride;
	c->answer_max = answer_max;
	c->bytes = c->sets * stride;
	/* pages become real when an answer is put there */
	c->at = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	             0);
	if (c->at == MAP_FAILED)
		c->at = NULL;
	NEED(c->at != NULL, RC_NOMEM, "no memory for a cache of answers");
	*ret = MOVE(c);
	return OK;
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	if (c->at != NULL)
		(void)munmap(c->at, c->bytes);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&c->lock[i]);
	mem_free(c);
}

/* ---- places ---- */

struct place {
	struct set *set;
	pthread_mutex_t *lock;
	uint32_t print; /* never 0 */
};

/* Of the serial alone: all ways to ask for a certificate lie in one set. */
static struct place place_of(struct cache *c, uint8_t issuer, struct slice serial)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ issuer;
	size_t set;

	for (size_t i = 0; i < serial.len; i++)
		h = (h ^ serial.p[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	set = (size_t)(((unsigned __int128)h * c->sets) >> 64);
	return (struct place){
	        .set = (struct set *)(void *)(c->at + set * c->stride),
	        .lock = &c->lock[set % LOCKS],
	        .print = (uint32_t)h | 1,
	};
}

static struct entry *entry_at(const struct cache *c, struct set *s, size_t way)
{
	return (struct entry *)(void *)((uint8_t *)s + 64 + way * c->slot);
}

static bool about(const struct entry *e, uint8_t issuer, struct slice serial)
{
	return e->len > 0 && e->issuer == issuer && slice_equal(slice_of(e->serial, e->serial_len), serial);
}

static struct entry *find(const struct cache *c, const struct place *p, const struct cache_name *n)
{
	for (size_t w = 0; w < WAYS; w++) {
		struct entry *e = entry_at(c, p->set, w);

		if (p->set->print[w] == p->print && about(e, n->issuer, n->serial) &&
		    slice_equal(slice_of(e->der + e->id, e->id_len), n->id))
			return e;
	}
	return NULL;
}

/* ---- doors ---- */

bool cache_find(struct cache *c, const struct cache_name *n, int64_t now, uint8_t *room,
                struct cache_answer *ret)
{
	struct place p = place_of(c, n->issuer, n->serial);
	const struct entry *e;
	bool found;

	pthread_mutex_lock(p.lock);
	e = find(c, &p, n);
	found = e != NULL && e->this_update <= now && now < e->until;
	if (found) {
		memcpy(room, e->der, e->len);
		*ret = (struct cache_answer){
		        .der = slice_of(room, e->len),
		        .by = e->by,
		        .this_update = e->this_update,
		        .until = e->until,
		        .next_update = e->next_update,
		        .kind = e->kind,
		};
		memcpy(ret->tag, e->tag, CACHE_TAG);
	}
	pthread_mutex_unlock(p.lock);
	return found;
}

uint32_t cache_mark(struct cache *c, const struct cache_name *n)
{
	struct place p = place_of(c, n->issuer, n->serial);
	uint32_t v;

	pthread_mutex_lock(p.lock);
	v = p.set->version;
	pthread_mutex_unlock(p.lock);
	return v;
}

/* The older answer to the same question, a free place, or whoever's turn it is. */
static struct entry *make_room(const struct cache *c, const struct place *p, const struct cache_name *n)
{
	struct entry *e = find(c, p, n);
	size_t way = 0;

	if (e != NULL)
		return e;
	while (way < WAYS && p->set->print[way] != 0)
		way++;
	if (way == WAYS)
		way = p->set->next++ % WAYS;
	p->set->print[way] = p->print;
	return entry_at(c, p->set, way);
}

static void fill(struct entry *e, const struct cache_name *n, const struct cache_answer *a, size_t id)
{
	*e = (struct entry){
	        .this_update = a->this_update,
	        .until = a->until,
	        .next_update = a->next_update,
	        .by = a->by,
	        .len = (uint32_t)a->der.len,
	        .id = (uint16_t)id,
	        .id_len = (uint16_t)n->id.len,
	        .issuer = n->issuer,
	        .kind = a->kind,
	        .serial_len = (uint8_t)n->serial.len,
	};
	memcpy(e->serial, n->serial.p, n->serial.len);
	memcpy(e->tag, a->tag, CACHE_TAG);
	memcpy(e->der, a->der.p, a->der.len);
}

bool cache_put(struct cache *c, const struct cache_name *n, uint32_t mark, const struct cache_answer *a)
{
	struct place p = place_of(c, n->issuer, n->serial);
	const uint8_t *id = memmem(a->der.p, a->der.len, n->id.p, n->id.len);
	bool fits = id != NULL && a->der.len <= c->answer_max && a->der.len <= UINT16_MAX &&
	            n->serial.len > 0 && n->serial.len <= SERIAL;

	if (!fits)
		return false;
	pthread_mutex_lock(p.lock);
	fits = p.set->version == mark;
	if (fits)
		fill(make_room(c, &p, n), n, a, (size_t)(id - a->der.p));
	pthread_mutex_unlock(p.lock);
	return fits;
}

void cache_drop(struct cache *c, uint8_t issuer, struct slice serial)
{
	struct place p = place_of(c, issuer, serial);

	pthread_mutex_lock(p.lock);
	p.set->version++;
	for (size_t w = 0; w < WAYS; w++) {
		struct entry *e = entry_at(c, p.set, w);

		if (p.set->print[w] == p.print && about(e, issuer, serial)) {
			e->len = 0;
			p.set->print[w] = 0;
		}
	}
	pthread_mutex_unlock(p.lock);
}

void cache_clear(struct cache *c)
{
	for (size_t set = 0; set < c->sets; set++) {
		struct set *at = (struct set *)(void *)(c->at + set * c->stride);

		pthread_mutex_lock(&c->lock[set % LOCKS]);
		at->version++;
		for (size_t w = 0; w < WAYS; w++) {
			if (at->print[w] != 0)
				entry_at(c, at, w)->len = 0;
			at->print[w] = 0;
		}
		pthread_mutex_unlock(&c->lock[set % LOCKS]);
	}
}
