/* Damage to a database file, found before anything rests on it. */
#include "db/db.h"
#include "db/wal.h"

#include <string.h>
#include <sys/stat.h>

/* Reads the whole file; beyond this the start would take too long, and damage shows when a page is read. */
#define WHOLE_MAX (256ll << 20)

RC db_check_file(const char *url)
{
	const char *path;
	struct stat st;

	if (db_driver_of(url, &path) != &db_sqlite)
		return OK;
	REQUIRE(stat(path, &st) == 0, DATABASE_DAMAGED, "%s: missing", path);
	REQUIRE(st.st_size > 0, DATABASE_DAMAGED, "%s: empty", path);
	return wal_check(path);
}

RC db_check(struct db *db, const char *url)
{
	AUTO(db_rows, q, NULL);
	const char *path;
	struct stat st;
	struct slice found;
	bool row;

	if (db_driver_of(url, &path) != &db_sqlite || stat(path, &st) != 0 || st.st_size > WHOLE_MAX)
		return OK;
	TRY(db_query(db, &q, "PRAGMA quick_check(1)", DB_NOARGS));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "database: no answer of quick_check");
	found = db_text(q, 0);
	REQUIRE(slice_is(found, "ok"), DATABASE_DAMAGED, "%s: %.*s", path,
	        (int)(found.len < 200 ? found.len : 200), (const char *)found.p);
	return OK;
}
