#include "sm/sm4_engine.h"
#include "sm/cpu.h"

#define DEEPEST (2 << 10) /* bytes of stack below a mode */

void sm4_clean(void)
{
	uint8_t below[DEEPEST];

	wipe(below, sizeof(below));
}

const struct sm4_engine *sm4_engine(void)
{
	enum sm_impl best = sm_impl_best();
	const struct sm4_engine *e = NULL;

	if (best >= SM_AVX512IFMA)
		e = sm4_engine_avx512();
	if (e == NULL && best >= SM_X86_64)
		e = sm4_engine_x86_64();
	return e != NULL ? e : &sm4_engine_portable;
}
