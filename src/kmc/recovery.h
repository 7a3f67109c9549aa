#ifndef YD_KMC_RECOVERY_H
#define YD_KMC_RECOVERY_H
/* Recovery cases at the KMC: a CA brings them, recovery agents decide, GM/T 0014's RestoreKeyReq fetches what
 * they have agreed to; the signer looks at every statement again before a key leaves. */
#include "http/server.h"
#include "kmc/kmc.h"
#include "signer/client.h"
#include "statement/recovery.h"

#define KMC_STATEMENT_MAX (256u << 10)
#define KMC_CASES_MAX 500 /* one list */

/* POST /v1/recoveries, from a CA: {"recovery","decision"} base64; the same again is fine. */
RC kmc_case_take(struct kmc *k, const struct request *q, json_t **ret);
/* POST /v1/recoveries/{id}/decision, from an agent. */
RC kmc_case_decide(struct kmc *k, const struct request *q, json_t **ret);
RC kmc_case_show(struct kmc *k, const struct request *q, json_t **ret);
RC kmc_case_list(struct kmc *k, const struct request *q, json_t **ret);

/* What stands behind a restore: statements in the order the signer wants; owns their bytes. */
struct kmc_release {
	char id[RECOVERY_ID + 1];
	struct buf bytes[SIGNER_ORDERS];
	struct signer_orders orders;
};
void kmc_release_free(struct kmc_release *r);
/* The case of that CA for that new key which names the serial number and has enough approvals; KM_DUAL. */
RC kmc_release_find(struct kmc *k, struct db *db, const uint8_t ca[32], const uint8_t spki[32],
                    struct slice serial, struct kmc_release *ret);

/* ---- store_recovery.c ---- */
struct kmc_case {
	char id[RECOVERY_ID + 1], organisation[65];
	uint8_t ca[32], spki[32];
	int64_t at;
	struct slice statement, review; /* for writing */
};
RC kmc_store_case_put(struct db *db, const struct kmc_case *c);
/* RC_NOTFOUND; statements are added to the buffers, which may be NULL. */
RC kmc_store_case(struct db *db, const char *id, struct kmc_case *ret, struct buf *statement,
                  struct buf *review);
/* Newest first. */
RC kmc_store_case_each(struct db *db, size_t limit, struct rc (*each)(void *arg, const struct kmc_case *c),
                       void *arg);
/* Ids of the cases of that CA for that key, newest first. */
RC kmc_store_case_for(struct db *db, const uint8_t ca[32], const uint8_t spki[32],
                      struct rc (*each)(void *arg, const char *id), void *arg);
struct kmc_decision {
	char person[37];
	bool approve;
	int64_t at;
	struct slice statement;
};
/* RC_CONFLICT when that person has decided otherwise. */
RC kmc_store_decision_put(struct db *db, const char *id, const struct kmc_decision *d);
RC kmc_store_decision_each(struct db *db, const char *id,
                           struct rc (*each)(void *arg, const struct kmc_decision *d), void *arg);
RC kmc_store_recovered(struct db *db, const uint8_t ca[32], struct slice serial, const char *id, int64_t at);
RC kmc_store_recovered_count(struct db *db, int64_t *ret);

#endif
