/* Reading certificates. */
#include "pki/cert.h"

#include "base/text.h"
#include "pki/form.h"
#include "pki/name.h"
#include "sm/sm3.h"

/* Serial: positive, 20 octets with its sign (RFC 5280 4.1.2.2). */
static struct slice take_serial(struct der_reader *r)
{
	struct slice s = der_integer(r);

	if (r->why == NULL && s.p[0] == 0)
		der_fail(r, "serial number zero");
	if (r->why == NULL && s.len + (s.p[0] >> 7) > CERT_SERIAL_MAX)
		der_fail(r, "serial number of more than 20 octets");
	return s;
}

static unsigned take_version(struct der_reader *r)
{
	unsigned v = 0;

	if (!der_at(r, DER_CTXC(0)))
		return 1;
	der_enter(r, DER_CTXC(0));
	v = (unsigned)der_uint(r, 2);
	der_leave(r);
	if (r->why == NULL && v == 0)
		der_fail(r, "DEFAULT value is written out");
	return v + 1;
}

static void take_validity(struct der_reader *r, struct cert *c)
{
	der_enter(r, DER_SEQUENCE);
	c->not_before = der_time(r);
	c->not_after = der_time(r);
	der_leave(r);
}

static void take_tbs(struct der_reader *r, struct cert *c)
{
	der_enter(r, DER_SEQUENCE);
	c->version = take_version(r);
	c->serial = take_serial(r);
	c->alg = sigalg_take(r);
	c->issuer = der_element_of(r, DER_SEQUENCE);
	take_validity(r, c);
	c->subject = der_element_of(r, DER_SEQUENCE);
	c->key.spki = der_element_of(r, DER_SEQUENCE);
	if (der_at(r, DER_CTX(1)) || der_at(r, DER_CTX(2)))
		der_fail(r, "unique identifiers (RFC 5280 4.1.2.8)");
	if (der_at(r, DER_CTXC(3))) {
		if (c->version != 3)
			der_fail(r, "extensions in a certificate that is not v3");
		der_enter(r, DER_CTXC(3));
		exts_take(r, &c->exts);
		der_leave(r);
	}
	der_leave(r);
}

/* One extension; kinds that are not read here are named when critical. */
static void decode(struct der_reader *r, const struct ext *e, struct cert *c)
{
	switch ((int)e->oid) {
	case OID_BASIC:
		c->has_basic = true;
		ext_take_basic(r, &c->ca, &c->path_length);
		break;
	case OID_KEY_USAGE:
		c->has_usage = true;
		c->usage = ext_take_key_usage(r);
		break;
	case OID_EKU:
		ext_take_purposes(r, &c->purposes);
		break;
	case OID_SKI:
		c->ski = ext_take_ski(r);
		break;
	case OID_AKI:
		c->aki = ext_take_aki(r);
		break;
	case OID_SAN:
		c->san = der_element_of(r, DER_SEQUENCE);
		break;
	case OID_POLICIES:
		ext_take_policies(r, &c->policies);
		break;
	default:
		c->unknown_critical |= e->critical;
		der_element(r);
	}
}

/* Addresses and the like: never a reason to trust a certificate. */
static bool decode_pointer(struct der_reader *r, const struct ext *e, struct cert *c)
{
	switch ((int)e->oid) {
	case OID_CRLDP:
		ext_take_crldp(r, &c->crl);
		return true;
	case OID_AIA:
		ext_take_aia(r, &c->ocsp, &c->ca_issuers);
		return true;
	case OID_OCSP_NOCHECK:
		der_null(r);
		c->nocheck = true;
		return true;
	default:
		return false;
	}
}

static RC decode_all(struct cert *c)
{
	struct general_names names;

	c->path_length = -1;
	for (size_t i = 0; i < c->exts.count; i++) {
		const struct ext *e = &c->exts.at[i];
		struct der_reader r = der_read(e->value);
		if (e->oid == OID_UNKNOWN) {
			c->unknown_critical |= e->critical;
			continue;
		}
		if (!decode_pointer(&r, e, c))
			decode(&r, e, c);
		struct rc rc = form_done(&r, ERR_CERT, oid_name(e->oid));
		if (!rc_ok(rc))
			return rc_note(rc, "certificate");
	}
	return cert_names(c, &names);
}

static RC check_parts(struct cert *c)
{
	struct slice spki = c->key.spki;
	struct name name;

	TRY(name_parse(c->issuer, &name));
	REQUIRE(name.count > 0, CERT, "certificate: no issuer (RFC 5280 4.1.2.4)");
	TRY(name_parse(c->subject, &name));
	TRY(pubkey_parse(spki, &c->key));
	return decode_all(c);
}

RC cert_parse_tbs(struct slice tbs, struct cert *ret)
{
	struct der_reader r = der_read(tbs);
	struct cert c = {.tbs = tbs};

	REQUIRE(tbs.len <= CERT_DER_MAX, CERT, "certificate: more than %d bytes", CERT_DER_MAX);
	take_tbs(&r, &c);
	TRY(form_done(&r, ERR_CERT, "certificate"));
	TRY(check_parts(&c));
	*ret = c;
	return OK;
}

RC cert_parse(struct slice der, struct cert *ret)
{
	struct der_reader r = der_read(der);
	struct slice tbs, signature;
	struct sigalg outer;

	REQUIRE(der.len <= CERT_DER_MAX, CERT, "certificate: more than %d bytes", CERT_DER_MAX);
	der_enter(&r, DER_SEQUENCE);
	tbs = der_element_of(&r, DER_SEQUENCE);
	outer = sigalg_take(&r);
	signature = der_bits(&r, NULL);
	der_leave(&r);
	TRY(form_done(&r, ERR_CERT, "certificate"));
	TRY(cert_parse_tbs(tbs, ret));
	REQUIRE(slice_equal(ret->alg.der, outer.der), CERT,
	        "certificate: inner and outer algorithm differ (RFC 5280 4.1.1.2)");
	ret->der = der;
	REQUIRE(signature.len > 0, CERT, "certificate: no signature");
	ret->signature = signature;
	return OK;
}

RC cert_read(struct slice text, struct buf *der, struct cert *ret)
{
	TRY(text_pem(text, "CERTIFICATE", der));
	return cert_parse(buf_slice(der), ret);
}

RC cert_verify(const struct cert *c, const struct pubkey *issuer)
{
	return pubkey_verify(issuer, c->alg, c->tbs, c->signature, SM2_ID);
}

RC cert_sm2_key(const struct cert *c, struct sm2_pub *ret)
{
	REQUIRE(c->key.kind == PUBKEY_SM2, CERT_KEY, "certificate: its key is %s, not sm2",
	        pubkey_kind_name(c->key.kind));
	*ret = c->key.sm2;
	return OK;
}

void cert_sm3(const struct cert *c, uint8_t ret[32])
{
	sm3_hash(c->der, ret);
}

RC cert_names(const struct cert *c, struct general_names *ret)
{
	struct der_reader r = der_read(c->san);

	ret->count = 0;
	if (c->san.len == 0)
		return OK;
	ext_take_san(&r, ret);
	return form_done(&r, ERR_CERT, "certificate: subjectAltName");
}

RC cert_uri(const struct cert *c, const char *prefix, struct slice *ret)
{
	struct general_names names;
	size_t n = strlen(prefix);

	TRY(cert_names(c, &names));
	for (size_t i = 0; i < names.count; i++) {
		struct slice v = names.at[i].value;
		if (names.at[i].kind != GENERAL_URI || v.len < n || memcmp(v.p, prefix, n) != 0)
			continue;
		*ret = slice_of(v.p + n, v.len - n);
		return OK;
	}
	FAIL(RC_NOTFOUND, "certificate: no name beginning with %s", prefix);
}

RC cert_policy(const struct cert *c, const struct slice *policies, size_t n, size_t *which)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < c->policies.count; j++) {
			if (!slice_equal(policies[i], c->policies.at[j]))
				continue;
			*which = i;
			found++;
		}
	}
	NEED(found == 1, RC_NOTFOUND, "certificate: %zu of the asked policies, not one", found);
	return OK;
}

void cert_serial_text(struct slice serial, char ret[CERT_SERIAL_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	size_t k = 0;

	for (size_t i = 0; i < serial.len && i < CERT_SERIAL_MAX; i++) {
		if (k > 0 || serial.p[i] >= 16)
			ret[k++] = hex[serial.p[i] >> 4];
		if (k > 0 || serial.p[i] > 0)
			ret[k++] = hex[serial.p[i] & 15];
	}
	if (k == 0)
		ret[k++] = '0';
	ret[k] = 0;
}

RC cert_serial_from_text(struct slice text, struct buf *ret)
{
	uint8_t padded[2 * CERT_SERIAL_MAX];
	size_t odd = text.len & 1;

	NEED(text.len > 0 && text.len <= 2 * CERT_SERIAL_MAX && text.p[0] != '0', RC_INPUT,
	     "serial number: lower-case hex without leading zeros, at most %d digits", 2 * CERT_SERIAL_MAX);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.p[i];
		NEED((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'), RC_INPUT,
		     "serial number: lower-case hex digits only");
	}
	padded[0] = '0';
	memcpy(padded + odd, text.p, text.len);
	return text_hex_any(slice_of(padded, text.len + odd), ret);
}
