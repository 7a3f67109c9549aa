/* What a database knows of its own log and of others'. */
#include "backup/backup.h"

#include "db/db.h"

#include <stdio.h>

RC backup_store_size(struct db *db, int64_t *entries)
{
	return db_scalar(db, entries, "SELECT coalesce(max(idx), -1) + 1 FROM log", DB_NOARGS);
}

static RC each_of(struct db *db, const char *sql, struct rc (*each)(void *arg, const char *log, int64_t size),
                  void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, sql, DB_NOARGS));
	for (;;) {
		char name[128];
		struct slice s;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		s = db_text(q, 0);
		(void)snprintf(name, sizeof(name), "%.*s", (int)s.len, (const char *)s.p);
		TRY(each(arg, name, db_int(q, 1)));
	}
}

RC backup_store_seen(struct db *db, struct rc (*each)(void *arg, const char *log, int64_t size), void *arg)
{
	int64_t feeds;

	TRY(each_of(db, "SELECT log, max(size) FROM witnessed GROUP BY log", each, arg));
	/* only followers have the table */
	TRY(db_scalar(db, &feeds,
	              "SELECT count(*) FROM migration WHERE name LIKE '%vault/001%' OR name LIKE "
	              "'%status/001%'",
	              DB_NOARGS));
	return feeds > 0 ? each_of(db, "SELECT name, next FROM feed", each, arg) : OK;
}

RC backup_store_revoked(struct db *db, backup_revoked *each, void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT ca, serial, revoked_at, reason FROM certificate WHERE revoked_at IS NOT NULL "
	             "ORDER BY revoked_at",
	             DB_NOARGS));
	for (;;) {
		char ca[128];
		struct slice s;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		s = db_text(q, 0);
		(void)snprintf(ca, sizeof(ca), "%.*s", (int)s.len, (const char *)s.p);
		TRY(each(arg, ca, db_blob(q, 1), db_int(q, 2), (int)db_int(q, 3)));
	}
}
