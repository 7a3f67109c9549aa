/* Doors of the CA (HTTPS, RA and status of the own organisation; few for officers). */
#include "base/clock.h"
#include "base/text.h"
#include "ca/ca.h"
#include "ca/revoke.h"
#include "ca/restore.h"
#include "ca/restoration.h"
#include "ca/routes.h"
#include "ca/sign.h"
#include "http/problem.h"
#include "http/server.h"
#include "pki/cert.h"

#define REQUESTS_MAX (4u << 20)
#define STATES_BODY (256u << 10)

/* POST /v1/requests */
static RC requests(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	AUTO_JSON(body, NULL);
	json_t *list, *results = NULL, *o;

	TRY(request_json(q, &body));
	TRY(json_only(body, "requests", NULL));
	TRY(json_get_array(body, "requests", CA_BATCH, &list));
	TRY(ca_door(c, list, q->peer, q->english, &results));
	o = json_object();
	json_put_take(o, "results", results);
	return response_json(r, o);
}

/* GET /v1/requests/{key}?wait=S: until the whole request is issued, or the time is over. */
static RC request_show(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	AUTO(db_lease, lease, NULL);
	struct ca_request row;
	uint8_t key[32];
	json_t *o = NULL;
	struct rc rc;

	TRY(request_query_only(q, "wait", NULL));
	TRY(text_hex(request_param(q, "key"), key, sizeof(key)));
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	rc = ca_store_find(lease->db, key, &row);
	if (rc.code == RC_NOTFOUND && flight_known(&c->flights, key)) {
		row = (struct ca_request){.state = REQUEST_NONE};
		memcpy(row.key, key, sizeof(key));
	} else {
		TRY(rc);
	}
	if (row.state != REQUEST_ISSUED && request_may_wait(q))
		return response_wait(r, ca_wait_key(key));
	TRY(row.state == REQUEST_NONE ? ca_pending(&row, &o) : ca_result_row(lease->db, &row, &o));
	return response_json(r, o);
}

/* POST /v1/revocations: never behind anything (R21.6). */
static RC revocations(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	json_t *o = NULL;
	struct rc rc = ca_revoke(c, q->body, &o);

	if (!rc_ok(rc))
		return instance_refused(c->in, rc, "revocation", slice_text(q->peer->instance), q->peer);
	return response_json(r, o);
}

static RC responders(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	json_t *o = NULL;
	struct rc rc = ca_responder(c, q->body, q->peer, &o);

	if (!rc_ok(rc))
		return instance_refused(c->in, rc, "responder", slice_text(q->peer->instance), q->peer);
	return response_json(r, o);
}

static RC bulk_take(const json_t *list, struct slice *der, struct buf *hold)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		NEED(json_is_string(one), RC_INPUT, "statements: not base64");
		hold[i] = BUF(STATEMENT_MAX);
		TRY(text_base64(slice_of(json_string_value(one), json_string_length(one)), &hold[i]));
		der[i] = buf_slice(&hold[i]);
	}
	return OK;
}

static RC bulk_answer(const struct request *q, struct ca *c, const struct revoking *at, size_t n,
                      json_t *list)
{
	for (size_t i = 0; i < n; i++) {
		json_t *o = NULL;

		if (at[i].why.code == RC_OK) {
			TRY(ca_revoke_answer(&at[i], &o));
		} else {
			(void)rc_ok(instance_refused(c->in, rc_restore(&at[i].why), "revocation",
			                             slice_text(q->peer->instance), q->peer));
			o = json_object();
			json_put_take(o, "error", problem_of(&at[i].why, q->english));
		}
		NEED(json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

/* Room for one call; a page of statements is no matter for a stack. */
struct bulk {
	struct slice der[CA_REVOKE_BATCH];
	struct buf hold[CA_REVOKE_BATCH];
	struct revoking at[CA_REVOKE_BATCH];
	size_t n;
};

static void bulk_free(struct bulk *b)
{
	if (b == NULL)
		return;
	ca_revoke_free(b->at, b->n);
	for (size_t i = 0; i < b->n; i++)
		buf_free(&b->hold[i]);
	mem_free(b);
}
DROP(bulk, bulk_free);

/* POST /v1/revocations/bulk: each with its own outcome, in their order. */
static RC revocations_bulk(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	AUTO(bulk, b, mem_new(1, sizeof(*b)));
	AUTO_JSON(body, NULL);
	json_t *list, *results = json_array(), *o = json_object();

	json_put_take(o, "results", results);
	AUTO_JSON(answer, o);
	NEED(b != NULL && answer != NULL, RC_NOMEM, "no memory");
	TRY(request_json(q, &body));
	TRY(json_only(body, "statements", NULL));
	TRY(json_get_array(body, "statements", CA_REVOKE_BATCH, &list));
	b->n = json_array_size(list);
	TRY(bulk_take(list, b->der, b->hold));
	TRY(ca_revoke_batch(c, b->der, b->at, b->n));
	TRY(bulk_answer(q, c, b->at, b->n, results));
	return response_json(r, MOVE(answer));
}

/* POST /v1/certificates/states */
static RC states(void *ctx, const struct request *q, struct response *r)
{
	AUTO_JSON(body, NULL);
	json_t *o = NULL;

	TRY(request_json(q, &body));
	TRY(ca_states(instance_state(ctx), body, &o));
	return response_json(r, o);
}

/* GET /v1/crl/{ca} */
static RC crl(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);

	TRY(request_query_only(q, NULL));
	return crl_maker_answer(c->lists, request_param(q, "ca"), r);
}

/* POST /v1/crl/{ca}: a list now, instead of when it is due. */
static RC crl_build(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	struct slice id = request_param(q, "ca");
	char ca[CA_ID_MAX + 1] = "";
	struct crl_made made = {0};
	int64_t anew = 0;
	json_t *o;

	NEED(id.len <= CA_ID_MAX, RC_NOTFOUND, "no such authority");
	memcpy(ca, id.p, id.len);
	TRY(request_query_only(q, "anew", NULL));
	TRY(request_query_int(q, "anew", 0, 1, &anew));
	TRY(crl_maker_build(c->lists, ca, anew != 0, &made));
	o = json_object();
	json_put_cstr(o, "ca", ca);
	json_put_int(o, "number", made.number);
	json_put_int(o, "entries", made.entries);
	json_put_int(o, "bytes", (int64_t)made.bytes);
	json_put_int(o, "milliseconds", (int64_t)made.ms);
	json_put_time(o, "next_update", made.next_update);
	return response_json(r, o);
}

static RC certificate_base64(const struct ca_certificate *c, struct slice tbs, json_t *o)
{
	AUTO_BUF(der, CA_CERTIFICATE_MAX);

	TRY(cert_complete(tbs, slice_of(c->signature, c->signature_len), &der));
	json_put_base64(o, "certificate", buf_slice(&der));
	return OK;
}

static void put_last(json_t *o, enum life_state state, const struct revocation *last)
{
	if (state != LIFE_REVOKED && last->event != ORDER_HOLD)
		return;
	json_put_time(o, "revoked_at", last->since);
	json_put_time(o, "at", last->at);
	json_put_cstr(o, "reason", crl_reason_name((enum crl_reason)last->reason));
	if (last->has_ground)
		json_put_cstr(o, "ground", order_ground_name(last->ground));
	if (last->has_reported)
		json_put_time(o, "reported", last->reported);
}

static RC certificate_json(struct db *db, const struct ca_certificate *c, struct slice tbs, json_t *o)
{
	const struct ca_request *row = &c->request;
	char serial[CERT_SERIAL_TEXT];
	enum life_state state;
	struct revocation last;

	TRY(ca_life(db, c, clock_now(), &state, &last));
	cert_serial_text(slice_of(row->serial[c->part], CA_SERIAL), serial);
	json_put_cstr(o, "ca", row->ca);
	json_put_cstr(o, "serial", serial);
	json_put_cstr(o, "status", c->revoked ? "revoked" : state == LIFE_ON_HOLD ? "on-hold" : "good");
	json_put_cstr(o, "state", life_state_name(state));
	json_put_cstr(o, "profile", row->profile);
	json_put_cstr(o, "class", row->class);
	json_put_time(o, "not_before", row->not_before);
	json_put_time(o, "not_after", row->not_after);
	json_put_hex(o, "request", SLICE_ARR(row->key));
	if (row->pair) {
		cert_serial_text(slice_of(row->serial[c->part == CA_SIGN ? CA_ENCRYPT : CA_SIGN], CA_SERIAL),
		                 serial);
		json_put_cstr(o, "pair", serial);
	}
	put_last(o, state, &last);
	return certificate_base64(c, tbs, o);
}

static RC load(struct db *db, struct slice ca, struct slice serial, struct ca_certificate *c, struct buf *tbs)
{
	AUTO_BUF(magnitude, CERT_SERIAL_MAX);
	char id[CA_ID_MAX + 1] = "";

	NEED(ca.len <= CA_ID_MAX, RC_NOTFOUND, "no such authority");
	memcpy(id, ca.p, ca.len);
	TRY(cert_serial_from_text(serial, &magnitude));
	return ca_store_certificate(db, id, buf_slice(&magnitude), c, tbs);
}

/* GET /v1/certificates/{ca}/{serial} */
static RC certificate(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	AUTO_MEM(struct ca_certificate, found, mem_new(1, sizeof(*found)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());

	NEED(found != NULL, RC_NOMEM, "no memory");
	TRY(request_query_only(q, NULL));
	TRY(db_pool_lease(instance_readers(c->in), &lease));
	TRY(load(lease->db, request_param(q, "ca"), request_param(q, "serial"), found, &tbs));
	TRY(certificate_json(lease->db, found, buf_slice(&tbs), o));
	return response_json(r, MOVE(o));
}

/* Followers of the log get the certificate with the entry that tells of it. */
static RC entry_issued(struct db *db, const json_t *data, json_t *entry)
{
	AUTO_MEM(struct ca_certificate, found, mem_new(1, sizeof(*found)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	struct slice ca, serial;
	struct rc rc;

	NEED(found != NULL, RC_NOMEM, "no memory");
	TRY(json_get_text(data, "ca", CA_ID_MAX, &ca));
	TRY(json_get_text(data, "serial", 2 * CERT_SERIAL_MAX, &serial));
	rc = load(db, ca, serial, found, &tbs);
	/* first entries tell of certificates that the ceremony made: no request, no row */
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	return certificate_base64(found, buf_slice(&tbs), entry);
}

/* To the vault, the statement behind a change of state. */
static RC entry_order(struct db *db, const json_t *data, json_t *entry)
{
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	AUTO_BUF(statement, STATEMENT_MAX);
	char ca[CA_ID_MAX + 1] = "";
	struct slice id, text;
	uint8_t sm3[32];
	struct rc rc;

	if (json_object_get(data, "statement") == NULL)
		return OK;
	TRY(json_get_text(data, "ca", CA_ID_MAX, &id));
	memcpy(ca, id.p, id.len);
	TRY(json_get_text(data, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &serial));
	TRY(json_get_hex(data, "statement", sm3, sizeof(sm3)));
	rc = authority_store_statement_of(db, ca, buf_slice(&serial), sm3, &statement);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	json_put_base64(entry, "statement", buf_slice(&statement));
	return json_put_result();
}

RC ca_log_entry(struct instance *in, struct db *db, const struct peer *by, json_t *entry)
{
	const json_t *inner = json_object_get(entry, "entry"), *data = json_object_get(inner, "data");
	const char *kind = json_string_value(json_object_get(inner, "kind"));
	bool vault = by != NULL && (by->roles & WHO_OWN_VAULT) != 0;

	(void)in;
	if (kind == NULL)
		return OK;
	if (strcmp(kind, "issued") == 0)
		return entry_issued(db, data, entry);
	if (vault && (strcmp(kind, "revoked") == 0 || strcmp(kind, "released") == 0))
		return entry_order(db, data, entry);
	return OK;
}

/* POST /v1/recoveries: a case on its way to the KMC, and its keys once the agents there have agreed. */
static RC recoveries(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	AUTO_JSON(body, NULL);
	json_t *o = NULL;
	struct rc rc;

	TRY(request_json(q, &body));
	rc = ca_restore(c, body, &o);
	if (!rc_ok(rc))
		return instance_refused(c->in, rc, "recovery", slice_text(q->peer->instance), q->peer);
	return response_json(r, o);
}

/* POST /v1/restoration */
static RC restoration_accept(void *ctx, const struct request *q, struct response *r)
{
	struct ca *c = instance_state(ctx);
	json_t *o = NULL;
	struct rc rc = ca_restoration_accept(c, q, &o);

	if (!rc_ok(rc))
		return instance_refused(c->in, rc, "restoration", slice_text(q->peer->person), q->peer);
	return response_json(r, o);
}

static RC restoration_show(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = NULL;

	TRY(request_query_only(q, NULL));
	TRY(ca_restoration_show(instance_state(ctx), &o));
	return response_json(r, o);
}

#define STATEMENT_BODY STATEMENT_MEDIA, STATEMENT_MAX
#define WHO_LOOKS (WHO_OWN | OFFICER(CA_OPERATOR) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(AUDIT_ADMIN))

const struct route ca_routes[CA_ROUTES] = {
        {POST, "/v1/requests", WHO_OWN_RA, "application/json", REQUESTS_MAX, HTTP_BLOCKS, requests, NULL},
        {GET, "/v1/requests/{key}", WHO_OWN_RA, NULL, 0, 0, request_show, NULL},
        {POST, "/v1/revocations", WHO_OWN_RA | OFFICER(CA_OPERATOR), STATEMENT_BODY, 0, revocations, NULL},
        {POST, "/v1/revocations/bulk", WHO_OWN_RA, "application/json", REQUESTS_MAX, 0, revocations_bulk,
         NULL},
        {POST, "/v1/responders", WHO_OWN_STATUS, "application/json", 8192, 0, responders, NULL},
        {POST, "/v1/recoveries", WHO_OWN_RA, "application/json", 1u << 20, HTTP_BLOCKS, recoveries, NULL},
        {POST, "/v1/certificates/states", WHO_OWN_RA, "application/json", STATES_BODY, 0, states, NULL},
        {GET, "/v1/crl/{ca}", WHO_OWN, NULL, 0, 0, crl, NULL},
        {POST, "/v1/restoration", OFFICER(INSTITUTION), STATEMENT_BODY, HTTP_BLOCKS, restoration_accept,
         NULL},
        {GET, "/v1/restoration", WHO_LOOKS | OFFICER(INSTITUTION), NULL, 0, HTTP_BLOCKS, restoration_show,
         NULL},
        {POST, "/v1/crl/{ca}", WHO_OWN_RA | OFFICER(CA_OPERATOR), NULL, 0, HTTP_BLOCKS, crl_build, NULL},
        {GET, "/v1/certificates/{ca}/{serial}", WHO_LOOKS, NULL, 0, 0, certificate, NULL},
};
