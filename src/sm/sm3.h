#ifndef YD_SM_SM3_H
#define YD_SM_SM3_H
/* SM3 hash (GB/T 32905), HMAC, KDF (GB/T 32918.3 5.4.3), PBKDF2, HKDF.  Pure functions; cannot fail, do not
 * allocate; contexts and results belong to the caller.  Messages shorter than 2^61 bytes.  Time depends on
 * lengths and rounds only. */
#include "base/slice.h"

#define SM3_LEN 32
#define SM3_BLOCK 64

struct sm3 {
	uint32_t h[8];
	uint64_t total;
	uint8_t block[SM3_BLOCK];
};
void sm3_init(struct sm3 *c);
void sm3_update(struct sm3 *c, struct slice s);
void sm3_final(struct sm3 *c, uint8_t ret[SM3_LEN]); /* wipes the state */
void sm3_hash(struct slice s, uint8_t ret[SM3_LEN]);
/* n independent messages of any lengths, side by side where the CPU has vectors; ret may not overlap them. */
void sm3_hash_batch(const struct slice *s, uint8_t (*ret)[SM3_LEN], size_t n);
/* n times prefix || s[i], the prefix 32 bytes: what SM2 signs. */
void sm3_hash_batch_after(const uint8_t prefix[32], const struct slice *s, uint8_t (*ret)[SM3_LEN], size_t n);

/* HMAC (GB/T 15852.2, RFC 2104); the key of any length.  final wipes. */
struct sm3_hmac {
	struct sm3 inner, outer;
};
void sm3_hmac_init(struct sm3_hmac *c, struct slice key);
void sm3_hmac_update(struct sm3_hmac *c, struct slice s);
void sm3_hmac_final(struct sm3_hmac *c, uint8_t ret[SM3_LEN]);
void sm3_hmac_of(struct slice key, struct slice s, uint8_t ret[SM3_LEN]);
/* len < 2^32 * 32 */
void sm3_kdf(struct slice z, uint8_t *ret, size_t len);
/* RFC 8018 5.2 with HMAC-SM3.  rounds >= 1, len < 2^32 * 32. */
void sm3_pbkdf2(struct slice password, struct slice salt, uint32_t rounds, uint8_t *ret, size_t len);
/* RFC 5869 with HMAC-SM3.  len <= 255 * 32. */
void sm3_hkdf(struct slice salt, struct slice ikm, struct slice info, uint8_t *ret, size_t len);

#endif
