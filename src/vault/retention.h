#ifndef YD_VAULT_RETENTION_H
#define YD_VAULT_RETENTION_H
/* How long a record stays (R24.5, R24.6, I-08): 5 years for PUBLIC, 10 for GOV, in years of the calendar,
 * until the end of the corresponding day in China (C09).  Two dates: the legal minimum counts from the day
 * the certificate became invalid by any reading (the earlier of its end and its revocation), the lock from
 * the later one.  Nothing is disposed of before the lock.  Pure. */
#include "base/rc.h"
#include "base/slice.h"

struct retention_term {
	int64_t legal, lock; /* first instant at which it may go */
};
/* RC_INPUT for another class. */
RC retention_years(struct slice class, int *ret);
/* ended: of the revocation in force; 0 = none. */
struct retention_term retention_of(int years, int64_t not_after, int64_t ended);

#endif
