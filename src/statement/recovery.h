#ifndef YD_STATEMENT_RECOVERY_H
#define YD_STATEMENT_RECOVERY_H
/* Key recovery (R21.5, R06.14): what a case says, who decided on it, which key may leave the KMC and for
 * whom.  The RA, the CA's signer and the KMC's signer read it with these functions; none believes another.
 *   case      statement of kind recovery, by an entry officer or the holder
 *   review    recovery-decision of a reviewer of the same organisation
 *   agents    recovery-decisions of m recovery agents of the KMC's organisation
 * A case names each key by serial number and by the hash of its public half, so no other stored key can be
 * put in its place. */
#include "statement/statement.h"

#define RECOVERY_ID 16 /* characters: the beginning of the SM3 of the case */
#define RECOVERY_KEYS 32
#define RECOVERY_AGENTS_LEAST 2
#define RECOVERY_AGENTS_MOST 9
#define RECOVERY_AGE (92 * 86400LL) /* a case does not wait for ever */

struct recovery_key {
	uint8_t serial[20]; /* userCertNo */
	size_t serial_len;
	uint8_t spki[32]; /* SM3 */
};
struct recovery {
	char id[RECOVERY_ID + 1], ca[49], entity[37];
	uint8_t sm3[32];  /* of the case */
	uint8_t spki[32]; /* SM3 of the new signing key's */
	struct sm2_pub receiver;
	size_t count;
	struct recovery_key keys[RECOVERY_KEYS];
};
/* Form and proof of possession of the new key; the signature is the caller's. */
RC recovery_read(const struct statement *s, struct recovery *ret);
/* A judicial order (R06.14): no holder and no reviewer; the receiver is the key of the authority's
 * certificate. */
RC recovery_read_judicial(const struct statement *s, struct recovery *ret);
/* The key with that serial number; NULL when the case does not name it. */
const struct recovery_key *recovery_find(const struct recovery *r, struct slice serial);
/* Is it a decision on that case?  *approve what it says. */
RC recovery_decision(const struct recovery *r, const struct statement *decision, bool *approve);
/* The institution's two persons: both of one organisation, distinct, the second approves and is not the
 * holder. */
RC recovery_reviewed(const struct recovery *r, const struct statement *request,
                     const struct statement *review);
/* At least `least` approvals by distinct recovery agents of the organisation, none of them one of the two. */
RC recovery_agreed(const struct recovery *r, const struct statement *const *first, size_t first_count,
                   const struct statement *const *agents, size_t n, size_t least);

#endif
