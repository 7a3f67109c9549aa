#include "sm/sm2_engine.h"

/* From here eight lanes at once are faster than one after the other, empty lanes and all. */
#define VECTOR_MIN 2

const struct sm2_engine *sm2_engine_for(size_t n)
{
	enum sm_impl best = sm_impl_best();

#ifdef SM2_AVX512
	if (best >= SM_AVX512IFMA && n >= VECTOR_MIN)
		return &sm2_engine_avx512;
#endif
#ifdef __x86_64__
	if (best >= SM_X86_64)
		return &sm2_engine_x86_64;
#endif
	(void)best;
	(void)n;
	return &sm2_engine_portable;
}
