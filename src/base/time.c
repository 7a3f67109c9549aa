#include "base/time.h"

/* Days since 1970-01-01 of the proleptic Gregorian date; the year is counted from March, so that
 * the leap day comes last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

struct civil time_civil(int64_t t)
{
	struct civil c;
	int64_t days, second, era, y, doy, m;

	/* Outside the range there is no civil time of four digits. */
	t = t < TIME_MIN ? TIME_MIN : t > TIME_MAX ? TIME_MAX : t;
	days = t / TIME_DAY;
	second = t % TIME_DAY;
	if (second < 0) {
		second += TIME_DAY;
		days--;
	}
	days += 719468; /* since 0000-03-01 */
	era = days / 146097;
	days -= era * 146097;
	y = (days - days / 1460 + days / 36524 - days / 146096) / 365;
	doy = days - (365 * y + y / 4 - y / 100);
	m = (5 * doy + 2) / 153;
	c.day = (int)(doy - (153 * m + 2) / 5 + 1);
	c.month = (int)(m < 10 ? m + 3 : m - 9);
	c.year = (int)(era * 400 + y + (c.month <= 2 ? 1 : 0));
	c.hour = (int)(second / 3600);
	c.minute = (int)(second / 60 % 60);
	c.second = (int)(second % 60);
	return c;
}

int64_t time_from_civil(struct civil c)
{
	return days_of(c.year, c.month, c.day) * TIME_DAY + c.hour * 3600 + c.minute * 60 + c.second;
}

static bool valid(struct civil c)
{
	return c.year >= 1950 && c.year <= 9999 && c.month >= 1 && c.month <= 12 && c.day >= 1 &&
	       c.day <= month_days(c.year, c.month) && c.hour >= 0 && c.hour <= 23 && c.minute >= 0 &&
	       c.minute <= 59 && c.second >= 0 && c.second <= 59;
}

/* n digits at *at as a number; -1 when they are none. */
static int digits(struct slice s, size_t *at, size_t n)
{
	int v = 0;
	size_t i;

	if (s.len - *at < n)
		return -1;
	for (i = 0; i < n; i++) {
		uint8_t c = s.p[*at + i];

		if (c < '0' || c > '9')
			return -1;
		v = 10 * v + (c - '0');
	}
	*at += n;
	return v;
}

static bool take(struct slice s, size_t *at, char c)
{
	if (*at >= s.len || s.p[*at] != (uint8_t)c)
		return false;
	(*at)++;
	return true;
}

static bool take_offset(struct slice s, size_t *at, int *seconds)
{
	int sign, hours, minutes;

	*seconds = 0;
	if (take(s, at, 'Z'))
		return true;
	sign = take(s, at, '+') ? 1 : take(s, at, '-') ? -1 : 0;
	if (sign == 0)
		return false;
	hours = digits(s, at, 2);
	if (hours < 0 || hours > 23 || !take(s, at, ':'))
		return false;
	minutes = digits(s, at, 2);
	if (minutes < 0 || minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool take_fraction(struct slice s, size_t *at)
{
	size_t start;

	if (!take(s, at, '.'))
		return true;
	start = *at;
	while (*at < s.len && s.p[*at] >= '0' && s.p[*at] <= '9')
		(*at)++;
	return *at > start;
}

RC time_parse(struct slice s, int64_t *ret)
{
	struct civil c = {0};
	size_t at = 0;
	int offset = 0;
	int64_t t;
	bool good;

	c.year = digits(s, &at, 4);
	good = take(s, &at, '-');
	c.month = digits(s, &at, 2);
	good = take(s, &at, '-') && good;
	c.day = digits(s, &at, 2);
	good = take(s, &at, 'T') && good;
	c.hour = digits(s, &at, 2);
	good = take(s, &at, ':') && good;
	c.minute = digits(s, &at, 2);
	good = take(s, &at, ':') && good;
	c.second = digits(s, &at, 2);
	good = good && take_fraction(s, &at) && take_offset(s, &at, &offset) && at == s.len;
	NEED(good && valid(c), RC_INPUT, "time: not a date and time of RFC 3339, 5.6 (years 1950 to 9999)");
	t = time_from_civil(c) - offset;
	NEED(t >= TIME_MIN && t <= TIME_MAX, RC_INPUT, "time: outside the years 1950 to 9999");
	*ret = t;
	return OK;
}

void time_text(int64_t t, char ret[21])
{
	struct civil c = time_civil(t);
	const int part[] = {c.year, c.month, c.day, c.hour, c.minute, c.second};
	static const char after[] = "--T::Z";
	size_t i, width, at = 0;

	for (i = 0; i < 6; i++) {
		int v = part[i];

		for (width = i == 0 ? 4 : 2; width > 0; width--, v /= 10)
			ret[at + width - 1] = (char)('0' + v % 10);
		at += i == 0 ? 4 : 2;
		ret[at++] = after[i];
	}
	ret[at] = '\0';
}

static RC packed(struct slice s, size_t year_digits, const char *what, int64_t *ret)
{
	struct civil c;
	size_t at = 0;

	c.year = digits(s, &at, year_digits);
	if (year_digits == 2 && c.year >= 0)
		c.year += c.year >= 50 ? 1900 : 2000; /* RFC 5280, 4.1.2.5.1 */
	c.month = digits(s, &at, 2);
	c.day = digits(s, &at, 2);
	c.hour = digits(s, &at, 2);
	c.minute = digits(s, &at, 2);
	c.second = digits(s, &at, 2);
	NEED(s.len == year_digits + 11 && take(s, &at, 'Z') && valid(c), RC_INPUT,
	     "%s: not in the form of RFC 5280, 4.1.2.5", what);
	*ret = time_from_civil(c);
	return OK;
}

RC time_from_utc(struct slice s, int64_t *ret)
{
	return packed(s, 2, "UTCTime", ret);
}

RC time_from_generalized(struct slice s, int64_t *ret)
{
	return packed(s, 4, "GeneralizedTime", ret);
}

int64_t time_add_years(int64_t t, int years)
{
	struct civil c = time_civil(t);

	c.year += years;
	if (c.month == 2 && c.day == 29)
		c.day = month_days(c.year, 2);
	return time_from_civil(c);
}
