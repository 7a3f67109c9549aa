/* SM3 on eight messages with AVX-512 VL: AVX2 registers, but one instruction to turn or to mix words. */
#include "sm/sm3_lanes.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#include "base/slice.h"
#include "sm/sm3_transpose.h"

typedef uint32_t V __attribute__((vector_size(32)));

/* vpternlog: each bit of the table is the answer for one triple of bits */
#define THREE(x, y, z, table) (V) _mm256_ternarylogic_epi32((__m256i)(x), (__m256i)(y), (__m256i)(z), table)
#define SM3_ROL(x, n) (V) _mm256_rol_epi32((__m256i)(x), n)
#define SM3_P(x, n) THREE(x, SM3_ROL(x, n), SM3_ROL(x, (n) + 8), 0x96)
#define SM3_PARITY(x, y, z) THREE(x, y, z, 0x96)
#define SM3_MAJORITY(x, y, z) THREE(x, y, z, 0xe8)
#define SM3_CHOOSE(x, y, z) THREE(x, y, z, 0xca)
#define SM3_EARLY(x) __asm__("" : "+v"(x))
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

const struct sm3_lanes *sm3_lanes8_avx512(void)
{
	static const struct sm3_lanes lanes = {LANES, core};

	return &lanes;
}

#else

const struct sm3_lanes *sm3_lanes8_avx512(void)
{
	return NULL;
}

#endif
