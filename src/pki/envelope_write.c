/* The four delivery forms, written from one content; nothing is decrypted. */
#include "pki/envelope.h"

#include "asn1/der.h"
#include "pki/cms.h"
#include "pki/envelope_blob.h"

#define CIPHER_DER_MAX 160

static RC write_sm2(const struct envelope *e, struct buf *ret)
{
	AUTO_DER(w, 512);
	AUTO_BUF(cipher, CIPHER_DER_MAX);
	uint8_t point[65] = {4};

	TRY(sm2_cipher_to_der(SLICE_ARR(e->key), &cipher));
	memcpy(point + 1, e->pub.xy, 64);
	der_begin(&w, DER_SEQUENCE);
	der_put_algorithm_null(&w, OID_SM4_ECB);
	der_raw(&w, buf_slice(&cipher));
	der_put_bits(&w, SLICE_ARR(point));
	/* The lower half alone is the 32-byte form of GB/T 35276 7.4. */
	der_put_bits(&w, slice_of(e->body + e->body_len - 32, 32));
	der_end(&w);
	return der_finish(&w, ret);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void put_point(uint8_t *p, const uint8_t xy[64])
{
	memcpy(p + 32, xy, 32);
	memcpy(p + 96, xy + 32, 32);
}

static RC write_blob(const struct envelope *e, const struct envelope_blob *at, size_t size, bool upper,
                     struct buf *ret)
{
	uint8_t b[ENVELOPE_SKF] = {0};

	put_u32(b, BLOB_VERSION);
	put_u32(b + 4, SGD_SM4_ECB);
	if (at->bits != 0)
		put_u32(b + at->bits, 256);
	put_u32(b + at->pub, 256);
	put_point(b + at->pub + 4, e->pub.xy);
	put_point(b + at->cipher, e->key);
	memcpy(b + at->cipher + 128, e->key + 64, 32);
	put_u32(b + at->cipher + 160, 16);
	memcpy(b + at->cipher + 164, e->key + 96, 16);
	memcpy(b + at->body + 32, e->body + e->body_len - 32, 32);
	if (upper)
		memcpy(b + at->body, e->body, 32);
	buf_add(ret, slice_of(b, size));
	return buf_done(ret);
}

RC envelope_write(const struct envelope *e, enum envelope_form form, enum envelope_skf skf, struct buf *ret)
{
	if (form == ENVELOPE_FORM_SAED) {
		REQUIRE(e->saed.len > 0, ENVELOPE_FORM,
		        "envelope: SignedAndEnvelopedData needs the key centre's signature");
		return cms_sealed_wrap(e->saed, ret);
	}
	REQUIRE(e->has_pub, ENVELOPE_FORM, "envelope: the public key is not known");
	REQUIRE(e->body_len == 32 || (e->body_len == 64 && e->upper_known), ENVELOPE_FORM,
	        "envelope: this layout cannot be converted without decrypting");
	if (form == ENVELOPE_FORM_SM2)
		return write_sm2(e, ret);
	if (form == ENVELOPE_FORM_SKF && skf == ENVELOPE_SKF_B)
		return write_blob(e, &envelope_skf_blob, ENVELOPE_SKF, false, ret);
	REQUIRE(e->upper_known, ENVELOPE_FORM, "envelope: the upper half is not known");
	if (form == ENVELOPE_FORM_SKF)
		return write_blob(e, &envelope_skf_blob, ENVELOPE_SKF, true, ret);
	return write_blob(e, &envelope_sdf_blob, ENVELOPE_SDF, true, ret);
}

RC envelope_convert(struct slice bytes, const struct sm2_pub *pub, enum envelope_form form, struct buf *ret)
{
	struct envelope e;

	TRY(envelope_read(bytes, pub, &e));
	return envelope_write(&e, form, ENVELOPE_SKF_B, ret);
}
