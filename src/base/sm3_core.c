#include "base/sm3_core.h"

#define ROUNDS 64
#define WORDS 68

static inline uint32_t rol(uint32_t x, unsigned n)
{
	return x << (n & 31) | x >> (-n & 31);
}

static inline uint32_t p0(uint32_t x)
{
	return x ^ rol(x, 9) ^ rol(x, 17);
}

static inline uint32_t p1(uint32_t x)
{
	return x ^ rol(x, 15) ^ rol(x, 23);
}

static inline uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
	return x ^ y ^ z;
}

static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) | ((x | y) & z);
}

static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
	return ((y ^ z) & x) ^ z;
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The next four words of the expanded message (5.3.2). */
static inline void expand_four(uint32_t *w)
{
	unsigned i;

	for (i = 0; i < 4; i++, w++)
		w[0] = p1(w[-16] ^ w[-9] ^ rol(w[-3], 15)) ^ rol(w[-13], 7) ^ w[-6];
}

/* One round (5.3.3).  The names turn by one place from round to round instead of the values. */
#define ROUND(j, A, B, C, D, E, F, G, H, T, FF, GG)                                                          \
	do {                                                                                                 \
		uint32_t a12 = rol(A, 12), ss1 = rol(a12 + E + rol(T, j), 7);                                \
		uint32_t tt1 = FF(A, B, C) + D + (ss1 ^ a12) + (w[j] ^ w[(j) + 4]);                          \
		uint32_t tt2 = GG(E, F, G) + H + ss1 + w[j];                                                 \
                                                                                                             \
		B = rol(B, 9);                                                                               \
		F = rol(F, 19);                                                                              \
		D = tt1;                                                                                     \
		H = p0(tt2);                                                                                 \
	} while (0)

#define FOUR_ROUNDS(j, T, FF, GG)                                                                            \
	do {                                                                                                 \
		ROUND(j, a, b, c, d, e, f, g, k, T, FF, GG);                                                 \
		ROUND((j) + 1, d, a, b, c, k, e, f, g, T, FF, GG);                                           \
		ROUND((j) + 2, c, d, a, b, g, k, e, f, T, FF, GG);                                           \
		ROUND((j) + 3, b, c, d, a, f, g, k, e, T, FF, GG);                                           \
	} while (0)

static void compress(uint32_t h[8], const uint8_t *p, uint32_t w[WORDS])
{
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
	unsigned j;

	for (j = 0; j < 16; j++)
		w[j] = load_be32(p + 4 * j);
	for (j = 0; j < 12; j += 4)
		FOUR_ROUNDS(j, 0x79cc4519u, parity, parity);
	expand_four(w + 16);
	FOUR_ROUNDS(12, 0x79cc4519u, parity, parity);
	for (j = 16; j < ROUNDS; j += 4) {
		expand_four(w + j + 4);
		FOUR_ROUNDS(j, 0x7a879d8au, majority, choose);
	}
	h[0] ^= a;
	h[1] ^= b;
	h[2] ^= c;
	h[3] ^= d;
	h[4] ^= e;
	h[5] ^= f;
	h[6] ^= g;
	h[7] ^= k;
}

void sm3_core(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	uint32_t w[WORDS];

	for (; n > 0; n--, blocks += 64) {
		compress(h, blocks, w);
	}
	__builtin_memset(w, 0, sizeof(w));
	__asm__ volatile("" : : "r"(w) : "memory"); /* the words may be of a secret */
}
