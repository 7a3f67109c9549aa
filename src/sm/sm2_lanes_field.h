#ifndef YD_SM_SM2_LANES_FIELD_H
#define YD_SM_SM2_LANES_FIELD_H
/* Eight numbers modulo p at once, as x * 2^260 mod p (Montgomery) in five limbs of 52 bits; docs/sm2.md has
 * the bounds.  Three states of a number: loose     limbs are any signed 64-bit numbers: what sums,
 * differences and products give; tight     limbs in [0, 2^52), the value below 2^260 (16 p): what
 * multiplications take; reduced   tight and below 2^256 + 2^230. Constant time; a result may be one of the
 * arguments. */
#include "sm/limbs.h"
#include "sm/sm2_lanes.h"

#define FE8_LIMBS 5

struct fe8 {
	lanes v[FE8_LIMBS];
};

static const uint64_t fe8_prime[FE8_LIMBS] = {0xfffffffffffff, 0xff00000000fff, 0xfffffffffffff,
                                              0xfffffffffffff, 0xfffffffeffff};
static const uint64_t fe8_one[FE8_LIMBS] = {0x10, 0xffffffff0000, 0, 0, 0x100000};

LANE_INLINE void fe8_set(struct fe8 *r, const uint64_t limbs[FE8_LIMBS])
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = lanes_all(limbs[i]);
}

LANE_INLINE void fe8_select(struct fe8 *r, const struct fe8 *a, lanes mask)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = lanes_select(r->v[i], a->v[i], mask);
}

LANE_INLINE void fe8_add_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = a->v[i] + b->v[i];
}

LANE_INLINE void fe8_shift_loose(struct fe8 *r, const struct fe8 *a, int n)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = a->v[i] << n;
}

/* a - b + times * p, loose. */
LANE_INLINE void fe8_sub_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b, uint64_t times)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = a->v[i] - b->v[i] + lanes_all(times * fe8_prime[i]);
}

LANE_INLINE void fe8_add_prime(struct fe8 *r)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] += lanes_all(fe8_prime[i]);
}

/* -a where the mask is set, loose. */
LANE_INLINE void fe8_negate_loose(struct fe8 *r, lanes mask)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = (r->v[i] ^ mask) - mask;
}

/* Loose to tight; the value has to be in [0, 2^260). */
LANE_INLINE void fe8_tighten(struct fe8 *r)
{
	lanes mask = lanes_all(LANE_MASK);
	unsigned i;

	for (i = 0; i + 1 < FE8_LIMBS; i++) {
		r->v[i + 1] += lanes_shift_signed(r->v[i], LANE_BITS);
		r->v[i] &= mask;
	}
}

/* Loose to reduced; the value has to be in [0, 2^260).  h is its part above 2^256, or one less (a carry from
 * the lower limbs is not in it); h * p = h * (2^256 - 2^224 - 2^96 + 2^64 - 1) is taken away. */
LANE_INLINE void fe8_reduce(struct fe8 *r)
{
	lanes h = lanes_shift_signed(r->v[4] + lanes_shift_signed(r->v[3], LANE_BITS), 48);

	r->v[0] += h;
	r->v[1] += (h << 44) - (h << 12);
	r->v[4] += (h << 16) - (h << 48);
	fe8_tighten(r);
}

LANE_INLINE void fe8_sub_tight(struct fe8 *r, const struct fe8 *a, const struct fe8 *b, uint64_t times)
{
	fe8_sub_loose(r, a, b, times);
	fe8_tighten(r);
}

LANE_INLINE void fe8_sub_reduced(struct fe8 *r, const struct fe8 *a, const struct fe8 *b, uint64_t times)
{
	fe8_sub_loose(r, a, b, times);
	fe8_reduce(r);
}

/* -a where the mask is set, for a reduced a. */
LANE_INLINE void fe8_negate_reduced(struct fe8 *r, lanes mask)
{
	unsigned i;

	fe8_negate_loose(r, mask);
	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] += lanes_all(2 * fe8_prime[i]) & mask;
	fe8_reduce(r);
}

/* Mask of the lanes where a reduced number is 0 modulo p: it is 0 or p then. */
LANE_INLINE lanes fe8_is_zero(const struct fe8 *a)
{
	lanes any = lanes_all(0), other = lanes_all(0);
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++) {
		any |= a->v[i];
		other |= a->v[i] ^ lanes_all(fe8_prime[i]);
	}
	return lanes_equal(any, lanes_all(0)) | lanes_equal(other, lanes_all(0));
}

#endif
