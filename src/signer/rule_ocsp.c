/* Status answers: ResponseData about certificates of the one authority that certified this responder. */
#include "signer/anchors.h"
#include "signer/gather.h"
#include "signer/message.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/time.h"
#include "pki/ocsp.h"

#define SKEW 300
#define LIFE_MAX (8 * TIME_DAY)

struct responder {
	uint8_t id[PUBKEY_SKI];
	struct ocsp_issuer issuer;
	int64_t now;
};

static RC know(struct signer *s, struct slice key, struct responder *ret)
{
	struct anchors *a;
	ret->now = clock_now();
	TRY(anchors_hold(s, false, &a));
	const struct anchor_certificate *own = anchors_own(a, key);
	const struct anchor_certificate *ca = own != NULL ? anchors_issuer(a, &own->cert) : NULL;
	struct rc rc = OK;
	if (ca == NULL)
		rc = rc_refuse(ERR_SIGNER_CONTENT,
		               "ocsp: this key has no responder certificate of a known authority");
	if (rc_ok(rc))
		rc = pubkey_ski(&own->cert.key, ret->id);
	if (rc_ok(rc))
		rc = ocsp_issuer_init(&ret->issuer, ca->cert.subject, &ca->cert.key);
	anchors_leave(s, a);
	return rc;
}

static RC check_single(const struct responder *r, const struct ocsp_single *one)
{
	/* ResponseData carries the CertID as bytes: read it as a request would. */
	struct der_reader d = der_read(one->id);
	struct ocsp_id id = {.der = one->id};
	struct slice none;
	der_enter(&d, DER_SEQUENCE);
	id.hash = der_algorithm(&d, &none);
	id.name_hash = der_octets(&d);
	id.key_hash = der_octets(&d);
	id.serial = der_integer(&d);
	der_leave(&d);
	TRY(der_done(&d, "ocsp: CertID"));
	REQUIRE(ocsp_issuer_matches(&r->issuer, &id), SIGNER_CONTENT,
	        "ocsp: about another authority (RFC 6960, 4.2.2.2)");
	REQUIRE(one->this_update <= r->now + SKEW, SIGNER_CONTENT, "ocsp: thisUpdate lies ahead");
	REQUIRE(one->next_update == 0 || (one->next_update >= one->this_update &&
	                                  one->next_update <= one->this_update + LIFE_MAX),
	        SIGNER_CONTENT, "ocsp: nextUpdate");
	return OK;
}

static RC check(const struct responder *r, struct slice tbs)
{
	AUTO_MEM(struct ocsp_data, d, mem_new(1, sizeof *d));
	NEED(d != NULL, RC_NOMEM, "ocsp");
	TRY(ocsp_data_parse(tbs, d));
	REQUIRE(slice_equal(d->responder, SLICE_ARR(r->id)), SIGNER_CONTENT,
	        "ocsp: responder is not this key");
	REQUIRE(d->produced_at >= r->now - SKEW && d->produced_at <= r->now + SKEW, SIGNER_CONTENT,
	        "ocsp: producedAt");
	REQUIRE(d->count > 0, SIGNER_CONTENT, "ocsp: no answer in it");
	for (size_t i = 0; i < d->count; i++)
		TRY(check_single(r, &d->singles[i]));
	return OK;
}

static RC sign_all(struct signer *s, const struct msg_ocsp *m, struct signer_result *results)
{
	AUTO_MEM(struct gather, g, mem_new(1, sizeof *g));
	struct key_info info;
	struct responder r;
	uint32_t index;
	NEED(g != NULL, RC_NOMEM, "ocsp");
	g->s = s;
	g->use = KEY_USE_OCSP;
	g->results = results;
	TRY(signer_key(s, m->key, &index, &info));
	REQUIRE(key_permits(info.purpose, KEY_USE_OCSP), KEY_PURPOSE, "key %s serves the purpose %s",
	        info.name, key_purpose_name(info.purpose));
	TRY(know(s, m->key, &r));
	for (size_t i = 0; i < m->count; i++)
		gather_take(g, i, check(&r, m->tbs[i]), index, m->tbs[i]);
	return gather_sign(g);
}

RC signer_do_ocsp(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_MEM(struct msg_ocsp, m, mem_new(1, sizeof *m));
	NEED(m != NULL, RC_NOMEM, "ocsp");
	TRY(msg_get_ocsp(q->body, m));
	AUTO_MEM(struct signer_result, results, mem_new(m->count, sizeof *results));
	NEED(results != NULL, RC_NOMEM, "ocsp");
	TRY(sign_all(s, m, results));
	msg_put_results(w, results, m->count);
	return OK;
}
