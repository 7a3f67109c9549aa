#ifndef YD_BENCH_PEER_H
#define YD_BENCH_PEER_H
/* The same work by OpenSSL's objects alone, in one process with a thread per core: no network, no second
 * process, nothing durable. */
#include "base/rc.h"

/* Pairs per second: check the CSR and two statements, make an encryption key, build and sign two
 * certificates, envelope. */
RC peer_issue(double *rate);
/* OCSP answers per second on one core: parse a request with nonce, build and sign the answer. */
RC peer_ocsp(double *rate);

#endif
