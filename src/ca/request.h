#ifndef YD_CA_REQUEST_H
#define YD_CA_REQUEST_H
/* Life of a request at the CA: a table of {from, event, to} and nothing else.  A request enters the
 * database with the bytes that are to be signed; before that it is only in memory and the caller
 * repeats it. */
#include "base/rc.h"

#include <stddef.h>

/* Stored as numbers: do not renumber.  Below REQUEST_ISSUED there is work left. */
enum request_state {
	REQUEST_NONE = 0,             /* not in the database */
	REQUEST_PREPARED = 1,         /* all TBS durable, not signed */
	REQUEST_HALF_PREPARED = 2,    /* signing TBS durable; no answer of the KMC yet */
	REQUEST_PARTIAL = 3,          /* signing certificate issued (design 9.7) */
	REQUEST_PARTIAL_PREPARED = 4, /* and the encryption TBS durable */
	REQUEST_ISSUED = 5,
	REQUEST_STATES
};

enum request_event {
	REQUEST_PREPARE,      /* everything is at hand */
	REQUEST_PREPARE_HALF, /* the KMC does not answer */
	REQUEST_SIGNED,
	REQUEST_REFUSED,  /* the signer refused for good */
	REQUEST_KEY_CAME, /* the KMC answered later */
	REQUEST_EVENTS
};

/* RC_CONFLICT for a pair that is not in the table. */
RC request_next(enum request_state from, enum request_event event, enum request_state *to);
/* "issued", "issued-partial", "accepted" (work left, nothing to fetch yet). */
const char *request_state_name(enum request_state s);

#endif
