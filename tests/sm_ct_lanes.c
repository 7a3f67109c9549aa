/* The eight lanes of AVX-512 over plain C, which valgrind understands: the same source as the engine.  Part
 * of sm_ct, with leaks of its own that must be found. */
#define SM_LANES_EMULATED
#include "sm/sm2_engine_avx512.c"

uint8_t leak_lane(const uint8_t secret[32]);
uint8_t leak_lane_address(const uint8_t secret[32]);

static struct digit8 digit_of(const uint8_t secret[32])
{
	struct scalar8 k;
	struct sc number;

	(void)sc_from_bytes(&number, secret);
	load_scalars(&k, &number, 1);
	return digit8_of(&k, 2, LM_BITS, LM_WINDOWS);
}

/* A sum that leaves out what a digit says. */
uint8_t leak_lane(const uint8_t secret[32])
{
	struct digit8 digit = digit_of(secret);

	return digit.negative[3] != 0 ? 1 : 2;
}

/* A look-up by a digit instead of by looking at all. */
uint8_t leak_lane_address(const uint8_t secret[32])
{
	static const lanes row[2 * LANES] = {{7}};
	struct digit8 digit = digit_of(secret);

	return (uint8_t)row[digit.half[5] & 15][0];
}
