#ifndef YD_CA_BASIS_H
#define YD_CA_BASIS_H
/* Update, extension and replacement at the CA: what the application follows must be a living certificate of
 * this CA for the same holder, profile and class (design 9.8). */
#include "ca/flight.h"
#include "instance/trust.h"

/* Reads the basis of i->application and the certificates it names into i; their state is not looked at.
 * Nothing to do for a first issue. */
RC ca_basis_load(struct db *db, struct issue *i);
/* Same holder, profile, class and authority as i->row says; the state allows it.  After match_fill. */
RC ca_basis_check(struct db *db, const struct issue *i, int64_t now);
/* Beginning and end of an extension. */
RC ca_basis_validity(struct issue *i, const struct profile *p, const struct authority *a, int64_t now);
/* Inside transaction A: the key is free, or one that an extension may keep. */
RC ca_basis_key(struct db *db, const struct issue *i);
/* … and, when the request has its row, the link. */
RC ca_basis_put(struct db *db, const struct issue *i, int64_t request);

/* Inside transaction B, when the signing certificate of a replacement comes into being: both certificates of
 * the damaged token are revoked (superseded) on the strength of the approval. */
struct ca;
struct db_tx;
RC ca_supersede(struct ca *c, struct db_tx *tx, const struct issue *i);

#endif
