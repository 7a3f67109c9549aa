/* PostgreSQL through libpq.  Values go and come in binary; a statement is prepared when it first runs,
 * since the kinds of its arguments give the types.  What reads (SELECT, WITH) is taken from the wire row by
 * row; when another statement needs the connection meanwhile, the rest is put into memory first. */
#include "db/pgsql.h"
#include "base/mem.h"

#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

/* pg_type.oid of what binary values are read and written here. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_UNKNOWN = 705,
	OID_VARCHAR = 1043,
};

struct held {
	PGresult *r;
	struct held *next;
};

struct value {
	enum db_kind kind;
	uint8_t *copy; /* text or bytes, the statement's own */
	uint64_t number;
	size_t len;
};

struct pg_stmt {
	struct pg *pg;
	char *sql;
	unsigned params;
	bool reads;
	unsigned name, session; /* prepared under this name in that session; session 0 = not */
	enum db_kind types[DB_MAX_ARGS];
	struct value values[DB_MAX_ARGS];
	bool whole;   /* the result came at once, column() reads row of now */
	bool running; /* between the first step and the reset */
	bool broken;  /* the rows on the wire are lost; why says how */
	struct rc_text why;
	struct held *first, **end;
	size_t held;
	PGresult *now; /* where column() reads */
	int row;
};

/* ---- arguments ---- */

/* The highest $n; texts in quotes have none. */
static unsigned count_params(const char *sql)
{
	unsigned most = 0;
	bool quoted = false;

	for (; *sql != 0; sql++) {
		quoted ^= *sql == '\'';
		if (!quoted && *sql == '$') {
			unsigned n = 0;

			while (isdigit((unsigned char)sql[1]) != 0 && n <= DB_MAX_ARGS)
				n = n * 10 + (unsigned)(*++sql - '0');
			most = n > most ? n : most;
		}
	}
	return most;
}

static void clear_value(struct value *v)
{
	mem_free(v->copy);
	*v = (struct value){0};
}

static RC pg_set(void *stmt, unsigned n, const struct db_value *from)
{
	struct pg_stmt *s = stmt;
	struct value *v;

	NEED(n >= 1 && n <= s->params, RC_BUG, "database: no parameter $%u in: %s", n, s->sql);
	NEED(from->s.len <= DB_MAX_VALUE, RC_INPUT, "database: a value of %zu bytes", from->s.len);
	v = &s->values[n - 1];
	clear_value(v);
	if (from->kind == DB_KIND_INT) {
		v->number = htobe64((uint64_t)from->i);
	} else if (from->kind != DB_KIND_NULL) {
		v->copy = mem_copy(from->s);
		NEED(v->copy != NULL, RC_NOMEM, "database: out of memory");
		v->len = from->s.len;
	}
	v->kind = from->kind;
	return OK;
}

/* ---- preparing ---- */

static bool is_prepared(const struct pg_stmt *s)
{
	unsigned i;

	if (s->session != s->pg->session)
		return false;
	for (i = 0; i < s->params; i++)
		if (s->values[i].kind != DB_KIND_NULL && s->values[i].kind != s->types[i])
			return false;
	return true;
}

/* The server's copy goes with the next one that is made: now may be a bad moment. */
static void forget(struct pg_stmt *s)
{
	if (s->session == s->pg->session && s->session != 0)
		buf_printf(&s->pg->dead, "DEALLOCATE s%u;", s->name);
	s->session = 0;
}

static RC bury(struct pg *pg)
{
	if (pg->dead.len > 0 && !pg->dead.failed)
		TRY(pg_command(pg, buf_cstr(&pg->dead)));
	buf_clear(&pg->dead);
	return OK;
}

/* An argument that has only been NULL so far gets its type from where it stands. */
static RC prepare(struct pg_stmt *s)
{
	static const Oid oids[] = {
	        [DB_KIND_INT] = OID_INT8, [DB_KIND_TEXT] = OID_TEXT, [DB_KIND_BLOB] = OID_BYTEA};
	Oid types[DB_MAX_ARGS];
	char name[16];
	PGresult *r;
	unsigned i;

	if (is_prepared(s))
		return OK;
	forget(s);
	TRY(pg_flush(s->pg));
	TRY(bury(s->pg));
	for (i = 0; i < s->params; i++) {
		if (s->values[i].kind != DB_KIND_NULL)
			s->types[i] = s->values[i].kind;
		types[i] = oids[s->types[i]];
	}
	s->name = ++s->pg->names;
	(void)snprintf(name, sizeof(name), "s%u", s->name);
	r = PQprepare(s->pg->c, name, s->sql, (int)s->params, types);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		return pg_failure(s->pg, r, s->sql);
	PQclear(r);
	s->session = s->pg->session;
	return OK;
}

/* ---- rows ---- */

static bool is_known(Oid type)
{
	return type == OID_INT8 || type == OID_TEXT || type == OID_BYTEA || type == OID_INT4 ||
	       type == OID_INT2 || type == OID_BOOL || type == OID_VARCHAR || type == OID_UNKNOWN;
}

static RC check_columns(const struct pg_stmt *s, const PGresult *r)
{
	int i;

	for (i = 0; i < PQnfields(r); i++)
		NEED(is_known(PQftype(r, i)), RC_BUG, "database: column %d has type %u (CAST it) in: %s",
		     i + 1, PQftype(r, i), s->sql);
	return OK;
}

/* The next result from the wire, NULL after the last. */
static RC receive(struct pg_stmt *s, PGresult **ret)
{
	PGresult *r = PQgetResult(s->pg->c);
	struct rc rc;

	*ret = NULL;
	if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
		*ret = r;
		return OK;
	}
	if (r != NULL && PQresultStatus(r) == PGRES_TUPLES_OK) {
		PQclear(r);
		r = PQgetResult(s->pg->c);
	}
	s->pg->reading = NULL;
	if (r == NULL)
		return OK;
	rc = pg_failure(s->pg, r, s->sql);
	while ((r = PQgetResult(s->pg->c)) != NULL)
		PQclear(r);
	return rc;
}

static RC keep(struct pg_stmt *s, PGresult *r_take)
{
	struct held *h = mem_new(1, sizeof(*h));

	s->held += PQresultMemorySize(r_take);
	if (h == NULL || s->held > PG_HELD_MAX) {
		mem_free(h);
		PQclear(r_take);
		NEED(s->held <= PG_HELD_MAX, RC_BUG,
		     "database: other statements while reading a large result: %s", s->sql);
		FAIL(RC_NOMEM, "database: out of memory");
	}
	h->r = r_take;
	*s->end = h;
	s->end = &h->next;
	return OK;
}

/* Reads the rest away; what fails belongs to the statement that was being read. */
static void abandon(struct pg_stmt *s)
{
	PGresult *r;

	while (s->pg->reading == s && rc_ok(receive(s, &r)) && r != NULL)
		PQclear(r);
	s->pg->reading = NULL;
}

RC pg_hold(struct pg *pg)
{
	struct pg_stmt *s = pg->reading;
	struct rc rc = OK;
	PGresult *r;

	while (pg->reading != NULL && rc_ok(rc)) {
		rc = receive(s, &r);
		if (rc_ok(rc) && r != NULL)
			rc = keep(s, r);
	}
	if (rc_ok(rc))
		return OK;
	s->broken = true;
	s->why = *rc_last();
	abandon(s);
	return OK;
}

/* ---- running ---- */

struct call {
	char name[16];
	const char *values[DB_MAX_ARGS];
	int lengths[DB_MAX_ARGS], formats[DB_MAX_ARGS];
};

static void make_call(const struct pg_stmt *s, struct call *c)
{
	unsigned i;

	(void)snprintf(c->name, sizeof(c->name), "s%u", s->name);
	for (i = 0; i < s->params; i++) {
		const struct value *v = &s->values[i];
		const void *p = v->kind == DB_KIND_INT ? (const void *)&v->number : v->copy;

		c->values[i] = v->kind == DB_KIND_NULL ? NULL : p;
		c->lengths[i] = v->kind == DB_KIND_INT ? 8 : (int)v->len;
		c->formats[i] = 1;
	}
}

static bool send_call(const struct pg_stmt *s)
{
	struct call c;

	make_call(s, &c);
	return PQsendQueryPrepared(s->pg->c, c.name, (int)s->params, c.values, c.lengths, c.formats, 1) == 1;
}

static RC run_reading(struct pg_stmt *s)
{
	struct pg *pg = s->pg;

	TRY(prepare(s));
	NEED(send_call(s), RC_BUSY, "database: %.300s", PQerrorMessage(pg->c));
	(void)PQsetSingleRowMode(pg->c);
	pg->reading = s;
	TRY(receive(s, &s->now));
	return s->now == NULL ? OK : check_columns(s, s->now);
}

/* The one result of the query that is next in the pipeline, and the mark behind it. */
static PGresult *take_result(PGconn *c)
{
	PGresult *r = PQgetResult(c), *end = PQgetResult(c);

	PQclear(end);
	return r;
}

static void send_verb(struct pg *pg, const char *text)
{
	(void)PQsendQueryParams(pg->c, text, 0, NULL, NULL, NULL, NULL, 0);
}

/* The savepoints that wait and the statement in one round trip. */
static PGresult *run_piped(struct pg_stmt *s)
{
	struct pg *pg = s->pg;
	unsigned what = pg->waiting, bit;
	PGresult *r, *ret;

	pg->waiting = 0;
	(void)PQenterPipelineMode(pg->c);
	if ((what & PG_RELEASE) != 0)
		send_verb(pg, "RELEASE SAVEPOINT s");
	if ((what & PG_SAVEPOINT) != 0)
		send_verb(pg, "SAVEPOINT s");
	(void)send_call(s);
	(void)PQpipelineSync(pg->c);
	for (bit = PG_RELEASE; bit <= PG_SAVEPOINT; bit <<= 1) {
		if ((what & bit) == 0)
			continue;
		r = take_result(pg->c);
		pg->broken = pg->broken || PQresultStatus(r) != PGRES_COMMAND_OK;
		PQclear(r);
	}
	ret = take_result(pg->c);
	PQclear(PQgetResult(pg->c)); /* of the sync */
	if (PQexitPipelineMode(pg->c) == 0 && !pg_lost(pg))
		pg->broken = true;
	return ret;
}

static RC run_whole(struct pg_stmt *s)
{
	struct pg *pg = s->pg;
	ExecStatusType status;
	struct call c;
	PGresult *r;

	TRY(prepare(s));
	make_call(s, &c);
	r = pg->waiting != 0
	            ? run_piped(s)
	            : PQexecPrepared(pg->c, c.name, (int)s->params, c.values, c.lengths, c.formats, 1);
	status = PQresultStatus(r);
	if (pg->broken || (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)) {
		bool unknown = !pg->in_tx && !s->reads && pg_lost(pg);
		struct rc rc = pg_failure(pg, r, s->sql);

		/* outside of a transaction a write is a commit of its own */
		NEED(!unknown, RC_UNCERTAIN, "database: no answer to: %s", s->sql);
		NEED(!pg->broken, RC_BUSY, "database: a savepoint failed in this transaction");
		return rc;
	}
	s->now = r;
	if (!s->reads)
		pg->changes = strtoll(PQcmdTuples(r), NULL, 10);
	return check_columns(s, r);
}

static RC start(struct pg_stmt *s)
{
	struct pg *pg = s->pg;
	struct rc rc;

	TRY(pg_ready(pg));
	TRY(pg_hold(pg));
	s->running = true;
	s->whole = !s->reads || pg->waiting != 0;
	s->row = s->whole ? -1 : 0;
	if (s->whole)
		return run_whole(s);
	rc = run_reading(s);
	if (!rc_ok(rc) && pg_lost(pg) && !pg->in_tx) { /* reading can be repeated */
		TRY(pg_ready(pg));
		rc = run_reading(s);
	}
	return rc;
}

/* The next of a result that is being read: from memory, then from the wire. */
static RC advance(struct pg_stmt *s)
{
	struct held *h = s->first;

	PQclear(s->now);
	s->now = NULL;
	if (h != NULL) {
		s->now = h->r;
		s->first = h->next;
		if (s->first == NULL)
			s->end = &s->first;
		mem_free(h);
		return OK;
	}
	if (s->broken)
		return rc_restore(&s->why);
	return s->pg->reading == s ? receive(s, &s->now) : OK;
}

static RC pg_step(void *stmt, bool *row)
{
	struct pg_stmt *s = stmt;

	if (!s->running)
		TRY(start(s));
	else if (!s->whole)
		TRY(advance(s));
	if (s->whole)
		s->row++;
	*row = s->now != NULL && s->row < PQntuples(s->now);
	return OK;
}

static struct db_value pg_column(void *stmt, unsigned n)
{
	struct pg_stmt *s = stmt;
	struct slice v;
	int i = (int)n;

	if (s->now == NULL || i >= PQnfields(s->now) || PQgetisnull(s->now, s->row, i) != 0)
		return DB_NULL;
	v = slice_of(PQgetvalue(s->now, s->row, i), (size_t)PQgetlength(s->now, s->row, i));
	switch (PQftype(s->now, i)) {
	case OID_BYTEA:
		return DB_BLOB(v);
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_UNKNOWN:
		return DB_TEXT(v);
	default: {
		uint64_t u = v.len > 0 && v.p[0] >= 0x80 && v.len > 1 ? UINT64_MAX : 0;
		size_t k;

		for (k = 0; k < v.len; k++)
			u = u << 8 | v.p[k];
		return DB_INT(u);
	}
	}
}

/* ---- life of a statement ---- */

static void pg_reset(void *stmt)
{
	struct pg_stmt *s = stmt;
	unsigned i;

	if (s->pg->reading == s)
		abandon(s);
	while (s->first != NULL) {
		struct held *h = s->first;

		s->first = h->next;
		PQclear(h->r);
		mem_free(h);
	}
	PQclear(s->now);
	for (i = 0; i < s->params; i++)
		clear_value(&s->values[i]);
	s->now = NULL;
	s->end = &s->first;
	s->held = 0;
	s->running = s->broken = false;
}

static void pg_finish(void *stmt)
{
	struct pg_stmt *s = stmt;

	pg_reset(s);
	forget(s);
	mem_free(s->sql);
	mem_free(s);
}

static RC pg_prepare(void *conn, const char *sql, void **ret)
{
	unsigned params = count_params(sql);
	struct pg_stmt *s;

	NEED(params <= DB_MAX_ARGS, RC_BUG, "database: %u parameters in: %s", params, sql);
	s = mem_new(1, sizeof(*s));
	NEED(s != NULL, RC_NOMEM, "database: out of memory");
	s->pg = conn;
	s->params = params;
	s->reads = strncmp(sql, "SELECT", 6) == 0 || strncmp(sql, "WITH", 4) == 0;
	s->end = &s->first;
	s->sql = mem_text(sql);
	if (s->sql == NULL) {
		mem_free(s);
		FAIL(RC_NOMEM, "database: out of memory");
	}
	*ret = s;
	return OK;
}

static void pg_close(void *conn)
{
	struct pg *pg = conn;

	PQfinish(pg->c);
	buf_free(&pg->dead);
	mem_free(pg->where);
	mem_free(pg);
}

static RC pg_open(const char *where, bool read_only, void **ret)
{
	struct pg *pg = mem_new(1, sizeof(*pg));
	struct rc rc;

	NEED(pg != NULL, RC_NOMEM, "database: out of memory");
	pg->dead = BUF(PG_DEAD_MAX);
	pg->read_only = read_only;
	pg->where = mem_text(where);
	rc = pg->where == NULL ? rc_fail(RC_NOMEM, "database: out of memory") : pg_link_open(pg);
	if (!rc_ok(rc)) {
		pg_close(pg);
		return rc;
	}
	*ret = pg;
	return OK;
}

static int64_t pg_changes(void *conn)
{
	return ((struct pg *)conn)->changes;
}

const struct db_driver db_pgsql = {
        .name = "pgsql",
        .open = pg_open,
        .close = pg_close,
        .prepare = pg_prepare,
        .set = pg_set,
        .step = pg_step,
        .column = pg_column,
        .reset = pg_reset,
        .finish = pg_finish,
        .changes = pg_changes,
        .script = pg_script,
        .verb = pg_verb,
};
