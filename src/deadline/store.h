#ifndef YD_DEADLINE_STORE_H
#define YD_DEADLINE_STORE_H
/* Deadlines in the database of the register (migrations/register).  Everything that writes runs inside a
 * closure of the writer: what it did and what it told of it are one transaction, so nothing is told twice. */
#include "db/db.h"
#include "deadline/clock.h"
#include "statement/statement.h"

#define DEADLINE_THRESHOLDS 8
#define DEADLINE_LIST_MAX 1000

/* ---- editions (C02, C06) ---- */
/* A statement "calendar", verified by the caller: kept as a draft that no deadline uses.  The same again is
 * fine.  calendar-edition; statement-fork, -gap, -rollback when it does not continue what is confirmed. */
RC deadline_store_enter(struct db *db, const struct statement *s, int64_t now);
struct deadline_change {
	bool confirmed;
	int64_t set;             /* of calendar_set */
	int64_t looked, moved;   /* open clocks; those with another due instant or mark */
};
/* A statement "calendar-confirmation" of another person (second-person).  With approval the edition counts
 * from now on and all open clocks are counted anew, with history and notices. */
RC deadline_store_decide(struct db *db, const struct statement *s, int64_t now, struct deadline_change *ret);
/* The confirmed editions, and the number of their set. */
RC deadline_store_calendar(struct db *db, struct calendar **ret, int64_t *set);
/* The number of the set of a calendar's editions; a new one when it is new. */
RC deadline_store_set(struct db *db, const struct calendar *c, int64_t now, int64_t *ret);

/* ---- clocks ---- */
/* Takes over what the events of a case say: new clocks, stopped ones, moved starts; each change is history.
 * The case must have been read with deadline_store_calendar()'s editions. */
RC deadline_store_case(struct db *db, const struct deadline_case *k, int64_t set, int64_t now);
/* Counts all open clocks anew with this set. */
RC deadline_store_recompute(struct db *db, const struct calendar *c, int64_t set, int64_t now,
                            struct deadline_change *ret);
/* One clock with history and notices; RC_NOTFOUND. */
RC deadline_store_show(struct db *db, const char *name, json_t **ret);
/* In the order of their due instants: of a party (obliged, owed or superior; NULL: all) and state (NULL:
 * all), from (after_due, after_id) on. */
struct deadline_filter {
	const char *party, *state;
	int64_t after_due, after_id;
	size_t limit;
};
RC deadline_store_list(struct db *db, const struct deadline_filter *f, json_t **ret);

/* ---- time ---- */
struct deadline_policy {
	int threshold[DEADLINE_THRESHOLDS]; /* working days before the due day, falling */
	size_t thresholds;
};
extern const struct deadline_policy deadline_policy_default; /* 5, 2, 0 (C12) */
struct deadline_tick {
	bool doubted, newly;     /* the clock is not believed: nothing was judged; newly: raise the alarm */
	int64_t then;            /* what was believed before */
	int64_t overdue, notices;
};
/* What time has brought: overdue clocks, retention that has ended, warnings.  allowed: seconds that may have
 * passed since the last run, as measured by another clock (C13). */
RC deadline_store_tick(struct db *db, const struct deadline_policy *p, int64_t now, int64_t allowed,
                       struct deadline_tick *ret);
/* A statement "time-attestation"; after the second person's the clock is believed again. */
RC deadline_store_attest(struct db *db, const struct statement *s, int64_t now, bool *believed);

#endif
