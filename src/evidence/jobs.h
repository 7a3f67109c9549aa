#ifndef YD_EVIDENCE_JOBS_H
#define YD_EVIDENCE_JOBS_H
/* Due work (design 5): a table walked by one thread, by business time.  A new generation of the
 * clock is noticed within JOBS_POLL_MS.  Periods that were missed are run once, not one by one.
 * A job with `apply` runs inside the transaction that notes it as done: exactly once.  A job with
 * `run` is noted afterwards and repeated after a crash or failure: it must be idempotent. */
#include "db/writer.h"

#define JOBS_MAX 64
#define JOBS_POLL_MS 250
#define JOBS_RETRY_MS 5000              /* real time before a failed job is tried again */

struct job {
	const char *name;               /* key of its row */
	int64_t period;                 /* seconds; 0 = ask due() */
	/* Next instant after the last run (0 = never ran); INT64_MAX = nothing to do now.
	 * Asked again at each walk: keep it cheap. */
	int64_t (*due)(void *arg, int64_t last);
	struct rc (*apply)(struct db_tx *tx, void *arg, int64_t due);
	struct rc (*run)(void *arg, int64_t due);
};

struct jobs;
/* table must outlive it.  failed (may be NULL) is called on the job thread with rc_last() set. */
struct jobs_setup {
	struct writer *writer;
	const struct job *table;
	size_t count;
	void *arg;
	void (*failed)(void *arg, const char *name, struct rc rc);
};
RC   jobs_start(const struct jobs_setup *setup, struct db *reader, struct jobs **ret);
void jobs_stop(struct jobs *j);         /* waits for the running job; before writer_close() */
static inline void jobs_free(struct jobs *j) { jobs_stop(j); }
DROP(jobs, jobs_free);
/* Walks the table now. */
void jobs_wake(struct jobs *j);
/* Seconds that the most overdue job is late now (0 = none): the readiness check's number. */
int64_t jobs_lateness(struct jobs *j);

#endif
