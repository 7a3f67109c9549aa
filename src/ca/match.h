#ifndef YD_CA_MATCH_H
#define YD_CA_MATCH_H
/* Do application, approval, certificate request, profile and authority say the same?  Everything the RA has
 * looked at is looked at again (design 3.2). */
#include "ca/flight.h"
#include "instance/trust.h"

/* Both statements opened from their bytes; key must be the approval's SM3. */
RC match_open(struct issue *i, struct slice application, struct slice approval);
/* Fills row (but the serials), spki.  Statements must have been verified.  authority: where the certificate
 * is to come from. */
RC match_fill(struct issue *i, const struct trust *t, int64_t now, const struct trust_authority **authority);
/* The request's public key, for an issue that was read back from the database. */
RC match_key(struct issue *i);
/* TBS of one part; spki: the key that is certified.  Linted before anything signs it. */
RC match_tbs(struct issue *i, const struct trust *t, enum ca_part part, struct slice spki);

#endif
