/* The second person (R30.4): approval or refusal, both signed.  The approval must repeat what the RA itself
 * computes from the application. */
#include "base/clock.h"
#include "evidence/log.h"
#include "ra/notice.h"
#include "ra/review.h"
#include "ra/source.h"

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

/* R30.3: what the authoritative source denies no person lets pass. */
static RC check_source(const struct reviewing *v)
{
	REQUIRE(v->a.source != SOURCE_MISMATCH, SOURCE_MISMATCH, "application %s", v->a.id);
	return OK;
}

static enum application_event event_of(const struct statement *s)
{
	if (s->kind == STATEMENT_APPROVAL)
		return APPLICATION_APPROVE;
	return json_is_true(json_object_get(s->body, "correction")) ? APPLICATION_RETURN : APPLICATION_REFUSE;
}

static const char *log_kind(enum application_event e)
{
	return e == APPLICATION_APPROVE  ? "application-approved"
	       : e == APPLICATION_RETURN ? "application-returned"
	                                 : "application-refused";
}

static RC log_decision(const struct reviewing *v, struct db_tx *tx, enum application_event event)
{
	bool approved = event == APPLICATION_APPROVE;
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", v->a.id);
	json_put_hex(o, "application", SLICE_ARR(v->a.hash));
	json_put_cstr(o, "by", v->person);
	if (!approved)
		json_put_take(o, "code", json_incref(json_object_get(v->s->body, "code")));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, log_kind(event), o, v->s->sm3, NULL);
}

static const char *member(const json_t *body, const char *key)
{
	const char *s = json_string_value(json_object_get(body, key));

	return s != NULL ? s : "";
}

/* R30.6: the applicant is told, and the clerk who stands before him. */
static RC tell(const struct reviewing *v, struct db_tx *tx, enum application_event event)
{
	const char *reason = member(v->s->body, "reason");
	bool back = event == APPLICATION_RETURN;
	char zh[NOTICE_TEXT_MAX], en[NOTICE_TEXT_MAX], subject[RA_ID + 16];
	struct notice n = {.kind = back ? "application-returned" : "application-refused",
	                   .to = NOTICE_ENTITY,
	                   .recipient = v->a.entity,
	                   .subject = subject,
	                   .zh = zh,
	                   .en = en};

	if (event == APPLICATION_APPROVE)
		return OK;
	(void)snprintf(subject, sizeof(subject), "application/%s", v->a.id);
	(void)snprintf(zh, sizeof(zh),
	               back ? "您的证书申请 %s 须更正后重新提交：%s" : "您的证书申请 %s 未予批准：%s",
	               v->a.id, reason);
	(void)snprintf(en, sizeof(en),
	               back ? "Your application %s must be corrected and handed in again: %s"
	                    : "Your application %s was refused: %s",
	               v->a.id, reason);
	TRY(ra_notice(tx, &n));
	n.to = NOTICE_PERSON;
	n.recipient = v->a.entry;
	return ra_notice(tx, &n);
}

struct rc reviewing_write(struct db_tx *tx, void *arg)
{
	struct reviewing *v = arg;
	enum application_event event = event_of(v->s);
	bool approve = event == APPLICATION_APPROVE;
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
	        .event = event,
	        .by = v->person,
	        .code = approve ? "" : member(v->s->body, "code"),
	        .text = approve ? "" : member(v->s->body, "reason"),
	};
	TRY(application_next(step.from, step.event, &v->a.state));
	if (approve) {
		TRY(check_source(v));
		TRY(check_approval(v));
	}
	TRY(ra_store_step(tx->db, &step));
	TRY(ra_store_decision(tx->db, v->a.seq, v->person, v->s->sm3, buf_slice(&v->s->der)));
	TRY(tell(v, tx, event));
	return log_decision(v, tx, event);
}

void reviewing_done(const struct reviewing *v)
{
	if (v->known)
		return;
	atomic_fetch_add(&v->ra->counts[event_of(v->s)], 1);
	instance_wake(v->ra->in, ra_wake_key(v->id));
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
	TRY(writer_run(instance_writer(ra->in), reviewing_write, v));
	reviewing_done(v);
	ra_forward_wake(ra);
	o = json_object();
	json_put_cstr(o, "id", v->id);
	json_put_cstr(o, "state", application_state_name(v->a.state));
	*ret = o;
	return OK;
}
