/* SQL of revocations on their way. */
#include "ra/revoke.h"

static RC take(struct db_rows *q, struct ra_revocation *r)
{
	struct slice ca = db_text(q, 3), by = db_text(q, 5);

	*r = (struct ra_revocation){.seq = db_int(q, 0),
	                            .state = (enum ra_revocation_state)db_int(q, 2),
	                            .serial = db_blob(q, 4),
	                            .at = db_int(q, 6),
	                            .statement = db_blob(q, 7)};
	TRY(db_bytes(q, 1, r->hash, sizeof(r->hash)));
	NEED(ca.len < sizeof(r->ca) && by.len < sizeof(r->by), RC_BUG, "ra: a stored name is too long");
	memcpy(r->ca, ca.p, ca.len);
	memcpy(r->by, by.p, by.len);
	return OK;
}

#define COLUMNS "seq, hash, state, ca, serial, by, at, statement"

RC ra_store_revocations(struct db *db, int64_t after, size_t limit,
                        struct rc (*each)(void *arg, const struct ra_revocation *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct ra_revocation r;
	bool row;

	TRY(db_query(db, &q,
	             "SELECT " COLUMNS " FROM revocation WHERE state = $1 AND seq > $2 ORDER BY seq LIMIT $3",
	             DB_ARGS(DB_INT(RA_REVOCATION_QUEUED), DB_INT(after), DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(take(q, &r));
		TRY(each(arg, &r));
	}
}

RC ra_store_revocation_find(struct db *db, const uint8_t hash[32], struct ra_revocation *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " COLUMNS " FROM revocation WHERE hash = $1",
	             DB_ARGS(DB_BLOB(slice_of(hash, 32)))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such revocation");
	TRY(take(q, ret));
	ret->serial = ret->statement = SLICE_NONE;
	return OK;
}

RC ra_store_revocations_of(struct db *db, const char *ca, struct slice serial,
                           struct rc (*each)(void *arg, const struct ra_revocation *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct ra_revocation r;
	bool row;

	TRY(db_query(db, &q,
	             "SELECT " COLUMNS
	             " FROM revocation WHERE ca = $1 AND serial = $2 AND state <> $3 ORDER BY seq",
	             DB_ARGS(DB_TEXT(slice_text(ca)), DB_BLOB(serial), DB_INT(RA_REVOCATION_REFUSED))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(take(q, &r));
		TRY(each(arg, &r));
	}
}
