#ifndef YD_RA_SOURCE_H
#define YD_RA_SOURCE_H
/* The authoritative source of identities (R30.3): POST JSON {"schema","profile","identity"} to source_url,
 * answer {"result":"match"|"mismatch"|"unknown"}.  Query, answer and time are kept as one sealed record.  A
 * source that does not answer holds the application; it is asked again by the job "source". */
#include "db/writer.h"
#include "statement/statement.h"

struct ra;

#define SOURCE_ANSWER_MAX (64u << 10)
#define SOURCE_DEADLINE_MS 5000
#define SOURCE_PERIOD 10 /* seconds until one that did not answer is asked again */
#define SOURCE_ROUND 256 /* applications of one run */

/* Stored as numbers: do not renumber. */
enum source_result {
	SOURCE_NOT_ASKED,
	SOURCE_WAITING, /* it did not answer yet */
	SOURCE_MATCH,
	SOURCE_MISMATCH,
	SOURCE_UNKNOWN,
	SOURCE_RESULTS
};
struct source_answer {
	enum source_result result;
	int64_t at;
	bool recorded;
	uint8_t record[32]; /* name of the sealed record */
};
/* At the start: the client. */
RC source_open(struct ra *ra);
const char *source_result_name(enum source_result r);
/* Is the identity of that profile checked there? */
bool source_wanted(const struct ra *ra, struct slice profile);
/* Asks when it is wanted.  SOURCE_WAITING is a result, not a failure. */
RC source_ask(struct ra *ra, const struct statement *application, struct source_answer *ret);
/* Inside the closure that enters the application, or moves it: the result and its record. */
RC source_put(struct ra *ra, struct db_tx *tx, int64_t application, const struct source_answer *a);

RC ra_store_source_answer(struct db *db, int64_t application, const struct source_answer *a);

/* The job "held": asks again, and lets go what nothing holds any more. */
int64_t ra_held_due(void *arg, int64_t last);
struct rc ra_held_run(void *arg, int64_t due);

#endif
