#include "ca/store_follow.h"

RC ca_store_followed(struct db *db, const char *ca, struct slice serial, bool *ret)
{
	int64_t n;

	/* a successor that was revoked is none: the holder must be able to get another */
	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM follow f JOIN request r ON r.id = f.request "
	              "LEFT JOIN certificate c ON c.ca = r.ca AND c.serial = r.serial "
	              "WHERE f.ca = $1 AND f.serial = $2 AND coalesce(c.status, 0) = 0",
	              DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	*ret = n > 0;
	return OK;
}

RC ca_store_follow_put(struct db *db, const struct ca_follow *f)
{
	return db_run(db, NULL, "INSERT INTO follow (request, kind, ca, serial) VALUES ($1, $2, $3, $4)",
	              DB_ARGS(DB_INT(f->request), DB_INT(f->kind), DB_CSTR(f->ca), DB_BLOB(f->serial)));
}

RC ca_store_extended(struct db *db, int64_t request, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT count(*) FROM follow WHERE request = $1 AND kind = $2",
	              DB_ARGS(DB_INT(request), DB_INT(BASIS_EXTEND))));
	*ret = n > 0;
	return OK;
}

RC ca_store_key_kept(struct db *db, const uint8_t spki[32], const char *entity)
{
	int64_t revoked, others;

	TRY(db_scalar(
	        db, &revoked,
	        "SELECT count(*) FROM request r JOIN certificate c ON c.ca = r.ca AND c.serial = r.serial "
	        "WHERE r.spki = $1 AND c.status <> 0",
	        DB_ARGS(DB_BLOB(slice_of(spki, 32)))));
	REQUIRE(revoked == 0, SAME_KEY, "a certificate for this key has been revoked");
	TRY(db_scalar(db, &others, "SELECT count(*) FROM request WHERE spki = $1 AND entity <> $2",
	              DB_ARGS(DB_BLOB(slice_of(spki, 32)), DB_CSTR(entity))));
	REQUIRE(others == 0, SAME_KEY, "this key is certified for another subscriber");
	return OK;
}

RC ca_store_escrow_put(struct db *db, struct slice serial, struct slice old)
{
	return db_run(db, NULL,
	              "INSERT INTO escrow (serial, origin) "
	              "VALUES ($1, coalesce((SELECT origin FROM escrow WHERE serial = $2), $2)) "
	              "ON CONFLICT (serial) DO NOTHING",
	              DB_ARGS(DB_BLOB(serial), DB_BLOB(old)));
}

RC ca_store_escrow(struct db *db, struct slice serial, struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT origin FROM escrow WHERE serial = $1", DB_ARGS(DB_BLOB(serial))));
	TRY(db_next(q, &row));
	buf_add(ret, row ? db_blob(q, 0) : serial);
	return buf_done(ret);
}
