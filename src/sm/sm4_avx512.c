/* SM4 with GFNI and AVX-512: gf2p8affineinvqb is the inversion and a map in one (sm4_coordinates.h). */
#include "sm/sm4_engine.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__GFNI__) &&           \
        defined(__VPCLMULQDQ__)
#include "sm/sm4_coordinates.h"

#include <immintrin.h>

#define XOR3 0x96 /* vpternlog: all three */

static inline __m128i load_128(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void store_128(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((__m128i *)(void *)p, v);
}

static inline __m128i all_128(uint32_t w)
{
	return _mm_set1_epi32((int)w);
}

static inline __m128i xor3_128(__m128i a, __m128i b, __m128i c)
{
	return _mm_ternarylogic_epi32(a, b, c, XOR3);
}

static inline __m128i into_128(__m128i v)
{
	return _mm_gf2p8affine_epi64_epi8(v, _mm_set1_epi64x((long long)SM4_IN_MATRIX), 0);
}

static inline __m128i out_of_128(__m128i v)
{
	return _mm_gf2p8affine_epi64_epi8(v, _mm_set1_epi64x((long long)SM4_OUT_MATRIX), 0);
}

/* Bytes in the order of the block: turning left by k bytes is turning the machine's word right. */
static inline __m128i mix_128(__m128i y0, __m128i i)
{
	__m128i n0 =
	        _mm_gf2p8affineinv_epi64_epi8(i, _mm_set1_epi64x((long long)SM4_N0_MATRIX), SM4_N0_CONSTANT);
	__m128i n1 = _mm_gf2p8affineinv_epi64_epi8(i, _mm_set1_epi64x((long long)SM4_N1_MATRIX), 0);
	__m128i n3 = _mm_gf2p8affineinv_epi64_epi8(i, _mm_set1_epi64x((long long)SM4_N3_MATRIX), 0);

	y0 = xor3_128(y0, n0, _mm_ror_epi32(n3, 24));
	return xor3_128(y0, _mm_ror_epi32(n1, 8), _mm_ror_epi32(n1, 16));
}

static inline __m512i load_512(const uint8_t *p)
{
	return _mm512_loadu_si512(p);
}

static inline void store_512(uint8_t *p, __m512i v)
{
	_mm512_storeu_si512(p, v);
}

static inline __m512i all_512(uint32_t w)
{
	return _mm512_set1_epi32((int)w);
}

static inline __m512i xor3_512(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi32(a, b, c, XOR3);
}

static inline __m512i into_512(__m512i v)
{
	return _mm512_gf2p8affine_epi64_epi8(v, _mm512_set1_epi64((long long)SM4_IN_MATRIX), 0);
}

static inline __m512i out_of_512(__m512i v)
{
	return _mm512_gf2p8affine_epi64_epi8(v, _mm512_set1_epi64((long long)SM4_OUT_MATRIX), 0);
}

static inline __m512i mix_512(__m512i y0, __m512i i)
{
	__m512i n0 = _mm512_gf2p8affineinv_epi64_epi8(i, _mm512_set1_epi64((long long)SM4_N0_MATRIX),
	                                              SM4_N0_CONSTANT);
	__m512i n1 = _mm512_gf2p8affineinv_epi64_epi8(i, _mm512_set1_epi64((long long)SM4_N1_MATRIX), 0);
	__m512i n3 = _mm512_gf2p8affineinv_epi64_epi8(i, _mm512_set1_epi64((long long)SM4_N3_MATRIX), 0);

	y0 = xor3_512(y0, n0, _mm512_ror_epi32(n3, 24));
	return xor3_512(y0, _mm512_ror_epi32(n1, 8), _mm512_ror_epi32(n1, 16));
}

#define low32_128 _mm_unpacklo_epi32
#define high32_128 _mm_unpackhi_epi32
#define low64_128 _mm_unpacklo_epi64
#define high64_128 _mm_unpackhi_epi64
#define low32_512 _mm512_unpacklo_epi32
#define high32_512 _mm512_unpackhi_epi32
#define low64_512 _mm512_unpacklo_epi64
#define high64_512 _mm512_unpackhi_epi64

#define V __m512i
#define SETS 4
#define OP(name) name##_512
#define LANES(name) name##_wide
#include "sm/sm4_lanes.h"

#define V __m512i
#define SETS 1
#define OP(name) name##_512
#define LANES(name) name##_512
#include "sm/sm4_lanes.h"

#define V __m128i
#define SETS 1
#define OP(name) name##_128
#define LANES(name) name##_128
#include "sm/sm4_lanes.h"
#include "sm/sm4_narrow.h"

static uint32_t sbox(uint32_t w)
{
	__m128i v = into_128(all_128(w)) ^ _mm_set1_epi8(SM4_KEY_CONSTANT);

	v = _mm_gf2p8affineinv_epi64_epi8(v, _mm_set1_epi64x((long long)SM4_S_MATRIX), SM4_S_CONSTANT);
	return (uint32_t)_mm_cvtsi128_si32(v);
}

static void blocks_avx512(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out, size_t blocks)
{
	size_t done = passes_wide(s, in, out, blocks);

	done += passes_512(s, in + done * SM4_BLOCK, out + done * SM4_BLOCK, blocks - done);
	if (blocks - done > 4)
		part_512(s, in + done * SM4_BLOCK, out + done * SM4_BLOCK, blocks - done);
	else if (blocks > done)
		part_128(s, in + done * SM4_BLOCK, out + done * SM4_BLOCK, blocks - done);
}

static const struct sm4_engine engine = {
        .sbox = sbox,
        .spread = spread_words,
        .blocks = blocks_avx512,
        .chain = chain_128,
        .ghash_key = sm4_ghash_key_x86_64,
        .ghash = sm4_ghash_avx512,
};

const struct sm4_engine *sm4_engine_avx512(void)
{
	return &engine;
}

#else

const struct sm4_engine *sm4_engine_avx512(void)
{
	return NULL;
}

#endif
