#include "db/db.h"
#include "base/mem.h"
#include "db/pgsql.h"
#include "db/sealed.h"

struct cached {
	char *sql;
	const char *from; /* where the text was when it was prepared: nearly always a constant */
	void *stmt;
	bool busy;
	uint64_t used;
};

struct db {
	const struct db_driver *driver;
	void *conn;
	struct cached cache[DB_CACHED];
	uint64_t uses;
	const struct db_seal *seal; /* NULL: sealed columns stay plain */
};

struct db_rows {
	struct db *db;
	void *stmt;
	struct cached *slot; /* NULL: not cached */
};

RC db_open_with(const struct db_driver *driver, const char *where, bool read_only, struct db **ret)
{
	struct db *db = mem_new(1, sizeof(*db));
	struct rc rc;

	NEED(db != NULL, RC_NOMEM, "database: out of memory");
	db->driver = driver;
	rc = driver->open(where, read_only, &db->conn);
	if (!rc_ok(rc)) {
		mem_free(db);
		return rc;
	}
	*ret = db;
	return OK;
}

const struct db_driver *db_driver_of(const char *url, const char **where)
{
	bool pgsql = strncmp(url, "pgsql:", 6) == 0;

	*where = url;
	if (pgsql || strncmp(url, "postgresql://", 13) == 0) {
		*where = pgsql ? url + 6 : url;
		return &db_pgsql;
	}
	if (strncmp(url, "sqlite:", 7) == 0)
		*where = url + 7;
	return &db_sqlite;
}

RC db_reach(const char *url, struct db_reach *ret)
{
	const char *where;

	*ret = (struct db_reach){0};
	return db_driver_of(url, &where) == &db_pgsql ? pg_reach(where, ret) : OK;
}

RC db_open(const char *url, bool read_only, struct db **ret)
{
	const char *where;
	const struct db_driver *driver = db_driver_of(url, &where);

	return db_open_with(driver, where, read_only, ret);
}

static void forget(struct db *db, struct cached *c)
{
	if (c->stmt != NULL)
		db->driver->finish(c->stmt);
	mem_free(c->sql);
	*c = (struct cached){0};
}

void db_close(struct db *db)
{
	size_t i;

	if (db == NULL)
		return;
	for (i = 0; i < DB_CACHED; i++)
		forget(db, &db->cache[i]);
	db->driver->close(db->conn);
	mem_free(db);
}

/* ---- statements ---- */

/* A free slot that holds this text, else the least used free one (to be filled), else NULL. */
static struct cached *find_slot(struct db *db, const char *sql)
{
	struct cached *best = NULL;
	size_t i;

	for (i = 0; i < DB_CACHED; i++)
		if (db->cache[i].from == sql && !db->cache[i].busy && strcmp(db->cache[i].sql, sql) == 0)
			return &db->cache[i];

	for (i = 0; i < DB_CACHED; i++) {
		struct cached *c = &db->cache[i];

		if (c->busy)
			continue;
		if (c->sql != NULL && strcmp(c->sql, sql) == 0)
			return c;
		if (best == NULL || c->used < best->used)
			best = c;
	}
	return best;
}

static RC take_statement(struct db *db, const char *sql, struct db_rows *r)
{
	struct cached *c = find_slot(db, sql);

	if (c == NULL)
		return db->driver->prepare(db->conn, sql, &r->stmt);
	if (c->sql == NULL || strcmp(c->sql, sql) != 0) {
		forget(db, c);
		TRY(db->driver->prepare(db->conn, sql, &c->stmt));
		c->sql = mem_text(sql);
		if (c->sql == NULL) {
			forget(db, c);
			FAIL(RC_NOMEM, "database: out of memory");
		}
		c->from = sql;
	}
	c->busy = true;
	c->used = ++db->uses;
	r->slot = c;
	r->stmt = c->stmt;
	return OK;
}

void db_rows_free(struct db_rows *r)
{
	if (r == NULL)
		return;
	if (r->slot != NULL) {
		r->db->driver->reset(r->stmt);
		r->slot->busy = false;
	} else if (r->stmt != NULL) {
		r->db->driver->finish(r->stmt);
	}
	mem_free(r);
}

void db_seal_with(struct db *db, const struct db_seal *seal)
{
	db->seal = seal;
}

static RC set(struct db *db, void *stmt, unsigned n, const struct db_value *v)
{
	AUTO_BUF(sealed, DB_MAX_VALUE);

	if (!v->sealed || db->seal == NULL || v->s.len == 0)
		return db->driver->set(stmt, n, v);
	TRY(seal_column(db->seal, v->s, &sealed));
	return db->driver->set(stmt, n, &DB_BLOB(buf_slice(&sealed)));
}

RC db_query(struct db *db, struct db_rows **ret, const char *sql, const struct db_value *args, size_t n)
{
	AUTO(db_rows, r, mem_new(1, sizeof(*r)));
	size_t i;

	NEED(r != NULL, RC_NOMEM, "database: out of memory");
	NEED(n <= DB_MAX_ARGS, RC_BUG, "database: %zu arguments", n);
	r->db = db;
	TRY(take_statement(db, sql, r));
	for (i = 0; i < n; i++)
		TRY(set(db, r->stmt, (unsigned)i + 1, &args[i]));
	*ret = MOVE(r);
	return OK;
}

RC db_next(struct db_rows *r, bool *row)
{
	return r->db->driver->step(r->stmt, row);
}

static struct db_value column(struct db_rows *r, unsigned n)
{
	return r->db->driver->column(r->stmt, n);
}

bool db_is_null(struct db_rows *r, unsigned n)
{
	return column(r, n).kind == DB_KIND_NULL;
}

int64_t db_int(struct db_rows *r, unsigned n)
{
	struct db_value v = column(r, n);

	return v.kind == DB_KIND_INT ? v.i : 0;
}

struct slice db_text(struct db_rows *r, unsigned n)
{
	return column(r, n).s;
}

struct slice db_blob(struct db_rows *r, unsigned n)
{
	return column(r, n).s;
}

RC db_sealed(struct db_rows *r, unsigned n, struct buf *ret)
{
	return unseal_column(r->db->seal, column(r, n).s, ret);
}

RC db_bytes(struct db_rows *r, unsigned n, uint8_t *ret, size_t len)
{
	struct slice s = column(r, n).s;

	NEED(s.len == len, RC_BUG, "database: column %u has %zu bytes instead of %zu", n, s.len, len);
	memcpy(ret, s.p, len);
	return OK;
}

RC db_run(struct db *db, int64_t *changed, const char *sql, const struct db_value *args, size_t n)
{
	AUTO(db_rows, r, NULL);
	bool row = true;

	TRY(db_query(db, &r, sql, args, n));
	while (row)
		TRY(db_next(r, &row));
	if (changed != NULL)
		*changed = db->driver->changes(db->conn);
	return OK;
}

RC db_scalar(struct db *db, int64_t *ret, const char *sql, const struct db_value *args, size_t n)
{
	AUTO(db_rows, r, NULL);
	bool row;

	TRY(db_query(db, &r, sql, args, n));
	TRY(db_next(r, &row));
	NEED(row, RC_NOTFOUND, "database: no such row");
	*ret = db_int(r, 0);
	return OK;
}

RC db_script(struct db *db, const char *sql)
{
	return db->driver->script(db->conn, sql);
}

RC db_verb(struct db *db, enum db_verb verb)
{
	return db->driver->verb(db->conn, verb);
}

void *db_connection(struct db *db)
{
	return db->conn;
}

bool db_is_pgsql(const struct db *db)
{
	return db->driver == &db_pgsql;
}
