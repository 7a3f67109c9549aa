/* R02.1, R06.9: profiles, and certificates made of them. */
#include "pki/profile_testing.h"

#include "../../tests/lib/golden.h"

/* ---- outside judge ---- */

static X509 *ossl_issue(struct stage *s, enum profile_part part)
{
	struct sm2_key ca = judge_scalar(1);
	AUTO(evp_pkey_st, key, judge_sm2(&ca));
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_BUF(sig, 80);
	AUTO_BUF(der, CERT_DER_MAX);

	assert_ok(profile_tbs(s->p, &s->a, &s->f, part, &tbs));
	judge_sign(key, buf_slice(&tbs), &sig);
	assert_ok(cert_complete(buf_slice(&tbs), buf_slice(&sig), &der));
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	assert_non_null(x);
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(id, (const unsigned char *)JUDGE_ID, 16);
	X509_set0_distinguishing_id(x, id);
	assert_int_equal(X509_verify(x, key), 1);
	assert_int_equal(
	        X509_get_extension_flags(x) & (EXFLAG_INVALID | EXFLAG_CRITICAL | EXFLAG_INVALID_POLICY), 0);
	return x;
}

static void test_openssl_agrees_on_the_pair(void **state)
{
	struct stage s;

	(void)state;
	set_up(&s, "server");
	AUTO(x509_st, sign, ossl_issue(&s, PROFILE_SIGN));
	AUTO(x509_st, encrypt, ossl_issue(&s, PROFILE_ENCRYPT));
	assert_int_equal(X509_get_key_usage(sign), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
	assert_int_equal(X509_get_key_usage(encrypt),
	                 KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT);
	assert_int_equal(X509_get_extended_key_usage(sign), XKU_SSL_SERVER);
	assert_int_equal(X509_get_extended_key_usage(encrypt), XKU_SSL_SERVER);
	assert_int_equal(X509_check_host(sign, "www.example.gov.cn", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(encrypt, "a.example.gov.cn", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(encrypt, "www.example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(sign), X509_get_subject_name(encrypt)), 0);
	/* end entities have no basicConstraints (design 10) */
	assert_int_equal(X509_get_ext_by_NID(sign, NID_basic_constraints, -1), -1);
	clear(&s);
}

/* Self-signed: name and key identifier are its own. */
static void test_self_signed(void **state)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	struct stage s;
	struct cert c;

	(void)state;
	set_up(&s, "root");
	s.a.name = s.a.ski = s.a.crl_url = s.a.ocsp_url = s.a.ca_url = SLICE_NONE;
	assert_ok(profile_tbs(s.p, &s.a, &s.f, PROFILE_SIGN, &tbs));
	assert_ok(cert_parse_tbs(buf_slice(&tbs), &c));
	assert_true(slice_equal(c.issuer, c.subject) && slice_equal(c.aki, c.ski) && c.ca);
	assert_int_equal(c.crl.count + c.ocsp.count + c.ca_issuers.count, 0);
	clear(&s);
}

static void test_same_facts_same_bytes(void **state)
{
	AUTO_BUF(a, PROFILE_TBS_MAX);
	AUTO_BUF(b, PROFILE_TBS_MAX);
	AUTO_BUF(again, 1024);
	struct stage s;
	struct cert c;

	(void)state;
	set_up(&s, "person");
	assert_ok(profile_tbs(s.p, &s.a, &s.f, PROFILE_SIGN, &a));
	assert_ok(profile_tbs(s.p, &s.a, &s.f, PROFILE_SIGN, &b));
	assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
	assert_ok(profile_subject(s.p, s.identity, &again));
	assert_ok(cert_parse_tbs(buf_slice(&a), &c));
	assert_true(slice_equal(c.subject, buf_slice(&again)));
	clear(&s);
}

/* ---- refusals ---- */

static void test_refused_facts_R02_1(void **state)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	struct stage s;
	struct profile_facts f;
	struct authority a;

	(void)state;
	set_up(&s, "person");
	f = s.f;
	a = s.a;
#define REFUSED(want, part, ...)                                                                             \
	do {                                                                                                 \
		s.f = f;                                                                                     \
		s.a = a;                                                                                     \
		__VA_ARGS__;                                                                                 \
		assert_refused(profile_tbs(s.p, &s.a, &s.f, part, &tbs), want);                              \
	} while (0)
	REFUSED(PROFILE_CLASS, PROFILE_SIGN, s.f.class = SLICE_NONE);
	REFUSED(PROFILE_CLASS, PROFILE_SIGN, s.f.class = SLICE_LIT("SECRET"));
	REFUSED(PROFILE_VALIDITY, PROFILE_SIGN, s.f.not_after = s.f.not_before + 1096LL * JUDGE_DAY);
	REFUSED(PROFILE_VALIDITY, PROFILE_SIGN, s.f.not_after = s.f.not_before);
	REFUSED(PROFILE_VALIDITY, PROFILE_SIGN, s.a.not_after = s.f.not_after - 1);
	REFUSED(AUTHORITY_WRONG, PROFILE_SIGN, s.f.spki = buf_slice(&s.p256));
	REFUSED(AUTHORITY_WRONG, PROFILE_SIGN, s.a.key = PUBKEY_P256);
	REFUSED(PROFILE_KEY, PROFILE_ENCRYPT, use_p256(&s));
	REFUSED(IDENTITY, PROFILE_SIGN, s.f.entity = NULL);
	REFUSED(IDENTITY, PROFILE_SIGN, s.f.entity = "short");
	REFUSED(PUBKEY, PROFILE_SIGN, s.f.spki = SLICE_LIT("\x30\0"));
	assert_int_equal(tbs.len, 0);
	clear(&s);
	set_up(&s, "operator");
	s.f.class = SLICE_LIT("GOV");
	assert_refused(profile_tbs(s.p, &s.a, &s.f, PROFILE_SIGN, &tbs), PROFILE_CLASS);
	s.f.class = SLICE_NONE;
	assert_refused(profile_tbs(s.p, &s.a, &s.f, PROFILE_ENCRYPT, &tbs), PROFILE_KEY);
	use_p256(&s);
	assert_refused(profile_tbs(s.p, &s.a, &s.f, PROFILE_SIGN, &tbs), PROFILE_KEY);
	clear(&s);
}

static void test_validity(void **state)
{
	struct stage s;
	int64_t end;

	(void)state;
	set_up(&s, "person");
	assert_ok(profile_validity(s.p, &s.a, JUDGE_NOW, 0, &end));
	assert_int_equal(end, JUDGE_NOW + 730LL * JUDGE_DAY - 1);
	assert_ok(profile_validity(s.p, &s.a, JUDGE_NOW, 1095, &end));
	assert_refused(profile_validity(s.p, &s.a, JUDGE_NOW, 1096, &end), PROFILE_VALIDITY);
	assert_refused(profile_validity(s.p, &s.a, JUDGE_NOW, -1, &end), PROFILE_VALIDITY);
	s.a.not_after = JUDGE_NOW + 10;
	assert_ok(profile_validity(s.p, &s.a, JUDGE_NOW, 1, &end));
	assert_int_equal(end, JUDGE_NOW + 10);
	assert_refused(profile_validity(s.p, &s.a, JUDGE_NOW + 10, 1, &end), PROFILE_VALIDITY);
	clear(&s);
}

/* ---- files ---- */

/* The profile of a person with one member replaced (or, when value is NULL, taken away). */
static void file_refused(const char *key, const char *value)
{
	AUTO_JSON(v, NULL);
	AUTO_BUF(text, PROFILE_MAX);
	AUTO(profile, p, NULL);

	assert_ok(json_read(profile_builtin_text("person"), PROFILE_MAX, &v));
	if (value == NULL)
		json_object_del(v, key);
	else
		json_object_set_new(v, key, json_loads(value, JSON_DECODE_ANY, NULL));
	assert_ok(json_canonical(v, &text));
	struct rc rc = profile_load(buf_slice(&text), &p);
	if (rc_ok(rc))
		fail_msg("accepted: %s = %s", key, value ? value : "nothing");
	assert_true(rc.code == RC_INPUT);
	assert_null(p);
}

static void test_wrong_files(void **state)
{
	AUTO(profile, p, NULL);
	struct slice text = profile_builtin_text("person");

	(void)state;
	file_refused("schema", "\"yuandian/profile/v2\"");
	file_refused("id", "\"Person\"");
	file_refused("keys", "[\"dsa\"]");
	file_refused("key_life_days", NULL);
	file_refused("key_life_days", "1094"); /* less than one certificate may last */
	file_refused("example", NULL);
	file_refused("evidence", "[\"identity-document\"]");
	file_refused("checks", "[{\"member\":\"document\",\"kind\":\"horoscope\"}]");
	file_refused("keys", "[\"p256\"]"); /* a pair has SM2 keys */
	file_refused("classes", "[]");      /* R02.1 */
	file_refused("classes", "[\"GOV\",\"SECRET\"]");
	file_refused("internal", "true");
	file_refused("dual", "false");
	file_refused("encrypt", NULL);
	file_refused("ca", "{}");
	file_refused("validity_days", "{\"default\":800,\"max\":700}");
	file_refused("subject", "[{\"type\":\"XX\",\"value\":\"a\"}]");
	file_refused("subject", "[{\"type\":\"CN\"}]");
	file_refused("subject", "[{\"type\":\"CN\",\"value\":\"a\",\"from\":\"name\"}]");
	file_refused("subject", "[{\"type\":\"C\",\"value\":\"China\"}]");
	file_refused("sign", "{\"key_usage\":[\"sing\"],\"extended\":[],\"san\":[]}");
	file_refused("sign", "{\"key_usage\":[\"keyCertSign\"],\"extended\":[],\"san\":[]}");
	file_refused("sign", "{\"key_usage\":[\"keyAgreement\"],\"extended\":[],\"san\":[]}"); /* R06.9 */
	file_refused("surplus", "1");
	assert_rc(profile_builtin("nobody", &p), RC_NOTFOUND);
	assert_rc(profile_builtin("../profiles/person", &p), RC_NOTFOUND);
	assert_rc(profile_builtin("profile.schema", &p), RC_NOTFOUND);
	assert_int_equal(profile_builtin_text("nobody").len, 0);
	assert_ok(profile_load(text, &p));
	assert_string_equal(profile_id(p), "person");
	assert_string_equal(profile_title(p, true), "Person");
	assert_false(profile_internal(p));
}

static void test_authority_from_cert(void **state)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(leaf_der, CERT_DER_MAX);
	struct authority a = {.id = "x"};
	struct cert c;

	(void)state;
	assert_ok(file_read(TEST_DATA "/cert/good/sm2-root.der", CERT_DER_MAX, &der));
	assert_ok(cert_parse(buf_slice(&der), &c));
	assert_ok(authority_from_cert(&c, &a));
	assert_true(slice_equal(a.name, c.subject) && slice_equal(a.ski, c.ski) && a.key == PUBKEY_SM2);
	assert_ok(file_read(TEST_DATA "/cert/good/sm2-leaf.der", CERT_DER_MAX, &leaf_der));
	assert_ok(cert_parse(buf_slice(&leaf_der), &c));
	assert_refused(authority_from_cert(&c, &a), CHAIN_NOT_CA);
}

static struct rc issue_fresh(struct stage *s)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);

	return profile_tbs(s->p, &s->a, &s->f, PROFILE_SIGN, &tbs);
}

static struct rc load_fresh(void)
{
	AUTO(profile, p, NULL);

	return profile_load(profile_builtin_text("person"), &p);
}

static void test_torture(void **state)
{
	struct stage s;

	(void)state;
	set_up(&s, "person");
	GOLDEN_TORTURE(issue_fresh(&s), 4);
	GOLDEN_TORTURE(load_fresh(), 1);
	clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_openssl_agrees_on_the_pair),
	        cmocka_unit_test(test_self_signed),
	        cmocka_unit_test(test_same_facts_same_bytes),
	        cmocka_unit_test(test_refused_facts_R02_1),
	        cmocka_unit_test(test_validity),
	        cmocka_unit_test(test_wrong_files),
	        cmocka_unit_test(test_authority_from_cert),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
