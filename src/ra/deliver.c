/* Delivery: both certificates, their chain, the key envelope in the form asked for and the GM/T 0092 answer.
 * The envelope is converted without being opened: no private key is ever here (R06.10). */
#include "base/text.h"
#include "pki/cert.h"
#include "pki/csr_response.h"
#include "pki/envelope.h"
#include "ra/ra.h"
#include "ra/recover.h"

struct delivery {
	struct ra_application a;
	struct buf serial, sign, encrypt, saed; /* DER; empty when not there */
};

static void delivery_free(struct delivery *d)
{
	if (d == NULL)
		return;
	buf_free(&d->serial);
	buf_free(&d->sign);
	buf_free(&d->encrypt);
	buf_free(&d->saed);
	mem_free(d);
}
DROP(delivery, delivery_free);

static struct delivery *delivery_new(void)
{
	struct delivery *d = mem_new(1, sizeof(*d));

	if (d != NULL) {
		d->serial = BUF(2 * RA_SERIAL_MAX);
		d->sign = d->encrypt = BUF(RA_CERTIFICATE_MAX);
		d->saed = BUF(RA_ENVELOPE_MAX);
	}
	return d;
}

/* ---- the chain ---- */

/* The authority that issued another, among those of the trust folder. */
static const struct trust_authority *above(const struct trust *t, const struct trust_authority *a)
{
	const struct trust_authority *up;

	if (a->self_signed)
		return NULL;
	for (size_t i = 0; (up = trust_authority_at(t, i)) != NULL; i++) {
		if (up != a && slice_equal(up->cert.subject, a->cert.issuer) &&
		    (a->cert.aki.len == 0 || slice_equal(up->cert.ski, a->cert.aki)))
			return up;
	}
	return NULL;
}

static size_t chain_of(const struct trust *t, const char *authority, struct slice ret[RA_CHAIN_MAX])
{
	const struct trust_authority *a = trust_authority(t, authority);
	size_t n = 0;

	for (; a != NULL && n < RA_CHAIN_MAX; a = above(t, a))
		ret[n++] = a->cert.der;
	return n;
}

RC ra_chain(const struct trust *t, const char *authority, json_t **ret)
{
	struct slice chain[RA_CHAIN_MAX];
	size_t n = chain_of(t, authority, chain);
	AUTO_JSON(list, json_array());

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF(text, 2 * RA_CERTIFICATE_MAX);

		buf_base64(&text, chain[i]);
		TRY(buf_done(&text));
		NEED(json_array_append_new(list, json_string(buf_cstr(&text))) == 0, RC_NOMEM, "no memory");
	}
	*ret = MOVE(list);
	return OK;
}

/* ---- the answer ---- */

static RC convert(const struct delivery *d, enum envelope_form form, struct buf *ret)
{
	struct cert cert;
	struct sm2_pub pub;

	TRY(cert_parse(buf_slice(&d->encrypt), &cert));
	TRY(cert_sm2_key(&cert, &pub));
	return envelope_convert(buf_slice(&d->saed), &pub, form, ret);
}

/* GM/T 0092: each set its certificate first, then the chain. */
static RC response(const struct delivery *d, const struct trust *t, struct buf *ret)
{
	AUTO_BUF(envelope, ENVELOPE_MAX);
	struct slice chain[RA_CHAIN_MAX];
	size_t n = chain_of(t, d->a.authority, chain);
	struct csr_response r = {.sign_count = 1};

	r.sign[0] = buf_slice(&d->sign);
	for (size_t i = 0; i < n; i++)
		r.sign[r.sign_count++] = chain[i];
	if (d->saed.len > 0) {
		TRY(convert(d, ENVELOPE_FORM_SM2, &envelope));
		r.envelope = buf_slice(&envelope);
		r.encrypt[r.encrypt_count++] = buf_slice(&d->encrypt);
		for (size_t i = 0; i < n; i++)
			r.encrypt[r.encrypt_count++] = chain[i];
	}
	return csr_response_build(&r, ret);
}

static RC put_answer(const struct delivery *d, const struct trust *t, enum envelope_form form, json_t *o)
{
	AUTO_BUF(envelope, ENVELOPE_MAX);
	AUTO_BUF(answer, CSR_RESPONSE_MAX);
	json_t *chain = NULL;

	json_put_cstr(o, "id", d->a.id);
	json_put_cstr(o, "state", application_state_name(d->a.state));
	json_put_cstr(o, "authority", d->a.authority);
	json_put_base64(o, "sign", buf_slice(&d->sign));
	TRY(ra_chain(t, d->a.authority, &chain));
	json_put_take(o, "chain", chain);
	if (d->saed.len > 0) {
		TRY(convert(d, form, &envelope));
		json_put_base64(o, "encrypt", buf_slice(&d->encrypt));
		json_put_base64(o, "envelope", buf_slice(&envelope));
	}
	/* half a pair is no answer of GM/T 0092 yet */
	if (d->a.state != APPLICATION_PARTIAL) {
		TRY(response(d, t, &answer));
		json_put_base64(o, "response", buf_slice(&answer));
	}
	return json_put_result();
}

static RC load(struct db *db, struct delivery *d)
{
	struct rc rc;

	TRY(ra_store_certificate(db, d->a.seq, RA_SIGN, &d->serial, &d->sign));
	buf_clear(&d->serial);
	rc = ra_store_certificate(db, d->a.seq, RA_ENCRYPT, &d->serial, &d->encrypt);
	if (rc.code != RC_NOTFOUND)
		TRY(rc);
	return ra_store_bodies(db, d->a.seq, &(struct ra_bodies){.envelope = &d->saed});
}

/* What is delivered of an application with certificates, whoever may see it. */
RC ra_delivery(struct db *db, const struct trust *t, const struct ra_application *a, enum envelope_form form,
               json_t *o)
{
	AUTO(delivery, d, delivery_new());

	NEED(d != NULL, RC_NOMEM, "no memory");
	d->a = *a;
	TRY(load(db, d));
	TRY(put_answer(d, t, form, o));
	/* R21.5 (3): what was recovered for the new key goes along */
	return ra_recover_attach(db, a->spki, form, o);
}

static RC form_of(const struct request *q, enum envelope_form *form)
{
	struct slice name = SLICE_LIT("sm2"), wait;

	TRY(request_query_only(q, "envelope", "wait", NULL));
	(void)request_query(q, "envelope", &name);
	(void)request_query(q, "wait", &wait);
	return envelope_form_find(name, form);
}

static RC is_there(const struct ra_application *a)
{
	REQUIRE(a->state != APPLICATION_REFUSED, APPLICATION_REFUSED, "%s", a->id);
	REQUIRE(application_has_certificate(a->state), NOT_COMPLETE, "the application is %s",
	        application_state_name(a->state));
	return OK;
}

RC ra_deliver(struct ra *ra, const struct request *q, json_t **ret, bool *wait)
{
	AUTO(trust, t, instance_trust(ra->in));
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct ra_application a;
	enum envelope_form form;

	TRY(form_of(q, &form));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_application_of(ra, q, lease->db, &a));
	TRY(ra_may_see(q->peer, &a));
	*ret = NULL;
	/* only what is in work is worth waiting for, not a decision */
	*wait = (a.state == APPLICATION_APPROVED || a.state == APPLICATION_PARTIAL) && request_may_wait(q);
	if (*wait)
		return OK;
	TRY(is_there(&a));
	TRY(ra_delivery(lease->db, t, &a, form, o));
	*ret = MOVE(o);
	return OK;
}
