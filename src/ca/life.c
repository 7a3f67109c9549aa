#include "ca/life.h"

#define NO LIFE_STATES /* not in the table */

static const enum life_state table[LIFE_STATES][LIFE_EVENTS] = {
        /* The columns: accept, hold, release, revoke, update, extend, replace, expire.  What was not accepted
         * can be lost already; it can be replaced, but there is nothing to update or extend. */
        [LIFE_ISSUED] = {LIFE_ACTIVE, LIFE_ON_HOLD, NO, LIFE_REVOKED, NO, NO, LIFE_SUPERSEDED, LIFE_EXPIRED},
        [LIFE_ACTIVE] = {NO, LIFE_ON_HOLD, NO, LIFE_REVOKED, LIFE_SUPERSEDED, LIFE_SUPERSEDED,
                         LIFE_SUPERSEDED, LIFE_EXPIRED},
        [LIFE_ON_HOLD] = {NO, NO, LIFE_ACTIVE, LIFE_REVOKED, NO, NO, NO, LIFE_EXPIRED},
        [LIFE_REVOKED] = {NO, NO, NO, NO, NO, NO, NO, NO},
        /* It is valid until its end, and its key can be lost like any other. */
        [LIFE_SUPERSEDED] = {NO, LIFE_ON_HOLD, NO, LIFE_REVOKED, NO, NO, NO, LIFE_EXPIRED},
        [LIFE_EXPIRED] = {NO, NO, NO, NO, NO, NO, NO, NO},
};

static const char *const state_names[LIFE_STATES] = {
        [LIFE_ISSUED] = "issued",   [LIFE_ACTIVE] = "active",         [LIFE_ON_HOLD] = "on-hold",
        [LIFE_REVOKED] = "revoked", [LIFE_SUPERSEDED] = "superseded", [LIFE_EXPIRED] = "expired",
};
static const char *const event_names[LIFE_EVENTS] = {
        [LIFE_ACCEPT] = "accept",   [LIFE_HOLD] = "hold",     [LIFE_RELEASE] = "release",
        [LIFE_REVOKE] = "revoke",   [LIFE_UPDATE] = "update", [LIFE_EXTEND] = "extend",
        [LIFE_REPLACE] = "replace", [LIFE_EXPIRE] = "expire",
};

enum life_state life_of(const struct life_facts *f, int64_t now)
{
	if (f->revoked)
		return LIFE_REVOKED;
	if (f->not_after < now)
		return LIFE_EXPIRED;
	if (f->held)
		return LIFE_ON_HOLD;
	if (f->superseded)
		return LIFE_SUPERSEDED;
	return f->accepted ? LIFE_ACTIVE : LIFE_ISSUED;
}

RC life_next(enum life_state from, enum life_event event, enum life_state *to)
{
	NEED(from < LIFE_STATES && event < LIFE_EVENTS, RC_BUG, "life: no such state or event");
	REQUIRE(from != LIFE_REVOKED, ALREADY_REVOKED, "%s: the certificate is revoked", event_names[event]);
	REQUIRE(table[from][event] != NO, CERTIFICATE_STATE, "%s: the certificate is %s", event_names[event],
	        state_names[from]);
	*to = table[from][event];
	return OK;
}

const char *life_state_name(enum life_state s)
{
	return s < LIFE_STATES ? state_names[s] : "";
}

const char *life_event_name(enum life_event e)
{
	return e < LIFE_EVENTS ? event_names[e] : "";
}
