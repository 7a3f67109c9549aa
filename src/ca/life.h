#ifndef YD_CA_LIFE_H
#define YD_CA_LIFE_H
/* Life of a certificate (requirements b.13): one table of {from, event, to}.  A state is never stored: it
 * follows from facts that only grow. */
#include "base/rc.h"

#include <stdint.h>

enum life_state {
	LIFE_ISSUED,
	LIFE_ACTIVE,
	LIFE_ON_HOLD,
	LIFE_REVOKED,
	LIFE_SUPERSEDED,
	LIFE_EXPIRED,
	LIFE_STATES
};
enum life_event {
	LIFE_ACCEPT,
	LIFE_HOLD,
	LIFE_RELEASE,
	LIFE_REVOKE,
	LIFE_UPDATE,  /* new key (R21.3) */
	LIFE_EXTEND,  /* same key, longer (R21.4) */
	LIFE_REPLACE, /* new key after damage (R21.5) */
	LIFE_EXPIRE,
	LIFE_EVENTS
};

/* What the rows say. */
struct life_facts {
	bool accepted; /* or the CPS counts it as accepted */
	bool held, revoked, superseded;
	int64_t not_after;
};
/* The strongest fact wins: revoked, expired, on hold, superseded, active, issued.  So a release shows what
 * was there before the hold. */
enum life_state life_of(const struct life_facts *f, int64_t now);
/* RC_CONFLICT for a pair that is not in the table: already-revoked for whatever is asked of a revoked
 * certificate, certificate-state else. */
RC life_next(enum life_state from, enum life_event event, enum life_state *to);
const char *
life_state_name(enum life_state s); /* "issued" "active" "on-hold" "revoked" "superseded" "expired" */
const char *life_event_name(enum life_event e);

#endif
