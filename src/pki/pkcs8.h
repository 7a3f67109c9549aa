#ifndef YD_PKI_PKCS8_H
#define YD_PKI_PKCS8_H
/* Private keys in files: PKCS#8 (RFC 5958) and SEC 1 (RFC 5915) for SM2 and P-256, PBES2 encrypted
 * (RFC 8018).  Takes what `openssl ecparam -genkey`, `openssl genpkey` and `openssl pkcs8` write. */
#include "asn1/oid.h"
#include "base/buf.h"

#define PKCS8_MAX 16384
#define PKCS8_ROUNDS 100000       /* PBKDF2 iterations written */
#define PKCS8_ROUNDS_MAX 10000000 /* … and accepted */
#define PKCS8_PIN_MAX 128

/* Secret: wipe with private_key_wipe(). */
struct private_key {
	enum oid curve; /* OID_SM2 or OID_P256 */
	uint8_t d[32];
	uint8_t xy[64]; /* always set; checked against d when the file had one */
};
void private_key_wipe(struct private_key *k);
/* Fills xy from d. */
RC private_key_load(enum oid curve, const uint8_t d[32], struct private_key *ret);
RC private_key_new(enum oid curve, struct private_key *ret); /* P-256 through libcrypto */

/* PrivateKeyInfo.  ret should be a secret buffer. */
RC pkcs8_build(const struct private_key *k, struct buf *ret);
RC pkcs8_parse(struct slice der, struct private_key *ret);

/* EncryptedPrivateKeyInfo, PBES2 with PBKDF2-hmacWithSHA256. */
enum pkcs8_cipher { PKCS8_SM4_CBC, PKCS8_AES256_CBC };
RC pkcs8_encrypt(struct slice plain, enum pkcs8_cipher cipher, struct slice pin, struct buf *ret);
RC pkcs8_decrypt(struct slice der, struct slice pin, struct buf *ret);

/* Any file: DER or PEM of PrivateKeyInfo, EncryptedPrivateKeyInfo or ECPrivateKey ("PRIVATE KEY",
 * "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "SM2 PRIVATE KEY"), parameter blocks skipped.  The pin
 * is used when the file is encrypted; refusal private-key-pin when it is wrong or missing. */
RC private_key_read(struct slice file, struct slice pin, struct private_key *ret);
/* PEM "ENCRYPTED PRIVATE KEY" under the pin: SM4-CBC for SM2 keys, AES-256-CBC for others. */
RC private_key_write(const struct private_key *k, struct slice pin, struct buf *ret);

#endif
