#include "ca/request.h"

static const struct transition {
	enum request_state from;
	enum request_event event;
	enum request_state to;
} transitions[] = {
        {REQUEST_NONE, REQUEST_PREPARE, REQUEST_PREPARED},
        {REQUEST_NONE, REQUEST_PREPARE_HALF, REQUEST_HALF_PREPARED},
        {REQUEST_PREPARED, REQUEST_SIGNED, REQUEST_ISSUED},
        {REQUEST_PREPARED, REQUEST_REFUSED, REQUEST_NONE},
        {REQUEST_HALF_PREPARED, REQUEST_SIGNED, REQUEST_PARTIAL},
        {REQUEST_HALF_PREPARED, REQUEST_REFUSED, REQUEST_NONE},
        {REQUEST_PARTIAL, REQUEST_KEY_CAME, REQUEST_PARTIAL_PREPARED},
        {REQUEST_PARTIAL_PREPARED, REQUEST_SIGNED, REQUEST_ISSUED},
        /* the signing certificate stands; the encryption certificate is tried again */
        {REQUEST_PARTIAL_PREPARED, REQUEST_REFUSED, REQUEST_PARTIAL},
};

RC request_next(enum request_state from, enum request_event event, enum request_state *to)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].from == from && transitions[i].event == event) {
			*to = transitions[i].to;
			return OK;
		}
	}
	FAIL(RC_CONFLICT, "a request in state %d takes no event %d", (int)from, (int)event);
}

const char *request_state_name(enum request_state s)
{
	if (s == REQUEST_ISSUED)
		return "issued";
	if (s == REQUEST_PARTIAL || s == REQUEST_PARTIAL_PREPARED)
		return "issued-partial";
	return "accepted";
}
