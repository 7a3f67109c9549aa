#include "ca/restore.h"

#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "http/client.h"
#include "pki/cert.h"
#include "sm/sm3.h"

struct restoring {
	struct ca *c;
	struct buf statement, review;
	struct statement *s, *decision;
	struct recovery r;
};

static void restoring_free(struct restoring *v)
{
	if (v == NULL)
		return;
	buf_free(&v->statement);
	buf_free(&v->review);
	statement_free(v->s);
	statement_free(v->decision);
	mem_free(v);
}
DROP(restoring, restoring_free);

static RC open_case(struct restoring *v, const json_t *body)
{
	AUTO(trust, t, instance_trust(v->c->in));
	const char *org = instance_org(v->c->in);

	v->statement = v->review = BUF(STATEMENT_MAX);
	TRY(json_only(body, "recovery", "decision", NULL));
	TRY(json_get_base64(body, "recovery", STATEMENT_MAX, &v->statement));
	TRY(json_get_base64(body, "decision", STATEMENT_MAX, &v->review));
	TRY(statement_open(buf_slice(&v->statement), &v->s));
	TRY(statement_open(buf_slice(&v->review), &v->decision));
	REQUIRE(slice_is(v->s->organisation, org) && slice_is(v->decision->organisation, org), RECOVERY,
	        "a case of another organisation");
	TRY(statement_verify(v->s, trust_statements(t), clock_now()));
	TRY(statement_verify(v->decision, trust_statements(t), clock_now()));
	TRY(recovery_read(v->s, &v->r));
	return recovery_reviewed(&v->r, v->s, v->decision);
}

/* The certificate is ours, for encryption, of that holder, and its key is the one named. */
static RC check_key(struct db *db, const struct recovery *r, const struct recovery_key *k)
{
	AUTO_MEM(struct ca_certificate, found, mem_new(1, sizeof(*found)));
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	uint8_t sm3[32];
	struct cert c;

	NEED(found != NULL, RC_NOMEM, "no memory");
	TRY(ca_store_certificate(db, r->ca, slice_of(k->serial, k->serial_len), found, &tbs));
	REQUIRE(found->part == CA_ENCRYPT, RECOVERY, "only encryption keys are kept");
	REQUIRE(strcmp(found->request.entity, r->entity) == 0, RECOVERY, "the key is another holder's");
	TRY(cert_parse_tbs(buf_slice(&tbs), &c));
	sm3_hash(c.key.spki, sm3);
	REQUIRE(memcmp(sm3, k->spki, sizeof(sm3)) == 0, RECOVERY,
	        "the case names another key than the certificate's");
	return OK;
}

static RC check_keys(const struct restoring *v)
{
	AUTO(db_lease, lease, NULL);

	TRY(db_pool_lease(instance_readers(v->c->in), &lease));
	for (size_t i = 0; i < v->r.count; i++)
		TRY(check_key(lease->db, &v->r, &v->r.keys[i]));
	return OK;
}

/* The same case again is fine: the KMC knows it by its hash. */
static RC bring(const struct restoring *v, const json_t *body)
{
	AUTO_BUF(text, JSON_MAX);
	AUTO_ANSWER(a, JSON_MAX);

	REQUIRE(v->c->kmc != NULL, G07, "no KMC is configured");
	TRY(json_canonical(body, &text));
	return http_call(v->c->kmc,
	                 &(struct http_call){.method = "POST",
	                                     .path = "/v1/recoveries",
	                                     .media = "application/json",
	                                     .body = buf_slice(&text),
	                                     .deadline_ms = CA_KM_DEADLINE_MS},
	                 &a);
}

struct telling {
	const struct restoring *v;
};

static struct rc tell(struct db_tx *tx, void *arg)
{
	const struct restoring *v = ((struct telling *)arg)->v;
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", v->r.id);
	json_put_cstr(o, "entity", v->r.entity);
	json_put_take(o, "case", json_incref(json_object_get(v->s->body, "case")));
	json_put_take(o, "keys", json_incref(json_object_get(v->s->body, "keys")));
	json_put_hex(o, "statement", SLICE_ARR(v->s->sm3));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->c->in), tx, "key-recovered", o, NULL, NULL);
}

RC ca_restore(struct ca *c, const json_t *body, json_t **ret)
{
	AUTO(restoring, v, mem_new(1, sizeof(*v)));
	AUTO_JSON(list, json_array());
	AUTO_JSON(o, json_object());
	struct slice orders[2];
	struct rc rc;

	NEED(v != NULL && list != NULL && o != NULL, RC_NOMEM, "no memory");
	v->c = c;
	TRY(open_case(v, body));
	TRY(check_keys(v));
	TRY(bring(v, body));
	orders[0] = buf_slice(&v->statement);
	orders[1] = buf_slice(&v->review);
	rc = ca_km_restore(c, &v->r, orders, list);
	json_put_cstr(o, "id", v->r.id);
	json_put_cstr(o, "state", rc_ok(rc) ? "released" : "waiting");
	if (!rc_ok(rc) && rc_last()->err != ERR_KM_DUAL)
		return rc;
	if (rc_ok(rc)) {
		json_put_take(o, "keys", json_incref(list));
		TRY(writer_run(instance_writer(c->in), tell, &(struct telling){v}));
	}
	*ret = MOVE(o);
	return json_put_result();
}
