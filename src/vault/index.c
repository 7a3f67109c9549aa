/* The tables are an index of what lies on the two places; what lies there says itself what it is.  Rows that
 * are gone - deleted, or younger than the backup that a database came from - are made again. */
#include "base/clock.h"
#include "base/log.h"
#include "vault/vault.h"

#include <time.h>

#define INDEX_BATCH 1024
#define INDEX_ROUNDS 100000

struct unindexed {
	uint8_t id[32];
	struct media_at at;
};
struct indexing {
	struct vault *v;
	struct db *db;
	struct unindexed at[INDEX_BATCH];
	size_t count;
};

static struct rc anything(const struct bundle_piece *p, void *arg)
{
	bool *ret = arg;

	*ret = *ret || slice_is(p->kind, VAULT_KIND_RECORD);
	return OK;
}

/* An original may lie there for a record that never came; a bundle belongs to one. */
static RC is_bundle(struct vault *v, const struct vault_item *i, bool *ret)
{
	AUTO_BUF(content, MEDIA_ITEM_MAX);
	struct rc rc = vault_item_read(v, i, &content);

	*ret = false;
	/* destroyed, or lost: the scrub's to tell */
	if (rc.code == RC_CRYPTO || rc.code == RC_CONFLICT || rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	if (!rc_ok(bundle_item_each(buf_slice(&content), anything, ret)))
		*ret = false;
	return OK;
}

static RC lacks_rows(struct indexing *x, const uint8_t id[32], const struct media_at *at, bool *ret)
{
	struct vault_item item;
	struct rc rc = vault_store_item(x->db, id, &item);
	bool kept;

	(void)at;
	*ret = rc.code == RC_NOTFOUND;
	if (*ret)
		return OK;
	TRY(rc);
	if (item.destroyed_at != 0)
		return OK;
	TRY(vault_store_item_kept(x->db, item.id, &kept));
	return kept ? OK : is_bundle(x->v, &item, ret);
}

static struct rc look(void *arg, const uint8_t id[32], const struct media_at *at)
{
	struct indexing *x = arg;
	bool lacks = false;

	if (x->count == INDEX_BATCH)
		return OK;
	TRY(lacks_rows(x, id, at, &lacks));
	if (!lacks)
		return OK;
	memcpy(x->at[x->count].id, id, 32);
	x->at[x->count++].at = *at;
	return OK;
}

static RC again(struct indexing *x, const struct unindexed *u, size_t *added)
{
	struct vault_item item = {.at = clock_now(), .where = u->at};
	AUTO_BUF(content, MEDIA_ITEM_MAX);
	bool lacks;
	struct rc rc;

	TRY(lacks_rows(x, u->id, &u->at, &lacks));
	if (!lacks)
		return OK;
	memcpy(item.sm3, u->id, 32);
	rc = vault_item_read(x->v, &item, &content);
	if (rc.code == RC_CRYPTO || rc.code == RC_CONFLICT || rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	TRY(vault_keep_again(x->v, x->db, &item, buf_slice(&content)));
	++*added;
	return OK;
}

static void wait_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

RC vault_index(struct vault *v, unsigned grace_ms, size_t *added)
{
	AUTO_MEM(struct indexing, x, mem_new(1, sizeof(*x)));
	AUTO(db_lease, lease, NULL);
	size_t before;

	NEED(x != NULL, RC_NOMEM, "no memory");
	*added = 0;
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	x->v = v;
	x->db = lease->db;
	for (size_t i = 0; i < INDEX_ROUNDS && !instance_ending(v->in); i++) {
		before = *added;
		x->count = 0;
		TRY(media_each(v->media, look, x));
		if (x->count > 0)
			wait_ms(grace_ms);
		for (size_t n = 0; n < x->count; n++)
			TRY(again(x, &x->at[n], added));
		if (x->count < INDEX_BATCH || *added == before)
			break;
	}
	if (*added > 0)
		log_line(LOG_WARN, "vault.indexed", "items had no rows and were given them again", NULL);
	return OK;
}
