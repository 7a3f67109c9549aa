#ifndef YD_SM_JUDGE_TEST_H
#define YD_SM_JUDGE_TEST_H
/* For the tests of this folder: hex, repeatable random input, and libcrypto as the judge. */
#include "sm/cpu.h"
#include "sm/sm2.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

static inline size_t unhex(const char *s, uint8_t *ret)
{
	size_t n = 0;
	char pair[3] = {0};

	for (; *s != 0; s++) {
		if (*s == ' ')
			continue;
		pair[0] = *s++;
		pair[1] = *s;
		ret[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static inline void assert_hex(const uint8_t *p, size_t len, const char *hex)
{
	uint8_t want[1024];

	assert_int_equal(unhex(hex, want), len);
	assert_memory_equal(p, want, len);
}

/* xorshift64*: the same input in every run. */
static inline uint64_t next_number(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static inline size_t next_below(size_t n)
{
	return (size_t)(next_number() % n);
}

static inline void fill(void *p, size_t len)
{
	uint8_t *b = p;

	while (len-- > 0)
		*b++ = (uint8_t)(next_number() >> 32);
}

static inline void random_key(struct sm2_key *k)
{
	uint8_t d[SM2_LEN];

	do
		fill(d, sizeof(d));
	while (!rc_ok(sm2_key_load(d, k)));
}

/* The public key for libcrypto, with the private one when k is given; NULL when it refuses. */
static inline EVP_PKEY *judge_key(const struct sm2_pub *pub, const struct sm2_key *k)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	BIGNUM *d = k != NULL ? BN_bin2bn(k->d, SM2_LEN, NULL) : NULL;
	uint8_t point[65] = {4};
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	memcpy(point + 1, pub->xy, SM2_POINT);
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	if (d != NULL)
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d);
	params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_fromdata_init(ctx);
	if (EVP_PKEY_fromdata(ctx, &key, k != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(d);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static inline EVP_MD_CTX *judge_digest(EVP_PKEY *key, struct slice id, bool sign)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	EVP_PKEY_CTX_set1_id(ctx, id.p, (int)id.len);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	if (sign)
		assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key), 1);
	else
		assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key), 1);
	return md;
}

static inline void judge_digest_free(EVP_MD_CTX *md)
{
	EVP_PKEY_CTX *ctx = EVP_MD_CTX_get_pkey_ctx(md);

	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
}

static inline bool judge_verify_der(EVP_PKEY *key, struct slice id, struct slice msg, struct slice sig)
{
	EVP_MD_CTX *md = judge_digest(key, id, false);
	bool valid = EVP_DigestVerify(md, sig.p, sig.len, msg.p, msg.len) == 1;

	ERR_clear_error();
	judge_digest_free(md);
	return valid;
}

static inline bool judge_verify(EVP_PKEY *key, struct slice id, struct slice msg, const struct sm2_sig *sig)
{
	AUTO_BUF(der, SM2_SIG_DER_MAX);

	sm2_sig_to_der(sig, &der);
	assert_true(rc_ok(buf_done(&der)));
	return judge_verify_der(key, id, msg, buf_slice(&der));
}

static inline void judge_sign(EVP_PKEY *key, struct slice id, struct slice msg, struct sm2_sig *sig)
{
	EVP_MD_CTX *md = judge_digest(key, id, true);
	uint8_t der[SM2_SIG_DER_MAX];
	size_t len = sizeof(der);

	assert_int_equal(EVP_DigestSign(md, der, &len, msg.p, msg.len), 1);
	assert_true(rc_ok(sm2_sig_from_der(slice_of(der, len), sig)));
	judge_digest_free(md);
}

/* SM2Cipher in DER, as libcrypto writes and reads it. */
static inline void judge_encrypt(EVP_PKEY *key, struct slice plain, struct buf *der)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = plain.len + 200;
	uint8_t *room = buf_room(der, len);

	assert_non_null(room);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, room, &len, plain.p, plain.len), 1);
	der->len += len;
	EVP_PKEY_CTX_free(ctx);
}

static inline bool judge_decrypt(EVP_PKEY *key, struct slice der, struct buf *plain)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = der.len;
	uint8_t *room = buf_room(plain, len);
	bool opened;

	assert_non_null(room);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	opened = EVP_PKEY_decrypt(ctx, room, &len, der.p, der.len) == 1;
	if (opened)
		plain->len += len;
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return opened;
}

/* The group once under each implementation that this CPU runs; how many failed. */
#define RUN_UNDER_EACH(tests, setup, teardown)                                                               \
	({                                                                                                   \
		int failed_ = 0;                                                                             \
		for (enum sm_impl i_ = SM_PORTABLE; i_ < SM_IMPLS; i_++) {                                   \
			if (rc_ok(sm_use(i_)))                                                               \
				failed_ += cmocka_run_group_tests_name(sm_impl_name(i_), tests, setup,       \
				                                       teardown);                            \
		}                                                                                            \
		failed_;                                                                                     \
	})

#endif
