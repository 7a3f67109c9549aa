#include "ra/state.h"

#include <string.h>

static const struct transition {
	enum application_state from;
	enum application_event event;
	enum application_state to;
} transitions[] = {
        {APPLICATION_NONE, APPLICATION_ENTER, APPLICATION_ENTERED},
        {APPLICATION_ENTERED, APPLICATION_APPROVE, APPLICATION_APPROVED},
        {APPLICATION_ENTERED, APPLICATION_REFUSE, APPLICATION_REFUSED},
        {APPLICATION_APPROVED, APPLICATION_CA_REFUSE, APPLICATION_REFUSED},
        {APPLICATION_APPROVED, APPLICATION_HALF, APPLICATION_PARTIAL},
        {APPLICATION_APPROVED, APPLICATION_WHOLE, APPLICATION_ISSUED},
        {APPLICATION_PARTIAL, APPLICATION_WHOLE, APPLICATION_ISSUED},
        /* only the whole pair can be accepted (design 9.7) */
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

static const char *const states[APPLICATION_STATES] = {
        [APPLICATION_NONE] = "none",
        [APPLICATION_ENTERED] = "entered",
        [APPLICATION_APPROVED] = "approved",
        [APPLICATION_REFUSED] = "refused",
        [APPLICATION_PARTIAL] = "issued-partial",
        [APPLICATION_ISSUED] = "issued",
        [APPLICATION_ACCEPTED] = "accepted",
        [APPLICATION_HELD] = "held",
        [APPLICATION_RETURNED] = "returned",
        [APPLICATION_CORRECTED] = "corrected",
        [APPLICATION_LAPSED] = "lapsed",
        [APPLICATION_CANCELLED] = "cancelled",
};
static const char *const events[APPLICATION_EVENTS] = {
        [APPLICATION_ENTER] = "entered",       [APPLICATION_APPROVE] = "approved",
        [APPLICATION_REFUSE] = "refused",      [APPLICATION_CA_REFUSE] = "refused-by-ca",
        [APPLICATION_HALF] = "issued-partial", [APPLICATION_WHOLE] = "issued",
        [APPLICATION_ACCEPT] = "accepted",     [APPLICATION_HOLD] = "held",
        [APPLICATION_RELEASE] = "released",    [APPLICATION_RETURN] = "returned",
        [APPLICATION_CORRECT] = "corrected",   [APPLICATION_LAPSE] = "lapsed",
        [APPLICATION_CANCEL] = "cancelled",
};

RC application_next(enum application_state from, enum application_event event, enum application_state *to)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].from == from && transitions[i].event == event) {
			*to = transitions[i].to;
			return OK;
		}
	}
	REQUIRE(from != APPLICATION_REFUSED, APPLICATION_REFUSED, "the application was refused");
	REFUSE(APPLICATION_STATE, "an application that is %s cannot become %s", application_state_name(from),
	       application_event_name(event));
}

bool application_has_certificate(enum application_state s)
{
	return s == APPLICATION_PARTIAL || s == APPLICATION_ISSUED || s == APPLICATION_ACCEPTED ||
	       s == APPLICATION_LAPSED;
}

const char *application_state_name(enum application_state s)
{
	return (size_t)s < APPLICATION_STATES ? states[s] : "?";
}

const char *application_event_name(enum application_event e)
{
	return (size_t)e < APPLICATION_EVENTS ? events[e] : "?";
}

RC application_state_find(const char *name, size_t len, enum application_state *ret)
{
	for (size_t i = APPLICATION_ENTERED; i < APPLICATION_STATES; i++) {
		if (strlen(states[i]) == len && memcmp(states[i], name, len) == 0) {
			*ret = (enum application_state)i;
			return OK;
		}
	}
	FAIL(RC_INPUT, "%.*s: not a state of applications", (int)len, name);
}
