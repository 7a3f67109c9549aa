#ifndef YD_DB_PGSQL_H
#define YD_DB_PGSQL_H
/* Inside of the PostgreSQL driver: the connection (pgsql_link.c) and its statements (pgsql.c). */
#include "base/buf.h"
#include "db/db.h"

#include <libpq-fe.h>

#define PG_DEAD_MAX 65536       /* text of DEALLOCATEs that wait for a good moment */
/* Rows kept in memory when another statement needs the connection while a result is being read. */
#define PG_HELD_MAX ((size_t)64 << 20)

/* Savepoints travel with the statement that follows them, in one round trip: nothing but a lost
 * connection can make them fail in a transaction that is good. */
enum { PG_RELEASE = 1, PG_SAVEPOINT = 2 };

struct pg_stmt;
struct pg {
	PGconn *c;
	char *where;
	bool read_only;
	bool in_tx;                     /* by our own verbs, also when the connection is gone */
	unsigned waiting;               /* PG_RELEASE, then PG_SAVEPOINT: not sent yet */
	bool broken;                    /* one of them failed: only a rollback goes on */
	unsigned session;               /* prepared statements belong to one */
	unsigned names;
	struct buf dead;
	struct pg_stmt *reading;        /* rows of this one are still on the wire */
	int64_t changes;
};

RC   pg_reach(const char *where, struct db_reach *ret);
RC   pg_link_open(struct pg *pg);
/* A usable connection.  One that was lost is made anew outside of a transaction; inside RC_BUSY until
 * the rollback. */
RC   pg_ready(struct pg *pg);
bool pg_lost(const struct pg *pg);
/* The failure that r (may be NULL) stands for; frees it. */
RC   pg_failure(struct pg *pg, PGresult *r_take, const char *what);
/* Sends what waits. */
RC   pg_flush(struct pg *pg);
/* One simple query, nothing else being read. */
RC   pg_command(struct pg *pg, const char *sql);
/* Puts what is still on the wire into the memory of its statement. */
RC   pg_hold(struct pg *pg);
RC   pg_verb(void *conn, enum db_verb verb);
RC   pg_script(void *conn, const char *sql);

#endif
