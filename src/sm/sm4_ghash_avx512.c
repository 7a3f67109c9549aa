/* GHASH with four carry-less multiplications at once, sixteen blocks to one reduction. */
#include "sm/sm4_engine.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__GFNI__) &&           \
        defined(__VPCLMULQDQ__)
#include "sm/sm4_ghash_fold.h"

#define AT_ONCE 16

/* The sum of the four numbers. */
static inline __m128i sum_lanes(__m512i v)
{
	__m256i half = _mm512_castsi512_si256(v) ^ _mm512_extracti64x4_epi64(v, 1);

	return _mm256_castsi256_si128(half) ^ _mm256_extracti128_si256(half, 1);
}

static inline __m512i turn_bytes(__m512i v)
{
	return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(_mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6,
	                                                                   5, 4, 3, 2, 1, 0)));
}

/* n <= AT_ONCE: (y + X1) H^n + X2 H^(n-1) + ...; what lies beyond n is not read. */
static inline __attribute__((always_inline)) __m128i group(const struct ghash *g, __m128i y,
                                                           const uint8_t *in, size_t n)
{
	__m512i low = _mm512_setzero_si512(), middle = low, high = low, first = _mm512_zextsi128_si512(y);
	uint32_t words = n == AT_ONCE ? ~0U : (1U << 2 * n) - 1; /* 64-bit words that are there */
	size_t i;

#pragma GCC unroll 4
	for (i = 0; i < AT_ONCE; i += 4) {
		__mmask8 there = (__mmask8)(words >> 2 * i);
		__m512i v = turn_bytes(_mm512_maskz_loadu_epi64(there, in + 16 * i)) ^ first;
		__m512i p = _mm512_maskz_loadu_epi64(there, g->power[0] + 16 * (AT_ONCE - n + i));

		low ^= _mm512_clmulepi64_epi128(v, p, 0x00);
		middle ^= _mm512_clmulepi64_epi128(v, p, 0x10) ^ _mm512_clmulepi64_epi128(v, p, 0x01);
		high ^= _mm512_clmulepi64_epi128(v, p, 0x11);
		first = _mm512_setzero_si512();
	}
	return ghash_fold(sum_lanes(low), sum_lanes(middle), sum_lanes(high));
}

void sm4_ghash_avx512(struct ghash *g, const uint8_t *in, size_t blocks)
{
	__m128i y = _mm_set_epi64x((long long)g->y[1], (long long)g->y[0]);

	for (; blocks >= AT_ONCE; blocks -= AT_ONCE, in += 16 * AT_ONCE)
		y = group(g, y, in, AT_ONCE);
	if (blocks > 0)
		y = group(g, y, in, blocks);
	_mm_storeu_si128((__m128i *)(void *)g->y, y);
}

#endif
