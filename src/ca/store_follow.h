#ifndef YD_CA_STORE_FOLLOW_H
#define YD_CA_STORE_FOLLOW_H
/* What requests follow: update, extension, replacement (migrations/ca/010_follow.sql). */
#include "ca/store.h"
#include "statement/basis.h"

struct ca_follow {
	int64_t request;
	enum basis_kind kind;
	const char *ca;
	struct slice serial; /* of the signing certificate followed */
};
RC ca_store_follow_put(struct db *db, const struct ca_follow *f);
/* Is that request an extension? */
RC ca_store_extended(struct db *db, int64_t request, bool *ret);
/* Has that signing certificate a successor that was not revoked, or one on its way? */
RC ca_store_followed(struct db *db, const char *ca, struct slice serial, bool *ret);
/* SAME_KEY unless every certificate for that key is the entity's and none was ever revoked (extension). */
RC ca_store_key_kept(struct db *db, const uint8_t spki[32], const char *entity);
/* An extended encryption certificate has the key of `old`; under which serial number the KMC knows it. */
RC ca_store_escrow_put(struct db *db, struct slice serial, struct slice old);
RC ca_store_escrow(struct db *db, struct slice serial, struct buf *ret);

#endif
