/* Private key files: what OpenSSL writes is read, what we write OpenSSL reads. */
#include "pki/pkcs8.h"

#include "base/mem.h"
#include "base/text.h"
#include "pki/testing.h"

#include <openssl/encoder.h>
#include <openssl/pem.h>

#define PIN "tour2026"

static void read_data(const char *name, struct buf *ret)
{
	char path[256];

	(void)snprintf(path, sizeof(path), TEST_DATA "/pkcs8/%s", name);
	assert_ok(file_read(path, PKCS8_MAX, ret));
}

/* The same file opened by libcrypto. */
static EVP_PKEY *judge_file(struct slice file, const char *pin)
{
	BIO *bio = BIO_new_mem_buf(file.p, (int)file.len);
	union {
		const char *in;
		void *out;
	} u = {pin};
	EVP_PKEY *k = file.p[0] == 0x30 ? d2i_PrivateKey_bio(bio, NULL)
	                                : PEM_read_bio_PrivateKey(bio, NULL, NULL, u.out);

	BIO_free(bio);
	ERR_clear_error();
	return k;
}

static void same_key(EVP_PKEY *judge, const struct private_key *k)
{
	BIGNUM *n = NULL;
	uint8_t d[32], point[80];
	size_t len = 0;

	assert_non_null(judge);
	assert_int_equal(EVP_PKEY_is_a(judge, "SM2"), k->curve == OID_SM2);
	assert_int_equal(EVP_PKEY_get_bn_param(judge, OSSL_PKEY_PARAM_PRIV_KEY, &n), 1);
	assert_int_equal(BN_bn2binpad(n, d, 32), 32);
	BN_free(n);
	assert_memory_equal(d, k->d, 32);
	assert_int_equal(
	        EVP_PKEY_get_octet_string_param(judge, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
	        1);
	assert_int_equal(len, 65);
	assert_memory_equal(point + 1, k->xy, 64);
}

static void files_of_openssl_are_read(void **state)
{
	static const struct {
		const char *name;
		enum oid curve;
	} all[] = {
	        {"good/ecparam-sm2.pem", OID_SM2},   {"good/genpkey-sm2.pem", OID_SM2},
	        {"good/ecparam-p256.pem", OID_P256}, {"good/genpkey-p256.der", OID_P256},
	        {"good/sec1-p256.pem", OID_P256},    {"good/pbes2-sm4.pem", OID_SM2},
	        {"good/pbes2-aes256.pem", OID_P256},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO_BUF(file, PKCS8_MAX);
		struct private_key k;

		read_data(all[i].name, &file);
		assert_ok(private_key_read(buf_slice(&file), SLICE_LIT(PIN), &k));
		assert_int_equal(k.curve, all[i].curve);
		AUTO(evp_pkey_st, judge, judge_file(buf_slice(&file), PIN));

		same_key(judge, &k);
		private_key_wipe(&k);
	}
}

static void sec1_of_libcrypto_is_read(void **state)
{
	struct sm2_key key = judge_scalar(1);
	AUTO(evp_pkey_st, judge, judge_sm2(&key));
	static const char *const formats[] = {"DER", "PEM"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		OSSL_ENCODER_CTX *c = OSSL_ENCODER_CTX_new_for_pkey(judge, EVP_PKEY_KEYPAIR, formats[i],
		                                                    "type-specific", NULL);
		unsigned char *out = NULL;
		size_t len = 0;
		struct private_key k;

		assert_int_equal(OSSL_ENCODER_to_data(c, &out, &len), 1);
		OSSL_ENCODER_CTX_free(c);
		assert_ok(private_key_read(slice_of(out, len), SLICE_NONE, &k));
		same_key(judge, &k);
		OPENSSL_free(out);
	}
}

static void our_files_are_read_by_openssl(void **state)
{
	static const enum oid curves[] = {OID_SM2, OID_P256};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF(plain, PKCS8_MAX);
		AUTO_BUF(pem, PKCS8_MAX);
		struct private_key k, again;

		assert_ok(private_key_new(curves[i], &k));
		assert_ok(pkcs8_build(&k, &plain));
		AUTO(evp_pkey_st, judge, judge_file(buf_slice(&plain), NULL));

		same_key(judge, &k);
		assert_ok(private_key_write(&k, SLICE_LIT(PIN), &pem));
		assert_non_null(strstr(buf_cstr(&pem), "BEGIN ENCRYPTED PRIVATE KEY"));
		AUTO(evp_pkey_st, opened, judge_file(buf_slice(&pem), PIN));

		same_key(opened, &k);
		AUTO(evp_pkey_st, wrong, judge_file(buf_slice(&pem), "another"));

		assert_null(wrong);
		assert_ok(private_key_read(buf_slice(&pem), SLICE_LIT(PIN), &again));
		assert_memory_equal(again.d, k.d, 32);
		assert_null(memmem(pem.p, pem.len, k.d, 32));
	}
}

static void keys_differ_and_lie_on_the_curve(void **state)
{
	struct private_key a, b;

	(void)state;
	assert_ok(private_key_new(OID_P256, &a));
	assert_ok(private_key_new(OID_P256, &b));
	assert_memory_not_equal(a.d, b.d, 32);
	AUTO(evp_pkey_st, judge, judge_key(a.d, NID_X9_62_prime256v1, "EC", "prime256v1"));

	same_key(judge, &a);
	assert_refused(private_key_new(OID_RSA, &a), KEY_ALGORITHM);
}

static void scalars_out_of_range_are_refused(void **state)
{
	static const uint8_t zero[32],
	        p256_order[32] = {
	                0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
	                0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
	                0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
	        };
	uint8_t ones[32];
	struct private_key k;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_refused(private_key_load(OID_P256, zero, &k), KEY_FORM);
	assert_refused(private_key_load(OID_P256, p256_order, &k), KEY_FORM);
	assert_refused(private_key_load(OID_SM2, zero, &k), KEY_FORM);
	assert_refused(private_key_load(OID_SM2, ones, &k), KEY_FORM);
	assert_refused(private_key_load(OID_UNKNOWN, ones, &k), KEY_ALGORITHM);
}

static void wrong_pin_is_named(void **state)
{
	static const char *const names[] = {"good/pbes2-sm4.pem", "good/pbes2-aes256.pem"};
	struct private_key k;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_BUF(file, PKCS8_MAX);

		read_data(names[i], &file);
		assert_refused(private_key_read(buf_slice(&file), SLICE_LIT("wrong"), &k), KEY_PIN);
		assert_refused(private_key_read(buf_slice(&file), SLICE_NONE, &k), KEY_PIN);
	}
}

/* 200 wrong PINs: about one passes the padding by chance, none is taken for the right one. */
static void wrong_pins_never_open(void **state)
{
	struct private_key k = {.curve = OID_SM2};
	struct sm2_key key = judge_scalar(5);
	AUTO_BUF(plain, PKCS8_MAX);
	AUTO_BUF(file, PKCS8_MAX);

	(void)state;
	memcpy(k.d, key.d, 32);
	memcpy(k.xy, key.pub.xy, 64);
	assert_ok(pkcs8_build(&k, &plain));
	/* Few rounds: written by libcrypto, read by us. */
	AUTO(evp_pkey_st, judge, judge_sm2(&key));
	BIO *bio = BIO_new(BIO_s_mem());
	const char *p;
	union {
		const char *in;
		char *out;
	} pin = {PIN};
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(judge);
	X509_SIG *sealed = PKCS8_encrypt(-1, EVP_sm4_cbc(), pin.in, -1, NULL, 0, 2, info);

	assert_non_null(sealed);
	assert_int_equal(i2d_PKCS8_bio(bio, sealed), 1);
	long len = BIO_get_mem_data(bio, &p);

	buf_add(&file, slice_of(p, (size_t)len));
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
	for (unsigned i = 0; i < 200; i++) {
		char wrong[16];

		(void)snprintf(wrong, sizeof(wrong), "wrong-%u", i);
		assert_refused(private_key_read(buf_slice(&file), slice_text(wrong), &k), KEY_PIN);
	}
	assert_ok(private_key_read(buf_slice(&file), SLICE_LIT(PIN), &k));
	same_key(judge, &k);
}

static void foreign_keys_are_refused_by_name(void **state)
{
	static const char *const names[] = {"rsa", "des3", "sha1-prf", "pbes1"};
	struct private_key k;
	AUTO_BUF(p384, PKCS8_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		AUTO_BUF(file, PKCS8_MAX);
		char name[64];

		(void)snprintf(name, sizeof(name), "bad/%s.pem", names[i]);
		read_data(name, &file);
		assert_refused(private_key_read(buf_slice(&file), SLICE_LIT(PIN), &k), KEY_ALGORITHM);
	}
	read_data("bad/p384.pem", &p384);
	assert_refused(private_key_read(buf_slice(&p384), SLICE_NONE, &k), KEY_FORM);
}

static void damage_is_refused(void **state)
{
	struct private_key k = {.curve = OID_SM2}, out;
	struct sm2_key key = judge_scalar(5);
	AUTO_BUF(der, PKCS8_MAX);

	(void)state;
	memcpy(k.d, key.d, 32);
	memcpy(k.xy, key.pub.xy, 64);
	assert_ok(pkcs8_build(&k, &der));
	for (size_t i = 0; i < der.len; i++)
		assert_refused(pkcs8_parse(slice_of(der.p, i), &out), KEY_FORM);
	/* The point must be d*G: any change of either is found. */
	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 1;
		if (rc_ok(pkcs8_parse(buf_slice(&der), &out)))
			assert_memory_equal(out.d, k.d, 32);
		der.p[i] ^= 1;
	}
	assert_refused(private_key_read(SLICE_LIT("no key here"), SLICE_NONE, &out), KEY_FORM);
	assert_refused(
	        private_key_read(SLICE_LIT("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n"),
	                         SLICE_NONE, &out),
	        KEY_FORM);
}

static void no_memory_is_an_ordinary_result(void **state)
{
	AUTO_BUF(file, PKCS8_MAX);
	struct private_key k;
	struct rc rc;
	size_t n = 0;

	(void)state;
	read_data("good/pbes2-sm4.pem", &file);
	do {
		(void)mem_fail_after(++n);
		rc = private_key_read(buf_slice(&file), SLICE_LIT(PIN), &k);
		(void)mem_fail_after(0);
		if (!rc_ok(rc))
			assert_nomem(rc);
	} while (!rc_ok(rc) && n < 1000);
	assert_in_range(n, 2, 999);
	assert_int_equal(k.curve, OID_SM2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(files_of_openssl_are_read),
	        cmocka_unit_test(sec1_of_libcrypto_is_read),
	        cmocka_unit_test(our_files_are_read_by_openssl),
	        cmocka_unit_test(keys_differ_and_lie_on_the_curve),
	        cmocka_unit_test(scalars_out_of_range_are_refused),
	        cmocka_unit_test(wrong_pin_is_named),
	        cmocka_unit_test(wrong_pins_never_open),
	        cmocka_unit_test(foreign_keys_are_refused_by_name),
	        cmocka_unit_test(damage_is_refused),
	        cmocka_unit_test(no_memory_is_an_ordinary_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
