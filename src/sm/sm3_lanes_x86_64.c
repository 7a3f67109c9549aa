/* SM3 on eight messages with AVX2. */
#include "sm/sm3_lanes.h"

#ifdef __AVX2__
#include "base/slice.h"
#include "sm/sm3_transpose.h"

typedef uint32_t V __attribute__((vector_size(32)));

static inline V turn_byte(V x)
{
	const __m256i turn = _mm256_broadcastsi128_si256(
	        _mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));

	return (V)_mm256_shuffle_epi8((__m256i)x, turn);
}

/* x ^ (x ^ x <<< 8) <<< n: turning by bytes costs one instruction, by bits three. */
#define SM3_P(x, n) ((x) ^ SM3_ROL((x) ^ turn_byte(x), n))
#define SM3_ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
#include "base/sm3_round.h"

static inline V all(uint32_t w)
{
	return (V)_mm256_set1_epi32((int)w);
}

static inline void load(const uint8_t *const p[SM3_LANES_MAX], size_t at, V w[8])
{
	__m256i r[8];
	unsigned i;

	transpose_8(p, at, r);
	for (i = 0; i < 8; i++)
		w[i] = (V)r[i];
}

#include "sm/sm3_compress.h"

const struct sm3_lanes *sm3_lanes_x86_64(void)
{
	static const struct sm3_lanes lanes = {LANES, core};

	return &lanes;
}

#else

const struct sm3_lanes *sm3_lanes_x86_64(void)
{
	return NULL;
}

#endif
