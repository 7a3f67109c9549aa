/* R06.9: requests by OpenSSL prove possession, with both ids; each broken rule under its own name; ours
 * are accepted by OpenSSL. */
#include "pki/csr.h"

#include "base/mem.h"
#include "pki/name.h"
#include "pki/testing.h"

#include "../../tests/lib/golden.h"

DROP(X509_req_st, X509_REQ_free);

static void good(const struct golden *g)
{
	struct csr c;
	struct rc rc = csr_parse(g->der, &c);
	const unsigned char *p = g->der.p;

	if (!rc_ok(rc))
		fail_msg("%s: %s", g->name, rc_last()->text);
	AUTO(X509_req_st, x, d2i_X509_REQ(NULL, &p, (long)g->der.len));
	const unsigned char *name;
	size_t len;
	assert_non_null(x);
	assert_int_equal(X509_NAME_get0_der(X509_REQ_get_subject_name(x), &name, &len), 1);
	assert_true(slice_equal(c.subject, slice_of(name, len)));
	golden_again(g);
}

static void test_good_files(void **state)
{
	(void)state;
	golden_each("csr/good", 9, good);
}

static void bad(const struct golden *g)
{
	struct csr c;

	golden_refused(g, csr_parse(g->der, &c));
}

static void test_bad_files(void **state)
{
	(void)state;
	golden_each("csr/bad", 17, bad);
}

static void load(const char *name, struct buf *der, struct csr *c)
{
	char path[400];

	(void)snprintf(path, sizeof(path), TEST_DATA "/csr/good/%s.der", name);
	assert_ok(file_read(path, CSR_DER_MAX, der));
	assert_ok(csr_parse(buf_slice(der), c));
}

static enum csr_proof proof_of(const char *name)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr c;

	load(name, &der, &c);
	return c.proof;
}

/* standards.md 8: the default id, then the empty one; which it was is recorded. */
static void test_which_id_R06_9(void **state)
{
	(void)state;
	assert_int_equal(proof_of("sm2"), CSR_PROOF_DEFAULT_ID);
	assert_int_equal(proof_of("sm2-empty-id"), CSR_PROOF_EMPTY_ID);
	assert_int_equal(proof_of("p256"), CSR_PROOF_NO_ID);
	assert_int_equal(proof_of("rsa"), CSR_PROOF_NO_ID);
	assert_string_equal(csr_proof_name(CSR_PROOF_EMPTY_ID), "empty");
}

/* A batch says of each what csr_prove() says alone, whatever else is in it. */
static void test_batch_R06_9(void **state)
{
	static const char *const names[] = {"sm2", "sm2-empty-id", "p256", "rsa", "gm-challenge"};
	enum { N = 150 };
	struct buf der[N];
	struct csr c[N], *all[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct csr whole;

		der[i] = BUF(CSR_DER_MAX);
		load(names[i % 5], &der[i], &whole);
		if (i % 7 == 3)
			der[i].p[der[i].len - 1] ^= 1;
		assert_ok(csr_parse_form(buf_slice(&der[i]), &c[i]));
		assert_false(c[i].proven);
		all[i] = &c[i];
	}
	csr_prove_batch(all, N);
	for (size_t i = 0; i < N; i++) {
		struct csr alone;
		struct rc rc = csr_parse(buf_slice(&der[i]), &alone);

		assert_true(c[i].proven == (rc_ok(rc) && alone.proof == CSR_PROOF_DEFAULT_ID));
		assert_int_equal(csr_prove(&c[i]).code, rc.code);
		if (rc_ok(rc))
			assert_int_equal(c[i].proof, alone.proof);
		else
			assert_refused(csr_prove(&c[i]), CSR_PROOF);
		buf_free(&der[i]);
	}
}

static void test_attributes(void **state)
{
	AUTO_BUF(der, CSR_DER_MAX);
	AUTO_BUF(gm, CSR_DER_MAX);
	struct general_names names;
	struct csr c;

	(void)state;
	load("attributes", &der, &c);
	assert_true(slice_is(c.challenge, "geheim42"));
	assert_int_equal(c.exts.count, 1);
	struct der_reader r = der_read(exts_find(&c.exts, OID_SAN)->value);
	ext_take_san(&r, &names);
	assert_true(names.count == 1 && slice_is(names.at[0].value, "www.example.cn"));
	load("gm-challenge", &gm, &c);
	assert_true(slice_is(c.challenge, "111111"));
	assert_int_equal(c.exts.count, 0);
}

static void test_each_byte_counts(void **state)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr c;

	(void)state;
	load("sm2", &der, &c);
	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 4;
		if (rc_ok(csr_parse(buf_slice(&der), &c)))
			fail_msg("byte %zu", i);
		der.p[i] ^= 4;
	}
}

static void build(const struct sm2_key *k, enum oid challenge, struct buf *ret)
{
	AUTO_BUF(name, NAME_DER_MAX);
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	AUTO_BUF(tbs, CSR_DER_MAX);
	AUTO_BUF(sig, SM2_SIG_DER_MAX);
	AUTO_DER(x, 256);
	struct general_name dns = {GENERAL_DNS, SLICE_LIT("a.cn")};
	struct sm2_sig s;

	assert_ok(name_from_text(SLICE_LIT("CN=张三,C=CN"), &name));
	assert_ok(pubkey_put_sm2(&k->pub, &spki));
	der_begin(&x, DER_SEQUENCE);
	ext_put_san(&x, &dns, 1, false);
	der_end(&x);
	struct csr_template t = {.subject = buf_slice(&name), .spki = buf_slice(&spki)};
	if (challenge != OID_UNKNOWN) {
		t.challenge = SLICE_LIT("secret");
		t.challenge_oid = challenge;
		t.extensions = buf_slice(&x.out);
	}
	assert_ok(csr_tbs(&t, &tbs));
	assert_ok(sm2_sign(k, SM2_ID, buf_slice(&tbs), &s));
	sm2_sig_to_der(&s, &sig);
	assert_ok(csr_assemble(buf_slice(&tbs), sigalg_of(PUBKEY_SM2, false), buf_slice(&sig), ret));
}

static void test_openssl_accepts_ours(void **state)
{
	static const enum oid challenges[] = {OID_UNKNOWN, OID_CHALLENGE, OID_GM_CHALLENGE};
	struct sm2_key k = judge_scalar(5);
	AUTO(evp_pkey_st, key, judge_sm2(&k));

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		AUTO_BUF(der, CSR_DER_MAX);
		struct csr c;
		build(&k, challenges[i], &der);
		const unsigned char *p = der.p;
		AUTO(X509_req_st, x, d2i_X509_REQ(NULL, &p, (long)der.len));
		assert_non_null(x);
		ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
		ASN1_OCTET_STRING_set(id, (const unsigned char *)JUDGE_ID, 16);
		X509_REQ_set0_distinguishing_id(x, id);
		assert_int_equal(X509_REQ_verify(x, key), 1);
		assert_int_equal(X509_REQ_get_attr_count(x), i == 0 ? 0 : 2);
		assert_ok(csr_parse(buf_slice(&der), &c));
		assert_int_equal(c.proof, CSR_PROOF_DEFAULT_ID);
	}
}

/* PEM in both labels, DER as it is. */
static void test_read(void **state)
{
	AUTO_BUF(der, CSR_DER_MAX);
	AUTO_BUF(pem, CSR_DER_MAX * 2);
	AUTO_BUF(old, CSR_DER_MAX * 2);
	AUTO_BUF(out, CSR_DER_MAX);
	struct csr c;

	(void)state;
	load("sm2", &der, &c);
	text_to_pem(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
	text_to_pem(&old, "NEW CERTIFICATE REQUEST", buf_slice(&der));
	assert_ok(csr_read(buf_slice(&pem), &out, &c));
	buf_clear(&out);
	assert_ok(csr_read(buf_slice(&old), &out, &c));
	buf_clear(&out);
	assert_ok(csr_read(buf_slice(&der), &out, &c));
	buf_clear(&out);
	assert_rc(csr_read(SLICE_LIT("no request"), &out, &c), RC_INPUT);
}

static struct rc build_fresh(struct slice name, struct slice spki)
{
	AUTO_BUF(tbs, CSR_DER_MAX);
	struct csr_template t = {
	        .subject = name, .spki = spki, .challenge = SLICE_LIT("a"), .challenge_oid = OID_CHALLENGE};

	return csr_tbs(&t, &tbs);
}

static void test_torture(void **state)
{
	AUTO_BUF(der, CSR_DER_MAX);
	struct csr c, again;

	(void)state;
	load("sm2", &der, &c);
	GOLDEN_TORTURE(csr_parse(buf_slice(&der), &again), 0);
	GOLDEN_TORTURE(build_fresh(c.subject, c.key.spki), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good_files),
	        cmocka_unit_test(test_bad_files),
	        cmocka_unit_test(test_which_id_R06_9),
	        cmocka_unit_test(test_batch_R06_9),
	        cmocka_unit_test(test_attributes),
	        cmocka_unit_test(test_each_byte_counts),
	        cmocka_unit_test(test_openssl_accepts_ours),
	        cmocka_unit_test(test_read),
	        cmocka_unit_test(test_torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
