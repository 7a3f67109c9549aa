#include "status/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct table_entry entry(unsigned n, uint8_t issuer)
{
	struct table_entry e = {.len = 16, .issuer = issuer};

	for (unsigned i = 0; i < 4; i++)
		e.serial[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	e.serial[0] = 1;
	return e;
}

/* R21.9: a serial that was never issued is not found, whatever its neighbours are. */
static void only_what_was_put_is_found(void **state)
{
	struct table t;
	struct table_entry e, got;

	(void)state;
	assert_true(rc_ok(table_init(&t)));
	for (unsigned n = 0; n < 20000; n += 2) {
		e = entry(n, (uint8_t)(n % 3));
		assert_true(rc_ok(table_put(&t, &e)));
	}
	assert_int_equal(table_count(&t), 10000);
	for (unsigned n = 0; n < 20000; n++) {
		e = entry(n, (uint8_t)(n % 3));
		assert_int_equal(table_find(&t, e.issuer, slice_of(e.serial, e.len), &got), n % 2 == 0);
		assert_false(table_find(&t, (uint8_t)(e.issuer + 3), slice_of(e.serial, e.len), &got));
		assert_false(table_find(&t, e.issuer, slice_of(e.serial, 15), &got));
	}
	table_wipe(&t);
}

static void a_revocation_replaces_the_entry(void **state)
{
	struct table t;
	struct table_entry e = entry(7, 0), got;

	(void)state;
	assert_true(rc_ok(table_init(&t)));
	assert_true(rc_ok(table_put(&t, &e)));
	assert_true(table_find(&t, 0, slice_of(e.serial, e.len), &got));
	assert_int_equal(got.revoked, 0);
	e.revoked = 1;
	e.reason = 4;
	e.revoked_at = 1767225600;
	assert_true(rc_ok(table_put(&t, &e)));
	assert_int_equal(table_count(&t), 1);
	assert_true(table_find(&t, 0, slice_of(e.serial, e.len), &got));
	assert_int_equal(got.revoked, 1);
	assert_int_equal(got.reason, 4);
	assert_int_equal(got.revoked_at, 1767225600);
	table_wipe(&t);
}

static void serials_out_of_range_are_refused(void **state)
{
	struct table t;
	struct table_entry e = entry(1, 0), got;
	uint8_t longer[21] = {1};

	(void)state;
	assert_true(rc_ok(table_init(&t)));
	e.len = 0;
	assert_int_equal(table_put(&t, &e).code, RC_INPUT);
	e.len = 21;
	assert_int_equal(table_put(&t, &e).code, RC_INPUT);
	assert_false(table_find(&t, 0, SLICE_NONE, &got));
	assert_false(table_find(&t, 0, SLICE_ARR(longer), &got));
	table_wipe(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_what_was_put_is_found),
	        cmocka_unit_test(a_revocation_replaces_the_entry),
	        cmocka_unit_test(serials_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
