/* R24.5, R24.6, C09, I-08: the dates of the requirements' own examples. */
#include "base/time.h"
#include "base/check.h"
#include "vault/retention.h"

#include <stdio.h>

static int64_t at(const char *text)
{
	int64_t t = 0;

	assert_true(rc_ok(time_parse(slice_text(text), &t)));
	return t;
}

static void check(int64_t t, const char *day_in_china)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%sT00:00:00+08:00", day_in_china);
	assert_int_equal(t, at(text));
}

static void classes_have_their_terms(void **state)
{
	struct retention_term t;

	(void)state;
	/* R24.5: revoked 2026-03-10, end 2027-06-30; through the whole of the named day */
	t = retention_of(5, at("2027-06-30T12:00:00+08:00"), at("2026-03-10T09:00:00+08:00"));
	check(t.legal, "2031-03-11");
	check(t.lock, "2032-07-01");
	/* R24.6 */
	t = retention_of(10, at("2027-06-30T12:00:00+08:00"), at("2026-03-10T09:00:00+08:00"));
	check(t.legal, "2036-03-11");
	check(t.lock, "2037-07-01");
}

static void leap_days_and_turns_of_the_year(void **state)
{
	(void)state;
	check(retention_of(5, at("2024-02-29T10:00:00+08:00"), 0).lock, "2029-03-01");
	check(retention_of(10, at("2024-02-29T10:00:00+08:00"), 0).lock, "2034-03-01");
	check(retention_of(10, at("2025-12-31T23:00:00+08:00"), 0).lock, "2036-01-01");
	/* 2025-12-31 in London is the first of January in China */
	check(retention_of(5, at("2025-12-31T20:00:00Z"), 0).lock, "2031-01-02");
}

static void a_late_revocation_moves_the_lock(void **state)
{
	struct retention_term t =
	        retention_of(5, at("2026-01-01T00:00:00+08:00"), at("2026-02-01T00:00:00+08:00"));

	(void)state;
	check(t.legal, "2031-01-02");
	check(t.lock, "2031-02-02");
}

static void there_are_two_classes(void **state)
{
	int years;

	(void)state;
	assert_true(rc_ok(retention_years(slice_text("GOV"), &years)));
	assert_int_equal(years, 10);
	assert_true(rc_ok(retention_years(slice_text("PUBLIC"), &years)));
	assert_int_equal(years, 5);
	assert_false(rc_ok(retention_years(slice_text("gov"), &years)));
	assert_false(rc_ok(retention_years(SLICE_NONE, &years)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(classes_have_their_terms),
	        cmocka_unit_test(leap_days_and_turns_of_the_year),
	        cmocka_unit_test(a_late_revocation_moves_the_lock),
	        cmocka_unit_test(there_are_two_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
