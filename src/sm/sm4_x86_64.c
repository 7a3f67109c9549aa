/* SM4 with AES-NI and AVX2: aesenclast is the inversion, pshufb the maps (sm4_coordinates.h). */
#include "sm/sm4_engine.h"

#if defined(__AVX2__) && defined(__AES__) && defined(__PCLMUL__)
#include "sm/sm4_coordinates.h"

#include <immintrin.h>

/* byte r of word c, after aesenclast has turned row r by r words, and turned by k bytes */
#define FROM(r, c) (char)((r) % 4 + 4 * (((c) + 4 - (r) % 4) % 4))
#define WORD(k, c) FROM(k, c), FROM((k) + 1, c), FROM((k) + 2, c), FROM((k) + 3, c)
#define TURN(k) _mm_setr_epi8(WORD(k, 0), WORD(k, 1), WORD(k, 2), WORD(k, 3))
#define TABLE(...)                                                                                           \
	(const uint8_t[16])                                                                                  \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

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
	return a ^ b ^ c;
}

/* A map on bytes, by its tables for the lower and upper four bits. */
static inline __m128i map_128(__m128i v, const uint8_t low[16], const uint8_t high[16])
{
	const __m128i four = _mm_set1_epi8(15);

	return _mm_shuffle_epi8(load_128(low), v & four) ^
	       _mm_shuffle_epi8(load_128(high), _mm_srli_epi16(v, 4) & four);
}

static inline __m128i into_128(__m128i v)
{
	return map_128(v, TABLE(SM4_IN_LOW), TABLE(SM4_IN_HIGH));
}

static inline __m128i out_of_128(__m128i v)
{
	return map_128(v, TABLE(SM4_OUT_LOW), TABLE(SM4_OUT_HIGH));
}

static inline __m128i mix_128(__m128i y0, __m128i i)
{
	__m128i v = _mm_aesenclast_si128(i, _mm_setzero_si128());
	__m128i n0 = map_128(v, TABLE(SM4_N0_LOW), TABLE(SM4_N0_HIGH));
	__m128i n1 = map_128(v, TABLE(SM4_N1_LOW), TABLE(SM4_N1_HIGH));
	__m128i n3 = map_128(v, TABLE(SM4_N3_LOW), TABLE(SM4_N3_HIGH));

	return y0 ^ ((_mm_shuffle_epi8(n0, TURN(0)) ^ _mm_shuffle_epi8(n3, TURN(3))) ^
	             (_mm_shuffle_epi8(n1, TURN(1)) ^ _mm_shuffle_epi8(n1, TURN(2))));
}

static inline __m256i load_256(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline void store_256(uint8_t *p, __m256i v)
{
	_mm256_storeu_si256((__m256i *)(void *)p, v);
}

static inline __m256i all_256(uint32_t w)
{
	return _mm256_set1_epi32((int)w);
}

static inline __m256i xor3_256(__m256i a, __m256i b, __m256i c)
{
	return a ^ b ^ c;
}

static inline __m256i table_256(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(load_128(table));
}

static inline __m256i map_256(__m256i v, const uint8_t low[16], const uint8_t high[16])
{
	const __m256i four = _mm256_set1_epi8(15);

	return _mm256_shuffle_epi8(table_256(low), v & four) ^
	       _mm256_shuffle_epi8(table_256(high), _mm256_srli_epi16(v, 4) & four);
}

static inline __m256i into_256(__m256i v)
{
	return map_256(v, TABLE(SM4_IN_LOW), TABLE(SM4_IN_HIGH));
}

static inline __m256i out_of_256(__m256i v)
{
	return map_256(v, TABLE(SM4_OUT_LOW), TABLE(SM4_OUT_HIGH));
}

static inline __m256i turn_256(__m256i v, __m128i turn)
{
	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(turn));
}

static inline __m256i mix_256(__m256i y0, __m256i i)
{
	const __m128i zero = _mm_setzero_si128();
	__m256i v = _mm256_set_m128i(_mm_aesenclast_si128(_mm256_extracti128_si256(i, 1), zero),
	                             _mm_aesenclast_si128(_mm256_castsi256_si128(i), zero));
	__m256i n0 = map_256(v, TABLE(SM4_N0_LOW), TABLE(SM4_N0_HIGH));
	__m256i n1 = map_256(v, TABLE(SM4_N1_LOW), TABLE(SM4_N1_HIGH));
	__m256i n3 = map_256(v, TABLE(SM4_N3_LOW), TABLE(SM4_N3_HIGH));

	return y0 ^ ((turn_256(n0, TURN(0)) ^ turn_256(n3, TURN(3))) ^
	             (turn_256(n1, TURN(1)) ^ turn_256(n1, TURN(2))));
}

#define low32_128 _mm_unpacklo_epi32
#define high32_128 _mm_unpackhi_epi32
#define low64_128 _mm_unpacklo_epi64
#define high64_128 _mm_unpackhi_epi64
#define low32_256 _mm256_unpacklo_epi32
#define high32_256 _mm256_unpackhi_epi32
#define low64_256 _mm256_unpacklo_epi64
#define high64_256 _mm256_unpackhi_epi64

#define V __m256i
#define SETS 4
#define OP(name) name##_256
#define LANES(name) name##_wide
#include "sm/sm4_lanes.h"

#define V __m256i
#define SETS 1
#define OP(name) name##_256
#define LANES(name) name##_256
#include "sm/sm4_lanes.h"

#define V __m128i
#define SETS 1
#define OP(name) name##_128
#define LANES(name) name##_128
#include "sm/sm4_lanes.h"
#include "sm/sm4_narrow.h"

/* In 4 equal words the rows of aesenclast turn onto themselves. */
static uint32_t sbox(uint32_t w)
{
	__m128i v = into_128(all_128(w)) ^ _mm_set1_epi8(SM4_KEY_CONSTANT);

	v = _mm_aesenclast_si128(v, _mm_setzero_si128());
	return (uint32_t)_mm_cvtsi128_si32(map_128(v, TABLE(SM4_S_LOW), TABLE(SM4_S_HIGH)));
}

static void blocks_x86_64(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out, size_t blocks)
{
	size_t done = passes_wide(s, in, out, blocks);

	done += passes_256(s, in + done * SM4_BLOCK, out + done * SM4_BLOCK, blocks - done);
	if (blocks - done > 4)
		part_256(s, in + done * SM4_BLOCK, out + done * SM4_BLOCK, blocks - done);
	else if (blocks > done)
		part_128(s, in + done * SM4_BLOCK, out + done * SM4_BLOCK, blocks - done);
}

static const struct sm4_engine engine = {
        .sbox = sbox,
        .spread = spread_words,
        .blocks = blocks_x86_64,
        .chain = chain_128,
        .ghash_key = sm4_ghash_key_x86_64,
        .ghash = sm4_ghash_x86_64,
};

const struct sm4_engine *sm4_engine_x86_64(void)
{
	return &engine;
}

#else

const struct sm4_engine *sm4_engine_x86_64(void)
{
	return NULL;
}

#endif
