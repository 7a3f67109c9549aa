#include "ra/loss.h"

static const struct {
	enum loss_state from;
	enum loss_event event;
	enum loss_state to;
} transitions[] = {
        {LOSS_NONE, LOSS_RECEIVE, LOSS_RECEIVED},
        {LOSS_RECEIVED, LOSS_AUTHENTICATE, LOSS_AUTHENTICATED},
        {LOSS_RECEIVED, LOSS_DOUBT, LOSS_UNCERTAIN},
        {LOSS_AUTHENTICATED, LOSS_HOLD, LOSS_ON_HOLD},
        {LOSS_AUTHENTICATED, LOSS_REVOKE, LOSS_REVOKED},
        {LOSS_UNCERTAIN, LOSS_HOLD, LOSS_ON_HOLD},
        /* said before the hold reached the CA */
        {LOSS_UNCERTAIN, LOSS_CONFIRM, LOSS_CONFIRMED},
        {LOSS_UNCERTAIN, LOSS_REFUTE, LOSS_UNFOUNDED},
        {LOSS_CONFIRMED, LOSS_HOLD, LOSS_CONFIRMED},
        {LOSS_UNFOUNDED, LOSS_HOLD, LOSS_UNFOUNDED},
        {LOSS_AUTHENTICATED, LOSS_REFUTE, LOSS_UNFOUNDED},
        {LOSS_AUTHENTICATED, LOSS_CONFIRM, LOSS_CONFIRMED},
        {LOSS_ON_HOLD, LOSS_CONFIRM, LOSS_CONFIRMED},
        {LOSS_ON_HOLD, LOSS_REFUTE, LOSS_UNFOUNDED},
        {LOSS_CONFIRMED, LOSS_REVOKE, LOSS_REVOKED},
        /* nobody said anything: the time of the hold is over (R21.7) */
        {LOSS_ON_HOLD, LOSS_REVOKE, LOSS_REVOKED},
        {LOSS_UNFOUNDED, LOSS_RELEASE, LOSS_RELEASED},
        {LOSS_REVOKED, LOSS_NOTIFY, LOSS_NOTIFIED},
        {LOSS_RELEASED, LOSS_NOTIFY, LOSS_NOTIFIED},
        {LOSS_NOTIFIED, LOSS_CLOSE, LOSS_CLOSED},
};

static const char *const event_names[LOSS_EVENTS] = {
        [LOSS_RECEIVE] = "received", [LOSS_AUTHENTICATE] = "authenticated", [LOSS_DOUBT] = "uncertain",
        [LOSS_HOLD] = "on-hold",     [LOSS_CONFIRM] = "confirmed",          [LOSS_REFUTE] = "unfounded",
        [LOSS_REVOKE] = "revoked",   [LOSS_RELEASE] = "released",           [LOSS_NOTIFY] = "notified",
        [LOSS_CLOSE] = "closed",
};
static const struct {
	enum loss_state state;
	const char *name;
} state_names[] = {
        {LOSS_NONE, "none"},           {LOSS_RECEIVED, "received"}, {LOSS_AUTHENTICATED, "authenticated"},
        {LOSS_UNCERTAIN, "uncertain"}, {LOSS_ON_HOLD, "on-hold"},   {LOSS_CONFIRMED, "confirmed"},
        {LOSS_UNFOUNDED, "unfounded"}, {LOSS_REVOKED, "revoked"},   {LOSS_RELEASED, "released"},
        {LOSS_NOTIFIED, "notified"},   {LOSS_CLOSED, "closed"},
};

const char *loss_state_name(enum loss_state s)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
		if (state_names[i].state == s)
			return state_names[i].name;
	}
	return "?";
}

const char *loss_event_name(enum loss_event e)
{
	return e < LOSS_EVENTS ? event_names[e] : "?";
}

RC loss_next(enum loss_state from, enum loss_event event, enum loss_state *to)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].from == from && transitions[i].event == event) {
			*to = transitions[i].to;
			return OK;
		}
	}
	REFUSE(LOSS_STATE, "a report that is %s cannot become %s", loss_state_name(from),
	       loss_event_name(event));
}
