/* The doors of the RA, docs/openapi.yaml in C. */
#include "base/text.h"
#include "evidence/record.h"
#include "pki/profile.h"
#include "ra/basis.h"
#include "ra/batch.h"
#include "ra/blacklist.h"
#include "ra/notice.h"
#include "ra/loss.h"
#include "ra/mass.h"
#include "ra/ra.h"
#include "ra/recover.h"
#include "ra/registry.h"
#include "ra/source.h"
#include "ra/texts.h"

#define STATEMENTS STATEMENT_MEDIA

/* A decision that was refused is itself logged (design 5). */
static struct rc decided(struct ra *ra, struct rc rc, const char *what, struct slice subject,
                         const struct request *q)
{
	return rc_ok(rc) ? rc : instance_refused(ra->in, rc, what, subject, q->peer);
}

/* ---- GET /v1/self ---- */
static RC self(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = json_object(), *roles = json_array();

	json_put_cstr(o, "instance", instance_name(ra->in));
	json_put_cstr(o, "organisation", q->peer->org);
	json_put_cstr(o, "person", q->peer->person);
	json_put_take(o, "roles", roles);
	for (int i = 0; roles != NULL && i < OFFICER_ROLE_COUNT; i++) {
		if (q->peer->roles & (1u << i))
			(void)json_array_append_new(roles,
			                            json_string(officer_role_name((enum officer_role)i)));
	}
	return response_json(r, o);
}

/* ---- profiles ---- */
static RC profiles(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	AUTO(trust, t, instance_trust(ra->in));
	const struct trust_profile *p;
	json_t *o = json_object(), *list = json_array();

	json_put_take(o, "profiles", list);
	for (size_t i = 0; (p = trust_profile_at(t, i)) != NULL; i++) {
		json_t *one;

		if (profile_internal(p->profile))
			continue;
		one = json_object();
		json_put_cstr(one, "id", p->id);
		json_put_cstr(one, "title", profile_title(p->profile, q->english));
		(void)json_array_append_new(list, one);
	}
	return response_json(r, o);
}

static RC profile_one(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	AUTO(trust, t, instance_trust(ra->in));
	struct slice id = request_param(q, "id");
	const struct trust_profile *p;

	for (size_t i = 0; (p = trust_profile_at(t, i)) != NULL; i++) {
		if (slice_is(id, p->id) && !profile_internal(p->profile))
			return response_bytes(r, "application/json", p->text);
	}
	FAIL(RC_NOTFOUND, "there is no such profile");
}

/* ---- applications ---- */
static RC evidence(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;

	TRY(ra_evidence_take(ra, q, &o));
	response_created(r, NULL);
	return response_json(r, o);
}

static RC enter(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	AUTO_BUF(location, 128);
	json_t *o = NULL;

	TRY(decided(ra, ra_enter(ra, q, &o), "application", SLICE_NONE, q));
	buf_printf(&location, "/v1/applications/%s", json_string_value(json_object_get(o, "id")));
	response_created(r, buf_cstr(&location));
	return response_json(r, o);
}

struct listing {
	json_t *list;
	int64_t last;
};

static struct rc list_one(void *arg, const struct ra_application *a)
{
	struct listing *l = arg;
	json_t *o = ra_brief(a);

	NEED(o != NULL && json_array_append_new(l->list, o) == 0, RC_NOMEM, "no memory");
	l->last = a->seq;
	return OK;
}

/* A clerk who is nothing more sees the own cases (matrix (a), "own cases"). */
static RC list_filter(const struct request *q, struct ra_filter *f)
{
	struct slice state = SLICE_NONE;
	int64_t limit = 50;

	TRY(request_query_only(q, "state", "cursor", "limit", NULL));
	TRY(request_query_int(q, "cursor", 0, INT64_MAX, &f->after));
	TRY(request_query_int(q, "limit", 1, RA_LIST_MAX, &limit));
	f->limit = (size_t)limit;
	if (!(q->peer->roles & (OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(ISSUE) | OFFICER(QUERY))))
		f->entry = q->peer->person;
	if (request_query(q, "state", &state))
		return application_state_find((const char *)state.p, state.len, &f->state);
	return OK;
}

static RC list(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct listing l = {.list = json_array()};
	struct ra_filter f = {.state = APPLICATION_NONE};

	json_put_take(o, "applications", l.list);
	TRY(list_filter(q, &f));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_each(lease->db, &f, list_one, &l));
	if (json_array_size(l.list) == f.limit)
		json_put_int(o, "cursor", l.last);
	return response_json(r, json_incref(o));
}

static RC show(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	AUTO(db_lease, lease, NULL);
	struct ra_application a;
	json_t *o = NULL;

	TRY(request_query_only(q, "wait", NULL));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_application_of(ra, q, lease->db, &a));
	TRY(ra_may_see(q->peer, &a));
	if ((a.state == APPLICATION_APPROVED || a.state == APPLICATION_PARTIAL) && request_may_wait(q))
		return response_wait(r, ra_wake_key(a.id));
	TRY(ra_full(lease->db, &a, &o));
	return response_json(r, o);
}

/* The original that a reviewer must see (R30.4). */
static RC evidence_of(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	AUTO(db_lease, lease, NULL);
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_BUF(content, RA_EVIDENCE_MAX);
	AUTO(statement, s, NULL);
	struct ra_application a;
	uint8_t id[RECORD_ID];
	AUTO_BUF(hex, 2 * RECORD_ID + 1);

	NEED(rc_ok(text_hex(request_param(q, "sm3"), id, sizeof(id))), RC_NOTFOUND,
	     "there is no such evidence");
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_application_of(ra, q, lease->db, &a));
	TRY(ra_may_see(q->peer, &a));
	TRY(ra_store_bodies(lease->db, a.seq, &(struct ra_bodies){.statement = &statement}));
	TRY(statement_open(buf_slice(&statement), &s));
	buf_hex(&hex, SLICE_ARR(id));
	/* only what this application names */
	NEED(memmem(s->content.p, s->content.len, hex.p, hex.len) != NULL, RC_NOTFOUND,
	     "there is no such evidence");
	TRY(record_get(instance_records(ra->in), id, &content));
	return response_take(r, "application/octet-stream", &content);
}

static RC review(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;

	TRY(decided(ra, ra_review(ra, q, &o), "review", request_param(q, "id"), q));
	return response_json(r, o);
}

/* The signature of the statement says who asks: no client certificate. */
static RC enter_holder(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;

	TRY(decided(ra, ra_enter_holder(ra, q, &o), "application", SLICE_NONE, q));
	response_created(r, NULL);
	return response_json(r, o);
}

static RC certificates(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;
	bool wait = false;

	TRY(ra_deliver(ra, q, &o, &wait));
	return wait ? response_wait(r, http_key(request_param(q, "id"))) : response_json(r, o);
}

static RC accept_one(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;

	TRY(decided(ra, ra_accept(ra, q, &o), "acceptance", request_param(q, "id"), q));
	return response_json(r, o);
}

static RC revoke(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	bool queued = false;
	json_t *o = NULL;

	TRY(decided(ra, ra_revoke(ra, q, &o, &queued), "revocation", request_param(q, "serial"), q));
	if (queued)
		response_accepted(r);
	return response_json(r, o);
}

static RC texts(void *ctx, const struct request *q, struct response *r)
{
	struct slice text = texts_find(request_param(q, "name"));

	(void)ctx;
	NEED(text.len > 0, RC_NOTFOUND, "there is no such text");
	return response_bytes(r, "text/plain; charset=utf-8", text);
}

static RC blacklist(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(blacklist_list(instance_state(ctx), q, &o));
	return response_json(r, o);
}

static RC blacklist_put(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;

	TRY(decided(ra, blacklist_change(ra, q, &o), "blacklist", SLICE_NONE, q));
	return response_json(r, o);
}

/* ---- batches ---- */
static RC batch_open_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(decided(instance_state(ctx), batch_open(instance_state(ctx), q, &o), "batch",
	            request_param(q, "id"), q));
	return response_json(r, o);
}

static RC batch_lines_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(decided(instance_state(ctx), batch_lines(instance_state(ctx), q, &o), "batch",
	            request_param(q, "id"), q));
	return response_json(r, o);
}

static RC batch_show_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(batch_show(instance_state(ctx), q, &o));
	return response_json(r, o);
}

static RC batch_errors_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(batch_errors(instance_state(ctx), q, &o));
	return response_json(r, o);
}

static RC batch_applications_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(batch_applications(instance_state(ctx), q, &o));
	return response_json(r, o);
}

static RC batch_review_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(decided(instance_state(ctx), batch_review(instance_state(ctx), q, &o), "batch",
	            request_param(q, "id"), q));
	return response_json(r, o);
}

static RC batch_cancel_door(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(decided(instance_state(ctx), batch_cancel(instance_state(ctx), q, &o), "batch",
	            request_param(q, "id"), q));
	return response_json(r, o);
}

static RC notices(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(ra_notices(instance_state(ctx), q, &o));
	return response_json(r, o);
}

static RC revoke_by_key(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	bool queued = false;
	json_t *o = NULL;

	TRY(decided(ra, ra_revoke_by_key(ra, q, &o, &queued), "revocation", SLICE_LIT("key"), q));
	if (queued)
		response_accepted(r);
	return response_json(r, o);
}

static RC revoke_by_code(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	bool queued = false;
	json_t *o = NULL;

	TRY(decided(ra, ra_revoke_by_code(ra, q, &o, &queued), "revocation", SLICE_LIT("code"), q));
	response_accepted(r);
	return response_json(r, o);
}

static RC code(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(ra_code_issue(instance_state(ctx), q, &o));
	return response_json(r, o);
}

#define SEES_EVIDENCE (OFFICER(ENTRY) | OFFICER(REVIEW) | OFFICER(AUDITOR))
#define DOOR(name, call)                                                                                     \
	static RC name(void *ctx, const struct request *q, struct response *r)                               \
	{                                                                                                    \
		json_t *o = NULL;                                                                            \
                                                                                                             \
		TRY(call(instance_state(ctx), q, &o));                                                       \
		return response_json(r, o);                                                                  \
	}
DOOR(losses, ra_losses)
DOOR(loss, ra_loss_show)
DOOR(mass_preview, ra_mass_preview)
DOOR(mass_order, ra_mass_order)
DOOR(mass_show, ra_mass_show)
DOOR(mass_statements, ra_mass_statements)

static RC holder_certificate(void *ctx, const struct request *q, struct response *r)
{
	struct ra *ra = instance_state(ctx);
	json_t *o = NULL;

	TRY(decided(ra, ra_holder_certificate(ra, q, &o), "holder-certificate", SLICE_NONE, q));
	return response_json(r, o);
}

#define MASTERS (OFFICER(REVIEW) | OFFICER(CA_OPERATOR))
/* ---- key recovery, and what else goes with the key alone ---- */
#define DECIDED_DOOR(name, call, what)                                                                       \
	static RC name(void *ctx, const struct request *q, struct response *r)                               \
	{                                                                                                    \
		struct ra *ra = instance_state(ctx);                                                         \
		json_t *o = NULL;                                                                            \
                                                                                                             \
		TRY(decided(ra, call(ra, q, &o), what, request_param(q, "id"), q));                          \
		return response_json(r, o);                                                                  \
	}
DECIDED_DOOR(recovery_request, ra_recover_request, "recovery")
DECIDED_DOOR(recovery_holder, ra_recover_holder, "recovery")
DECIDED_DOOR(holder_keys, ra_holder_keys, "recovery-keys")
DECIDED_DOOR(holder_outcome, ra_holder_outcome, "outcome")
DECIDED_DOOR(holder_accept, ra_accept_holder, "acceptance")
DECIDED_DOOR(recovery_decide, ra_recover_decide, "recovery")
DECIDED_DOOR(recovery_keys, ra_recover_keys, "recovery-keys")
DECIDED_DOOR(recovery_show, ra_recover_show, "recovery-look")
DECIDED_DOOR(recovery_list, ra_recover_list, "recovery-look")
DECIDED_DOOR(recovery_fetch, ra_recover_fetch, "recovery-fetch")

#define READERS (OFFICER(ENTRY) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(ISSUE) | OFFICER(QUERY))

const struct route ra_routes[RA_ROUTES] = {
        {GET, "/v1/self", WHO_PERSON, NULL, 0, 0, self, NULL},
        {GET, "/v1/profiles", WHO_PERSON, NULL, 0, 0, profiles, NULL},
        {GET, "/v1/profiles/{id}", WHO_PERSON, NULL, 0, 0, profile_one, NULL},
        {POST, "/v1/evidence", OFFICER(ENTRY), "application/octet-stream", RA_EVIDENCE_MAX, HTTP_BLOCKS,
         evidence, NULL},
        {POST, "/v1/applications", OFFICER(ENTRY), STATEMENTS, STATEMENT_MAX, HTTP_BLOCKS, enter, NULL},
        {GET, "/v1/recoveries/keys", OFFICER(ENTRY) | OFFICER(REVIEW), NULL, 0, 0, recovery_keys, NULL},
        {POST, "/v1/recoveries", OFFICER(ENTRY), STATEMENTS, STATEMENT_MAX, 0, recovery_request, NULL},
        {POST, "/v1/holder/recoveries", WHO_ANYONE, STATEMENTS, STATEMENT_MAX, 0, recovery_holder, NULL},
        {POST, "/v1/holder/recoveries/keys", WHO_ANYONE, "application/json", 4096, 0, holder_keys, NULL},
        {GET, "/v1/recoveries", READERS, NULL, 0, 0, recovery_list, NULL},
        {GET, "/v1/recoveries/{id}", READERS, NULL, 0, 0, recovery_show, NULL},
        {POST, "/v1/recoveries/{id}/decision", OFFICER(REVIEW), STATEMENTS, STATEMENT_MAX, HTTP_BLOCKS,
         recovery_decide, NULL},
        {GET, "/v1/recoveries/{id}/envelopes", OFFICER(ENTRY) | OFFICER(REVIEW), NULL, 0, HTTP_BLOCKS,
         recovery_fetch, NULL},
        {POST, "/v1/holder/applications", WHO_ANYONE, STATEMENTS, STATEMENT_MAX, 0, enter_holder, NULL},
        {POST, "/v1/holder/outcomes", WHO_ANYONE, "application/json", 4096, 0, holder_outcome, NULL},
        {POST, "/v1/holder/acceptances", WHO_ANYONE, STATEMENTS, STATEMENT_MAX, 0, holder_accept, NULL},
        {GET, "/v1/applications", READERS, NULL, 0, 0, list, NULL},
        {GET, "/v1/applications/{id}", WHO_PERSON, NULL, 0, 0, show, NULL},
        {GET, "/v1/applications/{id}/evidence/{sm3}", SEES_EVIDENCE, NULL, 0, HTTP_BLOCKS, evidence_of, NULL},
        {GET, "/v1/texts/{name}", WHO_PERSON, NULL, 0, 0, texts, NULL},
        {GET, "/v1/holder/texts/{name}", WHO_ANYONE, NULL, 0, 0, texts, NULL},
        {GET, "/v1/blacklist", OFFICER(REVIEW) | OFFICER(AUDITOR), NULL, 0, HTTP_BLOCKS, blacklist, NULL},
        {POST, "/v1/blacklist", OFFICER(REVIEW), STATEMENTS, STATEMENT_MAX, HTTP_BLOCKS, blacklist_put, NULL},
        {POST, "/v1/batches", OFFICER(ENTRY), "application/json", 4096, 0, batch_open_door, NULL},
        {GET, "/v1/batches/{id}", READERS, NULL, 0, 0, batch_show_door, NULL},
        {GET, "/v1/batches/{id}/errors", READERS, NULL, 0, 0, batch_errors_door, NULL},
        {GET, "/v1/batches/{id}/applications", SEES_EVIDENCE, NULL, 0, HTTP_BLOCKS, batch_applications_door,
         NULL},
        {POST, "/v1/batches/{id}/lines", OFFICER(ENTRY), "application/json", BATCH_BODY, HTTP_BLOCKS,
         batch_lines_door, NULL},
        {POST, "/v1/batches/{id}/reviews", OFFICER(REVIEW), "application/json", BATCH_BODY, HTTP_BLOCKS,
         batch_review_door, NULL},
        {POST, "/v1/batches/{id}/cancellation", OFFICER(ENTRY) | OFFICER(REVIEW), "application/json", 4096,
         HTTP_BLOCKS, batch_cancel_door, NULL},
        {GET, "/v1/notices", WHO_PERSON, NULL, 0, 0, notices, NULL},
        {POST, "/v1/applications/{id}/review", OFFICER(REVIEW), STATEMENTS, STATEMENT_MAX, 0, review, NULL},
        {GET, "/v1/applications/{id}/certificates", WHO_PERSON, NULL, 0, 0, certificates, NULL},
        {POST, "/v1/applications/{id}/acceptance", WHO_PERSON, STATEMENTS, STATEMENT_MAX, 0, accept_one,
         NULL},
        {POST, "/v1/certificates/{ca}/{serial}/revocation", WHO_PERSON, STATEMENTS, STATEMENT_MAX,
         HTTP_BLOCKS, revoke, NULL},
        {POST, "/v1/certificates/{ca}/{serial}/code", WHO_PERSON, NULL, 0, 0, code, NULL},
        /* without a client certificate: the key or the code proves the holder (R31.1) */
        {POST, "/v1/holder/certificates", WHO_ANYONE, "application/json", 4096, 0, holder_certificate, NULL},
        {POST, "/v1/holder/revocations", WHO_ANYONE, STATEMENTS, STATEMENT_MAX, HTTP_BLOCKS, revoke_by_key,
         NULL},
        {POST, "/v1/holder/revocations/code", WHO_ANYONE, "application/json", 4096, 0, revoke_by_code, NULL},
        {POST, "/v1/mass/preview", MASTERS, "application/json", MASS_BODY, HTTP_BLOCKS, mass_preview, NULL},
        {POST, "/v1/mass", MASTERS, "application/json", MASS_BODY, HTTP_BLOCKS, mass_order, NULL},
        {GET, "/v1/mass/{id}", MASTERS | OFFICER(AUDITOR), NULL, 0, 0, mass_show, NULL},
        {POST, "/v1/mass/{id}/statements", MASTERS, "application/json", MASS_BODY, HTTP_BLOCKS,
         mass_statements, NULL},
        {GET, "/v1/losses", READERS, NULL, 0, 0, losses, NULL},
        {GET, "/v1/losses/{id}", READERS, NULL, 0, 0, loss, NULL},
};
