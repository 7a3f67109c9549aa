/* The four delivery forms, parsed into one content. */
#include "pki/envelope.h"

#include "asn1/der.h"
#include "pki/cms.h"
#include "pki/envelope_blob.h"
#include "pki/form.h"

#define KEY_LEN 16

static RC take_key(const struct sm2_cipher *c, struct envelope *ret)
{
	REQUIRE(c->c2.len == KEY_LEN, ENVELOPE_FORM, "envelope: the wrapped key has %zu bytes, not 16",
	        c->c2.len);
	memcpy(ret->key, c->c1, 64);
	memcpy(ret->key + 64, c->c3, 32);
	memcpy(ret->key + 96, c->c2.p, KEY_LEN);
	return OK;
}

/* Two equal blocks of ciphertext in ECB are the ciphertext of the two zero blocks; so the layout is
 * seen without the key.  Standards.md 1.5: zeros || d, or d || zeros (then the halves change
 * places), or d alone, or a DER structure. */
static RC take_body(struct slice body, struct envelope *ret)
{
	REQUIRE(body.len >= 32 && body.len <= ENVELOPE_BODY && body.len % 16 == 0, ENVELOPE_FORM,
	        "envelope: %zu bytes of encrypted key", body.len);
	memcpy(ret->body, body.p, body.len);
	ret->body_len = body.len;
	if (body.len != 64)
		return OK;
	if (memcmp(body.p, body.p + 16, 16) == 0) {
		ret->upper_known = true;
	} else if (memcmp(body.p + 32, body.p + 48, 16) == 0) {
		memcpy(ret->body, body.p + 32, 32);
		memcpy(ret->body + 32, body.p, 32);
		ret->upper_known = true;
	}
	return OK;
}

/* ---- SM2EnvelopedKey ---- */

static void take_ecb(struct der_reader *r)
{
	struct slice params;
	enum oid o = der_algorithm(r, &params);

	if (o != OID_SM4_ECB && o != OID_SM4)
		der_fail(r, "symmetric algorithm is not SM4 in ECB mode");
	if (params.len > 2)
		der_fail(r, "ECB has no parameters");
}

static struct slice take_bits(struct der_reader *r)
{
	unsigned unused;
	struct slice bits = der_bits(r, &unused);

	if (unused != 0)
		der_fail(r, "unused bits");
	return bits;
}

/* Tag SEQUENCE, or [0] when a CSRResponse carries it IMPLICIT. */
static RC read_sm2(struct slice der, uint8_t tag, struct envelope *ret)
{
	struct der_reader r = der_read(der);
	struct slice cipher, point, body;
	struct sm2_cipher c;

	der_enter(&r, tag);
	take_ecb(&r);
	cipher = der_element_of(&r, DER_SEQUENCE);
	point = take_bits(&r);
	body = take_bits(&r);
	der_leave(&r);
	TRY(form_done(&r, ERR_ENVELOPE_FORM, "envelope: SM2EnvelopedKey"));
	REQUIRE(rc_ok(sm2_cipher_from_der(cipher, &c)), ENVELOPE_FORM, "envelope: SM2Cipher");
	REQUIRE(rc_ok(sm2_pub_from_octets(point, &ret->pub)), ENVELOPE_FORM,
	        "envelope: the public key is not a point of the curve");
	ret->has_pub = true;
	TRY(take_key(&c, ret));
	return take_body(body, ret);
}

/* ---- SignedAndEnvelopedData ---- */

static RC read_saed(struct slice der, struct envelope *ret)
{
	struct cms_sealed s;
	struct sm2_cipher c;

	TRY(cms_sealed_parse(der, &s));
	/* The issuer of the recipient is often empty: one recipient, taken as ours (standards.md 1.7). */
	REQUIRE(s.recipient_count == 1, ENVELOPE_FORM, "envelope: %zu recipients", s.recipient_count);
	REQUIRE(s.cipher == OID_SM4_ECB, ENVELOPE_FORM, "envelope: not SM4 in ECB mode");
	REQUIRE(rc_ok(sm2_cipher_from_der(s.recipients[0].encrypted_key, &c)), ENVELOPE_FORM,
	        "envelope: SM2Cipher");
	ret->saed = der;
	TRY(take_key(&c, ret));
	return take_body(s.ciphertext, ret);
}

/* ---- SKF and SDF blobs ---- */

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

/* Coordinates stand right-aligned in 64 bytes. */
static bool take_point(const uint8_t *p, uint8_t xy[64])
{
	memcpy(xy, p + 32, 32);
	memcpy(xy + 32, p + 96, 32);
	return all_zero(p, 32) && all_zero(p + 64, 32);
}

static RC read_blob(struct slice blob, const struct envelope_blob *at, struct envelope *ret)
{
	uint8_t xy[64];
	struct sm2_pub c1;

	REQUIRE(u32(blob.p) == BLOB_VERSION, ENVELOPE_FORM, "envelope: blob version %u", u32(blob.p));
	REQUIRE(u32(blob.p + 4) == SGD_SM4_ECB, ENVELOPE_FORM, "envelope: algorithm %#x is not SM4 ECB",
	        u32(blob.p + 4));
	REQUIRE((at->bits == 0 || u32(blob.p + at->bits) == 256) && u32(blob.p + at->pub) == 256,
	        ENVELOPE_FORM, "envelope: the delivered key does not have 256 bits");
	REQUIRE(take_point(blob.p + at->pub + 4, xy) && rc_ok(sm2_pub_load(xy, &ret->pub)), ENVELOPE_FORM,
	        "envelope: the public key is not a point of the curve");
	ret->has_pub = true;
	REQUIRE(take_point(blob.p + at->cipher, ret->key) && rc_ok(sm2_pub_load(ret->key, &c1)) &&
	                u32(blob.p + at->cipher + 160) == KEY_LEN,
	        ENVELOPE_FORM, "envelope: ciphertext of the key");
	memcpy(ret->key + 64, blob.p + at->cipher + 128, 32);
	memcpy(ret->key + 96, blob.p + at->cipher + 164, KEY_LEN);
	/* Reading B leaves the first half zero (standards.md 1.8): then only the second is ciphertext. */
	if (all_zero(blob.p + at->body, 32))
		return take_body(slice_of(blob.p + at->body + 32, 32), ret);
	return take_body(slice_of(blob.p + at->body, 64), ret);
}

/* ---- any ---- */

static RC read_any(struct slice bytes, struct envelope *ret)
{
	REQUIRE(bytes.len > 0 && bytes.len <= ENVELOPE_MAX, ENVELOPE_FORM, "envelope: %zu bytes, limit %d",
	        bytes.len, ENVELOPE_MAX);
	if (bytes.p[0] == DER_CTXC(0))
		return read_sm2(bytes, DER_CTXC(0), ret);
	if (bytes.p[0] == DER_SEQUENCE) {
		struct der_reader r = der_read(bytes);

		der_enter(&r, DER_SEQUENCE);
		return der_at(&r, DER_SEQUENCE) ? read_sm2(bytes, DER_SEQUENCE, ret) : read_saed(bytes, ret);
	}
	if (bytes.len == ENVELOPE_SKF)
		return read_blob(bytes, &envelope_skf_blob, ret);
	if (bytes.len == ENVELOPE_SDF)
		return read_blob(bytes, &envelope_sdf_blob, ret);
	REFUSE(ENVELOPE_FORM, "envelope: none of the four forms");
}

RC envelope_read(struct slice bytes, const struct sm2_pub *pub, struct envelope *ret)
{
	*ret = (struct envelope){0};
	TRY(read_any(bytes, ret));
	if (pub == NULL)
		return OK;
	REQUIRE(!ret->has_pub || memcmp(&ret->pub, pub, sizeof(*pub)) == 0, ENVELOPE_KEY,
	        "envelope: it delivers another key than the certificate has");
	ret->pub = *pub;
	ret->has_pub = true;
	return OK;
}
