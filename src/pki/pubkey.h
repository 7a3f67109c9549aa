#ifndef YD_PKI_PUBKEY_H
#define YD_PKI_PUBKEY_H
/* Public keys: SM2, ECDSA P-256, RSA, from SubjectPublicKeyInfo.  A parsed key has been checked: on
 * its curve, RSA of a safe size.  It borrows the input. */
#include "pki/signature.h"
#include "sm/sm2.h"

#define PUBKEY_SPKI_MAX 1024
#define PUBKEY_RSA_BITS_MIN 3072
#define PUBKEY_RSA_BITS_MAX 4096
#define PUBKEY_SKI 20

struct pubkey {
	enum pubkey_kind kind;
	struct slice spki;              /* SubjectPublicKeyInfo TLV */
	struct slice bits;              /* octets of its BIT STRING */
	struct sm2_pub sm2;             /* SM2 */
	struct slice n, e;              /* RSA: magnitudes */
};

const char *pubkey_kind_name(enum pubkey_kind k);           /* "sm2" "p256" "rsa" */
RC   pubkey_kind_find(struct slice name, enum pubkey_kind *ret);
/* The whole input must be one SubjectPublicKeyInfo. */
RC   pubkey_parse(struct slice spki, struct pubkey *ret);
unsigned pubkey_bits(const struct pubkey *k);               /* 256, or the length of n */
bool pubkey_equal(const struct pubkey *a, const struct pubkey *b);
void pubkey_sm3(const struct pubkey *k, uint8_t ret[32]);   /* of the SubjectPublicKeyInfo */
/* SHA-1 of the BIT STRING's octets: RFC 5280 4.2.1.2 (1). */
RC   pubkey_ski(const struct pubkey *k, uint8_t ret[PUBKEY_SKI]);

/* SubjectPublicKeyInfo out. */
RC   pubkey_put_sm2(const struct sm2_pub *pub, struct buf *ret);
RC   pubkey_put_p256(const uint8_t xy[64], struct buf *ret);
RC   pubkey_put_rsa(struct slice n, struct slice e, struct buf *ret);

/* sig: octets of the BIT STRING.  id counts for SM2 only; objects of this platform use SM2_ID.
 * Refused (signature) when it does not verify, (signature-algorithm) when the key is of another
 * kind. */
RC   pubkey_verify(const struct pubkey *k, struct sigalg a, struct slice msg, struct slice sig,
                   struct slice id);

#endif
