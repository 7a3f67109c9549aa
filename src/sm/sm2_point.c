#include "sm/sm2_point.h"

#include "base/slice.h"

static void select_point(struct jacobian *r, const struct jacobian *a, uint64_t mask)
{
	fe_select(&r->x, &a->x, mask);
	fe_select(&r->y, &a->y, mask);
	fe_select(&r->z, &a->z, mask);
}

/* Doubling for a = -3; right for infinity too, and there is no point of order 2. */
void point_double(struct jacobian *r, const struct jacobian *a)
{
	struct fe t, m, s, yy;

	fe_sqr(&t, &a->z);
	fe_sub(&m, &a->x, &t);
	fe_add(&t, &a->x, &t);
	fe_mul(&t, &t, &m);
	fe_add(&m, &t, &t);
	fe_add(&m, &m, &t); /* 3 (x - z^2) (x + z^2) */
	fe_add(&t, &a->y, &a->y);
	fe_mul(&r->z, &t, &a->z); /* 2 y z */
	fe_sqr(&yy, &t);
	fe_mul(&s, &yy, &a->x); /* 4 x y^2 */
	fe_sqr(&yy, &yy);
	fe_half(&yy, &yy); /* 8 y^4 */
	fe_sqr(&t, &m);
	fe_sub(&t, &t, &s);
	fe_sub(&r->x, &t, &s);
	fe_sub(&s, &s, &r->x);
	fe_mul(&m, &m, &s);
	fe_sub(&r->y, &m, &yy);
}

/* The last half of both additions: u1, s1 are a's coordinates over the common denominator, h and d the
 * differences to b's, z what both denominators give. */
static void add_finish(struct jacobian *r, const struct fe *u1, const struct fe *s1, const struct fe *h,
                       const struct fe *d, const struct fe *z)
{
	struct fe hh, hhh, v, t;

	fe_sqr(&hh, h);
	fe_mul(&hhh, &hh, h);
	fe_mul(&v, u1, &hh);
	fe_mul(&t, s1, &hhh);
	fe_mul(&r->z, z, h);
	fe_sqr(&r->x, d);
	fe_sub(&r->x, &r->x, &hhh);
	fe_sub(&r->x, &r->x, &v);
	fe_sub(&r->x, &r->x, &v);
	fe_sub(&v, &v, &r->x);
	fe_mul(&v, &v, d);
	fe_sub(&r->y, &v, &t);
}

/* a + b where neither is infinity.  The differences tell the caller what else went wrong: *h = 0 is
 * a = b (if *d = 0) or a = -b (then the result is infinity, as it should be). */
static void add_plain(struct jacobian *r, const struct jacobian *a, const struct jacobian *b, struct fe *h,
                      struct fe *d)
{
	struct fe z1z1, z2z2, u1, s1, z;

	fe_sqr(&z1z1, &a->z);
	fe_sqr(&z2z2, &b->z);
	fe_mul(&u1, &a->x, &z2z2);
	fe_mul(h, &b->x, &z1z1);
	fe_sub(h, h, &u1);
	fe_mul(&s1, &a->y, &z2z2);
	fe_mul(&s1, &s1, &b->z);
	fe_mul(d, &b->y, &z1z1);
	fe_mul(d, d, &a->z);
	fe_sub(d, d, &s1);
	fe_mul(&z, &a->z, &b->z);
	add_finish(r, &u1, &s1, h, d, &z);
}

void point_add_affine_plain(struct jacobian *r, const struct jacobian *a, const struct affine *b,
                            struct fe *h, struct fe *d)
{
	struct fe z1z1, u1 = a->x, s1 = a->y;

	fe_sqr(&z1z1, &a->z);
	fe_mul(h, &b->x, &z1z1);
	fe_sub(h, h, &u1);
	fe_mul(&z1z1, &z1z1, &a->z);
	fe_mul(d, &b->y, &z1z1);
	fe_sub(d, d, &s1);
	add_finish(r, &u1, &s1, h, d, &a->z);
}

void point_add_unequal(struct jacobian *r, const struct jacobian *a, const struct jacobian *b)
{
	uint64_t a_none = fe_mask_zero(&a->z), b_none = fe_mask_zero(&b->z);
	struct jacobian sum;
	struct fe h, d;

	add_plain(&sum, a, b, &h, &d);
	select_point(&sum, b, a_none);
	select_point(&sum, a, b_none);
	*r = sum;
}

void point_add(struct jacobian *r, const struct jacobian *a, const struct jacobian *b)
{
	uint64_t a_none = fe_mask_zero(&a->z), b_none = fe_mask_zero(&b->z);
	struct jacobian sum, twice;
	struct fe h, d;

	add_plain(&sum, a, b, &h, &d);
	point_double(&twice, a);
	select_point(&sum, &twice, fe_mask_zero(&h) & fe_mask_zero(&d));
	select_point(&sum, b, a_none);
	select_point(&sum, a, b_none);
	*r = sum;
}

void point_add_affine_public(struct jacobian *r, const struct jacobian *a, const struct affine *b)
{
	struct jacobian sum;
	struct fe h, d;

	if (fe_mask_zero(&a->z)) {
		*r = (struct jacobian){b->x, b->y, fe_one};
		return;
	}
	point_add_affine_plain(&sum, a, b, &h, &d);
	if (fe_mask_zero(&h) & fe_mask_zero(&d))
		point_double(&sum, a);
	*r = sum;
}

bool point_to_affine(struct affine *r, const struct jacobian *a)
{
	point_to_affine_batch(r, a, 1);
	return fe_mask_zero(&a->z) == 0;
}

void point_to_affine_batch(struct affine *r, const struct jacobian *a, size_t n)
{
	struct fe z[POINT_BATCH], work[POINT_BATCH], zz;
	size_t i;

	for (i = 0; i < n; i++)
		z[i] = a[i].z;
	fe_inv_batch(z, work, n);
	for (i = 0; i < n; i++) {
		fe_sqr(&zz, &z[i]);
		fe_mul(&r[i].x, &a[i].x, &zz);
		fe_mul(&zz, &zz, &z[i]);
		fe_mul(&r[i].y, &a[i].y, &zz);
	}
	wipe(z, sizeof(z));
	wipe(work, sizeof(work));
}
