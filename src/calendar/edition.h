#ifndef YD_CALENDAR_EDITION_H
#define YD_CALENDAR_EDITION_H
/* One edition of the working calendar (C02): what one notice of the State Council says about one year, the
 * days off and the weekend days on which people work.  An amendment is the whole year again with the next
 * number (C06).  Its JSON is the body of a statement of kind "calendar" and a file of rulesets/calendar.
 * Pure. */
#include "base/auto.h"
#include "base/json.h"
#include "calendar/day.h"

#define EDITION_YEAR_MIN 2000
#define EDITION_YEAR_MAX 2199
#define EDITION_RANGES 32
#define EDITION_WORKS 32
#define EDITION_RANGE_DAYS 31
#define EDITION_NAME 64
#define EDITION_JSON_MAX (64u << 10)

struct calendar_range {
	int32_t from, to;
	char name[EDITION_NAME + 1];
};
struct calendar_edition {
	int year, number;
	size_t off_count, work_count;
	struct calendar_range off[EDITION_RANGES]; /* in order, apart */
	int32_t work[EDITION_WORKS];               /* in order; Saturdays and Sundays */
	char title[257], notice[65];               /* notice: its number, "" when not known */
	int32_t date;                              /* of the notice */
	uint8_t sm3[32];                           /* of the canonical body */
};
/* calendar-edition when the body says what no notice can say; days may lie in its year and in December of the
 * year before (C03). */
RC edition_read(const json_t *body, struct calendar_edition *ret);

#endif
