#include "bench/sm_work.h"

#include <string.h>

static size_t sign_one(struct sm_world *w)
{
	return rc_ok(sm2_sign(&w->key, SM2_ID, SLICE_ARR(w->message), &w->sig));
}

static size_t sign_many(struct sm_world *w)
{
	return rc_ok(sm2_sign_batch(&w->key, SM2_ID, w->messages, w->sigs, LANES)) ? LANES : 0;
}

/* Keys that come again are cheaper to verify with, so the usual rows take another key each time. */
static size_t verify_one(struct sm_world *w)
{
	const struct stranger *s = &w->strangers[w->turn++ % STRANGERS];

	return rc_ok(sm2_verify(&s->pub, SM2_ID, SLICE_ARR(w->message), &s->sig));
}

static size_t verify_known(struct sm_world *w)
{
	return rc_ok(sm2_verify(&w->key.pub, SM2_ID, SLICE_ARR(w->message), &w->sig));
}

static size_t verify_many(struct sm_world *w)
{
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

static size_t keygen_one(struct sm_world *w)
{
	return rc_ok(sm2_key_new(&w->keys[0]));
}

static size_t keygen_many(struct sm_world *w)
{
	return rc_ok(sm2_key_new_batch(w->keys, LANES)) ? LANES : 0;
}

static size_t encrypt_one(struct sm_world *w)
{
	buf_clear(&w->cipher);
	return rc_ok(sm2_encrypt(&w->key.pub, slice_of(w->message, KEY), &w->cipher));
}

static size_t encrypt_many(struct sm_world *w)
{
	return rc_ok(sm2_encrypt_keys(w->pubs, (const uint8_t(*)[KEY])w->plain, w->wrapped, LANES)) ? LANES
	                                                                                            : 0;
}

static size_t decrypt_one(struct sm_world *w)
{
	struct sm2_cipher c;

	buf_clear(&w->opened);
	return rc_ok(sm2_cipher_from_raw(buf_slice(&w->cipher), &c)) &&
	       rc_ok(sm2_decrypt(&w->key, &c, &w->opened));
}

static size_t hash_stream(struct sm_world *w)
{
	sm3_hash(SLICE_ARR(w->in[0]), w->hash[0]);
	return STREAM;
}

static size_t hash_message(struct sm_world *w)
{
	sm3_hash(SLICE_ARR(w->message), w->hash[0]);
	return 1;
}

static size_t ctr_stream(struct sm_world *w)
{
	sm4_ctr(&w->sm4, w->iv, w->in[0], w->out, STREAM);
	return STREAM;
}

static size_t cbc_open_stream(struct sm_world *w)
{
	sm4_cbc_decrypt(&w->sm4, w->iv, w->in[0], w->out, STREAM / SM4_BLOCK);
	return STREAM;
}

static size_t gcm_stream(struct sm_world *w)
{
	sm4_gcm_seal(&w->sm4, w->iv, SLICE_NONE, SLICE_ARR(w->in[0]), w->out, w->tag);
	return STREAM;
}

static size_t sign_prepared(struct sm_world *w)
{
	return rc_ok(sm2_sign_prepared(&w->key, w->nonces, SM2_ID, SLICE_ARR(w->message), &w->sig));
}

static size_t hash_streams(struct sm_world *w)
{
	sm3_hash_batch(w->streams, w->hash, STREAMS);
	return STREAMS * STREAM;
}

static size_t cbc_stream(struct sm_world *w)
{
	sm4_cbc_encrypt(&w->sm4, w->iv, w->in[0], w->out, STREAM / SM4_BLOCK);
	return STREAM;
}

const struct sm_task sm_tasks[] = {
        {"sm2.sign", false, sign_one, sign_many, sm_peer_sign, sm_peer_p256_sign},
        {"sm2.sign.prepared", false, sign_prepared, NULL, sm_peer_sign, NULL},
        {"sm2.verify", false, verify_one, verify_many, sm_peer_verify, sm_peer_p256_verify},
        {"sm2.verify.known", false, verify_known, NULL, sm_peer_verify, NULL},
        {"sm2.keygen", false, keygen_one, keygen_many, sm_peer_keygen, sm_peer_p256_keygen},
        {"sm2.encrypt", false, encrypt_one, encrypt_many, sm_peer_encrypt, NULL},
        {"sm2.decrypt", false, decrypt_one, NULL, sm_peer_decrypt, NULL},
        {"sm3.stream", true, hash_stream, NULL, sm_peer_hash_stream, NULL},
        {"sm3.multi8", true, hash_streams, NULL, sm_peer_hash_stream, NULL},
        {"sm3.400b", false, hash_message, NULL, sm_peer_hash_message, NULL},
        {"sm4.cbc", true, cbc_stream, NULL, sm_peer_cbc, NULL},
        {"sm4.cbc.decrypt", true, cbc_open_stream, NULL, sm_peer_cbc_open, NULL},
        {"sm4.ctr", true, ctr_stream, NULL, sm_peer_ctr, NULL},
        {"sm4.gcm", true, gcm_stream, NULL, sm_peer_ctr, NULL}, /* OpenSSL 3.0 has no SM4-GCM */
        {0},
};

static RC make_strangers(struct sm_world *w)
{
	struct sm2_key k;
	size_t i;

	for (i = 0; i < STRANGERS; i++) {
		TRY(sm2_key_new(&k));
		w->strangers[i].pub = k.pub;
		TRY(sm2_sign(&k, SM2_ID, SLICE_ARR(w->message), &w->strangers[i].sig));
	}
	return OK;
}

RC sm_world_prepare(struct sm_world *w)
{
	size_t i;

	memset(w->message, 0x5a, sizeof(w->message));
	w->cipher = w->opened = BUF(1024);
	TRY(sm2_key_new(&w->key));
	TRY(sm2_nonces_new(&w->nonces));
	for (i = 0; i < LANES; i++) {
		w->messages[i] = SLICE_ARR(w->message);
		w->pubs[i] = w->key.pub;
	}
	for (i = 0; i < STREAMS; i++)
		w->streams[i] = SLICE_ARR(w->in[i]);
	sm4_init(&w->sm4, w->message);
	TRY(make_strangers(w));
	TRY(sm_peer_prepare(w));
	/* what the verifying and opening rows start from */
	NEED(sign_one(w) && sign_many(w) && encrypt_one(w), RC_CRYPTO, "bench: preparing failed");
	return OK;
}

void sm_world_drop(struct sm_world *w)
{
	sm_peer_drop(w);
	sm2_nonces_free(w->nonces);
	sm2_key_wipe(&w->key);
	buf_free(&w->cipher);
	buf_free(&w->opened);
}
