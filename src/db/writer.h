#ifndef YD_DB_WRITER_H
#define YD_DB_WRITER_H
/* The one writer of an instance (design 9.1).  Its thread runs up to WRITER_BATCH closures in one
 * transaction, each in a SAVEPOINT of its own, commits, then answers all of them.  A closure that
 * fails leaves no trace and does not disturb its neighbours.  When COMMIT fails all of the batch
 * get that result; RC_UNCERTAIN means: look before you repeat. */
#include "db/db.h"
#include "db/lease.h"

#define WRITER_BATCH 256
#define WRITER_QUEUE 65536

/* Passed to closures: write through tx->db, never keep it. */
struct db_tx { struct db *db; };
typedef struct rc writer_fn(struct db_tx *tx, void *arg);

struct writer;
/* Takes the connection over (also when it fails) and starts the thread. */
RC   writer_open(struct db *db_take, struct writer **ret);
/* Finishes what is queued, then stops. */
void writer_close(struct writer *w);
DROP(writer, writer_close);

/* Waits for the commit.  The text of a failure is this thread's rc_last().  Not from the writer
 * thread itself. */
RC   writer_run(struct writer *w, writer_fn *fn, void *arg);
/* done runs on the writer thread after the commit (keep it short, never call writer_run there);
 * rc_last() holds the text.  done may be NULL.  RC_BUSY (and no done) when the queue is full. */
RC   writer_submit(struct writer *w, writer_fn *fn, void (*done)(struct rc rc, void *arg), void *arg);
/* As writer_run(), but ahead of everything queued (revocations). */
RC   writer_run_first(struct writer *w, writer_fn *fn, void *arg);
size_t writer_waiting(struct writer *w);                /* closures in the queue (a metric) */

/* State in memory that must follow the transaction.  All calls come from the writer thread, in the
 * order of registration.
 * Register before the first closure; the struct must outlive the writer. */
struct writer_watch {
	void (*mark)(void *arg);                        /* before each closure */
	void (*undo)(void *arg);                        /* that closure was rolled back */
	void (*end)(void *arg, bool committed);         /* after the batch; false: failed or uncertain */
	/* After a batch that failed, once db is out of its transaction: read the truth again. */
	void (*reread)(void *arg, struct db *db);
	void *arg;
	struct writer_watch *next;
};
void writer_watch(struct writer *w, struct writer_watch *watch);

/* Where several hosts share the database: each transaction first touches the lease, which must be held; an
 * idle writer does so every LEASE_BEAT_MS.  Call it before the first closure; the struct must outlive
 * the writer, which alone uses it.  Once another host has taken over everything is RC_BUSY, for good. */
void writer_lease(struct writer *w, struct lease *lease);
bool writer_fenced(struct writer *w);

#endif
