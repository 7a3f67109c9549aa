#ifndef YD_BASE_SM3_ROUND_H
#define YD_BASE_SM3_ROUND_H
/* The formulas of SM3 (GB/T 32905-2016, 4 and 5.3) for any type of word with + ^ & | << >>: uint32_t, or a
 * vector of it, one word for each of several messages.  Who has better instructions defines SM3_ROL and the
 * rest before. */
#include <stdint.h>

#define SM3_ROUNDS 64

#ifndef SM3_ROL
#define SM3_ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
#endif
/* x ^ x <<< n ^ x <<< (n + 8): P0 with n = 9, P1 with n = 15 */
#ifndef SM3_P
#define SM3_P(x, n) ((x) ^ SM3_ROL(x, n) ^ SM3_ROL(x, (n) + 8))
#endif
#ifndef SM3_PARITY
#define SM3_PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define SM3_MAJORITY(x, y, z) (((x) & (y)) | (((x) | (y)) & (z)))
#define SM3_CHOOSE(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))
#endif
/* Keeps a sum of what is known early apart from what comes late, where latency is what a round costs. */
#ifndef SM3_EARLY
#define SM3_EARLY(x) (void)0
#endif

/* One round (5.3.3) with w = W[j], w1 = W'[j], t = T <<< j.  The names turn by one place from round to round
 * instead of the values.  E is the last to be ready. */
#define SM3_ROUND(w, w1, t, A, B, C, D, E, F, G, H, FF, GG)                                                  \
	do {                                                                                                 \
		__typeof__(A) a12 = SM3_ROL(A, 12), keyed = a12 + (t), ss1;                                  \
		__typeof__(A) tt1 = FF(A, B, C) + ((D) + (w1)), tt2 = (H) + (w);                             \
                                                                                                             \
		SM3_EARLY(keyed);                                                                            \
		SM3_EARLY(tt1);                                                                              \
		SM3_EARLY(tt2);                                                                              \
		keyed += (E);                                                                                \
		ss1 = SM3_ROL(keyed, 7);                                                                     \
		tt2 += ss1;                                                                                  \
		SM3_EARLY(tt2);                                                                              \
		tt2 += GG(E, F, G);                                                                          \
		B = SM3_ROL(B, 9);                                                                           \
		F = SM3_ROL(F, 19);                                                                          \
		D = tt1 + (ss1 ^ a12);                                                                       \
		H = SM3_P(tt2, 9);                                                                           \
	} while (0)

/* Four of them on the names a ... g, k; w(i), w1(i), t(i) are macros of 0 to 3. */
#define SM3_FOUR_ROUNDS(w, w1, t, FF, GG)                                                                    \
	do {                                                                                                 \
		SM3_ROUND(w(0), w1(0), t(0), a, b, c, d, e, f, g, k, FF, GG);                                \
		SM3_ROUND(w(1), w1(1), t(1), d, a, b, c, k, e, f, g, FF, GG);                                \
		SM3_ROUND(w(2), w1(2), t(2), c, d, a, b, g, k, e, f, FF, GG);                                \
		SM3_ROUND(w(3), w1(3), t(3), b, c, d, a, f, g, k, e, FF, GG);                                \
	} while (0)

/* The next word of the expanded message (5.3.2), from those 16, 13, 9, 6 and 3 before it. */
#define SM3_EXPAND(w16, w13, w9, w6, w3)                                                                     \
	__extension__({                                                                                      \
		__typeof__(w16) sum = (w16) ^ (w9) ^ SM3_ROL(w3, 15);                                        \
                                                                                                             \
		SM3_P(sum, 15) ^ SM3_ROL(w13, 7) ^ (w6);                                                     \
	})

/* T <<< j, T = 79cc4519 for the first 16 rounds, then 7a879d8a (4.2) */
static inline uint32_t sm3_constant(unsigned j)
{
	uint32_t t = j < 16 ? 0x79cc4519 : 0x7a879d8a;

	return t << (j % 32) | t >> (-j % 32);
}

#endif
