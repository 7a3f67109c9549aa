#include "base/sm3_core.h"

static inline uint32_t rol(uint32_t x, unsigned n)
{
	n &= 31;
	return n == 0 ? x : x << n | x >> (32 - n);
}

static inline uint32_t p0(uint32_t x)
{
	return x ^ rol(x, 9) ^ rol(x, 17);
}

static inline uint32_t p1(uint32_t x)
{
	return x ^ rol(x, 15) ^ rol(x, 23);
}

static inline uint32_t ff(unsigned j, uint32_t x, uint32_t y, uint32_t z)
{
	return j < 16 ? x ^ y ^ z : (x & y) | (x & z) | (y & z);
}

static inline uint32_t gg(unsigned j, uint32_t x, uint32_t y, uint32_t z)
{
	return j < 16 ? x ^ y ^ z : (x & y) | (~x & z);
}

static void expand(const uint8_t *p, uint32_t w[68])
{
	unsigned j;

	for (j = 0; j < 16; j++, p += 4)
		w[j] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (; j < 68; j++)
		w[j] = p1(w[j - 16] ^ w[j - 9] ^ rol(w[j - 3], 15)) ^ rol(w[j - 13], 7) ^ w[j - 6];
}

static void compress(uint32_t h[8], const uint32_t w[68])
{
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
	unsigned j;

	for (j = 0; j < 64; j++) {
		uint32_t a12 = rol(a, 12);
		uint32_t ss1 = rol(a12 + e + rol(j < 16 ? 0x79cc4519 : 0x7a879d8a, j), 7);
		uint32_t tt1 = ff(j, a, b, c) + d + (ss1 ^ a12) + (w[j] ^ w[j + 4]);
		uint32_t tt2 = gg(j, e, f, g) + k + ss1 + w[j];

		d = c;
		c = rol(b, 9);
		b = a;
		a = tt1;
		k = g;
		g = rol(f, 19);
		f = e;
		e = p0(tt2);
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
	uint32_t w[68];

	for (; n > 0; n--, blocks += 64) {
		expand(blocks, w);
		compress(h, w);
	}
	__builtin_memset(w, 0, sizeof(w));
	__asm__ volatile("" : : "r"(w) : "memory"); /* the words may be of a secret */
}
