#include "http/parse.h"
#include "http/problem.h"
#include "http/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define POST_LINE "POST / HTTP/1.1\r\nHost: a\r\n"

struct result {
	bool whole;
	unsigned status;
	struct http_head head;
	struct buf body;
	size_t used;
};

/* Feeds a message in pieces of the given size through the functions the server uses.  whole: head and body
 * were complete; status: of the refusal, 0 without. */
static void feed(struct slice text, size_t step, size_t max, struct result *r)
{
	static uint8_t head_bytes[HTTP_HEAD_MAX + 65536];
	struct http_parser p;
	size_t scanned = 0, len = 0, have = 0, used;
	struct rc rc = OK;

	memset(r, 0, sizeof(*r));
	r->body = BUF(1u << 20);
	while (rc_ok(rc) && len == 0 && have < text.len) {
		have = text.len - have < step ? text.len : have + step;
		rc = http_head_find(slice_of(text.p, have), &scanned, &len);
	}
	if (rc_ok(rc) && len > 0) {
		memcpy(head_bytes, text.p, len);
		rc = http_parse_head(&p, slice_of(head_bytes, len), &r->head);
		r->used = len;
		r->whole = rc_ok(rc) && p.done;
	}
	while (rc_ok(rc) && len > 0 && !r->whole && r->used < text.len) {
		size_t n = text.len - r->used < step ? text.len - r->used : step;

		rc = http_parse_body(&p, &r->head, slice_of(text.p + r->used, n), max, &r->body, &used,
		                     &r->whole);
		r->used += used;
	}
	r->status = rc_ok(rc) ? 0 : problem_status(rc_last());
}

static void expect(const char *text, size_t max, unsigned status, const char *body)
{
	static const size_t steps[] = {1, 2, 3, 7, 100000};
	struct slice s = slice_text(text);
	struct result r;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		feed(s, steps[i], max, &r);
		if (r.status != status || (status == 0 && (!r.whole || !slice_is(buf_slice(&r.body), body))))
			fail_msg("%zu at once: status %u, not %u; whole %d, body [%.*s]: %s", steps[i],
			         r.status, status, r.whole, (int)r.body.len, (const char *)r.body.p, text);
		buf_free(&r.body);
	}
}

static void good_messages_are_read_in_any_pieces(void **state)
{
	(void)state;
	expect("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0, "");
	expect("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0, "");
	expect("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0, "");
	expect("GET / HTTP/1.0\r\n\r\n", 0, 0, "");
	expect(POST_LINE "Content-Length: 5\r\n\r\nabcde", 5, 0, "abcde");
	expect(POST_LINE "Content-Length: 0\r\n\r\n", 5, 0, "");
	expect(POST_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", 5, 0, "abcde");
	expect(POST_LINE "transfer-encoding: CHUNKED\r\n\r\n1\r\na\r\n0004\r\nbcde\r\n00\r\n\r\n", 5, 0,
	       "abcde");
	expect(POST_LINE "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx", 5, 0, "x");
	expect("FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 400, "");
	expect("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0, "");
}

/* Every way known to make two readers of the same bytes disagree (RFC 9112 11.2). */
static void smuggling_is_refused(void **state)
{
	static const char *const bad[] = {
	        POST_LINE "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
	        POST_LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
	        POST_LINE "Content-Length: 5, 5\r\n\r\nabcde",
	        POST_LINE "Content-Length: +5\r\n\r\nabcde",
	        POST_LINE "Content-Length: -5\r\n\r\nabcde",
	        POST_LINE "Content-Length: 0x5\r\n\r\nabcde",
	        POST_LINE "Content-Length: 5 6\r\n\r\nabcde",
	        POST_LINE "Content-Length: 5;\r\n\r\nabcde",
	        POST_LINE "Content-Length:\r\n\r\nabcde",
	        POST_LINE "Content-Length: 99999999999999999999999\r\n\r\n",
	        POST_LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nabcde",
	        POST_LINE "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding:\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding: \x0b"
	                  "chunked\r\n\r\n0\r\n\r\n",
	        POST_LINE "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
	        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
	        "GET / HTTP/1.1\nHost: a\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX\x01: x\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nX(: x\r\n\r\n",
	        "GET / HTTP/1.1\r\n\r\n",
	        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
	        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
	        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET / a HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET /\r\nHost: a\r\n\r\n",
	        "GET / HTTP/1.1a\r\nHost: a\r\n\r\n",
	        "GET / http/1.1\r\nHost: a\r\n\r\n",
	        "GET / RTSP/1.0\r\nHost: a\r\n\r\n",
	        "get / HTTP/1.1\r\nHost: a\r\n\r\n",
	        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
	        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	        "\x16\x03\x01\x02 hello\r\n\r\n",
	        "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
	        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
	        "GET /\xe6\xba\x90 HTTP/1.1\r\nHost: a\r\n\r\n",
	        POST_LINE "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 1\r\n\r\nx",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(bad[i], 1000, 400, "");
	expect("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 0, 505, "");
	expect("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 0, 505, "");
	expect("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505, "");
	expect(POST_LINE "Expect: a miracle\r\nContent-Length: 1\r\n\r\nx", 1, 417, "");
}

static void bad_chunks_are_refused(void **state)
{
#define CHUNKED POST_LINE "Transfer-Encoding: chunked\r\n\r\n"
	static const char *const bad[] = {
	        CHUNKED "ZZ\r\nabc\r\n0\r\n\r\n",          CHUNKED "5\nabcde\r\n0\r\n\r\n",
	        CHUNKED "5\r\nabcde\n0\r\n\r\n",           CHUNKED "5\r\nabcdeXX0\r\n\r\n",
	        CHUNKED "5\r\nabcde\r\n0\n\r\n",           CHUNKED "5\r\nabcde\r\n0\r\n\n",
	        CHUNKED "5 \r\nabcde\r\n0\r\n\r\n",        CHUNKED " 5\r\nabcde\r\n0\r\n\r\n",
	        CHUNKED "+5\r\nabcde\r\n0\r\n\r\n",        CHUNKED "-5\r\nabcde\r\n0\r\n\r\n",
	        CHUNKED "0x5\r\nabcde\r\n0\r\n\r\n",       CHUNKED "\r\nabcde\r\n0\r\n\r\n",
	        CHUNKED "5;a=b\r\nabcde\r\n0\r\n\r\n",     CHUNKED "5;\r\nabcde\r\n0\r\n\r\n",
	        CHUNKED "5\r\nabcde\r\n0\r\nX: y\r\n\r\n", CHUNKED "5\r\nabcdef\r\n0\r\n\r\n",
	        CHUNKED "fffffffffffffffff\r\na",          CHUNKED "5\r\nabcde\r\n0;a\r\n\r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(bad[i], 1000, 400, "");
	expect(CHUNKED "5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n", 5, 413, "");
	expect(CHUNKED "6\r\nabcdef\r\n0\r\n\r\n", 5, 413, "");
	expect(POST_LINE "Content-Length: 6\r\n\r\nabcdef", 5, 413, "");
}

/* One-byte chunks with endless zeros in front must not cost more than the limit allows. */
static void framing_is_limited_too(void **state)
{
	AUTO_BUF(b, 1u << 20);
	struct result r;
	size_t i;

	(void)state;
	buf_text(&b, CHUNKED);
	for (i = 0; i < 200000; i++)
		buf_u8(&b, '0');
	feed(buf_slice(&b), 1000, 10, &r);
	assert_int_equal(r.status, 413);
	buf_free(&r.body);
}

static void nul_is_refused_everywhere(void **state)
{
	static const char good[] = "GET /abc HTTP/1.1\r\nHost: a\r\nX: yy\r\n\r\n";
	char text[sizeof(good)];
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) - 5; i++) { /* inside the final CRLFCRLF it only delays the end */
		memcpy(text, good, sizeof(good));
		text[i] = '\0';
		feed(slice_of(text, sizeof(good) - 1), 1000, 10, &r);
		assert_int_equal(r.status, 400);
		buf_free(&r.body);
	}
}

static void limits_hold_to_the_byte(void **state)
{
	AUTO_BUF(b, 1u << 20);
	struct result r;
	size_t i, n;

	(void)state;
	for (n = HTTP_HEADERS_MAX - 1; n <= HTTP_HEADERS_MAX; n++) { /* beside Host */
		buf_clear(&b);
		buf_text(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (i = 0; i < n; i++)
			buf_text(&b, "X: y\r\n");
		buf_text(&b, "\r\n");
		feed(buf_slice(&b), 1000, 0, &r);
		assert_int_equal(r.status, n < HTTP_HEADERS_MAX ? 0 : 431);
	}
	for (n = HTTP_URL_MAX; n <= HTTP_URL_MAX + 1; n++) {
		buf_clear(&b);
		buf_text(&b, "GET /");
		for (i = 1; i < n; i++)
			buf_u8(&b, 'a');
		buf_text(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
		feed(buf_slice(&b), 1000, 0, &r);
		assert_int_equal(r.status, n == HTTP_URL_MAX ? 0 : 414);
	}
	for (n = HTTP_HEAD_MAX; n <= HTTP_HEAD_MAX + 1; n++) {
		buf_clear(&b);
		buf_text(&b, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
		while (b.len < n - 4)
			buf_u8(&b, 'a');
		buf_text(&b, "\r\n\r\n");
		feed(buf_slice(&b), 1000, 0, &r);
		assert_int_equal(r.status, n == HTTP_HEAD_MAX ? 0 : 431);
	}
	buf_clear(&b); /* no end in sight */
	buf_text(&b, "GET /");
	for (i = 0; i < 20000; i++)
		buf_u8(&b, 'a');
	feed(buf_slice(&b), 1000, 0, &r);
	assert_int_equal(r.status, 414);
}

static void a_message_ends_where_the_next_begins(void **state)
{
	static const char two[] = CHUNKED "5\r\nabcde\r\n0\r\n\r\nGET /next HTTP/1.1\r\n";
	struct result r;

	(void)state;
	feed(slice_text(two), 100000, 100, &r);
	assert_true(r.whole);
	assert_string_equal(two + r.used, "GET /next HTTP/1.1\r\n");
	buf_free(&r.body);
	feed(SLICE_LIT(POST_LINE "Content-Length: 3\r\n\r\nabcGET"), 100000, 100, &r);
	assert_true(r.whole && slice_is(buf_slice(&r.body), "abc"));
	buf_free(&r.body);
}

static void heads_are_taken_apart(void **state)
{
	struct result r;

	(void)state;
	feed(SLICE_LIT("HEAD /a/b?c=d?e HTTP/1.1\r\nhost:  x \t\r\nX-A:\r\nExpect: "
	               "100-Continue\r\nConnection: close\r\n\r\n"),
	     1000, 0, &r);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.head.method, GET);
	assert_true(r.head.head_only && r.head.expects_continue && !r.head.keep_alive && !r.head.http10 &&
	            !r.head.chunked);
	assert_true(slice_is(r.head.target, "/a/b?c=d?e"));
	assert_true(slice_is(r.head.path, "/a/b"));
	assert_true(slice_is(r.head.query, "c=d?e"));
	assert_true(slice_is(http_field(r.head.headers, r.head.header_count, "host"), "x"));
	assert_int_equal(http_field(r.head.headers, r.head.header_count, "x-a").len, 0);
	feed(SLICE_LIT("GET https://other:1/p?q HTTP/1.1\r\nHost: a\r\n\r\n"), 1000, 0, &r);
	assert_true(slice_is(r.head.path, "/p") && slice_is(r.head.query, "q"));
}

static void decode(const char *text, bool plus, const char *want)
{
	AUTO_BUF(b, 1000);
	struct rc rc = uri_decode(slice_text(text), plus, &b);

	assert_int_equal(rc_ok(rc), want != NULL);
	if (want != NULL)
		assert_true(slice_is(buf_slice(&b), want));
	else
		assert_int_equal(rc_last()->err, ERR_HTTP_TARGET);
}

static void escapes_are_strict(void **state)
{
	(void)state;
	decode("a%20b+c", false, "a b+c");
	decode("a%20b+c", true, "a b c");
	decode("%e6%Ba%90", false, "源");
	decode("%2e%2e%2f", false, "../");
	decode("", false, "");
	decode("%", false, NULL);
	decode("%4", false, NULL);
	decode("a%zz", false, NULL);
	decode("%00", false, NULL);
	decode("%0a", false, NULL);
	decode("%7f", false, NULL);
	decode("%ff", false, NULL);
	decode("%c0%80", false, NULL);
	decode("%e2%80%ae", false, NULL); /* right-to-left override */
}

static void query(const char *text, size_t want, const char *name, const char *value)
{
	struct http_param p[HTTP_QUERY_MAX];
	AUTO_BUF(b, 2 * HTTP_URL_MAX);
	size_t n = 99;
	struct rc rc = uri_query(slice_text(text), &b, p, &n);

	assert_int_equal(rc_ok(rc), want != 99);
	if (want == 99)
		return;
	assert_int_equal(n, want);
	if (want > 0)
		assert_true(slice_is(p[n - 1].name, name) && slice_is(p[n - 1].value, value));
}

static void queries_are_bounded(void **state)
{
	AUTO_BUF(b, 2000);
	int i;

	(void)state;
	query("", 0, "", "");
	query("a=b", 1, "a", "b");
	query("a=b&&c=d=e&", 2, "c", "d=e");
	query("verbose", 1, "verbose", "");
	query("a%26=%3D+", 1, "a&", "= ");
	query("=b", 99, "", "");
	query("a=1&a=2", 99, "", "");
	query("a=1&%61=2", 99, "", "");
	query("a=%00", 99, "", "");
	query("a12345678901234567890123456789012345678901234567890123456789012345=1", 99, "", "");
	for (i = 0; i < HTTP_QUERY_MAX; i++)
		buf_printf(&b, "%sp%d=", i > 0 ? "&" : "", i);
	query(buf_cstr(&b), HTTP_QUERY_MAX, "p31", "");
	buf_text(&b, "&one=more");
	query(buf_cstr(&b), 99, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(good_messages_are_read_in_any_pieces),
	        cmocka_unit_test(smuggling_is_refused),
	        cmocka_unit_test(bad_chunks_are_refused),
	        cmocka_unit_test(framing_is_limited_too),
	        cmocka_unit_test(nul_is_refused_everywhere),
	        cmocka_unit_test(limits_hold_to_the_byte),
	        cmocka_unit_test(a_message_ends_where_the_next_begins),
	        cmocka_unit_test(heads_are_taken_apart),
	        cmocka_unit_test(escapes_are_strict),
	        cmocka_unit_test(queries_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
