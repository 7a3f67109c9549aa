#include "sm/sm2_internal.h"

#define LANES (POINT_BATCH / ODD_MULTIPLES) /* that share one inversion */

/* One signature on its way.  Everything here is public. */
struct lane {
	struct sc r, s, t, e;
	struct affine p;
	bool possible;
};

/* GB/T 32918.2 7.1, B1, B2 and B5, and the public key. */
static void prepare(struct lane *l, const struct sm2_check *c)
{
	bool r = sc_from_bytes(&l->r, c->sig.r) && !sc_mask_zero(&l->r);
	bool s = sc_from_bytes(&l->s, c->sig.s) && !sc_mask_zero(&l->s);

	(void)sc_from_bytes(&l->e, c->e);
	sc_add(&l->t, &l->r, &l->s);
	l->possible = r && s && !sc_mask_zero(&l->t) && point_from_bytes(&l->p, c->pub.xy);
}

/* B7: does a point with e + x = r mod n have the coordinate x = X / Z^2?  As n < p < 2n there are one or
 * two numbers x below p to be tried, and none needs an inversion. */
static bool agrees(const struct lane *l, const struct jacobian *point)
{
	static const uint64_t p_minus_n[LIMBS] = {0xac440bf6c62abedc, 0x8dfc2093de39fad5, 0, 0};
	struct sc number;
	struct fe x, zz;
	uint8_t bytes[32];
	uint64_t t[LIMBS];

	if (fe_mask_zero(&point->z))
		return false;
	fe_sqr(&zz, &point->z);
	sc_sub(&number, &l->r, &l->e);
	sc_to_bytes(&number, bytes);
	(void)fe_from_bytes(&x, bytes);
	fe_mul(&x, &x, &zz);
	if (fe_mask_equal(&x, &point->x))
		return true;
	if (!limbs_sub(t, number.v, p_minus_n))
		return false;
	sc_plus_order(&number, bytes);
	(void)fe_from_bytes(&x, bytes);
	fe_mul(&x, &x, &zz);
	return fe_mask_equal(&x, &point->x) != 0;
}

static void verify_some(struct sm2_check *c, size_t n)
{
	struct lane lane[LANES];
	struct jacobian odd[LANES * ODD_MULTIPLES] = {0}, sum;
	struct affine flat[LANES * ODD_MULTIPLES];
	size_t i, used = 0, left[LANES];

	for (i = 0; i < n; i++) {
		prepare(&lane[i], &c[i]);
		c[i].valid = false;
		if (!lane[i].possible)
			continue;
		if (point_mul_known_public(&sum, &lane[i].s, &lane[i].t, c[i].pub.xy)) {
			c[i].valid = agrees(&lane[i], &sum);
			continue;
		}
		point_odd_multiples(odd + ODD_MULTIPLES * used, &lane[i].p);
		left[used++] = i;
	}
	point_to_affine_batch(flat, odd, ODD_MULTIPLES * used);
	for (i = 0; i < used; i++) {
		const struct lane *l = &lane[left[i]];

		point_mul_two_public(&sum, &l->s, &l->t, flat + ODD_MULTIPLES * i);
		c[left[i]].valid = agrees(l, &sum);
	}
}

void sm2_verify_batch(struct sm2_check *c, size_t n)
{
	size_t count;

	for (; n > 0; c += count, n -= count) {
		count = n < LANES ? n : LANES;
		verify_some(c, count);
	}
}

RC sm2_verify_digest(const struct sm2_pub *pub, const uint8_t e[32], const struct sm2_sig *sig)
{
	struct sm2_check c = {.pub = *pub, .sig = *sig};

	memcpy(c.e, e, sizeof(c.e));
	verify_some(&c, 1);
	NEED(c.valid, RC_INPUT, "sm2: the signature does not verify (GB/T 32918.2 7.1)");
	return OK;
}

RC sm2_verify(const struct sm2_pub *pub, struct slice id, struct slice msg, const struct sm2_sig *sig)
{
	uint8_t e[32];

	TRY(sm2_digest(pub, id, msg, e));
	return sm2_verify_digest(pub, e, sig);
}
