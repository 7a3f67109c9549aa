/* The compression of SM3 (GB/T 32905-2016, 5.3) for the vector type V, in which each lane is a message of its
 * own; included after base/sm3_round.h by what defines
 *   V           words, as a GNU vector of uint32_t
 *   load(p, at) word at / 4 of the block at p[i] of each lane i, and the seven behind it: V[8]
 *   all(word)   one word into each lane */

#define LANES (sizeof(V) / sizeof(uint32_t))

/* The last 16 words of the message. */
#define AT(j) w[(j) % 16]
#define W(i) AT(j + (i))
#define W1(i) (AT(j + (i)) ^ AT(j + (i) + 4))
#define T(i) all(sm3_constant(j + (i)))

/* Word j of the message takes the place of word j - 16. */
#define EXPAND(j) (AT(j) = SM3_EXPAND(AT(j), AT((j) + 3), AT((j) + 7), AT((j) + 10), AT((j) + 13)))

#define EXPAND_FOUR(j)                                                                                       \
	do {                                                                                                 \
		EXPAND(j);                                                                                   \
		EXPAND((j) + 1);                                                                             \
		EXPAND((j) + 2);                                                                             \
		EXPAND((j) + 3);                                                                             \
	} while (0)

static inline __attribute__((always_inline)) void compress(V h[8], V w[16])
{
	V a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
	unsigned j;

#pragma GCC unroll 4
	for (j = 0; j < 16; j += 4) {
		if (j == 12)
			EXPAND_FOUR(0);
		SM3_FOUR_ROUNDS(W, W1, T, SM3_PARITY, SM3_PARITY);
	}
#pragma GCC unroll 12
	for (j = 16; j < SM3_ROUNDS; j += 4) {
		EXPAND_FOUR(j + 4);
		SM3_FOUR_ROUNDS(W, W1, T, SM3_MAJORITY, SM3_CHOOSE);
	}
	h[0] ^= a;
	h[1] ^= b;
	h[2] ^= c;
	h[3] ^= d;
	h[4] ^= e;
	h[5] ^= f;
	h[6] ^= g;
	h[7] ^= k;
}

static void core(uint32_t state[8][SM3_LANES_MAX], const uint8_t *const p[SM3_LANES_MAX], size_t blocks)
{
	V h[8], w[16];
	size_t n, i;

	for (i = 0; i < 8; i++)
		memcpy(&h[i], state[i], sizeof(V));
	for (n = 0; n < blocks; n++) {
		load(p, 64 * n, w);
		load(p, 64 * n + 32, w + 8);
		compress(h, w);
	}
	for (i = 0; i < 8; i++)
		memcpy(state[i], &h[i], sizeof(V));
	wipe(h, sizeof(h));
	wipe(w, sizeof(w));
}
