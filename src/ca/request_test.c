/* The state machine of a request: every pair of state and event, in the table or not. */
#include "ca/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Written down independently of the code: who may move where (design 3.4, 9.7). */
static const struct {
	enum request_state from;
	enum request_event event;
	enum request_state to;
} allowed[] = {
        {REQUEST_NONE, REQUEST_PREPARE, REQUEST_PREPARED},
        {REQUEST_NONE, REQUEST_PREPARE_HALF, REQUEST_HALF_PREPARED},
        {REQUEST_PREPARED, REQUEST_SIGNED, REQUEST_ISSUED},
        {REQUEST_HALF_PREPARED, REQUEST_SIGNED, REQUEST_PARTIAL},
        {REQUEST_PARTIAL, REQUEST_KEY_CAME, REQUEST_PARTIAL_PREPARED},
        {REQUEST_PARTIAL_PREPARED, REQUEST_SIGNED, REQUEST_ISSUED},
        {REQUEST_PREPARED, REQUEST_REFUSED, REQUEST_NONE},
        {REQUEST_HALF_PREPARED, REQUEST_REFUSED, REQUEST_NONE},
        {REQUEST_PARTIAL_PREPARED, REQUEST_REFUSED, REQUEST_PARTIAL},
};

static void all_pairs(void **state)
{
	(void)state;
	for (int from = 0; from < REQUEST_STATES; from++) {
		for (int event = 0; event < REQUEST_EVENTS; event++) {
			enum request_state to = REQUEST_STATES;
			struct rc rc = request_next((enum request_state)from, (enum request_event)event, &to);
			bool found = false;

			for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
				if ((int)allowed[i].from != from || (int)allowed[i].event != event)
					continue;
				found = true;
				assert_int_equal(rc.code, RC_OK);
				assert_int_equal(to, allowed[i].to);
			}
			if (!found)
				assert_int_equal(rc.code, RC_CONFLICT);
		}
	}
}

static void no_way_out_of_issued(void **state)
{
	enum request_state to;

	(void)state;
	for (int event = 0; event < REQUEST_EVENTS; event++)
		assert_int_equal(request_next(REQUEST_ISSUED, (enum request_event)event, &to).code,
		                 RC_CONFLICT);
}

static void names_are_the_contract(void **state)
{
	(void)state;
	assert_string_equal(request_state_name(REQUEST_ISSUED), "issued");
	assert_string_equal(request_state_name(REQUEST_PARTIAL), "issued-partial");
	assert_string_equal(request_state_name(REQUEST_PARTIAL_PREPARED), "issued-partial");
	assert_string_equal(request_state_name(REQUEST_PREPARED), "accepted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_pairs),
	        cmocka_unit_test(no_way_out_of_issued),
	        cmocka_unit_test(names_are_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
