#ifndef YD_SM_SM2_SCALAR_H
#define YD_SM_SM2_SCALAR_H
/* Numbers modulo the group order n (GB/T 32918.5), plain, always below n.  Constant time; any
 * argument may be the result too. */
#include "sm/limbs.h"

struct sc {
	uint64_t v[LIMBS];
};

/* False (and the number modulo n) when the bytes are not below n. */
bool sc_from_bytes(struct sc *r, const uint8_t bytes[32]);
/* Any number below 2^256, modulo n. */
void sc_from_limbs(struct sc *r, const uint64_t limbs[LIMBS]);
void sc_to_bytes(const struct sc *a, uint8_t bytes[32]);
/* a + n, which must be below 2^256. */
void sc_plus_order(const struct sc *a, uint8_t bytes[32]);
void sc_add(struct sc *r, const struct sc *a, const struct sc *b);
void sc_sub(struct sc *r, const struct sc *a, const struct sc *b);
void sc_mul(struct sc *r, const struct sc *a, const struct sc *b);
/* a * b / 2^256; with one factor from sc_prepare() that is the product itself. */
void sc_mul_prepared(struct sc *r, const struct sc *a, const struct sc *prepared);
/* a * 2^256 */
void sc_prepare(struct sc *r, const struct sc *a);
/* 1/a; 0 for 0. */
void sc_inv(struct sc *r, const struct sc *a);
/* a[i] = 1/a[i] with one inversion; none may be zero.  work has room for n. */
void sc_inv_batch(struct sc *a, struct sc *work, size_t n);

static inline uint64_t sc_mask_zero(const struct sc *a)
{
	return limbs_mask_zero(a->v);
}

#endif
