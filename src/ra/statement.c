/* What every statement that comes in must pass, whatever it says. */
#include "base/clock.h"
#include "ra/ra.h"

RC ra_statement(struct ra *ra, const struct request *q, unsigned kinds, struct statement **ret)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO(statement, s, NULL);

	TRY(statement_open(q->body, &s));
	NEED(kinds & (1u << s->kind), RC_INPUT, "a statement of kind %s has no place here",
	     statement_kind_name(s->kind));
	REQUIRE(slice_is(s->organisation, instance_org(ra->in)), STATEMENT_CERTIFICATE,
	        "only officers of %s decide here", instance_org(ra->in));
	/* who signs is who is connected: no one hands in what another has decided (R30.4) */
	REQUIRE(slice_is(s->person, q->peer->person), OTHER_SIGNER, "signed by %.*s", (int)s->person.len,
	        (const char *)s->person.p);
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	*ret = MOVE(s);
	return OK;
}

RC ra_may_see(const struct peer *p, const struct ra_application *a)
{
	if (p->roles & (OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(ISSUE) | OFFICER(QUERY)))
		return OK;
	if ((p->roles & OFFICER(ENTRY)) && strcmp(p->person, a->entry) == 0)
		return OK;
	REQUIRE(p->person[0] != '\0' && strcmp(p->person, a->entity) == 0, NOT_YOURS, "application %s",
	        a->id);
	return OK;
}

RC ra_application_of(struct ra *ra, const struct request *q, struct db *db, struct ra_application *ret)
{
	struct slice id = request_param(q, "id");
	char text[RA_ID + 1];

	(void)ra;
	NEED(id.len == RA_ID, RC_NOTFOUND, "there is no such application");
	memcpy(text, id.p, RA_ID);
	text[RA_ID] = '\0';
	return ra_store_find(db, text, ret);
}

uint64_t ra_wake_key(const char *id)
{
	return http_key(slice_text(id));
}
