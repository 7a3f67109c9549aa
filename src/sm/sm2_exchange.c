#include "sm/ct.h"
#include "sm/sm2_internal.h"
#include "sm/sm3.h"

/* What both sides hash, in the order of the standard: the initiator is A. */
struct view {
	uint8_t shared[64]; /* xU || yU */
	uint8_t za[32], zb[32];
	const uint8_t *ra, *rb;
};

/* 2^127 + the low 127 bits of x (GB/T 32918.3 6.1, A4). */
static void shorten(struct sc *r, const uint8_t x[32])
{
	limbs_load(r->v, x);
	r->v[1] |= (uint64_t)1 << 63;
	r->v[2] = 0;
	r->v[3] = 0;
}

/* P + x2 R, all of it public.  False for infinity. */
static bool blend(const struct sm2_exchange *x, const struct sm2_xy *ephemeral, struct sm2_xy *ret)
{
	struct sm2_xy multiple;
	struct affine a, peer;
	struct jacobian sum;
	struct sc x2;
	bool finite;

	shorten(&x2, x->peer_ephemeral.xy);
	sm2_engine_for(1)->multiply(&multiple, &x2, ephemeral, 1); /* finite: 0 < x2 < n */
	fe_from_limbs(&a.x, multiple.x);
	fe_from_limbs(&a.y, multiple.y);
	(void)point_from_bytes(&peer, x->peer.xy);
	sum = (struct jacobian){a.x, a.y, fe_one};
	point_add_affine_public(&sum, &sum, &peer);
	finite = point_to_affine(&a, &sum);
	fe_to_limbs(&a.x, ret->x);
	fe_to_limbs(&a.y, ret->y);
	return finite;
}

/* U = t (P + x2 R), t = d + x1 r. */
static RC shared_point(const struct sm2_exchange *x, uint8_t ret[64])
{
	struct sm2_xy peer, ephemeral, blended, point;
	struct sc t, d, r;
	bool finite;

	NEED(xy_load(&peer, x->peer.xy) && xy_load(&ephemeral, x->peer_ephemeral.xy), RC_INPUT,
	     "sm2: the peer's point is not on the curve (GB/T 32918.3 6.1 A6)");
	NEED(blend(x, &ephemeral, &blended), RC_INPUT,
	     "sm2: the agreed point is infinity (GB/T 32918.3 6.1 A7)");
	shorten(&t, x->own_ephemeral->pub.xy);
	(void)sc_from_bytes(&r, x->own_ephemeral->d);
	(void)sc_from_bytes(&d, x->own->d);
	sc_mul(&r, &r, &t);
	sc_add(&d, &d, &r);
	sm2_engine_for(1)->multiply(&point, &d, &blended, 1);
	finite = !xy_mask_infinity(&point);
	ct_public(&finite, sizeof(finite));
	xy_store(&point, ret);
	wipe(&r, sizeof(r));
	wipe(&d, sizeof(d));
	wipe(&point, sizeof(point));
	NEED(finite, RC_INPUT, "sm2: the agreed point is infinity (GB/T 32918.3 6.1 A7)");
	return OK;
}

static void confirmation(const struct view *v, uint8_t tag, uint8_t ret[32])
{
	struct sm3 h;
	uint8_t inner[32];

	sm3_init(&h);
	sm3_update(&h, slice_of(v->shared, 32));
	sm3_update(&h, SLICE_ARR(v->za));
	sm3_update(&h, SLICE_ARR(v->zb));
	sm3_update(&h, slice_of(v->ra, SM2_POINT));
	sm3_update(&h, slice_of(v->rb, SM2_POINT));
	sm3_final(&h, inner);
	sm3_init(&h);
	sm3_update(&h, slice_of(&tag, 1));
	sm3_update(&h, slice_of(v->shared + 32, 32));
	sm3_update(&h, SLICE_ARR(inner));
	sm3_final(&h, ret);
}

static SM2_APART RC exchange(const struct sm2_exchange *x, uint8_t *key, size_t len, uint8_t s1[32],
                             uint8_t s2[32])
{
	const struct sm2_pub *own = &x->own->pub, *ephemeral = &x->own_ephemeral->pub;
	uint8_t z[128];
	struct view v;

	TRY(sm2_z(x->initiator ? own : &x->peer, x->initiator ? x->own_id : x->peer_id, v.za));
	TRY(sm2_z(x->initiator ? &x->peer : own, x->initiator ? x->peer_id : x->own_id, v.zb));
	v.ra = x->initiator ? ephemeral->xy : x->peer_ephemeral.xy;
	v.rb = x->initiator ? x->peer_ephemeral.xy : ephemeral->xy;
	TRY(shared_point(x, v.shared));
	memcpy(z, v.shared, 64);
	memcpy(z + 64, v.za, 32);
	memcpy(z + 96, v.zb, 32);
	sm3_kdf(SLICE_ARR(z), key, len);
	confirmation(&v, 0x02, s1);
	confirmation(&v, 0x03, s2);
	wipe(z, sizeof(z));
	wipe(&v, sizeof(v));
	return OK;
}

RC sm2_exchange(const struct sm2_exchange *x, uint8_t *key, size_t len, uint8_t s1[32], uint8_t s2[32])
{
	return sm2_clean_multiply(exchange(x, key, len, s1, s2));
}
