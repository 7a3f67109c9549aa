/* The group operations one after the other, the inversions at their end shared by POINT_BATCH of them. */
#include "sm/sm2_engine.h"
#include "sm/sm2_point.h"

#include "base/slice.h"

static void to_xy(struct sm2_xy *r, const struct jacobian *points, size_t n)
{
	struct affine flat[POINT_BATCH];
	size_t i;

	point_to_affine_batch(flat, points, n);
	for (i = 0; i < n; i++) {
		fe_to_limbs(&flat[i].x, r[i].x);
		fe_to_limbs(&flat[i].y, r[i].y);
	}
	wipe(flat, n * sizeof(flat[0]));
}

static void from_xy(struct affine *r, const struct sm2_xy *a)
{
	fe_from_limbs(&r->x, a->x);
	fe_from_limbs(&r->y, a->y);
}

static void base(struct sm2_xy *r, const struct sc *k, size_t n)
{
	struct jacobian points[POINT_BATCH];
	size_t i, count;

	for (; n > 0; r += count, k += count, n -= count) {
		count = n < POINT_BATCH ? n : POINT_BATCH;
		for (i = 0; i < count; i++)
			point_mul_base(&points[i], &k[i]);
		to_xy(r, points, count);
		wipe(points, count * sizeof(points[0]));
	}
}

static void multiply(struct sm2_xy *r, const struct sc *k, const struct sm2_xy *p, size_t n)
{
	struct jacobian points[POINT_BATCH];
	struct affine flat;
	size_t i, count;

	for (; n > 0; r += count, k += count, p += count, n -= count) {
		count = n < POINT_BATCH ? n : POINT_BATCH;
		for (i = 0; i < count; i++) {
			from_xy(&flat, &p[i]);
			point_mul(&points[i], &k[i], &flat);
		}
		to_xy(r, points, count);
		wipe(points, count * sizeof(points[0]));
	}
}

#define LANES (POINT_BATCH / ODD_MULTIPLES) /* whose odd multiples share one inversion */

static void combine_some(struct jacobian *r, const struct sc *s, const struct sc *t, const struct sm2_xy *p,
                         size_t n)
{
	struct jacobian odd[POINT_BATCH];
	struct affine flat[POINT_BATCH], point;
	size_t i, used = 0, left[LANES];

	for (i = 0; i < n; i++) {
		struct point_table *known;

		from_xy(&point, &p[i]);
		known = known_table_hold(&point, point_table_fill);
		if (known != NULL) {
			point_mul_tables_public(&r[i], &s[i], &t[i], known);
			known_table_release(known);
			continue;
		}
		point_odd_multiples(odd + ODD_MULTIPLES * used, &point);
		left[used++] = i;
	}
	if (used > 0)
		point_to_affine_batch(flat, odd, ODD_MULTIPLES * used);
	for (i = 0; i < used; i++)
		point_mul_two_public(&r[left[i]], &s[left[i]], &t[left[i]], flat + ODD_MULTIPLES * i);
}

static void combine_public(struct sm2_xy *r, const struct sc *s, const struct sc *t, const struct sm2_xy *p,
                           size_t n)
{
	struct jacobian points[POINT_BATCH];
	size_t i, some, count;

	for (; n > 0; r += count, s += count, t += count, p += count, n -= count) {
		count = n < POINT_BATCH ? n : POINT_BATCH;
		for (i = 0; i < count; i += some) {
			some = count - i < LANES ? count - i : LANES;
			combine_some(points + i, s + i, t + i, p + i, some);
		}
		to_xy(r, points, count);
	}
}

const struct sm2_engine sm2_engine_portable = {base, multiply, combine_public};
