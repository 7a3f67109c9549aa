#include "base/mem.h"
#include "db/db.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUSY_MS 10000

/* WAL with synchronous=FULL: a commit is on disk when it returns.  8 KB pages suit certificates. */
static const char setup_writer[] =
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384;"
        "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;";
static const char setup_reader[] =
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;";

#define PLACES 32 /* parameters whose places are looked up once */

struct conn {
	sqlite3 *db;
	bool read_only;
	sqlite3_stmt *verbs[DB_ROLLBACK_TO + 1]; /* those that come at every step */
};
struct stmt {
	struct conn *conn;
	sqlite3_stmt *s;
	uint8_t places[PLACES]; /* of $1, $2 ...; 0: not known yet */
};

static enum rc_code classify(int result)
{
	switch (result) {
	case SQLITE_CONSTRAINT:
		return RC_CONFLICT;
	case SQLITE_NOMEM:
		return RC_NOMEM;
	case SQLITE_TOOBIG:
		return RC_INPUT;
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_MISMATCH:
	case SQLITE_SCHEMA:
	case SQLITE_READONLY:
		return RC_BUG;
	default: /* locked, full, broken, unreadable: an operator's matter */
		return RC_BUSY;
	}
}

/* What becomes of the disk has names of its own; that a reader may not write is a bug. */
static RC failure(struct conn *c, int result, const char *what)
{
	const char *text = sqlite3_errmsg(c->db);
	int kind = result == SQLITE_IOERR_NOMEM ? SQLITE_NOMEM : result & 0xff;

	REQUIRE(kind != SQLITE_FULL, STORAGE_FULL, "database: %s: %s (%d)", what, text, result);
	REQUIRE(kind != SQLITE_CORRUPT && kind != SQLITE_NOTADB, DATABASE_DAMAGED, "database: %s: %s (%d)",
	        what, text, result);
	REQUIRE(kind != SQLITE_IOERR && (kind != SQLITE_READONLY || c->read_only), STORAGE_FAILED,
	        "database: %s: %s (%d)", what, text, result);
	FAIL(classify(kind), "database: %s: %s (%d)", what, text, result);
}

static void sqlite_close(void *conn)
{
	struct conn *c = conn;

	for (size_t i = 0; i < sizeof(c->verbs) / sizeof(c->verbs[0]); i++)
		(void)sqlite3_finalize(c->verbs[i]);
	(void)sqlite3_close_v2(c->db);
	mem_free(c);
}

static RC sqlite_script(void *conn, const char *sql)
{
	struct conn *c = conn;
	int result = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return result == SQLITE_OK ? OK : failure(c, result, "script");
}

static RC set_up(struct conn *c, const char *where, bool read_only)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int result;

	c->read_only = read_only;
	if (!read_only) { /* before SQLite makes it under the umask */
		int fd = open(where, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		NEED(fd >= 0, RC_BUSY, "database: cannot make %s", where);
		(void)close(fd);
	}
	flags |= read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	result = sqlite3_open_v2(where, &c->db, flags, NULL);
	if ((result & 0xff) == SQLITE_CANTOPEN)
		FAIL(RC_NOTFOUND, "database: cannot open %s", where);
	if (result != SQLITE_OK)
		return failure(c, result, where);
	(void)sqlite3_busy_timeout(c->db, BUSY_MS);
	(void)sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, DB_MAX_VALUE + 4096);
	return rc_note(sqlite_script(c, read_only ? setup_reader : setup_writer), "%s", where);
}

/* Nobody asks how much memory SQLite has taken: counting it takes a lock at every allocation. */
static void no_counting(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static RC sqlite_open(const char *where, bool read_only, void **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct conn *c = mem_new(1, sizeof(*c));
	struct rc rc;

	(void)pthread_once(&once, no_counting);
	NEED(c != NULL, RC_NOMEM, "database: out of memory");
	rc = set_up(c, where, read_only);
	if (!rc_ok(rc)) {
		sqlite_close(c);
		return rc;
	}
	*ret = c;
	return OK;
}

static RC sqlite_prepare(void *conn, const char *sql, void **ret)
{
	struct conn *c = conn;
	struct stmt *s = mem_new(1, sizeof(*s));
	int result;

	NEED(s != NULL, RC_NOMEM, "database: out of memory");
	s->conn = c;
	result = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->s, NULL);
	if (result != SQLITE_OK) {
		mem_free(s);
		return failure(c, result, sql);
	}
	*ret = s;
	return OK;
}

/* SQLite numbers $2 first when it stands first, so binding goes by name. */
static int place_of(struct stmt *s, unsigned n)
{
	char name[16];
	int at = n < PLACES ? s->places[n] : 0;

	if (at > 0)
		return at;
	(void)snprintf(name, sizeof(name), "$%u", n);
	at = sqlite3_bind_parameter_index(s->s, name);
	if (n < PLACES && at > 0 && at <= UINT8_MAX)
		s->places[n] = (uint8_t)at;
	return at;
}

static RC sqlite_bind(void *stmt, unsigned n, const struct db_value *v)
{
	struct stmt *s = stmt;
	const char *p = v->s.p == NULL ? "" : (const char *)v->s.p;
	int at = place_of(s, n), result = SQLITE_MISUSE;

	NEED(at > 0, RC_BUG, "database: no parameter $%u in: %s", n, sqlite3_sql(s->s));
	switch (v->kind) {
	case DB_KIND_NULL:
		result = sqlite3_bind_null(s->s, at);
		break;
	case DB_KIND_INT:
		result = sqlite3_bind_int64(s->s, at, v->i);
		break;
	case DB_KIND_TEXT:
		result = sqlite3_bind_text64(s->s, at, p, v->s.len, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case DB_KIND_BLOB:
		result = sqlite3_bind_blob64(s->s, at, p, v->s.len, SQLITE_TRANSIENT);
		break;
	}
	return result == SQLITE_OK ? OK : failure(s->conn, result, "bind");
}

static RC sqlite_step(void *stmt, bool *row)
{
	struct stmt *s = stmt;
	int result = sqlite3_step(s->s);

	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return failure(s->conn, result, "step");
	*row = result == SQLITE_ROW;
	return OK;
}

static struct db_value sqlite_column(void *stmt, unsigned n)
{
	sqlite3_stmt *s = ((struct stmt *)stmt)->s;
	int i = (int)n;

	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		return DB_INT(sqlite3_column_int64(s, i));
	case SQLITE_TEXT:
		return DB_TEXT(slice_of(sqlite3_column_text(s, i), (size_t)sqlite3_column_bytes(s, i)));
	case SQLITE_BLOB:
		return DB_BLOB(slice_of(sqlite3_column_blob(s, i), (size_t)sqlite3_column_bytes(s, i)));
	default:
		return DB_NULL;
	}
}

static void sqlite_reset(void *stmt)
{
	sqlite3_stmt *s = ((struct stmt *)stmt)->s;

	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
}

static void sqlite_finish(void *stmt)
{
	(void)sqlite3_finalize(((struct stmt *)stmt)->s);
	mem_free(stmt);
}

static int64_t sqlite_changes(void *conn)
{
	return sqlite3_changes64(((struct conn *)conn)->db);
}

/* Prepared at first use; what consists of two statements is rare. */
static int run_verb(struct conn *c, enum db_verb verb, const char *text)
{
	sqlite3_stmt **s = &c->verbs[verb];
	int result = SQLITE_OK;

	if (verb == DB_ROLLBACK_TO)
		return sqlite3_exec(c->db, text, NULL, NULL, NULL);
	if (*s == NULL)
		result = sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
	if (result != SQLITE_OK)
		return result;
	result = sqlite3_step(*s);
	(void)sqlite3_reset(*s);
	return result == SQLITE_DONE ? SQLITE_OK : result;
}

static RC sqlite_verb(void *conn, enum db_verb verb)
{
	static const char *const texts[] = {
	        [DB_BEGIN] = "BEGIN IMMEDIATE", [DB_COMMIT] = "COMMIT",
	        [DB_ROLLBACK] = "ROLLBACK",     [DB_SAVEPOINT] = "SAVEPOINT s",
	        [DB_RELEASE] = "RELEASE s",     [DB_ROLLBACK_TO] = "ROLLBACK TO s; RELEASE s",
	};
	struct conn *c = conn;
	int result;

	/* an error may have ended the transaction already */
	if (verb == DB_ROLLBACK && sqlite3_get_autocommit(c->db))
		return OK;
	/* a reader's transaction is a snapshot: it takes no lock */
	bool snapshot = verb == DB_BEGIN && sqlite3_db_readonly(c->db, "main") == 1;
	result = run_verb(c, verb, snapshot ? "BEGIN" : texts[verb]);
	if (result == SQLITE_OK)
		return OK;
	/* The commit record may be in the file without having been synced. */
	if (verb == DB_COMMIT && (result & 0xff) == SQLITE_IOERR)
		FAIL(RC_UNCERTAIN, "database: COMMIT: %s (%d)", sqlite3_errmsg(c->db), result);
	return failure(c, result, texts[verb]);
}

const struct db_driver db_sqlite = {
        .name = "sqlite",
        .open = sqlite_open,
        .close = sqlite_close,
        .prepare = sqlite_prepare,
        .set = sqlite_bind,
        .step = sqlite_step,
        .column = sqlite_column,
        .reset = sqlite_reset,
        .finish = sqlite_finish,
        .changes = sqlite_changes,
        .script = sqlite_script,
        .verb = sqlite_verb,
};

/* What this connection sees, as a database of its own: a transaction that is open here stays what it reads.
 */
static RC copy_pages(struct conn *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from->db, "main");
	int result = SQLITE_OK;

	NEED(b != NULL, RC_BUSY, "database: no copy: %s", sqlite3_errmsg(to));
	while (result == SQLITE_OK)
		result = sqlite3_backup_step(b, 4096);
	if (result != SQLITE_DONE) {
		(void)sqlite3_backup_finish(b);
		return failure(from, result, "copy");
	}
	result = sqlite3_backup_finish(b);
	return result == SQLITE_OK ? OK : failure(from, result, "copy");
}

RC db_snapshot(struct db *db, const char *path)
{
	struct conn *from = db_connection(db);
	sqlite3 *to = NULL;
	struct rc rc;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	NEED(fd >= 0, RC_BUSY, "database: cannot make %s", path);
	(void)close(fd);
	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = rc_fail(RC_BUSY, "database: cannot open %s", path);
	else
		rc = copy_pages(from, to);
	(void)sqlite3_close_v2(to);
	return rc;
}
