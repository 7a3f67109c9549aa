#include "pki/envelope.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "base/rand.h"
#include "pki/cms.h"
#include "sm/sm4.h"

#define ENVELOPE_BATCH 256
#define CIPHER_DER_MAX 160 /* SM2Cipher of 16 bytes */

static const char *const form_names[ENVELOPE_FORM_COUNT] = {"sm2", "saed", "skf", "sdf"};

const char *envelope_form_name(enum envelope_form f)
{
	return f < ENVELOPE_FORM_COUNT ? form_names[f] : "";
}

RC envelope_form_find(struct slice name, enum envelope_form *ret)
{
	for (unsigned i = 0; i < ENVELOPE_FORM_COUNT; i++)
		if (slice_is(name, form_names[i])) {
			*ret = (enum envelope_form)i;
			return OK;
		}
	REFUSE(ENVELOPE_FORM, "envelope: \"%.*s\" is not one of sm2, saed, skf, sdf",
	       (int)(name.len < 32 ? name.len : 32), (const char *)name.p);
}

/* SM4-ECB of 32 zero bytes || d. */
static void encrypt_body(const uint8_t key[SM4_KEY], const uint8_t d[32], uint8_t ret[64])
{
	struct sm4 c;
	uint8_t plain[64] = {0};

	memcpy(plain + 32, d, 32);
	sm4_init(&c, key);
	sm4_ecb_encrypt(&c, plain, ret, 4);
	sm4_wipe(&c);
	wipe(plain, sizeof(plain));
}

RC envelope_seal(const struct sm2_key *delivered, const struct sm2_pub *receiver, struct envelope *ret)
{
	uint8_t key[1][16];

	*ret = (struct envelope){.body_len = 64, .upper_known = true, .has_pub = true, .pub = delivered->pub};
	TRY(rand_bytes(key[0], 16));
	encrypt_body(key[0], delivered->d, ret->body);
	struct rc rc = sm2_encrypt_keys(receiver, key, &ret->key, 1);

	wipe(key, sizeof(key));
	return rc;
}

/* ---- many at once, signed ---- */

struct batch {
	struct sm2_pub receiver[ENVELOPE_BATCH];
	uint8_t key[ENVELOPE_BATCH][16];
	uint8_t sealed[ENVELOPE_BATCH][112];
	uint8_t plain[ENVELOPE_BATCH][64];
	uint8_t body[ENVELOPE_BATCH][64];
	struct slice message[ENVELOPE_BATCH];
	struct sm2_sig sig[ENVELOPE_BATCH];
};

static RC fill_batch(const struct envelope_item *items, size_t n, const struct sm2_key *signer,
                     struct batch *b)
{
	TRY(rand_bytes(b->key, n * 16));
	for (size_t i = 0; i < n; i++) {
		b->receiver[i] = items[i].receiver;
		memcpy(b->plain[i] + 32, items[i].key->d, 32);
		b->message[i] = SLICE_ARR(b->plain[i]);
		encrypt_body(b->key[i], items[i].key->d, b->body[i]);
	}
	/* An outer const in the signature asks for the same inner type. */
	TRY(sm2_encrypt_keys(b->receiver, (const uint8_t(*)[16])b->key, b->sealed, n));
	return sm2_sign_batch(signer, SM2_ID, b->message, b->sig, n);
}

RC envelope_assemble(const struct envelope_parts *p, struct buf *ret)
{
	AUTO_BUF(cipher, CIPHER_DER_MAX);
	AUTO_BUF(sig, SM2_SIG_DER_MAX);

	TRY(sm2_cipher_to_der(slice_of(p->key, 112), &cipher));
	sm2_sig_to_der(p->sig, &sig);
	TRY(buf_done(&sig));
	return cms_sealed_build(
	        &(struct cms_seal){
	                .serial = p->serial,
	                .encrypted_key = buf_slice(&cipher),
	                .ciphertext = slice_of(p->body, 64),
	                .by = {p->certificate, buf_slice(&sig)},
	        },
	        ret);
}

static RC make_batch(const struct envelope_item *items, size_t n, const struct sm2_key *signer,
                     struct slice certificate, struct batch *b, struct buf *ret)
{
	TRY(fill_batch(items, n, signer, b));
	for (size_t i = 0; i < n; i++)
		TRY(envelope_assemble(
		        &(struct envelope_parts){
		                .key = b->sealed[i],
		                .body = b->body[i],
		                .sig = &b->sig[i],
		                .serial = items[i].serial,
		                .certificate = certificate,
		        },
		        &ret[i]));
	return OK;
}

RC envelope_make(const struct envelope_item *items, size_t n, const struct sm2_key *signer,
                 struct slice certificate, struct buf *ret)
{
	NEED(n <= ENVELOPE_BATCH, RC_BUG, "envelope: %zu at once, limit %d", n, ENVELOPE_BATCH);
	AUTO(secret, room, secret_new(sizeof(struct batch)));

	NEED(room != NULL, RC_NOMEM, "envelope: out of locked memory");
	return make_batch(items, n, signer, certificate, (struct batch *)(void *)room->p, ret);
}
