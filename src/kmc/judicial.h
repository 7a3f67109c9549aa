#ifndef YD_KMC_JUDICIAL_H
#define YD_KMC_JUDICIAL_H
/* Judicial recovery (R06.14): its own doors, its own kind of statement, its own entries in the log.  A
 * recovery officer brings the order with the legal document's number and hash, others approve; the keys come
 * out sealed for the authority's certificate, for recovery officers to hand over. */
#include "kmc/recovery.h"

/* GET /v1/judicial/keys?institution=&serial=: {"ca","serial","spki"} of a stored key. */
RC kmc_judicial_key(struct kmc *k, const struct request *q, json_t **ret);
RC kmc_judicial_order(struct kmc *k, const struct request *q, json_t **ret); /* POST /v1/judicial */
RC kmc_judicial_show(struct kmc *k, const struct request *q, json_t **ret);  /* GET /v1/judicial/{id} */
RC kmc_judicial_decide(struct kmc *k, const struct request *q,
                       json_t **ret); /* POST /v1/judicial/{id}/decision */
RC kmc_judicial_fetch(struct kmc *k, const struct request *q,
                      json_t **ret); /* GET /v1/judicial/{id}/envelopes */

/* ---- store_judicial.c ---- */
struct kmc_order {
	char id[RECOVERY_ID + 1], person[37];
	uint8_t ca[32];
	int64_t at;
	struct slice statement; /* for writing */
};
RC kmc_store_order_put(struct db *db, const struct kmc_order *o);
RC kmc_store_order(struct db *db, const char *id, struct kmc_order *ret,
                   struct buf *statement); /* RC_NOTFOUND */
RC kmc_store_order_decision_put(struct db *db, const char *id, const struct kmc_decision *d);
RC kmc_store_order_decision_each(struct db *db, const char *id,
                                 struct rc (*each)(void *arg, const struct kmc_decision *d), void *arg);

#endif
