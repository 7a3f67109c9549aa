#ifndef YD_SM_SM2_INTERNAL_H
#define YD_SM_SM2_INTERNAL_H
/* What the files of SM2 share beside the arithmetic. */
#include "sm/sm2.h"
#include "sm/sm2_engine.h"
#include "sm/sm2_point.h"

#define SM2_BATCH 64 /* taken at a time */

/* sm2_random.c: in [1, n-1], from base/rand, which is asked once for all; n <= SM2_BATCH.  Zeros when it
 * fails. */
RC random_scalars(struct sc *ret, size_t n);
/* The same in [1, n-2]: private keys. */
RC random_privates(struct sc *ret, size_t n);
/* Set when d is not in [1, n-2] (GM/T 0009 6.1). */
uint64_t no_private_key(const struct sc *d);

/* sm2_sign.c: GB/T 32918.2 6.1, A5 to A7, for the nonce k and x of k G.  False when this nonce cannot be
 * used. */
bool sm2_finish(const struct sm2_key *key, const uint8_t e[32], const struct sc *k, const uint64_t x[LIMBS],
                struct sm2_sig *ret);

/* sm2_clean.c: overwrite what the call that gave this result left below on the stack (compilers put secret
 * words there that no variable holds), as deep as scalars, as k G and as k P go.  That call must not be
 * inlined. */
struct rc sm2_clean_scalars(struct rc rc);
struct rc sm2_clean_base(struct rc rc);
struct rc sm2_clean_multiply(struct rc rc);
#define SM2_APART __attribute__((noinline))

static inline void xy_store(const struct sm2_xy *a, uint8_t xy[SM2_POINT])
{
	limbs_store(a->x, xy);
	limbs_store(a->y, xy + SM2_LEN);
}

/* False when it is not a point of the curve. */
static inline bool xy_load(struct sm2_xy *r, const uint8_t xy[SM2_POINT])
{
	struct affine a;

	limbs_load(r->x, xy);
	limbs_load(r->y, xy + SM2_LEN);
	return point_from_bytes(&a, xy);
}

/* No point of the curve has y = 0: that would be one of order 2. */
static inline uint64_t xy_mask_infinity(const struct sm2_xy *a)
{
	return limbs_mask_zero(a->y);
}

#endif
