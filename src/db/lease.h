#ifndef YD_DB_LEASE_H
#define YD_DB_LEASE_H
/* One writer among several hosts (design 9.1).  The row "writer" names its holder and an epoch that rises
 * with each taking.  Every transaction of the holder begins by touching the row under its epoch: another
 * has taken over: nothing is written; nobody has: nobody can before the commit.  Safety needs no clock.
 *
 * A standby watches the row and takes it when nothing has moved for LEASE_TTL_MS by its own clock, or at
 * once when it was given back or its last holder had the same place (the process before this one). */
#include "db/db.h"

#define LEASE_TTL_MS 15000
#define LEASE_BEAT_MS 3000      /* an idle holder touches the row so often */
#define LEASE_PLACE_MAX 200

struct lease {
	char place[LEASE_PLACE_MAX + 1];        /* host and data folder */
	int64_t epoch;                          /* 0: not held */
	int64_t seen_epoch, seen_beat;          /* of another holder */
	uint64_t seen_at;
};

RC   lease_init(struct lease *l, const char *place);
/* One try; now is any monotonic clock.  RC_BUSY while another holds it; any failure: try again. */
RC   lease_take(struct db *db, struct lease *l, uint64_t now_ms);
/* First in each transaction of the holder.  RC_BUSY, and the lease is no longer held, when another took
 * it: what this process remembers of the database is old from here on. */
RC   lease_touch(struct db *db, struct lease *l);
/* Lets a standby take over at once. */
RC   lease_give_back(struct db *db, struct lease *l);

#endif
