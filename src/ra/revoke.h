#ifndef YD_RA_REVOKE_H
#define YD_RA_REVOKE_H
/* A revocation statement on its way through the RA (revoke.c), whoever signed it. */
#include "ra/ra.h"
#include "statement/order.h"

struct revoking {
	struct ra *ra;
	const struct statement *s;
	const char *by; /* person or instance */
	struct order order;
	struct ra_revocation r;
	bool queued;        /* the CA was not reached: durable here */
	struct rc_text why; /* in a bulk: outcome of this one */
	json_t *answer;
};
/* Reads the order and fills the row; *s must outlive it. */
RC revoking_open(struct revoking *v, struct ra *ra, const struct statement *s, const char *by);
/* Sends it, or queues it when the CA cannot be reached; *ret is the answer. */
RC revoking_send(struct revoking *v, json_t **ret);
/* By rule (R21.2, R21.7): a statement of this instance's own.  why goes into the log. */
RC ra_revoke_by_rule(struct ra *ra, const char *ca, struct slice serial, enum crl_reason reason,
                     const char *why);

#endif
