#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>

#define SORT_BY_HAND 24
#define JSON_INT_MAX ((1LL << 53) - 1) /* RFC 8785, 3.2.2.3: exact in IEEE 754 */

/* ---- canonical form ---- */

#define EACH(c) (0x0101010101010101ull * (c))
#define NO_BYTE(v) (((v)-EACH(1)) & ~(v)&EACH(0x80)) /* not 0 where a byte of v is 0 */

size_t json_plain(struct slice s)
{
	size_t n;
	uint64_t v;

	for (n = 0; s.len - n >= sizeof(v); n += sizeof(v)) {
		memcpy(&v, s.p + n, sizeof(v));
		if ((NO_BYTE(v ^ EACH('"')) | NO_BYTE(v ^ EACH('\\')) | NO_BYTE(v & EACH(0xe0))) != 0)
			break;
	}
	while (n < s.len && s.p[n] >= 0x20 && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

static void escape(struct buf *b, uint8_t c)
{
	static const char escapes[] = "\bb\tt\nn\ff\rr\"\"\\\\";
	size_t j;

	for (j = 0; j < sizeof(escapes) - 1 && (uint8_t)escapes[j] != c; j += 2)
		;
	if (j < sizeof(escapes) - 1)
		buf_printf(b, "\\%c", escapes[j + 1]);
	else
		buf_printf(b, "\\u%04x", c);
}

/* RFC 8785, 3.2.2.2 */
void json_string_to(struct buf *b, const char *s, size_t len)
{
	struct slice left = slice_of(s, len);
	size_t n;

	buf_u8(b, '"');
	for (;;) {
		n = json_plain(left);
		buf_add(b, slice_of(left.p, n));
		if (n == left.len)
			break;
		escape(b, left.p[n]);
		left = slice_of(left.p + n + 1, left.len - n - 1);
	}
	buf_u8(b, '"');
}

struct member {
	const char *key;
	const json_t *value;
};

/* RFC 8785, 3.2.3: order of UTF-16 code units.  It differs from the order of the UTF-8 bytes only
 * where a supplementary character meets U+E000..U+FFFF. */
static int key_order(const void *pa, const void *pb)
{
	const struct member *ma = pa, *mb = pb;
	const uint8_t *a = (const uint8_t *)ma->key, *b = (const uint8_t *)mb->key;

	while (*a == *b && *a != 0) {
		a++;
		b++;
	}
	if (*a >= 0xf0 && (*b == 0xee || *b == 0xef))
		return -1;
	if (*b >= 0xf0 && (*a == 0xee || *a == 0xef))
		return 1;
	return *a - *b;
}

static RC canonical(const json_t *v, unsigned depth, struct buf *b);

static json_t *mutable(const json_t *v)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {v};

	return u.out; /* jansson iterates over objects that are not const, without changing them */
}

/* Objects are small: most come in order or nearly so. */
static void sort_members(struct member *list, size_t n)
{
	if (n > SORT_BY_HAND) {
		qsort(list, n, sizeof(*list), key_order);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct member m = list[i];
		size_t j = i;

		for (; j > 0 && key_order(&list[j - 1], &m) > 0; j--)
			list[j] = list[j - 1];
		list[j] = m;
	}
}

static RC canonical_object(const json_t *v, unsigned depth, struct buf *b)
{
	size_t n = json_object_size(v), i = 0;
	AUTO_MEM(struct member, list, mem_new(n, sizeof(*list)));
	const char *key;
	json_t *member;

	NEED(list != NULL, RC_NOMEM, "JSON: out of memory");
	json_object_foreach(mutable(v), key, member)
	{
		list[i++] = (struct member){key, member};
	}
	sort_members(list, n);
	buf_u8(b, '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_u8(b, ',');
		json_string_to(b, list[i].key, strlen(list[i].key));
		buf_u8(b, ':');
		TRY(canonical(list[i].value, depth, b));
	}
	buf_u8(b, '}');
	return OK;
}

static RC canonical_array(const json_t *v, unsigned depth, struct buf *b)
{
	size_t i;

	buf_u8(b, '[');
	for (i = 0; i < json_array_size(v); i++) {
		if (i > 0)
			buf_u8(b, ',');
		TRY(canonical(json_array_get(v, i), depth, b));
	}
	buf_u8(b, ']');
	return OK;
}

void json_integer_to(struct buf *b, int64_t v)
{
	char text[20], *p = text + sizeof(text);
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (v < 0)
		*--p = '-';
	buf_add(b, slice_of(p, (size_t)(text + sizeof(text) - p)));
}

static RC canonical_integer(const json_t *v, struct buf *b)
{
	json_int_t i = json_integer_value(v);

	REQUIRE(i >= -JSON_INT_MAX && i <= JSON_INT_MAX, JSON,
	        "JSON: integer beyond 2^53 (RFC 8785, 3.2.2.3)");
	json_integer_to(b, i);
	return OK;
}

static RC canonical(const json_t *v, unsigned depth, struct buf *b)
{
	NEED(v != NULL, RC_BUG, "JSON: no value");
	REQUIRE(depth <= JSON_DEPTH, JSON, "JSON: nested deeper than %d", JSON_DEPTH);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return canonical_object(v, depth + 1, b);
	case JSON_ARRAY:
		return canonical_array(v, depth + 1, b);
	case JSON_STRING:
		json_string_to(b, json_string_value(v), json_string_length(v));
		return OK;
	case JSON_INTEGER:
		return canonical_integer(v, b);
	case JSON_REAL:
		REFUSE(JSON, "JSON: only integers are numbers here");
	case JSON_TRUE:
	case JSON_FALSE:
		buf_text(b, json_is_true(v) ? "true" : "false");
		return OK;
	case JSON_NULL:
		buf_text(b, "null");
		return OK;
	}
	FAIL(RC_BUG, "JSON: impossible type");
}

RC json_canonical(const json_t *v, struct buf *ret)
{
	TRY(json_put_result());
	NEED(v != NULL, RC_NOMEM, "JSON: there was no memory for the value");
	TRY(canonical(v, 0, ret));
	return buf_done(ret);
}
