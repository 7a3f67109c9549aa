#ifndef YD_BENCH_VISIBLE_H
#define YD_BENCH_VISIBLE_H
/* revoke.visible_ms_*: from the 2xx of a revocation to the first OCSP answer that says so, for certificates
 * whose good answer was kept before. */
#include "bench/platform.h"
#include "pki/ocsp.h"

struct visible {
	const struct ocsp_issuer *issuer;
	const char *base, *path; /* of the responder */
};
RC visible_rows(struct bench *b, struct platform *p, const struct visible *v);

#endif
