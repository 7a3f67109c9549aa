#ifndef YD_KMC_STORE_H
#define YD_KMC_STORE_H
/* The KMC's tables (migrations/kmc): keys move standby → in use → history (GB/T 25056), tasks stay.
 * Functions that write run inside writer closures. */
#include "base/buf.h"
#include "db/db.h"

#include <stdint.h>

#define KMC_PUB 64 /* X || Y */
#define KMC_WRAPPED_MAX 256
#define KMC_SERIAL_MAX 20
#define KMC_MAC_KEY 16
#define KMC_ANSWER_MAX (2u << 20)

/* Key of the row integrity value: HMAC-SM3 over every column that matters. */
struct kmc_mac {
	uint8_t key[KMC_MAC_KEY];
};

struct kmc_key { /* one encryption key pair */
	uint8_t pub[KMC_PUB];
	uint8_t wrapped[KMC_WRAPPED_MAX];
	size_t wrapped_len;
};

struct kmc_user {             /* whose it is */
	struct slice serial;  /* userCertNo, magnitude without leading zeros */
	uint8_t sign_key[32]; /* SM3 of the signing key's SubjectPublicKeyInfo */
	int64_t not_before, not_after;
	struct slice name, region, extend; /* optional */
};

enum kmc_shelf { KMC_NOWHERE, KMC_IN_USE, KMC_HISTORY };

RC kmc_store_standby_add(struct db *db, const struct kmc_mac *mac, const struct kmc_key *k, int64_t at);
/* Forgets keys that were made before `before`: after a restoration they may be in use elsewhere. */
RC kmc_store_standby_drop(struct db *db, int64_t before);
RC kmc_store_standby_count(struct db *db, int64_t *ret);
/* Takes the oldest standby key into use for the user.  KM_STOCK when none is left; KM_TAMPERED when the
 * row fails its integrity value (it stays where it is). */
RC kmc_store_assign(struct db *db, const struct kmc_mac *mac, const uint8_t ca[32], const struct kmc_user *u,
                    int64_t at, struct kmc_key *ret);
/* Where the key of a user is, and the key; KM_TAMPERED.  *shelf KMC_NOWHERE leaves the rest alone. */
RC kmc_store_find(struct db *db, const struct kmc_mac *mac, const uint8_t ca[32], struct slice serial,
                  enum kmc_shelf *shelf, uint8_t sign_key[32], struct kmc_key *ret);
/* In use → history.  Already there: OK, *moved false.  KM_UNKNOWN. */
RC kmc_store_retire(struct db *db, const struct kmc_mac *mac, const uint8_t ca[32], struct slice serial,
                    int64_t at, bool *moved);

/* Enters the task, or finds it: KM_TASK when its number came with other bytes; *answered when the
 * stored answer is in ret. */
RC kmc_store_task(struct db *db, const uint8_t ca[32], struct slice number, const uint8_t request[32],
                  int64_t at, bool *answered, struct buf *ret);
/* Stores the answer unless there is one; ret holds what counts. */
RC kmc_store_answer(struct db *db, const uint8_t ca[32], struct slice number, struct slice answer,
                    struct buf *ret);
RC kmc_store_counts(struct db *db, int64_t *standby, int64_t *in_use, int64_t *history, int64_t *tasks);

#endif
