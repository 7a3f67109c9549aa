/* The driver that makes trouble: wraps another (db.h). */
#include "base/mem.h"
#include "db/db.h"

struct conn {
	const struct db_driver *real;
	void *inner;
	struct db_faults *faults;
};
struct stmt {
	void *inner;
	struct conn *conn;
};

/* 0 = go on, 1 = fail without doing it, 2 = do it and say that the outcome is unknown. */
static int trouble(struct conn *c, enum db_call call, int verb)
{
	struct db_faults *f = c->faults;

	if ((f->kinds & call) == 0 || (call == DB_CALL_VERB && f->verb >= 0 && f->verb != verb))
		return 0;
	f->calls++;
	if (f->at == 0 || --f->at > 0)
		return 0;
	return f->uncertain ? 2 : 1;
}

static RC answer(int how, struct rc done)
{
	if (how == 2 && rc_ok(done))
		FAIL(RC_UNCERTAIN, "database: planned loss of the answer");
	return done;
}

static RC refused(void)
{
	FAIL(RC_BUSY, "database: planned failure");
}

/* The wrapped connection is made by db_open_faulty(), which knows the faults. */
static RC faulty_open(const char *where, bool read_only, void **ret)
{
	(void)where;
	(void)read_only;
	*ret = mem_new(1, sizeof(struct conn));
	NEED(*ret != NULL, RC_NOMEM, "database: out of memory");
	return OK;
}

static void faulty_close(void *conn)
{
	struct conn *c = conn;

	if (c->inner != NULL)
		c->real->close(c->inner);
	mem_free(c);
}

static RC faulty_prepare(void *conn, const char *sql, void **ret)
{
	struct conn *c = conn;
	struct stmt *s;
	struct rc rc;

	if (trouble(c, DB_CALL_PREPARE, -1) != 0)
		return refused();
	s = mem_new(1, sizeof(*s));
	NEED(s != NULL, RC_NOMEM, "database: out of memory");
	s->conn = c;
	rc = c->real->prepare(c->inner, sql, &s->inner);
	if (!rc_ok(rc)) {
		mem_free(s);
		return rc;
	}
	*ret = s;
	return OK;
}

static RC faulty_bind(void *stmt, unsigned n, const struct db_value *v)
{
	struct stmt *s = stmt;

	return trouble(s->conn, DB_CALL_BIND, -1) != 0 ? refused() : s->conn->real->set(s->inner, n, v);
}

static RC faulty_step(void *stmt, bool *row)
{
	struct stmt *s = stmt;
	int how = trouble(s->conn, DB_CALL_STEP, -1);

	return how == 1 ? refused() : answer(how, s->conn->real->step(s->inner, row));
}

static struct db_value faulty_column(void *stmt, unsigned n)
{
	struct stmt *s = stmt;

	return s->conn->real->column(s->inner, n);
}

static void faulty_reset(void *stmt)
{
	struct stmt *s = stmt;

	s->conn->real->reset(s->inner);
}

static void faulty_finish(void *stmt)
{
	struct stmt *s = stmt;

	s->conn->real->finish(s->inner);
	mem_free(s);
}

static int64_t faulty_changes(void *conn)
{
	struct conn *c = conn;

	return c->real->changes(c->inner);
}

static RC faulty_script(void *conn, const char *sql)
{
	struct conn *c = conn;
	int how = trouble(c, DB_CALL_STEP, -1);

	return how == 1 ? refused() : answer(how, c->real->script(c->inner, sql));
}

static RC faulty_verb(void *conn, enum db_verb verb)
{
	struct conn *c = conn;
	int how = trouble(c, DB_CALL_VERB, (int)verb);

	return how == 1 ? refused() : answer(how, c->real->verb(c->inner, verb));
}

static const struct db_driver db_faulty = {
        .name = "faulty",
        .open = faulty_open,
        .close = faulty_close,
        .prepare = faulty_prepare,
        .set = faulty_bind,
        .step = faulty_step,
        .column = faulty_column,
        .reset = faulty_reset,
        .finish = faulty_finish,
        .changes = faulty_changes,
        .script = faulty_script,
        .verb = faulty_verb,
};

RC db_open_faulty(const char *url, struct db_faults *faults, struct db **ret)
{
	struct db *db = NULL;
	struct conn *c;
	const char *where;
	const struct db_driver *real = db_driver_of(url, &where);
	struct rc rc;

	TRY(db_open_with(&db_faulty, where, false, &db));
	c = db_connection(db);
	c->faults = faults;
	c->real = real;
	rc = real->open(where, false, &c->inner);
	if (!rc_ok(rc)) {
		db_close(db);
		return rc;
	}
	*ret = db;
	return OK;
}
