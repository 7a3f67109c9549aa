/* JSON in (RFC 8259, with the limits of RFC 7493): one pass over the text, each value made where it ends. */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define REAL_MAX 400 /* characters of a number that is no integer */

struct reading {
	const uint8_t *start, *p, *end;
	struct buf text; /* of a string with escapes */
	unsigned depth;
};

static RC value(struct reading *r, json_t **ret);

/* Content may be private: where and what, never the text itself. */
static struct rc wrong(const struct reading *r, const char *what)
{
	const uint8_t *q, *line = r->start;
	size_t lines = 1;

	for (q = r->start; q < r->p; q++)
		if (*q == '\n') {
			lines++;
			line = q + 1;
		}
	REFUSE(JSON, "JSON: line %zu, column %td: %s (RFC 8259)", lines, r->p - line, what);
}

static RC no_memory(void)
{
	FAIL(RC_NOMEM, "JSON: out of memory");
}

/* The next character that is no white space; NUL at the end, which nothing allows either. */
static uint8_t next(struct reading *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
	return r->p < r->end ? *r->p : 0;
}

/* ---- strings ---- */

/* After \u. */
static RC four_digits(struct reading *r, uint32_t *ret)
{
	uint8_t two[2];

	if (r->end - r->p < 4 || !rc_ok(text_hex(slice_of(r->p, 4), two, 2)))
		return wrong(r, "no four digits behind \\u");
	r->p += 4;
	*ret = (uint32_t)two[0] << 8 | two[1];
	return OK;
}

static void put_code_point(struct buf *b, uint32_t v)
{
	if (v < 0x80) {
		buf_u8(b, (uint8_t)v);
	} else if (v < 0x800) {
		buf_u8(b, (uint8_t)(0xc0 | v >> 6));
	} else if (v < 0x10000) {
		buf_u8(b, (uint8_t)(0xe0 | v >> 12));
		buf_u8(b, (uint8_t)(0x80 | (v >> 6 & 0x3f)));
	} else {
		buf_u8(b, (uint8_t)(0xf0 | v >> 18));
		buf_u8(b, (uint8_t)(0x80 | (v >> 12 & 0x3f)));
		buf_u8(b, (uint8_t)(0x80 | (v >> 6 & 0x3f)));
	}
	if (v >= 0x80)
		buf_u8(b, (uint8_t)(0x80 | (v & 0x3f)));
}

/* RFC 8259, 7; surrogates in pairs, no NUL. */
static RC code_point(struct reading *r)
{
	uint32_t v, low;

	TRY(four_digits(r, &v));
	if (v == 0)
		return wrong(r, "NUL in a string");
	if (v >= 0xd800 && v <= 0xdbff) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return wrong(r, "half a surrogate pair");
		r->p += 2;
		TRY(four_digits(r, &low));
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(r, "half a surrogate pair");
		v = 0x10000 + ((v & 0x3ff) << 10 | (low & 0x3ff));
	} else if (v >= 0xdc00 && v <= 0xdfff) {
		return wrong(r, "half a surrogate pair");
	}
	put_code_point(&r->text, v);
	return OK;
}

/* At a backslash. */
static RC escaped(struct reading *r)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	size_t i;

	r->p++;
	if (r->p == r->end)
		return wrong(r, "the text ends inside");
	if (*r->p == 'u') {
		r->p++;
		return code_point(r);
	}
	for (i = 0; i < sizeof(escapes) - 1; i += 2)
		if ((uint8_t)escapes[i] == *r->p) {
			buf_u8(&r->text, (uint8_t)escapes[i + 1]);
			r->p++;
			return OK;
		}
	return wrong(r, "unknown escape");
}

/* Nearly every string has no escape and is used where it stands; *ret lasts until the next string. */
static RC string(struct reading *r, struct slice *ret)
{
	const uint8_t *from = ++r->p;

	r->p = from + json_plain(slice_of(from, (size_t)(r->end - from)));
	if (r->p < r->end && *r->p == '"') {
		*ret = slice_of(from, (size_t)(r->p++ - from));
		return OK;
	}
	buf_clear(&r->text);
	for (;;) {
		buf_add(&r->text, slice_of(from, (size_t)(r->p - from)));
		if (r->p == r->end)
			return wrong(r, "the text ends inside");
		if (*r->p == '"')
			break;
		if (*r->p != '\\')
			return wrong(r, "control character in a string");
		TRY(escaped(r));
		from = r->p;
		r->p = from + json_plain(slice_of(from, (size_t)(r->end - from)));
	}
	r->p++;
	*ret = buf_slice(&r->text);
	return buf_done(&r->text);
}

/* ---- numbers ---- */

static bool digits(struct reading *r)
{
	const uint8_t *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

static RC real(const struct reading *r, struct slice s, json_t **ret)
{
	char text[REAL_MAX + 1];
	double v;

	if (s.len > REAL_MAX)
		return wrong(r, "number of too many digits");
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	v = strtod(text, NULL); /* no other locale than C is ever set */
	*ret = json_real(v);    /* refuses what overflowed */
	if (*ret == NULL && !__builtin_isfinite(v))
		return wrong(r, "number too large");
	return *ret == NULL ? no_memory() : OK;
}

/* Below 0, since that side reaches one further. */
static RC integer(const struct reading *r, struct slice s, json_t **ret)
{
	bool minus = s.p[0] == '-';
	json_int_t v = 0;
	size_t i;

	for (i = minus; i < s.len; i++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return wrong(r, "integer too large");
	if (!minus && __builtin_sub_overflow(0, v, &v))
		return wrong(r, "integer too large");
	*ret = json_integer(v);
	return *ret == NULL ? no_memory() : OK;
}

/* RFC 8259, 6 */
static RC number(struct reading *r, json_t **ret)
{
	const uint8_t *from = r->p;
	bool whole = true;

	r->p += *r->p == '-';
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!digits(r))
		return wrong(r, "no value");
	if (r->p < r->end && *r->p == '.') {
		whole = false;
		r->p++;
		if (!digits(r))
			return wrong(r, "no digit behind the point");
	}
	if (r->p < r->end && (*r->p | 0x20) == 'e') {
		whole = false;
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!digits(r))
			return wrong(r, "no digit in the exponent");
	}
	return (whole ? integer : real)(r, slice_of(from, (size_t)(r->p - from)), ret);
}

/* ---- values ---- */

/* Whether the closing bracket has come; if not, and at is not the first, a comma has. */
static RC closed(struct reading *r, uint8_t bracket, bool first, bool *ret)
{
	uint8_t c = next(r);

	*ret = c == bracket;
	if (*ret) {
		r->p++;
		return OK;
	}
	if (first)
		return OK;
	if (c != ',')
		return wrong(r, bracket == ']' ? "neither , nor ]" : "neither , nor }");
	r->p++;
	return OK;
}

/* The key is taken before the value is read: an escaped one stands in the reader's only buffer. */
static RC member(struct reading *r, json_t *o)
{
	size_t before = json_object_size(o);
	AUTO_BUF(copy, JSON_MAX);
	struct slice key;
	json_t *v;

	if (next(r) != '"')
		return wrong(r, "no name of a member");
	TRY(string(r, &key));
	if (key.p == r->text.p) {
		copy = buf_take(&r->text);
		key = buf_slice(&copy);
	}
	if (next(r) != ':')
		return wrong(r, "no : behind a name");
	r->p++;
	TRY(value(r, &v));
	if (json_object_setn_new_nocheck(o, key.len > 0 ? (const char *)key.p : "", key.len, v) != 0)
		return no_memory();
	return json_object_size(o) > before ? OK : wrong(r, "a name twice");
}

static RC object(struct reading *r, json_t **ret)
{
	AUTO_JSON(o, json_object());
	bool first, done = false;

	if (o == NULL)
		return no_memory();
	r->p++;
	for (first = true;; first = false) {
		TRY(closed(r, '}', first, &done));
		if (done)
			break;
		TRY(member(r, o));
	}
	*ret = o;
	o = NULL;
	return OK;
}

static RC array(struct reading *r, json_t **ret)
{
	AUTO_JSON(a, json_array());
	bool first, done = false;
	json_t *v;

	if (a == NULL)
		return no_memory();
	r->p++;
	for (first = true;; first = false) {
		TRY(closed(r, ']', first, &done));
		if (done)
			break;
		TRY(value(r, &v));
		if (json_array_append_new(a, v) != 0)
			return no_memory();
	}
	*ret = a;
	a = NULL;
	return OK;
}

static RC nested(struct reading *r, json_t **ret)
{
	REQUIRE(r->depth < JSON_DEPTH, JSON, "JSON: nested deeper than %d", JSON_DEPTH);
	r->depth++;
	TRY(*r->p == '{' ? object(r, ret) : array(r, ret));
	r->depth--;
	return OK;
}

static RC text_value(struct reading *r, json_t **ret)
{
	struct slice s;

	TRY(string(r, &s));
	*ret = json_stringn_nocheck(s.len > 0 ? (const char *)s.p : "", s.len);
	return *ret == NULL ? no_memory() : OK;
}

/* What follows a literal or a number without a gap is refused by whoever looks for a comma. */
static RC literal(struct reading *r, json_t **ret)
{
	size_t left = (size_t)(r->end - r->p);

	if (left >= 4 && memcmp(r->p, "true", 4) == 0) {
		r->p += 4;
		*ret = json_true();
	} else if (left >= 5 && memcmp(r->p, "false", 5) == 0) {
		r->p += 5;
		*ret = json_false();
	} else if (left >= 4 && memcmp(r->p, "null", 4) == 0) {
		r->p += 4;
		*ret = json_null();
	} else {
		return wrong(r, "no value");
	}
	return OK;
}

static RC value(struct reading *r, json_t **ret)
{
	uint8_t c = next(r);

	if (c == '{' || c == '[')
		return nested(r, ret);
	if (c == '"')
		return text_value(r, ret);
	if (c == '-' || (c >= '0' && c <= '9'))
		return number(r, ret);
	return literal(r, ret);
}

/* ---- the whole ---- */

static void *take_memory(size_t n)
{
	return mem_grow(NULL, n, 1);
}

static void free_memory(void *p)
{
	mem_free(p);
}

/* Both kinds of memory are the C library's: what was made before may be freed. */
static void set_allocator(void)
{
	json_set_alloc_funcs(take_memory, free_memory);
}

static RC whole(struct reading *r, json_t **ret)
{
	AUTO_JSON(v, NULL);
	uint8_t c = next(r);

	if (c != '{' && c != '[')
		return wrong(r, "neither { nor [ at the start");
	TRY(value(r, &v));
	(void)next(r);
	if (r->p < r->end)
		return wrong(r, "something behind the end");
	*ret = v;
	v = NULL;
	return OK;
}

RC json_read(struct slice text, size_t max, json_t **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct reading r = {.start = text.p, .p = text.p, .end = text.p + text.len, .text = BUF(JSON_MAX)};
	struct rc rc;

	if (max > JSON_MAX)
		max = JSON_MAX;
	REQUIRE(text.len <= max, TOO_LARGE, "JSON: %zu bytes, limit %zu", text.len, max);
	REQUIRE(text.len > 0, JSON, "JSON: empty");
	REQUIRE(text_utf8(text), JSON, "JSON: not UTF-8 (RFC 8259, 8.1)");
	(void)pthread_once(&once, set_allocator);
	rc = whole(&r, ret);
	buf_free(&r.text);
	return rc;
}
