#include "ca/restoration.h"

RC ca_store_restoration_put(struct db *db, int64_t restored, struct slice person, struct slice statement,
                            int64_t at)
{
	int64_t changed;

	TRY(db_run(db, &changed,
	           "INSERT INTO restoration (restored, person, statement, at) VALUES ($1, $2, $3, $4) ON "
	           "CONFLICT "
	           "(restored, person) DO NOTHING",
	           DB_ARGS(DB_INT(restored), DB_TEXT(person), DB_BLOB(statement), DB_INT(at))));
	REQUIRE(changed == 1, SECOND_PERSON, "this person has accepted it already");
	return OK;
}

RC ca_store_restoration_each(struct db *db, int64_t restored,
                             struct rc (*each)(void *arg, struct slice statement), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT statement FROM restoration WHERE restored = $1 ORDER BY at",
	             DB_ARGS(DB_INT(restored))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_blob(q, 0)));
	}
}
