/* Until when a record stays: from its own certificates and from everything that follows it (R24.8). */
#include "vault/retention.h"
#include "vault/vault.h"

#define CHAIN_MAX 1000 /* updates of updates; more is never disposed of by itself */

struct locking {
	struct db *db;
	struct vault_lock *lock;
	int years;
	size_t seen;
};

static struct rc certificate(void *arg, const struct vault_certificate *c)
{
	struct locking *l = arg;
	struct retention_term t = retention_of(l->years, c->not_after, c->ended_at);

	l->lock->bound = true;
	if (t.legal > l->lock->legal)
		l->lock->legal = t.legal;
	if (t.lock > l->lock->lock)
		l->lock->lock = t.lock;
	return OK;
}

/* A record that never led to a certificate stays as long, from the day it came. */
static RC own(struct db *db, const struct vault_record *r, struct vault_lock *ret)
{
	struct locking l = {db, ret, 0, 0};

	*ret = (struct vault_lock){0};
	TRY(retention_years(slice_text(r->class), &l.years));
	TRY(vault_store_certificates_each(db, r->id, certificate, &l));
	if (!ret->bound) {
		struct retention_term t = retention_of(l.years, r->at, 0);

		ret->legal = t.legal;
		ret->lock = t.lock;
	}
	return OK;
}

static struct rc follower(void *arg, int64_t id)
{
	struct locking *l = arg;
	struct vault_record r;
	struct vault_lock theirs;

	NEED(++l->seen <= CHAIN_MAX, RC_INPUT, "more than %d records follow one another", CHAIN_MAX);
	TRY(vault_store_record_id(l->db, id, &r));
	TRY(own(l->db, &r, &theirs));
	if (theirs.legal > l->lock->legal)
		l->lock->legal = theirs.legal;
	if (theirs.lock > l->lock->lock)
		l->lock->lock = theirs.lock;
	/* a follower came later than what it follows: no circles */
	NEED(r.id > r.follows, RC_BUG, "record %lld follows a later one", (long long)r.id);
	return vault_store_followers(l->db, r.id, follower, l);
}

RC vault_lock_of(struct db *db, const struct vault_record *r, struct vault_lock *ret)
{
	struct locking l = {db, ret, 0, 0};

	TRY(own(db, r, ret));
	TRY(vault_store_held(db, r->id, &ret->held));
	return vault_store_followers(db, r->id, follower, &l);
}
