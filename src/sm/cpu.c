#include "sm/cpu.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[SM_IMPLS] = {"portable", "x86_64", "avx512ifma"};

/* Process state: CPU dispatch. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool runs[SM_IMPLS] = {true};
static _Atomic enum sm_impl limit = SM_PORTABLE;

#ifdef YD_CT
#define SCALAR bit_BMI2 /* valgrind runs adx and does not say so */
#else
#define SCALAR (bit_BMI2 | bit_ADX)
#endif

#ifdef __x86_64__
/* By CPUID's own bits, as compilers differ in the names they know; by the compiler's where the system has to
 * keep wider registers too. */
static void look_x86_64(void)
{
	const unsigned scalar = SCALAR, lanes = bit_AVX512DQ | bit_AVX512IFMA | bit_AVX512BW | bit_AVX512VL;
	const unsigned bytes = bit_AVX512VBMI | bit_GFNI | bit_VAES | bit_VPCLMULQDQ,
	               cipher = bit_AES | bit_PCLMUL;
	unsigned a, b = 0, c = 0, d, of_1 = 0;

	__builtin_cpu_init();
	(void)__get_cpuid(1, &a, &b, &of_1, &d);
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return;
	runs[SM_X86_64] =
	        (b & scalar) == scalar && (of_1 & cipher) == cipher && __builtin_cpu_supports("avx2");
	runs[SM_AVX512IFMA] = runs[SM_X86_64] && (b & lanes) == lanes && (c & bytes) == bytes &&
	                      __builtin_cpu_supports("avx512f");
}
#endif

static void look(void)
{
	const char *wish = getenv("SM_USE");
	enum sm_impl best = SM_PORTABLE;

#ifdef __x86_64__
	look_x86_64();
#endif
	for (enum sm_impl i = SM_PORTABLE; i < SM_IMPLS; i++) {
		if (runs[i])
			best = i;
		if (wish != NULL && strcmp(wish, names[i]) == 0)
			break;
	}
	atomic_store(&limit, best);
}

const char *sm_impl_name(enum sm_impl i)
{
	return names[i];
}

bool sm_impl_runs(enum sm_impl i)
{
	(void)pthread_once(&once, look);
	return runs[i];
}

enum sm_impl sm_impl_best(void)
{
	(void)pthread_once(&once, look);
	return atomic_load_explicit(&limit, memory_order_relaxed);
}

RC sm_use(enum sm_impl i)
{
	NEED(i < SM_IMPLS && sm_impl_runs(i), RC_INPUT, "sm: this CPU cannot run that implementation");
	atomic_store(&limit, i);
	return OK;
}
