#ifndef YD_SM_SM2_LANES_DIGITS_H
#define YD_SM_SM2_LANES_DIGITS_H
/* Eight scalars and their digits in signed windows: all digits odd, so that none is zero and no point on the
 * way is infinity. */
#include "sm/limbs.h"
#include "sm/sm2_lanes.h"

#define GROUPS 8 /* of eight lanes that share their inversions */

/* An odd number's digit in a window of some bits: half of its size (rounded down) and its sign. */
struct digit8 {
	lanes half, negative;
};

/* The odd one of k and n - k, word by word; flip tells where it is n - k. */
struct scalar8 {
	lanes w[LIMBS + 1], flip;
};

/* Bits bits * i ... bits * (i + 1) of k, the highest of them being the lowest of the next window: when it is
 * 0 the digit is less by 2^bits, which makes that window odd.  The last window has nothing above it. */
LANE_INLINE struct digit8 digit8_of(const struct scalar8 *k, unsigned i, unsigned bits, unsigned windows)
{
	unsigned word = bits * i / 64, shift = bits * i % 64;
	lanes raw = k->w[word] >> (int)shift;
	struct digit8 r;

	if (shift + bits >= 64)
		raw |= k->w[word + 1] << (int)(63 - shift) << 1;
	r.negative = i + 1 < windows ? ~lanes_bit_mask(raw, (int)bits) : lanes_all(0);
	r.half = ((raw ^ r.negative) & (((uint64_t)1 << bits) - 1)) >> 1;
	return r;
}

#endif
