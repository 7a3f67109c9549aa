#include "status/store.h"

#include "pki/ext.h"

static RC one_row(struct db_rows *q, const char *what)
{
	bool row;

	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "%s is not there", what);
	return OK;
}

RC status_store_issued(struct db *db, const struct status_row *row)
{
	struct status_row old;
	uint8_t sm3[32];
	int64_t changed;

	TRY(db_run(db, &changed,
	           "INSERT INTO certificate (ca, serial, not_before, not_after, sm3) VALUES ($1, $2, $3, $4, "
	           "$5) "
	           "ON CONFLICT (ca, serial) DO NOTHING",
	           DB_ARGS(DB_TEXT(row->ca), DB_BLOB(row->serial), DB_INT(row->not_before),
	                   DB_INT(row->not_after), DB_BLOB(slice_of(row->sm3, 32)))));
	if (changed > 0)
		return OK;
	TRY(status_store_find(db, row->ca, row->serial, &old, sm3));
	NEED(memcmp(sm3, row->sm3, 32) == 0, RC_CONFLICT,
	     "the log tells of two certificates with one serial");
	return OK;
}

RC status_store_correct(struct db *db, const struct status_row *row)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO certificate (ca, serial, not_before, not_after, sm3) VALUES ($1, $2, $3, $4, "
	        "$5) ON CONFLICT (ca, serial) DO UPDATE SET not_before = $3, not_after = $4, sm3 = $5",
	        DB_ARGS(DB_TEXT(row->ca), DB_BLOB(row->serial), DB_INT(row->not_before),
	                DB_INT(row->not_after), DB_BLOB(slice_of(row->sm3, 32))));
}

RC status_store_revoked(struct db *db, struct slice ca, struct slice serial, int64_t at, int reason)
{
	int64_t changed;

	TRY(db_run(db, &changed,
	           "UPDATE certificate SET revoked_at = $3, reason = $4 WHERE ca = $1 AND serial = $2",
	           DB_ARGS(DB_TEXT(ca), DB_BLOB(serial), DB_INT(at), DB_INT(reason))));
	NEED(changed > 0, RC_NOTFOUND, "the log revokes a certificate that it did not issue");
	return OK;
}

RC status_store_set(struct db *db, const struct status_row *row)
{
	return db_run(db, NULL,
	              "UPDATE certificate SET revoked_at = $3, reason = $4 WHERE ca = $1 AND serial = $2",
	              DB_ARGS(DB_TEXT(row->ca), DB_BLOB(row->serial),
	                      row->revoked ? DB_INT(row->revoked_at) : DB_NULL,
	                      row->revoked ? DB_INT(row->reason) : DB_NULL));
}

RC status_store_forget(struct db *db, struct slice ca, struct slice serial)
{
	return db_run(db, NULL, "DELETE FROM certificate WHERE ca = $1 AND serial = $2",
	              DB_ARGS(DB_TEXT(ca), DB_BLOB(serial)));
}

RC status_store_released(struct db *db, struct slice ca, struct slice serial)
{
	int64_t changed;

	TRY(db_run(db, &changed,
	           "UPDATE certificate SET revoked_at = NULL, reason = NULL WHERE ca = $1 AND serial = $2 "
	           "AND reason = $3",
	           DB_ARGS(DB_TEXT(ca), DB_BLOB(serial), DB_INT(REASON_HOLD))));
	NEED(changed > 0, RC_NOTFOUND, "the log releases a certificate that is not on hold");
	return OK;
}

RC status_store_find(struct db *db, struct slice ca, struct slice serial, struct status_row *ret,
                     uint8_t hold[32])
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q,
	             "SELECT not_before, not_after, sm3, revoked_at, reason FROM certificate WHERE ca = $1 "
	             "AND serial = $2",
	             DB_ARGS(DB_TEXT(ca), DB_BLOB(serial))));
	TRY(one_row(q, "the certificate"));
	TRY(db_bytes(q, 2, hold, 32));
	*ret = (struct status_row){
	        .ca = ca,
	        .serial = serial,
	        .not_before = db_int(q, 0),
	        .not_after = db_int(q, 1),
	        .sm3 = hold,
	        .revoked = !db_is_null(q, 3),
	        .revoked_at = db_int(q, 3),
	        .reason = (int)db_int(q, 4),
	};
	return OK;
}

RC status_store_each(struct db *db, struct rc (*each)(void *arg, const struct status_row *row), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT ca, serial, revoked_at, reason FROM certificate", DB_NOARGS));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		struct status_row r = {
		        .ca = db_text(q, 0),
		        .serial = db_blob(q, 1),
		        .revoked = !db_is_null(q, 2),
		        .revoked_at = db_int(q, 2),
		        .reason = (int)db_int(q, 3),
		};
		TRY(each(arg, &r));
	}
}

RC status_store_feed(struct db *db, const char *name, uint64_t *next)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT next FROM feed WHERE name = $1", DB_ARGS(DB_CSTR(name))));
	TRY(db_next(q, &row));
	*next = row ? (uint64_t)db_int(q, 0) : 0;
	return OK;
}

RC status_store_feed_set(struct db *db, const char *name, uint64_t next, const uint8_t leaf[32])
{
	return db_run(db, NULL,
	              "INSERT INTO feed (name, next, leaf) VALUES ($1, $2, $3) "
	              "ON CONFLICT (name) DO UPDATE SET next = $2, leaf = $3",
	              DB_ARGS(DB_CSTR(name), DB_INT(next), DB_BLOB(slice_of(leaf, 32))));
}

RC status_store_edge(struct db *db, const char *name, struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT edge FROM feed_edge WHERE name = $1", DB_ARGS(DB_CSTR(name))));
	TRY(db_next(q, &row));
	if (row)
		buf_add(ret, db_blob(q, 0));
	return buf_done(ret);
}

RC status_store_edge_set(struct db *db, const char *name, struct slice edge)
{
	return db_run(db, NULL,
	              "INSERT INTO feed_edge (name, edge) VALUES ($1, $2) "
	              "ON CONFLICT (name) DO UPDATE SET edge = $2",
	              DB_ARGS(DB_CSTR(name), DB_BLOB(edge)));
}

RC status_store_announce(struct db *db, struct slice ca, uint64_t number, const uint8_t sm3[32])
{
	return db_run(db, NULL,
	              "INSERT INTO crl (ca, announced, announced_sm3) VALUES ($1, $2, $3) "
	              "ON CONFLICT (ca) DO UPDATE SET announced = $2, announced_sm3 = $3",
	              DB_ARGS(DB_TEXT(ca), DB_INT(number), DB_BLOB(slice_of(sm3, 32))));
}

RC status_store_list_put(struct db *db, const char *ca, const struct list_row *row, struct slice der)
{
	return db_run(
	        db, NULL,
	        "UPDATE crl SET number = $2, this_update = $3, next_update = $4, der = $5 WHERE ca = $1",
	        DB_ARGS(DB_CSTR(ca), DB_INT(row->number), DB_INT(row->this_update), DB_INT(row->next_update),
	                DB_BLOB(der)));
}

RC status_store_list(struct db *db, const char *ca, struct list_row *ret, struct buf *der)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q,
	             "SELECT announced, announced_sm3, number, this_update, next_update, der FROM crl WHERE "
	             "ca = $1",
	             DB_ARGS(DB_CSTR(ca))));
	TRY(one_row(q, "a revocation list"));
	*ret = (struct list_row){
	        .announced = (uint64_t)db_int(q, 0),
	        .number = (uint64_t)db_int(q, 2),
	        .this_update = db_int(q, 3),
	        .next_update = db_int(q, 4),
	};
	TRY(db_bytes(q, 1, ret->announced_sm3, 32));
	if (der == NULL)
		return OK;
	buf_add(der, db_blob(q, 5));
	return buf_done(der);
}

RC status_store_responder_put(struct db *db, const char *key, int64_t not_after, struct slice der)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO responder (key, not_after, der) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	        DB_ARGS(DB_CSTR(key), DB_INT(not_after), DB_BLOB(der)));
}

RC status_store_responder(struct db *db, const char *key, struct buf *der)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT der FROM responder WHERE key = $1 ORDER BY not_after DESC LIMIT 1",
	             DB_ARGS(DB_CSTR(key))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no certificate followed that of %s", key);
	buf_add(der, db_blob(q, 0));
	return buf_done(der);
}
