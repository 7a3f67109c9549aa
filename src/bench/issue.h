#ifndef YD_BENCH_ISSUE_H
#define YD_BENCH_ISSUE_H
/* Registration to both certificates as a measure for other groups. */
#include "bench/platform.h"

/* Pairs a second with that many registrars over the window; *pairs: all that were made, those before and
 * after the window too. */
RC issue_rate(struct platform *p, size_t clients, double window, double *rate, size_t *pairs);

/* Each signing certificate is shown to seen() when it is there, revoked, and shown again when the revocation
 * has its 2xx. */
RC issue_revoked(struct platform *p, size_t clients, double window,
                 void (*seen)(void *arg, const char *serial, bool revoked), void *arg);

#endif
