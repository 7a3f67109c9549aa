/* GHASH (SP 800-38D 6.3, 6.4): GF(2^128), bits from left to right. */
#include "sm/limbs.h"
#include "sm/sm4_engine.h"

/* Product without carries, low 64 bits.  Each factor is split into four with three zero bits between the
 * ones; 16 partial products then add up to less than 16 below the top, so no carry of the machine's
 * multiplication reaches a bit that is kept. */
static uint64_t mul_low(uint64_t a, uint64_t b)
{
	const uint64_t every_fourth = 0x1111111111111111;
	uint64_t x[4], y[4], r = 0;
	unsigned i;

	for (i = 0; i < 4; i++) {
		x[i] = a & every_fourth << i;
		y[i] = b & every_fourth << i;
	}
	for (i = 0; i < 4; i++)
		r |= (x[0] * y[i] ^ x[1] * y[(i + 3) % 4] ^ x[2] * y[(i + 2) % 4] ^ x[3] * y[(i + 1) % 4]) &
		     every_fourth << i;
	return r;
}

static uint64_t reverse(uint64_t v)
{
	v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
	v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(v);
}

/* The high half is the low half of the reversed factors, reversed. */
static void mul_wide(uint64_t a, uint64_t b, uint64_t a_reversed, uint64_t b_reversed, uint64_t r[2])
{
	r[0] = mul_low(a, b);
	r[1] = reverse(mul_low(a_reversed, b_reversed)) >> 1;
}

void sm4_ghash_key_portable(struct ghash *g, const uint8_t h[16])
{
	unsigned i;

	*g = (struct ghash){.h = {load_be64(h + 8), load_be64(h), 0}};
	g->h[2] = g->h[0] ^ g->h[1];
	for (i = 0; i < 3; i++)
		g->h_reversed[i] = reverse(g->h[i]);
}

/* y = y * h.  The numbers are stored with the first bit on top, so a product of 255 bits is one place
 * too low; then x^128 = x^7 + x^2 + x + 1 folds the lower half into the upper. */
static void ghash_mul(struct ghash *g)
{
	uint64_t y[3] = {g->y[0], g->y[1], g->y[0] ^ g->y[1]}, low[2], high[2], mid[2], t[4];
	unsigned i;

	mul_wide(y[0], g->h[0], reverse(y[0]), g->h_reversed[0], low);
	mul_wide(y[1], g->h[1], reverse(y[1]), g->h_reversed[1], high);
	mul_wide(y[2], g->h[2], reverse(y[2]), g->h_reversed[2], mid);
	for (i = 0; i < 2; i++)
		mid[i] ^= low[i] ^ high[i];
	t[0] = low[0] << 1;
	t[1] = (low[1] ^ mid[0]) << 1 | low[0] >> 63;
	t[2] = (high[0] ^ mid[1]) << 1 | (low[1] ^ mid[0]) >> 63;
	t[3] = high[1] << 1 | (high[0] ^ mid[1]) >> 63;
	for (i = 0; i < 2; i++) {
		t[i + 2] ^= t[i] ^ t[i] >> 1 ^ t[i] >> 2 ^ t[i] >> 7;
		t[i + 1] ^= t[i] << 63 ^ t[i] << 62 ^ t[i] << 57;
	}
	g->y[0] = t[2];
	g->y[1] = t[3];
}

void sm4_ghash_portable(struct ghash *g, const uint8_t *in, size_t blocks)
{
	for (; blocks > 0; blocks--, in += SM4_BLOCK) {
		g->y[1] ^= load_be64(in);
		g->y[0] ^= load_be64(in + 8);
		ghash_mul(g);
	}
}
