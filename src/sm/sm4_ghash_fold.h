#ifndef YD_SM_SM4_GHASH_FOLD_H
#define YD_SM_SM4_GHASH_FOLD_H
/* Numbers of GF(2^128) in one register: bit i is the coefficient of x^(127-i), blocks with their bytes
 * turned round (SP 800-38D 6.3). */
#include <immintrin.h>

static inline __m128i ghash_raw(const uint8_t p[16])
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void ghash_store(uint8_t p[16], __m128i v)
{
	_mm_storeu_si128((__m128i *)(void *)p, v);
}

static inline __m128i ghash_load(const uint8_t p[16])
{
	return _mm_shuffle_epi8(ghash_raw(p),
	                        _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
}

/* high * 2^128 + middle * 2^64 + low modulo the polynomial, which in these places is
 * 2^128 + 2^64 (2^63 + 2^62 + 2^57) + 1: adding a multiple of it makes the lowest 64 bits zero, twice. */
static inline __m128i ghash_fold(__m128i low, __m128i middle, __m128i high)
{
	const __m128i poly = _mm_set_epi64x(0, (long long)0xc200000000000000);

	low ^= _mm_slli_si128(middle, 8);
	high ^= _mm_srli_si128(middle, 8);
	low = _mm_shuffle_epi32(low, 0x4e) ^ _mm_clmulepi64_si128(low, poly, 0x00);
	low = _mm_shuffle_epi32(low, 0x4e) ^ _mm_clmulepi64_si128(low, poly, 0x00);
	return high ^ low;
}

#endif
