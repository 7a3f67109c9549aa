#include "sm/sm2_internal.h"

void pub_point(const struct sm2_pub *pub, struct affine *ret)
{
	(void)fe_from_bytes(&ret->x, pub->xy);
	(void)fe_from_bytes(&ret->y, pub->xy + 32);
}

/* GB/T 32918.2 7.1.  Everything here is public. */
static bool valid(const struct sm2_pub *pub, const uint8_t e[32], const struct sm2_sig *sig)
{
	struct sc r, s, t, x, number;
	struct affine p, sum;
	struct jacobian point;
	uint8_t bytes[32];

	if (!sc_from_bytes(&r, sig->r) || !sc_from_bytes(&s, sig->s) || sc_mask_zero(&r) || sc_mask_zero(&s))
		return false;
	sc_add(&t, &r, &s);
	if (sc_mask_zero(&t) || !point_from_bytes(&p, pub->xy))
		return false;
	point_mul_two_public(&point, &s, &t, &p);
	if (!point_to_affine(&sum, &point))
		return false;
	fe_to_bytes(&sum.x, bytes);
	(void)sc_from_bytes(&x, bytes);
	(void)sc_from_bytes(&number, e);
	sc_add(&x, &x, &number);
	sc_sub(&x, &x, &r);
	return sc_mask_zero(&x) != 0;
}

RC sm2_verify_digest(const struct sm2_pub *pub, const uint8_t e[32], const struct sm2_sig *sig)
{
	NEED(valid(pub, e, sig), RC_INPUT, "sm2: the signature does not verify (GB/T 32918.2 7.1)");
	return OK;
}

RC sm2_verify(const struct sm2_pub *pub, struct slice id, struct slice msg, const struct sm2_sig *sig)
{
	uint8_t e[32];

	TRY(sm2_digest(pub, id, msg, e));
	return sm2_verify_digest(pub, e, sig);
}

void sm2_verify_batch(struct sm2_check *c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		c[i].valid = valid(&c[i].pub, c[i].e, &c[i].sig);
}
