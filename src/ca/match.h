#ifndef YD_CA_MATCH_H
#define YD_CA_MATCH_H
/* Do application, approval, certificate request, profile and authority say the same?  Everything the RA has
 * looked at is looked at again (design 3.2). */
#include "ca/flight.h"
#include "instance/trust.h"
#include "pki/csr.h"

/* Both statements opened from their bytes; key must be the approval's SM3. */
RC match_open(struct issue *i, struct slice application, struct slice approval);
/* The certificate request of an application.  Many can be proven at once before that; match_fill() proves
 * what is not. */
struct match_request {
	struct buf der;
	struct csr csr;
};
RC match_request(const struct issue *i, struct match_request **ret);
void match_request_free(struct match_request *r);
DROP(match_request, match_request_free);
/* Fills row (but the serials), spki.  Statements must have been verified; r is theirs.  authority: where the
 * certificate is to come from. */
RC match_fill(struct issue *i, struct match_request *r, const struct trust *t, int64_t now,
              const struct trust_authority **authority);
/* The request's public key, for an issue that was read back from the database. */
RC match_key(struct issue *i);
/* TBS of one part; spki: the key that is certified.  Linted before anything signs it. */
RC match_tbs(struct issue *i, const struct trust *t, enum ca_part part, struct slice spki);

#endif
