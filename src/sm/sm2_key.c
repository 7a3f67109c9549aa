#include "sm/sm2.h"
#include "sm/ct.h"
#include "sm/sm2_internal.h"

#include "base/rand.h"

#define BATCH POINT_BATCH

/* n - 1: the smallest number that is no private key (GM/T 0009 6.1: d in [1, n-2]). */
static const struct sc order_minus_1 = {
        {0x53bbf40939d54122, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff}};

RC random_scalar(struct sc *ret)
{
	uint8_t bytes[SM2_LEN];
	bool fits;

	do {
		TRY(rand_bytes(bytes, sizeof(bytes)));
		fits = sc_from_bytes(ret, bytes);
		fits &= !sc_mask_zero(ret);
		ct_public(&fits, sizeof(fits));
	} while (!fits);
	wipe(bytes, sizeof(bytes));
	return OK;
}

static uint64_t no_private_key(const struct sc *d)
{
	uint64_t t[LIMBS];

	return sc_mask_zero(d) | (0 - (limbs_sub(t, d->v, order_minus_1.v) ^ 1));
}

/* Fills everything that follows from d[0..n-1]; n <= BATCH. */
static void prepare(struct sm2_key *keys, const struct sc *d, size_t n)
{
	struct sc inverse[BATCH], work[BATCH], one = {{1}};
	struct jacobian points[BATCH] = {0};
	struct affine pub[BATCH];
	size_t i;

	for (i = 0; i < n; i++) {
		sc_add(&inverse[i], &d[i], &one);
		point_mul_base(&points[i], &d[i]);
	}
	sc_inv_batch(inverse, work, n);
	point_to_affine_batch(pub, points, n);
	for (i = 0; i < n; i++) {
		sc_prepare(&inverse[i], &inverse[i]);
		memcpy(keys[i].inv1d, inverse[i].v, sizeof(keys[i].inv1d));
		sc_to_bytes(&d[i], keys[i].d);
		point_to_bytes(&pub[i], keys[i].pub.xy);
	}
	wipe(inverse, sizeof(inverse));
	wipe(work, sizeof(work));
	wipe(points, sizeof(points));
}

RC sm2_key_load(const uint8_t d[SM2_LEN], struct sm2_key *ret)
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

static RC random_private(struct sc *ret)
{
	uint64_t outside;

	do {
		TRY(random_scalar(ret));
		outside = no_private_key(ret);
		ct_public(&outside, sizeof(outside));
	} while (outside);
	return OK;
}

RC sm2_key_new(struct sm2_key *ret)
{
	return sm2_key_new_batch(ret, 1);
}

RC sm2_key_new_batch(struct sm2_key *ret, size_t n)
{
	struct sc d[BATCH];
	size_t i, count;

	for (; n > 0; ret += count, n -= count) {
		count = n < BATCH ? n : BATCH;
		for (i = 0; i < count; i++)
			TRY(random_private(&d[i]));
		prepare(ret, d, count);
	}
	wipe(d, sizeof(d));
	return OK;
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
