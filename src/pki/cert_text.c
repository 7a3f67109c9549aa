/* A certificate in words. */
#include "base/text.h"
#include "base/time.h"
#include "pki/cert.h"
#include "pki/name.h"

static void put_time(struct buf *b, const char *label, int64_t t)
{
	char text[21];

	time_text(t, text);
	buf_printf(b, "%s: %s\n", label, text);
}

static RC put_name(struct buf *b, const char *label, struct slice der)
{
	buf_printf(b, "%s: ", label);
	TRY(name_to_text(der, b));
	buf_u8(b, '\n');
	return OK;
}

static void put_hex(struct buf *b, const char *label, struct slice s)
{
	if (s.len == 0)
		return;
	buf_printf(b, "%s: ", label);
	buf_hex(b, s);
	buf_u8(b, '\n');
}

static const char *mark(const struct cert *c, enum oid oid)
{
	const struct ext *e = exts_find(&c->exts, oid);

	return e != NULL && e->critical ? " critical," : "";
}

static void put_usage(struct buf *b, const struct cert *c)
{
	if (!c->has_usage)
		return;
	buf_printf(b, "keyUsage:%s", mark(c, OID_KEY_USAGE));
	for (unsigned i = 0; i < USAGE_COUNT; i++) {
		if (c->usage & (1u << i))
			buf_printf(b, " %s", key_usage_name(i));
	}
	buf_u8(b, '\n');
}

static void put_basic(struct buf *b, const struct cert *c)
{
	if (!c->has_basic)
		return;
	buf_printf(b, "basicConstraints:%s %s", mark(c, OID_BASIC), c->ca ? "CA" : "no CA");
	if (c->path_length >= 0)
		buf_printf(b, ", path length %d", c->path_length);
	buf_u8(b, '\n');
}

static RC put_lists(struct buf *b, const struct cert *c)
{
	struct general_names names;

	if (c->purposes.count > 0) {
		buf_printf(b, "extKeyUsage:%s", mark(c, OID_EKU));
		for (size_t i = 0; i < c->purposes.count; i++)
			buf_printf(b, " %s", oid_name(c->purposes.at[i]));
		buf_u8(b, '\n');
	}
	for (size_t i = 0; i < c->policies.count; i++) {
		buf_text(b, "policy: ");
		TRY(oid_to_dotted(c->policies.at[i], b));
		buf_u8(b, '\n');
	}
	TRY(cert_names(c, &names));
	for (size_t i = 0; i < names.count; i++) {
		buf_printf(b, "subjectAltName:%s ", mark(c, OID_SAN));
		general_to_text(&names.at[i], b);
		buf_u8(b, '\n');
	}
	return OK;
}

static void put_urls(struct buf *b, const char *label, const struct ext_urls *u)
{
	for (size_t i = 0; i < u->count; i++) {
		buf_printf(b, "%s: ", label);
		buf_add(b, u->at[i]);
		buf_u8(b, '\n');
	}
}

/* One string, bare or under a tag, as the identity extensions of GM/T 0015 are. */
static bool one_string(struct slice value, struct slice *ret)
{
	struct der_reader r = der_read(value);
	uint8_t tag = der_tag(&r);
	bool tagged = (tag & 0xe0) == 0xa0;

	if (tagged)
		der_enter(&r, tag);
	tag = der_tag(&r);
	if (tag != DER_PRINTABLE && tag != DER_UTF8 && tag != DER_IA5)
		return false;
	*ret = der_value(&r, tag);
	if (tagged)
		der_leave(&r);
	return rc_ok(der_done(&r, "extension")) && text_clean(*ret);
}

RC ext_to_text(const struct ext *e, struct buf *ret)
{
	struct slice text;

	TRY(oid_to_dotted(e->oid_raw, ret));
	buf_text(ret, e->critical ? ": critical, " : ": ");
	if (one_string(e->value, &text)) {
		buf_u8(ret, '"');
		buf_add(ret, text);
		buf_u8(ret, '"');
	} else {
		buf_hex(ret, e->value);
	}
	return buf_done(ret);
}

static RC put_unknown(struct buf *b, const struct cert *c)
{
	for (size_t i = 0; i < c->exts.count; i++) {
		if (c->exts.at[i].oid != OID_UNKNOWN)
			continue;
		buf_text(b, "extension ");
		TRY(ext_to_text(&c->exts.at[i], b));
		buf_u8(b, '\n');
	}
	return OK;
}

RC cert_to_text(const struct cert *c, struct buf *ret)
{
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(c->serial, serial);
	buf_printf(ret, "version: %u\nserial: %s\nsignature: %s%s\n", c->version, serial, sigalg_name(c->alg),
	           c->alg.null ? " (NULL)" : "");
	TRY(put_name(ret, "issuer", c->issuer));
	put_time(ret, "from", c->not_before);
	put_time(ret, "until", c->not_after);
	TRY(put_name(ret, "subject", c->subject));
	buf_printf(ret, "key: %s, %u bits\n", pubkey_kind_name(c->key.kind), pubkey_bits(&c->key));
	put_hex(ret, "authorityKeyIdentifier", c->aki);
	put_hex(ret, "subjectKeyIdentifier", c->ski);
	put_basic(ret, c);
	put_usage(ret, c);
	TRY(put_lists(ret, c));
	put_urls(ret, "crl", &c->crl);
	put_urls(ret, "ocsp", &c->ocsp);
	put_urls(ret, "issuer certificate", &c->ca_issuers);
	if (c->nocheck)
		buf_text(ret, "ocspNoCheck\n");
	TRY(put_unknown(ret, c));
	return buf_done(ret);
}
