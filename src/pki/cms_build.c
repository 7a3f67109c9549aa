#include "asn1/der.h"
#include "pki/cms.h"

#define CMS_VERSION 1     /* PKCS#7 v1.5, as GM/T 0010 */
#define CMS_OVERHEAD 1024 /* our fields around content and certificates */

static void put_signer(struct der_writer *w, const struct cms_signature *s, struct slice issuer,
                       struct slice serial)
{
	der_begin(w, DER_SEQUENCE);
	der_put_uint(w, CMS_VERSION);
	der_begin(w, DER_SEQUENCE);
	der_raw(w, issuer);
	der_put_integer(w, serial);
	der_end(w);
	der_put_algorithm(w, OID_SM3);
	der_put_algorithm(w, OID_SM2_SIGN);
	der_put_octets(w, s->signature);
	der_end(w);
}

static void put_digests(struct der_writer *w)
{
	der_begin(w, DER_SET);
	der_put_algorithm(w, OID_SM3);
	der_end(w);
}

/* certificates [0] and signerInfos. */
static RC put_signers(struct der_writer *w, const struct cms_signature *s, size_t n)
{
	struct slice issuer, serial;

	der_begin(w, DER_CTXC(0));
	for (size_t i = 0; i < n; i++)
		der_raw(w, s[i].certificate);
	der_end_set(w);
	der_begin(w, DER_SET);
	for (size_t i = 0; i < n; i++) {
		TRY(cms_certificate_names(s[i].certificate, &issuer, &serial));
		put_signer(w, &s[i], issuer, serial);
	}
	der_end_set(w);
	return OK;
}

static size_t signers_size(const struct cms_signature *s, size_t n)
{
	size_t size = CMS_OVERHEAD;

	for (size_t i = 0; i < n; i++)
		size += 2 * s[i].certificate.len + s[i].signature.len + CMS_OVERHEAD;
	return size;
}

RC cms_signed_build(struct slice content, const struct cms_signature *s, size_t n, struct buf *ret)
{
	NEED(n >= 1 && n <= CMS_SIGNERS, RC_BUG, "cms: %zu signers", n);
	AUTO_DER(w, signers_size(s, n) + content.len);

	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_GM_SIGNED);
	der_begin(&w, DER_CTXC(0));
	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, CMS_VERSION);
	put_digests(&w);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_GM_DATA);
	der_begin(&w, DER_CTXC(0));
	der_put_octets(&w, content);
	der_end(&w);
	der_end(&w);
	TRY(put_signers(&w, s, n));
	der_end(&w);
	der_end(&w);
	der_end(&w);
	return der_finish(&w, ret);
}

RC cms_signed_sign(struct slice content, const struct sm2_key *key, struct slice certificate, struct buf *ret)
{
	AUTO_BUF(der, SM2_SIG_DER_MAX);
	struct sm2_sig sig;

	TRY(sm2_sign(key, SM2_ID, content, &sig));
	sm2_sig_to_der(&sig, &der);
	TRY(buf_done(&der));
	return cms_signed_build(content, &(struct cms_signature){certificate, buf_slice(&der)}, 1, ret);
}

static void put_recipient(struct der_writer *w, const struct cms_seal *s)
{
	der_begin(w, DER_SEQUENCE);
	der_put_uint(w, CMS_VERSION);
	der_begin(w, DER_SEQUENCE);
	if (s->issuer.len > 0)
		der_raw(w, s->issuer);
	else
		der_put(w, DER_SEQUENCE, SLICE_NONE); /* as met in the field, standards.md 1.7 */
	der_put_integer(w, s->serial);
	der_end(w);
	der_put_algorithm(w, OID_SM2_ENCRYPT);
	der_put_octets(w, s->encrypted_key);
	der_end(w);
}

RC cms_sealed_build(const struct cms_seal *s, struct buf *ret)
{
	AUTO_DER(w, signers_size(&s->by, 1) + s->issuer.len + s->encrypted_key.len + s->ciphertext.len);

	der_begin(&w, DER_SEQUENCE);
	der_put_uint(&w, CMS_VERSION);
	der_begin(&w, DER_SET);
	put_recipient(&w, s);
	der_end(&w);
	put_digests(&w);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_GM_DATA);
	/* Bare .104 without parameters = ECB in key delivery (standards.md 1.1). */
	der_put_algorithm(&w, OID_SM4);
	der_put(&w, DER_CTX(0), s->ciphertext);
	der_end(&w);
	TRY(put_signers(&w, &s->by, 1));
	der_end(&w);
	return der_finish(&w, ret);
}

RC cms_sealed_wrap(struct slice der, struct buf *ret)
{
	struct der_reader r = der_read(der);
	AUTO_DER(w, der.len + CMS_OVERHEAD);

	der_enter(&r, DER_SEQUENCE);
	if (der_at(&r, DER_OID)) {
		der_raw(&w, der);
		return der_finish(&w, ret);
	}
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_GM_SIGNED_ENV);
	der_begin(&w, DER_CTXC(0));
	der_raw(&w, der);
	der_end(&w);
	der_end(&w);
	return der_finish(&w, ret);
}
