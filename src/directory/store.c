#include "directory/store.h"

#include <string.h>

#define FEED "directory"

RC directory_store_feed(struct db *db, uint64_t *next)
{
	int64_t n = 0;
	struct rc rc = db_scalar(db, &n, "SELECT next FROM feed WHERE name = $1", DB_ARGS(DB_CSTR(FEED)));

	*next = (uint64_t)n;
	return rc.code == RC_NOTFOUND ? OK : rc;
}

RC directory_store_feed_set(struct db *db, uint64_t next)
{
	return db_run(db, NULL,
	              "INSERT INTO feed (name, next) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET next = "
	              "excluded.next",
	              DB_ARGS(DB_CSTR(FEED), DB_INT(next)));
}

RC directory_store_put(struct db *db, const struct directory_row *row)
{
	return db_run(db, NULL,
	              "INSERT INTO directory_certificate (ca, serial, entry, not_after, der) VALUES ($1, $2, "
	              "$3, $4, $5) ON CONFLICT DO NOTHING",
	              DB_ARGS(DB_TEXT(row->ca), DB_BLOB(row->serial), DB_CSTR(row->entry),
	                      DB_INT(row->not_after), DB_BLOB(row->der)));
}

static void name_out(struct db_rows *q, unsigned column, char ret[DIRECTORY_NAME_MAX + 1])
{
	struct slice s = db_text(q, column);
	size_t n = s.len < DIRECTORY_NAME_MAX ? s.len : DIRECTORY_NAME_MAX;

	memcpy(ret, s.p, n);
	ret[n] = '\0';
}

RC directory_store_entry(struct db *db, struct slice ca, struct slice serial,
                         char ret[DIRECTORY_NAME_MAX + 1])
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT entry FROM directory_certificate WHERE ca = $1 AND serial = $2",
	             DB_ARGS(DB_TEXT(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "the certificate is not for the directory");
	name_out(q, 0, ret);
	return OK;
}

RC directory_store_known(struct db *db, struct slice ca, struct slice serial, const uint8_t sm3[32])
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT count(*) FROM certificate WHERE ca = $1 AND serial = $2 AND sm3 = $3",
	              DB_ARGS(DB_TEXT(ca), DB_BLOB(serial), DB_BLOB(slice_of(sm3, 32)))));
	REQUIRE(n == 1, FEED_BROKEN, "the CA hands over another certificate than its log tells of");
	return OK;
}

RC directory_store_wait(struct db *db, const char *entry, int64_t now)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO directory_queue (entry, change, tries, since, due) VALUES ($1, 1, 0, $2, $3) "
	        "ON CONFLICT (entry) DO UPDATE SET change = directory_queue.change + 1, due = "
	        "excluded.due",
	        DB_ARGS(DB_CSTR(entry), DB_INT(now), DB_INT(now)));
}

RC directory_store_due(struct db *db, int64_t now, struct directory_waiting *ret, size_t *n)
{
	AUTO(db_rows, q, NULL);
	size_t most = *n;
	bool row;

	*n = 0;
	TRY(db_query(db, &q,
	             "SELECT entry, change, tries FROM directory_queue WHERE due <= $1 ORDER BY due LIMIT $2",
	             DB_ARGS(DB_INT(now), DB_INT(most))));
	for (;; ++*n) {
		TRY(db_next(q, &row));
		if (!row || *n == most)
			return OK;
		name_out(q, 0, ret[*n].entry);
		ret[*n].change = db_int(q, 1);
		ret[*n].tries = db_int(q, 2);
	}
}

RC directory_store_done(struct db *db, const struct directory_waiting *w, int64_t now)
{
	TRY(db_run(db, NULL, "DELETE FROM directory_certificate WHERE entry = $1 AND not_after < $2",
	           DB_ARGS(DB_CSTR(w->entry), DB_INT(now))));
	return db_run(db, NULL, "DELETE FROM directory_queue WHERE entry = $1 AND change = $2",
	              DB_ARGS(DB_CSTR(w->entry), DB_INT(w->change)));
}

RC directory_store_again(struct db *db, const struct directory_waiting *w, int64_t due)
{
	return db_run(
	        db, NULL,
	        "UPDATE directory_queue SET tries = tries + 1, due = $2 WHERE entry = $1 AND change = $3",
	        DB_ARGS(DB_CSTR(w->entry), DB_INT(due), DB_INT(w->change)));
}

RC directory_store_count(struct db *db, int64_t *waiting, int64_t *since)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT count(*), min(since) FROM directory_queue", DB_NOARGS));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "count without a row");
	*waiting = db_int(q, 0);
	*since = db_int(q, 1);
	return OK;
}

/* A bare argument in a list of results has no type of its own everywhere: the column gives it one. */
RC directory_store_expired(struct db *db, int64_t now)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO directory_queue (entry, change, tries, since, due) SELECT DISTINCT entry, 1, "
	        "0, not_after * 0 + $1, not_after * 0 + $2 FROM directory_certificate WHERE not_after < $3 "
	        "ON CONFLICT DO NOTHING",
	        DB_ARGS(DB_INT(now), DB_INT(now), DB_INT(now)));
}

RC directory_store_good(struct db *db, const char *entry, int64_t now, struct link_values *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	ret->count = 0;
	TRY(db_query(
	        db, &q,
	        "SELECT d.der FROM directory_certificate d JOIN certificate c ON c.ca = d.ca AND c.serial = "
	        "d.serial WHERE d.entry = $1 AND d.not_after >= $2 AND c.revoked_at IS NULL ORDER BY "
	        "c.not_before DESC, d.serial LIMIT $3",
	        DB_ARGS(DB_CSTR(entry), DB_INT(now), DB_INT(DIRECTORY_VALUES))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row || ret->count == DIRECTORY_VALUES)
			return OK;
		struct buf *b = &ret->at[ret->count++];
		*b = BUF(DB_MAX_VALUE);
		buf_add(b, db_blob(q, 0));
		TRY(buf_done(b));
	}
}

RC directory_store_list(struct db *db, const char *ca, struct buf *der, bool *current)
{
	AUTO(db_rows, q, NULL);
	bool row;

	*current = true;
	TRY(db_query(db, &q, "SELECT announced, number, der FROM crl WHERE ca = $1", DB_ARGS(DB_CSTR(ca))));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	*current = db_int(q, 1) >= db_int(q, 0);
	buf_add(der, db_blob(q, 2));
	return buf_done(der);
}

RC directory_store_names(struct db *db, const char *after, char (*ret)[DIRECTORY_NAME_MAX + 1], size_t *n)
{
	AUTO(db_rows, q, NULL);
	size_t most = *n;
	bool row;

	*n = 0;
	TRY(db_query(
	        db, &q,
	        "SELECT DISTINCT entry FROM directory_certificate WHERE entry > $1 ORDER BY entry LIMIT $2",
	        DB_ARGS(DB_CSTR(after), DB_INT(most))));
	for (;; ++*n) {
		TRY(db_next(q, &row));
		if (!row || *n == most)
			return OK;
		name_out(q, 0, ret[*n]);
	}
}
