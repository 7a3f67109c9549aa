#ifndef YD_SM_SM2_LANES_MUL_H
#define YD_SM_SM2_LANES_MUL_H
/* Products of eight numbers modulo p at once: tight factors, results below (1 + a b / 16 p^2) p. */
#include "sm/sm2_lanes_field.h"

/* One step of Montgomery's reduction: makes limb i a multiple of 2^52 and carries it on.  As p = -1 modulo
 * 2^52 the factor m is the limb itself; what is added is m * p = m * ((2^48 - 2^16) 2^208 + c 2^52 - 2^104 -
 * 1) with c = 2^52 - 2^44 + 2^12. */
LANE_INLINE void fe8_reduce_step(lanes t[2 * FE8_LIMBS], unsigned i)
{
	const lanes c = lanes_all(0xff00000001000), top = lanes_all(0xffffffff0000);
	lanes m = t[i];

	t[i + 1] += lanes_shift_signed(m, LANE_BITS);
	t[i + 1] = lanes_add_low(t[i + 1], m, c);
	t[i + 2] = lanes_add_high(t[i + 2], m, c) - (m & lanes_all(LANE_MASK));
	t[i + 4] = lanes_add_low(t[i + 4], m, top);
	t[i + 5] = lanes_add_high(t[i + 5], m, top);
}

LANE_INLINE void fe8_clear_columns(lanes t[2 * FE8_LIMBS])
{
	unsigned i;

	for (i = 0; i < 2 * FE8_LIMBS; i++)
		t[i] = lanes_all(0);
}

/* Row i of the columns of a * b. */
LANE_INLINE void fe8_mul_row(lanes t[2 * FE8_LIMBS], unsigned i, const struct fe8 *a, const struct fe8 *b)
{
	unsigned j;

	for (j = 0; j < FE8_LIMBS; j++)
		t[i + j] = lanes_add_low(t[i + j], a->v[i], b->v[j]);
	for (j = 0; j < FE8_LIMBS; j++)
		t[i + j + 1] = lanes_add_high(t[i + j + 1], a->v[i], b->v[j]);
}

LANE_INLINE void fe8_take_columns(struct fe8 *r, const lanes t[2 * FE8_LIMBS])
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = t[FE8_LIMBS + i];
}

LANE_INLINE void fe8_mul_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	lanes t[2 * FE8_LIMBS];
	unsigned i;

	fe8_clear_columns(t);
	for (i = 0; i < FE8_LIMBS; i++) {
		fe8_mul_row(t, i, a, b);
		fe8_reduce_step(t, i);
	}
	fe8_take_columns(r, t);
}

/* The columns of a * a: each product of two different limbs once, then doubled. */
LANE_INLINE void fe8_sqr_columns(lanes t[2 * FE8_LIMBS], const struct fe8 *a)
{
	unsigned i, j;

	fe8_clear_columns(t);
	for (i = 0; i < FE8_LIMBS; i++) {
		for (j = i + 1; j < FE8_LIMBS; j++) {
			t[i + j] = lanes_add_low(t[i + j], a->v[i], a->v[j]);
			t[i + j + 1] = lanes_add_high(t[i + j + 1], a->v[i], a->v[j]);
		}
	}
	for (i = 0; i < FE8_LIMBS; i++) {
		t[2 * i] = lanes_add_low(t[2 * i] + t[2 * i], a->v[i], a->v[i]);
		t[2 * i + 1] = lanes_add_high(t[2 * i + 1] + t[2 * i + 1], a->v[i], a->v[i]);
	}
}

LANE_INLINE void fe8_sqr_loose(struct fe8 *r, const struct fe8 *a)
{
	lanes t[2 * FE8_LIMBS];
	unsigned i;

	fe8_sqr_columns(t, a);
	for (i = 0; i < FE8_LIMBS; i++)
		fe8_reduce_step(t, i);
	fe8_take_columns(r, t);
}

/* (a * b - n * c^2) / 2^260 with n = 2^shift, reduced once for both; loose. */
LANE_INLINE void fe8_mul_less_sqr_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b,
                                        const struct fe8 *c, int shift)
{
	lanes t[2 * FE8_LIMBS], square[2 * FE8_LIMBS];
	unsigned i;

	fe8_sqr_columns(square, c);
	for (i = 0; i < 2 * FE8_LIMBS; i++)
		t[i] = 0 - (square[i] << shift);
	for (i = 0; i < FE8_LIMBS; i++) {
		fe8_mul_row(t, i, a, b);
		fe8_reduce_step(t, i);
	}
	fe8_take_columns(r, t);
}

/* (a * b - c * d) / 2^260, the same way. */
LANE_INLINE void fe8_mul_less_mul_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b,
                                        const struct fe8 *c, const struct fe8 *d)
{
	lanes t[2 * FE8_LIMBS];
	unsigned i;

	fe8_clear_columns(t);
	for (i = 0; i < FE8_LIMBS; i++)
		fe8_mul_row(t, i, c, d);
	for (i = 0; i < 2 * FE8_LIMBS; i++)
		t[i] = 0 - t[i];
	for (i = 0; i < FE8_LIMBS; i++) {
		fe8_mul_row(t, i, a, b);
		fe8_reduce_step(t, i);
	}
	fe8_take_columns(r, t);
}

/* a * b / 2^260: tight, below (1 + a b / 16 p^2) p. */
LANE_INLINE void fe8_mul(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	fe8_mul_loose(r, a, b);
	fe8_tighten(r);
}

LANE_INLINE void fe8_sqr(struct fe8 *r, const struct fe8 *a)
{
	fe8_sqr_loose(r, a);
	fe8_tighten(r);
}

#endif
