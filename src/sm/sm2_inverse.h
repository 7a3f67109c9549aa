#ifndef YD_SM_SM2_INVERSE_H
#define YD_SM_SM2_INVERSE_H
/* 1/a modulo an odd number below 2^256, in constant time. */
#include "sm/limbs.h"

/* Limbs of 62 bits, all but the highest below 2^62: what is left of a word takes signs and carries. */
#define INVERSE_LIMBS 5
struct number62 {
	int64_t v[INVERSE_LIMBS];
};
struct inverse_modulus {
	struct number62 m;
	uint64_t inverse; /* 1/m modulo 2^62 */
};
/* a below the modulus; 0 for 0. */
void inverse_mod(uint64_t r[LIMBS], const uint64_t a[LIMBS], const struct inverse_modulus *m);

#endif
