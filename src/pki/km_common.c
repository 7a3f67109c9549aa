#include "pki/km_common.h"

#include "pki/cert.h"
#include "pki/form.h"
#include "sm/sm3.h"

/* ---- EntName ---- */

RC km_name_from_certificate(struct slice certificate, uint8_t hash[32], struct km_name *ret)
{
	struct cert c;

	TRY(cert_parse(certificate, &c));
	sm3_hash(c.key.bits, hash);
	*ret = (struct km_name){
	        .hash = OID_SM3,
	        .dn = c.subject,
	        .key_hash = slice_of(hash, SM3_LEN),
	        .serial = c.serial,
	};
	return OK;
}

/* Whether the standard hashes the key's octets or the whole structure could not be read
 * (standards.md 3.1): both count. */
static bool hash_matches(const struct km_name *n, const struct pubkey *k)
{
	uint8_t whole[SM3_LEN], key[SM3_LEN];

	sm3_hash(k->spki, whole);
	sm3_hash(k->bits, key);
	return slice_equal(n->key_hash, SLICE_ARR(key)) || slice_equal(n->key_hash, SLICE_ARR(whole));
}

bool km_name_matches(const struct km_name *n, struct slice certificate)
{
	struct cert c;

	return n->hash == OID_SM3 && rc_ok(cert_parse(certificate, &c)) && slice_equal(n->serial, c.serial) &&
	       (n->dn_is_text || slice_equal(n->dn, c.subject)) && hash_matches(n, &c.key);
}

void km_take_name(struct der_reader *r, struct km_name *ret)
{
	struct slice params;

	*ret = (struct km_name){0};
	der_enter(r, DER_SEQUENCE);
	ret->hash = der_algorithm(r, &params);
	ret->dn_is_text = der_at(r, DER_CTX(2)); /* dNSName */
	if (ret->dn_is_text) {
		ret->dn = der_value(r, DER_CTX(2));
	} else {
		der_enter(r, DER_CTXC(4)); /* directoryName, EXPLICIT: Name is a CHOICE */
		ret->dn = der_element_of(r, DER_SEQUENCE);
		der_leave(r);
	}
	ret->key_hash = der_octets(r);
	ret->serial = km_take_number(r, KM_SERIAL_MAX);
	der_leave(r);
	if (ret->dn.len > KM_NAME_MAX || ret->key_hash.len > 64)
		der_fail(r, "name or hash too long");
}

void km_put_name(struct der_writer *w, const struct km_name *n)
{
	der_begin(w, DER_SEQUENCE);
	der_put_algorithm(w, n->hash);
	if (n->dn_is_text) {
		der_put(w, DER_CTX(2), n->dn);
	} else {
		der_begin(w, DER_CTXC(4));
		der_raw(w, n->dn);
		der_end(w);
	}
	der_put_octets(w, n->key_hash);
	der_put_integer(w, n->serial);
	der_end(w);
}

/* ---- fields ---- */

void km_take_key(struct der_reader *r, struct slice *spki, struct sm2_pub *pub)
{
	struct pubkey k;

	*spki = der_element_of(r, DER_SEQUENCE);
	if (r->why != NULL)
		return;
	if (rc_ok(pubkey_parse(*spki, &k)) && k.kind == PUBKEY_SM2)
		*pub = k.sm2;
	else
		der_fail(r, "not an SM2 public key");
}

struct slice km_take_number(struct der_reader *r, size_t max)
{
	struct slice n = der_integer(r);

	if (n.len > max)
		der_fail(r, "number too long");
	return n;
}

unsigned km_enter_choice(struct der_reader *r, bool *nested)
{
	uint8_t tag = der_tag(r);
	struct der_reader in;
	struct slice first;

	*nested = false;
	if (tag < DER_CTXC(0) || tag > DER_CTXC(3)) {
		der_fail(r, "not one of the choices");
		return 0;
	}
	der_enter(r, tag);
	if (der_at(r, DER_SEQUENCE)) {
		in = *r;
		first = der_element(&in);
		*nested = first.len > 0 && !der_more(&in) && in.why == NULL;
		if (*nested)
			der_enter(r, DER_SEQUENCE);
	}
	return tag & 3u;
}

void km_leave_choice(struct der_reader *r, bool nested)
{
	if (nested)
		der_leave(r);
	der_leave(r);
}

struct slice km_take_text(struct der_reader *r)
{
	static const uint8_t tags[] = {DER_OCTET_STRING, DER_UTF8, DER_IA5, DER_PRINTABLE};
	struct slice s = SLICE_NONE;

	for (size_t i = 0; i < sizeof(tags); i++)
		if (der_at(r, tags[i])) {
			s = der_value(r, tags[i]);
			if (s.len > KM_TEXT_MAX)
				der_fail(r, "text too long");
			return s;
		}
	der_fail(r, "not a text");
	return s;
}

/* ---- the signed shell ---- */

void km_take_signed(struct der_reader *r, struct slice *tbs, struct slice *signature)
{
	struct slice params;
	enum oid o;

	*tbs = der_element_of(r, DER_SEQUENCE);
	o = der_algorithm(r, &params);
	if (o != OID_SM2_SM3 && o != OID_SM2_SIGN)
		der_fail(r, "signature algorithm is not SM2 with SM3");
	if (der_at(r, DER_BIT_STRING)) {
		unsigned unused;

		*signature = der_bits(r, &unused);
	} else {
		*signature = der_octets(r);
	}
}

RC km_assemble(struct slice tbs, struct slice signature, size_t max, struct buf *ret)
{
	AUTO_DER(w, max);

	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, tbs);
	der_put_algorithm(&w, OID_SM2_SM3);
	der_put_octets(&w, signature);
	der_end(&w);
	return der_finish(&w, ret);
}

RC km_sign_tbs(struct slice tbs, const struct sm2_key *key, size_t max, struct buf *ret)
{
	AUTO_BUF(der, SM2_SIG_DER_MAX);
	struct sm2_sig sig;

	TRY(sm2_sign(key, SM2_ID, tbs, &sig));
	sm2_sig_to_der(&sig, &der);
	TRY(buf_done(&der));
	return km_assemble(tbs, buf_slice(&der), max, ret);
}

RC km_verify(struct slice tbs, struct slice signature, const struct sm2_pub *pub)
{
	struct sm2_sig sig;

	REQUIRE(rc_ok(sm2_sig_from_der(signature, &sig)), KM_SIGNATURE, "km: not an SM2Signature");
	REQUIRE(rc_ok(sm2_verify(pub, SM2_ID, tbs, &sig)), KM_SIGNATURE, "km: the signature does not verify");
	return OK;
}
