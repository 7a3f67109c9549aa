/* Rules as a table: one function, one clause, one sentence. */
#include "pki/lint.h"

#include "base/time.h"
#include "pki/name.h"

#define SERIAL_MIN 8 /* bytes; 64 random bits (CA/B BR 7.1), TLCP asks for 4 */

struct subject { /* what a rule looks at */
	const struct cert *c;
	const struct lint_rules *rules;
};

static bool is_ca(const struct subject *s)
{
	return s->rules->use == LINT_CA || (s->rules->use == LINT_ANY && s->c->ca);
}

static bool critical(const struct cert *c, enum oid oid)
{
	const struct ext *e = exts_find(&c->exts, oid);

	return e != NULL && e->critical;
}

static bool version(const struct subject *s)
{
	return s->c->version == 3;
}

static bool serial(const struct subject *s)
{
	return s->c->serial.len >= SERIAL_MIN;
}

static bool algorithm(const struct subject *s)
{
	return s->c->alg.oid != OID_UNKNOWN;
}

static bool validity(const struct subject *s)
{
	return s->c->not_before < s->c->not_after && s->c->not_before >= TIME_MIN;
}

static bool issuer_strings(const struct subject *s)
{
	return rc_ok(name_check(s->c->issuer));
}

static bool subject_strings(const struct subject *s)
{
	return rc_ok(name_check(s->c->subject));
}

static bool subject_there(const struct subject *s)
{
	return !name_is_empty(s->c->subject) || (!is_ca(s) && critical(s->c, OID_SAN));
}

static bool usage_critical(const struct subject *s)
{
	return s->c->has_usage && critical(s->c, OID_KEY_USAGE);
}

static bool usage_fits(const struct subject *s)
{
	uint32_t u = s->c->usage, sign = USAGE_SIGN | USAGE_NON_REPUDIATION,
	         ca = USAGE_CERT_SIGN | USAGE_CRL_SIGN;
	uint32_t encrypt = USAGE_KEY_ENCIPHER | USAGE_DATA_ENCIPHER | USAGE_KEY_AGREEMENT;

	if (is_ca(s))
		return (u & USAGE_CERT_SIGN) && (u & ~(ca | USAGE_SIGN)) == 0;
	if (u & ca)
		return false;
	if (s->rules->use == LINT_SIGN)
		return (u & USAGE_SIGN) && (u & ~sign) == 0;
	/* Tongsuo refuses keyAgreement alone, GmSSL asks for keyEncipherment (standards.md 7) */
	if (s->rules->use == LINT_ENCRYPT)
		return (u & USAGE_KEY_ENCIPHER) && (u & ~encrypt) == 0;
	return (u & ~(sign | encrypt)) == 0;
}

static bool basic(const struct subject *s)
{
	if (is_ca(s))
		return s->c->ca && critical(s->c, OID_BASIC);
	return !s->c->has_basic;
}

static bool key_id(const struct subject *s)
{
	uint8_t id[PUBKEY_SKI];

	return s->c->ski.len == PUBKEY_SKI && rc_ok(pubkey_ski(&s->c->key, id)) &&
	       slice_equal(s->c->ski, SLICE_ARR(id)) && !critical(s->c, OID_SKI);
}

static bool issuer_key_id(const struct subject *s)
{
	bool self = slice_equal(s->c->issuer, s->c->subject);

	return (s->c->aki.len > 0 || self) && !critical(s->c, OID_AKI);
}

static bool server_named(const struct subject *s)
{
	return !ext_has_purpose(&s->c->purposes, OID_KP_SERVER) || s->c->san.len > 0;
}

static bool purposes_there(const struct subject *s)
{
	return s->rules->class_count == 0 || s->c->purposes.count > 0;
}

static bool ocsp_nocheck(const struct subject *s)
{
	return !s->c->nocheck || ext_has_purpose(&s->c->purposes, OID_KP_OCSP);
}

static bool one_class(const struct subject *s)
{
	size_t which;

	return s->rules->class_count == 0 ||
	       rc_ok(cert_policy(s->c, s->rules->classes, s->rules->class_count, &which));
}

static bool nothing_unknown(const struct subject *s)
{
	return !s->c->unknown_critical;
}

static const struct {
	struct lint_finding finding;
	bool (*holds)(const struct subject *s);
} rules[] = {
        {{"version", "RFC 5280 4.1.2.1", "not X.509 v3"}, version},
        {{"serial", "R06.11", "serial number of less than 8 bytes"}, serial},
        {{"algorithm", "R06.15", "signature algorithm is none of ours"}, algorithm},
        {{"validity", "RFC 5280 4.1.2.5", "ends before it begins"}, validity},
        {{"issuer-strings", "RFC 5280 4.1.2.4", "issuer has attributes or string types outside the rules"},
         issuer_strings},
        {{"subject-strings", "RFC 5280 4.1.2.6", "subject has attributes or string types outside the rules"},
         subject_strings},
        {{"subject", "RFC 5280 4.1.2.6", "no subject, and no critical subjectAltName instead"},
         subject_there},
        {{"key-usage-critical", "RFC 5280 4.2.1.3", "keyUsage is missing or not critical"}, usage_critical},
        {{"key-usage", "R06.9", "keyUsage does not fit what the certificate is for"}, usage_fits},
        {{"basic-constraints", "RFC 5280 4.2.1.9", "basicConstraints: critical in a CA, absent elsewhere"},
         basic},
        {{"ski", "RFC 5280 4.2.1.2", "subjectKeyIdentifier is not the SHA-1 of the key"}, key_id},
        {{"aki", "RFC 5280 4.2.1.1", "authorityKeyIdentifier is missing"}, issuer_key_id},
        {{"eku", "RFC 5280 4.2.1.12", "a subscriber's certificate without extKeyUsage"}, purposes_there},
        {{"server-name", "RFC 6125 6.4.4", "serverAuth without subjectAltName"}, server_named},
        {{"nocheck", "RFC 6960 4.2.2.2.1", "ocspNoCheck in a certificate that is not a responder's"},
         ocsp_nocheck},
        {{"class", "R02.1", "not exactly one service class among the policies"}, one_class},
        {{"critical", "RFC 5280 4.2", "critical extension that is not understood"}, nothing_unknown},
};

static void add(struct lint *l, const struct lint_finding *f)
{
	if (l->count < LINT_FINDINGS)
		l->at[l->count++] = *f;
}

void lint_cert(const struct cert *c, const struct lint_rules *r, struct lint *ret)
{
	struct subject s = {c, r};

	ret->count = 0;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].holds(&s))
			add(ret, &rules[i].finding);
	}
}

void lint_pair(const struct cert *sign, const struct cert *encrypt, struct lint *ret)
{
	static const struct lint_finding subject = {"pair-subject", "R06.9", "the pair has two subjects"};
	static const struct lint_finding number = {"pair-serial", "RFC 5280 4.1.2.2",
	                                           "the pair has one serial number"};
	static const struct lint_finding usage = {"pair-usage", "R06.9", "both parts are for the same use"};
	static const struct lint_finding key = {"pair-key", "R06.9", "both parts have the same key"};

	ret->count = 0;
	if (!slice_equal(sign->subject, encrypt->subject))
		add(ret, &subject);
	if (slice_equal(sign->serial, encrypt->serial))
		add(ret, &number);
	if (sign->usage & encrypt->usage)
		add(ret, &usage);
	if (pubkey_equal(&sign->key, &encrypt->key))
		add(ret, &key);
}

RC lint_tbs(struct slice tbs, const struct lint_rules *r)
{
	struct cert c;
	struct lint l;

	TRY(cert_parse_tbs(tbs, &c));
	lint_cert(&c, r, &l);
	if (l.count > 0)
		REFUSE(LINT, "%s: %s (%s)", l.at[0].id, l.at[0].text, l.at[0].clause);
	return OK;
}
