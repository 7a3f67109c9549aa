#ifndef YD_SM_SM2_LANES_POINT_H
#define YD_SM_SM2_LANES_POINT_H
/* Eight points in Jacobian coordinates: (x / z^2, y / z^3); z = 0 modulo p is infinity. */
#include "sm/sm2_lanes_digits.h"
#include "sm/sm2_lanes_sum.h"

/* x and y reduced, z tight and below 2.3 p. */
struct jacobian8 {
	struct fe8 x, y, z;
};

/* What an addition adds: y is negated where the mask is set. */
struct term8 {
	struct point8 p;
	lanes negative;
};

/* How far apart two points were: h = 0 is equal points (if d = 0 too) or opposite ones (then the sum is
 * infinity, as it should be). */
struct difference8 {
	struct fe8 h, d;
};

/* a = -3; bounds in docs/sm2.md. */
LANE_CALLED void jacobian8_double(struct jacobian8 *r)
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
	fe8_mul_less_sqr_loose(&r->y, &alpha, &t, &gamma);
	fe8_add_prime(&r->y);
	fe8_reduce(&r->y);
}

/* Neither r nor p is infinity. */
LANE_CALLED void jacobian8_add(struct jacobian8 *r, const struct term8 *p, struct difference8 *apart)
{
	struct fe8 t, hh, hhh, v;

	fe8_sqr(&t, &r->z);
	fe8_mul_loose(&apart->h, &p->p.x, &t);
	fe8_sub_tight(&apart->h, &apart->h, &r->x, 2);
	fe8_mul(&t, &t, &r->z);
	fe8_mul_loose(&apart->d, &p->p.y, &t);
	fe8_negate_loose(&apart->d, p->negative);
	fe8_sub_tight(&apart->d, &apart->d, &r->y, 3);
	fe8_sqr(&hh, &apart->h);
	fe8_mul(&r->z, &r->z, &apart->h);
	fe8_mul(&v, &hh, &r->x);
	fe8_mul(&hhh, &hh, &apart->h);
	fe8_sqr_loose(&t, &apart->d);
	fe8_sub_loose(&t, &t, &hhh, 4);
	fe8_sub_loose(&t, &t, &v, 0);
	fe8_sub_reduced(&r->x, &t, &v, 0);
	fe8_sub_tight(&v, &v, &r->x, 2);
	fe8_mul_less_mul_loose(&r->y, &apart->d, &v, &r->y, &hhh);
	fe8_add_prime(&r->y);
	fe8_reduce(&r->y);
}

/* The same when both may be equal. */
static void jacobian8_add_any(struct jacobian8 *r, const struct term8 *p)
{
	struct jacobian8 twice = *r;
	struct difference8 apart;
	lanes equal;

	jacobian8_double(&twice);
	jacobian8_add(r, p, &apart);
	fe8_reduce(&apart.h);
	fe8_reduce(&apart.d);
	equal = fe8_is_zero(&apart.h) & fe8_is_zero(&apart.d);
	fe8_select(&r->x, &twice.x, equal);
	fe8_select(&r->y, &twice.y, equal);
	fe8_select(&r->z, &twice.z, equal);
}

/* sums[g] = a[g], with one inversion; none[g] is set where that is infinity. */
static void jacobian8_to_affine(struct sum8 *sums, lanes *none, const struct jacobian8 *a, size_t groups)
{
	struct fe8 product, t, tt, one;
	size_t g;

	fe8_set(&one, fe8_one);
	product = one;
	for (g = 0; g < groups; g++) {
		sums[g].bottom = a[g].z;
		fe8_reduce(&sums[g].bottom);
		none[g] = fe8_is_zero(&sums[g].bottom);
		fe8_select(&sums[g].bottom, &one, none[g]);
		sum8_step(&sums[g], &product);
	}
	fe8_inv(&product, &product);
	for (g = groups; g-- > 0;) {
		fe8_mul(&t, &product, &sums[g].before);
		fe8_mul(&product, &product, &sums[g].bottom);
		fe8_sqr(&tt, &t);
		fe8_mul_loose(&sums[g].x, &a[g].x, &tt);
		fe8_reduce(&sums[g].x);
		fe8_mul(&t, &t, &tt);
		fe8_mul_loose(&sums[g].y, &a[g].y, &t);
		fe8_reduce(&sums[g].y);
	}
}

#endif
