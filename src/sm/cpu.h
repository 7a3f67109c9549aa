#ifndef YD_SM_CPU_H
#define YD_SM_CPU_H
/* Which implementations this CPU can run, and which one is in use.  The choice is made once, from CPUID;
 * SM_USE in the environment or sm_use() narrows it (tests, measurements).  The only state of src/sm beside
 * constant tables and the tables of public keys seen often (sm2_known.c). */
#include "base/rc.h"

enum sm_impl {
	SM_PORTABLE,   /* C11, any CPU */
	SM_X86_64,     /* BMI2 and ADX for SM2; AES-NI, SSSE3 and AVX2 for SM3 and SM4 */
	SM_AVX512IFMA, /* AVX-512 F, DQ, BW, VL, IFMA, VBMI; GFNI, VAES and VPCLMULQDQ for SM4 */
	SM_IMPLS
};

/* "portable", "x86_64", "avx512ifma" */
const char *sm_impl_name(enum sm_impl i);
bool sm_impl_runs(enum sm_impl i);
/* The best that may be used: i <= the limit set and sm_impl_runs(i). */
enum sm_impl sm_impl_best(void);
/* Nothing above i from now on.  RC_INPUT when this CPU cannot run it.  Not while other threads compute. */
RC sm_use(enum sm_impl i);

#endif
