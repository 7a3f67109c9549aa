#ifndef YD_SM_SM4_H
#define YD_SM_SM4_H
/* SM4 block cipher (GB/T 32907) and its modes (GB/T 17964), constant time (no table look-up by secret).  In
 * every call in and out may be the same; they may not overlap otherwise.  Keys, contexts and out belong to
 * the caller; no call allocates.  Calls that return RC fail with RC_INPUT and, but for opening, before they
 * write. */
#include "base/rc.h"
#include "base/slice.h"

#define SM4_BLOCK 16
#define SM4_KEY 16

struct sm4 {
	uint32_t rk[32];
}; /* round keys: wipe after use */
void sm4_init(struct sm4 *c, const uint8_t key[SM4_KEY]);
void sm4_wipe(struct sm4 *c);
void sm4_ecb_encrypt(const struct sm4 *c, const uint8_t *in, uint8_t *out, size_t blocks);
void sm4_ecb_decrypt(const struct sm4 *c, const uint8_t *in, uint8_t *out, size_t blocks);
/* iv becomes the last block of ciphertext: the next piece can follow. */
void sm4_cbc_encrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks);
void sm4_cbc_decrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks);
/* Any length; the counter is the whole block, big endian, moved on by each block begun. */
void sm4_ctr(const struct sm4 *c, uint8_t counter[16], const uint8_t *in, uint8_t *out, size_t len);

/* ---- GCM (NIST SP 800-38D): nonces never twice with one key, 16-byte tag, in.len < 2^36 - 31 ---- */
void sm4_gcm_seal(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in,
                  uint8_t *out, uint8_t tag[16]);
/* RC_INPUT on a wrong tag, out wiped. */
RC sm4_gcm_open(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in, uint8_t *out,
                const uint8_t tag[16]);

/* The same in pieces of any size, with a nonce of any length but 0: init, aad ..., then encrypt ... and tag,
 * or decrypt ... and check.  What decrypt gives out may not be used before check has said OK. */
struct ghash { /* an implementation's own: sm4_ghash.c, sm4_ghash_x86_64.c */
	union {
		struct {
			uint64_t h[3], h_reversed[3];
		};
		uint8_t power[16][16];
	};
	uint64_t y[2];
};
struct sm4_gcm {
	const struct sm4 *key; /* the caller's */
	const struct sm4_engine *engine;
	struct ghash g;
	uint64_t aad, text; /* bytes so far */
	uint8_t mask[16], counter[16], stream[16], part[16];
};
RC sm4_gcm_init(struct sm4_gcm *g, const struct sm4 *c, struct slice nonce);
void sm4_gcm_aad(struct sm4_gcm *g, struct slice aad);
void sm4_gcm_encrypt(struct sm4_gcm *g, struct slice in, uint8_t *out);
void sm4_gcm_decrypt(struct sm4_gcm *g, struct slice in, uint8_t *out);
void sm4_gcm_tag(struct sm4_gcm *g, uint8_t tag[16]); /* wipes g */
RC sm4_gcm_check(struct sm4_gcm *g, const uint8_t tag[16]); /* wipes g; RC_INPUT on a wrong tag */

/* ---- CCM (NIST SP 800-38C) ---- */
struct sm4_ccm {
	struct slice nonce; /* 7 to 13 bytes, never twice with one key; with n bytes in.len < 2^(8 (15-n)) */
	struct slice aad;
	size_t tag_len; /* 4, 6, 8, 10, 12, 14 or 16 */
};
/* RC_INPUT when a length is not as above. */
RC sm4_ccm_seal(const struct sm4 *c, const struct sm4_ccm *m, struct slice in, uint8_t *out, uint8_t *tag);
/* Also RC_INPUT on a wrong tag, out wiped. */
RC sm4_ccm_open(const struct sm4 *c, const struct sm4_ccm *m, struct slice in, uint8_t *out,
                const uint8_t *tag);

/* ---- XTS: sectors, without authentication ----
 * The two standards multiply the tweak by x in a different order of bits, so they differ from the second
 * block on: IEEE 1619 takes the block as a little endian number, GB/T 17964-2021 counts bits as GCM does. */
enum sm4_xts_kind { SM4_XTS_GB, SM4_XTS_IEEE };
struct sm4_xts {
	struct sm4 data, tweak;
	enum sm4_xts_kind kind;
}; /* wipe after use */
/* key: data key, tweak key.  RC_INPUT when they are equal (IEEE 1619-2018, 5.1). */
RC sm4_xts_init(struct sm4_xts *x, const uint8_t key[2 * SM4_KEY], enum sm4_xts_kind kind);
/* One sector of 16 bytes to 2^20 blocks, else RC_INPUT; the last block may be short (stealing). */
RC sm4_xts_encrypt(const struct sm4_xts *x, const uint8_t tweak[16], struct slice in, uint8_t *out);
RC sm4_xts_decrypt(const struct sm4_xts *x, const uint8_t tweak[16], struct slice in, uint8_t *out);

#endif
