#include "sm/ct.h"
#include "sm/sm2_internal.h"

/* Fills everything that follows from d[0..n-1]; n <= SM2_BATCH. */
static void prepare(struct sm2_key *keys, const struct sc *d, size_t n)
{
	struct sc inverse[SM2_BATCH], work[SM2_BATCH], one = {{1}};
	struct sm2_xy pub[SM2_BATCH];
	size_t i;

	for (i = 0; i < n; i++)
		sc_add(&inverse[i], &d[i], &one);
	sc_inv_batch(inverse, work, n);
	sm2_engine_for(n)->base(pub, d, n);
	for (i = 0; i < n; i++) {
		sc_prepare(&inverse[i], &inverse[i]);
		memcpy(keys[i].inv1d, inverse[i].v, sizeof(keys[i].inv1d));
		sc_to_bytes(&d[i], keys[i].d);
		xy_store(&pub[i], keys[i].pub.xy);
	}
	wipe(inverse, n * sizeof(inverse[0]));
	wipe(work, n * sizeof(work[0]));
}

static SM2_APART RC load(const uint8_t d[SM2_LEN], struct sm2_key *ret)
{
	struct sc number;
	bool fits = sc_from_bytes(&number, d);

	fits &= !no_private_key(&number);
	ct_public(&fits, sizeof(fits));
	NEED(fits, RC_INPUT, "sm2: private key outside [1, n-2] (GM/T 0009 6.1)");
	prepare(ret, &number, 1);
	wipe(&number, sizeof(number));
	return OK;
}

RC sm2_key_load(const uint8_t d[SM2_LEN], struct sm2_key *ret)
{
	return sm2_clean_base(load(d, ret));
}

RC sm2_key_new(struct sm2_key *ret)
{
	return sm2_key_new_batch(ret, 1);
}

/* n <= SM2_BATCH */
static SM2_APART RC new_some(struct sm2_key *ret, size_t n)
{
	struct sc d[SM2_BATCH];

	TRY(random_privates(d, n));
	prepare(ret, d, n);
	wipe(d, n * sizeof(d[0]));
	return OK;
}

RC sm2_key_new_batch(struct sm2_key *ret, size_t n)
{
	struct rc rc = OK;
	size_t done, count;

	for (done = 0; done < n && rc_ok(rc); done += count) {
		count = n - done < SM2_BATCH ? n - done : SM2_BATCH;
		rc = sm2_clean_base(new_some(ret + done, count));
	}
	if (!rc_ok(rc))
		wipe(ret, done * sizeof(*ret));
	return rc;
}

void sm2_key_wipe(struct sm2_key *k)
{
	wipe(k, sizeof(*k));
}

RC sm2_pub_load(const uint8_t xy[SM2_POINT], struct sm2_pub *ret)
{
	struct affine a;

	NEED(point_from_bytes(&a, xy), RC_INPUT,
	     "sm2: the public key is not a point of the curve (GB/T 32918.1 6.2.1)");
	memcpy(ret->xy, xy, SM2_POINT);
	return OK;
}

RC sm2_pub_from_octets(struct slice octets, struct sm2_pub *ret)
{
	NEED(octets.len == SM2_POINT + 1 && octets.p[0] == 4, RC_INPUT,
	     "sm2: a public key is 04 || X || Y (GM/T 0009 6.2)");
	return sm2_pub_load(octets.p + 1, ret);
}
