#include "sm/ct.h"
#include "sm/sm2_internal.h"
#include "sm/sm3.h"

/* a || b || xG || yG (GB/T 32918.5) */
static const uint8_t curve[128] = {
        0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
        0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
        0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
        0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
        0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
        0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
        0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0};

RC sm2_z(const struct sm2_pub *pub, struct slice id, uint8_t ret[32])
{
	uint8_t bits[2] = {(uint8_t)(id.len >> 5), (uint8_t)(id.len << 3)};
	struct sm3 h;

	NEED(id.len <= SM2_ID_MAX, RC_INPUT, "sm2: an identifier of %zu bytes (GM/T 0009 8.1)", id.len);
	sm3_init(&h);
	sm3_update(&h, SLICE_ARR(bits));
	sm3_update(&h, id);
	sm3_update(&h, SLICE_ARR(curve));
	sm3_update(&h, SLICE_ARR(pub->xy));
	sm3_final(&h, ret);
	return OK;
}

static void digest_with_z(const uint8_t z[32], struct slice msg, uint8_t e[32])
{
	struct sm3 h;

	sm3_init(&h);
	sm3_update(&h, slice_of(z, 32));
	sm3_update(&h, msg);
	sm3_final(&h, e);
}

RC sm2_digest(const struct sm2_pub *pub, struct slice id, struct slice msg, uint8_t e[32])
{
	uint8_t z[32];

	TRY(sm2_z(pub, id, z));
	digest_with_z(z, msg, e);
	return OK;
}

/* s = (1+d)^-1 (k + r) - r, which equals (1+d)^-1 (k - r d). */
bool sm2_finish(const struct sm2_key *key, const uint8_t e[32], const struct sc *k, const uint64_t x[LIMBS],
                struct sm2_sig *ret)
{
	struct sc r, s, sum, number, inverse;
	uint64_t bad;

	sc_from_limbs(&r, x);
	(void)sc_from_bytes(&number, e);
	sc_add(&r, &r, &number);
	sc_add(&sum, k, &r);
	memcpy(inverse.v, key->inv1d, sizeof(inverse.v));
	sc_mul_prepared(&s, &sum, &inverse);
	sc_sub(&s, &s, &r);
	bad = sc_mask_zero(&r) | sc_mask_zero(&sum) | sc_mask_zero(&s);
	ct_public(&bad, sizeof(bad));
	sc_to_bytes(&r, ret->r);
	sc_to_bytes(&s, ret->s);
	wipe(&sum, sizeof(sum));
	wipe(&inverse, sizeof(inverse));
	return bad == 0;
}

static SM2_APART RC sign_with(const struct sm2_key *k, const uint8_t e[32], const uint8_t nonce[32],
                              struct sm2_sig *ret)
{
	struct sc number;
	struct sm2_xy kg;
	bool fits = sc_from_bytes(&number, nonce), usable;

	fits &= !sc_mask_zero(&number);
	ct_public(&fits, sizeof(fits));
	NEED(fits, RC_INPUT, "sm2: the nonce is outside [1, n-1]");
	sm2_engine_for(1)->base(&kg, &number, 1);
	usable = sm2_finish(k, e, &number, kg.x, ret);
	wipe(&number, sizeof(number));
	NEED(usable, RC_INPUT, "sm2: this nonce gives r = 0, r + k = n or s = 0 (GB/T 32918.2 6.1)");
	return OK;
}

RC sm2_sign_digest_with(const struct sm2_key *k, const uint8_t e[32], const uint8_t nonce[32],
                        struct sm2_sig *ret)
{
	return sm2_clean_base(sign_with(k, e, nonce, ret));
}

static SM2_APART RC sign_digest(const struct sm2_key *k, const uint8_t e[32], struct sm2_sig *ret)
{
	struct sc number;
	struct sm2_xy kg;

	do {
		TRY(random_scalars(&number, 1));
		sm2_engine_for(1)->base(&kg, &number, 1);
	} while (!sm2_finish(k, e, &number, kg.x, ret));
	wipe(&number, sizeof(number));
	return OK;
}

RC sm2_sign_digest(const struct sm2_key *k, const uint8_t e[32], struct sm2_sig *ret)
{
	return sm2_clean_base(sign_digest(k, e, ret));
}

RC sm2_sign(const struct sm2_key *k, struct slice id, struct slice msg, struct sm2_sig *ret)
{
	uint8_t e[32];

	TRY(sm2_digest(&k->pub, id, msg, e));
	return sm2_sign_digest(k, e, ret);
}

/* n <= SM2_BATCH */
static SM2_APART RC sign_some(const struct sm2_key *k, const uint8_t z[32], const struct slice *msg,
                              struct sm2_sig *ret, size_t n)
{
	struct sc nonce[SM2_BATCH];
	struct sm2_xy kg[SM2_BATCH];
	uint8_t e[SM2_BATCH][SM3_LEN];
	struct rc rc = OK;
	size_t i;

	TRY(random_scalars(nonce, n));
	sm2_engine_for(n)->base(kg, nonce, n);
	sm3_hash_batch_after(z, msg, e, n);
	for (i = 0; i < n && rc_ok(rc); i++) {
		if (!sm2_finish(k, e[i], &nonce[i], kg[i].x, &ret[i]))
			rc = sm2_sign_digest(k, e[i], &ret[i]);
	}
	wipe(nonce, n * sizeof(nonce[0]));
	return rc;
}

RC sm2_sign_batch(const struct sm2_key *k, struct slice id, const struct slice *msg, struct sm2_sig *ret,
                  size_t n)
{
	uint8_t z[32];
	size_t count;

	TRY(sm2_z(&k->pub, id, z));
	for (; n > 0; msg += count, ret += count, n -= count) {
		count = n < SM2_BATCH ? n : SM2_BATCH;
		TRY(sm2_clean_base(sign_some(k, z, msg, ret, count)));
	}
	return OK;
}
