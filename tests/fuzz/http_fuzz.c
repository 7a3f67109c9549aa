/* The request parser: whatever comes, cutting it into single bytes changes nothing, and what is accepted has
 * one meaning: no byte of a head is a control, lengths and codings do not contradict each other. */
#include "http/parse.h"
#include "http/uri.h"

#define BODY_MAX 1000

static size_t parse(struct slice s, size_t step, struct http_head *h, struct buf *body, bool *whole)
{
	size_t scanned = 0, len = 0, have = 0, used = 0, n;
	struct http_parser p;

	for (*whole = false; len == 0 && have < s.len;) {
		have = s.len - have < step ? s.len : have + step;
		if (!rc_ok(http_head_find(slice_of(s.p, have), &scanned, &len)))
			return 0;
	}
	if (len == 0 || !rc_ok(http_parse_head(&p, slice_of(s.p, len), h)))
		return 0;
	for (*whole = p.done; !*whole && len < s.len; len += used) {
		n = s.len - len < step ? s.len - len : step;
		if (!rc_ok(http_parse_body(&p, h, slice_of(s.p + len, n), BODY_MAX, body, &used, whole)))
			return 0;
	}
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_param query[HTTP_QUERY_MAX];
	struct slice s = slice_of(data, size);
	struct http_head a, b;
	AUTO_BUF(body_a, BODY_MAX);
	AUTO_BUF(body_b, BODY_MAX);
	AUTO_BUF(text, 2 * HTTP_URL_MAX);
	bool whole_a, whole_b;
	size_t n = parse(s, size > 0 ? size : 1, &a, &body_a, &whole_a), k;

	/* A head over the limit is noticed earlier in small pieces; all else must agree. */
	if (n != parse(s, 1, &b, &body_b, &whole_b) && size <= HTTP_URL_MAX)
		__builtin_trap();
	if (n == 0 || !whole_a)
		return 0;
	if (!whole_b || !slice_equal(buf_slice(&body_a), buf_slice(&body_b)) || (a.chunked && a.length > 0))
		__builtin_trap();
	for (k = 0; k < a.header_count; k++)
		if (a.headers[k].name.len == 0 ||
		    memchr(a.headers[k].value.p, '\n', a.headers[k].value.len) != NULL)
			__builtin_trap();
	if (rc_ok(uri_query(a.query, &text, query, &k)) && k > HTTP_QUERY_MAX)
		__builtin_trap();
	return 0;
}
