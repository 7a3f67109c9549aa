#include "sm/cpu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[SM_IMPLS] = {"portable", "x86_64", "avx512ifma"};

/* Process state: CPU dispatch. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool runs[SM_IMPLS] = {true};
static _Atomic enum sm_impl limit = SM_PORTABLE;

static void look(void)
{
	const char *wish = getenv("SM_USE");
	enum sm_impl best = SM_PORTABLE;

#ifdef __x86_64__
	__builtin_cpu_init();
	runs[SM_X86_64] = __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("adx") &&
	                  __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes") &&
	                  __builtin_cpu_supports("pclmul");
	runs[SM_AVX512IFMA] = runs[SM_X86_64] && __builtin_cpu_supports("avx512f") &&
	                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
	                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma") &&
	                      __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("gfni") &&
	                      __builtin_cpu_supports("vaes") && __builtin_cpu_supports("vpclmulqdq");
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
