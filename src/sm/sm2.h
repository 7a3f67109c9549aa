#ifndef YD_SM_SM2_H
#define YD_SM_SM2_H
/* SM2 (GB/T 32918, GM/T 0009): sign, verify, encrypt, decrypt, key pairs, one at a time and in
 * batches.  Pure functions over bytes; constant time where d, k or plaintext is involved.  Numbers
 * are 32 bytes big endian; points are X || Y, 64 bytes. */
#include "base/buf.h"

#define SM2_LEN 32
#define SM2_POINT 64
#define SM2_ID SLICE_LIT("1234567812345678") /* GM/T 0009 10 */
#define SM2_ID_MAX 8191                      /* ENTL counts bits in two bytes */
#define SM2_SIG_DER_MAX 72
#define SM2_PLAIN_MAX (1u << 20)

struct sm2_sig {
	uint8_t r[SM2_LEN], s[SM2_LEN];
};
struct sm2_pub {
	uint8_t xy[SM2_POINT];
}; /* a point checked to be on the curve */
/* Private key with what signing needs prepared.  Secret as a whole: keep in locked memory, wipe. */
struct sm2_key {
	uint8_t d[SM2_LEN];
	uint64_t inv1d[4];
	struct sm2_pub pub;
};

/* ---- keys ---- */
RC sm2_key_new(struct sm2_key *ret);                            /* d from base/rand, in [1, n-2] */
RC sm2_key_load(const uint8_t d[SM2_LEN], struct sm2_key *ret); /* RC_INPUT outside [1, n-2] */
void sm2_key_wipe(struct sm2_key *k);
RC sm2_pub_load(const uint8_t xy[SM2_POINT], struct sm2_pub *ret); /* range and curve checked */
/* 04 || X || Y as in a SubjectPublicKeyInfo. */
RC sm2_pub_from_octets(struct slice octets, struct sm2_pub *ret);
RC sm2_key_new_batch(struct sm2_key *ret, size_t n);

/* ---- signatures over Z(id) || message, with SM3 ---- */
RC sm2_z(const struct sm2_pub *pub, struct slice id, uint8_t ret[32]); /* id <= SM2_ID_MAX */
RC sm2_digest(const struct sm2_pub *pub, struct slice id, struct slice msg, uint8_t e[32]);
RC sm2_sign(const struct sm2_key *k, struct slice id, struct slice msg, struct sm2_sig *ret);
RC sm2_sign_digest(const struct sm2_key *k, const uint8_t e[32], struct sm2_sig *ret);
/* RC_INPUT (signature) when it does not verify. */
RC sm2_verify(const struct sm2_pub *pub, struct slice id, struct slice msg, const struct sm2_sig *sig);
RC sm2_verify_digest(const struct sm2_pub *pub, const uint8_t e[32], const struct sm2_sig *sig);
/* One key, n messages. */
RC sm2_sign_batch(const struct sm2_key *k, struct slice id, const struct slice *msg, struct sm2_sig *ret,
                  size_t n);
/* Nonces prepared ahead, SM2_NONCES at a time: what is left of a signature is its hash and two
 * products.  As secret as the key: in locked memory, each used once and wiped, and gone in a forked child,
 * which makes its own.  Belongs to one thread at a time. */
#define SM2_NONCES 56
struct sm2_nonces;
RC sm2_nonces_new(struct sm2_nonces **ret); /* none prepared yet */
void sm2_nonces_free(struct sm2_nonces *n); /* NULL is fine */
/* All prepared again; when idle.  Signing does it when none is left. */
RC sm2_nonces_fill(struct sm2_nonces *n);
size_t sm2_nonces_ready(const struct sm2_nonces *n);
RC sm2_sign_prepared(const struct sm2_key *k, struct sm2_nonces *n, struct slice id, struct slice msg,
                     struct sm2_sig *ret);
RC sm2_sign_digest_prepared(const struct sm2_key *k, struct sm2_nonces *n, const uint8_t e[32],
                            struct sm2_sig *ret);
struct sm2_check {
	struct sm2_pub pub;
	uint8_t e[32];
	struct sm2_sig sig;
	bool valid;
};
/* Sets valid in each; exactly what sm2_verify_digest would say. */
void sm2_verify_batch(struct sm2_check *c, size_t n);
/* For vectors only: a given nonce. */
RC sm2_sign_digest_with(const struct sm2_key *k, const uint8_t e[32], const uint8_t nonce[32],
                        struct sm2_sig *ret);

/* SEQUENCE { r INTEGER, s INTEGER }, strict DER, r and s in [1, n-1]. */
void sm2_sig_to_der(const struct sm2_sig *sig, struct buf *ret);
RC sm2_sig_from_der(struct slice der, struct sm2_sig *ret);

/* ---- encryption ---- */
/* Raw parts: C1 point, C3 hash, C2 as long as the plaintext (1 … SM2_PLAIN_MAX bytes). */
struct sm2_cipher {
	uint8_t c1[SM2_POINT];
	uint8_t c3[32];
	struct slice c2;
};
RC sm2_encrypt(const struct sm2_pub *pub, struct slice plain, struct buf *c1c3c2); /* no 04 */
RC sm2_decrypt(const struct sm2_key *k, const struct sm2_cipher *c, struct buf *plain);
/* One 16-byte key for each of n receivers (envelopes). */
RC sm2_encrypt_keys(const struct sm2_pub *pubs, const uint8_t (*keys)[16], uint8_t (*c1c3c2)[112], size_t n);
/* SM2Cipher ::= SEQUENCE { x, y INTEGER, hash OCTET STRING, cipher OCTET STRING } (GM/T 0009 7.2). */
RC sm2_cipher_to_der(struct slice c1c3c2, struct buf *ret);
RC sm2_cipher_from_der(struct slice der, struct sm2_cipher *ret);    /* c2 borrows der */
RC sm2_cipher_from_raw(struct slice c1c3c2, struct sm2_cipher *ret); /* with or without 04 */

/* ---- key exchange (GB/T 32918.3) ---- */
struct sm2_exchange {
	bool initiator;
	const struct sm2_key *own, *own_ephemeral;
	struct sm2_pub peer, peer_ephemeral;
	struct slice own_id, peer_id;
};
/* Shared key of len bytes and both confirmation values S_B (=s1) and S_A (=s2). */
RC sm2_exchange(const struct sm2_exchange *x, uint8_t *key, size_t len, uint8_t s1[32], uint8_t s2[32]);

#endif
