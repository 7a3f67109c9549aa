/* Life of an application: every pair of state and event, in the table or not (R21.1, R21.2, design 9.7). */
#include "ra/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Written down apart from the code. */
static const struct {
	enum application_state from;
	enum application_event event;
	enum application_state to;
} allowed[] = {
        {APPLICATION_NONE, APPLICATION_ENTER, APPLICATION_ENTERED},
        {APPLICATION_ENTERED, APPLICATION_APPROVE, APPLICATION_APPROVED},
        {APPLICATION_ENTERED, APPLICATION_REFUSE, APPLICATION_REFUSED},
        {APPLICATION_APPROVED, APPLICATION_CA_REFUSE, APPLICATION_REFUSED},
        {APPLICATION_APPROVED, APPLICATION_HALF, APPLICATION_PARTIAL},
        {APPLICATION_APPROVED, APPLICATION_WHOLE, APPLICATION_ISSUED},
        {APPLICATION_PARTIAL, APPLICATION_WHOLE, APPLICATION_ISSUED},
        {APPLICATION_ISSUED, APPLICATION_ACCEPT, APPLICATION_ACCEPTED},
        {APPLICATION_NONE, APPLICATION_HOLD, APPLICATION_HELD},
        {APPLICATION_HELD, APPLICATION_RELEASE, APPLICATION_ENTERED},
        {APPLICATION_HELD, APPLICATION_REFUSE, APPLICATION_REFUSED},
        {APPLICATION_HELD, APPLICATION_RETURN, APPLICATION_RETURNED},
        {APPLICATION_HELD, APPLICATION_CANCEL, APPLICATION_CANCELLED},
        {APPLICATION_ENTERED, APPLICATION_RETURN, APPLICATION_RETURNED},
        {APPLICATION_ENTERED, APPLICATION_CANCEL, APPLICATION_CANCELLED},
        {APPLICATION_RETURNED, APPLICATION_CORRECT, APPLICATION_CORRECTED},
        {APPLICATION_RETURNED, APPLICATION_CANCEL, APPLICATION_CANCELLED},
        {APPLICATION_ISSUED, APPLICATION_LAPSE, APPLICATION_LAPSED},
};

static bool listed(int from, int event, enum application_state *to)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if ((int)allowed[i].from == from && (int)allowed[i].event == event) {
			*to = allowed[i].to;
			return true;
		}
	}
	return false;
}

static void all_pairs(void **state)
{
	(void)state;
	for (int from = 0; from < APPLICATION_STATES; from++) {
		for (int event = 0; event < APPLICATION_EVENTS; event++) {
			enum application_state want = APPLICATION_NONE, got = APPLICATION_NONE;
			struct rc rc = application_next((enum application_state)from,
			                                (enum application_event)event, &got);

			if (listed(from, event, &want)) {
				assert_true(rc_ok(rc));
				assert_int_equal(got, want);
				continue;
			}
			assert_int_equal(rc.code, RC_CONFLICT);
			assert_int_equal(rc_last()->err, from == APPLICATION_REFUSED ? ERR_APPLICATION_REFUSED
			                                                             : ERR_APPLICATION_STATE);
		}
	}
}

/* The names are contracts (docs/openapi.yaml). */
static void names(void **state)
{
	static const char *const want[] = {"none",           "entered",   "approved", "refused",
	                                   "issued-partial", "issued",    "accepted", "held",
	                                   "returned",       "corrected", "lapsed",   "cancelled"};
	enum application_state got;

	(void)state;
	for (int s = 0; s < APPLICATION_STATES; s++) {
		assert_string_equal(application_state_name((enum application_state)s), want[s]);
		if (s == APPLICATION_NONE)
			continue;
		assert_true(rc_ok(application_state_find(want[s], strlen(want[s]), &got)));
		assert_int_equal(got, s);
	}
	assert_int_equal(application_state_find("none", 4, &got).code, RC_INPUT);
	assert_int_equal(application_state_find("issue", 5, &got).code, RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_pairs), cmocka_unit_test(names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
