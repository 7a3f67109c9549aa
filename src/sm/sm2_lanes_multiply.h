#ifndef YD_SM_SM2_LANES_MULTIPLY_H
#define YD_SM_SM2_LANES_MULTIPLY_H
/* k * P for eight lanes in each of several groups, each lane its own point; constant time. */
#include "sm/sm2_lanes_base.h"

/* Signed windows of 5 bits with odd digits: |d_i| = 1, 3 ... 31. */
#define LM_BITS 5
#define LM_WINDOWS 52
#define LM_ODD (1 << (LM_BITS - 1))

/* (x / z^2, y / z^3); x and y reduced, z tight and below 2.3 p; z = 0 modulo p is infinity. */
struct jacobian8 {
	struct fe8 x, y, z;
};

/* a = -3; bounds in docs/sm2.md. */
LANE_INLINE void jacobian8_double(struct jacobian8 *r)
{
	struct fe8 delta, gamma, alpha, beta, t;

	fe8_sqr(&delta, &r->z);
	fe8_sqr(&gamma, &r->y);
	fe8_sub_loose(&alpha, &r->x, &delta, 2);
	fe8_add_loose(&t, &alpha, &alpha);
	fe8_add_loose(&alpha, &alpha, &t);
	fe8_tighten(&alpha);
	fe8_add_loose(&t, &r->x, &delta);
	fe8_tighten(&t);
	fe8_mul(&alpha, &alpha, &t); /* 3 (x - z^2) (x + z^2) */
	fe8_mul_loose(&beta, &r->x, &gamma);
	fe8_shift_loose(&beta, &beta, 2);
	fe8_tighten(&beta); /* 4 x y^2 */
	fe8_mul_loose(&t, &r->y, &r->z);
	fe8_shift_loose(&r->z, &t, 1);
	fe8_tighten(&r->z); /* 2 y z */
	fe8_sqr_loose(&t, &alpha);
	fe8_sub_loose(&t, &t, &beta, 9);
	fe8_sub_reduced(&r->x, &t, &beta, 0);
	fe8_sub_tight(&t, &beta, &r->x, 2);
	fe8_mul_less_sqr_loose(&beta, &alpha, &t, &gamma, 3);
	fe8_add_prime(&beta);
	fe8_reduce(&beta);
	r->y = beta;
}

/* r + (x, y), y negated where the mask is set; neither is infinity.  *h = 0 is r = (x, y) (if *d = 0) or
 * r = -(x, y) (then the result is infinity, as it should be). */
LANE_INLINE void jacobian8_add(struct jacobian8 *r, const struct point8 *p, lanes negative, struct fe8 *h,
                               struct fe8 *d)
{
	struct fe8 t, hh, hhh, v;

	fe8_sqr(&t, &r->z);
	fe8_mul_loose(h, &p->x, &t);
	fe8_sub_tight(h, h, &r->x, 2);
	fe8_mul(&t, &t, &r->z);
	fe8_mul_loose(d, &p->y, &t);
	fe8_negate_loose(d, negative);
	fe8_sub_tight(d, d, &r->y, 3);
	fe8_sqr(&hh, h);
	fe8_mul(&r->z, &r->z, h);
	fe8_mul(&hhh, &hh, h);
	fe8_mul(&v, &hh, &r->x);
	fe8_sqr_loose(&t, d);
	fe8_sub_loose(&t, &t, &hhh, 4);
	fe8_sub_loose(&t, &t, &v, 0);
	fe8_sub_reduced(&r->x, &t, &v, 0);
	fe8_sub_tight(&v, &v, &r->x, 2);
	fe8_mul_less_mul_loose(&t, d, &v, &r->y, &hhh);
	fe8_add_prime(&t);
	fe8_reduce(&t);
	r->y = t;
}

/* The same when both may be equal. */
static void jacobian8_add_any(struct jacobian8 *r, const struct point8 *p, lanes negative)
{
	struct jacobian8 twice = *r;
	struct fe8 h, d;
	lanes equal;

	jacobian8_double(&twice);
	jacobian8_add(r, p, negative, &h, &d);
	fe8_reduce(&h);
	fe8_reduce(&d);
	equal = fe8_is_zero(&h) & fe8_is_zero(&d);
	fe8_select(&r->x, &twice.x, equal);
	fe8_select(&r->y, &twice.y, equal);
	fe8_select(&r->z, &twice.z, equal);
}

/* odd[m ... 2m-1] = *power + odd[0 ... m-1], and *power is doubled unless these were the last. */
static void odd8_level(struct sum8 *sums, struct point8 odd[][LM_ODD], struct point8 *power, unsigned m,
                       size_t groups)
{
	unsigned last = 2 * m == LM_ODD, i;
	size_t g;

	for (g = 0; g < groups; g++) {
		for (i = 0; i < m; i++) {
			struct sum8 *s = &sums[i * groups + g];

			s->x = odd[g][i].x;
			s->y = odd[g][i].y;
			sum8_of(s, &power[g].x, &power[g].y);
		}
		if (last)
			continue;
		sums[m * groups + g].x = power[g].x;
		sums[m * groups + g].y = power[g].y;
		sum8_of_double(&sums[m * groups + g]);
	}
	sum8_finish_all(sums, (m + 1 - last) * groups);
	for (g = 0; g < groups; g++) {
		for (i = 0; i < m; i++)
			odd[g][m + i] = (struct point8){sums[i * groups + g].x, sums[i * groups + g].y};
		if (!last)
			power[g] = (struct point8){sums[m * groups + g].x, sums[m * groups + g].y};
	}
}

/* 1, 3 ... 31 times P: 2 P; 3, 4; 5, 7, 8; 9 ... 15, 16; 17 ... 31, each row with one inversion. */
static void odd8(struct sum8 *sums, struct point8 odd[][LM_ODD], size_t groups)
{
	struct point8 power[GROUPS];
	unsigned m;
	size_t g;

	for (g = 0; g < groups; g++)
		power[g] = odd[g][0];
	for (m = 0; m < LM_ODD; m = m == 0 ? 1 : 2 * m)
		odd8_level(sums, odd, power, m, groups);
}

/* odd[index], by looking at all. */
LANE_INLINE void odd8_look_up(struct point8 *r, const struct point8 odd[LM_ODD], lanes index)
{
	unsigned i, j;

	*r = odd[0];
	for (i = 1; i < LM_ODD; i++) {
		lanes mask = lanes_equal(index, lanes_all(i));

		for (j = 0; j < FE8_LIMBS; j++) {
			r->x.v[j] = lanes_select(r->x.v[j], odd[i].x.v[j], mask);
			r->y.v[j] = lanes_select(r->y.v[j], odd[i].y.v[j], mask);
		}
	}
}

/* From the highest window, whose digit is 1, down.  Only the last addition can meet its own point (k = n - 6)
 * or the opposite one (k = 0, which is n here). */
static void multiply8_group(struct jacobian8 *sum, const struct scalar8 *k, const struct point8 odd[LM_ODD])
{
	struct point8 term;
	struct digit8 digit;
	struct fe8 h, d;
	unsigned i, j;

	sum->x = odd[0].x;
	sum->y = odd[0].y;
	fe8_set(&sum->z, fe8_one);
	for (i = LM_WINDOWS - 1; i-- > 0;) {
		for (j = 0; j < LM_BITS; j++)
			jacobian8_double(sum);
		digit = digit8_of(k, i, LM_BITS, LM_WINDOWS);
		odd8_look_up(&term, odd, digit.half);
		if (i > 0)
			jacobian8_add(sum, &term, digit.negative, &h, &d);
		else
			jacobian8_add_any(sum, &term, digit.negative);
	}
	wipe(&term, sizeof(term));
	wipe(&digit, sizeof(digit));
}

/* z is in bottom. */
static void affine8_all(struct sum8 *s, size_t n)
{
	struct fe8 product, t, tt;
	size_t i;

	fe8_set(&product, fe8_one);
	for (i = 0; i < n; i++) {
		s[i].before = product;
		fe8_mul(&product, &product, &s[i].bottom);
	}
	fe8_inv(&product, &product);
	for (i = n; i-- > 0;) {
		fe8_mul(&t, &product, &s[i].before);
		fe8_mul(&product, &product, &s[i].bottom);
		fe8_sqr(&tt, &t);
		fe8_mul_loose(&s[i].x, &s[i].x, &tt);
		fe8_reduce(&s[i].x);
		fe8_mul(&t, &t, &tt);
		fe8_mul_loose(&s[i].y, &s[i].y, &t);
		fe8_reduce(&s[i].y);
	}
}

/* sums[g] = k[g] * P with P in odd[g][0]; none[g] is set where that is infinity.  sums has room for
 * LB_CHAINS * groups. */
static void multiply8(struct sum8 *sums, lanes *none, const struct scalar8 *k, struct point8 odd[][LM_ODD],
                      size_t groups)
{
	struct jacobian8 sum;
	struct fe8 one;
	size_t g;

	odd8(sums, odd, groups);
	fe8_set(&one, fe8_one);
	for (g = 0; g < groups; g++) {
		multiply8_group(&sum, &k[g], odd[g]);
		sums[g].x = sum.x;
		sums[g].y = sum.y;
		fe8_reduce(&sum.z);
		none[g] = fe8_is_zero(&sum.z);
		fe8_select(&sum.z, &one, none[g]);
		sums[g].bottom = sum.z;
	}
	affine8_all(sums, groups);
	for (g = 0; g < groups; g++)
		fe8_negate_reduced(&sums[g].y, k[g].flip);
	wipe(&sum, sizeof(sum));
}

#endif
