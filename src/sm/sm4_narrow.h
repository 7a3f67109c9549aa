#ifndef YD_SM_SM4_NARROW_H
#define YD_SM_SM4_NARROW_H
/* What 128-bit registers do in both vector engines: one chain of blocks, and the round keys.  Included after
 * sm4_lanes.h with LANES(name) = name_128. */

/* CBC (SP 800-38A 6.2).  From block to block the state stays in its coordinates, so the maps in and out are
 * not in the way of the chain.  All lanes hold the same block. */
static void chain_128(const struct sm4_schedule *s, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                      size_t blocks)
{
	__m128i v = into_128(load_128(iv)), x[1][4];

	for (; blocks > 0; blocks--, in += SM4_BLOCK) {
		v ^= into_128(load_128(in));
		x[0][0] = _mm_shuffle_epi32(v, 0x00);
		x[0][1] = _mm_shuffle_epi32(v, 0x55);
		x[0][2] = _mm_shuffle_epi32(v, 0xaa);
		x[0][3] = _mm_shuffle_epi32(v, 0xff);
		rounds_128(x, s->words);
		v = low64_128(low32_128(x[0][3], x[0][2]), low32_128(x[0][1], x[0][0]));
		if (out != NULL) {
			store_128(out, out_of_128(v));
			out += SM4_BLOCK;
		}
	}
	store_128(iv, out_of_128(v));
}

/* Round keys with their bytes in the order of a block, in the coordinates of the state. */
static void spread_words(const struct sm4 *c, bool decrypt, struct sm4_schedule *ret)
{
	const __m128i swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
	unsigned i;

	for (i = 0; i < 32; i += 4) {
		const uint32_t *four = &c->rk[decrypt ? 28 - i : i];
		__m128i v = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)four), swap);

		if (decrypt)
			v = _mm_shuffle_epi32(v, 0x1b);
		v = into_128(v) ^ _mm_set1_epi8(SM4_KEY_CONSTANT);
		_mm_storeu_si128((__m128i *)(void *)&ret->words[i], v);
	}
}

#endif
