#ifndef YD_KEY_OSSL_H
#define YD_KEY_OSSL_H
/* P-256 and RSA-3072 private keys by libcrypto. */
#include "base/mem.h"
#include "key/key.h"

struct ossl_key;
RC ossl_generate(enum key_kind kind, struct ossl_key **ret);
RC ossl_load(enum key_kind kind, struct slice der, struct ossl_key **ret);
void ossl_free(struct ossl_key *k);
DROP(ossl_key, ossl_free);
RC ossl_private(const struct ossl_key *k, struct secret **ret); /* SEC1 or PKCS#1 DER */
RC ossl_spki(const struct ossl_key *k, uint8_t *ret, size_t max, size_t *len);
RC ossl_sign(const struct ossl_key *k, struct slice msg, struct buf *ret);
RC ossl_sign_hash(const struct ossl_key *k, const uint8_t sha256[32], struct buf *ret);

#endif
