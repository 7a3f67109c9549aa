#ifndef YD_RA_STATE_H
#define YD_RA_STATE_H
/* Life of an application: a table of {from, event, to} and nothing else. */
#include "base/rc.h"

#include <stddef.h>

/* Stored as numbers: do not renumber. */
enum application_state {
	APPLICATION_NONE = 0, /* not in the database */
	APPLICATION_ENTERED = 1,
	APPLICATION_APPROVED = 2, /* on its way to the CA */
	APPLICATION_REFUSED = 3,
	APPLICATION_PARTIAL = 4, /* the signing certificate is there (design 9.7) */
	APPLICATION_ISSUED = 5,
	APPLICATION_ACCEPTED = 6,
	APPLICATION_HELD = 7,      /* the source does not answer, or the RA is cut off (R30.3, R08.4) */
	APPLICATION_RETURNED = 8,  /* to be corrected by a new application */
	APPLICATION_CORRECTED = 9, /* its correction has taken its place */
	APPLICATION_LAPSED = 10,   /* not accepted in time, revoked (R21.2) */
	APPLICATION_CANCELLED = 11,
	APPLICATION_STATES
};

enum application_event {
	APPLICATION_ENTER,
	APPLICATION_APPROVE,
	APPLICATION_REFUSE,    /* by the reviewer */
	APPLICATION_CA_REFUSE, /* by the CA's gate */
	APPLICATION_HALF,      /* issued without the encryption certificate */
	APPLICATION_WHOLE,
	APPLICATION_ACCEPT,
	APPLICATION_HOLD, /* entered, but something must be waited for */
	APPLICATION_RELEASE,
	APPLICATION_RETURN,  /* by the reviewer, for correction */
	APPLICATION_CORRECT, /* the correction was entered */
	APPLICATION_LAPSE,
	APPLICATION_CANCEL, /* of a batch */
	APPLICATION_EVENTS
};

/* RC_CONFLICT (application-state) for a pair that is not in the table. */
RC application_next(enum application_state from, enum application_event event, enum application_state *to);
/* Its signing certificate is there. */
bool application_has_certificate(enum application_state s);

/* "entered" "approved" "refused" "issued-partial" "issued" "accepted" "held"
 * "returned" "corrected" "lapsed" "cancelled". */
const char *application_state_name(enum application_state s);
const char *application_event_name(enum application_event e);
RC application_state_find(const char *name, size_t len, enum application_state *ret);

#endif
