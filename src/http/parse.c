#include "http/parse.h"

#define METHOD_MAX 20

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool http_same(struct slice a, const char *text)
{
	size_t i;

	if (a.len != strlen(text))
		return false;
	for (i = 0; i < a.len; i++)
		if (lower(a.p[i]) != (uint8_t)text[i])
			return false;
	return true;
}

struct slice http_field(const struct http_param *headers, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (http_same(headers[i].name, name))
			return headers[i].value;
	return SLICE_NONE;
}

/* ---- finding the head ---- */

RC http_head_find(struct slice bytes, size_t *scanned, size_t *len)
{
	size_t start = bytes.len >= 2 && bytes.p[0] == '\r' && bytes.p[1] == '\n' ? 2 : 0;
	size_t from = *scanned > start + 3 ? *scanned - 3 : start;
	const uint8_t *end;

	*len = 0;
	/* Not HTTP at all (TLS on a plain port, noise): no reason to wait for more. */
	if (bytes.len > start && !(start == 0 && bytes.len == 1 && bytes.p[0] == '\r'))
		REQUIRE(bytes.p[start] >= 'A' && bytes.p[start] <= 'Z', HTTP_SYNTAX,
		        "http: not a request line");
	end = bytes.len > from ? memmem(bytes.p + from, bytes.len - from, "\r\n\r\n", 4) : NULL;
	if (end != NULL)
		*len = (size_t)(end - bytes.p) + 4;
	*scanned = bytes.len;
	if (end == NULL && bytes.len > HTTP_URL_MAX + METHOD_MAX + 2)
		REQUIRE(memchr(bytes.p + start, '\n', bytes.len - start) != NULL, HTTP_URL_LONG,
		        "http: the request line is over %u bytes", HTTP_URL_MAX);
	REQUIRE((end != NULL ? *len : bytes.len) <= HTTP_HEAD_MAX, HTTP_HEADER_LARGE,
	        "http: the head is over %u bytes", HTTP_HEAD_MAX);
	return OK;
}

/* ---- our own reading ---- */

static bool is_token(uint8_t c)
{
	/* RFC 9110 5.6.2 */
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The next line without its CRLF; the whole of it free of NUL, bare CR, bare LF and other controls. */
static RC take_line(struct slice *rest, struct slice *ret)
{
	const uint8_t *lf = memchr(rest->p, '\n', rest->len);
	size_t i, n;

	REQUIRE(lf != NULL && lf > rest->p && lf[-1] == '\r', HTTP_SYNTAX,
	        "http: a line does not end in CRLF (RFC 9112 2.2)");
	n = (size_t)(lf - rest->p) - 1;
	for (i = 0; i < n; i++)
		REQUIRE((rest->p[i] >= 0x20 && rest->p[i] != 0x7f) || rest->p[i] == '\t', HTTP_SYNTAX,
		        "http: control character 0x%02x in the head", rest->p[i]);
	*ret = slice_of(rest->p, n);
	*rest = slice_of(lf + 1, rest->len - n - 2);
	return OK;
}

static enum method method_of(struct slice s, bool *head_only)
{
	static const struct {
		const char *name;
		enum method method;
	} known[] = {
	        {"GET", GET},     {"HEAD", GET},      {"POST", POST},       {"PUT", PUT},
	        {"PATCH", PATCH}, {"DELETE", DELETE}, {"OPTIONS", OPTIONS},
	};
	size_t i;

	*head_only = slice_is(s, "HEAD");
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (slice_is(s, known[i].name))
			return known[i].method;
	return METHOD_OTHER;
}

static RC check_version(struct slice v, struct http_head *ret)
{
	bool form = v.len == 8 && memcmp(v.p, "HTTP/", 5) == 0 && v.p[6] == '.' && v.p[5] >= '0' &&
	            v.p[5] <= '9' && v.p[7] >= '0' && v.p[7] <= '9';

	REQUIRE(form, HTTP_SYNTAX, "http: malformed version (RFC 9112 2.3)");
	ret->http10 = slice_is(v, "HTTP/1.0");
	REQUIRE(ret->http10 || slice_is(v, "HTTP/1.1"), HTTP_VERSION, "http: version %.8s",
	        (const char *)v.p);
	return OK;
}

/* Origin form, or absolute form, whose authority stands in for Host (RFC 9112 3.2.2). */
static RC split_target(struct http_head *ret)
{
	struct slice t = ret->target;
	const uint8_t *mark;
	size_t i;

	for (i = 0; i < t.len; i++)
		REQUIRE(t.p[i] > 0x20 && t.p[i] < 0x7f && t.p[i] != '#', HTTP_TARGET,
		        "http: byte 0x%02x in the target", t.p[i]);
	for (i = 0; i < 2 && t.len > 0 && t.p[0] != '/'; i++) {
		struct slice scheme = i == 0 ? SLICE_LIT("http://") : SLICE_LIT("https://");

		if (t.len <= scheme.len || memcmp(t.p, scheme.p, scheme.len) != 0)
			continue;
		mark = memchr(t.p + scheme.len, '/', t.len - scheme.len);
		REQUIRE(mark != NULL && mark > t.p + scheme.len, HTTP_TARGET,
		        "http: absolute target without host or path");
		t = slice_of(mark, t.len - (size_t)(mark - t.p));
	}
	REQUIRE(t.len > 0 && t.p[0] == '/', HTTP_TARGET, "http: the target is not a path");
	mark = memchr(t.p, '?', t.len);
	ret->path = slice_of(t.p, mark != NULL ? (size_t)(mark - t.p) : t.len);
	if (mark != NULL)
		ret->query = slice_of(mark + 1, t.len - ret->path.len - 1);
	return OK;
}

static RC parse_request_line(struct slice line, struct http_head *ret)
{
	const uint8_t *a = memchr(line.p, ' ', line.len), *b = memrchr(line.p, ' ', line.len);
	struct slice method;
	size_t i;

	REQUIRE(a != NULL && b > a + 1, HTTP_SYNTAX, "http: malformed request line (RFC 9112 3)");
	method = slice_of(line.p, (size_t)(a - line.p));
	REQUIRE(method.len > 0 && method.len <= METHOD_MAX, HTTP_SYNTAX, "http: method of %zu bytes",
	        method.len);
	for (i = 0; i < method.len; i++)
		REQUIRE(is_token(method.p[i]), HTTP_SYNTAX, "http: malformed method");
	ret->method = method_of(method, &ret->head_only);
	ret->target = slice_of(a + 1, (size_t)(b - a) - 1);
	REQUIRE(ret->target.len <= HTTP_URL_MAX, HTTP_URL_LONG, "http: target of %zu bytes", ret->target.len);
	TRY(check_version(slice_of(b + 1, line.len - (size_t)(b - line.p) - 1), ret));
	return split_target(ret);
}

static struct slice trim(struct slice s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_of(s.p + 1, s.len - 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static RC parse_field(struct slice line, struct http_head *ret)
{
	const uint8_t *colon = memchr(line.p, ':', line.len);
	struct slice name;
	size_t i;

	REQUIRE(line.p[0] != ' ' && line.p[0] != '\t', HTTP_SYNTAX, "http: folded line (RFC 9112 5.2)");
	REQUIRE(colon != NULL && colon > line.p, HTTP_SYNTAX, "http: a field without name or colon");
	name = slice_of(line.p, (size_t)(colon - line.p));
	for (i = 0; i < name.len; i++)
		REQUIRE(is_token(name.p[i]), HTTP_SYNTAX, "http: byte 0x%02x in a field name (RFC 9112 5.1)",
		        name.p[i]);
	REQUIRE(ret->header_count < HTTP_HEADERS_MAX, HTTP_HEADER_LARGE, "http: more than %d fields",
	        HTTP_HEADERS_MAX);
	ret->headers[ret->header_count].name = name;
	ret->headers[ret->header_count++].value = trim(slice_of(colon + 1, line.len - name.len - 1));
	return OK;
}

static size_t count_field(const struct http_head *h, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < h->header_count; i++)
		n += http_same(h->headers[i].name, name) ? 1 : 0;
	return n;
}

/* Fields that decide where a message ends or who is meant stand once. */
static RC check_fields(struct http_head *ret)
{
	size_t hosts = count_field(ret, "host"), codings = count_field(ret, "transfer-encoding");
	struct slice expect = http_field(ret->headers, ret->header_count, "expect");

	REQUIRE(hosts == 1 || (hosts == 0 && ret->http10), HTTP_HOST, "http: %zu Host fields", hosts);
	REQUIRE(count_field(ret, "content-length") + codings <= 1, HTTP_SYNTAX,
	        "http: more than one length or coding of the body (RFC 9112 6.3)");
	REQUIRE(count_field(ret, "content-type") <= 1 && count_field(ret, "expect") <= 1, HTTP_SYNTAX,
	        "http: a singular field stands twice");
	if (codings == 1) {
		REQUIRE(!ret->http10 &&
		                http_same(http_field(ret->headers, ret->header_count, "transfer-encoding"),
		                          "chunked"),
		        HTTP_SYNTAX, "http: only chunked is understood (RFC 9112 6.1)");
		ret->chunked = true;
	}
	if (expect.len > 0 && !ret->http10) {
		REQUIRE(http_same(expect, "100-continue"), HTTP_EXPECT, "http: unknown expectation");
		ret->expects_continue = true;
	}
	return OK;
}

/* ---- llhttp's reading ---- */

static int on_head(llhttp_t *l)
{
	struct http_parser *p = l->data;

	p->head_done = true;
	l->upgrade = 0; /* no other protocol is offered: the request counts as plain */
	return 0;
}

static int on_body(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;

	if (p->body == NULL || p->body->len > p->max || n > p->max - p->body->len) {
		p->refused = "size";
		return HPE_USER;
	}
	buf_add(p->body, slice_of(at, n));
	return 0;
}

static int on_end(llhttp_t *l)
{
	struct http_parser *p = l->data;

	p->done = true;
	return HPE_PAUSED;
}

/* Trailers and chunk extensions carry nothing that is wanted here. */
static int on_field(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;

	(void)at;
	(void)n;
	if (!p->head_done)
		return 0;
	p->refused = "trailer field";
	return HPE_USER;
}

static int on_extension(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = l->data;

	(void)at;
	(void)n;
	p->refused = "chunk extension";
	return HPE_USER;
}

static const llhttp_settings_t settings = {
        .on_headers_complete = on_head,
        .on_body = on_body,
        .on_message_complete = on_end,
        .on_header_field = on_field,
        .on_chunk_extension_name = on_extension,
        .on_chunk_extension_value = on_extension,
};

static RC ask_llhttp(struct http_parser *p, struct slice head, struct http_head *ret)
{
	enum llhttp_errno e;

	memset(p, 0, sizeof(*p));
	llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
	p->llhttp.data = p;
	e = llhttp_execute(&p->llhttp, (const char *)head.p, head.len);
	REQUIRE(p->head_done && (e == HPE_OK || (e == HPE_PAUSED && p->done)), HTTP_SYNTAX, "http: %s",
	        llhttp_get_error_reason(&p->llhttp) != NULL ? llhttp_get_error_reason(&p->llhttp)
	                                                    : "refused");
	REQUIRE(ret->chunked == ((p->llhttp.flags & F_CHUNKED) != 0), HTTP_SYNTAX,
	        "http: unclear coding of the body");
	ret->length = ret->chunked ? 0 : p->llhttp.content_length;
	ret->keep_alive = llhttp_should_keep_alive(&p->llhttp) != 0;
	REQUIRE(p->done == (!ret->chunked && ret->length == 0), HTTP_SYNTAX,
	        "http: unclear length of the body");
	p->left = ret->length;
	return OK;
}

RC http_parse_head(struct http_parser *p, struct slice head, struct http_head *ret)
{
	struct slice rest = head, line;

	memset(ret, 0, offsetof(struct http_head, headers));
	if (rest.len >= 2 && rest.p[0] == '\r' && rest.p[1] == '\n') /* one empty line before: RFC 9112 2.2 */
		rest = slice_of(rest.p + 2, rest.len - 2);
	TRY(take_line(&rest, &line));
	REQUIRE(memchr(line.p, '\t', line.len) == NULL, HTTP_SYNTAX, "http: tab in the request line");
	TRY(parse_request_line(line, ret));
	for (;;) {
		REQUIRE(rest.len > 0, HTTP_SYNTAX, "http: no empty line ends the head");
		TRY(take_line(&rest, &line));
		if (line.len == 0)
			break;
		TRY(parse_field(line, ret));
	}
	NEED(rest.len == 0, RC_BUG, "http: %zu bytes after the head", rest.len);
	TRY(check_fields(ret));
	return ask_llhttp(
	        p, slice_of(head.p + (head.p[0] == '\r' ? 2 : 0), head.len - (head.p[0] == '\r' ? 2 : 0)),
	        ret);
}

/* ---- bodies ---- */

static void remember_end(struct http_parser *p, struct slice s)
{
	size_t keep = s.len < sizeof(p->last) ? s.len : sizeof(p->last);

	memmove(p->last, p->last + keep, sizeof(p->last) - keep);
	memcpy(p->last + sizeof(p->last) - keep, s.p + s.len - keep, keep);
}

static RC take_chunks(struct http_parser *p, struct slice bytes, size_t *used)
{
	enum llhttp_errno e = llhttp_execute(&p->llhttp, (const char *)bytes.p, bytes.len);

	NEED(p->body == NULL || !p->body->failed, RC_NOMEM, "http: no room for the body");
	REQUIRE(p->refused == NULL || strcmp(p->refused, "size") != 0, HTTP_BODY_LARGE,
	        "http: the body is over %llu bytes", (unsigned long long)p->max);
	REQUIRE(p->refused == NULL, HTTP_SYNTAX, "http: %s", p->refused);
	REQUIRE(e == HPE_OK || (e == HPE_PAUSED && p->done), HTTP_SYNTAX, "http: %s",
	        llhttp_get_error_reason(&p->llhttp) != NULL ? llhttp_get_error_reason(&p->llhttp)
	                                                    : "refused");
	*used = p->done ? (size_t)((const uint8_t *)llhttp_get_error_pos(&p->llhttp) - bytes.p) : bytes.len;
	remember_end(p, slice_of(bytes.p, *used));
	/* llhttp takes a bare LF for the last empty line. */
	REQUIRE(!p->done || memcmp(p->last, "\r\n\r\n", 4) == 0, HTTP_SYNTAX,
	        "http: the last chunk does not end in CRLF");
	p->raw += *used;
	REQUIRE(p->raw <= 8 * p->max + (64u << 10), HTTP_BODY_LARGE,
	        "http: too much framing around the body");
	return OK;
}

RC http_parse_body(struct http_parser *p, const struct http_head *h, struct slice bytes, size_t max,
                   struct buf *body, size_t *used, bool *done)
{
	*used = 0;
	*done = p->done;
	if (p->done)
		return OK;
	p->body = body;
	p->max = max;
	if (h->chunked) {
		if (bytes.len > 0)
			TRY(take_chunks(p, bytes, used));
		*done = p->done;
		return OK;
	}
	REQUIRE(h->length <= max, HTTP_BODY_LARGE, "http: a body of %llu bytes",
	        (unsigned long long)h->length);
	*used = bytes.len < p->left ? bytes.len : (size_t)p->left;
	buf_add(body, slice_of(bytes.p, *used));
	TRY(buf_done(body));
	p->left -= *used;
	*done = p->done = p->left == 0;
	return OK;
}
