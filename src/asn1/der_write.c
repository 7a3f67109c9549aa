/* DER out: definite lengths, forward; a constructed element gets its length when it is closed. */
#include "asn1/der.h"

#include "base/mem.h"
#include "base/time.h"

#define SET_MAX 512 /* elements of one SET OF */

void der_writer_free(struct der_writer *w)
{
	buf_free(&w->out);
	w->depth = 0;
}

static size_t length_octets(size_t len, uint8_t ret[5])
{
	size_t n = 0;

	if (len < 0x80) {
		ret[0] = (uint8_t)len;
		return 1;
	}
	for (size_t v = len; v != 0; v >>= 8)
		n++;
	ret[0] = (uint8_t)(0x80 | n);
	for (size_t i = 0; i < n; i++)
		ret[1 + i] = (uint8_t)(len >> (8 * (n - 1 - i)));
	return n + 1;
}

void der_begin(struct der_writer *w, uint8_t tag)
{
	if (w->depth == DER_DEPTH) {
		w->out.failed = true;
		return;
	}
	buf_u8(&w->out, tag);
	w->open[w->depth++] = w->out.len;
	buf_u8(&w->out, 0);
}

void der_end(struct der_writer *w)
{
	uint8_t octets[5];
	size_t at, len, n;

	if (w->depth == 0) {
		w->out.failed = true;
		return;
	}
	at = w->open[--w->depth];
	if (w->out.failed)
		return;
	len = w->out.len - at - 1;
	n = length_octets(len, octets);
	if (n > 1) {
		if (buf_room(&w->out, n - 1) == NULL)
			return;
		memmove(w->out.p + at + n, w->out.p + at + 1, len);
		w->out.len += n - 1;
	}
	memcpy(w->out.p + at, octets, n);
}

/* X.690 11.6: elements of a SET OF in ascending order of their encodings. */
static int element_order(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static void sort_elements(struct slice *e, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct slice v = e[i];
		size_t j = i;
		for (; j > 0 && element_order(e[j - 1], v) > 0; j--)
			e[j] = e[j - 1];
		e[j] = v;
	}
}

void der_end_set(struct der_writer *w)
{
	struct slice elements[SET_MAX];
	struct der_reader r;
	size_t n = 0, at;
	AUTO_MEM(uint8_t, copy, NULL);

	if (w->out.failed || w->depth == 0) {
		w->out.failed = true;
		return;
	}
	at = w->open[w->depth - 1] + 1;
	copy = mem_copy(slice_of(w->out.p + at, w->out.len - at));
	if (copy == NULL) {
		w->out.failed = w->out.nomem = true;
		return;
	}
	r = der_read(slice_of(copy, w->out.len - at));
	while (der_more(&r) && n < SET_MAX)
		elements[n++] = der_element(&r);
	if (r.why != NULL || der_more(&r)) {
		w->out.failed = true;
		return;
	}
	sort_elements(elements, n);
	w->out.len = at;
	for (size_t i = 0; i < n; i++)
		buf_add(&w->out, elements[i]);
	der_end(w);
}

static void put_head(struct der_writer *w, uint8_t tag, size_t len)
{
	uint8_t head[6];
	size_t n = length_octets(len, head + 1);

	head[0] = tag;
	buf_add(&w->out, slice_of(head, n + 1));
}

void der_put(struct der_writer *w, uint8_t tag, struct slice contents)
{
	put_head(w, tag, contents.len);
	buf_add(&w->out, contents);
}

void der_raw(struct der_writer *w, struct slice tlv)
{
	buf_add(&w->out, tlv);
}

void der_put_uint(struct der_writer *w, uint64_t v)
{
	uint8_t octets[8];

	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)(v >> (56 - 8 * i));
	der_put_integer(w, slice_of(octets, sizeof(octets)));
}

void der_put_integer(struct der_writer *w, struct slice m)
{
	while (m.len > 1 && m.p[0] == 0)
		m = slice_of(m.p + 1, m.len - 1);
	if (m.len == 0) {
		der_put(w, DER_INTEGER, SLICE_LIT("\0"));
		return;
	}
	bool sign = (m.p[0] & 0x80) != 0;
	put_head(w, DER_INTEGER, m.len + sign);
	if (sign)
		buf_u8(&w->out, 0);
	buf_add(&w->out, m);
}

void der_put_bool(struct der_writer *w, bool v)
{
	uint8_t octet = v ? 0xff : 0;

	der_put(w, DER_BOOLEAN, slice_of(&octet, 1));
}

void der_put_oid(struct der_writer *w, enum oid o)
{
	der_put_oid_raw(w, oid_contents(o));
}

void der_put_oid_raw(struct der_writer *w, struct slice contents)
{
	if (contents.len == 0)
		w->out.failed = true;
	der_put(w, DER_OID, contents);
}

void der_put_bits(struct der_writer *w, struct slice octets)
{
	put_head(w, DER_BIT_STRING, octets.len + 1);
	buf_u8(&w->out, 0);
	buf_add(&w->out, octets);
}

void der_put_named_bits(struct der_writer *w, uint32_t bits)
{
	uint8_t octets[5] = {0};
	unsigned last = 0, len;

	if (bits == 0) {
		der_put(w, DER_BIT_STRING, SLICE_LIT("\0"));
		return;
	}
	for (unsigned i = 0; i < 32; i++) {
		if (bits & (1u << i)) {
			octets[1 + i / 8] |= (uint8_t)(0x80 >> (i % 8));
			last = i;
		}
	}
	len = last / 8 + 1;
	octets[0] = (uint8_t)(8 * len - 1 - last);
	der_put(w, DER_BIT_STRING, slice_of(octets, len + 1));
}

void der_put_octets(struct der_writer *w, struct slice octets)
{
	der_put(w, DER_OCTET_STRING, octets);
}

void der_put_null(struct der_writer *w)
{
	der_put(w, DER_NULL, SLICE_NONE);
}

void der_put_text(struct der_writer *w, uint8_t tag, struct slice s)
{
	der_put(w, tag, s);
}

static void put_time(struct der_writer *w, uint8_t tag, int64_t t)
{
	struct civil c = time_civil(t);
	char text[20];
	unsigned n = 0;

	if (t < TIME_MIN || t > TIME_MAX) {
		w->out.failed = true;
		return;
	}
	int parts[6] = {c.year % 100, c.month, c.day, c.hour, c.minute, c.second};
	if (tag == DER_GENERALIZED_TIME) {
		text[n++] = (char)('0' + c.year / 1000);
		text[n++] = (char)('0' + c.year / 100 % 10);
	}
	for (int i = 0; i < 6; i++) {
		text[n++] = (char)('0' + parts[i] / 10);
		text[n++] = (char)('0' + parts[i] % 10);
	}
	text[n++] = 'Z';
	der_put(w, tag, slice_of(text, n));
}

void der_put_time(struct der_writer *w, int64_t t)
{
	put_time(w, time_civil(t).year < 2050 ? DER_UTC_TIME : DER_GENERALIZED_TIME, t);
}

void der_put_gtime(struct der_writer *w, int64_t t)
{
	put_time(w, DER_GENERALIZED_TIME, t);
}

void der_put_algorithm(struct der_writer *w, enum oid o)
{
	der_put_algorithm_with(w, o, SLICE_NONE);
}

void der_put_algorithm_null(struct der_writer *w, enum oid o)
{
	der_put_algorithm_with(w, o, SLICE_LIT("\x05\0"));
}

void der_put_algorithm_with(struct der_writer *w, enum oid o, struct slice params)
{
	der_begin(w, DER_SEQUENCE);
	der_put_oid(w, o);
	der_raw(w, params);
	der_end(w);
}

RC der_finish(struct der_writer *w, struct buf *ret)
{
	TRY(buf_done(&w->out)); /* first: a failed writer no longer counts its depth */
	NEED(w->depth == 0, RC_BUG, "der: an element is still open");
	NEED(w->out.len <= DER_MAX, RC_INPUT, "der: longer than the limit");
	*ret = buf_take(&w->out);
	return OK;
}
