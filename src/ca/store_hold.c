/* SQL about suspensions. */
#include "ca/revoke.h"

#define OPEN_HOLDS                                                                                           \
	" FROM revocation v JOIN certificate c ON c.ca = v.ca AND c.serial = v.serial "                      \
	"JOIN request r ON r.id = c.request WHERE v.event = 1 AND r.not_after >= $1 "                        \
	"AND NOT EXISTS (SELECT 1 FROM revocation n WHERE n.follows = v.seq)"

RC ca_store_holds(struct db *db, int64_t now, int64_t until, size_t limit,
                  struct rc (*each)(void *arg, struct slice ca, struct slice serial), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT v.ca, v.serial" OPEN_HOLDS " AND v.at <= $2 ORDER BY v.at, v.seq LIMIT $3",
	             DB_ARGS(DB_INT(now), DB_INT(until), DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_text(q, 0), db_blob(q, 1)));
	}
}

RC ca_store_oldest_hold(struct db *db, int64_t now, int64_t *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT min(v.at)" OPEN_HOLDS, DB_ARGS(DB_INT(now))));
	TRY(db_next(q, &row));
	*ret = row && !db_is_null(q, 0) ? db_int(q, 0) : INT64_MAX;
	return OK;
}
