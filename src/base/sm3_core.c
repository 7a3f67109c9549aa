#include "base/sm3_core.h"
#define SM3_EARLY(x) __asm__("" : "+r"(x))
#include "base/sm3_round.h"

/* The words may be of a secret. */
static inline void forget(void *p, size_t len)
{
	__builtin_memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory");
}

#define LOAD_STATE(h)                                                                                        \
	uint32_t a = (h)[0], b = (h)[1], c = (h)[2], d = (h)[3], e = (h)[4], f = (h)[5], g = (h)[6],         \
	         k = (h)[7]

#define ADD_STATE(h)                                                                                         \
	do {                                                                                                 \
		(h)[0] ^= a;                                                                                 \
		(h)[1] ^= b;                                                                                 \
		(h)[2] ^= c;                                                                                 \
		(h)[3] ^= d;                                                                                 \
		(h)[4] ^= e;                                                                                 \
		(h)[5] ^= f;                                                                                 \
		(h)[6] ^= g;                                                                                 \
		(h)[7] ^= k;                                                                                 \
	} while (0)

#define T(i) sm3_constant(j + (i))

/* ---- in C ---- */

#define W(i) w[j + (i)]
#define W1(i) (w[j + (i)] ^ w[j + (i) + 4])

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void expand_four(uint32_t *w)
{
	unsigned i;

	for (i = 0; i < 4; i++, w++)
		w[0] = SM3_EXPAND(w[-16], w[-13], w[-9], w[-6], w[-3]);
}

static void compress(uint32_t h[8], const uint8_t *p, uint32_t w[SM3_ROUNDS + 4])
{
	LOAD_STATE(h);
	unsigned j;

	for (j = 0; j < 16; j++)
		w[j] = load_be32(p + 4 * j);
#pragma GCC unroll 4
	for (j = 0; j < 16; j += 4) {
		if (j == 12)
			expand_four(w + 16);
		SM3_FOUR_ROUNDS(W, W1, T, SM3_PARITY, SM3_PARITY);
	}
#pragma GCC unroll 12
	for (j = 16; j < SM3_ROUNDS; j += 4) {
		expand_four(w + j + 4);
		SM3_FOUR_ROUNDS(W, W1, T, SM3_MAJORITY, SM3_CHOOSE);
	}
	ADD_STATE(h);
}

void sm3_core_portable(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	uint32_t w[SM3_ROUNDS + 4];

	for (; n > 0; n--, blocks += 64)
		compress(h, blocks, w);
	forget(w, sizeof(w));
}

/* ---- with BMI2 and AVX2: vector registers expand the message, four words at a time ---- */

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))
#define ROL(x, n) (_mm_slli_epi32(x, n) ^ _mm_srli_epi32(x, 32 - (n)))

/* The four words behind the 16 in x0 ... x3.  The last needs the first, which is not there yet; what it adds,
 * P1(first <<< 15), is put in when it is, for P1 is linear. */
AVX2 static inline __m128i next_four(__m128i x0, __m128i x1, __m128i x2, __m128i x3)
{
	__m128i three = _mm_srli_si128(x3, 4), nine = _mm_alignr_epi8(x2, x1, 12);
	__m128i thirteen = _mm_alignr_epi8(x1, x0, 12), six = _mm_alignr_epi8(x3, x2, 8);
	__m128i sum = x0 ^ nine ^ ROL(three, 15), first;
	__m128i next = sum ^ ROL(sum, 15) ^ ROL(sum, 23) ^ ROL(thirteen, 7) ^ six;

	first = _mm_slli_si128(next, 12);
	return next ^ ROL(first, 15) ^ ROL(first, 30) ^ ROL(first, 6);
}

AVX2 static inline __m128i load_four(const uint8_t *p)
{
	const __m128i swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), swap);
}

/* What four rounds take from the vectors, through memory: lanes are dear to pick. */
struct four {
	uint32_t w[4], w1[4];
};

#define FOUR_W(i) v.w[i]
#define FOUR_W1(i) v.w1[i]

#define STEP(x0, x1, x2, x3, FF, GG)                                                                         \
	do {                                                                                                 \
		_mm_storeu_si128((__m128i *)(void *)v.w, x0);                                                \
		_mm_storeu_si128((__m128i *)(void *)v.w1, (x0) ^ (x1));                                      \
		__asm__("" : "+m"(v));                                                                       \
		x0 = next_four(x0, x1, x2, x3);                                                              \
		SM3_FOUR_ROUNDS(FOUR_W, FOUR_W1, T, FF, GG);                                                 \
		j += 4;                                                                                      \
	} while (0)

#define SIXTEEN_ROUNDS(FF, GG)                                                                               \
	do {                                                                                                 \
		STEP(x0, x1, x2, x3, FF, GG);                                                                \
		STEP(x1, x2, x3, x0, FF, GG);                                                                \
		STEP(x2, x3, x0, x1, FF, GG);                                                                \
		STEP(x3, x0, x1, x2, FF, GG);                                                                \
	} while (0)

AVX2 void sm3_core_x86_64(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	struct four v;

	for (; n > 0; n--, blocks += 64) {
		LOAD_STATE(h);
		__m128i x0 = load_four(blocks), x1 = load_four(blocks + 16);
		__m128i x2 = load_four(blocks + 32), x3 = load_four(blocks + 48);
		unsigned j = 0;

		SIXTEEN_ROUNDS(SM3_PARITY, SM3_PARITY);
#pragma GCC unroll 3
		while (j < SM3_ROUNDS)
			SIXTEEN_ROUNDS(SM3_MAJORITY, SM3_CHOOSE);
		ADD_STATE(h);
	}
	forget(&v, sizeof(v));
}

void sm3_core(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
		sm3_core_x86_64(h, blocks, n);
	else
		sm3_core_portable(h, blocks, n);
}

#else

void sm3_core_x86_64(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	sm3_core_portable(h, blocks, n);
}

void sm3_core(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	sm3_core_portable(h, blocks, n);
}

#endif
