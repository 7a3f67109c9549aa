#include "sm/sm2_internal.h"
#include "sm/sm3.h"

/* The two small structures of GM/T 0009 clause 7; asn1/ stands above this folder. */
#define TAG_INTEGER 0x02
#define TAG_OCTETS 0x04
#define TAG_SEQUENCE 0x30

static size_t header_size(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : len < 0x10000 ? 4 : 5;
}

static void put_header(struct buf *b, uint8_t tag, size_t len)
{
	size_t more = header_size(len) - 2, i;

	buf_u8(b, tag);
	buf_u8(b, (uint8_t)(more == 0 ? len : 0x80 | more));
	for (i = more; i > 0; i--)
		buf_u8(b, (uint8_t)(len >> (8 * (i - 1))));
}

/* The shortest INTEGER of 32 unsigned bytes. */
static struct slice trim(const uint8_t number[32], bool *pad)
{
	size_t skip = 0;

	while (skip < 31 && number[skip] == 0)
		skip++;
	*pad = number[skip] >= 0x80;
	return slice_of(number + skip, 32 - skip);
}

static size_t integer_size(const uint8_t number[32])
{
	bool pad;
	struct slice s = trim(number, &pad);

	return 2 + s.len + (pad ? 1 : 0);
}

static void put_integer(struct buf *b, const uint8_t number[32])
{
	bool pad;
	struct slice s = trim(number, &pad);

	put_header(b, TAG_INTEGER, s.len + (pad ? 1 : 0));
	if (pad)
		buf_u8(b, 0);
	buf_add(b, s);
}

/* Takes one element with that tag off the front of in. */
static RC take(struct slice *in, uint8_t tag, struct slice *content)
{
	size_t len, more, i;

	NEED(in->len >= 2 && in->p[0] == tag, RC_INPUT, "sm2: not the expected DER element (GM/T 0009 7)");
	len = in->p[1];
	more = len < 0x80 ? 0 : len & 0x7f;
	NEED(len != 0x80 && more <= 3 && in->len >= 2 + more, RC_INPUT, "sm2: bad DER length");
	if (more > 0) {
		for (len = 0, i = 0; i < more; i++)
			len = len << 8 | in->p[2 + i];
		NEED(header_size(len) == 2 + more, RC_INPUT, "sm2: DER length not minimal (X.690 10.1)");
	}
	NEED(in->len - 2 - more >= len, RC_INPUT, "sm2: DER element cut short");
	*content = slice_of(in->p + 2 + more, len);
	*in = slice_of(in->p + 2 + more + len, in->len - 2 - more - len);
	return OK;
}

static RC take_number(struct slice *in, uint8_t number[32])
{
	struct slice s;

	TRY(take(in, TAG_INTEGER, &s));
	NEED(s.len > 0 && s.p[0] < 0x80, RC_INPUT, "sm2: a negative or empty INTEGER");
	NEED(s.len == 1 || s.p[0] != 0 || s.p[1] >= 0x80, RC_INPUT, "sm2: INTEGER not minimal (X.690 8.3.2)");
	if (s.p[0] == 0)
		s = slice_of(s.p + 1, s.len - 1);
	NEED(s.len <= 32, RC_INPUT, "sm2: INTEGER of more than 256 bits");
	memset(number, 0, 32 - s.len);
	memcpy(number + 32 - s.len, s.p, s.len);
	return OK;
}

void sm2_sig_to_der(const struct sm2_sig *sig, struct buf *ret)
{
	put_header(ret, TAG_SEQUENCE, integer_size(sig->r) + integer_size(sig->s));
	put_integer(ret, sig->r);
	put_integer(ret, sig->s);
}

static bool in_group(const uint8_t number[32])
{
	struct sc v;

	return sc_from_bytes(&v, number) && !sc_mask_zero(&v);
}

RC sm2_sig_from_der(struct slice der, struct sm2_sig *ret)
{
	struct slice in;
	struct sm2_sig sig;

	TRY(take(&der, TAG_SEQUENCE, &in));
	TRY(take_number(&in, sig.r));
	TRY(take_number(&in, sig.s));
	NEED(der.len == 0 && in.len == 0, RC_INPUT, "sm2: bytes after the signature");
	NEED(in_group(sig.r) && in_group(sig.s), RC_INPUT,
	     "sm2: r or s outside [1, n-1] (GB/T 32918.2 7.1 B1, B2)");
	*ret = sig;
	return OK;
}

RC sm2_cipher_to_der(struct slice c1c3c2, struct buf *ret)
{
	struct sm2_cipher c;
	size_t size;

	TRY(sm2_cipher_from_raw(c1c3c2, &c));
	size = integer_size(c.c1) + integer_size(c.c1 + 32) + 2 + SM3_LEN + header_size(c.c2.len) + c.c2.len;
	put_header(ret, TAG_SEQUENCE, size);
	put_integer(ret, c.c1);
	put_integer(ret, c.c1 + 32);
	put_header(ret, TAG_OCTETS, SM3_LEN);
	buf_add(ret, SLICE_ARR(c.c3));
	put_header(ret, TAG_OCTETS, c.c2.len);
	buf_add(ret, c.c2);
	return buf_done(ret);
}

static RC check_cipher(const struct sm2_cipher *c)
{
	struct affine point;

	NEED(c->c2.len > 0 && c->c2.len <= SM2_PLAIN_MAX, RC_INPUT, "sm2: ciphertext of %zu bytes",
	     c->c2.len);
	NEED(point_from_bytes(&point, c->c1), RC_INPUT,
	     "sm2: C1 is not a point of the curve (GB/T 32918.4 7.1 B1)");
	return OK;
}

RC sm2_cipher_from_der(struct slice der, struct sm2_cipher *ret)
{
	struct slice in, hash;
	struct sm2_cipher c;

	TRY(take(&der, TAG_SEQUENCE, &in));
	TRY(take_number(&in, c.c1));
	TRY(take_number(&in, c.c1 + 32));
	TRY(take(&in, TAG_OCTETS, &hash));
	TRY(take(&in, TAG_OCTETS, &c.c2));
	NEED(der.len == 0 && in.len == 0, RC_INPUT, "sm2: bytes after the ciphertext");
	NEED(hash.len == SM3_LEN, RC_INPUT, "sm2: C3 of %zu bytes (GM/T 0009 7.2)", hash.len);
	memcpy(c.c3, hash.p, SM3_LEN);
	TRY(check_cipher(&c));
	*ret = c;
	return OK;
}

RC sm2_cipher_from_raw(struct slice c1c3c2, struct sm2_cipher *ret)
{
	const size_t fixed = SM2_POINT + SM3_LEN;
	struct sm2_cipher c;
	size_t skip;

	/* Without the 04 a point may begin with that byte too: the length cannot tell, the curve can. */
	for (skip = 0; skip <= 1; skip++) {
		if (skip == 1 && (c1c3c2.len == 0 || c1c3c2.p[0] != 4))
			break;
		if (c1c3c2.len <= skip + fixed)
			break;
		memcpy(c.c1, c1c3c2.p + skip, SM2_POINT);
		memcpy(c.c3, c1c3c2.p + skip + SM2_POINT, SM3_LEN);
		c.c2 = slice_of(c1c3c2.p + skip + fixed, c1c3c2.len - skip - fixed);
		if (rc_ok(check_cipher(&c))) {
			*ret = c;
			return OK;
		}
	}
	FAIL(RC_INPUT, "sm2: not C1 || C3 || C2 with C1 on the curve (GB/T 32918.4)");
}
