/* CertIDs, requests, error answers. */
#include "pki/ocsp.h"

#include "pki/chain.h"
#include "pki/ext.h"
#include "pki/form.h"
#include "pki/ocsp_common.h"

static const enum oid hashes[OCSP_HASHES] = {OID_SHA1, OID_SHA256, OID_SM3};

/* ---- CertID ---- */

RC ocsp_issuer_init(struct ocsp_issuer *i, struct slice subject, const struct pubkey *key)
{
	for (unsigned h = 0; h < OCSP_HASHES; h++) {
		TRY(digest(hashes[h], subject, i->name[h]));
		TRY(digest(hashes[h], key->bits, i->key[h]));
	}
	return OK;
}

static bool hash_index(enum oid hash, unsigned *ret)
{
	for (unsigned h = 0; h < OCSP_HASHES; h++) {
		if (hashes[h] == hash) {
			*ret = h;
			return true;
		}
	}
	return false;
}

bool ocsp_issuer_matches(const struct ocsp_issuer *i, const struct ocsp_id *id)
{
	unsigned h;
	size_t len = digest_len(id->hash);

	return hash_index(id->hash, &h) && slice_equal(id->name_hash, slice_of(i->name[h], len)) &&
	       slice_equal(id->key_hash, slice_of(i->key[h], len));
}

static void put_id(struct der_writer *w, const struct ocsp_issuer *i, unsigned h, struct slice serial)
{
	size_t len = digest_len(hashes[h]);

	der_begin(w, DER_SEQUENCE);
	/* RFC 3370 2.1: SHA-1 with NULL is what clients write and compare; the others without */
	if (hashes[h] == OID_SHA1)
		der_put_algorithm_null(w, OID_SHA1);
	else
		der_put_algorithm(w, hashes[h]);
	der_put_octets(w, slice_of(i->name[h], len));
	der_put_octets(w, slice_of(i->key[h], len));
	der_put_integer(w, serial);
	der_end(w);
}

RC ocsp_id_build(const struct ocsp_issuer *i, enum oid hash, struct slice serial, struct buf *ret)
{
	AUTO_DER(w, 256);
	unsigned h;

	NEED(hash_index(hash, &h), RC_INPUT, "OCSP: CertID with SHA-1, SHA-256 or SM3 only");
	put_id(&w, i, h, serial);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

void ocsp_take_id(struct der_reader *r, struct ocsp_id *ret)
{
	const uint8_t *from = r->p;
	struct slice params;

	der_enter(r, DER_SEQUENCE);
	ret->hash = der_algorithm(r, &params);
	ret->name_hash = der_octets(r);
	ret->key_hash = der_octets(r);
	ret->serial = der_integer(r);
	der_leave(r);
	if (r->why == NULL && (ret->name_hash.len > 64 || ret->key_hash.len > 64 || params.len > 16))
		der_fail(r, "hash longer than any we know");
	if (r->why == NULL && ret->serial.len > CERT_SERIAL_MAX)
		der_fail(r, "serial number of more than 20 octets");
	if (r->why == NULL)
		ret->der = slice_of(from, (size_t)(r->p - from));
}

/* ---- extensions ---- */

/* RFC 9654 2.1: an OCTET STRING of 1 to 128 bytes inside extnValue. */
static bool nonce_sound(struct slice value)
{
	struct der_reader r = der_read(value);
	struct slice v = der_octets(&r);

	return r.why == NULL && !der_more(&r) && v.len > 0 && v.len <= OCSP_NONCE_MAX;
}

void ocsp_take_exts(struct der_reader *r, bool *has_nonce, struct slice *nonce)
{
	struct exts x;

	exts_take(r, &x);
	for (size_t i = 0; r->why == NULL && i < x.count; i++) {
		if (x.at[i].oid == OID_OCSP_NONCE) {
			*has_nonce = true;
			*nonce = x.at[i].value;
			if (!nonce_sound(*nonce))
				der_fail(r, "nonce is not 1 to 128 bytes (RFC 9654 2.1)");
		} else if (x.at[i].critical) {
			der_fail(r, "critical extension that is not understood (RFC 6960 4.4)");
		}
	}
}

void ocsp_put_nonce(struct der_writer *w, struct slice nonce)
{
	ext_begin(w, OID_OCSP_NONCE, false);
	der_raw(w, nonce);
	ext_end(w);
}

/* ---- request ---- */

static void take_single(struct der_reader *r, struct ocsp_request *q)
{
	bool has = false;
	struct slice none;

	if (q->count == OCSP_IDS) {
		der_fail(r, "more than 20 certificates asked for");
		return;
	}
	der_enter(r, DER_SEQUENCE);
	ocsp_take_id(r, &q->ids[q->count]);
	if (der_at(r, DER_CTXC(0))) {
		der_enter(r, DER_CTXC(0));
		ocsp_take_exts(r, &has, &none);
		der_leave(r);
	}
	der_leave(r);
	q->count++;
}

static void take_tbs(struct der_reader *r, struct ocsp_request *q)
{
	der_enter(r, DER_SEQUENCE);
	if (der_at(r, DER_CTXC(0)))
		der_fail(r, "version is not v1, or its DEFAULT is written out");
	if (der_at(r, DER_CTXC(1)))
		der_element(r); /* requestorName */
	der_enter(r, DER_SEQUENCE);
	if (!der_more(r))
		der_fail(r, "no certificate asked for");
	while (der_more(r))
		take_single(r, q);
	der_leave(r);
	if (der_at(r, DER_CTXC(2))) {
		der_enter(r, DER_CTXC(2));
		ocsp_take_exts(r, &q->has_nonce, &q->nonce);
		der_leave(r);
	}
	der_leave(r);
}

RC ocsp_request_parse(struct slice der, struct ocsp_request *ret)
{
	struct der_reader r = der_read(der);

	REQUIRE(der.len <= OCSP_REQUEST_MAX, OCSP_REQUEST, "OCSP request: more than %d bytes",
	        OCSP_REQUEST_MAX);
	ret->count = 0;
	ret->has_nonce = false;
	ret->nonce = ret->signature = SLICE_NONE;
	der_enter(&r, DER_SEQUENCE);
	ret->tbs = slice_of(r.p, 0);
	take_tbs(&r, ret);
	if (r.why == NULL)
		ret->tbs.len = (size_t)(r.p - ret->tbs.p);
	if (der_at(&r, DER_CTXC(0))) {
		der_enter(&r, DER_CTXC(0));
		ret->signature = der_element_of(&r, DER_SEQUENCE);
		der_leave(&r);
	}
	der_leave(&r);
	return form_done(&r, ERR_OCSP_REQUEST, "OCSP request");
}

/* ---- signed requests ---- */

/* RFC 6960 4.1.1; only the first certificate is looked at: the signer's. */
static RC take_signature(const struct ocsp_request *q, struct sigalg *alg, struct slice *sig,
                         struct slice *certificate)
{
	struct der_reader r = der_read(q->signature);

	REQUIRE(q->signature.len > 0, OCSP_REQUEST, "OCSP request: not signed");
	*certificate = SLICE_NONE;
	der_enter(&r, DER_SEQUENCE);
	*alg = sigalg_take(&r);
	*sig = der_bits(&r, NULL);
	if (der_at(&r, DER_CTXC(0))) {
		der_enter(&r, DER_CTXC(0));
		der_enter(&r, DER_SEQUENCE);
		*certificate = der_element_of(&r, DER_SEQUENCE);
		while (der_more(&r))
			der_element(&r);
		der_leave(&r);
		der_leave(&r);
	}
	der_leave(&r);
	TRY(form_done(&r, ERR_OCSP_REQUEST, "OCSP request"));
	REQUIRE(certificate->len > 0, OCSP_REQUEST, "OCSP request: the signer's certificate is not in it");
	return OK;
}

RC ocsp_request_signer(const struct ocsp_request *q, struct cert *ret)
{
	struct slice sig, certificate;
	struct sigalg alg;

	TRY(take_signature(q, &alg, &sig, &certificate));
	return cert_parse(certificate, ret);
}

RC ocsp_request_verify(const struct ocsp_request *q, const struct cert *signer, const struct cert *issuer,
                       int64_t at)
{
	struct slice sig, certificate;
	struct sigalg alg;

	TRY(take_signature(q, &alg, &sig, &certificate));
	TRY(chain_link(signer, issuer, at));
	return pubkey_verify(&signer->key, alg, q->tbs, sig, SM2_ID);
}

RC ocsp_request_build(const struct ocsp_issuer *issuer, enum oid hash, const struct slice *serials, size_t n,
                      struct slice nonce, struct buf *ret)
{
	AUTO_DER(value, OCSP_NONCE_MAX + 8);
	AUTO_DER(w, OCSP_REQUEST_MAX);
	unsigned h;

	NEED(hash_index(hash, &h), RC_INPUT, "OCSP: CertID with SHA-1, SHA-256 or SM3 only");
	NEED(n > 0 && n <= OCSP_IDS, RC_INPUT, "OCSP: 1 to %d certificates in one request", OCSP_IDS);
	der_put_octets(&value, nonce);
	TRY(buf_done(&value.out));
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++) {
		der_begin(&w, DER_SEQUENCE);
		put_id(&w, issuer, h, serials[i]);
		der_end(&w);
	}
	der_end(&w);
	if (nonce.len > 0) {
		der_begin(&w, DER_CTXC(2));
		der_begin(&w, DER_SEQUENCE);
		ocsp_put_nonce(&w, buf_slice(&value.out));
		der_end(&w);
		der_end(&w);
	}
	der_end(&w);
	der_end(&w);
	TRY(buf_done(&w.out));
	buf_add(ret, buf_slice(&w.out));
	return buf_done(ret);
}

/* ---- errors ---- */

const char *ocsp_error_name(enum ocsp_error e)
{
	static const char *const names[] = {"successful", "malformedRequest", "internalError", "tryLater",
	                                    NULL,         "sigRequired",      "unauthorized"};

	return names[e];
}

struct slice ocsp_error_response(enum ocsp_error e)
{
	static const uint8_t answers[][5] = {
	        {0x30, 3, 0x0a, 1, 0}, {0x30, 3, 0x0a, 1, 1}, {0x30, 3, 0x0a, 1, 2}, {0x30, 3, 0x0a, 1, 3},
	        {0x30, 3, 0x0a, 1, 2}, {0x30, 3, 0x0a, 1, 5}, {0x30, 3, 0x0a, 1, 6},
	};

	return slice_of(answers[e], sizeof(answers[e]));
}
