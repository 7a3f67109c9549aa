#include "sm/ct.h"
#include "sm/sm2_internal.h"

#include "base/rand.h"

/* n - 1: the smallest number that is no private key (GM/T 0009 6.1: d in [1, n-2]). */
static const struct sc order_minus_1 = {
        {0x53bbf40939d54122, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff}};

uint64_t no_private_key(const struct sc *d)
{
	uint64_t t[LIMBS];

	return sc_mask_zero(d) | (0 - (limbs_sub(t, d->v, order_minus_1.v) ^ 1));
}

typedef uint64_t refuses(const struct sc *);

/* That a draw is refused says nothing about the next one. */
static bool take(struct sc *ret, const uint8_t bytes[SM2_LEN], refuses *refused)
{
	bool fits = sc_from_bytes(ret, bytes);

	fits &= !refused(ret);
	ct_public(&fits, sizeof(fits));
	return fits;
}

static RC draw(struct sc *ret, size_t n, refuses *refused)
{
	uint8_t bytes[SM2_BATCH][SM2_LEN];
	struct rc rc = rand_bytes(bytes, n * SM2_LEN);
	size_t i;

	for (i = 0; i < n && rc_ok(rc); i++) {
		while (rc_ok(rc) && !take(&ret[i], bytes[i], refused))
			rc = rand_bytes(bytes[i], SM2_LEN);
	}
	wipe(bytes, n * SM2_LEN);
	if (!rc_ok(rc))
		wipe(ret, n * sizeof(*ret));
	return rc;
}

RC random_scalars(struct sc *ret, size_t n)
{
	return draw(ret, n, sc_mask_zero);
}

RC random_privates(struct sc *ret, size_t n)
{
	return draw(ret, n, no_private_key);
}
