/* GHASH with carry-less multiplication, eight blocks to one reduction; the powers of H for sixteen. */
#include "sm/sm4_engine.h"

#if defined(__AVX2__) && defined(__AES__) && defined(__PCLMUL__)
#include "sm/sm4_ghash_fold.h"

#define AT_ONCE 8

static inline __m128i times(__m128i a, __m128i b)
{
	__m128i low = _mm_clmulepi64_si128(a, b, 0x00), high = _mm_clmulepi64_si128(a, b, 0x11);

	return ghash_fold(low, _mm_clmulepi64_si128(a, b, 0x10) ^ _mm_clmulepi64_si128(a, b, 0x01), high);
}

/* H / x: the number turned left by one; the bit that falls out is 1 = x (x^127 + x^6 + x + 1). */
static inline __m128i over_x(__m128i h)
{
	const __m128i fold = _mm_set_epi64x((long long)0xc200000000000000, 1);
	__m128i top = _mm_srai_epi32(_mm_shuffle_epi32(h, 0xff), 31);
	__m128i carry = _mm_slli_si128(_mm_srli_epi64(h, 63), 8);

	return _mm_slli_epi64(h, 1) ^ carry ^ (top & fold);
}

/* (A / x) (B / x) comes out as AB / x, for a product of mirrored numbers is one place off. */
void sm4_ghash_key_x86_64(struct ghash *g, const uint8_t h[16])
{
	__m128i p[17];
	unsigned i;

	p[1] = over_x(ghash_load(h));
	for (i = 2; i <= 16; i++) {
		p[i] = times(p[i / 2], p[i - i / 2]);
		ghash_store(g->power[16 - i], p[i]);
	}
	ghash_store(g->power[15], p[1]);
	g->y[0] = g->y[1] = 0;
}

/* n <= AT_ONCE: (y + X1) H^n + X2 H^(n-1) + ... */
static inline __attribute__((always_inline)) __m128i group(const struct ghash *g, __m128i y,
                                                           const uint8_t *in, size_t n)
{
	__m128i low = _mm_setzero_si128(), middle = low, high = low;
	size_t i;

#pragma GCC unroll 8
	for (i = 0; i < n; i++) {
		__m128i v = ghash_load(in + 16 * i) ^ y, p = ghash_raw(g->power[16 - n + i]);

		low ^= _mm_clmulepi64_si128(v, p, 0x00);
		middle ^= _mm_clmulepi64_si128(v, p, 0x10) ^ _mm_clmulepi64_si128(v, p, 0x01);
		high ^= _mm_clmulepi64_si128(v, p, 0x11);
		y = _mm_setzero_si128();
	}
	return ghash_fold(low, middle, high);
}

void sm4_ghash_x86_64(struct ghash *g, const uint8_t *in, size_t blocks)
{
	__m128i y = _mm_set_epi64x((long long)g->y[1], (long long)g->y[0]);

	for (; blocks >= AT_ONCE; blocks -= AT_ONCE, in += 16 * AT_ONCE)
		y = group(g, y, in, AT_ONCE);
	if (blocks > 0)
		y = group(g, y, in, blocks);
	_mm_storeu_si128((__m128i *)(void *)g->y, y);
}

#endif
