#include "pki/csr_response.h"

#include "pki/form.h"

static void put_certificates(struct der_writer *w, uint8_t tag, const struct slice *s, size_t n)
{
	der_begin(w, tag);
	/* A CertificateSet, yet readers take the first as the user's own (standards.md 1.9): the order
	 * is kept instead of sorted. */
	for (size_t i = 0; i < n; i++)
		der_raw(w, s[i]);
	der_end(w);
}

RC csr_response_build(const struct csr_response *r, struct buf *ret)
{
	AUTO_DER(w, CSR_RESPONSE_MAX);

	NEED(r->sign_count >= 1 && r->sign_count <= CSR_RESPONSE_CERTIFICATES &&
	             r->encrypt_count <= CSR_RESPONSE_CERTIFICATES && !r->implicit,
	     RC_BUG, "CSRResponse: parts");
	der_begin(&w, DER_SEQUENCE);
	put_certificates(&w, DER_SET, r->sign, r->sign_count);
	if (r->envelope.len > 0) {
		der_begin(&w, DER_CTXC(0));
		der_raw(&w, r->envelope);
		der_end(&w);
	}
	if (r->encrypt_count > 0)
		put_certificates(&w, DER_CTXC(1), r->encrypt, r->encrypt_count);
	der_end(&w);
	return der_finish(&w, ret);
}

static size_t take_certificates(struct der_reader *r, uint8_t tag, struct slice *ret)
{
	size_t n = 0;

	der_enter(r, tag);
	for (; der_more(r) && n < CSR_RESPONSE_CERTIFICATES; n++)
		ret[n] = der_element_of(r, DER_SEQUENCE);
	der_leave(r);
	if (n == 0)
		der_fail(r, "no certificate");
	return n;
}

/* EXPLICIT when the first element fills [0]; the fields of an IMPLICIT one are four. */
static void take_envelope(struct der_reader *r, struct csr_response *ret)
{
	struct slice whole = der_element(r);
	struct der_reader in = der_read(whole);

	der_enter(&in, DER_CTXC(0));
	ret->envelope = der_element_of(&in, DER_SEQUENCE);
	ret->implicit = der_more(&in);
	if (ret->implicit)
		ret->envelope = whole;
	if (in.why != NULL)
		der_fail(r, in.why);
}

RC csr_response_parse(struct slice der, struct csr_response *ret)
{
	struct der_reader r = der_read(der);

	*ret = (struct csr_response){0};
	REQUIRE(der.len <= CSR_RESPONSE_MAX, CSR_RESPONSE_FORM, "CSRResponse: %zu bytes, limit %u", der.len,
	        CSR_RESPONSE_MAX);
	der_enter(&r, DER_SEQUENCE);
	/* CertificateSet ::= SET OF; some writers put the SEQUENCE of a chain here. */
	ret->sign_count = take_certificates(&r, der_at(&r, DER_SEQUENCE) ? DER_SEQUENCE : DER_SET, ret->sign);
	if (der_at(&r, DER_CTXC(0)))
		take_envelope(&r, ret);
	if (der_at(&r, DER_CTXC(1)))
		ret->encrypt_count = take_certificates(&r, DER_CTXC(1), ret->encrypt);
	der_leave(&r);
	return form_done(&r, ERR_CSR_RESPONSE_FORM, "CSRResponse");
}
