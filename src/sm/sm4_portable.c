/* SM4 on 16 blocks at a time, bitsliced.  planes.bit[p] holds bit p of four bytes of 16 blocks; in it, lane b
 * (16 bits, b = 0 for the least significant byte of the word) has one bit per block. */
#include "sm/sm4_engine.h"
#include "sm/sm4_sbox.h"

#define PASS 16 /* blocks */

#define LANE_ONES 0x0001000100010001u
#define ROUNDS 32

static inline uint64_t rol64(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* The bytes of a word into the low half of each 16-bit lane, and back. */
static inline uint64_t widen(uint32_t w)
{
	uint64_t v = w;

	v = (v | v << 16) & 0x0000ffff0000ffff;
	return (v | v << 8) & 0x00ff00ff00ff00ff;
}

static inline uint32_t narrow(uint64_t v)
{
	v &= 0x00ff00ff00ff00ff;
	v = (v | v >> 8) & 0x0000ffff0000ffff;
	return (uint32_t)(v | v >> 16);
}

/* Exchanges the bits of a chosen by mask << n with those of b chosen by mask. */
static inline void swap_bits(uint64_t *a, uint64_t *b, uint64_t mask, unsigned n)
{
	uint64_t t = (*a >> n ^ *b) & mask;

	*b ^= t;
	*a ^= t << n;
}

/* Bit p of byte j of word k goes to bit k of byte j of word p; its own inverse. */
static inline void transpose(uint64_t v[8])
{
	unsigned i;

	for (i = 0; i < 8; i += 2)
		swap_bits(&v[i], &v[i + 1], 0x5555555555555555, 1);
	for (i = 0; i < 8; i += (i & 1) ? 3 : 1)
		swap_bits(&v[i], &v[i + 2], 0x3333333333333333, 2);
	for (i = 0; i < 4; i++)
		swap_bits(&v[i], &v[i + 4], 0x0f0f0f0f0f0f0f0f, 4);
}

/* Word i of each of 16 blocks; block k and k + 8 share a word of the transposition. */
static void load_word(struct planes *x, const uint8_t *in, unsigned i)
{
	unsigned k;

	for (k = 0; k < 8; k++)
		x->bit[k] = widen(load_be32(in + SM4_BLOCK * k + 4 * i)) |
		            widen(load_be32(in + SM4_BLOCK * (k + 8) + 4 * i)) << 8;
	transpose(x->bit);
}

static void store_word(struct planes *x, uint8_t *out, unsigned i)
{
	unsigned k;

	transpose(x->bit);
	for (k = 0; k < 8; k++) {
		store_be32(out + SM4_BLOCK * k + 4 * i, narrow(x->bit[k]));
		store_be32(out + SM4_BLOCK * (k + 8) + 4 * i, narrow(x->bit[k] >> 8));
	}
}

/* X0 ^= L(S(X1 ^ X2 ^ X3 ^ rk)) with L(B) = B ^ B<<<2 ^ B<<<10 ^ B<<<18 ^ B<<<24 (6.2).  Turning by
 * eight bits moves lanes; turning by two renames planes. */
static inline void round_step(struct planes *x0, const struct planes *x1, const struct planes *x2,
                              const struct planes *x3, const struct planes *rk)
{
	uint64_t t[8], two;
	unsigned p;

	for (p = 0; p < 8; p++)
		t[p] = x1->bit[p] ^ x2->bit[p] ^ x3->bit[p] ^ rk->bit[p];
	sm4_sbox(t);
	for (p = 0; p < 8; p++) {
		two = p >= 2 ? t[p - 2] : rol64(t[p + 6], 16);
		x0->bit[p] ^= t[p] ^ rol64(t[p], 48) ^ two ^ rol64(two, 16) ^ rol64(two, 32);
	}
}

static void one_pass(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out)
{
	struct planes x[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		load_word(&x[i], in, i);
	for (i = 0; i < ROUNDS; i += 4) {
		round_step(&x[0], &x[1], &x[2], &x[3], &s->planes[i]);
		round_step(&x[1], &x[2], &x[3], &x[0], &s->planes[i + 1]);
		round_step(&x[2], &x[3], &x[0], &x[1], &s->planes[i + 2]);
		round_step(&x[3], &x[0], &x[1], &x[2], &s->planes[i + 3]);
	}
	for (i = 0; i < 4; i++)
		store_word(&x[3 - i], out, i);
}

static void blocks_portable(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out, size_t blocks)
{
	uint8_t part[PASS * SM4_BLOCK] = {0};

	for (; blocks >= PASS; blocks -= PASS) {
		one_pass(s, in, out);
		in += sizeof(part);
		out += sizeof(part);
	}
	if (blocks == 0)
		return;
	memcpy(part, in, blocks * SM4_BLOCK);
	one_pass(s, part, part);
	memcpy(out, part, blocks * SM4_BLOCK);
	wipe(part, sizeof(part));
}

static void spread(const struct sm4 *c, bool decrypt, struct sm4_schedule *ret)
{
	unsigned i, p;

	for (i = 0; i < ROUNDS; i++) {
		uint64_t v = widen(c->rk[decrypt ? ROUNDS - 1 - i : i]);

		for (p = 0; p < 8; p++)
			ret->planes[i].bit[p] = (v >> p & LANE_ONES) * 0xffff;
	}
}

/* One word through the S-box; the other blocks of the planes do nothing useful. */
static uint32_t sbox(uint32_t w)
{
	uint64_t t[8], v = widen(w), r = 0;
	unsigned p;

	for (p = 0; p < 8; p++)
		t[p] = v >> p & LANE_ONES;
	sm4_sbox(t);
	for (p = 0; p < 8; p++)
		r |= (t[p] & LANE_ONES) << p;
	return narrow(r);
}

static void chain(const struct sm4_schedule *s, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                  size_t blocks)
{
	unsigned i;

	for (; blocks > 0; blocks--, in += SM4_BLOCK) {
		for (i = 0; i < SM4_BLOCK; i++)
			iv[i] ^= in[i];
		blocks_portable(s, iv, iv, 1);
		if (out != NULL) {
			memcpy(out, iv, SM4_BLOCK);
			out += SM4_BLOCK;
		}
	}
}

const struct sm4_engine sm4_engine_portable = {
        .sbox = sbox,
        .spread = spread,
        .blocks = blocks_portable,
        .chain = chain,
        .ghash_key = sm4_ghash_key_portable,
        .ghash = sm4_ghash_portable,
};
