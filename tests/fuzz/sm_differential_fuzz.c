/* SM2 beside libcrypto: both verify the same signatures, take the same points and open the same ciphertexts.
 * The first byte says which; libcrypto also takes BER for ciphertexts, so there it must take what we take. */
#include "sm/sm2.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static struct sm2_key key;
static EVP_PKEY *judge;

static void need(bool right)
{
	if (!right)
		abort();
}

/* NULL when libcrypto refuses the point. */
static EVP_PKEY *judge_key(const uint8_t xy[SM2_POINT], const uint8_t *d)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	BIGNUM *number = d != NULL ? BN_bin2bn(d, SM2_LEN, NULL) : NULL;
	uint8_t point[SM2_POINT + 1] = {4};
	OSSL_PARAM *params;
	EVP_PKEY *ret = NULL;

	memcpy(point + 1, xy, SM2_POINT);
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	if (number != NULL)
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, number);
	params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_fromdata_init(ctx);
	if (EVP_PKEY_fromdata(ctx, &ret, number != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) !=
	    1)
		ret = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(number);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ret;
}

static bool judge_verify(EVP_PKEY *public, const uint8_t e[32], struct slice der)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public, NULL);
	bool valid = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der.p, der.len, e, 32) == 1;

	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return valid;
}

static bool judge_decrypt(struct slice der, struct buf *plain)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(judge, NULL);
	size_t len = der.len;
	uint8_t *room = buf_room(plain, len);
	bool opened = room != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
	              EVP_PKEY_decrypt(ctx, room, &len, der.p, der.len) == 1;

	if (opened)
		plain->len += len;
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return opened;
}

static void signature(struct slice der, const uint8_t e[32])
{
	struct sm2_sig sig;
	bool ours = rc_ok(sm2_sig_from_der(der, &sig)) && rc_ok(sm2_verify_digest(&key.pub, e, &sig));

	need(ours == judge_verify(judge, e, der));
}

/* x || y || r || s || e, of any key */
static void numbers(const uint8_t *p)
{
	EVP_PKEY *public = judge_key(p, NULL);
	struct sm2_pub pub;
	struct sm2_sig sig;
	AUTO_BUF(der, 100);

	need(rc_ok(sm2_pub_load(p, &pub)) == (public != NULL));
	memcpy(&sig, p + SM2_POINT, sizeof(sig));
	sm2_sig_to_der(&sig, &der);
	if (public != NULL)
		need(rc_ok(sm2_verify_digest(&pub, p + 128, &sig)) ==
		     judge_verify(public, p + 128, buf_slice(&der)));
	EVP_PKEY_free(public);
}

static void ciphertext(struct slice der)
{
	AUTO_BUF(ours, 1 << 16);
	AUTO_BUF(theirs, 1 << 16);
	struct sm2_cipher c;

	if (rc_ok(sm2_cipher_from_der(der, &c)) && rc_ok(sm2_decrypt(&key, &c, &ours)))
		need(judge_decrypt(der, &theirs) && slice_equal(buf_slice(&ours), buf_slice(&theirs)));
}

static void raw_ciphertext(struct slice raw)
{
	AUTO_BUF(der, 1 << 16);
	AUTO_BUF(ours, 1 << 16);
	AUTO_BUF(theirs, 1 << 16);
	struct sm2_cipher c;

	if (!rc_ok(sm2_cipher_from_raw(raw, &c)) || !rc_ok(sm2_cipher_to_der(raw, &der)))
		return;
	need(rc_ok(sm2_decrypt(&key, &c, &ours)) == judge_decrypt(buf_slice(&der), &theirs));
	need(slice_equal(buf_slice(&ours), buf_slice(&theirs)));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static const uint8_t d[SM2_LEN] = {1, 2, 3}, e[32] = {0x5a};

	if (judge == NULL) {
		need(rc_ok(sm2_key_load(d, &key)));
		judge = judge_key(key.pub.xy, key.d);
		need(judge != NULL);
	}
	if (len == 0 || len > 4096)
		return 0;
	if (p[0] % 4 == 0)
		signature(slice_of(p + 1, len - 1), e);
	else if (p[0] % 4 == 1 && len > 160)
		numbers(p + 1);
	else if (p[0] % 4 == 2)
		ciphertext(slice_of(p + 1, len - 1));
	else
		raw_ciphertext(slice_of(p + 1, len - 1));
	return 0;
}
