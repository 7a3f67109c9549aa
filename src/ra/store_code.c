/* SQL of the codes of the counter. */
#include "base/clock.h"
#include "ra/loss.h"

RC ra_store_code_put(struct db *db, int64_t application, const uint8_t mac[32], const char *by)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO revocation_code(application, mac, at, by, failures, failed) "
	        "VALUES($1, $2, $3, $4, 0, 0) ON CONFLICT(application) DO UPDATE "
	        "SET mac = $2, at = $3, by = $4, used = NULL, failures = 0, failed = 0",
	        DB_ARGS(DB_INT(application), DB_BLOB(slice_of(mac, 32)), DB_INT(clock_now()), DB_CSTR(by)));
}

RC ra_store_code(struct db *db, const char *ca, struct slice serial, struct ra_code *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	*ret = (struct ra_code){.fresh = false};
	TRY(db_query(
	        db, &q,
	        "SELECT r.application, r.mac, r.used, r.failures, r.failed FROM certificate c "
	        "JOIN revocation_code r ON r.application = c.application WHERE c.ca = $1 AND c.serial = $2",
	        DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no code for that certificate");
	TRY(db_bytes(q, 1, ret->mac, sizeof(ret->mac)));
	ret->application = db_int(q, 0);
	ret->fresh = db_is_null(q, 2);
	ret->failures = db_int(q, 3);
	ret->failed = db_int(q, 4);
	return OK;
}

RC ra_store_code_failed(struct db *db, int64_t application, int64_t now, int64_t window)
{
	return db_run(db, NULL,
	              "UPDATE revocation_code SET "
	              "failures = CASE WHEN failed + $3 <= $2 THEN 1 ELSE failures + 1 END, failed = $2 "
	              "WHERE application = $1",
	              DB_ARGS(DB_INT(application), DB_INT(now), DB_INT(window)));
}

RC ra_store_code_used(struct db *db, int64_t application, int64_t now)
{
	return db_run(db, NULL, "UPDATE revocation_code SET used = $2 WHERE application = $1",
	              DB_ARGS(DB_INT(application), DB_INT(now)));
}

RC ra_store_certified(struct db *db, struct slice ca, struct slice serial, char id[RA_ID + 1])
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT a.id FROM certificate c JOIN application a ON a.seq = c.application "
	             "WHERE c.ca = $1 AND c.serial = $2",
	             DB_ARGS(DB_TEXT(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row && db_text(q, 0).len == RA_ID, RC_NOTFOUND, "there is no such certificate here");
	memcpy(id, db_text(q, 0).p, RA_ID);
	id[RA_ID] = '\0';
	return OK;
}

RC ra_store_same_pair(struct db *db, const char *ca, struct slice serial, struct slice sign, bool *ret)
{
	int64_t n;

	TRY(db_scalar(
	        db, &n,
	        "SELECT count(*) FROM certificate a JOIN certificate b ON b.application = a.application "
	        "WHERE a.ca = $1 AND a.serial = $2 AND b.ca = $1 AND b.serial = $3 AND b.part = 0",
	        DB_ARGS(DB_CSTR(ca), DB_BLOB(serial), DB_BLOB(sign))));
	*ret = n == 1;
	return OK;
}
