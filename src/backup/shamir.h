#ifndef YD_BACKUP_SHAMIR_H
#define YD_BACKUP_SHAMIR_H
/* A key among custodians: any m of n shares give it back, fewer tell nothing (R12.5).  Polynomials
 * over GF(2^8) with x^8+x^4+x^3+x+1, one for each byte; time depends on m and n only.  The digest of
 * each share is kept beside what the key protects, so that an altered share is named. */
#include "base/rc.h"
#include "sm/sm3.h"

enum { SHAMIR_KEY = 32, SHAMIR_MAX = 16 };

struct shamir_share {
	uint8_t number, needed;
	uint8_t value[SHAMIR_KEY];
};

/* secret: uniformly random.  ret and digests have room for n. */
RC shamir_split(const uint8_t secret[SHAMIR_KEY], uint8_t m, uint8_t n, struct shamir_share *ret,
                uint8_t (*digests)[SM3_LEN]);
/* Which share is wrong is said in the failure.  digests: all n, in the order of their numbers. */
RC shamir_join(const struct shamir_share *s, size_t count, const uint8_t (*digests)[SM3_LEN], uint8_t n,
               uint8_t ret[SHAMIR_KEY]);

#endif
