#ifndef YD_BENCH_PRIVATE_H
#define YD_BENCH_PRIVATE_H
/* The groups of rows. */
#include "bench/bench.h"
#include "bench/rows.h"

struct bench {
	const struct bench_options *options;
	struct bench_rows rows;
	struct platform *platform; /* started by the first group that needs it */
};

RC bench_sm(struct bench *b);    /* algorithms */
RC bench_start(struct bench *b); /* start of the platform */
RC bench_issue(struct bench *b); /* registration to both certificates, through the doors */
RC bench_load(struct bench *b);  /* the same for minutes, with revocations and queries */
RC bench_door(struct bench *b);  /* approvals straight to the CA */
RC bench_records(struct bench *b); /* what vault and backup cost */
RC bench_register(struct bench *b); /* deadlines of the register */
RC bench_log(struct bench *b);   /* appending, proofs, verifying */
RC bench_status(struct bench *b); /* the status store */
RC bench_crl(struct bench *b);   /* revocation lists */
RC bench_ocsp(struct bench *b);  /* fresh OCSP answers */

#endif
