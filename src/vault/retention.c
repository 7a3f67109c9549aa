#include "vault/retention.h"

#include "base/time.h"

#define CHINA (8 * 3600) /* no summer time since 1992 */

RC retention_years(struct slice class, int *ret)
{
	*ret = slice_is(class, "GOV") ? 10 : 5;
	NEED(slice_is(class, "GOV") || slice_is(class, "PUBLIC"), RC_INPUT, "there is no such class");
	return OK;
}

/* The end of the day in China on which t + years falls. */
static int64_t term(int64_t t, int years)
{
	struct civil day = time_civil(time_add_years(t + CHINA, years));

	day.hour = day.minute = day.second = 0;
	return time_from_civil(day) + TIME_DAY - CHINA;
}

struct retention_term retention_of(int years, int64_t not_after, int64_t ended)
{
	int64_t first = ended != 0 && ended < not_after ? ended : not_after;
	int64_t last = ended > not_after ? ended : not_after;

	return (struct retention_term){term(first, years), term(last, years)};
}
