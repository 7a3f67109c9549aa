#ifndef YD_RA_REVIEW_H
#define YD_RA_REVIEW_H
/* One decision on one application; at its door (review.c) or as one of many (batch_review.c). */
#include "db/writer.h"
#include "ra/ra.h"

struct reviewing {
	struct ra *ra;
	const struct statement *s;
	const char *person;
	char id[RA_ID + 1];
	struct ra_application a;
	bool known; /* the same statement was taken before */
};
/* Writer closure, argument: the struct reviewing. */
struct rc reviewing_write(struct db_tx *tx, void *arg);
/* After its commit. */
void reviewing_done(const struct reviewing *v);

#endif
