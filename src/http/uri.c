#include "http/uri.h"
#include "base/text.h"
#include "http/client.h"

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

RC uri_decode(struct slice s, bool plus, struct buf *ret)
{
	uint8_t *p = buf_room(ret, s.len);
	size_t i, n = 0;

	NEED(p != NULL, RC_NOMEM, "uri: no room");
	for (i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '%') {
			int hi = s.len - i > 2 ? digit(s.p[i + 1]) : -1,
			    lo = hi >= 0 ? digit(s.p[i + 2]) : -1;

			REQUIRE(hi >= 0 && lo >= 0, HTTP_TARGET, "uri: %% without two hexadecimal digits");
			c = (uint8_t)(hi << 4 | lo);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		p[n++] = c;
	}
	REQUIRE(text_clean(slice_of(p, n)), HTTP_TARGET, "uri: control characters or not UTF-8");
	ret->len += n;
	return OK;
}

static RC add_pair(struct slice pair, struct buf *text, struct http_param *ret)
{
	const uint8_t *equals = pair.len > 0 ? memchr(pair.p, '=', pair.len) : NULL;
	size_t n = equals != NULL ? (size_t)(equals - pair.p) : pair.len, start = text->len;

	REQUIRE(n > 0 && n <= URI_QUERY_NAME_MAX, HTTP_TARGET, "query: a name of 1 to %d bytes is needed",
	        URI_QUERY_NAME_MAX);
	TRY(uri_decode(slice_of(pair.p, n), true, text));
	ret->name = slice_of(text->p + start, text->len - start);
	start = text->len;
	if (equals != NULL)
		TRY(uri_decode(slice_of(equals + 1, pair.len - n - 1), true, text));
	ret->value = slice_of(text->p + start, text->len - start);
	return OK;
}

static bool has_name(const struct http_param *list, size_t count, struct slice name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (slice_equal(list[i].name, name))
			return true;
	return false;
}

RC uri_query(struct slice query, struct buf *text, struct http_param *ret, size_t *count)
{
	*count = 0;
	/* Decoding never grows: reserved at once, the slices stay where they are. */
	NEED(buf_room(text, query.len + 1) != NULL, RC_NOMEM, "query: no room");
	while (query.len > 0) {
		const uint8_t *end = memchr(query.p, '&', query.len);
		size_t n = end != NULL ? (size_t)(end - query.p) : query.len;

		if (n > 0) {
			REQUIRE(*count < HTTP_QUERY_MAX, HTTP_TARGET, "query: more than %d parameters",
			        HTTP_QUERY_MAX);
			TRY(add_pair(slice_of(query.p, n), text, &ret[*count]));
			REQUIRE(!has_name(ret, *count, ret[*count].name), HTTP_TARGET,
			        "query: a parameter stands twice");
			(*count)++;
		}
		n += end != NULL ? 1 : 0;
		query = slice_of(query.p + n, query.len - n);
	}
	return OK;
}

void http_escape(struct buf *b, struct slice s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		    c == '.' || c == '_' || c == '~') {
			buf_u8(b, c);
			continue;
		}
		buf_u8(b, '%');
		buf_u8(b, (uint8_t)digits[c >> 4]);
		buf_u8(b, (uint8_t)digits[c & 15]);
	}
}
