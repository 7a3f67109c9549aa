#ifndef YD_BASE_TIME_H
#define YD_BASE_TIME_H
/* Instants are int64_t seconds since 1970-01-01T00:00:00Z.  Years 1950 to 9999. */
#include "base/buf.h"

#define TIME_MIN (-631152000LL)                             /* 1950-01-01 */
#define TIME_MAX 253402300799LL                             /* 9999-12-31T23:59:59Z */
#define TIME_DAY 86400LL

struct civil { int year, month, day, hour, minute, second; };
struct civil time_civil(int64_t t);
int64_t time_from_civil(struct civil c);                    /* fields must be in range */
/* RFC 3339 with Z or an offset; a fraction is cut off. */
RC   time_parse(struct slice s, int64_t *ret);
/* "2026-11-22T08:00:00Z"; ret holds 21 bytes. */
void time_text(int64_t t, char ret[21]);
/* DER: "YYMMDDHHMMSSZ" and "YYYYMMDDHHMMSSZ", nothing else. */
RC   time_from_utc(struct slice s, int64_t *ret);
RC   time_from_generalized(struct slice s, int64_t *ret);
/* The same month and day n years on; 29 February becomes 28. */
int64_t time_add_years(int64_t t, int years);

#endif
