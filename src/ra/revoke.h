#ifndef YD_RA_REVOKE_H
#define YD_RA_REVOKE_H
/* A revocation statement on its way through the RA (revoke.c), whoever signed it. */
#include "ra/ra.h"
#include "db/writer.h"
#include "statement/order.h"

/* How we know who asks. */
#define RA_WAY_OFFICER "officer"
#define RA_WAY_KEY "key"
#define RA_WAY_CODE "code"
#define RA_WAY_RULE "rule"

struct revoking {
	struct ra *ra;
	const char *way;
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
/* A way of the writer's: durable here, to be sent.  Inside a closure. */
RC revoking_put(struct db_tx *tx, struct revoking *v);
/* What has become durable is on its way. */
void revoking_queued(struct revoking *v);
RC revoking_queued_answer(const struct revoking *v, json_t **ret);

/* ---- queue.c: the way to the CA when it was away; ahead of everything else ---- */
RC ra_queue_send(struct ra *ra);
/* JSON to a door of the CA and back. */
RC ra_ca_call(struct ra *ra, const char *path, const json_t *body, json_t **ret);

/* ---- store_revoke.c ---- */
/* Queued ones behind `after` in their order; what each() gets lives for its call. */
RC ra_store_revocations(struct db *db, int64_t after, size_t limit,
                        struct rc (*each)(void *arg, const struct ra_revocation *r), void *arg);
/* RC_NOTFOUND; slices of ret are empty. */
RC ra_store_revocation_find(struct db *db, const uint8_t hash[32], struct ra_revocation *ret);

/* Those of one certificate that the CA did not refuse, in their order. */
RC ra_store_revocations_of(struct db *db, const char *ca, struct slice serial,
                           struct rc (*each)(void *arg, const struct ra_revocation *r), void *arg);
/* certificate-state when this RA knows that the certificate is on hold or revoked: what its key says counts
 * for nothing. */
RC ra_not_stopped(struct db *db, const char *ca, struct slice certificate);

/* By rule (R21.2, R21.7): a statement of this instance's own.  why goes into the log. */
RC ra_revoke_by_rule(struct ra *ra, const char *ca, struct slice serial, enum crl_reason reason,
                     const char *why);

#endif
