#include "ra/blacklist.h"

RC ra_store_listed(struct db *db, const uint8_t mark[BLACKLIST_MARK], int64_t at, bool *ret)
{
	int64_t n;

	TRY(db_scalar(
	        db, &n,
	        "SELECT count(*) FROM blacklist WHERE mark = $1 AND removed_at IS NULL AND since <= $2 AND "
	        "(until IS NULL OR until > $2)",
	        DB_ARGS(DB_BLOB(slice_of(mark, BLACKLIST_MARK)), DB_INT(at))));
	*ret = n > 0;
	return OK;
}

RC ra_store_entity_mark(struct db *db, const char *entity, uint8_t ret[BLACKLIST_MARK])
{
	AUTO(db_rows, r, NULL);
	bool row;

	TRY(db_query(db, &r, "SELECT mark FROM entity WHERE id = $1", DB_ARGS(DB_CSTR(entity))));
	TRY(db_next(r, &row));
	NEED(row, RC_NOTFOUND, "there is no such holder");
	return db_bytes(r, 0, ret, BLACKLIST_MARK);
}

RC ra_store_list(struct db *db, const struct blacklist_entry *e)
{
	return db_run(db, NULL,
	              "INSERT INTO blacklist(mark, kind, reason, since, until, added_by, added_at, record) "
	              "VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
	              DB_ARGS(DB_BLOB(SLICE_ARR(e->mark)), DB_CSTR(e->kind), DB_CSTR(e->reason),
	                      DB_INT(e->since), e->until != 0 ? DB_INT(e->until) : DB_NULL, DB_CSTR(e->by),
	                      DB_INT(e->now), DB_BLOB(SLICE_ARR(e->record))));
}

RC ra_store_unlist(struct db *db, const struct blacklist_entry *e)
{
	int64_t changed;

	TRY(db_run(db, &changed,
	           "UPDATE blacklist SET removed_by = $1, removed_at = $2, removed_reason = $3 "
	           "WHERE mark = $4 AND removed_at IS NULL",
	           DB_ARGS(DB_CSTR(e->by), DB_INT(e->now), DB_CSTR(e->reason), DB_BLOB(SLICE_ARR(e->mark)))));
	NEED(changed > 0, RC_NOTFOUND, "nobody with that %s is on the list", e->kind);
	return OK;
}

RC ra_store_blacklist(struct db *db, int64_t after,
                      struct rc (*each)(void *arg, const struct blacklist_row *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT id, kind, reason, since, until, added_by, added_at, removed_by, removed_at, "
	             "removed_reason FROM blacklist WHERE id > $1 ORDER BY id LIMIT $2",
	             DB_ARGS(DB_INT(after), DB_INT(BLACKLIST_MAX))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct blacklist_row){.id = db_int(q, 0),
		                                      .kind = db_text(q, 1),
		                                      .reason = db_text(q, 2),
		                                      .since = db_int(q, 3),
		                                      .until = db_int(q, 4),
		                                      .added_by = db_text(q, 5),
		                                      .added_at = db_int(q, 6),
		                                      .removed_by = db_text(q, 7),
		                                      .removed_at = db_int(q, 8),
		                                      .removed_reason = db_text(q, 9)}));
	}
}
