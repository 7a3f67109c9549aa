#ifndef YD_SM_CT_H
#define YD_SM_CT_H
/* Marks where a fact about secrets becomes public on purpose: that a nonce has to be drawn again, that a
 * ciphertext did not open.  Does nothing; tests/sm_ct.c builds with YD_CT to let valgrind watch that
 * nothing else decides a branch or an address. */
#include <stddef.h>

#ifdef YD_CT
#include <valgrind/memcheck.h>
#define ct_public(p, len) (void)VALGRIND_MAKE_MEM_DEFINED(p, len)
#define ct_secret(p, len) (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len)
#else
static inline void ct_public(const void *p, size_t len)
{
	(void)p;
	(void)len;
}
#endif

#endif
