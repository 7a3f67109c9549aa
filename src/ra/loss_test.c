/* Every pair of a report of loss (R31.2, requirements b.17) against the arrows of the requirements. */
#include "base/check.h"

#include "ra/loss.h"

#include <stdio.h>

/* "from event to", one line for each arrow. */
static const char arrows[] =
        "none received received;"
        "received authenticated authenticated;received uncertain uncertain;"
        "authenticated on-hold on-hold;authenticated revoked revoked;"
        "authenticated confirmed confirmed;authenticated unfounded unfounded;"
        "uncertain on-hold on-hold;uncertain confirmed confirmed;"
        "uncertain unfounded unfounded;"
        "on-hold confirmed confirmed;on-hold unfounded unfounded;on-hold revoked revoked;"
        "confirmed on-hold confirmed;unfounded on-hold unfounded;"
        "confirmed revoked revoked;unfounded released released;"
        "revoked notified notified;released notified notified;notified closed closed;";

static void every_pair(void **state)
{
	static const enum loss_state states[] = {LOSS_NONE,      LOSS_RECEIVED, LOSS_AUTHENTICATED,
	                                         LOSS_UNCERTAIN, LOSS_ON_HOLD,  LOSS_CONFIRMED,
	                                         LOSS_UNFOUNDED, LOSS_REVOKED,  LOSS_RELEASED,
	                                         LOSS_NOTIFIED,  LOSS_CLOSED};
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		for (int e = 0; e < LOSS_EVENTS; e++) {
			enum loss_state to;
			char arrow[96];

			if (!rc_ok(loss_next(states[i], (enum loss_event)e, &to))) {
				assert_int_equal(rc_last()->err, ERR_LOSS_STATE);
				continue;
			}
			snprintf(arrow, sizeof(arrow), "%s %s %s;", loss_state_name(states[i]),
			         loss_event_name((enum loss_event)e), loss_state_name(to));
			if (strstr(arrows, arrow) == NULL)
				fail_msg("not among the arrows: %s", arrow);
			found++;
		}
	}
	for (const char *p = arrows; (p = strchr(p, ';')) != NULL; p++)
		found--;
	assert_int_equal(found, 0);
}

/* What is over is never open again: the unique index of the table depends on it. */
static void closed_stays_closed(void **state)
{
	(void)state;
	for (int e = 0; e < LOSS_EVENTS; e++) {
		enum loss_state to = LOSS_CLOSED;

		if (rc_ok(loss_next(LOSS_REVOKED, (enum loss_event)e, &to)))
			assert_true(to >= LOSS_REVOKED);
		assert_false(rc_ok(loss_next(LOSS_CLOSED, (enum loss_event)e, &to)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_pair),
	        cmocka_unit_test(closed_stays_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
