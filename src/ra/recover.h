#ifndef YD_RA_RECOVER_H
#define YD_RA_RECOVER_H
/* Key recovery at the RA (R21.5): an officer or the holder asks, a second person reviews, the CA brings the
 * case to the KMC; what comes back is sealed for the new signing key and handed out here.  No private key is
 * ever in clear. */
#include "pki/envelope.h"
#include "ra/ra.h"
#include "statement/recovery.h"

/* Stored as numbers: do not renumber. */
enum ra_recovery_state { RECOVERY_REQUESTED = 1, RECOVERY_APPROVED, RECOVERY_REFUSED, RECOVERY_RELEASED };
const char *
ra_recovery_state_name(enum ra_recovery_state s); /* "requested" "approved" "refused" "released" */

/* GET /v1/recoveries/keys?ca=&serial=: every encryption key the holder of that certificate ever had. */
RC ra_recover_keys(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/recoveries, POST /v1/holder/recoveries */
RC ra_recover_request(struct ra *ra, const struct request *q, json_t **ret);
RC ra_recover_holder(struct ra *ra, const struct request *q, json_t **ret);
/* The same for the holder of that certificate. */
RC ra_recover_keys_of(struct ra *ra, struct slice ca, struct slice serial, json_t **ret);
/* POST /v1/recoveries/{id}/decision */
RC ra_recover_decide(struct ra *ra, const struct request *q, json_t **ret);
RC ra_recover_show(struct ra *ra, const struct request *q, json_t **ret);
RC ra_recover_list(struct ra *ra, const struct request *q, json_t **ret);
/* GET /v1/recoveries/{id}/envelopes?envelope=FORM: asks the CA again while the agents have not agreed. */
RC ra_recover_fetch(struct ra *ra, const struct request *q, json_t **ret);
/* Keys recovered for that new signing key, into "recovered" of a delivery (replacement, R21.5 (3)). */
RC ra_recover_attach(struct db *db, const uint8_t spki[32], enum envelope_form form, json_t *o);

/* ---- store_recover.c ---- */
struct ra_recovery {
	char id[RECOVERY_ID + 1], entity[RA_UUID + 1], ca[RA_NAME + 1], entry[RA_UUID + 1],
	        review[RA_UUID + 1];
	enum ra_recovery_state state;
	uint8_t spki[32];
	int64_t at;
};
RC ra_store_recovery_put(struct db *db, const struct ra_recovery *r, struct slice statement);
/* RC_NOTFOUND.  Buffers may be NULL. */
RC ra_store_recovery(struct db *db, const char *id, struct ra_recovery *ret, struct buf *statement,
                     struct buf *decision);
RC ra_store_recovery_each(struct db *db, size_t limit,
                          struct rc (*each)(void *arg, const struct ra_recovery *r), void *arg);
/* RC_CONFLICT unless the row is in `from`. */
RC ra_store_recovery_decide(struct db *db, const char *id, enum ra_recovery_state to, const char *review,
                            struct slice decision);
RC ra_store_recovery_release(struct db *db, const char *id);
RC ra_store_recovered_put(struct db *db, const char *id, struct slice serial, struct slice envelope);
RC ra_store_recovered_each(struct db *db, const char *id,
                           struct rc (*each)(void *arg, struct slice serial, struct slice envelope),
                           void *arg);
/* Ids of the released cases for that key. */
RC ra_store_recovered_for(struct db *db, const uint8_t spki[32], struct rc (*each)(void *arg, const char *id),
                          void *arg);
/* Encryption certificates of a holder under one authority, oldest first. */
RC ra_store_encryption_each(struct db *db, const char *ca, const char *entity,
                            struct rc (*each)(void *arg, struct slice serial, struct slice der), void *arg);
RC ra_store_encryption(struct db *db, const char *ca, struct slice serial, struct buf *der);

#endif
