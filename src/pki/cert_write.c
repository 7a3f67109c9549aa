/* Writing certificates. */
#include "pki/cert.h"

#include "pki/form.h"

static void put_extensions(struct der_writer *w, const struct cert_template *t)
{
	der_begin(w, DER_CTXC(3));
	der_begin(w, DER_SEQUENCE);
	if (t->aki.len > 0)
		ext_put_aki(w, t->aki);
	if (t->ski.len > 0)
		ext_put_ski(w, t->ski);
	if (t->basic)
		ext_put_basic(w, t->ca, t->path_length);
	if (t->usage != 0)
		ext_put_key_usage(w, t->usage);
	if (t->purposes.count > 0)
		ext_put_purposes(w, &t->purposes, t->purposes_critical);
	if (t->policies.count > 0)
		ext_put_policies(w, &t->policies);
	/* RFC 5280 4.1.2.6: critical when the subject is empty */
	if (t->name_count > 0)
		ext_put_san(w, t->names, t->name_count, slice_equal(t->subject, SLICE_LIT("\x30\0")));
	if (t->crl_url.len > 0)
		ext_put_crldp(w, t->crl_url);
	ext_put_aia(w, t->ocsp_url, t->ca_url);
	if (t->nocheck)
		ext_put_nocheck(w);
	der_raw(w, t->extensions);
	der_end(w);
	der_end(w);
}

RC cert_tbs(const struct cert_template *t, struct buf *ret)
{
	AUTO_DER(w, CERT_DER_MAX);

	NEED(t->serial.len > 0 && t->serial.p[0] != 0 &&
	             t->serial.len + (t->serial.p[0] >> 7) <= CERT_SERIAL_MAX,
	     RC_BUG, "certificate: serial number of %zu bytes", t->serial.len);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_CTXC(0));
	der_put_uint(&w, 2);
	der_end(&w);
	der_put_integer(&w, t->serial);
	sigalg_put(&w, t->alg);
	der_raw(&w, t->issuer);
	der_begin(&w, DER_SEQUENCE);
	der_put_time(&w, t->not_before);
	der_put_time(&w, t->not_after);
	der_end(&w);
	der_raw(&w, t->subject);
	der_raw(&w, t->spki);
	put_extensions(&w, t);
	der_end(&w);
	NEED(!w.out.nomem, RC_NOMEM, "certificate: out of memory");
	REQUIRE(!w.out.failed, CERT, "certificate: larger than %d bytes, or a time out of range",
	        CERT_DER_MAX);
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

RC cert_assemble(struct slice tbs, struct sigalg a, struct slice signature, struct buf *ret)
{
	return signed_assemble(tbs, a, signature, ret);
}

RC cert_complete(struct slice tbs, struct slice signature, struct buf *ret)
{
	struct der_reader r = der_read(tbs);
	struct sigalg a;

	der_enter(&r, DER_SEQUENCE);
	der_element_of(&r, DER_CTXC(0));
	der_element_of(&r, DER_INTEGER);
	a = sigalg_take(&r);
	while (der_more(&r))
		der_element(&r);
	der_leave(&r);
	TRY(form_done(&r, ERR_CERT, "certificate"));
	REQUIRE(a.oid != OID_UNKNOWN, SIGNATURE_ALGORITHM, "certificate: signature algorithm not supported");
	return signed_assemble(tbs, a, signature, ret);
}
