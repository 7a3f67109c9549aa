/* Days of China under any host zone; calendar terms; what is no date. */
#include "base/check.h"
#include "calendar/day.h"

#include <stdlib.h>
#include <time.h>

static int32_t day(const char *text)
{
	int32_t ret = 0;

	assert_ok(day_parse(slice_text(text), &ret));
	return ret;
}

/* C08: the day changes at 16:00Z, whatever TZ says; 23:59:59+08:00 is in time, 00:00:00+08:00 is not. */
static void days_are_of_china(void **state)
{
	static const char *const zones[] = {"UTC", "America/New_York", "Asia/Shanghai", "Pacific/Kiritimati"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		int64_t t;

		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		assert_ok(time_parse(SLICE_LIT("2025-10-16T23:59:59+08:00"), &t));
		assert_int_equal(day_of(t), day("2025-10-16"));
		assert_true(t < day_end(day("2025-10-16")));
		assert_ok(time_parse(SLICE_LIT("2025-10-17T00:00:00+08:00"), &t));
		assert_int_equal(day_of(t), day("2025-10-17"));
		assert_int_equal(t, day_end(day("2025-10-16")));
		assert_ok(time_parse(SLICE_LIT("1969-12-31T15:59:59Z"), &t));
		assert_int_equal(day_of(t), -1);
		assert_ok(time_parse(SLICE_LIT("1969-12-31T16:00:00Z"), &t));
		assert_int_equal(day_of(t), 0);
	}
	(void)unsetenv("TZ");
	tzset();
}

/* libc's calendar is the judge of weekdays and dates. */
static void dates_are_those_of_libc(void **state)
{
	(void)state;
	for (int32_t d = -7305; d < 120000; d += 17) {
		time_t t = (time_t)d * 86400;
		char want[16], got[DAY_TEXT];
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(want, sizeof(want), "%Y-%m-%d", &tm) == 10);
		day_text(d, got);
		assert_string_equal(got, want);
		assert_int_equal(day(want), d);
		assert_int_equal(day_weekday(d), (tm.tm_wday + 6) % 7);
		assert_int_equal(day_year(d), tm.tm_year + 1900);
	}
	assert_int_equal(day("1950-01-01"), DAY_MIN);
	assert_int_equal(day("9999-12-31"), DAY_MAX);
}

static void what_is_no_date(void **state)
{
	static const char *const bad[] = {"",           "2025-9-26",   "2025-02-29", "1949-12-31",
	                                  "2025-13-01", "2025-00-10",  "2025-04-31", "20250926",
	                                  "2025/09/26", "2025-09-26 ", "2025-09-2x", "+025-09-26",
	                                  "1900-02-29", "2025-01-00"};
	int32_t d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(day_parse(slice_text(bad[i]), &d), CALENDAR_DATE);
}

/* C09 */
static void terms_of_years(void **state)
{
	(void)state;
	assert_int_equal(day_add_years(day("2024-02-29"), 5), day("2029-02-28"));
	assert_int_equal(day_add_years(day("2024-02-29"), 10), day("2034-02-28"));
	assert_int_equal(day_add_years(day("2024-02-29"), 4), day("2028-02-29"));
	assert_int_equal(day_add_years(day("2025-12-31"), 10), day("2035-12-31"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(days_are_of_china),
	        cmocka_unit_test(dates_are_those_of_libc),
	        cmocka_unit_test(what_is_no_date),
	        cmocka_unit_test(terms_of_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
