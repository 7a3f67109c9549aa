#ifndef YD_PKI_TESTING_H
#define YD_PKI_TESTING_H
/* For tests only: libcrypto as maker of certificates and as judge, so that no test asks our own code
 * whether our own code is right. */
#include "pki/ossl.h"
#include "sm/sm2.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define JUDGE_ID "1234567812345678"
#define JUDGE_NOW 1767225600 /* 2026-01-01T00:00:00Z */
#define JUDGE_DAY 86400

DROP(ossl_param_bld_st, OSSL_PARAM_BLD_free);
DROP(X509_extension_st, X509_EXTENSION_free);

#define assert_ok(call)                                                                                      \
	do {                                                                                                 \
		if (!rc_ok(call))                                                                            \
			fail_msg("%s: %s", #call, rc_last()->text);                                          \
	} while (0)
/* The call must be refused with exactly that name. */
#define assert_refused(call, id)                                                                             \
	do {                                                                                                 \
		struct rc refused__ = (call);                                                                \
		assert_false(rc_ok(refused__));                                                              \
		if (rc_last()->err != ERR_##id)                                                              \
			fail_msg("%s: %s (%s)", #call, rc_last()->text, err_info(rc_last()->err)->name);     \
	} while (0)

/* A failure for want of memory says so. */
#define assert_nomem(rc)                                                                                     \
	do {                                                                                                 \
		if ((rc).code != RC_NOMEM)                                                                   \
			fail_msg("%s: %s", rc_name((rc).code), rc_last()->text);                             \
	} while (0)

/* Fixed keys: the same n is the same key. */
static inline struct sm2_key judge_scalar(uint8_t n)
{
	uint8_t d[32];
	struct sm2_key k;

	for (size_t i = 0; i < sizeof(d); i++)
		d[i] = (uint8_t)(n * 7 + i * 3 + 1);
	assert_ok(sm2_key_load(d, &k));
	return k;
}

/* The key in libcrypto; the public half is computed there, not by us. */
static inline EVP_PKEY *judge_key(const uint8_t d[32], int curve, const char *type, const char *group)
{
	AUTO(ec_group_st, g, EC_GROUP_new_by_curve_name(curve));
	AUTO(bignum_st, n, BN_bin2bn(d, 32, NULL));
	AUTO(ec_point_st, p, EC_POINT_new(g));
	AUTO(ossl_param_bld_st, b, OSSL_PARAM_BLD_new());
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new_from_name(NULL, type, NULL));
	uint8_t point[65];
	EVP_PKEY *k = NULL;

	assert_int_equal(EC_POINT_mul(g, p, n, NULL, NULL, NULL), 1);
	assert_int_equal(EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL), 65);
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, n);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);

	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &k, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	return k;
}

static inline EVP_PKEY *judge_sm2(const struct sm2_key *k)
{
	return judge_key(k->d, NID_sm2, "SM2", "SM2");
}

/* SM2 with SM3 over the message, default id. */
static inline bool judge_verify(EVP_PKEY *key, struct slice msg, struct slice sig)
{
	AUTO(evp_md_ctx_st, m, EVP_MD_CTX_new());
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new(key, NULL));

	assert_true(EVP_PKEY_CTX_set1_id(c, JUDGE_ID, 16) > 0);
	EVP_MD_CTX_set_pkey_ctx(m, c);
	assert_int_equal(EVP_DigestVerifyInit(m, NULL, EVP_sm3(), NULL, key), 1);
	return EVP_DigestVerify(m, sig.p, sig.len, msg.p, msg.len) == 1;
}

static inline void judge_sign(EVP_PKEY *key, struct slice msg, struct buf *ret)
{
	AUTO(evp_md_ctx_st, m, EVP_MD_CTX_new());
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new(key, NULL));
	uint8_t sig[80];
	size_t len = sizeof(sig);

	assert_true(EVP_PKEY_CTX_set1_id(c, JUDGE_ID, 16) > 0);
	EVP_MD_CTX_set_pkey_ctx(m, c);
	assert_int_equal(EVP_DigestSignInit(m, NULL, EVP_sm3(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(m, sig, &len, msg.p, msg.len), 1);
	buf_add(ret, slice_of(sig, len));
}

/* DER SM2Cipher to plaintext; false when it does not open. */
static inline bool judge_decrypt(EVP_PKEY *key, struct slice cipher, uint8_t *ret, size_t *len)
{
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new(key, NULL));

	assert_int_equal(EVP_PKEY_decrypt_init(c), 1);
	return EVP_PKEY_decrypt(c, ret, len, cipher.p, cipher.len) == 1;
}

static inline void judge_sm4_ecb(const uint8_t key[16], struct slice in, uint8_t *out, bool seal)
{
	AUTO(evp_cipher_ctx_st, c, EVP_CIPHER_CTX_new());
	int n = 0;

	assert_int_equal(EVP_CipherInit_ex(c, EVP_sm4_ecb(), NULL, key, NULL, seal), 1);
	EVP_CIPHER_CTX_set_padding(c, 0);
	assert_int_equal(EVP_CipherUpdate(c, out, &n, in.p, (int)in.len), 1);
	assert_int_equal(n, in.len);
}

/* ---- certificates ---- */

struct judge_cert {
	const char *subject, *issuer; /* CN; issuer NULL = self */
	long serial;
	int64_t from, until;             /* 0: ten days around JUDGE_NOW */
	const char *usage, *san, *basic; /* as openssl.cnf has them; NULL = absent */
	const char *purposes;            /* the same */
	EVP_PKEY *key, *signer;
};

static inline void judge_extension(X509 *x, int nid, const char *value)
{
	if (value == NULL)
		return;
	AUTO(X509_extension_st, e, X509V3_EXT_conf_nid(NULL, NULL, nid, value));

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
}

static inline void judge_name(X509_NAME *n, const char *cn)
{
	X509_NAME_add_entry_by_txt(n, "C", MBSTRING_ASC, (const unsigned char *)"CN", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
}

static inline void judge_certificate(const struct judge_cert *j, struct buf *ret)
{
	AUTO(x509_st, x, X509_new());
	AUTO(evp_md_ctx_st, m, EVP_MD_CTX_new());
	AUTO(evp_pkey_ctx_st, c, EVP_PKEY_CTX_new(j->signer, NULL));
	unsigned char *der = NULL;
	int len;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), j->serial);
	ASN1_TIME_set(X509_getm_notBefore(x), j->from != 0 ? j->from : JUDGE_NOW - 5 * JUDGE_DAY);
	ASN1_TIME_set(X509_getm_notAfter(x), j->until != 0 ? j->until : JUDGE_NOW + 5 * JUDGE_DAY);
	judge_name(X509_get_subject_name(x), j->subject);
	judge_name(X509_get_issuer_name(x), j->issuer != NULL ? j->issuer : j->subject);
	X509_set_pubkey(x, j->key);
	judge_extension(x, NID_basic_constraints, j->basic);
	judge_extension(x, NID_key_usage, j->usage);
	judge_extension(x, NID_ext_key_usage, j->purposes);
	judge_extension(x, NID_subject_alt_name, j->san);
	if (EVP_PKEY_is_a(j->signer, "SM2")) {
		assert_true(EVP_PKEY_CTX_set1_id(c, JUDGE_ID, 16) > 0);
		EVP_MD_CTX_set_pkey_ctx(m, c);
	}
	assert_int_equal(EVP_DigestSignInit(m, NULL,
	                                    EVP_PKEY_is_a(j->signer, "SM2") ? EVP_sm3() : EVP_sha256(), NULL,
	                                    j->signer),
	                 1);
	assert_true(X509_sign_ctx(x, m) > 0);
	len = i2d_X509(x, &der);
	assert_true(len > 0);
	buf_add(ret, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	assert_ok(buf_done(ret));
}

#endif
