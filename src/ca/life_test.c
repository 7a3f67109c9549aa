/* Life of a certificate, every pair (R21.2 to R21.7, requirements b.13): the judge is the list of arrows as
 * the requirements draw them. */
#include "base/check.h"

#include "ca/life.h"

static const struct arrow {
	enum life_state from;
	enum life_event event;
	enum life_state to;
} arrows[] = {
        {LIFE_ISSUED, LIFE_ACCEPT, LIFE_ACTIVE},      {LIFE_ISSUED, LIFE_HOLD, LIFE_ON_HOLD},
        {LIFE_ISSUED, LIFE_REVOKE, LIFE_REVOKED},     {LIFE_ISSUED, LIFE_REPLACE, LIFE_SUPERSEDED},
        {LIFE_ISSUED, LIFE_EXPIRE, LIFE_EXPIRED},     {LIFE_ACTIVE, LIFE_HOLD, LIFE_ON_HOLD},
        {LIFE_ACTIVE, LIFE_REVOKE, LIFE_REVOKED},     {LIFE_ACTIVE, LIFE_UPDATE, LIFE_SUPERSEDED},
        {LIFE_ACTIVE, LIFE_EXTEND, LIFE_SUPERSEDED},  {LIFE_ACTIVE, LIFE_REPLACE, LIFE_SUPERSEDED},
        {LIFE_ACTIVE, LIFE_EXPIRE, LIFE_EXPIRED},     {LIFE_ON_HOLD, LIFE_RELEASE, LIFE_ACTIVE},
        {LIFE_ON_HOLD, LIFE_REVOKE, LIFE_REVOKED},    {LIFE_ON_HOLD, LIFE_EXPIRE, LIFE_EXPIRED},
        {LIFE_SUPERSEDED, LIFE_HOLD, LIFE_ON_HOLD},   {LIFE_SUPERSEDED, LIFE_REVOKE, LIFE_REVOKED},
        {LIFE_SUPERSEDED, LIFE_EXPIRE, LIFE_EXPIRED},
};

static const struct arrow *arrow_of(enum life_state from, enum life_event event)
{
	for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); i++) {
		if (arrows[i].from == from && arrows[i].event == event)
			return &arrows[i];
	}
	return NULL;
}

static void every_pair(void **state)
{
	(void)state;
	for (int from = 0; from < LIFE_STATES; from++) {
		for (int event = 0; event < LIFE_EVENTS; event++) {
			const struct arrow *a = arrow_of((enum life_state)from, (enum life_event)event);
			enum life_state to = LIFE_STATES;

			if (a != NULL) {
				assert_ok(life_next(a->from, a->event, &to));
				assert_int_equal(to, a->to);
				continue;
			}
			if (from == LIFE_REVOKED)
				assert_refused(life_next(LIFE_REVOKED, (enum life_event)event, &to),
				               ALREADY_REVOKED);
			else
				assert_refused(life_next((enum life_state)from, (enum life_event)event, &to),
				               CERTIFICATE_STATE);
			assert_int_equal(to, LIFE_STATES);
		}
	}
}

/* R21.6: there is no way out of revoked, whatever else is true of the certificate. */
static void facts_make_the_state(void **state)
{
	static const struct {
		struct life_facts facts;
		enum life_state want;
	} cases[] = {
	        {{.not_after = 100}, LIFE_ISSUED},
	        {{.not_after = 100, .accepted = true}, LIFE_ACTIVE},
	        {{.not_after = 100, .accepted = true, .held = true}, LIFE_ON_HOLD},
	        {{.not_after = 100, .held = true, .superseded = true}, LIFE_ON_HOLD},
	        {{.not_after = 100, .accepted = true, .superseded = true}, LIFE_SUPERSEDED},
	        {{.not_after = 49, .accepted = true, .held = true}, LIFE_EXPIRED},
	        {{.not_after = 50, .accepted = true}, LIFE_ACTIVE},
	        {{.not_after = 49, .accepted = true, .held = true, .superseded = true, .revoked = true},
	         LIFE_REVOKED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(life_of(&cases[i].facts, 50), cases[i].want);
}

static void names_are_stable(void **state)
{
	(void)state;
	assert_string_equal(life_state_name(LIFE_ON_HOLD), "on-hold");
	assert_string_equal(life_event_name(LIFE_RELEASE), "release");
	assert_string_equal(err_info(ERR_CERTIFICATE_STATE)->name, "certificate-state");
	assert_int_equal(err_info(ERR_CERTIFICATE_STATE)->code, RC_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_pair),
	        cmocka_unit_test(facts_make_the_state),
	        cmocka_unit_test(names_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
