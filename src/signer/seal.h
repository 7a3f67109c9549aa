#ifndef YD_SIGNER_SEAL_H
#define YD_SIGNER_SEAL_H
/* The anchors of trust under the organisation's secret.  Everything the signer decides follows from a few
 * certificates in the trust folder; whoever may write there, but has not the secret, could put his own in
 * their place and appoint his own officers.  The ceremony seals them: a keyed value over the pinned
 * certificates, operator CA, authorities, KMC and CA communication certificates and policies lies beside
 * the keys, and trust that does not match it is not taken.  Grants, authorisations and profiles are not in
 * it: they are signed under these anchors. */
#include "signer/anchors.h"

#define SEAL_LEN 16
#define SEAL_FILE "trust.seal"

RC seal_check(const struct signer *s, const struct anchors *a);
/* Seals what DIR/NAME/trust holds now; for ceremonies, with the organisation's secret. */
RC signer_seal(const char *data, const char *name, struct slice secret);

#endif
