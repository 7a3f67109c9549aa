#include "calendar/day.h"

#include <stdio.h>

#define LENGTH 10 /* of "YYYY-MM-DD" */

static bool number(struct slice s, size_t from, size_t digits, int *ret)
{
	int v = 0;

	for (size_t i = from; i < from + digits; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*ret = v;
	return true;
}

static int month_length(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

RC day_parse(struct slice s, int32_t *ret)
{
	int y = 0, m = 0, d = 0;

	REQUIRE(s.len == LENGTH && s.p[4] == '-' && s.p[7] == '-' && number(s, 0, 4, &y) &&
	                number(s, 5, 2, &m) && number(s, 8, 2, &d),
	        CALENDAR_DATE, "a date is written YYYY-MM-DD");
	REQUIRE(y >= 1950 && m >= 1 && m <= 12 && d >= 1 && d <= month_length(y, m), CALENDAR_DATE,
	        "%04d-%02d-%02d is no date between 1950 and 9999", y, m, d);
	*ret = day_from(y, m, d);
	return OK;
}

static struct civil civil_of(int32_t day)
{
	return time_civil((int64_t)day * TIME_DAY);
}

void day_text(int32_t day, char ret[DAY_TEXT])
{
	struct civil c = civil_of(day);

	(void)snprintf(ret, DAY_TEXT, "%04u-%02u-%02u", (unsigned)c.year % 10000, (unsigned)c.month % 100,
	               (unsigned)c.day % 100);
}

int32_t day_of(int64_t t)
{
	int64_t local = t + DAY_ZONE;

	return (int32_t)(local >= 0 ? local / TIME_DAY : -((-local + TIME_DAY - 1) / TIME_DAY));
}

int64_t day_begin(int32_t day)
{
	return (int64_t)day * TIME_DAY - DAY_ZONE;
}

int64_t day_end(int32_t day)
{
	return day_begin(day) + TIME_DAY;
}

int day_weekday(int32_t day)
{
	/* 1970-01-01 was a Thursday */
	return (int)(((int64_t)day % 7 + 7 + 3) % 7);
}

int day_year(int32_t day)
{
	return civil_of(day).year;
}

int32_t day_from(int year, int month, int day)
{
	return (int32_t)(time_from_civil((struct civil){.year = year, .month = month, .day = day}) /
	                 TIME_DAY);
}

int32_t day_add_years(int32_t day, int years)
{
	return (int32_t)(time_add_years((int64_t)day * TIME_DAY, years) / TIME_DAY);
}
