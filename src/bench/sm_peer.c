/* The same work by libcrypto. */
#include "bench/sm_work.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

static EVP_MD_CTX *digest(const struct peer_side *p, bool sign, bool sm2)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->key, NULL);
	const EVP_MD *hash = sm2 ? EVP_sm3() : EVP_sha256();
	struct slice id = SM2_ID;

	if (sm2)
		(void)EVP_PKEY_CTX_set1_id(ctx, id.p, (int)id.len);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	if (sign)
		(void)EVP_DigestSignInit(md, NULL, hash, NULL, p->key);
	else
		(void)EVP_DigestVerifyInit(md, NULL, hash, NULL, p->key);
	return md;
}

static void digest_free(EVP_MD_CTX *md)
{
	EVP_PKEY_CTX *ctx = EVP_MD_CTX_get_pkey_ctx(md);

	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
}

static size_t sign(struct sm_world *w, struct peer_side *p, bool sm2)
{
	EVP_MD_CTX *md = digest(p, true, sm2);
	int ok;

	p->sig_len = sizeof(p->sig);
	ok = EVP_DigestSign(md, p->sig, &p->sig_len, w->message, MESSAGE);
	digest_free(md);
	return ok == 1;
}

static size_t verify(struct sm_world *w, const struct peer_side *p, bool sm2)
{
	EVP_MD_CTX *md = digest(p, false, sm2);
	int ok = EVP_DigestVerify(md, p->sig, p->sig_len, w->message, MESSAGE);

	digest_free(md);
	return ok == 1;
}

static size_t keygen(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
	return key != NULL;
}

size_t sm_peer_sign(struct sm_world *w)
{
	return sign(w, &w->sm2, true);
}

size_t sm_peer_verify(struct sm_world *w)
{
	return verify(w, &w->sm2, true);
}

size_t sm_peer_keygen(struct sm_world *w)
{
	(void)w;
	return keygen(EVP_PKEY_Q_keygen(NULL, NULL, "SM2"));
}

size_t sm_peer_p256_sign(struct sm_world *w)
{
	return sign(w, &w->p256, false);
}

size_t sm_peer_p256_verify(struct sm_world *w)
{
	return verify(w, &w->p256, false);
}

size_t sm_peer_p256_keygen(struct sm_world *w)
{
	(void)w;
	return keygen(EVP_EC_gen("P-256"));
}

size_t sm_peer_encrypt(struct sm_world *w)
{
	struct peer_side *p = &w->sm2;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->key, NULL);
	int ok = EVP_PKEY_encrypt_init(ctx);

	p->cipher_len = sizeof(p->cipher);
	ok &= EVP_PKEY_encrypt(ctx, p->cipher, &p->cipher_len, w->message, KEY);
	EVP_PKEY_CTX_free(ctx);
	return ok == 1;
}

size_t sm_peer_decrypt(struct sm_world *w)
{
	const struct peer_side *p = &w->sm2;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(p->key, NULL);
	uint8_t plain[256];
	size_t len = sizeof(plain);
	int ok = EVP_PKEY_decrypt_init(ctx);

	ok &= EVP_PKEY_decrypt(ctx, plain, &len, p->cipher, p->cipher_len);
	EVP_PKEY_CTX_free(ctx);
	return ok == 1 && len == KEY;
}

size_t sm_peer_hash_stream(struct sm_world *w)
{
	return EVP_Digest(w->in[0], STREAM, w->hash[0], NULL, EVP_sm3(), NULL) == 1 ? STREAM : 0;
}

size_t sm_peer_hash_message(struct sm_world *w)
{
	return EVP_Digest(w->message, MESSAGE, w->hash[0], NULL, EVP_sm3(), NULL) == 1;
}

static size_t stream(struct sm_world *w, const EVP_CIPHER *cipher, bool encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, ok = EVP_CipherInit_ex(c, cipher, NULL, w->message, w->iv, encrypt);

	(void)EVP_CIPHER_CTX_set_padding(c, 0);
	ok &= EVP_CipherUpdate(c, w->out, &n, w->in[0], STREAM);
	EVP_CIPHER_CTX_free(c);
	return ok == 1 ? STREAM : 0;
}

size_t sm_peer_ctr(struct sm_world *w)
{
	return stream(w, EVP_sm4_ctr(), true);
}

size_t sm_peer_cbc(struct sm_world *w)
{
	return stream(w, EVP_sm4_cbc(), true);
}

size_t sm_peer_cbc_open(struct sm_world *w)
{
	return stream(w, EVP_sm4_cbc(), false);
}

static EVP_PKEY *own_key(const struct sm2_key *k)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	BIGNUM *d = BN_bin2bn(k->d, SM2_LEN, NULL);
	uint8_t point[SM2_POINT + 1] = {4};
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	memcpy(point + 1, k->pub.xy, SM2_POINT);
	(void)OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	(void)OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	(void)OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d);
	params = OSSL_PARAM_BLD_to_param(b);
	(void)EVP_PKEY_fromdata_init(ctx);
	(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_clear_free(d);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

RC sm_peer_prepare(struct sm_world *w)
{
	w->sm2.key = own_key(&w->key);
	w->p256.key = EVP_EC_gen("P-256");
	NEED(w->sm2.key != NULL && w->p256.key != NULL, RC_CRYPTO, "bench: libcrypto refuses the key");
	NEED(sm_peer_sign(w) && sm_peer_p256_sign(w) && sm_peer_encrypt(w), RC_CRYPTO,
	     "bench: preparing libcrypto's side failed");
	return OK;
}

void sm_peer_drop(struct sm_world *w)
{
	EVP_PKEY_free(w->sm2.key);
	EVP_PKEY_free(w->p256.key);
}
