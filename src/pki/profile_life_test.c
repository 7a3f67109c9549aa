/* R21.4: an extension keeps keys and beginning, ends later, and never outlives the keys' total life. */
#include "base/check.h"
#include "base/time.h"
#include "pki/profile.h"

#define NOW 1767225600LL /* 2026-01-01 */

static struct rc extend(int64_t began, int64_t ends, int days, int64_t *end)
{
	AUTO(profile, p, NULL);
	struct authority a = {.id = "sm2", .not_after = NOW + 3650 * TIME_DAY};
	struct profile_extension e = {.not_before = began, .not_after = ends, .now = NOW, .days = days};

	assert_ok(profile_builtin("person", &p));
	return profile_extend(p, &a, &e, end);
}

static void inside_the_life_of_the_key(void **state)
{
	AUTO(profile, p, NULL);
	int64_t end = 0;

	(void)state;
	assert_ok(profile_builtin("person", &p));
	assert_ok(extend(NOW - 700 * TIME_DAY, NOW + 30 * TIME_DAY, 365, &end));
	assert_int_equal(end, NOW + 365 * TIME_DAY - 1);
	/* to the last day that is left, and not one day more */
	int life = profile_key_life(p), left = 100;
	int64_t began = NOW - (int64_t)(life - left) * TIME_DAY;
	assert_ok(extend(began, NOW + TIME_DAY, left, &end));
	assert_refused(extend(began, NOW + TIME_DAY, left + 1, &end), KEY_LIFE);
	assert_int_equal(profile_extension_days(p, began, NOW), left);
	assert_int_equal(profile_extension_days(p, NOW - (int64_t)life * TIME_DAY, NOW), 0);
}

static void never_earlier_and_never_for_nothing(void **state)
{
	int64_t end = 0;

	(void)state;
	assert_refused(extend(NOW - 10 * TIME_DAY, NOW + 400 * TIME_DAY, 365, &end), PROFILE_VALIDITY);
	assert_refused(extend(NOW - 10 * TIME_DAY, NOW + 400 * TIME_DAY, 0, &end), KEY_LIFE);
	/* one extension is no longer than one certificate may be */
	assert_refused(extend(NOW - 10 * TIME_DAY, NOW + TIME_DAY, 1096, &end), PROFILE_VALIDITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(inside_the_life_of_the_key),
	                                   cmocka_unit_test(never_earlier_and_never_for_nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
