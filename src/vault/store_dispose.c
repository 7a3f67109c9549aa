/* Holds, disposals, the clock as it was believed. */
#include "vault/store.h"

#include <string.h>

static void person_to(struct slice s, char ret[37])
{
	size_t n = s.len < 36 ? s.len : 36;

	if (n > 0)
		memcpy(ret, s.p, n);
	ret[n] = '\0';
}

/* ---- holds ---- */

RC vault_store_hold_put(struct db *db, const uint8_t hash[32], struct slice statement, int64_t at,
                        int64_t *id)
{
	return db_scalar(db, id, "INSERT INTO hold (hash, statement, at) VALUES ($1, $2, $3) RETURNING id",
	                 DB_ARGS(DB_BLOB(slice_of(hash, 32)), DB_BLOB(statement), DB_INT(at)));
}

RC vault_store_held_put(struct db *db, int64_t hold, int64_t record)
{
	return db_run(db, NULL,
	              "INSERT INTO held (hold, record) VALUES ($1, $2) ON CONFLICT (hold, record) DO NOTHING",
	              DB_ARGS(DB_INT(hold), DB_INT(record)));
}

RC vault_store_hold_release(struct db *db, const uint8_t hold[32], const uint8_t by[32],
                            struct slice statement)
{
	int64_t changed, n;

	TRY(db_run(
	        db, &changed,
	        "UPDATE hold SET released = $2, released_statement = $3 WHERE hash = $1 AND released IS NULL",
	        DB_ARGS(DB_BLOB(slice_of(hold, 32)), DB_BLOB(slice_of(by, 32)), DB_BLOB(statement))));
	if (changed > 0)
		return OK;
	TRY(db_scalar(db, &n, "SELECT count(*) FROM hold WHERE hash = $1",
	              DB_ARGS(DB_BLOB(slice_of(hold, 32)))));
	NEED(n > 0, RC_NOTFOUND, "there is no such hold");
	FAIL(RC_CONFLICT, "that hold was released before");
}

RC vault_store_held(struct db *db, int64_t record, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM held JOIN hold ON hold.id = held.hold "
	              "WHERE held.record = $1 AND hold.released IS NULL",
	              DB_ARGS(DB_INT(record))));
	*ret = n > 0;
	return OK;
}

RC vault_store_hold_count(struct db *db, const uint8_t hash[32], int64_t *ret)
{
	return db_scalar(db, ret,
	                 "SELECT count(*) FROM held JOIN hold ON hold.id = held.hold "
	                 "WHERE hold.hash = $1 AND hold.released IS NULL",
	                 DB_ARGS(DB_BLOB(slice_of(hash, 32))));
}

RC vault_store_hold_restore(struct db *db, const uint8_t hash[32], int64_t at, int64_t *id)
{
	return db_scalar(db, id,
	                 "INSERT INTO hold (hash, statement, at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO "
	                 "UPDATE SET released = NULL, released_statement = NULL RETURNING id",
	                 DB_ARGS(DB_BLOB(slice_of(hash, 32)), DB_BLOB(SLICE_LIT("")), DB_INT(at)));
}

/* ---- disposals ---- */

#define DISPOSAL_COLUMNS "id, hash, state, proposer, approver, at"
static RC disposal_one(struct db_rows *q, struct vault_disposal *ret)
{
	bool row;

	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such disposal");
	*ret = (struct vault_disposal){
	        .id = db_int(q, 0), .state = (enum disposal_state)db_int(q, 2), .at = db_int(q, 5)};
	person_to(db_text(q, 3), ret->proposer);
	person_to(db_text(q, 4), ret->approver);
	return db_bytes(q, 1, ret->hash, sizeof(ret->hash));
}

RC vault_store_disposal_put(struct db *db, struct vault_disposal *d, struct slice statement)
{
	return db_scalar(db, &d->id,
	                 "INSERT INTO disposal (hash, state, statement, proposer, at) "
	                 "VALUES ($1, $2, $3, $4, $5) RETURNING id",
	                 DB_ARGS(DB_BLOB(SLICE_ARR(d->hash)), DB_INT(DISPOSAL_PROPOSED), DB_BLOB(statement),
	                         DB_CSTR(d->proposer), DB_INT(d->at)));
}

RC vault_store_disposal(struct db *db, const uint8_t hash[32], struct vault_disposal *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, "SELECT " DISPOSAL_COLUMNS " FROM disposal WHERE hash = $1",
	             DB_ARGS(DB_BLOB(slice_of(hash, 32)))));
	return disposal_one(q, ret);
}

RC vault_store_disposal_first(struct db *db, enum disposal_state state, struct vault_disposal *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, "SELECT " DISPOSAL_COLUMNS " FROM disposal WHERE state = $1 ORDER BY id LIMIT 1",
	             DB_ARGS(DB_INT(state))));
	return disposal_one(q, ret);
}

RC vault_store_disposal_decide(struct db *db, int64_t id, enum disposal_state state, const char *approver,
                               struct slice approval)
{
	int64_t changed;

	TRY(db_run(
	        db, &changed,
	        "UPDATE disposal SET state = $2, approver = $3, approval = $4 WHERE id = $1 AND state = $5",
	        DB_ARGS(DB_INT(id), DB_INT(state), DB_CSTR(approver), DB_BLOB(approval),
	                DB_INT(DISPOSAL_PROPOSED))));
	NEED(changed > 0, RC_CONFLICT, "that disposal was decided before");
	return OK;
}

RC vault_store_disposal_state(struct db *db, int64_t id, enum disposal_state state)
{
	return db_run(db, NULL, "UPDATE disposal SET state = $2 WHERE id = $1",
	              DB_ARGS(DB_INT(id), DB_INT(state)));
}

RC vault_store_disposal_done(struct db *db, int64_t id, struct slice certificate)
{
	return db_run(db, NULL, "UPDATE disposal SET state = $2, certificate = $3 WHERE id = $1",
	              DB_ARGS(DB_INT(id), DB_INT(DISPOSAL_DONE), DB_BLOB(certificate)));
}

RC vault_store_disposal_papers(struct db *db, int64_t id, struct buf *list, struct buf *approval,
                               struct buf *certificate)
{
	struct buf *to[] = {list, approval, certificate};
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT statement, approval, certificate FROM disposal WHERE id = $1",
	             DB_ARGS(DB_INT(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such disposal");
	for (unsigned i = 0; i < 3; i++) {
		if (to[i] == NULL)
			continue;
		buf_add(to[i], db_blob(q, i));
		TRY(buf_done(to[i]));
	}
	return OK;
}

RC vault_store_disposal_record_put(struct db *db, int64_t disposal, int64_t record, int64_t until)
{
	return db_run(db, NULL, "INSERT INTO disposal_record (disposal, record, until) VALUES ($1, $2, $3)",
	              DB_ARGS(DB_INT(disposal), DB_INT(record), DB_INT(until)));
}

RC vault_store_disposal_record_done(struct db *db, int64_t disposal, int64_t record, int64_t items)
{
	return db_run(db, NULL, "UPDATE disposal_record SET items = $3 WHERE disposal = $1 AND record = $2",
	              DB_ARGS(DB_INT(disposal), DB_INT(record), DB_INT(items)));
}

RC vault_store_disposal_records_each(struct db *db, int64_t disposal,
                                     struct rc (*each)(void *arg, const struct vault_disposed *d), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT record, items, until FROM disposal_record WHERE disposal = $1 ORDER BY record",
	             DB_ARGS(DB_INT(disposal))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct vault_disposed){db_int(q, 0), db_int(q, 1), db_int(q, 2)}));
	}
}

/* ---- the clock ---- */

RC vault_store_believed(struct db *db, struct believed *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	*ret = (struct believed){0};
	TRY(db_query(db, &q, "SELECT at, doubted_at, attested_by FROM believed WHERE id = 1", DB_NOARGS));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	ret->at = db_int(q, 0);
	ret->doubted_at = db_int(q, 1);
	person_to(db_text(q, 2), ret->attested_by);
	return OK;
}

RC vault_store_believed_set(struct db *db, const struct believed *b, struct slice statement)
{
	struct db_value doubted = b->doubted_at != 0 ? DB_INT(b->doubted_at) : DB_NULL,
	                by = b->attested_by[0] != '\0' ? DB_CSTR(b->attested_by) : DB_NULL;

	return db_run(
	        db, NULL,
	        "INSERT INTO believed (id, at, doubted_at, attested, attested_by) VALUES (1, $1, $2, $3, "
	        "$4) ON CONFLICT (id) DO UPDATE SET at = $1, doubted_at = $2, attested = $3, attested_by = "
	        "$4",
	        DB_ARGS(DB_INT(b->at), doubted, DB_BLOB_OPT(statement), by));
}
