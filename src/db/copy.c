/* All rows of one database into another one of the same role: the way between a file and PostgreSQL, for
 * backups and for who moves.  Both were brought to the same tables by this program. */
#include "base/mem.h"
#include "db/db.h"

#include <stdio.h>

#define COLUMNS 32
#define SQL_MAX 2048
#define NAME_MAX_BYTES 63

struct copied {
	char name[COLUMNS][NAME_MAX_BYTES + 1];
	enum db_kind kind[COLUMNS];
	size_t count;
	bool counted; /* its first column is an INTEGER PRIMARY KEY, which the database hands out */
};
struct copying {
	struct db *from, *to;
	bool to_pgsql;
};

static RC take_name(struct slice s, char ret[NAME_MAX_BYTES + 1])
{
	NEED(s.len > 0 && s.len <= NAME_MAX_BYTES, RC_INPUT, "database: a name of %zu bytes", s.len);
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC columns_of(struct db *file, const char *table, struct copied *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(file, &q, "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid",
	             DB_ARGS(DB_CSTR(table))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		NEED(ret->count < COLUMNS, RC_BUG, "database: table %s has too many columns", table);
		TRY(take_name(db_text(q, 0), ret->name[ret->count]));
		ret->kind[ret->count] = slice_is(db_text(q, 1), "INTEGER") ? DB_KIND_INT
		                        : slice_is(db_text(q, 1), "TEXT")  ? DB_KIND_TEXT
		                                                           : DB_KIND_BLOB;
		if (ret->count == 0)
			ret->counted = ret->kind[0] == DB_KIND_INT && db_int(q, 2) == 1;
		ret->count++;
	}
}

static void sql_of(const char *table, const struct copied *t, char select[SQL_MAX], char insert[SQL_MAX])
{
	size_t s = (size_t)snprintf(select, SQL_MAX, "SELECT "), i;
	size_t n = (size_t)snprintf(insert, SQL_MAX, "INSERT INTO %s (", table);

	for (i = 0; i < t->count; i++) {
		const char *comma = i > 0 ? ", " : "";

		s += (size_t)snprintf(select + s, SQL_MAX - s, "%s%s", comma, t->name[i]);
		n += (size_t)snprintf(insert + n, SQL_MAX - n, "%s%s", comma, t->name[i]);
	}
	(void)snprintf(select + s, SQL_MAX - s, " FROM %s ORDER BY 1", table);
	n += (size_t)snprintf(insert + n, SQL_MAX - n, ") VALUES (");
	for (i = 0; i < t->count; i++)
		n += (size_t)snprintf(insert + n, SQL_MAX - n, "%s$%zu", i > 0 ? ", " : "", i + 1);
	(void)snprintf(insert + n, SQL_MAX - n, ")");
}

static struct db_value value_of(struct db_rows *q, const struct copied *t, unsigned n)
{
	if (db_is_null(q, n))
		return DB_NULL;
	if (t->kind[n] == DB_KIND_INT)
		return DB_INT(db_int(q, n));
	return t->kind[n] == DB_KIND_TEXT ? DB_TEXT(db_text(q, n)) : DB_BLOB(db_blob(q, n));
}

static RC copy_rows(struct copying *c, const struct copied *t, const char *select, const char *insert)
{
	AUTO(db_rows, q, NULL);
	struct db_value values[COLUMNS];
	bool row;

	TRY(db_query(c->from, &q, select, DB_NOARGS));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		for (unsigned i = 0; i < t->count; i++)
			values[i] = value_of(q, t, i);
		TRY(db_run(c->to, NULL, insert, values, t->count));
	}
}

/* The next number that PostgreSQL hands out follows those that were copied. */
static RC go_on_counting(struct copying *c, const char *table, const struct copied *t)
{
	char sql[SQL_MAX];
	int64_t highest;

	if (!c->to_pgsql || !t->counted)
		return OK;
	(void)snprintf(sql, sizeof(sql), "SELECT coalesce(max(%s), 0) FROM %s", t->name[0], table);
	TRY(db_scalar(c->to, &highest, sql, DB_NOARGS));
	if (highest < 1)
		return OK;
	(void)snprintf(sql, sizeof(sql), "SELECT coalesce(setval(pg_get_serial_sequence('%s', '%s'), $1), 0)",
	               table, t->name[0]);
	return db_scalar(c->to, &highest, sql, DB_ARGS(DB_INT(highest)));
}

static RC copy_table(struct copying *c, const char *table)
{
	AUTO_MEM(struct copied, t, mem_new(1, sizeof(*t)));
	char select[SQL_MAX], insert[SQL_MAX], clear[128];

	NEED(t != NULL, RC_NOMEM, "database: out of memory");
	TRY(columns_of(c->to_pgsql ? c->from : c->to, table, t));
	sql_of(table, t, select, insert);
	(void)snprintf(clear, sizeof(clear), "DELETE FROM %s", table);
	TRY(db_run(c->to, NULL, clear, DB_NOARGS));
	TRY(rc_note(copy_rows(c, t, select, insert), "table %s", table));
	return go_on_counting(c, table, t);
}

struct tables {
	char name[128][NAME_MAX_BYTES + 1];
	size_t count;
};

/* In the order in which they were made, so that what is referred to is there first.  What concerns the place
 * alone stays behind. */
static RC tables_of(struct db *file, struct tables *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(
	        file, &q,
	        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE "
	        "'\\' AND name NOT IN ('migration', 'lease') ORDER BY rowid",
	        DB_NOARGS));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		NEED(ret->count < sizeof(ret->name) / sizeof(ret->name[0]), RC_BUG,
		     "database: too many tables");
		TRY(take_name(db_text(q, 0), ret->name[ret->count++]));
	}
}

RC db_copy(struct db *from, struct db *to)
{
	AUTO_MEM(struct tables, t, mem_new(1, sizeof(*t)));
	struct copying c = {.from = from, .to = to, .to_pgsql = db_is_pgsql(to)};
	struct rc rc = OK;

	NEED(t != NULL, RC_NOMEM, "database: out of memory");
	NEED(db_is_pgsql(from) != c.to_pgsql, RC_BUG, "database: copies go between a file and PostgreSQL");
	TRY(tables_of(c.to_pgsql ? from : to, t));
	TRY(db_verb(to, DB_BEGIN));
	for (size_t i = 0; i < t->count && rc_ok(rc); i++)
		rc = copy_table(&c, t->name[i]);
	if (rc_ok(rc))
		return db_verb(to, DB_COMMIT);
	struct rc_text why = *rc_last();

	(void)rc_ok(db_verb(to, DB_ROLLBACK));
	return rc_restore(&why);
}
