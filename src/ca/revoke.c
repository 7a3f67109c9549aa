/* Revocation: never waits for gate, issuer or KMC (requirements d.1, "always on").  Effective when
 * durable; the list and the log's followers learn of it at once. */
#include "base/clock.h"
#include "ca/ca.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"

struct revoking {
	struct ca *c;
	const struct statement *s;
	char ca[CA_ID_MAX + 1];
	struct buf serial;
	struct revocation r;
};

/* Holds are not taken before they can be lifted and end by themselves (R21.7). */
static RC reason_of(struct slice name, int *ret)
{
	enum crl_reason reason;

	TRY(crl_reason_find(name, &reason));
	NEED(reason != REASON_HOLD && reason != REASON_REMOVE, RC_INPUT, "suspension is not served yet");
	*ret = (int)reason;
	return OK;
}

static RC read_body(struct revoking *v)
{
	const json_t *body = v->s->body;
	struct slice ca, serial, reason;

	TRY(json_get_text(body, "ca", CA_ID_MAX, &ca));
	TRY(json_get_text(body, "serial", 2 * AUTHORITY_SERIAL_MAX, &serial));
	TRY(json_get_text(body, "reason", 64, &reason));
	memcpy(v->ca, ca.p, ca.len);
	TRY(reason_of(reason, &v->r.reason));
	TRY(cert_serial_from_text(serial, &v->serial));
	v->r.serial = buf_slice(&v->serial);
	v->r.has_invalidity = json_object_get(body, "invalidity") != NULL;
	return v->r.has_invalidity ? json_get_time(body, "invalidity", &v->r.invalidity) : OK;
}

/* A holder may only end certificates of his own entity; officers those of their institution. */
static RC entitled(const struct revoking *v, const struct ca_certificate *c)
{
	if (!slice_is(v->s->role, "subscriber"))
		return OK;
	REQUIRE(slice_is(v->s->person, c->request.entity), PEER,
	        "a subscriber revokes only own certificates");
	return OK;
}

static RC log_revoked(struct revoking *v, struct db_tx *tx, const struct ca_certificate *c)
{
	AUTO_JSON(o, json_object());
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(v->r.serial, serial);
	json_put_cstr(o, "ca", v->ca);
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "at", v->r.at);
	json_put_cstr(o, "reason", crl_reason_name((enum crl_reason)v->r.reason));
	if (v->r.has_invalidity)
		json_put_time(o, "invalidity", v->r.invalidity);
	json_put_hex(o, "request", SLICE_ARR(c->request.key));
	json_put_hex(o, "statement", SLICE_ARR(v->s->sm3));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->c->in), tx, "revoked", o, NULL, NULL);
}

static struct rc revoke_write(struct db_tx *tx, void *arg)
{
	struct revoking *v = arg;
	AUTO_MEM(struct ca_certificate, c, mem_new(1, sizeof(*c)));

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(ca_store_revoke(tx->db, v->ca, v->r.serial, c));
	TRY(entitled(v, c));
	v->r.at = clock_now();
	TRY(authority_store_revoke(tx->db, v->ca, &v->r, buf_slice(&v->s->der)));
	if (c->part == CA_ENCRYPT)
		TRY(ca_store_notice_put(tx->db, v->r.serial, v->r.at));
	return log_revoked(v, tx, c);
}

static RC revoke_verified(struct revoking *v, json_t **ret)
{
	char serial[CERT_SERIAL_TEXT];

	TRY(read_body(v));
	TRY(writer_run_first(instance_writer(v->c->in), revoke_write, v));
	atomic_fetch_add(&v->c->revoked, 1);
	atomic_store(&v->c->notices_waiting, true);
	crl_maker_revoked(v->c->lists, v->ca);
	cert_serial_text(v->r.serial, serial);
	*ret = json_object();
	json_put_cstr(*ret, "ca", v->ca);
	json_put_cstr(*ret, "serial", serial);
	json_put_time(*ret, "revoked_at", v->r.at);
	return OK;
}

RC ca_revoke(struct ca *c, struct slice statement, json_t **ret)
{
	AUTO(trust, t, instance_trust(c->in));
	struct revoking v = {.c = c, .serial = BUF(AUTHORITY_SERIAL_MAX)};
	AUTO(statement, s, NULL);
	struct rc rc;

	TRY(statement_open(statement, &s));
	NEED(s->kind == STATEMENT_REVOCATION, RC_INPUT, "not a revocation");
	REQUIRE(slice_is(s->organisation, instance_org(c->in)), PEER, "only officers of %s revoke here",
	        instance_org(c->in));
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	v.s = s;
	rc = revoke_verified(&v, ret);
	buf_free(&v.serial);
	return rc;
}
