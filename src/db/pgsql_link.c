/* A connection to PostgreSQL: opening, losing it, transactions, what its errors mean (db.h). */
#include "db/pgsql.h"
#include "base/mem.h"
#include "db/dialect.h"

#include <stdio.h>
#include <stdlib.h>

/* A commit is on disk when it returns; a lock that does not come is RC_BUSY; a writer whose host has
 * gone silent in a transaction (LEASE_TTL_MS) does not hold up the next one for ever. */
static const char setup_writer[] = "SET synchronous_commit = on; SET lock_timeout = 10000;"
                                   "SET idle_in_transaction_session_timeout = 15000;"
                                   "SET client_min_messages = error;";
static const char setup_reader[] = "SET default_transaction_read_only = on; SET lock_timeout = 10000;"
                                   "SET client_min_messages = error;";

/* ---- what errors mean ---- */

/* SQLSTATE, longest prefix first (PostgreSQL, appendix A). */
static const struct {
	const char *prefix;
	enum rc_code code;
} classes[] = {
        {"22P02", RC_CONFLICT}, /* a text that is no number: SQLite's strict tables say so too */
        {"23", RC_CONFLICT},    {"22", RC_INPUT},   {"54", RC_INPUT}, {"40003", RC_UNCERTAIN},
        {"53200", RC_NOMEM},    {"25P03", RC_BUSY}, /* idle for too long in a transaction */
        {"0A", RC_BUG},         {"21", RC_BUG},     {"24", RC_BUG},   {"25", RC_BUG},
        {"26", RC_BUG},         {"34", RC_BUG},     {"3F", RC_BUG},   {"42", RC_BUG},
};

static enum rc_code classify(const char *state)
{
	size_t i;

	for (i = 0; state != NULL && i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0)
			return classes[i].code;
	return RC_BUSY; /* locked, full, broken, gone: an operator's matter */
}

bool pg_lost(const struct pg *pg)
{
	return pg->c == NULL || PQstatus(pg->c) != CONNECTION_OK;
}

RC pg_failure(struct pg *pg, PGresult *r_take, const char *what)
{
	const char *state = r_take == NULL ? NULL : PQresultErrorField(r_take, PG_DIAG_SQLSTATE);
	const char *text = r_take == NULL ? NULL : PQresultErrorField(r_take, PG_DIAG_MESSAGE_PRIMARY);
	enum rc_code code = pg_lost(pg) ? RC_BUSY : classify(state);
	struct rc rc;

	if (text == NULL)
		text = pg->c == NULL ? "no connection" : PQerrorMessage(pg->c);
	rc = rc_fail(code, "database: %.160s: %.200s (%s)", what, text, state == NULL ? "lost" : state);
	PQclear(r_take);
	return rc;
}

RC pg_command(struct pg *pg, const char *sql)
{
	PGresult *r = PQexec(pg->c, sql);
	ExecStatusType status = PQresultStatus(r);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		return pg_failure(pg, r, sql);
	PQclear(r);
	return OK;
}

/* ---- opening ---- */

static RC query(struct pg *pg, const char *sql, PGresult **ret)
{
	PGresult *r = PQexec(pg->c, sql);

	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		return pg_failure(pg, r, sql);
	*ret = r;
	return OK;
}

/* What a server that could forget a commit says of itself; others have no such setting. */
static RC check_server(struct pg *pg)
{
	PGresult *r = NULL;
	bool good;

	TRY(query(pg,
	          "SELECT coalesce(current_setting('fsync', true), 'on') = 'on' AND "
	          "current_setting('server_encoding') = 'UTF8'",
	          &r));
	good = PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), "t") == 0;
	PQclear(r);
	NEED(good, RC_INPUT, "database: the server must run with fsync = on and encoding UTF8");
	return OK;
}

/* The first schema of the search path is the place of the tables; like a file it is made when missing. */
static RC find_schema(struct pg *pg)
{
	PGresult *r = NULL;
	struct rc rc = OK;

	TRY(query(pg,
	          "SELECT current_schema() IS NULL, 'CREATE SCHEMA IF NOT EXISTS ' || "
	          "split_part(current_setting('search_path'), ',', 1)",
	          &r));
	if (strcmp(PQgetvalue(r, 0, 0), "t") == 0)
		rc = pg->read_only ? rc_fail(RC_NOTFOUND, "database: its schema does not exist")
		                   : pg_command(pg, PQgetvalue(r, 0, 1));
	PQclear(r);
	return rc;
}

static RC set_up(struct pg *pg)
{
	NEED(pg->c != NULL, RC_NOMEM, "database: out of memory");
	NEED(PQstatus(pg->c) == CONNECTION_OK, RC_BUSY, "database: %.300s", PQerrorMessage(pg->c));
	TRY(pg_command(pg, pg->read_only ? setup_reader : setup_writer));
	TRY(check_server(pg));
	return find_schema(pg);
}

/* What the caller's text says goes before these. */
RC pg_link_open(struct pg *pg)
{
	static const char *const names[] = {"connect_timeout",
	                                    "tcp_user_timeout",
	                                    "keepalives_idle",
	                                    "application_name",
	                                    "dbname",
	                                    "client_encoding",
	                                    NULL};
	const char *values[] = {"10", "10000", "10", "yuandian", pg->where, "UTF8", NULL};
	struct rc rc;

	PQfinish(pg->c);
	pg->session++;
	pg->reading = NULL;
	pg->waiting = 0;
	pg->broken = false;
	buf_clear(&pg->dead);
	pg->c = PQconnectdbParams(names, values, 1);
	rc = set_up(pg);
	if (!rc_ok(rc)) {
		PQfinish(pg->c);
		pg->c = NULL;
	}
	return rc;
}

static RC add_reach(const PQconninfoOption *o, struct db_reach *ret)
{
	const char *v = o->val;
	bool port = strcmp(o->keyword, "port") == 0;

	if (v == NULL || *v == 0)
		return OK;
	NEED(strcmp(o->keyword, "password") != 0, RC_INPUT, "database: a password belongs into a passfile");
	if (port)
		ret->port = (uint16_t)strtoul(v, NULL, 10);
	if (strcmp(o->keyword, "passfile") == 0) {
		NEED(strlen(v) < DB_PASSFILE_MAX, RC_INPUT, "database: name of the passfile");
		(void)snprintf(ret->passfile, DB_PASSFILE_MAX, "%s", v);
	}
	return OK;
}

RC pg_reach(const char *where, struct db_reach *ret)
{
	PQconninfoOption *all = PQconninfoParse(where, NULL), *o;
	struct rc rc = OK;

	NEED(all != NULL, RC_INPUT, "database: the URL cannot be read");
	*ret = (struct db_reach){.shared = true, .port = 5432};
	for (o = all; o->keyword != NULL && rc_ok(rc); o++)
		rc = add_reach(o, ret);
	PQconninfoFree(all);
	return rc;
}

RC pg_ready(struct pg *pg)
{
	NEED(!pg->broken, RC_BUSY, "database: a savepoint failed in this transaction");
	if (!pg_lost(pg))
		return OK;
	NEED(!pg->in_tx, RC_BUSY, "database: the connection was lost in a transaction");
	return pg_link_open(pg);
}

/* ---- transactions ---- */

static RC begin(struct pg *pg)
{
	const char *text = pg->read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN";
	struct rc rc;

	NEED(!pg->in_tx, RC_BUG, "database: BEGIN in a transaction");
	TRY(pg_ready(pg));
	rc = pg_command(pg, text);
	if (!rc_ok(rc) && pg_lost(pg)) { /* nothing has been done on it */
		TRY(pg_link_open(pg));
		rc = pg_command(pg, text);
	}
	pg->in_tx = rc_ok(rc);
	return rc;
}

/* Of a COMMIT that was sent and not answered nobody knows the outcome.  One in a transaction in which
 * a statement failed is answered with ROLLBACK. */
static RC commit(struct pg *pg)
{
	PGresult *r = NULL;
	bool done;

	NEED(pg->in_tx, RC_BUG, "database: COMMIT outside of a transaction");
	TRY(pg_ready(pg));
	pg->waiting = 0; /* goes with it */
	r = PQexec(pg->c, "COMMIT");
	if (pg_lost(pg)) {
		struct rc rc = rc_fail(RC_UNCERTAIN, "database: COMMIT: %.300s", PQerrorMessage(pg->c));

		PQclear(r);
		return rc;
	}
	if (PQtransactionStatus(pg->c) == PQTRANS_IDLE)
		pg->in_tx = false;
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		return pg_failure(pg, r, "COMMIT");
	done = strcmp(PQcmdStatus(r), "COMMIT") == 0;
	PQclear(r);
	NEED(done, RC_BUG, "database: COMMIT after a statement that had failed");
	return OK;
}

/* Without a connection there is nothing to roll back: the server does it. */
static RC rollback(struct pg *pg)
{
	pg->waiting = 0;
	if (pg->in_tx && !pg_lost(pg)) {
		struct rc rc = pg_command(pg, "ROLLBACK");

		if (!rc_ok(rc) && !pg_lost(pg))
			return rc;
	}
	pg->in_tx = pg->broken = false;
	return pg_ready(pg);
}

RC pg_flush(struct pg *pg)
{
	static const char *const texts[] = {
	        [PG_RELEASE] = "RELEASE SAVEPOINT s",
	        [PG_SAVEPOINT] = "SAVEPOINT s",
	        [PG_RELEASE | PG_SAVEPOINT] = "RELEASE SAVEPOINT s; SAVEPOINT s",
	};
	unsigned what = pg->waiting;
	struct rc rc;

	if (what == 0)
		return OK;
	pg->waiting = 0;
	rc = pg_command(pg, texts[what]);
	pg->broken = !rc_ok(rc);
	return rc;
}

static bool has_failed(const struct pg *pg)
{
	return PQtransactionStatus(pg->c) == PQTRANS_INERROR;
}

/* What is only waiting is undone by forgetting it; what would fail is sent at once. */
static RC savepoint(struct pg *pg, enum db_verb verb)
{
	NEED(pg->in_tx, RC_BUG, "database: savepoint outside of a transaction");
	TRY(pg_ready(pg));
	if (verb != DB_SAVEPOINT && (pg->waiting & PG_SAVEPOINT) != 0) {
		pg->waiting &= ~(unsigned)PG_SAVEPOINT;
		return OK;
	}
	if (verb == DB_ROLLBACK_TO) {
		TRY(pg_flush(pg));
		return pg_command(pg, "ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s");
	}
	if (has_failed(pg))
		return pg_command(pg, verb == DB_RELEASE ? "RELEASE SAVEPOINT s" : "SAVEPOINT s");
	pg->waiting |= verb == DB_RELEASE ? PG_RELEASE : PG_SAVEPOINT;
	return OK;
}

RC pg_verb(void *conn, enum db_verb verb)
{
	struct pg *pg = conn;

	if (!pg_lost(pg))
		TRY(pg_hold(pg));
	switch (verb) {
	case DB_BEGIN:
		return begin(pg);
	case DB_COMMIT:
		return commit(pg);
	case DB_ROLLBACK:
		return rollback(pg);
	case DB_SAVEPOINT:
	case DB_RELEASE:
	case DB_ROLLBACK_TO:
		break;
	}
	return savepoint(pg, verb);
}

/* ---- scripts ---- */

/* Rows that came with a number of their own: the next number is above them. */
static RC renumber(struct pg *pg)
{
	static const char columns[] = "SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), "
	                              "(SELECT coalesce(max(%I), 0) + 1 FROM %I), false)', "
	                              "quote_ident(table_name), column_name, column_name, table_name) "
	                              "FROM information_schema.columns "
	                              "WHERE is_identity = 'YES' AND table_schema = current_schema()";
	PGresult *r = PQexec(pg->c, columns);
	struct rc rc = OK;
	int i;

	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		return pg_failure(pg, r, "numbers");
	for (i = 0; i < PQntuples(r) && rc_ok(rc); i++)
		rc = pg_command(pg, PQgetvalue(r, i, 0));
	PQclear(r);
	return rc;
}

RC pg_script(void *conn, const char *sql)
{
	AUTO_BUF(text, DB_MAX_VALUE);
	struct pg *pg = conn;

	TRY(dialect_pgsql(slice_text(sql), &text));
	(void)buf_cstr(&text);
	TRY(buf_done(&text));
	TRY(pg_ready(pg));
	TRY(pg_hold(pg));
	TRY(pg_flush(pg));
	TRY(pg_command(pg, buf_cstr(&text)));
	return strstr(sql, "INSERT") == NULL ? OK : renumber(pg);
}
