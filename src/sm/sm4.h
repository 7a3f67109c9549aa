#ifndef YD_SM_SM4_H
#define YD_SM_SM4_H
/* SM4 block cipher (GB/T 32907), constant time (no table look-up by secret).  in and out may be the
 * same; they may not overlap otherwise. */
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
void sm4_cbc_encrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks);
void sm4_cbc_decrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks);
/* Any length; the counter is the whole block, big endian, moved on. */
void sm4_ctr(const struct sm4 *c, uint8_t counter[16], const uint8_t *in, uint8_t *out, size_t len);
/* GCM (NIST SP 800-38D), 12-byte nonce, 16-byte tag.  open: RC_INPUT on a wrong tag, out wiped. */
void sm4_gcm_seal(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in,
                  uint8_t *out, uint8_t tag[16]);
RC sm4_gcm_open(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in, uint8_t *out,
                const uint8_t tag[16]);

#endif
