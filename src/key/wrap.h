#ifndef YD_KEY_WRAP_H
#define YD_KEY_WRAP_H
/* A private key at rest:
 *   WrappedKey ::= SEQUENCE { version 1, name UTF8String, purpose UTF8String, algorithm UTF8String,
 *     test BOOLEAN, created GeneralizedTime, publicKey SubjectPublicKeyInfo, salt OCTET STRING (32),
 *     nonce OCTET STRING (12), sealed OCTET STRING, tag OCTET STRING (16) }
 * SM4-GCM under HKDF-SM3(secret, salt, "yuandian key"); everything before the nonce is authenticated.
 * The sealed part is the test mark (one byte) and the private key. */
#include "base/mem.h"
#include "key/key.h"

#define WRAP_SALT 32
#define WRAP_FILE_MAX 8192

struct wrapped {
	struct key_info info;
	uint8_t salt[WRAP_SALT], nonce[12], tag[16];
	struct slice aad, sealed; /* borrow the file's bytes */
};
RC wrap_read(struct slice file, struct wrapped *ret);
/* RC_DENIED when the secret is wrong or a byte was changed. */
RC wrap_open(const struct wrapped *w, struct slice secret, struct secret **ret);
RC wrap_seal(const struct key_info *info, const uint8_t salt[WRAP_SALT], struct slice secret,
             struct slice key, struct buf *ret);

/* ---- one stored subscriber key: version, mark, point, nonce, sealed d, tag ---- */
struct stored_seal {
	uint8_t kek[16];
	bool test;
};
void stored_seal_init(struct stored_seal *s, struct slice secret, const uint8_t salt[WRAP_SALT], bool test);
RC stored_seal(const struct stored_seal *s, const struct sm2_key *k, uint8_t ret[KEY_STORED]);
RC stored_open(const struct stored_seal *s, struct slice blob, struct sm2_key *ret);

#endif
