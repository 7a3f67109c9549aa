#ifndef YD_SIGNER_ORDER_H
#define YD_SIGNER_ORDER_H
/* Recovery cases as the signers judge them: at the CA before it asks, at the KMC before a key leaves (R21.5).
 */
#include "pki/km.h"
#include "signer/anchors.h"
#include "statement/recovery.h"

struct order {
	size_t count;
	struct statement *s[SIGNER_ORDERS]; /* case, review, agents' decisions; all verified */
	struct recovery r;
};
void order_free(struct order *o);
#define AUTO_ORDER(name) __attribute__((cleanup(order_free))) struct order name = {0}

/* Opens and verifies the statements; the institution's two persons must agree. */
RC order_open(const struct anchors *a, const struct slice *statements, size_t n, struct order *ret);
/* A request of that case: for its new key, for a key that it names. */
RC order_item(const struct order *o, const struct km_request_item *i);
/* At the KMC: the case is of that CA's organisation, and enough agents of ours have approved. */
RC order_agreed(const struct anchors *a, const struct order *o, const char *institution, const char *own);

#endif
