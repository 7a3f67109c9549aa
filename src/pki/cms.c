#include "pki/cms.h"

#include "asn1/der.h"
#include "pki/form.h"
#include "sm/sm3.h"

#define CMS_VERSION_MAX 9 /* versions are read, not trusted */
#define CMS_ATTRIBUTES 16

static bool is_signed(enum oid o)
{
	return o == OID_GM_SIGNED || o == OID_PKCS7_SIGNED;
}
static bool is_sealed(enum oid o)
{
	return o == OID_GM_SIGNED_ENV || o == OID_PKCS7_SIGNED_ENV;
}
static bool is_data(struct slice type)
{
	enum oid o = oid_find(type);

	return o == OID_GM_DATA || o == OID_PKCS7_DATA;
}

/* ---- the parts ---- */

static void take_issuer_serial(struct der_reader *r, struct slice *issuer, struct slice *serial)
{
	der_enter(r, DER_SEQUENCE);
	*issuer = der_element(r); /* a recipient's may be empty: 30 00, or 00 00 (gmcert.org) */
	*serial = der_integer(r);
	der_leave(r);
}

static void take_algorithm(struct der_reader *r, const enum oid *allowed, size_t n, const char *why)
{
	struct slice params;
	enum oid o = der_algorithm(r, &params);

	for (size_t i = 0; i < n; i++)
		if (o == allowed[i])
			return;
	der_fail(r, why);
}

static void take_digest(struct der_reader *r)
{
	static const enum oid allowed[] = {OID_SM3};

	take_algorithm(r, allowed, 1, "digest algorithm is not SM3");
}

static void take_signer(struct der_reader *r, struct slice type, struct cms_signer *ret)
{
	/* standards.md 1.6: .301.1 by the standard, .501 and .301 in the field. */
	static const enum oid allowed[] = {OID_SM2_SIGN, OID_SM2_SM3, OID_SM2};

	*ret = (struct cms_signer){.type = type};
	der_enter(r, DER_SEQUENCE);
	(void)der_uint(r, CMS_VERSION_MAX);
	take_issuer_serial(r, &ret->issuer, &ret->serial);
	take_digest(r);
	if (der_at(r, DER_CTXC(0)))
		ret->attributes = der_value(r, DER_CTXC(0));
	take_algorithm(r, allowed, 3, "signature algorithm is not SM2 with SM3");
	ret->signature = der_octets(r);
	if (der_at(r, DER_CTXC(1)))
		(void)der_value(r, DER_CTXC(1)); /* unauthenticated: nothing to believe */
	der_leave(r);
}

static void take_signers(struct der_reader *r, struct slice type, struct cms_signers *ret)
{
	*ret = (struct cms_signers){0};
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		for (; der_more(r) && ret->certificate_count < CMS_CERTIFICATES; ret->certificate_count++)
			ret->certificates[ret->certificate_count] = der_element_of(r, DER_SEQUENCE);
		der_leave(r);
	}
	if (der_at(r, DER_CTXC(1)))
		ret->crls = der_value(r, DER_CTXC(1));
	der_enter(r, DER_SET);
	for (; der_more(r) && ret->signer_count < CMS_SIGNERS; ret->signer_count++)
		take_signer(r, type, &ret->signers[ret->signer_count]);
	der_leave(r);
}

static void take_digests(struct der_reader *r)
{
	der_enter(r, DER_SET);
	while (der_more(r))
		take_digest(r);
	der_leave(r);
}

/* ---- SignedData ---- */

static void take_content(struct der_reader *r, struct cms_signed *ret)
{
	der_enter(r, DER_SEQUENCE);
	ret->type = der_oid_raw(r);
	ret->has_content = der_at(r, DER_CTXC(0));
	if (ret->has_content) {
		der_enter(r, DER_CTXC(0));
		ret->content = is_data(ret->type) ? der_octets(r) : der_element(r);
		der_leave(r);
	}
	der_leave(r);
}

RC cms_signed_parse(struct slice der, struct cms_signed *ret)
{
	struct der_reader r = der_read(der);

	*ret = (struct cms_signed){0};
	REQUIRE(der.len <= CMS_MAX, CMS_FORM, "cms: %zu bytes, limit %u", der.len, CMS_MAX);
	der_enter(&r, DER_SEQUENCE);
	if (!is_signed(der_oid(&r)))
		der_fail(&r, "content type is not signedData");
	der_enter(&r, DER_CTXC(0));
	der_enter(&r, DER_SEQUENCE);
	(void)der_uint(&r, CMS_VERSION_MAX);
	take_digests(&r);
	take_content(&r, ret);
	take_signers(&r, ret->type, &ret->by);
	der_leave(&r);
	der_leave(&r);
	der_leave(&r);
	return form_done(&r, ERR_CMS_FORM, "cms: SignedData");
}

/* ---- SignedAndEnvelopedData ---- */

static void take_recipient(struct der_reader *r, struct cms_recipient *ret)
{
	/* standards.md 1.1: .301.3 by the standard; gmssl writes .301.2, others bare .301. */
	static const enum oid allowed[] = {OID_SM2_ENCRYPT, OID_SM2_EXCHANGE, OID_SM2};

	*ret = (struct cms_recipient){0};
	der_enter(r, DER_SEQUENCE);
	(void)der_uint(r, CMS_VERSION_MAX);
	if (der_at(r, DER_CTX(0)))
		(void)der_value(r, DER_CTX(0)); /* subjectKeyIdentifier (CFCA) */
	else
		take_issuer_serial(r, &ret->issuer, &ret->serial);
	take_algorithm(r, allowed, 3, "key encryption algorithm is not SM2");
	ret->encrypted_key = der_at(r, DER_SEQUENCE) ? der_element(r) : der_octets(r);
	der_leave(r);
}

static void take_cipher(struct der_reader *r, struct cms_sealed *ret)
{
	struct slice params;

	ret->cipher = der_algorithm(r, &params);
	if (ret->cipher != OID_SM4 && ret->cipher != OID_SM4_ECB && ret->cipher != OID_SM4_CBC)
		der_fail(r, "content encryption algorithm is not SM4");
	if (params.len == 18 && params.p[0] == DER_OCTET_STRING && params.p[1] == 16)
		ret->iv = slice_of(params.p + 2, 16);
	else if (params.len > 2 || ret->cipher == OID_SM4_CBC)
		der_fail(r, "content encryption parameters");
	if (ret->cipher == OID_SM4)
		ret->cipher = ret->iv.len > 0 ? OID_SM4_CBC : OID_SM4_ECB;
}

static void take_ciphertext(struct der_reader *r, struct cms_sealed *ret)
{
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		ret->ciphertext = der_octets(r);
		der_leave(r);
	} else if (der_at(r, DER_OCTET_STRING)) {
		ret->ciphertext = der_octets(r);
	} else {
		ret->ciphertext = der_value(r, DER_CTX(0));
	}
	for (uint8_t n = 1; n <= 2; n++) /* sharedInfo1, sharedInfo2 */
		if (der_at(r, DER_CTX(n)) || der_at(r, DER_CTXC(n)))
			(void)der_element(r);
}

static void take_sealed(struct der_reader *r, struct cms_sealed *ret)
{
	struct slice type;

	der_enter(r, DER_SEQUENCE);
	(void)der_uint(r, CMS_VERSION_MAX);
	der_enter(r, DER_SET);
	for (; der_more(r) && ret->recipient_count < CMS_RECIPIENTS; ret->recipient_count++)
		take_recipient(r, &ret->recipients[ret->recipient_count]);
	der_leave(r);
	take_digests(r);
	der_enter(r, DER_SEQUENCE);
	type = der_oid_raw(r);
	take_cipher(r, ret);
	take_ciphertext(r, ret);
	der_leave(r);
	take_signers(r, type, &ret->by);
	der_leave(r);
}

static bool in_content_info(struct slice der)
{
	struct der_reader r = der_read(der);

	der_enter(&r, DER_SEQUENCE);
	return der_at(&r, DER_OID);
}

RC cms_sealed_parse(struct slice der, struct cms_sealed *ret)
{
	struct der_reader r = der_read(der);
	bool wrapped = in_content_info(der);

	*ret = (struct cms_sealed){0};
	REQUIRE(der.len <= CMS_MAX, CMS_FORM, "cms: %zu bytes, limit %u", der.len, CMS_MAX);
	if (wrapped) {
		der_enter(&r, DER_SEQUENCE);
		if (!is_sealed(der_oid(&r)))
			der_fail(&r, "content type is not signedAndEnvelopedData");
		der_enter(&r, DER_CTXC(0));
	}
	take_sealed(&r, ret);
	if (wrapped) {
		der_leave(&r);
		der_leave(&r);
	}
	return form_done(&r, ERR_CMS_FORM, "cms: SignedAndEnvelopedData");
}

/* ---- signatures ---- */

/* contentType and messageDigest inside the attributes must agree with the content (PKCS#7 9.2). */
static RC check_attributes(const struct cms_signer *s, struct slice content)
{
	struct der_reader r = der_read(s->attributes);
	unsigned digests = 0, count = 0;
	uint8_t hash[SM3_LEN];

	sm3_hash(content, hash);
	for (; der_more(&r) && count < CMS_ATTRIBUTES; count++) {
		der_enter(&r, DER_SEQUENCE);
		enum oid o = der_oid(&r);

		der_enter(&r, DER_SET);
		if (o == OID_MESSAGE_DIGEST) {
			digests++;
			if (!slice_equal(der_octets(&r), SLICE_ARR(hash)))
				der_fail(&r, "messageDigest is not the content's");
		} else if (o == OID_CONTENT_TYPE) {
			if (!slice_equal(der_oid_raw(&r), s->type))
				der_fail(&r, "contentType is not the content's");
		} else {
			while (der_more(&r))
				(void)der_element(&r);
		}
		der_leave(&r);
		der_leave(&r);
	}
	if (digests != 1)
		der_fail(&r, "not exactly one messageDigest");
	REQUIRE(rc_ok(der_done(&r, "cms: attributes")), CMS_SIGNATURE, "cms: attributes: %s",
	        r.why != NULL ? r.why : "too many");
	return OK;
}

RC cms_verify_input(const struct cms_signer *s, const struct sm2_pub *pub, struct slice content,
                    struct sm2_check *ret)
{
	*ret = (struct sm2_check){.pub = *pub};
	REQUIRE(rc_ok(sm2_sig_from_der(s->signature, &ret->sig)), CMS_SIGNATURE,
	        "cms: the signature is not an SM2Signature");
	if (s->attributes.len == 0)
		return sm2_digest(pub, SM2_ID, content, ret->e);
	TRY(check_attributes(s, content));
	/* Signed as a SET OF, sent as [0] IMPLICIT. */
	AUTO_DER(w, s->attributes.len + 16);
	AUTO_BUF(set, s->attributes.len + 16);

	der_put(&w, DER_SET, s->attributes);
	TRY(der_finish(&w, &set));
	return sm2_digest(pub, SM2_ID, buf_slice(&set), ret->e);
}

RC cms_verify(const struct cms_signer *s, const struct sm2_pub *pub, struct slice content)
{
	struct sm2_check c;

	TRY(cms_verify_input(s, pub, content, &c));
	REQUIRE(rc_ok(sm2_verify_digest(pub, c.e, &c.sig)), CMS_SIGNATURE,
	        "cms: the signature does not verify");
	return OK;
}

RC cms_certificate_names(struct slice certificate, struct slice *issuer, struct slice *serial)
{
	struct der_reader r = der_read(certificate);

	der_enter(&r, DER_SEQUENCE);
	der_enter(&r, DER_SEQUENCE);
	if (der_at(&r, DER_CTXC(0)))
		(void)der_element(&r);
	*serial = der_integer(&r);
	(void)der_element_of(&r, DER_SEQUENCE);
	*issuer = der_element_of(&r, DER_SEQUENCE);
	REQUIRE(r.why == NULL, CMS_SIGNER, "cms: not a certificate: %s", r.why);
	return OK;
}

RC cms_signer_certificate(const struct cms_signers *s, size_t index, struct slice *ret)
{
	struct slice issuer, serial;

	NEED(index < s->signer_count, RC_INPUT, "cms: no signer %zu", index);
	for (size_t i = 0; i < s->certificate_count; i++) {
		TRY(cms_certificate_names(s->certificates[i], &issuer, &serial));
		if (slice_equal(issuer, s->signers[index].issuer) &&
		    slice_equal(serial, s->signers[index].serial)) {
			*ret = s->certificates[i];
			return OK;
		}
	}
	REFUSE(CMS_SIGNER, "cms: no certificate for signer %zu", index);
}
