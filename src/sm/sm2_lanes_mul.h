#ifndef YD_SM_SM2_LANES_MUL_H
#define YD_SM_SM2_LANES_MUL_H
/* Products of eight numbers modulo p at once: tight factors, results below (1 + a b / 16 p^2) p. */
#include "sm/sm2_lanes_field.h"

/* A double-width number: column i stands for (plus[i] - minus[i]) * 2^(52 i). */
#define COLUMNS (2 * FE8_LIMBS)

struct wide8 {
	lanes plus[COLUMNS], minus[COLUMNS];
};

LANE_INLINE void wide8_clear(struct wide8 *t)
{
	unsigned i;

	for (i = 0; i < COLUMNS; i++)
		t->plus[i] = t->minus[i] = lanes_all(0);
}

/* One step of Montgomery's reduction: makes column i a multiple of 2^52 and carries it on.  As p = -1 modulo
 * 2^52 the factor m is the column itself; what is added is m p = m ((2^48 - 2^16) 2^208 - (2^44 - 2^12) 2^52
 * - 1).  The multiplications look at the low 52 bits of m only. */
LANE_INLINE void wide8_reduce_step(struct wide8 *t, unsigned i)
{
	const lanes low = lanes_all(0xffffffff000), high = lanes_all(0xffffffff0000);
	lanes m = t->plus[i] - t->minus[i];

	t->minus[i + 1] = lanes_add_low(t->minus[i + 1], m, low);
	t->minus[i + 2] = lanes_add_high(t->minus[i + 2], m, low);
	t->plus[i + 1] += lanes_shift_signed(m, LANE_BITS);
	t->plus[i + 4] = lanes_add_low(t->plus[i + 4], m, high);
	t->plus[i + 5] = lanes_add_high(t->plus[i + 5], m, high);
}

LANE_INLINE void wide8_take(struct fe8 *r, const struct wide8 *t)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++)
		r->v[i] = t->plus[FE8_LIMBS + i] - t->minus[FE8_LIMBS + i];
}

/* Row i of the columns of a * b. */
LANE_INLINE void fe8_mul_row(lanes t[COLUMNS], unsigned i, const struct fe8 *a, const struct fe8 *b)
{
	unsigned j;

	for (j = 0; j < FE8_LIMBS; j++)
		t[i + j] = lanes_add_low(t[i + j], a->v[i], b->v[j]);
	for (j = 0; j < FE8_LIMBS; j++)
		t[i + j + 1] = lanes_add_high(t[i + j + 1], a->v[i], b->v[j]);
}

/* t + a * b, divided by 2^260. */
LANE_INLINE void wide8_mul_reduce(struct fe8 *r, struct wide8 *t, const struct fe8 *a, const struct fe8 *b)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++) {
		fe8_mul_row(t->plus, i, a, b);
		wide8_reduce_step(t, i);
	}
	wide8_take(r, t);
}

/* The columns of a * a: each product of two different limbs once, then doubled. */
LANE_INLINE void fe8_sqr_columns(lanes t[COLUMNS], const struct fe8 *a)
{
	unsigned i, j;

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

LANE_INLINE void fe8_mul_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b)
{
	struct wide8 t;

	wide8_clear(&t);
	wide8_mul_reduce(r, &t, a, b);
}

LANE_INLINE void fe8_sqr_loose(struct fe8 *r, const struct fe8 *a)
{
	struct wide8 t;
	unsigned i;

	wide8_clear(&t);
	fe8_sqr_columns(t.plus, a);
	for (i = 0; i < FE8_LIMBS; i++)
		wide8_reduce_step(&t, i);
	wide8_take(r, &t);
}

/* (a * b - 8 c^2) / 2^260, reduced once for both. */
LANE_INLINE void fe8_mul_less_sqr_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b,
                                        const struct fe8 *c)
{
	struct wide8 t;
	unsigned i;

	wide8_clear(&t);
	fe8_sqr_columns(t.minus, c);
	for (i = 0; i < COLUMNS; i++)
		t.minus[i] <<= 3;
	wide8_mul_reduce(r, &t, a, b);
}

/* (a * b - c * d) / 2^260, the same way. */
LANE_INLINE void fe8_mul_less_mul_loose(struct fe8 *r, const struct fe8 *a, const struct fe8 *b,
                                        const struct fe8 *c, const struct fe8 *d)
{
	struct wide8 t;
	unsigned i;

	wide8_clear(&t);
	for (i = 0; i < FE8_LIMBS; i++)
		fe8_mul_row(t.minus, i, c, d);
	wide8_mul_reduce(r, &t, a, b);
}

/* a * b / 2^260 */
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
