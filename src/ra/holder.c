/* What a holder may ask for who has nothing but his key: his own certificate, so that he can say with it what
 * he wants (R31.1); the keys that may be recovered for him; what became of his application (R21.3).  Whoever
 * cannot sign with its key gets the same answer as for one that does not exist. */
#include "base/clock.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "ra/loss.h"
#include "ra/recover.h"

#define HOLDER_REQUEST_MAX 4096

/* The signed bytes: no statement, and nothing that one could be taken for.  All that was asked, and what for.
 */
static RC question(const json_t *asked, const char *ask, struct buf *ret)
{
	AUTO_JSON(o, json_copy((json_t *)(uintptr_t)asked));

	json_put_cstr(o, "ask", ask);
	NEED(o != NULL && json_object_del(o, "signature") == 0, RC_INPUT, "signature is missing");
	TRY(json_put_result());
	return json_canonical(o, ret);
}

static RC own_certificate(struct ra *ra, struct slice ca, struct slice serial, struct buf *der)
{
	AUTO(db_lease, lease, NULL);
	AUTO_BUF(any, RA_SERIAL_MAX);
	struct ra_application a;
	char id[RA_ID + 1];

	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_certified(lease->db, ca, serial, id));
	TRY(ra_store_find(lease->db, id, &a));
	return ra_store_certificate(lease->db, a.seq, RA_SIGN, &any, der);
}

static RC signed_by(const json_t *asked, const char *ask, const struct sm2_pub *pub)
{
	AUTO_BUF(bytes, HOLDER_REQUEST_MAX);
	AUTO_BUF(der, 128);
	struct sm2_sig sig;

	TRY(question(asked, ask, &bytes));
	TRY(json_get_base64(asked, "signature", 128, &der));
	TRY(sm2_sig_from_der(buf_slice(&der), &sig));
	return sm2_verify(pub, SM2_ID, buf_slice(&bytes), &sig);
}

static RC signed_by_certificate(const json_t *asked, const char *ask, struct slice certificate)
{
	struct sm2_pub pub;
	struct cert cert;

	TRY(cert_parse(certificate, &cert));
	TRY(cert_sm2_key(&cert, &pub));
	return signed_by(asked, ask, &pub);
}

static RC asked_now(const json_t *asked)
{
	int64_t at, now = clock_now();

	TRY(json_get_time(asked, "at", &at));
	REQUIRE(at > now - STATEMENT_SKEW && at < now + STATEMENT_SKEW, HOLDER_PROOF,
	        "asked at another time than now");
	return OK;
}

/* {ca, serial, at, signature}: the certificate whose key signed it, and the whole question. */
static RC prove_certificate(struct ra *ra, const struct request *q, const char *ask, json_t **asked,
                            struct buf *serial, struct buf *der)
{
	struct slice ca, text;
	struct rc rc;

	TRY(json_read(q->body, HOLDER_REQUEST_MAX, asked));
	TRY(json_only(*asked, "ca", "serial", "at", "signature", NULL));
	TRY(json_get_text(*asked, "ca", RA_NAME, &ca));
	TRY(json_get_text(*asked, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, serial));
	TRY(asked_now(*asked));
	rc = own_certificate(ra, ca, buf_slice(serial), der);
	REQUIRE(rc_ok(rc) || rc.code == RC_NOTFOUND, HOLDER_PROOF, "the certificate cannot be read");
	REQUIRE(rc_ok(rc) && rc_ok(signed_by_certificate(*asked, ask, buf_slice(der))), HOLDER_PROOF,
	        "no such certificate with this key");
	return OK;
}

RC ra_holder_certificate(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_JSON(asked, NULL);
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	AUTO_BUF(der, RA_CERTIFICATE_MAX);

	TRY(prove_certificate(ra, q, "certificate", &asked, &serial, &der));
	*ret = json_object();
	json_put_base64(*ret, "certificate", buf_slice(&der));
	return json_put_result();
}

RC ra_holder_keys(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_JSON(asked, NULL);
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	AUTO_BUF(der, RA_CERTIFICATE_MAX);
	struct slice ca;

	TRY(prove_certificate(ra, q, "keys", &asked, &serial, &der));
	TRY(json_get_text(asked, "ca", RA_NAME, &ca));
	return ra_recover_keys_of(ra, ca, buf_slice(&serial), ret);
}

/* ---- the outcome of an application, for the key that it names ---- */

/* The key of the request: whoever has it applied, and the envelope is sealed to it. */
static RC applied_with(struct db *db, const struct ra_application *a, const json_t *asked)
{
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_BUF(der, CSR_DER_MAX);
	AUTO(statement, s, NULL);
	struct csr csr;

	TRY(ra_store_bodies(db, a->seq, &(struct ra_bodies){.statement = &statement}));
	TRY(statement_open(buf_slice(&statement), &s));
	TRY(json_get_base64(s->body, "csr", CSR_DER_MAX, &der));
	TRY(csr_parse(buf_slice(&der), &csr));
	NEED(csr.key.kind == PUBKEY_SM2, RC_INPUT, "not an SM2 key");
	return signed_by(asked, "outcome", &csr.key.sm2);
}

static struct rc last_event(void *arg, const struct ra_event *e)
{
	json_t *o = arg;

	json_put_time(o, "at", e->at);
	if (e->code.len > 0)
		json_put_text(o, "code", e->code);
	if (e->text.len > 0)
		json_put_text(o, "reason", e->text);
	return json_put_result();
}

static RC outcome(struct ra *ra, struct db *db, const struct ra_application *a, enum envelope_form form,
                  json_t **ret)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", a->id);
	json_put_cstr(o, "state", application_state_name(a->state));
	TRY(json_put_result());
	TRY(ra_store_history(db, a->seq, last_event, o));
	if (application_has_certificate(a->state))
		TRY(ra_delivery(db, t, a, form, o));
	*ret = MOVE(o);
	return OK;
}

RC ra_holder_outcome(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(asked, NULL);
	struct ra_application a;
	struct slice id, name = SLICE_LIT("sm2");
	enum envelope_form form;
	char text[RA_ID + 1] = "";
	struct rc rc;

	TRY(json_read(q->body, HOLDER_REQUEST_MAX, &asked));
	TRY(json_only(asked, "id", "envelope", "at", "signature", NULL));
	TRY(json_get_text(asked, "id", RA_ID, &id));
	if (json_object_get(asked, "envelope") != NULL)
		TRY(json_get_text(asked, "envelope", 8, &name));
	TRY(envelope_form_find(name, &form));
	TRY(asked_now(asked));
	memcpy(text, id.p, id.len);
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	rc = ra_store_find(lease->db, text, &a);
	NEED(rc_ok(rc) || rc.code == RC_NOTFOUND, rc.code, "the application cannot be read");
	REQUIRE(rc_ok(rc) && rc_ok(applied_with(lease->db, &a, asked)), HOLDER_PROOF,
	        "no such application with this key");
	return outcome(ra, lease->db, &a, form, ret);
}
