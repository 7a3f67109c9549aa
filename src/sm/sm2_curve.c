#include "sm/sm2_point.h"

/* y^2 - (x^3 - 3x + b) = 0 */
static bool on_curve(const struct affine *a)
{
	struct fe left, right, t;

	fe_sqr(&left, &a->y);
	fe_sqr(&right, &a->x);
	fe_mul(&right, &right, &a->x);
	fe_add(&t, &a->x, &a->x);
	fe_add(&t, &t, &a->x);
	fe_sub(&right, &right, &t);
	fe_add(&right, &right, &fe_curve_b);
	return fe_mask_equal(&left, &right) != 0;
}

bool point_from_bytes(struct affine *r, const uint8_t xy[64])
{
	bool x = fe_from_bytes(&r->x, xy), y = fe_from_bytes(&r->y, xy + 32);

	return x && y && on_curve(r);
}

void point_to_bytes(const struct affine *a, uint8_t xy[64])
{
	fe_to_bytes(&a->x, xy);
	fe_to_bytes(&a->y, xy + 32);
}
