/* PKCS#12: opened by libcrypto, with the algorithms of standards.md 8. */
#include "pki/pkcs12.h"

#include "base/text.h"
#include "pki/testing.h"

#define PIN "123456"

static void build(enum oid curve, struct private_key *k, struct slice pin, struct buf *ret)
{
	bool sm2 = curve == OID_SM2;
	struct buf own = BUF(4096), ca = BUF(4096);

	assert_ok(private_key_new(curve, k));
	AUTO(evp_pkey_st, key,
	     judge_key(k->d, sm2 ? NID_sm2 : NID_X9_62_prime256v1, sm2 ? "SM2" : "EC",
	               sm2 ? "SM2" : "prime256v1"));

	judge_certificate(&(struct judge_cert){"user", "ca", 1, .key = key, .signer = key}, &own);
	judge_certificate(&(struct judge_cert){"ca", NULL, 2, .key = key, .signer = key}, &ca);
	struct rc rc =
	        pkcs12_build(k, (struct slice[]){buf_slice(&own), buf_slice(&ca)}, 2, pin, "录入员", ret);

	buf_free(&own);
	buf_free(&ca);
	if (pin.len > 0)
		assert_ok(rc);
	else
		assert_refused(rc, KEY_PIN);
}

static void openssl_opens_it(void **state)
{
	static const enum oid curves[] = {OID_SM2, OID_P256};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF(der, PKCS12_MAX);
		struct private_key k;
		const unsigned char *p;
		X509 *own = NULL;
		EVP_PKEY *key = NULL;
		STACK_OF(X509) *more = NULL;
		const ASN1_OBJECT *mac = NULL;
		const X509_ALGOR *alg = NULL;
		BIGNUM *n = NULL;
		uint8_t d[32];

		build(curves[i], &k, SLICE_LIT(PIN), &der);
		p = der.p;
		AUTO(PKCS12_st, p12, d2i_PKCS12(NULL, &p, (long)der.len));

		assert_non_null(p12);
		assert_int_equal(PKCS12_verify_mac(p12, "wrong", -1), 0);
		assert_int_equal(PKCS12_parse(p12, PIN, &key, &own, &more), 1);
		assert_int_equal(sk_X509_num(more), 1);
		assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n), 1);
		assert_int_equal(BN_bn2binpad(n, d, 32), 32);
		assert_memory_equal(d, k.d, 32);
		assert_int_equal(X509_check_private_key(own, key), 1);
		PKCS12_get0_mac(NULL, &alg, NULL, NULL, p12);
		X509_ALGOR_get0(&mac, NULL, NULL, alg);
		assert_int_equal(OBJ_obj2nid(mac), i == 0 ? NID_sm3 : NID_sha256);
		/* Neither the scalar nor the certificate stands in clear. */
		assert_null(memmem(der.p, der.len, k.d, 32));
		BN_free(n);
		X509_free(own);
		EVP_PKEY_free(key);
		sk_X509_pop_free(more, X509_free);
	}
	ERR_clear_error();
}

static void pin_must_be_there(void **state)
{
	AUTO_BUF(der, PKCS12_MAX);
	struct private_key k;

	(void)state;
	build(OID_SM2, &k, SLICE_NONE, &der);
	assert_int_equal(pkcs12_build(&k, NULL, 0, SLICE_LIT(PIN), "x", &der).code, RC_BUG);
	struct slice junk = SLICE_LIT("junk");

	assert_int_equal(pkcs12_build(&k, &junk, 1, SLICE_LIT(PIN), "x", &der).code, RC_CRYPTO);
	assert_int_equal(der.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(openssl_opens_it),
	        cmocka_unit_test(pin_must_be_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
