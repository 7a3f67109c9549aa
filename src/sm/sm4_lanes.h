/* SM4 on many blocks in vector registers; sm4_coordinates.h says in which coordinates.  A register holds word
 * i of several blocks, bytes in the order of the block.  Included once for each width, with
 *   V             the register
 *   SETS          how many times four registers are worked on side by side, to hide latency
 *   LANES(name)   names made here, so NAME_128, NAME_wide
 *   OP(name)      operations on V: xor3, load, store, all (a word into each lane), into, out_of (the
 *                 coordinates), low32, high32, low64, high64 (unpack within 128 bits) and mix(y0, i) =
 *                 y0 + N0 i + (N1 i)<<<8 + (N1 i)<<<16 + (N3 i)<<<24 after the inversion of i. */

#define AT_ONCE (SETS * 4 * (sizeof(V) / SM4_BLOCK))

static inline void LANES(transpose)(V x[4])
{
	V a = OP(low32)(x[0], x[1]), b = OP(low32)(x[2], x[3]);
	V c = OP(high32)(x[0], x[1]), d = OP(high32)(x[2], x[3]);

	x[0] = OP(low64)(a, b);
	x[1] = OP(high64)(a, b);
	x[2] = OP(low64)(c, d);
	x[3] = OP(high64)(c, d);
}

/* Round i of each set; the newest word last, for it comes late. */
static inline __attribute__((always_inline)) void LANES(round)(V x[SETS][4], unsigned i, uint32_t word)
{
	V key = OP(all)(word);
	unsigned s;

#pragma GCC unroll 4
	for (s = 0; s < SETS; s++) {
		V *y = x[s], early;

		early = OP(xor3)(key, y[(i + 1) % 4], y[(i + 2) % 4]);
		__asm__("" : "+v"(early)); /* keep the sum in this order */
		y[i % 4] = OP(mix)(y[i % 4], early ^ y[(i + 3) % 4]);
	}
}

static inline __attribute__((always_inline)) void LANES(rounds)(V x[SETS][4], const uint32_t key[32])
{
	unsigned i;

	for (i = 0; i < 32; i += 4) {
		LANES(round)(x, 0, key[i]);
		LANES(round)(x, 1, key[i + 1]);
		LANES(round)(x, 2, key[i + 2]);
		LANES(round)(x, 3, key[i + 3]);
	}
}

/* AT_ONCE blocks. */
static void LANES(pass)(const uint32_t key[32], const uint8_t *in, uint8_t *out)
{
	V x[SETS][4];
	unsigned s, i;

#pragma GCC unroll 4
	for (s = 0; s < SETS; s++) {
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			x[s][i] = OP(into)(OP(load)(in + (4 * s + i) * sizeof(V)));
		LANES(transpose)(x[s]);
	}
	LANES(rounds)(x, key);
#pragma GCC unroll 4
	for (s = 0; s < SETS; s++) {
		V r[4] = {x[s][3], x[s][2], x[s][1], x[s][0]};

		LANES(transpose)(r);
#pragma GCC unroll 4
		for (i = 0; i < 4; i++)
			OP(store)(out + (4 * s + i) * sizeof(V), OP(out_of)(r[i]));
	}
}

/* As many full passes as there are; returns the blocks done. */
static inline size_t LANES(passes)(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out,
                                   size_t blocks)
{
	size_t done;

	for (done = 0; blocks - done >= AT_ONCE; done += AT_ONCE)
		LANES(pass)(s->words, in + done * SM4_BLOCK, out + done * SM4_BLOCK);
	return done;
}

/* Less than a pass. */
static inline void LANES(part)(const struct sm4_schedule *s, const uint8_t *in, uint8_t *out,
                               size_t blocks)
{
	uint8_t part[AT_ONCE * SM4_BLOCK] = {0};

	memcpy(part, in, blocks * SM4_BLOCK);
	LANES(pass)(s->words, part, part);
	memcpy(out, part, blocks * SM4_BLOCK);
	wipe(part, sizeof(part));
}

#undef AT_ONCE
#undef V
#undef SETS
#undef LANES
#undef OP
