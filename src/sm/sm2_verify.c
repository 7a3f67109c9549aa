#include "sm/sm2_internal.h"

/* Signatures on their way, those of them that can be valid.  Everything here is public. */
struct lanes {
	struct sc s[SM2_BATCH], t[SM2_BATCH];
	struct sm2_xy p[SM2_BATCH], sum[SM2_BATCH];
	struct sm2_check *check[SM2_BATCH];
	size_t n;
};

/* GB/T 32918.2 7.1, B1, B2 and B5, and the public key: a signature which fails there takes no lane. */
static void enter(struct lanes *l, struct sm2_check *c)
{
	size_t i = l->n;
	struct sc r;
	bool fits = sc_from_bytes(&r, c->sig.r) && !sc_mask_zero(&r);

	c->valid = false;
	if (!fits || !sc_from_bytes(&l->s[i], c->sig.s) || sc_mask_zero(&l->s[i]))
		return;
	sc_add(&l->t[i], &r, &l->s[i]);
	if (sc_mask_zero(&l->t[i]) || !xy_load(&l->p[i], c->pub.xy))
		return;
	l->check[i] = c;
	l->n++;
}

/* B7: R = (e + x) mod n. */
static bool agrees(const struct sm2_check *c, const struct sm2_xy *point)
{
	struct sc e, x;
	uint8_t r[SM2_LEN];

	if (xy_mask_infinity(point))
		return false;
	(void)sc_from_bytes(&e, c->e);
	sc_from_limbs(&x, point->x);
	sc_add(&x, &x, &e);
	sc_to_bytes(&x, r);
	return memcmp(r, c->sig.r, SM2_LEN) == 0;
}

/* n <= SM2_BATCH */
static void verify_some(struct sm2_check *c, size_t n)
{
	struct lanes l;
	size_t i;

	l.n = 0;
	for (i = 0; i < n; i++)
		enter(&l, &c[i]);
	if (l.n > 0)
		sm2_engine_for(l.n)->combine_public(l.sum, l.s, l.t, l.p, l.n);
	for (i = 0; i < l.n; i++)
		l.check[i]->valid = agrees(l.check[i], &l.sum[i]);
}

void sm2_verify_batch(struct sm2_check *c, size_t n)
{
	size_t count;

	for (; n > 0; c += count, n -= count) {
		count = n < SM2_BATCH ? n : SM2_BATCH;
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
