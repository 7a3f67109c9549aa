#ifndef YD_SM_SM3_TRANSPOSE_H
#define YD_SM_SM3_TRANSPOSE_H
/* Eight words of each of eight messages into eight vectors. */
#include <immintrin.h>
#include <stdint.h>

/* r[j] lane i = word j (big endian) at p[i] + at. */
static inline void transpose_8(const uint8_t *const p[8], size_t at, __m256i r[8])
{
	const __m256i swap = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
	__m256i a[8], b[8];
	unsigned i;

	for (i = 0; i < 8; i++) {
		a[i] = _mm256_loadu_si256((const __m256i *)(const void *)(p[i] + at));
		a[i] = _mm256_shuffle_epi8(a[i], swap);
	}
	for (i = 0; i < 8; i += 2) { /* pairs of words */
		b[i] = _mm256_unpacklo_epi32(a[i], a[i + 1]);
		b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 1]);
	}
	for (i = 0; i < 8; i += 4) { /* fours */
		a[i] = _mm256_unpacklo_epi64(b[i], b[i + 2]);
		a[i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 2]);
		a[i + 2] = _mm256_unpacklo_epi64(b[i + 1], b[i + 3]);
		a[i + 3] = _mm256_unpackhi_epi64(b[i + 1], b[i + 3]);
	}
	for (i = 0; i < 4; i++) {
		r[i] = _mm256_permute2x128_si256(a[i], a[i + 4], 0x20);
		r[i + 4] = _mm256_permute2x128_si256(a[i], a[i + 4], 0x31);
	}
}

#endif
