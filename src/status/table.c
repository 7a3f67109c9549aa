#include "status/table.h"

#include "base/mem.h"

#define SLOTS_FIRST 1024

/* ---- hashes ---- */

static struct table_entry *slot(const struct table_hash *h, uint8_t issuer, struct slice serial)
{
	for (size_t i = (size_t)segment_hash(issuer, serial) & (h->slots - 1);;
	     i = (i + 1) & (h->slots - 1)) {
		struct table_entry *e = &h->at[i];
		if (e->len == 0)
			return e;
		if (e->issuer == issuer && slice_equal(slice_of(e->serial, e->len), serial))
			return e;
	}
}

static RC hash_new(struct table_hash *h, size_t slots)
{
	*h = (struct table_hash){.slots = slots, .at = mem_new(slots, sizeof(*h->at))};
	NEED(h->at != NULL, RC_NOMEM, "no memory for the status table");
	return OK;
}

static void hash_free(struct table_hash *h)
{
	mem_free(h->at);
	*h = (struct table_hash){.at = NULL};
}

static RC grow(struct table_hash *h)
{
	struct table_hash more;

	TRY(hash_new(&more, h->slots * 2));
	for (size_t i = 0; i < h->slots; i++) {
		const struct table_entry *e = &h->at[i];
		if (e->len != 0)
			*slot(&more, e->issuer, slice_of(e->serial, e->len)) = *e;
	}
	more.count = h->count;
	hash_free(h);
	*h = more;
	return OK;
}

static RC hash_put(struct table_hash *h, const struct table_entry *e)
{
	struct table_entry *to;

	if (h->count * 10 >= h->slots * 7)
		TRY(grow(h));
	to = slot(h, e->issuer, slice_of(e->serial, e->len));
	h->count += to->len == 0;
	*to = *e;
	return OK;
}

static const struct table_entry *hash_find(const struct table_hash *h, uint8_t issuer, struct slice serial)
{
	const struct table_entry *e = h->at != NULL ? slot(h, issuer, serial) : NULL;

	return e != NULL && e->len != 0 ? e : NULL;
}

/* ---- all three ---- */

RC table_init(struct table *t)
{
	*t = (struct table){.count = 0};
	pthread_rwlock_init(&t->lock, NULL);
	return hash_new(&t->fresh, SLOTS_FIRST);
}

void table_wipe(struct table *t)
{
	hash_free(&t->fresh);
	hash_free(&t->frozen);
	segment_free(t->base);
	t->base = NULL;
	pthread_rwlock_destroy(&t->lock);
}

/* The newest word about it. */
static const struct table_entry *find(const struct table *t, uint8_t issuer, struct slice serial)
{
	const struct table_entry *e = hash_find(&t->fresh, issuer, serial);

	if (e == NULL)
		e = hash_find(&t->frozen, issuer, serial);
	if (e == NULL && t->base != NULL)
		e = segment_find(t->base, issuer, serial);
	return e;
}

RC table_put(struct table *t, const struct table_entry *e)
{
	struct rc rc;
	bool known;

	NEED(e->len > 0 && e->len <= TABLE_SERIAL, RC_INPUT, "a serial of %u bytes", e->len);
	pthread_rwlock_wrlock(&t->lock);
	known = find(t, e->issuer, slice_of(e->serial, e->len)) != NULL;
	rc = hash_put(&t->fresh, e);
	t->count += rc_ok(rc) && !known;
	pthread_rwlock_unlock(&t->lock);
	return rc;
}

bool table_find(struct table *t, uint8_t issuer, struct slice serial, struct table_entry *ret)
{
	const struct table_entry *e;
	bool found;

	if (serial.len == 0 || serial.len > TABLE_SERIAL)
		return false;
	pthread_rwlock_rdlock(&t->lock);
	e = find(t, issuer, serial);
	found = e != NULL;
	if (found)
		*ret = *e;
	pthread_rwlock_unlock(&t->lock);
	return found;
}

static size_t read_size(struct table *t, const size_t *which)
{
	size_t n;

	pthread_rwlock_rdlock(&t->lock);
	n = *which;
	pthread_rwlock_unlock(&t->lock);
	return n;
}

size_t table_count(struct table *t)
{
	return read_size(t, &t->count);
}

size_t table_fresh(struct table *t)
{
	return read_size(t, &t->fresh.count);
}

/* ---- into the next segment ---- */

RC table_freeze(struct table *t)
{
	struct table_hash empty;

	NEED(t->frozen.at == NULL, RC_BUG, "the status table is frozen already");
	TRY(hash_new(&empty, SLOTS_FIRST));
	pthread_rwlock_wrlock(&t->lock);
	t->frozen = t->fresh;
	t->fresh = empty;
	pthread_rwlock_unlock(&t->lock);
	return OK;
}

/* Neither base nor frozen changes while this runs. */
RC table_write(struct table *t, struct segment_builder *b)
{
	for (size_t i = 0; t->base != NULL && i < segment_count(t->base); i++) {
		const struct table_entry *e = segment_at(t->base, i);

		if (hash_find(&t->frozen, e->issuer, slice_of(e->serial, e->len)) == NULL)
			TRY(segment_add(b, e));
	}
	for (size_t i = 0; i < t->frozen.slots; i++)
		if (t->frozen.at[i].len != 0)
			TRY(segment_add(b, &t->frozen.at[i]));
	return OK;
}

void table_settle(struct table *t, struct segment *take)
{
	struct table_hash frozen;
	struct segment *base;

	pthread_rwlock_wrlock(&t->lock);
	frozen = t->frozen;
	base = t->base;
	t->frozen = (struct table_hash){.at = NULL};
	t->base = take;
	pthread_rwlock_unlock(&t->lock);
	hash_free(&frozen);
	segment_free(base);
}

RC table_restart(struct table *t, struct segment *take)
{
	struct table_hash empty, fresh, frozen;
	struct segment *base;

	TRY(hash_new(&empty, SLOTS_FIRST));
	/* at once: whoever asks finds all of the old or all of the new */
	pthread_rwlock_wrlock(&t->lock);
	fresh = t->fresh;
	frozen = t->frozen;
	base = t->base;
	t->fresh = empty;
	t->frozen = (struct table_hash){.at = NULL};
	t->base = take;
	t->count = take != NULL ? segment_count(take) : 0;
	pthread_rwlock_unlock(&t->lock);
	hash_free(&fresh);
	hash_free(&frozen);
	segment_free(base);
	return OK;
}
