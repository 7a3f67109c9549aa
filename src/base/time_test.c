#include "base/time.h"
#include "base/check.h"

#include <stdio.h>
#include <time.h>

static void compare(int64_t t)
{
	char want[40], have[21];
	struct civil c = time_civil(t);
	time_t libc = (time_t)t;
	struct tm tm;
	int64_t back = 0;

	assert_non_null(gmtime_r(&libc, &tm));
	assert_int_equal(c.year, tm.tm_year + 1900);
	assert_int_equal(c.month, tm.tm_mon + 1);
	assert_int_equal(c.day, tm.tm_mday);
	assert_int_equal(c.hour, tm.tm_hour);
	assert_int_equal(c.minute, tm.tm_min);
	assert_int_equal(c.second, tm.tm_sec);
	assert_true(time_from_civil(c) == (int64_t)timegm(&tm));
	assert_true(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm) == 20);
	time_text(t, have);
	assert_string_equal(have, want);
	assert_ok(time_parse(slice_text(have), &back));
	assert_true(back == t);
}

/* The judge is the C library. */
static void agrees_with_libc(void **state)
{
	int64_t t, day;
	unsigned long n = 0;

	(void)state;
	for (t = TIME_MIN; t <= TIME_MAX; t += 999983 * 3 + 1) {
		compare(t);
		n++;
	}
	for (day = TIME_MIN; day <= 4102444800LL; day += TIME_DAY) { /* each midnight to 2100 */
		compare(day);
		compare(day + TIME_DAY - 1);
		n++;
	}
	compare(TIME_MAX);
	compare(0);
	compare(-1);
	assert_true(n > 100000);
}

static void rfc3339(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} good[] = {
	        {"2026-11-22T08:00:00Z", 1795334400},      {"2026-11-22T08:00:00.999999Z", 1795334400},
	        {"2026-11-22T16:00:00+08:00", 1795334400}, {"2026-11-22T02:30:00-05:30", 1795334400},
	        {"2024-02-29T00:00:00Z", 1709164800},
	};
	static const char *const bad[] = {
	        "",
	        "2026-11-22",
	        "2026-11-22T08:00:00",
	        "2026-11-22 08:00:00Z",
	        "2026-13-01T00:00:00Z",
	        "2026-02-29T00:00:00Z",
	        "2026-11-22T24:00:00Z",
	        "2026-11-22T08:60:00Z",
	        "2026-11-22T08:00:60Z",
	        "2026-11-22T08:00:00.Z",
	        "2026-11-22T08:00:00Z ",
	        "2026-11-22T08:00:00+0800",
	        "1949-12-31T23:59:59Z",
	        "2026-11-22T08:00:00+24:00",
	        "26-11-22T08:00:00Z",
	        "2026-1-22T08:00:00Z",
	        "2026-11-00T08:00:00Z",
	        "1950-01-01T00:00:00+01:00",
	        "9999-12-31T23:59:59-01:00",
	        "+026-11-22T08:00:00Z",
	        "2100-02-29T00:00:00Z",
	};
	int64_t t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(time_parse(slice_text(good[i].text), &t));
		assert_true(t == good[i].t);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rc_ok(time_parse(slice_text(bad[i]), &t)))
			fail_msg("accepted: %s", bad[i]);
}

/* R06.15: RFC 5280, 4.1.2.5 */
static void der_times(void **state)
{
	static const char *const bad[] = {"2611220800Z",   "261122080000",  "261122080000+0000",
	                                  "26112208000aZ", "261322080000Z", "260229000000Z",
	                                  "261122080060Z", "2611220800000Z"};
	static const char *const bad_g[] = {"20261122080000", "20261122080000.5Z", "20261122080000+0800",
	                                    "261122080000Z",  "20261122Z",         "19491231235959Z"};
	int64_t t;
	size_t i;

	(void)state;
	assert_ok(time_from_utc(SLICE_LIT("261122080000Z"), &t));
	assert_true(t == 1795334400);
	assert_ok(time_from_utc(SLICE_LIT("500101000000Z"), &t));
	assert_true(t == TIME_MIN);
	assert_ok(time_from_utc(SLICE_LIT("491231235959Z"), &t));
	assert_int_equal(time_civil(t).year, 2049);
	assert_ok(time_from_generalized(SLICE_LIT("99991231235959Z"), &t));
	assert_true(t == TIME_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_rc(time_from_utc(slice_text(bad[i]), &t), RC_INPUT);
	for (i = 0; i < sizeof(bad_g) / sizeof(bad_g[0]); i++)
		assert_rc(time_from_generalized(slice_text(bad_g[i]), &t), RC_INPUT);
}

static void years(void **state)
{
	char text[21];

	(void)state;
	time_text(time_add_years(1709164800 + 3661, 1), text);
	assert_string_equal(text, "2025-02-28T01:01:01Z");
	time_text(time_add_years(1709164800, 4), text);
	assert_string_equal(text, "2028-02-29T00:00:00Z");
	time_text(time_add_years(1795334400, 30), text);
	assert_string_equal(text, "2056-11-22T08:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(agrees_with_libc),
	        cmocka_unit_test(rfc3339),
	        cmocka_unit_test(der_times),
	        cmocka_unit_test(years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
