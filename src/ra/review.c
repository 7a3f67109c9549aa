/* The second person (R30.4): approval or refusal, both signed.  The approval must repeat what the RA itself
 * computes from the application. */
#include "base/clock.h"
#include "evidence/log.h"
#include "ra/ra.h"

struct reviewing {
	struct ra *ra;
	const struct statement *s;
	const char *person;
	char id[RA_ID + 1];
	struct ra_application a;
	bool known; /* the same statement was taken before */
};

static RC same_text(const json_t *body, const char *key, const char *want)
{
	struct slice s;

	TRY(json_get_text(body, key, RA_SUBJECT_MAX, &s));
	REQUIRE(slice_is(s, want), APPROVAL_MISMATCH, "%s: %.*s, the application gives %s", key, (int)s.len,
	        (const char *)s.p, want);
	return OK;
}

static RC same_hash(const json_t *body, const char *key, const uint8_t want[32])
{
	uint8_t got[32];

	TRY(json_get_hex(body, key, got, sizeof(got)));
	REQUIRE(memcmp(got, want, sizeof(got)) == 0, APPROVAL_MISMATCH, "%s is another one", key);
	return OK;
}

static RC check_approval(const struct reviewing *v)
{
	const json_t *body = v->s->body;
	int64_t days;

	TRY(same_text(body, "subject", v->a.subject));
	TRY(same_text(body, "entity", v->a.entity));
	TRY(same_text(body, "profile", v->a.profile));
	TRY(same_text(body, "class", v->a.class));
	TRY(same_text(body, "authority", v->a.authority));
	TRY(same_hash(body, "spki", v->a.spki));
	TRY(json_get_int(body, "validity_days", 1, INT32_MAX, &days));
	REQUIRE(days <= v->a.days_max, APPROVAL_MISMATCH, "%lld days are more than the %d of the profile",
	        (long long)days, v->a.days_max);
	return OK;
}

/* The natural person counts, not the account: whoever has entered it or is its subject does not decide. */
static RC check_person(const struct reviewing *v)
{
	REQUIRE(strcmp(v->person, v->a.entry) != 0, SAME_PERSON, "entered by the same person");
	REQUIRE(strcmp(v->person, v->a.entity) != 0, SAME_PERSON, "the application is the reviewer's own");
	return OK;
}

static RC log_decision(const struct reviewing *v, struct db_tx *tx, bool approved)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", v->a.id);
	json_put_hex(o, "application", SLICE_ARR(v->a.hash));
	json_put_cstr(o, "by", v->person);
	if (!approved)
		json_put_take(o, "code", json_incref(json_object_get(v->s->body, "code")));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx,
	                  approved ? "application-approved" : "application-refused", o, v->s->sm3, NULL);
}

static const char *member(const json_t *body, const char *key)
{
	const char *s = json_string_value(json_object_get(body, key));

	return s != NULL ? s : "";
}

static struct rc review_write(struct db_tx *tx, void *arg)
{
	struct reviewing *v = arg;
	bool approve = v->s->kind == STATEMENT_APPROVAL;
	struct ra_step step;

	TRY(ra_store_find(tx->db, v->id, &v->a));
	v->known = v->a.decided && memcmp(v->a.decision, v->s->sm3, 32) == 0;
	if (v->known)
		return OK;
	TRY(check_person(v));
	TRY(same_hash(v->s->body, "application", v->a.hash));
	TRY(same_text(v->s->body, "id", v->a.id));
	step = (struct ra_step){
	        .seq = v->a.seq,
	        .at = clock_now(),
	        .from = v->a.state,
	        .event = approve ? APPLICATION_APPROVE : APPLICATION_REFUSE,
	        .by = v->person,
	        .code = approve ? "" : member(v->s->body, "code"),
	        .text = approve ? "" : member(v->s->body, "reason"),
	};
	TRY(application_next(step.from, step.event, &v->a.state));
	if (approve)
		TRY(check_approval(v));
	TRY(ra_store_step(tx->db, &step));
	TRY(ra_store_decision(tx->db, v->a.seq, v->person, v->s->sm3, buf_slice(&v->s->der)));
	return log_decision(v, tx, approve);
}

RC ra_review(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct reviewing, v, mem_new(1, sizeof(*v)));
	AUTO(statement, s, NULL);
	struct slice id = request_param(q, "id");
	json_t *o;

	NEED(v != NULL, RC_NOMEM, "no memory");
	NEED(id.len == RA_ID, RC_NOTFOUND, "there is no such application");
	TRY(ra_statement(ra, q, RA_KIND(APPROVAL) | RA_KIND(REFUSAL), &s));
	*v = (struct reviewing){.ra = ra, .s = s, .person = q->peer->person};
	memcpy(v->id, id.p, RA_ID);
	TRY(writer_run(instance_writer(ra->in), review_write, v));
	if (!v->known) {
		atomic_fetch_add(
		        &ra->counts[s->kind == STATEMENT_APPROVAL ? APPLICATION_APPROVE : APPLICATION_REFUSE],
		        1);
		ra_forward_wake(ra);
		instance_wake(ra->in, ra_wake_key(v->id));
	}
	o = json_object();
	json_put_cstr(o, "id", v->id);
	json_put_cstr(o, "state", application_state_name(v->a.state));
	*ret = o;
	return OK;
}
