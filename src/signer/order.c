#include "signer/order.h"

#include "base/clock.h"

void order_free(struct order *o)
{
	for (size_t i = 0; i < o->count; i++)
		statement_free(o->s[i]);
	o->count = 0;
}

RC order_open(const struct anchors *a, const struct slice *statements, size_t n, struct order *ret)
{
	int64_t now = clock_now();
	REQUIRE(n >= 2 && n <= SIGNER_ORDERS, RECOVERY, "a recovery case comes with its decisions");
	for (size_t i = 0; i < n; i++) {
		TRY(rc_note(statement_open(statements[i], &ret->s[i]), "statement %zu", i + 1));
		ret->count = i + 1;
		TRY(rc_note(statement_verify(ret->s[i], a->statements, now), "statement %zu", i + 1));
	}
	TRY(recovery_read(ret->s[0], &ret->r));
	REQUIRE(ret->s[0]->issued >= now - RECOVERY_AGE, RECOVERY, "the case is too old");
	return recovery_reviewed(&ret->r, ret->s[0], ret->s[1]);
}

RC order_item(const struct order *o, const struct km_request_item *i)
{
	REQUIRE(memcmp(o->r.receiver.xy, i->user_pub.xy, sizeof i->user_pub.xy) == 0, RECOVERY,
	        "the request is for another key than the case");
	REQUIRE(recovery_find(&o->r, i->serial) != NULL, RECOVERY, "the case does not name this key");
	return OK;
}

RC order_agreed(const struct anchors *a, const struct order *o, const char *institution, const char *own)
{
	const struct statement *const *s = (const struct statement *const *)o->s;
	REQUIRE(slice_is(o->s[0]->organisation, institution), RECOVERY,
	        "the case is not of the CA that asks");
	for (size_t i = 2; i < o->count; i++)
		REQUIRE(slice_is(o->s[i]->organisation, own), RECOVERY_PERSONS,
		        "an agent of another organisation");
	return recovery_agreed(&o->r, s, 2, s + 2, o->count - 2, a->agents);
}
