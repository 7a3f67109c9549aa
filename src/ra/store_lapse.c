#include "ra/lapse.h"

RC ra_store_unaccepted(struct db *db, int64_t before, size_t limit,
                       struct rc (*each)(void *arg, const struct ra_application *a), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(
	        db, &q,
	        "SELECT id FROM application WHERE state = $1 AND issued_at < $2 ORDER BY issued_at LIMIT $3",
	        DB_ARGS(DB_INT(APPLICATION_ISSUED), DB_INT(before), DB_INT(limit))));
	for (;;) {
		struct ra_application a;
		char id[RA_ID + 1];

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		NEED(db_text(q, 0).len == RA_ID, RC_BUG, "ra: an id of %zu characters", db_text(q, 0).len);
		memcpy(id, db_text(q, 0).p, RA_ID);
		id[RA_ID] = '\0';
		TRY(ra_store_find(db, id, &a));
		TRY(each(arg, &a));
	}
}

RC ra_store_first_unaccepted(struct db *db, int64_t *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT min(issued_at) FROM application WHERE state = $1",
	             DB_ARGS(DB_INT(APPLICATION_ISSUED))));
	TRY(db_next(q, &row));
	*ret = row && !db_is_null(q, 0) ? db_int(q, 0) : INT64_MAX;
	return OK;
}

RC ra_store_revocation_known(struct db *db, const char *ca, struct slice serial, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT count(*) FROM revocation WHERE ca = $1 AND serial = $2 AND state <> $3",
	              DB_ARGS(DB_CSTR(ca), DB_BLOB(serial), DB_INT(RA_REVOCATION_REFUSED))));
	*ret = n > 0;
	return OK;
}

RC ra_store_forget_refused(struct db *db, int64_t before, int64_t *ret)
{
	return db_run(
	        db, ret,
	        "UPDATE application_body SET statement = $3, decision = NULL WHERE length(statement) > 0 AND "
	        "application IN (SELECT seq FROM application a WHERE state = $1 AND "
	        "(SELECT max(at) FROM history h WHERE h.application = a.seq) < $2)",
	        DB_ARGS(DB_INT(APPLICATION_REFUSED), DB_INT(before), DB_BLOB(SLICE_LIT(""))));
}
