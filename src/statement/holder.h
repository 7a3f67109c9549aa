#ifndef YD_STATEMENT_HOLDER_H
#define YD_STATEMENT_HOLDER_H
/* What a signer's certificate says, as far as statements ask. */
#include "sm/sm2.h"

#include <stdint.h>

struct holder {
	struct slice issuer, subject; /* Name TLVs */
	int64_t not_before, not_after;
	struct sm2_pub pub;
	char person[37]; /* from SAN URI urn:uuid:…; "" when absent */
	bool ca;         /* may issue certificates */
	bool signs;      /* keyUsage allows digitalSignature, or is absent */
};
/* Refuses what is not an SM2 certificate. */
RC holder_read(struct slice certificate, struct holder *ret);
/* The signature of one certificate under the key of another; no names, no dates. */
RC holder_verify(struct slice certificate, const struct sm2_pub *issuer);

#endif
