/* R06.15, R02.5, R06.9: certificates by OpenSSL are read as OpenSSL reads them, ours are read and
 * verified by OpenSSL, and each broken rule is refused under its own name. */
#include "pki/cert.h"

#include "base/mem.h"
#include "pki/chain.h"
#include "pki/lint.h"
#include "pki/name.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

DROP(asn1_string_st, ASN1_STRING_free);

/* ---- golden files ---- */

static X509 *ossl_parse(struct slice der)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);

	assert_non_null(x);
	assert_ptr_equal(p, der.p + der.len);
	return x;
}

static void same_name(const struct golden *g, struct slice der, const X509_NAME *theirs)
{
	const unsigned char *p;
	size_t len;

	assert_int_equal(X509_NAME_get0_der(theirs, &p, &len), 1);
	if (!slice_equal(der, slice_of(p, len)))
		fail_msg("%s: OpenSSL finds another name", g->name);
}

static void same_time(int64_t t, const ASN1_TIME *theirs)
{
	AUTO(asn1_string_st, mine, ASN1_TIME_set(NULL, t));

	assert_non_null(mine);
	assert_int_equal(ASN1_TIME_compare(mine, theirs), 0);
}

static void same_serial(struct slice serial, const ASN1_INTEGER *theirs)
{
	AUTO(bignum_st, n, ASN1_INTEGER_to_BN(theirs, NULL));
	uint8_t bytes[32];
	int len = BN_bn2bin(n, bytes);

	assert_true(slice_equal(serial, slice_of(bytes, (size_t)len)));
}

static void good(const struct golden *g)
{
	struct cert c;
	AUTO_BUF(text, 1 << 16);
	struct rc rc = cert_parse(g->der, &c);

	if (!rc_ok(rc))
		fail_msg("%s: %s", g->name, rc_last()->text);
	AUTO(x509_st, x, ossl_parse(g->der));
	same_name(g, c.issuer, X509_get_issuer_name(x));
	same_name(g, c.subject, X509_get_subject_name(x));
	same_serial(c.serial, X509_get0_serialNumber(x));
	same_time(c.not_before, X509_get0_notBefore(x));
	same_time(c.not_after, X509_get0_notAfter(x));
	assert_int_equal(c.version, X509_get_version(x) + 1);
	assert_int_equal(c.exts.count, X509_get_ext_count(x));
	/* X509_get_key_usage() is UINT32_MAX without the extension; its bits stand in another order */
	uint32_t usage = X509_get_key_usage(x);
	assert_int_equal(c.has_usage, usage != UINT32_MAX);
	for (unsigned i = 0; c.has_usage && i < 8; i++)
		assert_int_equal((c.usage >> i) & 1, (usage >> (7 - i)) & 1);
	assert_int_equal(c.ca, (X509_get_extension_flags(x) & EXFLAG_CA) != 0);
	assert_ok(cert_to_text(&c, &text));
	golden_again(g);
}

static void test_good_files(void **state)
{
	(void)state;
	golden_each("cert/good", 16, good);
}

static void bad(const struct golden *g)
{
	struct cert c;

	golden_refused(g, cert_parse(g->der, &c));
}

static void test_bad_files(void **state)
{
	(void)state;
	golden_each("cert/bad", 60, bad);
}

static void load(const char *name, struct buf *der, struct cert *c)
{
	char path[400];

	(void)snprintf(path, sizeof(path), TEST_DATA "/cert/good/%s.der", name);
	assert_ok(file_read(path, CERT_DER_MAX, der));
	assert_ok(cert_parse(buf_slice(der), c));
}

/* Every single byte of a certificate changed: never does it parse and verify with other contents. */
static void test_each_byte_counts(void **state)
{
	AUTO_BUF(root_der, CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert root, leaf, c;

	(void)state;
	load("sm2-root", &root_der, &root);
	load("sm2-leaf", &der, &leaf);
	assert_ok(chain_link(&leaf, &root, CHAIN_ANY_TIME));
	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 1;
		if (rc_ok(cert_parse(buf_slice(&der), &c)) && rc_ok(cert_verify(&c, &root.key)))
			fail_msg("byte %zu", i);
		der.p[i] ^= 1;
	}
}

static void test_decoded_extensions(void **state)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(text, 4096);
	struct general_names names;
	struct slice uri;
	struct cert c;

	(void)state;
	load("sm2-leaf", &der, &c);
	assert_ok(cert_names(&c, &names));
	for (size_t i = 0; i < names.count; i++) {
		general_to_text(&names.at[i], &text);
		buf_u8(&text, '\n');
	}
	/* what the openssl command was told (tests/lib/golden.py) */
	assert_string_equal(buf_cstr(&text),
	                    "URI:urn:uuid:7d9f1c52-4b4e-4d0c-9a57-0c2f1f0f7a11\nemail:a@example.cn\n"
	                    "DNS:www.example.cn\nIP:192.0.2.1\nIP:2001:db8::1\n");
	assert_ok(cert_uri(&c, "urn:uuid:", &uri));
	assert_true(slice_is(uri, "7d9f1c52-4b4e-4d0c-9a57-0c2f1f0f7a11"));
	assert_rc(cert_uri(&c, "yuandian://", &uri), RC_NOTFOUND);
	assert_int_equal(c.usage, USAGE_SIGN | USAGE_NON_REPUDIATION);
	assert_true(ext_has_purpose(&c.purposes, OID_KP_CLIENT) &&
	            ext_has_purpose(&c.purposes, OID_KP_EMAIL));
	assert_false(ext_has_purpose(&c.purposes, OID_KP_SERVER));
	assert_int_equal(c.policies.count, 2);
	assert_true(slice_is(c.crl.at[0], "http://127.0.0.1:7440/crl/sm2.crl"));
	assert_true(slice_is(c.ocsp.at[0], "http://127.0.0.1:7440/ocsp"));
	assert_true(slice_is(c.ca_issuers.at[0], "http://127.0.0.1:7440/ca/sm2.cer"));
	assert_true(c.has_basic && !c.ca);
}

/* Both policies of the file are there: not exactly one class. */
static void test_policy_is_one_of(void **state)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(gov, 32);
	AUTO_BUF(public, 32);
	struct cert c;
	size_t which = 9;

	(void)state;
	load("sm2-leaf", &der, &c);
	assert_ok(oid_from_dotted(SLICE_LIT("1.3.6.1.4.1.32473.1.1"), &gov));
	assert_ok(oid_from_dotted(SLICE_LIT("1.3.6.1.4.1.32473.1.2"), &public));
	struct slice both[] = {buf_slice(&public), buf_slice(&gov)};
	assert_rc(cert_policy(&c, both, 2, &which), RC_NOTFOUND);
	assert_ok(cert_policy(&c, both + 1, 1, &which));
	assert_int_equal(which, 0);
}

static void test_serial_text(void **state)
{
	char text[CERT_SERIAL_TEXT];
	AUTO_BUF(b, 32);

	(void)state;
	cert_serial_text(SLICE_LIT("\x0a\xbc"), text);
	assert_string_equal(text, "abc");
	cert_serial_text(SLICE_LIT("\0"), text);
	assert_string_equal(text, "0");
	assert_ok(cert_serial_from_text(SLICE_LIT("abc"), &b));
	assert_true(slice_equal(buf_slice(&b), SLICE_LIT("\x0a\xbc")));
	assert_rc(cert_serial_from_text(SLICE_LIT("0abc"), &b), RC_INPUT);
	assert_rc(cert_serial_from_text(SLICE_LIT("ABC"), &b), RC_INPUT);
	assert_rc(cert_serial_from_text(SLICE_NONE, &b), RC_INPUT);
	assert_rc(cert_serial_from_text(SLICE_LIT("1234567890123456789012345678901234567890a"), &b),
	          RC_INPUT);
}

/* ---- ours, judged by OpenSSL ---- */

struct issue {
	struct cert_template t;
	struct buf subject, issuer, spki;
};

static void prepare(struct issue *i, const struct sm2_key *k)
{
	static const uint8_t serial[16] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	static const struct general_name names[] = {{GENERAL_URI, {(const uint8_t *)"urn:uuid:a", 10}},
	                                            {GENERAL_DNS, {(const uint8_t *)"example.cn", 10}}};

	*i = (struct issue){.subject = BUF(1024), .issuer = BUF(1024), .spki = BUF(256)};
	assert_ok(name_from_text(SLICE_LIT("CN=张三,O=示范,C=CN"), &i->subject));
	assert_ok(name_from_text(SLICE_LIT("CN=示范 CA,C=CN"), &i->issuer));
	assert_ok(pubkey_put_sm2(&k->pub, &i->spki));
	i->t = (struct cert_template){
	        .serial = SLICE_ARR(serial),
	        .alg = sigalg_of(PUBKEY_SM2, false),
	        .issuer = buf_slice(&i->issuer),
	        .subject = buf_slice(&i->subject),
	        .not_before = JUDGE_NOW,
	        .not_after = JUDGE_NOW + 1000,
	        .spki = buf_slice(&i->spki),
	        .ski = SLICE_LIT("0123456789abcdef0123"),
	        .aki = SLICE_LIT("abcdefghijabcdefghij"),
	        .path_length = -1,
	        .usage = USAGE_SIGN | USAGE_NON_REPUDIATION,
	        .purposes = {2, {OID_KP_CLIENT, OID_KP_EMAIL}},
	        .policies = {1, {oid_contents(OID_ANY_POLICY)}},
	        .names = names,
	        .name_count = 2,
	        .crl_url = SLICE_LIT("http://a/crl"),
	        .ocsp_url = SLICE_LIT("http://a/ocsp"),
	        .ca_url = SLICE_LIT("http://a/ca"),
	};
}

static void release(struct issue *i)
{
	buf_free(&i->subject);
	buf_free(&i->issuer);
	buf_free(&i->spki);
}

static void issue(const struct issue *i, const struct sm2_key *ca, struct buf *ret)
{
	AUTO_BUF(tbs, CERT_DER_MAX);
	AUTO_BUF(sig, SM2_SIG_DER_MAX);
	struct sm2_sig s;

	assert_ok(cert_tbs(&i->t, &tbs));
	assert_ok(sm2_sign(ca, SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(cert_complete(buf_slice(&tbs), buf_slice(&sig), ret));
}

/* The template that gives this certificate. */
static void template_of(const struct cert *c, const struct general_names *names, struct cert_template *t)
{
	*t = (struct cert_template){
	        .serial = c->serial,
	        .alg = c->alg,
	        .issuer = c->issuer,
	        .subject = c->subject,
	        .not_before = c->not_before,
	        .not_after = c->not_after,
	        .spki = c->key.spki,
	        .ski = c->ski,
	        .aki = c->aki,
	        .basic = c->has_basic,
	        .ca = c->ca,
	        .path_length = c->path_length,
	        .usage = c->usage,
	        .purposes = c->purposes,
	        .policies = c->policies,
	        .names = names->at,
	        .name_count = names->count,
	        .nocheck = c->nocheck,
	};
	if (c->crl.count > 0)
		t->crl_url = c->crl.at[0];
	if (c->ocsp.count > 0)
		t->ocsp_url = c->ocsp.at[0];
	if (c->ca_issuers.count > 0)
		t->ca_url = c->ca_issuers.at[0];
}

static void test_openssl_verifies_ours(void **state)
{
	struct sm2_key ca = judge_scalar(1), user = judge_scalar(2);
	struct issue i;
	AUTO_BUF(der, CERT_DER_MAX);

	(void)state;
	prepare(&i, &user);
	issue(&i, &ca, &der);
	AUTO(x509_st, x, ossl_parse(buf_slice(&der)));
	AUTO(evp_pkey_st, key, judge_sm2(&ca));
	AUTO(evp_pkey_st, other, judge_sm2(&user));
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(id, (const unsigned char *)JUDGE_ID, 16);
	X509_set0_distinguishing_id(x, id);
	assert_int_equal(X509_verify(x, key), 1);
	assert_int_not_equal(X509_verify(x, other), 1);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
	assert_int_equal(X509_check_host(x, "example.cn", 0, 0, NULL), 1);
	assert_int_equal(X509_get_signature_nid(x), NID_SM2_with_SM3);
	release(&i);
}

/* decode -> encode gives identical bytes, through the decoded fields. */
static void test_decode_encode_R06_15(void **state)
{
	struct sm2_key ca = judge_scalar(1), user = judge_scalar(2);
	struct issue i;

	(void)state;
	prepare(&i, &user);
	for (unsigned form = 0; form < 8; form++) {
		AUTO_BUF(der, CERT_DER_MAX);
		AUTO_BUF(tbs, CERT_DER_MAX);
		AUTO_BUF(again, CERT_DER_MAX);
		struct general_names names;
		struct cert_template t;
		struct cert c;
		i.t.alg.null = form & 1;
		i.t.basic = i.t.ca = (form & 2) != 0;
		i.t.path_length = form == 3 ? 0 : -1;
		i.t.nocheck = (form & 4) != 0;
		i.t.not_after = form & 4 ? 2600000000 : JUDGE_NOW + 1;
		issue(&i, &ca, &der);
		assert_ok(cert_parse(buf_slice(&der), &c));
		assert_ok(cert_names(&c, &names));
		template_of(&c, &names, &t);
		assert_ok(cert_tbs(&t, &tbs));
		assert_ok(cert_assemble(buf_slice(&tbs), c.alg, c.signature, &again));
		assert_true(slice_equal(buf_slice(&again), buf_slice(&der)));
	}
	release(&i);
}

static void test_template_limits(void **state)
{
	struct sm2_key user = judge_scalar(2);
	struct issue i;
	AUTO_BUF(tbs, CERT_DER_MAX);

	(void)state;
	prepare(&i, &user);
	i.t.serial = SLICE_LIT("\0abcdefgh");
	assert_rc(cert_tbs(&i.t, &tbs), RC_BUG);
	i.t.serial = SLICE_LIT("\xff"
	                       "abcdefghijklmnopqrs");
	assert_rc(cert_tbs(&i.t, &tbs), RC_BUG);
	i.t.serial = SLICE_LIT("abcdefgh");
	i.t.not_after = 253402300800;
	assert_refused(cert_tbs(&i.t, &tbs), CERT);
	assert_int_equal(tbs.len, 0);
	release(&i);
}

/* Keys other than SM2 verify too; an algorithm that is not ours never does. */
static void test_other_algorithms(void **state)
{
	AUTO_BUF(root_der, CERT_DER_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(rsa_der, CERT_DER_MAX);
	AUTO_BUF(sha384_der, CERT_DER_MAX);
	struct cert root, leaf, rsa, sha384;

	(void)state;
	load("p256-root", &root_der, &root);
	load("p256-leaf", &der, &leaf);
	load("rsa-root", &rsa_der, &rsa);
	load("sha384", &sha384_der, &sha384);
	assert_ok(cert_verify(&root, &root.key));
	assert_ok(cert_verify(&leaf, &root.key));
	assert_ok(cert_verify(&rsa, &rsa.key));
	assert_refused(cert_verify(&leaf, &leaf.key), SIGNATURE);
	assert_refused(cert_verify(&leaf, &rsa.key), SIGNATURE_ALGORITHM);
	assert_refused(cert_verify(&sha384, &root.key), SIGNATURE_ALGORITHM);
	der.p[der.len - 1] ^= 1;
	assert_refused(cert_verify(&leaf, &root.key), SIGNATURE);
}

static void test_torture(void **state)
{
	struct sm2_key user = judge_scalar(2);
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(root_der, CERT_DER_MAX);
	struct issue i;
	struct cert c, root;

	(void)state;
	load("sm2-root", &root_der, &root);
	load("sm2-leaf", &der, &c);
	prepare(&i, &user);
	/* reading and verifying SM2 certificates allocates nothing of ours */
	GOLDEN_TORTURE(chain_link(&c, &root, CHAIN_ANY_TIME), 0);
	for (size_t n = 1; n < 40; n++) {
		AUTO_BUF(tbs, CERT_DER_MAX);
		(void)mem_fail_after(n);
		struct rc rc = cert_tbs(&i.t, &tbs);
		(void)mem_fail_after(0);
		assert_true(rc_ok(rc) || rc.code == RC_NOMEM);
	}
	release(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_files),
	        cmocka_unit_test(test_bad_files),
	        cmocka_unit_test(test_each_byte_counts),
	        cmocka_unit_test(test_decoded_extensions),
	        cmocka_unit_test(test_policy_is_one_of),
	        cmocka_unit_test(test_serial_text),
	        cmocka_unit_test(test_openssl_verifies_ours),
	        cmocka_unit_test(test_decode_encode_R06_15),
	        cmocka_unit_test(test_template_limits),
	        cmocka_unit_test(test_other_algorithms),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
