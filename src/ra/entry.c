/* What the database knows against an application (R30.2), and who may apply at all (R08.4). */
#include "base/clock.h"
#include "base/text.h"
#include "ra/application.h"
#include "ra/blacklist.h"
#include "ra/texts.h"
#include "sm/sm3.h"

void entering_free(struct entering *e)
{
	if (e == NULL)
		return;
	json_decref(e->duplicates);
	mem_free(e);
}

RC ra_agreement_check(const json_t *agreement)
{
	struct slice text = texts_find(SLICE_LIT("subscriber-agreement-" RA_AGREEMENT));
	uint8_t told[SM3_LEN], want[SM3_LEN];

	if (json_object_get(agreement, "sm3") == NULL)
		return OK;
	TRY(json_get_hex(agreement, "sm3", told, sizeof(told)));
	sm3_hash(text, want);
	REQUIRE(memcmp(told, want, sizeof(want)) == 0, AGREEMENT,
	        "edition " RA_AGREEMENT " has another text");
	return OK;
}

RC ra_standing(const struct ra *ra, const struct trust *t)
{
	const struct trust_ra *a = trust_ra(t);

	REQUIRE(a->present && strcmp(a->ra, instance_name(ra->in)) == 0, G09, "%s is not approved",
	        instance_name(ra->in));
	REQUIRE(clock_now() < a->not_after, G09, "the approval of %s has ended", a->ra);
	return OK;
}

void entering_state(struct entering *e)
{
	e->a.source = (int)e->source.result;
	e->a.state = e->source.result == SOURCE_WAITING || !rc_ok(ra_standing(e->ra, e->trust))
	                     ? APPLICATION_HELD
	                     : APPLICATION_ENTERED;
}

RC entering_not_listed(const struct entering *e, struct db *db)
{
	const json_t *identity = json_object_get(e->s->body, "identity");

	return blacklist_check(e->ra, db, identity, e->mark, e->a.at);
}

/* ---- duplicates ---- */

static struct rc add_id(void *arg, struct slice id)
{
	NEED(json_array_append_new(arg, json_stringn((const char *)id.p, id.len)) == 0, RC_NOMEM,
	     "no memory");
	return OK;
}

RC entering_not_twice(struct entering *e, struct db *db)
{
	const char *word = json_string_value(json_object_get(e->s->body, "duplicate"));

	/* what follows a certificate is no second one */
	if (json_object_get(e->s->body, "basis") != NULL)
		return OK;
	json_decref(e->duplicates);
	e->duplicates = json_array();
	NEED(e->duplicates != NULL, RC_NOMEM, "no memory");
	TRY(ra_store_same(db, &e->a, e->a.at, add_id, e->duplicates));
	REQUIRE(json_array_size(e->duplicates) == 0 || (word != NULL && strcmp(word, "accepted") == 0),
	        DUPLICATE, "application %s", json_string_value(json_array_get(e->duplicates, 0)));
	return OK;
}

json_t *entering_answer(const struct entering *e)
{
	json_t *o = ra_brief(&e->a);

	if (json_array_size(e->duplicates) > 0)
		json_put_take(o, "duplicates", json_incref(e->duplicates));
	return o;
}

/* ---- corrections ---- */

RC entering_correct(struct entering *e, struct db *db)
{
	AUTO_MEM(struct ra_application, old, mem_new(1, sizeof(*old)));
	const char *id = json_string_value(json_object_get(e->s->body, "corrects"));
	struct ra_step step;
	struct rc rc;

	if (id == NULL)
		return OK;
	NEED(old != NULL, RC_NOMEM, "no memory");
	rc = ra_store_find(db, id, old);
	REQUIRE(rc.code != RC_NOTFOUND, CORRECTION, "there is no application %s", id);
	TRY(rc);
	REQUIRE(old->state == APPLICATION_RETURNED, CORRECTION, "application %s is %s", id,
	        application_state_name(old->state));
	/* another key is another matter; the identity itself may be what was wrong */
	REQUIRE(strcmp(old->entity, e->a.entity) == 0 || memcmp(old->spki, e->a.spki, sizeof(old->spki)) == 0,
	        CORRECTION, "application %s is of another holder and key", id);
	REQUIRE(strcmp(old->entry, e->a.entry) == 0, NOT_YOURS, "application %s", id);
	step = (struct ra_step){.seq = old->seq,
	                        .at = e->a.at,
	                        .from = old->state,
	                        .event = APPLICATION_CORRECT,
	                        .by = e->a.entry,
	                        .code = "",
	                        .text = e->a.id};
	e->a.corrects = old->seq;
	return ra_store_step(db, &step);
}
