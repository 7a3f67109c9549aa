#include "base/check.h"

#include <string.h>

static RC refuse_it(int n)
{
	REFUSE(UTF8, "name %d", n);
}

static RC through(int n)
{
	TRY(rc_note(refuse_it(n), "csr"));
	return OK;
}

static void codes_and_texts_travel(void **state)
{
	struct rc_text kept;

	(void)state;
	assert_rc(through(7), RC_INPUT);
	assert_string_equal(rc_last()->text, "csr: name 7");
	assert_refused(through(7), UTF8);
	kept = *rc_last();
	assert_rc(rc_fail(RC_BUG, "other"), RC_BUG);
	assert_int_equal(rc_last()->err, ERR_GENERIC_BUG);
	assert_rc(rc_fail(RC_OK, "a slip"), RC_BUG); /* a failure is never a success */
	assert_rc(rc_refuse(ERR_GENERIC_OK, "a slip"), RC_BUG);
	assert_rc(rc_restore(&kept), RC_INPUT);
	assert_string_equal(rc_last()->text, "csr: name 7");
}

static void a_note_on_success_changes_nothing(void **state)
{
	(void)state;
	assert_rc(rc_fail(RC_BUSY, "before"), RC_BUSY);
	assert_rc(rc_note(OK, "noted"), RC_OK);
	assert_string_equal(rc_last()->text, "before");
}

static void long_texts_are_cut_at_a_character(void **state)
{
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe6\xba\x90", 3);
	text[i] = '\0';
	assert_rc(rc_fail(RC_INPUT, "%s", text), RC_INPUT);
	assert_int_equal(strlen(rc_last()->text), 510);
	assert_rc(rc_note(rc_fail(RC_INPUT, "%s", text), "x"), RC_INPUT);
	assert_int_equal(strlen(rc_last()->text) % 3, 0); /* "x: " and whole characters */
	assert_true(strlen(rc_last()->text) >= 500);
}

/* Every row: a unique stable name, both languages, and a code that says who must act. */
static void the_table_of_refusals_is_whole(void **state)
{
	unsigned i, j;

	(void)state;
	for (i = 0; i < ERR_COUNT; i++) {
		const struct err_info *e = err_info((enum err)i);

		assert_true(strlen(e->name) > 0 && strlen(e->zh) > 0 && strlen(e->en) > 0);
		assert_true(strspn(e->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(e->name));
		assert_true((unsigned char)e->zh[0] >= 0x80 || strstr(e->zh, "JSON") != NULL ||
		            (unsigned char)e->zh[strlen(e->zh) - 1] >= 0x80);
		assert_int_equal(err_by_name(e->name), i);
		for (j = 0; j < i; j++)
			assert_string_not_equal(e->name, err_info((enum err)j)->name);
	}
	assert_int_equal(err_by_name("no-such-name"), ERR_COUNT);
	assert_string_equal(rc_name(RC_UNCERTAIN), "uncertain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(codes_and_texts_travel),
	        cmocka_unit_test(a_note_on_success_changes_nothing),
	        cmocka_unit_test(long_texts_are_cut_at_a_character),
	        cmocka_unit_test(the_table_of_refusals_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
