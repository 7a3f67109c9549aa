/* The token: SignedData around a TSTInfo, with signed attributes. */
#include "pki/tsp.h"

#include "asn1/der.h"
#include "pki/form.h"
#include "sm/sm3.h"

#define CMS_VERSION 3 /* RFC 5652, 5.1: the content is not id-data */
#define SIGNER_VERSION 1
#define OVERHEAD 1024

/* ---- making ---- */

static void begin_attribute(struct der_writer *w, enum oid type)
{
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, type);
	der_begin(w, DER_SET);
}

static void end_attribute(struct der_writer *w)
{
	der_end(w);
	der_end(w);
}

RC tsp_attributes(struct slice info, struct slice certificate, struct buf *ret)
{
	AUTO_DER(w, TSP_MAX);
	uint8_t hash[SM3_LEN], of[SM3_LEN];

	sm3_hash(info, hash);
	sm3_hash(certificate, of);
	der_begin(&w, DER_SET);
	begin_attribute(&w, OID_CONTENT_TYPE);
	der_put_oid(&w, OID_TST_INFO);
	end_attribute(&w);
	begin_attribute(&w, OID_MESSAGE_DIGEST);
	der_put_octets(&w, SLICE_ARR(hash));
	end_attribute(&w);
	begin_attribute(&w, OID_SIGNING_CERTIFICATE_V2); /* RFC 5035, 3 */
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_algorithm(&w, OID_SM3);
	der_put_octets(&w, SLICE_ARR(of));
	der_end(&w);
	der_end(&w);
	der_end(&w);
	end_attribute(&w);
	der_end_set(&w);
	return der_finish(&w, ret);
}

static RC put_signer(struct der_writer *w, struct slice attributes, const struct cms_signature *s)
{
	struct der_reader r = der_read(attributes);
	struct slice issuer, serial, inner = der_value(&r, DER_SET);

	TRY(der_done(&r, "time stamp: attributes"));
	TRY(cms_certificate_names(s->certificate, &issuer, &serial));
	der_begin(w, DER_SET);
	der_begin(w, DER_SEQUENCE);
	der_put_uint(w, SIGNER_VERSION);
	der_begin(w, DER_SEQUENCE);
	der_raw(w, issuer);
	der_put_integer(w, serial);
	der_end(w);
	der_put_algorithm(w, OID_SM3);
	der_put(w, DER_CTXC(0), inner);
	der_put_algorithm(w, OID_SM2_SM3);
	der_put_octets(w, s->signature);
	der_end(w);
	der_end(w);
	return OK;
}

RC tsp_token_build(struct slice info, struct slice attributes, const struct cms_signature *s, struct buf *ret)
{
	AUTO_DER(w, info.len + attributes.len + 2 * s->certificate.len + s->signature.len + OVERHEAD);

	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_PKCS7_SIGNED);
	der_begin(&w, DER_CTXC(0));
	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, CMS_VERSION);
	der_begin(&w, DER_SET);
	der_put_algorithm(&w, OID_SM3);
	der_end(&w);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_TST_INFO);
	der_begin(&w, DER_CTXC(0));
	der_put_octets(&w, info);
	der_end(&w);
	der_end(&w);
	der_put(&w, DER_CTXC(0), s->certificate);
	TRY(put_signer(&w, attributes, s));
	der_end(&w);
	der_end(&w);
	der_end(&w);
	return der_finish(&w, ret);
}

RC tsp_token_sign(struct slice info, const struct sm2_key *key, struct slice certificate, struct buf *ret)
{
	AUTO_BUF(attributes, TSP_MAX);
	AUTO_BUF(der, SM2_SIG_DER_MAX);
	struct sm2_sig sig;

	TRY(tsp_attributes(info, certificate, &attributes));
	TRY(sm2_sign(key, SM2_ID, buf_slice(&attributes), &sig));
	sm2_sig_to_der(&sig, &der);
	TRY(buf_done(&der));
	return tsp_token_build(info, buf_slice(&attributes),
	                       &(struct cms_signature){certificate, buf_slice(&der)}, ret);
}

/* ---- reading ---- */

static struct rc as(enum err err, struct rc rc)
{
	if (rc.code != RC_INPUT)
		return rc;
	struct rc_text t = *rc_last();

	t.err = err;
	return rc_restore(&t);
}

RC tsp_token_parse(struct slice der, struct tsp_token *ret)
{
	struct der_reader r;

	*ret = (struct tsp_token){0};
	REQUIRE(der.len <= TSP_MAX, TSP_TOKEN, "time stamp: %zu bytes, limit %u", der.len, TSP_MAX);
	TRY(as(ERR_TSP_TOKEN, cms_signed_parse(der, &ret->message)));
	REQUIRE(oid_find(ret->message.type) == OID_TST_INFO && ret->message.has_content, TSP_TOKEN,
	        "time stamp: the content is no TSTInfo");
	REQUIRE(ret->message.by.signer_count == 1, TSP_TOKEN, "time stamp: %zu signers",
	        ret->message.by.signer_count);
	TRY(as(ERR_TSP_TOKEN, cms_signer_certificate(&ret->message.by, 0, &ret->certificate)));
	r = der_read(ret->message.content);
	ret->info_der = der_octets(&r);
	TRY(form_done(&r, ERR_TSP_TOKEN, "time stamp: content"));
	return tsp_info_parse(ret->info_der, &ret->info);
}

RC tsp_token_own_form(const struct tsp_token *t, struct slice der)
{
	const struct cms_signer *s = &t->message.by.signers[0];
	AUTO_DER(w, s->attributes.len + 16);
	AUTO_BUF(set, s->attributes.len + 16);
	AUTO_BUF(again, der.len + OVERHEAD);

	der_put(&w, DER_SET, s->attributes);
	TRY(der_finish(&w, &set));
	TRY(tsp_token_build(t->info_der, buf_slice(&set),
	                    &(struct cms_signature){t->certificate, s->signature}, &again));
	REQUIRE(slice_equal(der, buf_slice(&again)), TSP_TOKEN, "time stamp: not encoded as ours are");
	return OK;
}

/* signingCertificateV2 names the certificate by its SM3 (RFC 3161, 2.4.2: it must be there). */
static void take_signing_certificate(struct der_reader *r, const uint8_t sm3[SM3_LEN])
{
	struct slice params;

	der_enter(r, DER_SEQUENCE);
	der_enter(r, DER_SEQUENCE);
	der_enter(r, DER_SEQUENCE);
	if (der_algorithm(r, &params) != OID_SM3 || !slice_equal(der_octets(r), slice_of(sm3, SM3_LEN)))
		der_fail(r, "signingCertificateV2 is not the signer's");
	while (der_more(r))
		(void)der_element(r); /* issuerSerial */
	der_leave(r);
	while (der_more(r))
		(void)der_element(r); /* its chain */
	der_leave(r);
	while (der_more(r))
		(void)der_element(r); /* policies */
	der_leave(r);
}

static RC check_named(const struct tsp_token *t)
{
	struct der_reader r = der_read(t->message.by.signers[0].attributes);
	unsigned named = 0, typed = 0;
	uint8_t sm3[SM3_LEN];

	sm3_hash(t->certificate, sm3);
	while (der_more(&r)) {
		der_enter(&r, DER_SEQUENCE);
		enum oid type = der_oid(&r);

		der_enter(&r, DER_SET);
		if (type == OID_SIGNING_CERTIFICATE_V2) {
			named++;
			take_signing_certificate(&r, sm3);
		} else {
			typed += type == OID_CONTENT_TYPE;
			(void)der_element(&r);
		}
		der_leave(&r);
		der_leave(&r);
	}
	if (named != 1 || typed != 1)
		der_fail(&r, "contentType and signingCertificateV2 must be there once");
	return form_done(&r, ERR_TSP_TOKEN, "time stamp: attributes");
}

static bool for_stamps_alone(const struct cert *c)
{
	const struct ext *purposes = exts_find(&c->exts, OID_EKU);

	return purposes != NULL && purposes->critical && c->purposes.count == 1 &&
	       c->purposes.at[0] == OID_KP_TIMESTAMP;
}

RC tsp_token_verify(const struct tsp_token *t, const uint8_t imprint[TSP_HASH])
{
	struct cert c;

	REQUIRE(memcmp(t->info.imprint, imprint, TSP_HASH) == 0, TSP_IMPRINT,
	        "time stamp: it is over other bytes");
	TRY(check_named(t));
	TRY(cert_parse(t->certificate, &c));
	REQUIRE(c.key.kind == PUBKEY_SM2, TSP_TOKEN, "time stamp: the signer's key is not SM2");
	REQUIRE(for_stamps_alone(&c), TSP_SIGNER,
	        "time stamp: the certificate is not for time stamps alone (RFC 3161, 2.3)");
	REQUIRE(c.not_before <= t->info.at && t->info.at <= c.not_after, TSP_SIGNER,
	        "time stamp: its certificate was not valid at its time");
	return as(ERR_TSP_SIGNATURE, cms_verify(&t->message.by.signers[0], &c.key.sm2, t->info_der));
}
