#ifndef YD_STATEMENT_ORDER_H
#define YD_STATEMENT_ORDER_H
/* What a revocation statement orders, and who may order it on which ground (R21.6, R21.7, matrix "Suspend",
 * "Revoke").  RA and CA read it alike; the CA decides. */
#include "pki/ext.h"
#include "statement/statement.h"

#define ORDER_CA_MAX 48
#define ORDER_SERIAL_MAX 20
#define ORDER_CASE_MAX 256

enum order_event { ORDER_REVOKE, ORDER_HOLD, ORDER_RELEASE, ORDER_EVENTS };
enum order_ground { GROUND_HOLDER, GROUND_INSTITUTION, GROUND_RA, GROUND_CA, GROUNDS };
enum order_scope { ORDER_BY_CPS, ORDER_PAIR, ORDER_SINGLE };

struct order {
	char ca[ORDER_CA_MAX + 1];
	uint8_t serial[ORDER_SERIAL_MAX]; /* magnitude */
	size_t serial_len;
	enum order_event event;
	enum crl_reason reason;
	enum order_ground ground; /* the role's own when none is named */
	enum order_scope scope;
	bool has_invalidity, has_reported;
	int64_t invalidity, reported; /* reported: when the report was received (R31.5) */
	struct slice relates;         /* case; borrows the statement */
};
/* Body into ret; refuses a ground that the signer's role may not give for this event. */
RC order_read(const struct statement *s, struct order *ret);
/* revocation-right unless that role may do this on that ground. */
RC order_permitted(struct slice role, enum order_event event, enum order_ground ground);
const char *order_ground_name(enum order_ground g); /* "holder" "institution" "ra" "ca" */
const char *order_event_name(enum order_event e);   /* "revoke" "hold" "release" */

#endif
