/* SM2, SM3 and SM4 beside libcrypto: 400-byte messages with Z and SM3, 16-byte keys, 64 KiB streams. */
#include "bench/measure.h"
#include "bench/private.h"
#include "base/mem.h"
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#define MESSAGE 400
#define KEY 16
#define STREAM (64u << 10)
#define LANES 64
#define STRANGERS 8192

struct stranger {
	struct sm2_pub pub;
	struct sm2_sig sig;
};

struct world {
	struct stranger strangers[STRANGERS];
	size_t turn;
	struct sm2_key key;
	struct sm2_sig sig, sigs[LANES];
	struct sm2_check checks[LANES];
	struct sm2_pub pubs[LANES];
	struct sm2_key keys[LANES];
	struct slice messages[LANES];
	uint8_t message[MESSAGE], hash[SM3_LEN], wrapped[LANES][112], plain[LANES][KEY];
	uint8_t in[STREAM], out[STREAM], iv[16], tag[16];
	struct sm4 sm4;
	struct buf cipher, opened;
	EVP_PKEY *peer;
	uint8_t peer_sig[SM2_SIG_DER_MAX], peer_cipher[256];
	size_t peer_sig_len, peer_cipher_len;
};

/* ---- ours ---- */

static size_t sign_one(void *arg)
{
	struct world *w = arg;

	return rc_ok(sm2_sign(&w->key, SM2_ID, SLICE_ARR(w->message), &w->sig));
}

static size_t sign_many(void *arg)
{
	struct world *w = arg;

	return rc_ok(sm2_sign_batch(&w->key, SM2_ID, w->messages, w->sigs, LANES)) ? LANES : 0;
}

/* Keys that come again are cheaper to verify with, so the usual rows take another key each time. */
static size_t verify_one(void *arg)
{
	struct world *w = arg;
	const struct stranger *s = &w->strangers[w->turn++ % STRANGERS];

	return rc_ok(sm2_verify(&s->pub, SM2_ID, SLICE_ARR(w->message), &s->sig));
}

static size_t verify_known(void *arg)
{
	struct world *w = arg;

	return rc_ok(sm2_verify(&w->key.pub, SM2_ID, SLICE_ARR(w->message), &w->sig));
}

static size_t verify_many(void *arg)
{
	struct world *w = arg;
	size_t i, valid = 0;

	for (i = 0; i < LANES; i++) {
		struct sm2_check *c = &w->checks[i];
		const struct stranger *s = &w->strangers[w->turn++ % STRANGERS];

		c->pub = s->pub;
		c->sig = s->sig;
		if (!rc_ok(sm2_digest(&c->pub, SM2_ID, w->messages[i], c->e)))
			return 0;
	}
	sm2_verify_batch(w->checks, LANES);
	for (i = 0; i < LANES; i++)
		valid += w->checks[i].valid;
	return valid == LANES ? LANES : 0;
}

static size_t keygen_one(void *arg)
{
	struct world *w = arg;

	return rc_ok(sm2_key_new(&w->keys[0]));
}

static size_t keygen_many(void *arg)
{
	struct world *w = arg;

	return rc_ok(sm2_key_new_batch(w->keys, LANES)) ? LANES : 0;
}

static size_t encrypt_one(void *arg)
{
	struct world *w = arg;

	buf_clear(&w->cipher);
	return rc_ok(sm2_encrypt(&w->key.pub, slice_of(w->message, KEY), &w->cipher));
}

static size_t encrypt_many(void *arg)
{
	struct world *w = arg;

	return rc_ok(sm2_encrypt_keys(w->pubs, (const uint8_t(*)[KEY])w->plain, w->wrapped, LANES)) ? LANES
	                                                                                            : 0;
}

static size_t decrypt_one(void *arg)
{
	struct world *w = arg;
	struct sm2_cipher c;

	buf_clear(&w->opened);
	return rc_ok(sm2_cipher_from_raw(buf_slice(&w->cipher), &c)) &&
	       rc_ok(sm2_decrypt(&w->key, &c, &w->opened));
}

static size_t hash_stream(void *arg)
{
	struct world *w = arg;

	sm3_hash(SLICE_ARR(w->in), w->hash);
	return STREAM;
}

static size_t hash_message(void *arg)
{
	struct world *w = arg;

	sm3_hash(SLICE_ARR(w->message), w->hash);
	return 1;
}

static size_t ctr_stream(void *arg)
{
	struct world *w = arg;

	sm4_ctr(&w->sm4, w->iv, w->in, w->out, STREAM);
	return STREAM;
}

static size_t cbc_open_stream(void *arg)
{
	struct world *w = arg;

	sm4_cbc_decrypt(&w->sm4, w->iv, w->in, w->out, STREAM / SM4_BLOCK);
	return STREAM;
}

static size_t gcm_stream(void *arg)
{
	struct world *w = arg;

	sm4_gcm_seal(&w->sm4, w->iv, SLICE_NONE, SLICE_ARR(w->in), w->out, w->tag);
	return STREAM;
}

/* ---- libcrypto ---- */

static EVP_MD_CTX *peer_digest(struct world *w, bool sign)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(w->peer, NULL);
	struct slice id = SM2_ID;

	(void)EVP_PKEY_CTX_set1_id(ctx, id.p, (int)id.len);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	if (sign)
		(void)EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, w->peer);
	else
		(void)EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, w->peer);
	return md;
}

static void peer_digest_free(EVP_MD_CTX *md)
{
	EVP_PKEY_CTX *ctx = EVP_MD_CTX_get_pkey_ctx(md);

	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
}

static size_t peer_sign(void *arg)
{
	struct world *w = arg;
	EVP_MD_CTX *md = peer_digest(w, true);
	int ok;

	w->peer_sig_len = sizeof(w->peer_sig);
	ok = EVP_DigestSign(md, w->peer_sig, &w->peer_sig_len, w->message, MESSAGE);
	peer_digest_free(md);
	return ok == 1;
}

static size_t peer_verify(void *arg)
{
	struct world *w = arg;
	EVP_MD_CTX *md = peer_digest(w, false);
	int ok = EVP_DigestVerify(md, w->peer_sig, w->peer_sig_len, w->message, MESSAGE);

	peer_digest_free(md);
	return ok == 1;
}

static size_t peer_keygen(void *arg)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");

	(void)arg;
	EVP_PKEY_free(key);
	return key != NULL;
}

static size_t peer_encrypt(void *arg)
{
	struct world *w = arg;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(w->peer, NULL);
	int ok = EVP_PKEY_encrypt_init(ctx);

	w->peer_cipher_len = sizeof(w->peer_cipher);
	ok &= EVP_PKEY_encrypt(ctx, w->peer_cipher, &w->peer_cipher_len, w->message, KEY);
	EVP_PKEY_CTX_free(ctx);
	return ok == 1;
}

static size_t peer_decrypt(void *arg)
{
	struct world *w = arg;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(w->peer, NULL);
	uint8_t plain[256];
	size_t len = sizeof(plain);
	int ok = EVP_PKEY_decrypt_init(ctx);

	ok &= EVP_PKEY_decrypt(ctx, plain, &len, w->peer_cipher, w->peer_cipher_len);
	EVP_PKEY_CTX_free(ctx);
	return ok == 1 && len == KEY;
}

static size_t peer_hash_stream(void *arg)
{
	struct world *w = arg;

	return EVP_Digest(w->in, STREAM, w->hash, NULL, EVP_sm3(), NULL) == 1 ? STREAM : 0;
}

static size_t peer_hash_message(void *arg)
{
	struct world *w = arg;

	return EVP_Digest(w->message, MESSAGE, w->hash, NULL, EVP_sm3(), NULL) == 1;
}

static size_t peer_cipher(struct world *w, const EVP_CIPHER *cipher, bool encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, ok = EVP_CipherInit_ex(c, cipher, NULL, w->message, w->iv, encrypt);

	(void)EVP_CIPHER_CTX_set_padding(c, 0);
	ok &= EVP_CipherUpdate(c, w->out, &n, w->in, STREAM);
	EVP_CIPHER_CTX_free(c);
	return ok == 1 ? STREAM : 0;
}

static size_t peer_ctr(void *arg)
{
	return peer_cipher(arg, EVP_sm4_ctr(), true);
}

static size_t peer_cbc_open(void *arg)
{
	return peer_cipher(arg, EVP_sm4_cbc(), false);
}

/* ---- rows ---- */

static const struct {
	const char *name, *unit;
	double scale;
	size_t (*ours)(void *), (*theirs)(void *);
} table[] = {
        {"sm2.sign.portable", "1/s", 1, sign_one, peer_sign},
        {"sm2.sign.batch.portable", "1/s", 1, sign_many, peer_sign},
        {"sm2.verify.portable", "1/s", 1, verify_one, peer_verify},
        {"sm2.verify.batch.portable", "1/s", 1, verify_many, peer_verify},
        {"sm2.verify.known.portable", "1/s", 1, verify_known, peer_verify},
        {"sm2.keygen.portable", "1/s", 1, keygen_one, peer_keygen},
        {"sm2.keygen.batch.portable", "1/s", 1, keygen_many, peer_keygen},
        {"sm2.encrypt.portable", "1/s", 1, encrypt_one, peer_encrypt},
        {"sm2.encrypt.batch.portable", "1/s", 1, encrypt_many, peer_encrypt},
        {"sm2.decrypt.portable", "1/s", 1, decrypt_one, peer_decrypt},
        {"sm3.stream", "MB/s", 1e-6, hash_stream, peer_hash_stream},
        {"sm3.400b", "1/s", 1, hash_message, peer_hash_message},
        {"sm4.ctr", "MB/s", 1e-6, ctr_stream, peer_ctr},
        {"sm4.cbc.decrypt", "MB/s", 1e-6, cbc_open_stream, peer_cbc_open},
        {"sm4.gcm", "MB/s", 1e-6, gcm_stream, NULL}, /* OpenSSL 3.0 has none */
};

static EVP_PKEY *peer_key(const struct sm2_key *k)
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

static RC make_strangers(struct world *w)
{
	size_t i;

	for (i = 0; i < STRANGERS; i++) {
		struct sm2_key k;

		TRY(sm2_key_new(&k));
		w->strangers[i].pub = k.pub;
		TRY(sm2_sign(&k, SM2_ID, SLICE_ARR(w->message), &w->strangers[i].sig));
	}
	return OK;
}

static RC prepare(struct world *w)
{
	size_t i;

	memset(w->message, 0x5a, sizeof(w->message));
	w->cipher = w->opened = BUF(1024);
	TRY(sm2_key_new(&w->key));
	for (i = 0; i < LANES; i++) {
		w->messages[i] = SLICE_ARR(w->message);
		w->pubs[i] = w->key.pub;
	}
	sm4_init(&w->sm4, w->message);
	TRY(make_strangers(w));
	w->peer = peer_key(&w->key);
	NEED(w->peer != NULL, RC_CRYPTO, "bench: libcrypto refuses the key");
	/* what the verifying and opening rows start from */
	NEED(sign_one(w) && sign_many(w) && encrypt_one(w) && peer_sign(w) && peer_encrypt(w), RC_CRYPTO,
	     "bench: preparing failed");
	return OK;
}

static RC run_rows(struct bench *b, struct world *w)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct rates r =
		        measure_both((struct work){table[i].ours, w}, (struct work){table[i].theirs, w});
		struct bench_row row = {.value = r.ours * table[i].scale, .unit = table[i].unit};

		NEED(r.ours > 0 && (r.theirs > 0 || table[i].theirs == NULL), RC_CRYPTO, "bench: %s failed",
		     table[i].name);
		(void)snprintf(row.name, sizeof(row.name), "%s", table[i].name);
		if (table[i].theirs != NULL) {
			row.peer = rows_openssl();
			row.peer_value = r.theirs * table[i].scale;
		}
		TRY(rows_add(&b->rows, &row));
	}
	return OK;
}

RC bench_sm(struct bench *b)
{
	AUTO_MEM(struct world, w, mem_new(1, sizeof(*w)));
	struct rc rc;

	NEED(w != NULL, RC_NOMEM, "bench: no memory");
	rc = prepare(w);
	if (rc_ok(rc))
		rc = run_rows(b, w);
	EVP_PKEY_free(w->peer);
	buf_free(&w->cipher);
	buf_free(&w->opened);
	return rc;
}
