#ifndef YD_RA_LOSS_H
#define YD_RA_LOSS_H
/* Reports of loss (R31, requirements b.17).  A report moves with the statements about its certificate:
 * whoever is known for certain revokes at once, whoever is not puts on hold at once, and an officer confirms
 * or releases. The table is pure (loss.c); what it does to rows is in store_loss.c. */
#include "ra/revoke.h"

/* Stored as numbers: do not renumber.  From LOSS_REVOKED on the report is not open any more. */
enum loss_state {
	LOSS_NONE = 0,
	LOSS_RECEIVED = 1,
	LOSS_AUTHENTICATED = 2,
	LOSS_UNCERTAIN = 3,
	LOSS_ON_HOLD = 4,
	LOSS_CONFIRMED = 5,
	LOSS_UNFOUNDED = 6,
	LOSS_REVOKED = 20,
	LOSS_RELEASED = 21,
	LOSS_NOTIFIED = 22,
	LOSS_CLOSED = 23,
};
enum loss_event {
	LOSS_RECEIVE,
	LOSS_AUTHENTICATE, /* the reporter is known: key, code, or an officer who says so */
	LOSS_DOUBT,
	LOSS_HOLD, /* the CA has it */
	LOSS_CONFIRM,
	LOSS_REFUTE,
	LOSS_REVOKE,  /* the CA has it */
	LOSS_RELEASE, /* the CA has it */
	LOSS_NOTIFY,
	LOSS_CLOSE,
	LOSS_EVENTS
};
/* RC_CONFLICT (loss-state) for a pair that is not in the table. */
RC loss_next(enum loss_state from, enum loss_event event, enum loss_state *to);
const char *loss_state_name(enum loss_state s);
const char *loss_event_name(enum loss_event e);

/* ---- store_loss.c: inside writer closures ---- */
/* A statement came in: opens a report when it says when it was reported, or moves the open one. */
RC ra_loss_said(struct db_tx *tx, const struct revoking *v);
/* The CA has done it, at that time: the report moves, and everybody concerned is told. */
RC ra_loss_done(struct db_tx *tx, const struct ra_revocation *r, enum order_event event, int64_t at);
/* Open ones that are on hold, behind `after`; what each() gets lives for its call. */
RC ra_store_losses_held(struct db *db, int64_t after, size_t limit,
                        struct rc (*each)(void *arg, int64_t id, const struct ra_revocation *r), void *arg);
/* ---- loss_watch.c: what the CA ended by itself ends the report too; a job ---- */
struct rc ra_loss_watch(void *in, int64_t due);

/* GET /v1/losses?cursor=&limit= and /v1/losses/{id} */
RC ra_losses(struct ra *ra, const struct request *q, json_t **ret);
RC ra_loss_show(struct ra *ra, const struct request *q, json_t **ret);

/* ---- code.c: the code of the counter ---- */
#define RA_CODE_TEXT 25 /* five groups of four, 100 bits, and a NUL */
/* A new one; the one before is void.  Inside writer closures. */
RC ra_code_new(struct ra *ra, struct db_tx *tx, const struct ra_application *a, const char *by,
               char code[RA_CODE_TEXT]);
/* ---- store_code.c ---- */
struct ra_code {
	int64_t application, failures, failed;
	uint8_t mac[32];
	bool fresh; /* not used */
};
RC ra_store_code_put(struct db *db, int64_t application, const uint8_t mac[32], const char *by);
/* RC_NOTFOUND leaves ret zeroed. */
RC ra_store_code(struct db *db, const char *ca, struct slice serial, struct ra_code *ret);
RC ra_store_code_failed(struct db *db, int64_t application, int64_t now, int64_t window);
RC ra_store_code_used(struct db *db, int64_t application, int64_t now);
/* Id of the application that a certificate came from; RC_NOTFOUND. */
RC ra_store_certified(struct db *db, struct slice ca, struct slice serial, char id[RA_ID + 1]);
/* Is `sign` the signing certificate of the pair that serial is of? */
RC ra_store_same_pair(struct db *db, const char *ca, struct slice serial, struct slice sign, bool *ret);

/* POST /v1/certificates/{ca}/{serial}/code */
/* holder.c: the signing certificate of a pair for whoever can sign with its key. */
RC ra_holder_certificate(struct ra *ra, const struct request *q, json_t **ret);
/* … state and certificates of an application, for whoever can sign with the key it names. */
RC ra_holder_outcome(struct ra *ra, const struct request *q, json_t **ret);
/* … what ra_recover_keys() shows officers, about the own certificate. */
RC ra_holder_keys(struct ra *ra, const struct request *q, json_t **ret);
RC ra_code_issue(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/holder/revocations/code: whoever knows the code. */
RC ra_revoke_by_code(struct ra *ra, const struct request *q, json_t **ret, bool *queued);
/* POST /v1/holder/revocations: whoever has the certificate's own signing key. */
RC ra_revoke_by_key(struct ra *ra, const struct request *q, json_t **ret, bool *queued);

#endif
