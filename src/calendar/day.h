#ifndef YD_CALENDAR_DAY_H
#define YD_CALENDAR_DAY_H
/* Days in China (C08): Asia/Shanghai is UTC+8 the year round since 1992, whatever the host's zone is.  A day
 * is a number, 1970-01-01 = 0; it ends at 24:00, the first instant that is too late.  Pure. */
#include "base/time.h"

#define DAY_MIN (-7305)   /* 1950-01-01 */
#define DAY_MAX 2932896   /* 9999-12-31 */
#define DAY_ZONE (8 * 3600)
#define DAY_TEXT 11       /* "2025-10-16" and NUL */

/* "YYYY-MM-DD" and nothing else: calendar-date. */
RC   day_parse(struct slice s, int32_t *ret);
void day_text(int32_t day, char ret[DAY_TEXT]);
int32_t day_of(int64_t t);              /* the day in China of an instant */
int64_t day_begin(int32_t day);
int64_t day_end(int32_t day);           /* 24:00, exclusive */
int day_weekday(int32_t day);           /* 0 Monday … 6 Sunday */
int day_year(int32_t day);
int32_t day_from(int year, int month, int day);
/* The corresponding day n years on, 29 February becomes 28 (C09). */
int32_t day_add_years(int32_t day, int years);

#endif
