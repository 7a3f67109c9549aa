#include "status/table.h"

#include "base/mem.h"

#define SLOTS_FIRST 1024

/* FNV-1a: serials are random already, an attacker cannot choose those that were issued. */
static size_t hash(uint8_t issuer, struct slice serial)
{
	uint64_t h = 1469598103934665603u;

	h = (h ^ issuer) * 1099511628211u;
	for (size_t i = 0; i < serial.len; i++)
		h = (h ^ serial.p[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

static struct table_entry *slot(struct table_entry *at, size_t slots, uint8_t issuer, struct slice serial)
{
	for (size_t i = hash(issuer, serial) & (slots - 1);; i = (i + 1) & (slots - 1)) {
		struct table_entry *e = &at[i];
		if (e->len == 0)
			return e;
		if (e->issuer == issuer && slice_equal(slice_of(e->serial, e->len), serial))
			return e;
	}
}

RC table_init(struct table *t)
{
	pthread_rwlock_init(&t->lock, NULL);
	t->count = 0;
	t->slots = SLOTS_FIRST;
	t->at = mem_new(t->slots, sizeof(*t->at));
	NEED(t->at != NULL, RC_NOMEM, "no memory for the status table");
	return OK;
}

void table_wipe(struct table *t)
{
	mem_free(t->at);
	t->at = NULL;
	pthread_rwlock_destroy(&t->lock);
}

static RC grow(struct table *t)
{
	struct table_entry *at = mem_new(t->slots * 2, sizeof(*at));

	NEED(at != NULL, RC_NOMEM, "no memory for the status table");
	for (size_t i = 0; i < t->slots; i++) {
		struct table_entry *e = &t->at[i];
		if (e->len != 0)
			*slot(at, t->slots * 2, e->issuer, slice_of(e->serial, e->len)) = *e;
	}
	mem_free(t->at);
	t->at = at;
	t->slots *= 2;
	return OK;
}

static RC put_locked(struct table *t, const struct table_entry *e)
{
	struct table_entry *to;

	if (t->count * 10 >= t->slots * 7)
		TRY(grow(t));
	to = slot(t->at, t->slots, e->issuer, slice_of(e->serial, e->len));
	t->count += to->len == 0;
	*to = *e;
	return OK;
}

RC table_put(struct table *t, const struct table_entry *e)
{
	struct rc rc;

	NEED(e->len > 0 && e->len <= TABLE_SERIAL, RC_INPUT, "a serial of %u bytes", e->len);
	pthread_rwlock_wrlock(&t->lock);
	rc = put_locked(t, e);
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
	e = slot(t->at, t->slots, issuer, serial);
	found = e->len != 0;
	if (found)
		*ret = *e;
	pthread_rwlock_unlock(&t->lock);
	return found;
}

size_t table_count(struct table *t)
{
	size_t n;

	pthread_rwlock_rdlock(&t->lock);
	n = t->count;
	pthread_rwlock_unlock(&t->lock);
	return n;
}
