#ifndef YD_BASE_RAND_H
#define YD_BASE_RAND_H
/* Random bytes (R06.11): Hash-DRBG with SM3 over getrandom(), start-up and continuous health tests
 * of the source (SP 800-90B 4.4: repetition count, adaptive proportion); reseeded after fork and
 * every 2^16 requests.  One state per thread.  After a failed test every call fails. */
#include "base/rc.h"
#include <stddef.h>
#include <stdint.h>

RC rand_bytes(void *p, size_t len);
/* Tests: replaces the entropy source of this process; NULL restores getrandom(). */
void rand_test_source(RC (*source)(void *p, size_t len));
bool rand_healthy(void);

#endif
