#include "key/ossl.h"

#include "base/rand.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define PRIVATE_MAX 4096

struct ossl_key {
	EVP_PKEY *pkey;
};

/* The first error of libcrypto's queue becomes the text; the queue is emptied. */
static RC crypto_failed(const char *what)
{
	char text[160];
	ERR_error_string_n(ERR_get_error(), text, sizeof text);
	ERR_clear_error();
	FAIL(RC_CRYPTO, "%s: %s", what, text);
}

void ossl_free(struct ossl_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	mem_free(k);
}

static RC wrap_pkey(EVP_PKEY *take, struct ossl_key **ret)
{
	struct ossl_key *k = mem_new(1, sizeof *k);
	if (k == NULL) {
		EVP_PKEY_free(take);
		FAIL(RC_NOMEM, "key: libcrypto key");
	}
	k->pkey = take;
	*ret = k;
	return OK;
}

RC ossl_generate(enum key_kind kind, struct ossl_key **ret)
{
	REQUIRE(rand_healthy(), RANDOM_UNHEALTHY, "key generation");
	EVP_PKEY *p = kind == KEY_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(3072);
	if (p == NULL)
		return crypto_failed("key generation");
	return wrap_pkey(p, ret);
}

static bool kind_fits(enum key_kind kind, const EVP_PKEY *p)
{
	if (kind == KEY_P256)
		return EVP_PKEY_is_a(p, "EC") && EVP_PKEY_get_bits(p) == 256;
	return EVP_PKEY_is_a(p, "RSA") && EVP_PKEY_get_bits(p) == 3072;
}

RC ossl_load(enum key_kind kind, struct slice der, struct ossl_key **ret)
{
	const unsigned char *p = der.p;
	EVP_PKEY *pkey =
	        d2i_PrivateKey(kind == KEY_P256 ? EVP_PKEY_EC : EVP_PKEY_RSA, NULL, &p, (long)der.len);
	if (pkey == NULL)
		return crypto_failed("private key");
	AUTO(ossl_key, k, NULL);
	TRY(wrap_pkey(pkey, &k));
	NEED(kind_fits(kind, pkey), RC_CRYPTO, "private key: other algorithm or size");
	*ret = MOVE(k);
	return OK;
}

RC ossl_private(const struct ossl_key *k, struct secret **ret)
{
	unsigned char der[PRIVATE_MAX], *p = der;
	int len = i2d_PrivateKey(k->pkey, NULL);
	NEED(len > 0 && len <= PRIVATE_MAX, RC_CRYPTO, "private key: length");
	len = i2d_PrivateKey(k->pkey, &p);
	struct secret *s = len > 0 ? secret_new((size_t)len) : NULL;
	if (s != NULL)
		memcpy(s->p, der, (size_t)len);
	wipe(der, sizeof der);
	NEED(s != NULL, RC_NOMEM, "private key: locked memory");
	*ret = s;
	return OK;
}

RC ossl_spki(const struct ossl_key *k, uint8_t *ret, size_t max, size_t *len)
{
	int n = i2d_PUBKEY(k->pkey, NULL);
	NEED(n > 0 && (size_t)n <= max, RC_CRYPTO, "public key: length");
	unsigned char *p = ret;
	*len = (size_t)i2d_PUBKEY(k->pkey, &p);
	return OK;
}

RC ossl_sign(const struct ossl_key *k, struct slice msg, struct buf *ret)
{
	size_t len = KEY_SIG_MAX;
	uint8_t *room = buf_room(ret, KEY_SIG_MAX);
	NEED(room != NULL, RC_NOMEM, "signature");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
	          EVP_DigestSign(ctx, room, &len, msg.p, msg.len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return crypto_failed("signature");
	ret->len += len;
	return OK;
}

RC ossl_sign_hash(const struct ossl_key *k, const uint8_t sha256[32], struct buf *ret)
{
	size_t len = KEY_SIG_MAX;
	uint8_t *room = buf_room(ret, KEY_SIG_MAX);
	NEED(room != NULL, RC_NOMEM, "signature");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
	bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	          EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	          EVP_PKEY_sign(ctx, room, &len, sha256, 32) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return crypto_failed("signature");
	ret->len += len;
	return OK;
}
