/* Strict DER in (X.690 8 and 10): definite minimal lengths, low tag numbers, sticky failure. */
#include "asn1/der.h"

#include "base/time.h"

#define INTEGER_MAX 8192 /* bytes; far above any RSA modulus */

struct der_reader der_read_large(struct slice input, size_t max)
{
	struct der_reader r = {.start = input.p, .p = input.p, .end = input.p};

	if (input.len > max)
		der_fail(&r, "longer than the limit");
	else if (input.len > 0)
		r.end += input.len;
	return r;
}

struct der_reader der_read(struct slice input)
{
	return der_read_large(input, DER_MAX);
}

void der_fail(struct der_reader *r, const char *why)
{
	if (r->why == NULL) {
		r->why = why;
		r->where = (size_t)(r->p - r->start);
	}
	r->p = r->end;
}

bool der_more(const struct der_reader *r)
{
	return r->why == NULL && r->p < r->end;
}

uint8_t der_tag(const struct der_reader *r)
{
	return der_more(r) ? *r->p : 0;
}

bool der_at(const struct der_reader *r, uint8_t tag)
{
	return der_more(r) && *r->p == tag;
}

/* Length octets at *p (8.1.3, 10.1); false when they are not minimal or reach beyond the end. */
static bool read_length(const uint8_t **p, const uint8_t *end, size_t *ret)
{
	size_t len, n;

	if (*p == end)
		return false;
	len = *(*p)++;
	if (len >= 0x80) {
		n = len & 0x7f;
		if (n == 0 || n > 4 || (size_t)(end - *p) < n || **p == 0)
			return false;
		for (len = 0; n > 0; n--)
			len = len << 8 | *(*p)++;
		if (len < 0x80)
			return false;
	}
	*ret = len;
	return len <= (size_t)(end - *p);
}

/* Takes one element; contents in *value, whole TLV returned. */
static struct slice take(struct der_reader *r, int tag, struct slice *value)
{
	const uint8_t *from = r->p, *p = r->p;
	size_t len = 0;

	*value = SLICE_NONE;
	if (r->why != NULL)
		return SLICE_NONE;
	if (p == r->end) {
		der_fail(r, "an element is missing");
		return SLICE_NONE;
	}
	if (tag >= 0 && *p != tag) {
		der_fail(r, "unexpected tag");
		return SLICE_NONE;
	}
	if ((*p & 0x1f) == 0x1f) {
		der_fail(r, "high tag number");
		return SLICE_NONE;
	}
	p++;
	if (!read_length(&p, r->end, &len)) {
		der_fail(r, "bad length");
		return SLICE_NONE;
	}
	*value = slice_of(p, len);
	r->p = p + len;
	return slice_of(from, (size_t)(r->p - from));
}

void der_enter(struct der_reader *r, uint8_t tag)
{
	struct slice value;

	if (r->depth == DER_DEPTH) {
		der_fail(r, "nested too deeply");
		return;
	}
	take(r, tag, &value);
	r->stack[r->depth++] = r->end;
	if (r->why != NULL)
		return;
	r->p = value.p;
	r->end = value.p + value.len;
}

void der_leave(struct der_reader *r)
{
	if (r->depth == 0) {
		der_fail(r, "left more than entered");
		return;
	}
	if (r->why == NULL && r->p != r->end)
		der_fail(r, "unexpected element at the end");
	r->p = r->why == NULL ? r->end : r->stack[r->depth - 1];
	r->end = r->stack[--r->depth];
}

struct slice der_value(struct der_reader *r, uint8_t tag)
{
	struct slice value;

	take(r, tag, &value);
	return value;
}

struct slice der_element(struct der_reader *r)
{
	struct slice value;

	return take(r, -1, &value);
}

struct slice der_element_of(struct der_reader *r, uint8_t tag)
{
	struct slice value;

	return take(r, tag, &value);
}

struct slice der_integer(struct der_reader *r)
{
	struct slice v = der_value(r, DER_INTEGER);

	if (r->why != NULL)
		return SLICE_NONE;
	if (v.len == 0 || v.len > INTEGER_MAX) {
		der_fail(r, "bad INTEGER");
	} else if (v.p[0] & 0x80) {
		der_fail(r, "negative INTEGER");
	} else if (v.len > 1 && v.p[0] == 0) {
		if (!(v.p[1] & 0x80))
			der_fail(r, "INTEGER is not minimal");
		v = slice_of(v.p + 1, v.len - 1);
	}
	return r->why == NULL ? v : SLICE_NONE;
}

uint64_t der_uint(struct der_reader *r, uint64_t max)
{
	struct slice v = der_integer(r);
	uint64_t n = 0;

	if (v.len > 8) {
		der_fail(r, "INTEGER out of range");
		return 0;
	}
	for (size_t i = 0; i < v.len; i++)
		n = n << 8 | v.p[i];
	if (n > max) {
		der_fail(r, "INTEGER out of range");
		return 0;
	}
	return n;
}

bool der_boolean(struct der_reader *r)
{
	struct slice v = der_value(r, DER_BOOLEAN);

	if (r->why == NULL && (v.len != 1 || (v.p[0] != 0 && v.p[0] != 0xff)))
		der_fail(r, "bad BOOLEAN");
	return r->why == NULL && v.p[0] == 0xff;
}

/* Contents of an OBJECT IDENTIFIER (8.19): minimal subidentifiers, the last one ended. */
static bool oid_sound(struct slice v)
{
	bool start = true;

	if (v.len == 0 || (v.p[v.len - 1] & 0x80))
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (start && v.p[i] == 0x80)
			return false;
		start = !(v.p[i] & 0x80);
	}
	return true;
}

struct slice der_oid_raw(struct der_reader *r)
{
	struct slice v = der_value(r, DER_OID);

	if (r->why == NULL && !oid_sound(v))
		der_fail(r, "bad OBJECT IDENTIFIER");
	return r->why == NULL ? v : SLICE_NONE;
}

enum oid der_oid(struct der_reader *r)
{
	return oid_find(der_oid_raw(r));
}

struct slice der_bits(struct der_reader *r, unsigned *unused)
{
	struct slice v = der_value(r, DER_BIT_STRING);
	unsigned n;

	if (unused != NULL)
		*unused = 0;
	if (r->why != NULL)
		return SLICE_NONE;
	if (v.len == 0 || v.p[0] > 7 || (v.len == 1 && v.p[0] != 0)) {
		der_fail(r, "bad BIT STRING");
		return SLICE_NONE;
	}
	n = v.p[0];
	if (n != 0 && (v.p[v.len - 1] & ((1u << n) - 1))) {
		der_fail(r, "unused bits are not zero");
		return SLICE_NONE;
	}
	if (unused == NULL && n != 0) {
		der_fail(r, "BIT STRING is not whole octets");
		return SLICE_NONE;
	}
	if (unused != NULL)
		*unused = n;
	return slice_of(v.p + 1, v.len - 1);
}

struct slice der_octets(struct der_reader *r)
{
	return der_value(r, DER_OCTET_STRING);
}

void der_null(struct der_reader *r)
{
	struct slice v = der_value(r, DER_NULL);

	if (r->why == NULL && v.len != 0)
		der_fail(r, "bad NULL");
}

int64_t der_time(struct der_reader *r)
{
	int64_t t = 0;

	if (der_at(r, DER_GENERALIZED_TIME)) {
		t = der_gtime(r);
		/* RFC 5280 4.1.2.5: through 2049 as UTCTime */
		if (r->why == NULL && time_civil(t).year < 2050)
			der_fail(r, "GeneralizedTime before 2050");
		return t;
	}
	struct slice v = der_value(r, DER_UTC_TIME);
	if (r->why == NULL && !rc_ok(time_from_utc(v, &t)))
		der_fail(r, "bad UTCTime");
	return t;
}

int64_t der_gtime(struct der_reader *r)
{
	struct slice v = der_value(r, DER_GENERALIZED_TIME);
	int64_t t = 0;

	if (r->why == NULL && !rc_ok(time_from_generalized(v, &t)))
		der_fail(r, "bad GeneralizedTime");
	return t;
}

enum oid der_algorithm(struct der_reader *r, struct slice *params)
{
	enum oid o;

	*params = SLICE_NONE;
	der_enter(r, DER_SEQUENCE);
	o = der_oid(r);
	if (der_more(r))
		*params = der_element(r);
	der_leave(r);
	return r->why == NULL ? o : OID_UNKNOWN;
}

void der_ordered(struct der_reader *r, const uint8_t *from, struct slice *last)
{
	struct slice here = slice_of(from, (size_t)(r->p - from));
	size_t n = last->len < here.len ? last->len : here.len;

	if (r->why != NULL)
		return;
	int c = n == 0 ? 0 : memcmp(last->p, here.p, n);
	if (c > 0 || (c == 0 && last->len > here.len))
		der_fail(r, "SET OF is not sorted");
	*last = here;
}

RC der_done(const struct der_reader *r, const char *what)
{
	REQUIRE(r->why == NULL, DER, "%s: %s at offset %zu", what, r->why, r->where);
	REQUIRE(r->depth == 0, DER, "%s: an element was not left", what);
	REQUIRE(r->p == r->end, DER, "%s: %td bytes after the end", what, r->end - r->p);
	return OK;
}
