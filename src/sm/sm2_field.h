#ifndef YD_SM_SM2_FIELD_H
#define YD_SM_SM2_FIELD_H
/* Numbers modulo p = 2^256 - 2^224 - 2^96 + 2^64 - 1 (GB/T 32918.5), kept as x * 2^256 mod p
 * (Montgomery), always below p.  Constant time; any argument may be the result too. */
#include "sm/limbs.h"

struct fe {
	uint64_t v[LIMBS];
};

extern const struct fe fe_one, fe_curve_b;

#define FE_PRIME                                                                                             \
	{                                                                                                    \
		0xffffffffffffffff, 0xffffffff00000000, 0xffffffffffffffff, 0xfffffffeffffffff               \
	}

/* False (and the number modulo p) when the bytes are not below p. */
bool fe_from_bytes(struct fe *r, const uint8_t bytes[32]);
void fe_to_bytes(const struct fe *a, uint8_t bytes[32]);
/* The same with limbs, which may be of any number below 2^256. */
void fe_from_limbs(struct fe *r, const uint64_t limbs[LIMBS]);
void fe_to_limbs(const struct fe *a, uint64_t limbs[LIMBS]);
/* 1/a; 0 for 0. */
void fe_inv(struct fe *r, const struct fe *a);
/* a[i] = 1/a[i] with one inversion; zeros stay zero.  work has room for n. */
void fe_inv_batch(struct fe *a, struct fe *work, size_t n);

#ifdef SM2_X86_64
#include "sm/sm2_field_x86_64.h"
#else
void fe_mul(struct fe *r, const struct fe *a, const struct fe *b);
void fe_sqr(struct fe *r, const struct fe *a);

static inline void fe_add(struct fe *r, const struct fe *a, const struct fe *b)
{
	const uint64_t prime[LIMBS] = FE_PRIME;
	uint64_t carry = limbs_add(r->v, a->v, b->v);

	limbs_reduce_once(r->v, carry, prime);
}

static inline void fe_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
	const uint64_t prime[LIMBS] = FE_PRIME;
	uint64_t mask = ct_hide(0 - limbs_sub(r->v, a->v, b->v));

	(void)limbs_add_masked(r->v, prime, mask);
}

/* a / 2: an odd number gets p added first. */
static inline void fe_half(struct fe *r, const struct fe *a)
{
	const uint64_t prime[LIMBS] = FE_PRIME;
	uint64_t mask = ct_hide(0 - (a->v[0] & 1)), carry;

	*r = *a;
	carry = limbs_add_masked(r->v, prime, mask);
	r->v[0] = r->v[0] >> 1 | r->v[1] << 63;
	r->v[1] = r->v[1] >> 1 | r->v[2] << 63;
	r->v[2] = r->v[2] >> 1 | r->v[3] << 63;
	r->v[3] = r->v[3] >> 1 | carry << 63;
}

#endif

static inline uint64_t fe_mask_zero(const struct fe *a)
{
	return limbs_mask_zero(a->v);
}

static inline uint64_t fe_mask_equal(const struct fe *a, const struct fe *b)
{
	return mask_zero((a->v[0] ^ b->v[0]) | (a->v[1] ^ b->v[1]) | (a->v[2] ^ b->v[2]) |
	                 (a->v[3] ^ b->v[3]));
}

static inline void fe_select(struct fe *r, const struct fe *a, uint64_t mask)
{
	limbs_select(r->v, a->v, mask);
}

#endif
