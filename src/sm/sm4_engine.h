#ifndef YD_SM_SM4_ENGINE_H
#define YD_SM_SM4_ENGINE_H
/* The block cipher and GHASH, once for each implementation in sm/cpu.h; the modes are written on top of it
 * once.  No table, no branch, no address depends on key or data. */
#include "sm/sm4.h"

#include <endian.h>

/* Round keys as the engine likes them, in the order of use. */
struct sm4_schedule {
	union {
		/* sm4_portable.c: planes[i].bit[p] holds bit p of round key i, for each of 16 blocks */
		struct planes {
			uint64_t bit[8];
		} planes[32];
		/* sm4_lanes.h: bytes in the order of the block, in the coordinates of sm4_coordinates.h */
		uint32_t words[32];
	};
};

struct sm4_engine {
	/* The S-box on each byte (key schedule). */
	uint32_t (*sbox)(uint32_t w);
	void (*spread)(const struct sm4 *c, bool decrypt, struct sm4_schedule *ret);
	/* Any number of blocks; in and out may be the same. */
	void (*blocks)(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out, size_t blocks);
	/* CBC encryption; out may be NULL (CBC-MAC). */
	void (*chain)(const struct sm4_schedule *s, uint8_t iv[16], const uint8_t *in, uint8_t *out,
	              size_t blocks);
	/* GHASH (SP 800-38D 6.4): g->y is the sum so far, low, high, the first bit of the block on top.
	 * The key is low, high, low + high for sm4_ghash.c, and H^16 / x ... H / x for the others. */
	void (*ghash_key)(struct ghash *g, const uint8_t h[16]);
	void (*ghash)(struct ghash *g, const uint8_t *in, size_t blocks);
};

#define SM4_CHUNK (64 * SM4_BLOCK) /* what modes hand over at once: the widest pass of any engine */

/* out = a ^ b */
static inline void sm4_xor(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = a[i] ^ b[i];
}

/* A counter block of its two halves. */
static inline void sm4_put_counter(uint8_t *out, uint64_t high, uint64_t low)
{
	uint64_t both[2] = {htobe64(high), htobe64(low)};

	memcpy(out, both, sizeof(both));
}

/* A function whose frame sm4_clean() reaches from its caller. */
#define SM4_APART __attribute__((noinline))
/* Overwrites what an engine left below on the stack (compilers put words there that no variable holds): what
 * every mode ends with. */
SM4_APART void sm4_clean(void);

/* The best that may be used. */
const struct sm4_engine *sm4_engine(void);
extern const struct sm4_engine sm4_engine_portable;
/* NULL when this build has no such code. */
const struct sm4_engine *sm4_engine_x86_64(void);
const struct sm4_engine *sm4_engine_avx512(void);

void sm4_ghash_key_portable(struct ghash *g, const uint8_t h[16]);
void sm4_ghash_portable(struct ghash *g, const uint8_t *in, size_t blocks);
void sm4_ghash_key_x86_64(struct ghash *g, const uint8_t h[16]);
void sm4_ghash_x86_64(struct ghash *g, const uint8_t *in, size_t blocks);
void sm4_ghash_avx512(struct ghash *g, const uint8_t *in, size_t blocks);

#endif
