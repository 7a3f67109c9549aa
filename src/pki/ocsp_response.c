/* Answers: what a responder writes, and what a client reads of it. */
#include "pki/chain.h"
#include "pki/ext.h"
#include "pki/form.h"
#include "pki/name.h"
#include "pki/ocsp_common.h"

#define SKEW 300 /* seconds a responder's clock may be ahead of ours */

const char *ocsp_status_name(enum ocsp_status s)
{
	static const char *const names[] = {"good", "revoked", "unknown"};

	return names[s];
}

/* ---- ResponseData out ---- */

static void put_status(struct der_writer *w, const struct ocsp_single *s)
{
	uint8_t octet = (uint8_t)s->reason;

	if (s->status != OCSP_REVOKED) {
		der_put(w, s->status == OCSP_GOOD ? DER_CTX(0) : DER_CTX(2), SLICE_NONE);
		return;
	}
	der_begin(w, DER_CTXC(1));
	der_put_gtime(w, s->revoked_at);
	if (s->reason != REASON_UNSPECIFIED) {
		der_begin(w, DER_CTXC(0));
		der_put(w, DER_ENUMERATED, slice_of(&octet, 1));
		der_end(w);
	}
	der_end(w);
}

static void put_single(struct der_writer *w, const struct ocsp_single *s)
{
	der_begin(w, DER_SEQUENCE);
	der_raw(w, s->id);
	put_status(w, s);
	der_put_gtime(w, s->this_update);
	if (s->next_update != 0) {
		der_begin(w, DER_CTXC(0));
		der_put_gtime(w, s->next_update);
		der_end(w);
	}
	if (s->archive_cutoff != 0) {
		der_begin(w, DER_CTXC(1));
		der_begin(w, DER_SEQUENCE);
		ext_begin(w, OID_OCSP_ARCHIVE_CUTOFF, false);
		der_put_gtime(w, s->archive_cutoff);
		ext_end(w);
		der_end(w);
		der_end(w);
	}
	der_end(w);
}

static void put_exts(struct der_writer *w, const struct ocsp_data *d)
{
	if (!d->has_nonce && !d->extended_revoke)
		return;
	der_begin(w, DER_CTXC(1));
	der_begin(w, DER_SEQUENCE);
	if (d->has_nonce)
		ocsp_put_nonce(w, d->nonce);
	if (d->extended_revoke) {
		ext_begin(w, OID_OCSP_EXTENDED_REVOKE, false);
		der_put(w, DER_NULL, SLICE_NONE);
		ext_end(w);
	}
	der_end(w);
	der_end(w);
}

RC ocsp_data_build(const struct ocsp_data *d, struct buf *ret)
{
	AUTO_DER(w, OCSP_DATA_MAX);

	NEED(d->count > 0 && d->count <= OCSP_IDS, RC_BUG, "OCSP answer: %zu certificates", d->count);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_CTXC(2));
	der_put_octets(&w, d->responder);
	der_end(&w);
	der_put_gtime(&w, d->produced_at);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < d->count; i++)
		put_single(&w, &d->singles[i]);
	der_end(&w);
	put_exts(&w, d);
	der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

RC ocsp_response_assemble(struct slice data, struct sigalg a, struct slice signature,
                          struct slice certificate, struct buf *ret)
{
	AUTO_DER(w, OCSP_RESPONSE_MAX);

	der_begin(&w, DER_SEQUENCE);
	der_put(&w, DER_ENUMERATED, SLICE_LIT("\0"));
	der_begin(&w, DER_CTXC(0));
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_OCSP_BASIC);
	der_begin(&w, DER_OCTET_STRING);
	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, data);
	sigalg_put(&w, a);
	der_put_bits(&w, signature);
	if (certificate.len > 0) {
		der_begin(&w, DER_CTXC(0));
		der_begin(&w, DER_SEQUENCE);
		der_raw(&w, certificate);
		der_end(&w);
		der_end(&w);
	}
	for (int i = 0; i < 5; i++)
		der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

/* ---- in ---- */

static void take_revoked(struct der_reader *r, struct ocsp_single *s)
{
	s->status = OCSP_REVOKED;
	der_enter(r, DER_CTXC(1));
	s->revoked_at = der_gtime(r);
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		s->reason = ext_take_reason(r);
		der_leave(r);
	}
	der_leave(r);
}

static void take_status(struct der_reader *r, struct ocsp_single *s)
{
	if (der_at(r, DER_CTXC(1))) {
		take_revoked(r, s);
		return;
	}
	s->status = der_at(r, DER_CTX(0)) ? OCSP_GOOD : OCSP_UNKNOWN;
	if (der_value(r, der_at(r, DER_CTX(0)) ? DER_CTX(0) : DER_CTX(2)).len != 0)
		der_fail(r, "status is not NULL");
}

static void take_single(struct der_reader *r, struct ocsp_data *d)
{
	struct ocsp_single *s = &d->singles[d->count];
	struct ocsp_id id = {0};
	struct slice nonce;
	bool has = false;

	if (d->count == OCSP_IDS) {
		der_fail(r, "more than 20 answers");
		return;
	}
	*s = (struct ocsp_single){.reason = REASON_UNSPECIFIED};
	der_enter(r, DER_SEQUENCE);
	ocsp_take_id(r, &id);
	s->id = id.der;
	take_status(r, s);
	s->this_update = der_gtime(r);
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		s->next_update = der_gtime(r);
		der_leave(r);
	}
	if (der_at(r, DER_CTXC(1))) {
		der_enter(r, DER_CTXC(1));
		ocsp_take_exts(r, &has, &nonce);
		der_leave(r);
	}
	der_leave(r);
	d->count++;
}

static void take_data(struct der_reader *r, struct ocsp_data *d, struct slice *responder_name)
{
	*d = (struct ocsp_data){0};
	*responder_name = SLICE_NONE;
	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_CTXC(1))) {
		der_enter(r, DER_CTXC(1));
		*responder_name = der_element_of(r, DER_SEQUENCE);
	} else {
		der_enter(r, DER_CTXC(2));
		d->responder = der_octets(r);
	}
	der_leave(r);
	d->produced_at = der_gtime(r);
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no answer in the list");
	while (der_more(r))
		take_single(r, d);
	der_leave(r);
	if (der_at(r, DER_CTXC(1))) {
		der_enter(r, DER_CTXC(1));
		ocsp_take_exts(r, &d->has_nonce, &d->nonce);
		der_leave(r);
	}
	der_leave(r);
}

RC ocsp_data_parse(struct slice der, struct ocsp_data *ret)
{
	struct der_reader r = der_read(der);
	struct slice name;

	REQUIRE(der.len <= OCSP_DATA_MAX, OCSP_RESPONSE, "OCSP answer: more than %d bytes", OCSP_DATA_MAX);
	take_data(&r, ret, &name);
	TRY(form_done(&r, ERR_OCSP_RESPONSE, "OCSP answer"));
	REQUIRE(ret->responder.len == PUBKEY_SKI, OCSP_RESPONSE,
	        "OCSP answer: responder not named by its key");
	return OK;
}

static void take_basic(struct der_reader *r, struct ocsp_response *o)
{
	der_enter(r, DER_SEQUENCE);
	o->tbs = der_element_of(r, DER_SEQUENCE);
	o->alg = sigalg_take(r);
	o->signature = der_bits(r, NULL);
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		der_enter(r, DER_SEQUENCE);
		while (der_more(r)) {
			struct slice c = der_element_of(r, DER_SEQUENCE);
			if (o->certificates < sizeof(o->certificate) / sizeof(o->certificate[0]))
				o->certificate[o->certificates++] = c;
		}
		der_leave(r);
		der_leave(r);
	}
	der_leave(r);
}

static RC parse_basic(struct slice octets, struct ocsp_response *o)
{
	struct der_reader r = der_read(octets), data;

	take_basic(&r, o);
	TRY(form_done(&r, ERR_OCSP_RESPONSE, "OCSP answer"));
	data = der_read(o->tbs);
	take_data(&data, &o->data, &o->responder_name);
	return form_done(&data, ERR_OCSP_RESPONSE, "OCSP answer");
}

RC ocsp_response_parse(struct slice der, struct ocsp_response *ret)
{
	struct der_reader r = der_read(der);
	struct slice status, octets = SLICE_NONE;
	enum oid type = OID_UNKNOWN;

	*ret = (struct ocsp_response){.der = der};
	REQUIRE(der.len <= OCSP_RESPONSE_MAX, OCSP_RESPONSE, "OCSP answer: more than %d bytes",
	        OCSP_RESPONSE_MAX);
	der_enter(&r, DER_SEQUENCE);
	status = der_value(&r, DER_ENUMERATED);
	if (r.why == NULL && (status.len != 1 || status.p[0] > OCSP_UNAUTHORIZED || status.p[0] == 4))
		der_fail(&r, "unknown status");
	if (r.why == NULL && status.p[0] == OCSP_SUCCESSFUL) {
		der_enter(&r, DER_CTXC(0));
		der_enter(&r, DER_SEQUENCE);
		type = der_oid(&r);
		octets = der_octets(&r);
		der_leave(&r);
		der_leave(&r);
	}
	der_leave(&r);
	TRY(form_done(&r, ERR_OCSP_RESPONSE, "OCSP answer"));
	ret->status = (enum ocsp_error)status.p[0];
	if (ret->status != OCSP_SUCCESSFUL)
		return OK;
	REQUIRE(type == OID_OCSP_BASIC, OCSP_RESPONSE, "OCSP answer: not a basic one (RFC 6960 4.2.1)");
	return parse_basic(octets, ret);
}

/* ---- trust ---- */

static bool names_key(const struct ocsp_response *r, const struct cert *c)
{
	uint8_t ski[PUBKEY_SKI];

	if (r->responder_name.len > 0)
		return name_equal(r->responder_name, c->subject);
	return rc_ok(pubkey_ski(&c->key, ski)) && slice_equal(r->data.responder, SLICE_ARR(ski));
}

/* RFC 6960 4.2.2.2: the issuer itself, or a certificate it issued with that purpose. */
static RC find_responder(const struct ocsp_response *r, const struct cert *issuer, int64_t at,
                         struct cert *ret)
{
	if (names_key(r, issuer)) {
		*ret = *issuer;
		return OK;
	}
	for (size_t i = 0; i < r->certificates; i++) {
		TRY(cert_parse(r->certificate[i], ret));
		if (!names_key(r, ret))
			continue;
		REQUIRE(ext_has_purpose(&ret->purposes, OID_KP_OCSP), OCSP_RESPONDER,
		        "OCSP answer: the responder's certificate is not for OCSP signing");
		return chain_link(ret, issuer, at);
	}
	REFUSE(OCSP_RESPONDER, "OCSP answer: the responder's certificate is not in it");
}

RC ocsp_response_verify(const struct ocsp_response *r, const struct cert *issuer, int64_t at,
                        struct cert *responder)
{
	struct cert c;

	NEED(r->status == OCSP_SUCCESSFUL, RC_INPUT, "OCSP answer: %s", ocsp_error_name(r->status));
	TRY(find_responder(r, issuer, at, &c));
	TRY(pubkey_verify(&c.key, r->alg, r->tbs, r->signature, SM2_ID));
	for (size_t i = 0; i < r->data.count; i++) {
		const struct ocsp_single *s = &r->data.singles[i];
		REQUIRE(s->this_update <= at + SKEW, OCSP_STALE, "OCSP answer: thisUpdate is in the future");
		REQUIRE(s->next_update == 0 || s->next_update >= at, OCSP_STALE,
		        "OCSP answer: nextUpdate has passed");
	}
	if (responder != NULL)
		*responder = c;
	return OK;
}

RC ocsp_response_find(const struct ocsp_response *r, const struct ocsp_issuer *issuer, struct slice serial,
                      struct ocsp_single *ret)
{
	for (size_t i = 0; i < r->data.count; i++) {
		struct der_reader in = der_read(r->data.singles[i].id);
		struct ocsp_id id = {0};
		ocsp_take_id(&in, &id);
		if (in.why != NULL || !slice_equal(id.serial, serial) || !ocsp_issuer_matches(issuer, &id))
			continue;
		*ret = r->data.singles[i];
		return OK;
	}
	FAIL(RC_NOTFOUND, "OCSP answer: nothing about that certificate");
}
