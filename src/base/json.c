#include "base/json.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

#define JSON_INT_MAX ((1LL << 53) - 1) /* RFC 8785, 3.2.2.3: exact in IEEE 754 */

/* Nesting outside of strings; the parser recurses, so this comes first. */
static size_t depth_of(struct slice s)
{
	size_t depth = 0, most = 0, i;
	bool quoted = false;

	for (i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			most = ++depth > most ? depth : most;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return most;
}

/* In the middle of a token jansson takes a lack of memory for bad syntax, or loses a character, the closing
 * quote of a string for instance, and then reads and writes beyond its buffer.  So its allocations are ours:
 * when there is no memory they come out of a reserve, which lasts for the piece that was fed; no further
 * piece is, and what came out of it is a failure. */
#define PIECE 64
#define RESERVE(len) (20 * (len) + (16u << 10)) /* tables of all elements twice, texts four times */
#define RESERVE_KEPT (1u << 20)                 /* by a thread, from one text to the next */
struct parsing {
	struct slice left;
	uint8_t *reserve;
	size_t size, used;
	bool short_of_memory;
};
static _Thread_local struct parsing *parsing;
static pthread_once_t once = PTHREAD_ONCE_INIT;
struct kept {
	size_t size;
	uint8_t bytes[];
};
static _Thread_local struct kept *kept;
static bool keeps;
static pthread_key_t at_end; /* of a thread: frees what it kept */

static void *lend(size_t n)
{
	struct parsing *s = parsing;
	void *p = mem_grow(NULL, n, 1);

	if (p != NULL || s == NULL)
		return p;
	s->short_of_memory = true;
	n = (n + 15) & ~(size_t)15;
	if (n > s->size - s->used)
		return NULL;
	s->used += n;
	return s->reserve + s->used - n;
}

static void give_back(void *p)
{
	const struct parsing *s = parsing;

	if (s == NULL || (uint8_t *)p < s->reserve || (uint8_t *)p >= s->reserve + s->size)
		mem_free(p);
}

static void drop_kept(void *k)
{
	kept = NULL;
	mem_free(k);
}

/* Both kinds of memory are the C library's: what was made before may be freed. */
static void set_allocator(void)
{
	json_set_alloc_funcs(lend, give_back);
	keeps = pthread_key_create(&at_end, drop_kept) == 0;
}

/* Asking for the reserve and returning it at every text would move the heap's end each time. */
static struct kept *take_reserve(size_t size)
{
	struct kept *k = kept;

	kept = NULL;
	if (k != NULL && k->size >= size)
		return k;
	mem_free(k);
	k = mem_grow(NULL, sizeof(*k) + size, 1);
	if (k != NULL)
		k->size = size;
	return k;
}

static void put_reserve(struct kept *k)
{
	if (k == NULL || !keeps || k->size > RESERVE_KEPT || pthread_setspecific(at_end, k) != 0)
		mem_free(k);
	else
		kept = k;
}

static size_t feed(void *to, size_t max, void *arg)
{
	struct parsing *s = arg;
	size_t n = s->left.len < PIECE ? s->left.len : PIECE;

	if (s->short_of_memory || n > max)
		return (size_t)-1;
	if (n > 0)
		memcpy(to, s->left.p, n);
	s->left = slice_of(s->left.p + n, s->left.len - n);
	return n;
}

/* NULL with *lacking when there was not enough memory. */
static json_t *parse(struct slice text, json_error_t *error, bool *lacking)
{
	struct parsing s = {.left = text, .size = RESERVE(text.len)};
	struct kept *k;
	json_t *v = NULL;

	(void)pthread_once(&once, set_allocator);
	k = take_reserve(s.size);
	if (k != NULL) {
		s.reserve = k->bytes;
		parsing = &s;
		v = json_load_callback(feed, &s, JSON_REJECT_DUPLICATES, error);
		if (s.short_of_memory) {
			json_decref(v);
			v = NULL;
		}
		parsing = NULL;
	}
	*lacking = s.reserve == NULL || s.short_of_memory;
	put_reserve(k);
	return v;
}

RC json_read(struct slice text, size_t max, json_t **ret)
{
	json_error_t error;
	bool lacking;
	json_t *v;
	char *near;

	if (max > JSON_MAX)
		max = JSON_MAX;
	REQUIRE(text.len <= max, TOO_LARGE, "JSON: %zu bytes, limit %zu", text.len, max);
	REQUIRE(text.len > 0, JSON, "JSON: empty");
	REQUIRE(depth_of(text) <= JSON_DEPTH, JSON, "JSON: nested deeper than %d", JSON_DEPTH);
	v = parse(text, &error, &lacking);
	NEED(!lacking, RC_NOMEM, "JSON: out of memory");
	if (v == NULL) {
		near = strstr(error.text, " near "); /* what follows is content, which may be private */
		if (near != NULL)
			*near = '\0';
		REFUSE(JSON, "JSON: line %d, column %d: %s (RFC 8259)", error.line, error.column, error.text);
	}
	*ret = v;
	return OK;
}

/* ---- canonical form ---- */

/* How much goes over as it stands. */
static size_t plain(struct slice s)
{
	size_t n = 0;

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
		n = plain(left);
		buf_add(b, slice_of(left.p, n));
		if (n == left.len)
			break;
		escape(b, left.p[n]);
		left = slice_of(left.p + n + 1, left.len - n - 1);
	}
	buf_u8(b, '"');
}

/* RFC 8785, 3.2.3: order of UTF-16 code units.  It differs from the order of the UTF-8 bytes only
 * where a supplementary character meets U+E000..U+FFFF. */
static int key_order(const void *pa, const void *pb)
{
	const char *const *ka = pa, *const *kb = pb;
	const uint8_t *a = (const uint8_t *)*ka, *b = (const uint8_t *)*kb;

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

static RC canonical_object(const json_t *v, unsigned depth, struct buf *b)
{
	size_t n = json_object_size(v), i = 0;
	AUTO_MEM(const char *, keys, mem_new(n, sizeof(*keys)));
	const char *key;
	json_t *member;

	NEED(keys != NULL, RC_NOMEM, "JSON: out of memory");
	json_object_foreach(mutable(v), key, member)
	{
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), key_order);
	buf_u8(b, '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_u8(b, ',');
		json_string_to(b, keys[i], strlen(keys[i]));
		buf_u8(b, ':');
		TRY(canonical(json_object_get(v, keys[i]), depth, b));
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

static RC canonical_integer(const json_t *v, struct buf *b)
{
	json_int_t i = json_integer_value(v);

	REQUIRE(i >= -JSON_INT_MAX && i <= JSON_INT_MAX, JSON,
	        "JSON: integer beyond 2^53 (RFC 8785, 3.2.2.3)");
	buf_printf(b, "%lld", (long long)i);
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
