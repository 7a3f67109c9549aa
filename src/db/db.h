#ifndef YD_DB_DB_H
#define YD_DB_DB_H
/* One SQL connection behind a driver table (style.md 5.9).  One thread uses a connection at a time.
 * Statements are portable: $1, $2 ... placeholders, ON CONFLICT ... DO NOTHING RETURNING.
 *
 *	AUTO(db_rows, q, NULL);
 *	TRY(db_query(db, &q, "SELECT serial, der FROM certificate WHERE ca = $1", DB_ARGS(DB_TEXT(ca))));
 *	for (;;) {
 *		TRY(db_next(q, &row));
 *		if (!row) break;
 *		... db_int(q, 0), db_blob(q, 1) ...
 *	}
 *
 * What both databases take: a column is compared before its argument is tested for NULL ("k = $1 OR $1 IS
 * NULL", from which $1 has its type), a subquery in FROM has a name, empty bytes are an argument, not x''.
 *
 * Results: RC_CONFLICT a constraint refused; RC_BUSY locked, full or broken storage, or a lost connection;
 * RC_UNCERTAIN a COMMIT whose outcome is unknown; RC_INPUT too big; RC_BUG wrong SQL.
 *
 * After a failed statement in a transaction nothing but a rollback (to the savepoint) works on PostgreSQL:
 * expect conflicts with ON CONFLICT, not with RC_CONFLICT.  Readers never wait for writers; DB_BEGIN on a
 * read-only connection is a snapshot.  A lost connection is made anew outside of transactions. */
#include "base/auto.h"
#include "base/rc.h"
#include "base/slice.h"

#define DB_MAX_ARGS 32
#define DB_MAX_VALUE (32u << 20)
#define DB_CACHED 128                   /* prepared statements kept per connection */

enum db_kind { DB_KIND_NULL, DB_KIND_INT, DB_KIND_TEXT, DB_KIND_BLOB };
struct db_value { enum db_kind kind; bool sealed; int64_t i; struct slice s; };

#define DB_NULL ((struct db_value){.kind = DB_KIND_NULL})
#define DB_INT(v) ((struct db_value){.kind = DB_KIND_INT, .i = (int64_t)(v)})
#define DB_TEXT(v) ((struct db_value){.kind = DB_KIND_TEXT, .s = (v)})
#define DB_CSTR(v) DB_TEXT(slice_text(v))
#define DB_BLOB(v) ((struct db_value){.kind = DB_KIND_BLOB, .s = (v)})
/* A blob that names persons: sealed at rest when the connection has a seal; db_sealed() reads it. */
#define DB_SEALED(v) ((struct db_value){.kind = DB_KIND_BLOB, .sealed = true, .s = (v)})
/* NULL when the slice has no memory. */
#define DB_BLOB_OPT(v) ((v).p == NULL ? DB_NULL : DB_BLOB(v))
/* The two last arguments of db_query() and db_run(). */
#define DB_ARGS(...) \
	((const struct db_value[]){__VA_ARGS__}), \
	(sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
#define DB_NOARGS NULL, 0

enum db_verb {                          /* of transactions; savepoints do not nest */
	DB_BEGIN, DB_COMMIT, DB_ROLLBACK, DB_SAVEPOINT, DB_RELEASE, DB_ROLLBACK_TO,
};

/* What a driver gives.  conn and stmt are its own. */
struct db_driver {
	const char *name;
	struct rc (*open)(const char *where, bool read_only, void **conn);
	void (*close)(void *conn);
	struct rc (*prepare)(void *conn, const char *sql, void **stmt);
	struct rc (*set)(void *stmt, unsigned n, const struct db_value *v);     /* n from 1 */
	struct rc (*step)(void *stmt, bool *row);
	struct db_value (*column)(void *stmt, unsigned n);                      /* n from 0; borrowed */
	void (*reset)(void *stmt);
	void (*finish)(void *stmt);
	int64_t (*changes)(void *conn);
	struct rc (*script)(void *conn, const char *sql);                       /* several statements */
	struct rc (*verb)(void *conn, enum db_verb verb);
};
extern const struct db_driver db_sqlite, db_pgsql;
/* Which driver an URL means, and what it is to open. */
const struct db_driver *db_driver_of(const char *url, const char **where);

struct db;
/* url: "sqlite:PATH" or a plain PATH of a file, made (0600) if missing unless read-only;
 * "pgsql:CONNINFO" or "postgresql://..." as libpq reads them. */
RC   db_open(const char *url, bool read_only, struct db **ret);
/* What a sandboxed process must still reach after it has opened the database.  RC_INPUT for an URL with a
 * password in it: it belongs into a passfile. */
#define DB_PASSFILE_MAX 256
struct db_reach { bool shared; uint16_t port; char passfile[DB_PASSFILE_MAX]; };
RC   db_reach(const char *url, struct db_reach *ret);   /* shared: other hosts may write too (lease.h) */
/* A file that is missing, empty or damaged, as DATABASE_DAMAGED: the first before it is opened, which would
 * make it; the second reads small databases as a whole. */
RC   db_check_file(const char *url);
RC   db_check(struct db *db, const char *url);
RC   db_open_with(const struct db_driver *driver, const char *where, bool read_only, struct db **ret);
void db_close(struct db *db);
static inline void db_free(struct db *db) { db_close(db); }
DROP(db, db_free);

/* The key of sealed columns, 16 bytes.  The instance sets it when its signer is unlocked; until then such
 * columns are neither written nor read (RC_BUSY).  Borrowed. */
struct secret;
struct db_seal { const struct secret *key; };
void db_seal_with(struct db *db, const struct db_seal *seal);

/* An open result; freeing it gives the statement back to the cache of its connection. */
struct db_rows;
void db_rows_free(struct db_rows *r);
DROP(db_rows, db_rows_free);
/* args may be freed after the call. */
RC   db_query(struct db *db, struct db_rows **ret, const char *sql, const struct db_value *args, size_t n);
RC   db_next(struct db_rows *r, bool *row);
/* Columns of the current row, from 0; slices live until the next db_next().  NULL reads as 0 or
 * SLICE_NONE. */
bool db_is_null(struct db_rows *r, unsigned n);
int64_t db_int(struct db_rows *r, unsigned n);
struct slice db_text(struct db_rows *r, unsigned n);
struct slice db_blob(struct db_rows *r, unsigned n);
/* Appends what DB_SEALED() was given; DATABASE_DAMAGED when it was changed. */
struct buf;
RC   db_sealed(struct db_rows *r, unsigned n, struct buf *ret);
/* Exactly len bytes, else RC_BUG. */
RC   db_bytes(struct db_rows *r, unsigned n, uint8_t *ret, size_t len);
/* Runs to the end; *changed (may be NULL) counts rows inserted, updated or deleted. */
RC   db_run(struct db *db, int64_t *changed, const char *sql, const struct db_value *args, size_t n);
/* First column of the only row as an integer; RC_NOTFOUND without a row. */
RC   db_scalar(struct db *db, int64_t *ret, const char *sql, const struct db_value *args, size_t n);
RC   db_script(struct db *db, const char *sql);
RC   db_verb(struct db *db, enum db_verb verb);
/* All rows of a file into an empty PostgreSQL database or back, both of one role: in one transaction,
 * whatever was there is gone.  The lease is not copied. */
RC   db_copy(struct db *from, struct db *to);
bool db_is_pgsql(const struct db *db);
/* SQLite only: what the connection sees now (in a transaction: what that sees) as a new file. */
RC   db_snapshot(struct db *db, const char *path);
void *db_connection(struct db *db);     /* the driver's own */

/* Applies migrations/common/NNN_*.sql, then migrations/ROLE/NNN_*.sql (embedded in the program),
 * each in one transaction with a row in the table "migration".  RC_CONFLICT when an applied text
 * has changed since.  role NULL = common only. */
RC   db_migrate(struct db *db, const char *role);
/* The same with a table of the caller's (tests). */
struct embedded;
RC   db_migrate_from(struct db *db, const struct embedded *files, const char *role);

/* Reader connections: leased to one thread at a time, opened when needed. */
#define DB_POOL_MAX 64
#define DB_POOL_WAIT_MS 10000
struct db_pool;
struct db_lease { struct db *db; struct db_pool *pool; struct db_lease *next; };
RC   db_pool_open(const char *url, unsigned max, struct db_pool **ret);
void db_pool_seal_with(struct db_pool *p, const struct db_seal *seal); /* before the first lease */
void db_pool_close(struct db_pool *p);                  /* all leases must be back */
RC   db_pool_lease(struct db_pool *p, struct db_lease **ret);
void db_lease_free(struct db_lease *l);
DROP(db_lease, db_lease_free);

/* A driver that wraps another and makes trouble, for tests: counts the calls of the chosen kinds and
 * lets the n-th fail, or does it and answers RC_UNCERTAIN. */
enum db_call { DB_CALL_PREPARE = 1, DB_CALL_BIND = 2, DB_CALL_STEP = 4, DB_CALL_VERB = 8, DB_CALL_ALL = 15 };
struct db_faults {
	unsigned kinds;                 /* which calls count */
	int verb;                       /* only this enum db_verb; -1 = every one */
	unsigned long at;               /* 1 = the next; 0 = never */
	bool uncertain;                 /* perform it, then answer RC_UNCERTAIN */
	unsigned long calls;            /* counted so far */
};
RC   db_open_faulty(const char *url, struct db_faults *faults, struct db **ret);

#endif
