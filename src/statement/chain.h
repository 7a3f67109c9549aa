#ifndef YD_STATEMENT_CHAIN_H
#define YD_STATEMENT_CHAIN_H
/* Editions (R06.17, R06.19): statements of some kinds follow one another.  Each has a number, one more than
 * the edition before, and from the second on the SM3 of that edition as `previous`.  Editions about one
 * subject are a series.  Pure; signatures are the caller's concern. */
#include "statement/statement.h"

#define CHAIN_SERIES 256
#define CHAIN_NAME_MAX 224

struct edition {
	char series[CHAIN_NAME_MAX + 1]; /* kind, organisation, subject */
	int64_t number;
	bool has_previous;
	uint8_t previous[32], sm3[32];
	int64_t issued;
	int64_t until; /* after that there must be a newer one; 0: not said */
};
/* False: statements of this kind are no editions, or this one has no number. */
RC edition_of(const struct statement *s, bool *is, struct edition *ret);

/* What is known of some series: the newest edition of each. */
struct chain {
	struct edition at[CHAIN_SERIES];
	size_t count;
};
/* An edition as it comes in, after others of its series or as the first that is known.  The newest once more
 * is fine; refused are statement-rollback (older than one that is known, or issued before the one it
 * follows), statement-gap (one between is missing), statement-fork (it does not continue the known one). */
RC chain_add(struct chain *c, const struct edition *e);
/* Refuses with statement-freeze when the newest edition of a series is over. */
RC chain_current(const struct chain *c, int64_t now);

#endif
