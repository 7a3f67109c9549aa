#ifndef YD_SM_SM2_LANES_SUM_H
#define YD_SM_SM2_LANES_SUM_H
/* Affine additions, very many at a time: their divisions share one inversion (Montgomery's trick), so that
 * each costs five multiplications and a squaring.  Coordinates are reduced, or the negative of that. */
#include "base/slice.h"
#include "sm/sm2_field.h"
#include "sm/sm2_lanes_mul.h"

struct point8 {
	struct fe8 x, y;
};

/* x, y becomes the sum of x, y and a point with x2; slope = top / bottom. */
struct sum8 {
	struct fe8 x, y, x2, top, bottom, before;
};

/* Plain numbers below 2^256, word by word. */
LANE_INLINE void fe8_from_words(struct fe8 *r, const lanes w[LIMBS])
{
	lanes mask = lanes_all(LANE_MASK);

	r->v[0] = w[0] & mask;
	r->v[1] = (w[0] >> 52 | w[1] << 12) & mask;
	r->v[2] = (w[1] >> 40 | w[2] << 24) & mask;
	r->v[3] = (w[2] >> 28 | w[3] << 36) & mask;
	r->v[4] = w[3] >> 16;
}

/* The same times 2^260. */
LANE_INLINE void fe8_load(struct fe8 *r, const lanes w[LIMBS])
{
	static const uint64_t square_of_r[FE8_LIMBS] = {0x20000000300, 0xffffffff00000, 0x100000002,
	                                                0x200000001000, 0x4000000};
	struct fe8 square;

	fe8_from_words(r, w);
	fe8_set(&square, square_of_r);
	fe8_mul(r, r, &square);
	fe8_reduce(r);
}

/* The plain numbers, below p. */
LANE_INLINE void fe8_store(lanes w[LIMBS], const struct fe8 *a)
{
	static const uint64_t unit[FE8_LIMBS] = {1};
	static const uint64_t none[FE8_LIMBS];
	struct fe8 t, zero;

	fe8_set(&t, unit);
	fe8_mul(&t, &t, a); /* not above p */
	fe8_set(&zero, none);
	fe8_select(&t, &zero, fe8_is_zero(&t));
	w[0] = t.v[0] | t.v[1] << 52;
	w[1] = t.v[1] >> 12 | t.v[2] << 40;
	w[2] = t.v[2] >> 24 | t.v[3] << 28;
	w[3] = t.v[3] >> 36 | t.v[4] << 16;
}

/* 1/a for numbers that are not 0.  The lanes are taken out, and inverted together. */
static void fe8_inv(struct fe8 *r, const struct fe8 *a)
{
	/* A plain x stands for x / 2^256 there, so 2^512 / x comes back, and 2^260 / x is wanted. */
	static const uint64_t correction[FE8_LIMBS] = {0x100};
	struct fe each[LANES], work[LANES];
	struct fe8 factor;
	lanes w[LIMBS];
	unsigned i, j;

	fe8_store(w, a);
	for (i = 0; i < LIMBS; i++)
		for (j = 0; j < LANES; j++)
			each[j].v[i] = w[i][j];
	fe_inv_batch(each, work, LANES);
	for (i = 0; i < LIMBS; i++)
		for (j = 0; j < LANES; j++)
			w[i][j] = each[j].v[i];
	fe8_from_words(r, w);
	fe8_set(&factor, correction);
	fe8_mul(r, r, &factor);
	wipe(each, sizeof(each));
	wipe(work, sizeof(work));
	wipe(w, sizeof(w));
}

/* For points that are neither equal nor opposite, nor infinity. */
LANE_INLINE void sum8_of(struct sum8 *s, const struct fe8 *x, const struct fe8 *y)
{
	s->x2 = *x;
	fe8_sub_tight(&s->bottom, x, &s->x, 2);
	fe8_sub_tight(&s->top, y, &s->y, 3); /* either may be negative */
}

/* 2 (x, y): the tangent's slope 3 (x^2 - 1) / 2 y. */
LANE_INLINE void sum8_of_double(struct sum8 *s)
{
	struct fe8 one;

	fe8_set(&one, fe8_one);
	s->x2 = s->x;
	fe8_sqr_loose(&s->top, &s->x);
	fe8_sub_loose(&s->top, &s->top, &one, 1);
	fe8_add_loose(&one, &s->top, &s->top);
	fe8_add_loose(&s->top, &s->top, &one);
	fe8_tighten(&s->top);
	fe8_add_loose(&s->bottom, &s->y, &s->y);
	fe8_tighten(&s->bottom);
}

/* Any points but infinity; y not negative.  Returns the mask of the lanes where the sum is infinity. */
LANE_INLINE lanes sum8_of_any(struct sum8 *s, const struct fe8 *x, const struct fe8 *y)
{
	struct sum8 twice = *s;
	lanes same_x, same_y;

	sum8_of_double(&twice);
	sum8_of(s, x, y);
	fe8_reduce(&s->bottom);
	fe8_reduce(&s->top);
	same_x = fe8_is_zero(&s->bottom);
	same_y = fe8_is_zero(&s->top);
	fe8_select(&s->bottom, &twice.bottom, same_x);
	fe8_select(&s->top, &twice.top, same_x);
	return same_x & ~same_y;
}

/* What is not a point of the curve may bring zero below, which must not reach other lanes. */
LANE_INLINE void sum8_guard(struct sum8 *s)
{
	struct fe8 one;

	fe8_set(&one, fe8_one);
	fe8_reduce(&s->bottom);
	fe8_select(&s->bottom, &one, fe8_is_zero(&s->bottom));
}

LANE_INLINE void sum8_step(struct sum8 *s, struct fe8 *product)
{
	s->before = *product;
	fe8_mul(product, product, &s->bottom);
}

/* *inverse is 1 / (product of the bottoms up to this one). */
LANE_INLINE void sum8_finish(struct sum8 *s, struct fe8 *inverse)
{
	struct fe8 slope, t;

	fe8_mul(&t, inverse, &s->before);
	fe8_mul(inverse, inverse, &s->bottom);
	fe8_mul(&slope, &s->top, &t);
	fe8_sqr_loose(&t, &slope);
	fe8_sub_loose(&t, &t, &s->x, 3);
	fe8_sub_reduced(&t, &t, &s->x2, 0);
	fe8_sub_tight(&s->x, &s->x, &t, 2);
	fe8_mul_loose(&slope, &slope, &s->x);
	fe8_sub_reduced(&s->y, &slope, &s->y, 2);
	s->x = t;
}

static void sum8_finish_all(struct sum8 *s, size_t n)
{
	struct fe8 product;
	size_t i;

	fe8_set(&product, fe8_one);
	for (i = 0; i < n; i++)
		sum8_step(&s[i], &product);
	fe8_inv(&product, &product);
	for (i = n; i-- > 0;)
		sum8_finish(&s[i], &product);
}

#endif
