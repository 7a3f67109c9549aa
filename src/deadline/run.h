#ifndef YD_DEADLINE_RUN_H
#define YD_DEADLINE_RUN_H
/* Judging the time of a register that runs (C12, C13): how far the clock may have gone since the last look
 * is measured by the monotonic clock, which nobody sets.  After a start that is not known: a week may have
 * passed. */
#include "db/writer.h"
#include "deadline/store.h"

struct deadline_runner;
/* Both are borrowed and outlive it. */
RC   deadline_runner_new(struct writer *w, const struct deadline_policy *p, struct deadline_runner **ret);
void deadline_runner_free(struct deadline_runner *r);
DROP(deadline_runner, deadline_runner_free);
/* One look, from any thread.  `newly`: the caller raises the alarm "clock-doubted". */
RC   deadline_run(struct deadline_runner *r, struct deadline_tick *ret);
/* A verified statement "time-attestation". */
RC   deadline_attest(struct deadline_runner *r, const struct statement *s, bool *believed);

#endif
