#ifndef YD_SM_SM2_ENGINE_H
#define YD_SM_SM2_ENGINE_H
/* The group operations of SM2, once for each implementation in sm/cpu.h.  All give the same points; they
 * differ in speed and in how many they like to do at once.  Any n; lanes never disturb their neighbours. */
#include "sm/cpu.h"
#include "sm/sm2_scalar.h"

/* Affine coordinates as plain numbers below p, least significant limb first; (0, 0) is infinity. */
struct sm2_xy {
	uint64_t x[LIMBS], y[LIMBS];
};

struct sm2_engine {
	/* r = k * G; constant time; k in [0, n-1]. */
	void (*base)(struct sm2_xy *r, const struct sc *k, size_t n);
	/* r = k * P; constant time in k; P a point of the curve, not infinity. */
	void (*multiply)(struct sm2_xy *r, const struct sc *k, const struct sm2_xy *p, size_t n);
	/* r = s * G + t * P for public numbers, in a time that depends on them. */
	void (*combine_public)(struct sm2_xy *r, const struct sc *s, const struct sc *t,
	                       const struct sm2_xy *p, size_t n);
};

extern const struct sm2_engine sm2_engine_portable, sm2_engine_x86_64, sm2_engine_avx512;

/* The fastest for n at once. */
const struct sm2_engine *sm2_engine_for(size_t n);

#endif
