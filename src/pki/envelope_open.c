/* The receiver's side: the only place where the delivered private key appears in clear. */
#include "pki/envelope.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "pki/cms.h"
#include "pki/pkcs8.h"
#include "sm/sm4.h"

/* What opening needs in clear, in one locked piece. */
struct opened {
	uint8_t key[SM4_KEY];
	uint8_t plain[ENVELOPE_BODY];
	struct sm4 cipher;
	struct private_key file;
};

static RC unwrap_key(const struct envelope *e, const struct sm2_key *signing, struct opened *o)
{
	struct sm2_cipher c;
	struct buf plain = BUF_SECRET(SM4_KEY);

	memcpy(c.c1, e->key, 64);
	memcpy(c.c3, e->key + 64, 32);
	c.c2 = slice_of(e->key + 96, SM4_KEY);
	struct rc rc = sm2_decrypt(signing, &c, &plain);

	if (rc_ok(rc) && plain.len == SM4_KEY)
		memcpy(o->key, plain.p, SM4_KEY);
	else if (rc_ok(rc) || rc.code == RC_INPUT)
		rc = rc_refuse(ERR_ENVELOPE_KEY, "envelope: this signing key does not open it");
	buf_free(&plain);
	return rc;
}

static bool fits(const uint8_t d[32], const struct sm2_pub *expected, struct sm2_key *ret)
{
	if (!rc_ok(sm2_key_load(d, ret)))
		return false;
	if (memcmp(&ret->pub, expected, sizeof(*expected)) == 0)
		return true;
	sm2_key_wipe(ret);
	return false;
}

/* PKCS#8 or SEC 1 under PKCS#7 padding (standards.md 1.5, third producer). */
static bool fits_der(struct opened *o, size_t len, const struct sm2_pub *expected, struct sm2_key *ret)
{
	uint8_t pad = o->plain[len - 1];
	bool found;

	if (pad < 1 || pad > 16)
		return false;
	found = rc_ok(private_key_read(slice_of(o->plain, len - pad), SLICE_NONE, &o->file)) &&
	        o->file.curve == OID_SM2 && fits(o->file.d, expected, ret);
	private_key_wipe(&o->file);
	return found;
}

static RC open_body(const struct envelope *e, const struct sm2_pub *expected, struct opened *o,
                    struct sm2_key *ret)
{
	sm4_init(&o->cipher, o->key);
	sm4_ecb_decrypt(&o->cipher, e->body, o->plain, e->body_len / SM4_BLOCK);
	if (e->body_len == 32 && fits(o->plain, expected, ret))
		return OK;
	/* envelope_read() has put d || zeros in order already. */
	if (e->body_len == 64 && fits(o->plain + 32, expected, ret)) {
		static const uint8_t zeros[32];

		if (ct_equal(o->plain, zeros, 32))
			return OK;
		sm2_key_wipe(ret);
	}
	if (e->body_len > 32 && fits_der(o, e->body_len, expected, ret))
		return OK;
	REFUSE(ENVELOPE_KEY, "envelope: it does not hold the private key of the expected public key");
}

RC envelope_open(struct slice bytes, const struct sm2_key *signing, const struct sm2_pub *expected,
                 struct sm2_key *ret)
{
	struct envelope e;
	AUTO(secret, room, secret_new(sizeof(struct opened)));

	NEED(room != NULL, RC_NOMEM, "envelope: out of locked memory");
	struct opened *o = (struct opened *)(void *)room->p;

	TRY(envelope_read(bytes, expected, &e));
	REQUIRE(e.has_pub, ENVELOPE_KEY, "envelope: the expected public key is not known");
	TRY(unwrap_key(&e, signing, o));
	return open_body(&e, &e.pub, o, ret);
}

RC envelope_verify(struct slice saed, const struct sm2_key *delivered, const struct sm2_pub *pub)
{
	struct cms_sealed s;
	uint8_t plain[64] = {0};

	TRY(cms_sealed_parse(saed, &s));
	REQUIRE(s.by.signer_count == 1, CMS_SIGNER, "envelope: %zu signers", s.by.signer_count);
	memcpy(plain + 32, delivered->d, 32);
	struct rc rc = cms_verify(&s.by.signers[0], pub, SLICE_ARR(plain));

	wipe(plain, sizeof(plain));
	return rc;
}
