#ifndef YD_BENCH_APPROVED_H
#define YD_BENCH_APPROVED_H
/* Approved applications ready for POST /v1/requests of the CA: both statements signed before the clock
 * runs.  The RA's rows do not exist for them, which the CA need not know. */
#include "bench/applicant.h"
#include "bench/clerk.h"

#define APPROVED_BATCH 256

struct approved {
	char key[65];    /* hex SM3 of the approval: the request's name */
	struct buf json; /* one element of "requests" */
};
struct approved_list {
	struct approved *at;
	size_t count;
};
RC approved_new(const struct platform *p, size_t n, struct approved_list *ret);
void approved_free(struct approved_list *l);

/* Talks to the CA as the RA does. */
RC ra_identity(const struct platform *p, struct wire_identity **ret, const char **url);
/* POSTs n <= APPROVED_BATCH of them and waits until each is issued; *issued of them were.  each (may be NULL)
 * sees every result of the first answer. */
RC approved_send(struct wire *w, const struct approved *a, size_t n, size_t *issued,
                 void (*each)(void *arg, const json_t *result), void *arg);

#endif
