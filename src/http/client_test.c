#include "http/client.h"
#include "http/server.h"
#include "net/tls.h"
#include "../tests/lib/http_testing.h"
#include "../tests/lib/tls_pki.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

#define LARGE 300000

/* ---- the server at the other end ---- */

static RC echo(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = json_object();
	struct slice type = request_header(q, "content-type");

	(void)ctx;
	json_put_cstr(o, "person", q->peer->person);
	json_put_text(o, "type", type);
	json_put_text(o, "body", q->body);
	json_put_bool(o, "english", q->english);
	json_put_text(o, "target", q->target);
	return response_json(r, o);
}

static RC fails(void *ctx, const struct request *q, struct response *r)
{
	struct slice how = request_param(q, "how");

	(void)ctx;
	(void)r;
	if (slice_is(how, "conflict"))
		FAIL(RC_CONFLICT, "taken already");
	if (slice_is(how, "clean"))
		REFUSE(UTF8, "not text");
	if (slice_is(how, "busy"))
		REFUSE(OVERLOADED, "later");
	if (slice_is(how, "unsure"))
		FAIL(RC_UNCERTAIN, "who knows");
	if (slice_is(how, "denied"))
		FAIL(RC_DENIED, "no");
	FAIL(RC_BUG, "our own");
}

static RC large(void *ctx, const struct request *q, struct response *r)
{
	static const uint8_t zeros[LARGE];

	(void)ctx;
	(void)q;
	return response_bytes(r, "Application/Octet-Stream; a=b", SLICE_ARR(zeros));
}

static RC slow(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	if (request_may_wait(q))
		return response_wait(r, 1);
	return response_none(r);
}

static const struct route routes[] = {
        {GET, "/v1/echo", WHO_ANYONE, NULL, 0, 0, echo, NULL},
        {POST, "/v1/echo", WHO_ANYONE, NULL, 1000, 0, echo, NULL},
        {PUT, "/v1/echo", WHO_ANYONE, NULL, 1000, 0, echo, NULL},
        {DELETE, "/v1/echo", WHO_ANYONE, NULL, 0, 0, echo, NULL},
        {GET, "/v1/fails/{how}", WHO_ANYONE, NULL, 0, 0, fails, NULL},
        {POST, "/v1/fails/{how}", WHO_ANYONE, NULL, 0, 0, fails, NULL},
        {GET, "/v1/large", WHO_ANYONE, NULL, 0, 0, large, NULL},
        {GET, "/v1/slow", WHO_ANYONE, NULL, 0, 0, slow, NULL},
        {POST, "/v1/slow", WHO_ANYONE, NULL, 0, 0, slow, NULL},
        {GET, "/v1/mine", WHO_PERSON, NULL, 0, 0, echo, NULL},
};

static RC identify(void *ctx, struct peer *p)
{
	(void)ctx;
	p->kind = PEER_OFFICER;
	(void)snprintf(p->person, sizeof(p->person), "%zu", p->certificate.len);
	return OK;
}

/* ---- the world: a plain and a TLS listener, files for the client ---- */

struct world {
	struct tls_ca own, foreign;
	struct tls_pair server, client, stranger;
	struct tls_server *tls;
	struct http_server *http;
	char dir[64], cert[96], key[96], bad_cert[96], bad_key[96], plain_url[64], tls_url[64];
};

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void put_files(struct world *w)
{
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/yd-client-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->cert, sizeof(w->cert), "%s/cert.pem", w->dir);
	(void)snprintf(w->key, sizeof(w->key), "%s/key.pem", w->dir);
	(void)snprintf(w->bad_cert, sizeof(w->bad_cert), "%s/bad-cert.pem", w->dir);
	(void)snprintf(w->bad_key, sizeof(w->bad_key), "%s/bad-key.pem", w->dir);
	put_file(w->cert, w->client.cert);
	put_file(w->key, w->client.key);
	put_file(w->bad_cert, w->stranger.cert);
	put_file(w->bad_key, w->stranger.key);
}

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct http_listener l = {.name = "plain",
	                          .address = "127.0.0.1",
	                          .routes = routes,
	                          .route_count = sizeof(routes) / sizeof(routes[0]),
	                          .identify = identify};

	tls_ca_new(&w->own, "own");
	tls_ca_new(&w->foreign, "foreign");
	tls_issue(&w->own, "URI:yuandian://shifan/ca,DNS:localhost,IP:127.0.0.1", -60, 3600, &w->server);
	tls_issue(&w->own, "URI:urn:uuid:1", -60, 3600, &w->client);
	tls_issue(&w->foreign, "URI:urn:uuid:1", -60, 3600, &w->stranger);
	put_files(w);
	assert_true(rc_ok(
	        tls_server_new(&(struct tls_config){slice_text(w->server.cert), slice_text(w->server.key),
	                                            slice_text(w->own.pem), TLS_CLIENT_REQUIRE},
	                       &w->tls)));
	assert_true(rc_ok(http_server_new(&(struct http_config){.loops = 1, .workers = 4}, &w->http)));
	assert_true(rc_ok(http_server_listen(w->http, &l)));
	l.name = "tls";
	l.tls = w->tls;
	assert_true(rc_ok(http_server_listen(w->http, &l)));
	assert_true(rc_ok(http_server_start(w->http)));
	(void)snprintf(w->plain_url, sizeof(w->plain_url), "http://127.0.0.1:%u",
	               http_server_port(w->http, "plain"));
	(void)snprintf(w->tls_url, sizeof(w->tls_url), "https://127.0.0.1:%u/",
	               http_server_port(w->http, "tls"));
	*state = w;
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;

	http_server_free(w->http);
	tls_server_free(w->tls);
	tls_ca_free(&w->own);
	tls_ca_free(&w->foreign);
	(void)unlink(w->cert);
	(void)unlink(w->key);
	(void)unlink(w->bad_cert);
	(void)unlink(w->bad_key);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static struct http_client *plain_client(const struct world *w)
{
	struct http_client *c = NULL;

	assert_true(rc_ok(http_client_new(&(struct http_client_config){.base_url = w->plain_url}, &c)));
	return c;
}

static bool member_is(const json_t *o, const char *key, const char *want)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL && strcmp(s, want) == 0;
}

/* ---- tests ---- */

static void calls_carry_what_they_are_given(void **state)
{
	AUTO(http_client, c, plain_client(*state));
	AUTO_ANSWER(a, 10000);
	AUTO_JSON(o, NULL);
	AUTO_JSON(sent, json_pack("{s:i}", "a", 1));
	AUTO_JSON(got, NULL);

	assert_true(rc_ok(http_call(c, &(struct http_call){.path = "/v1/echo?a=b", .language = "en"}, &a)));
	assert_int_equal(a.status, 200);
	assert_string_equal(a.media, "application/json");
	assert_int_equal(strlen(a.request_id), 16);
	assert_true(rc_ok(json_read(buf_slice(&a.body), 10000, &o)));
	assert_true(json_is_true(json_object_get(o, "english")));
	assert_true(member_is(o, "target", "/v1/echo?a=b"));
	assert_true(rc_ok(http_call_json(c, &(struct http_call){.path = "/v1/echo"}, sent, &got)));
	assert_true(member_is(got, "body", "{\"a\":1}"));
	assert_true(member_is(got, "type", "application/json"));
	assert_true(rc_ok(http_call(
	        c,
	        &(struct http_call){
	                .method = "PUT", .path = "/v1/echo", .media = "x/y", .body = SLICE_LIT("z")},
	        &a)));
	assert_non_null(strstr(buf_cstr(&a.body), "\"body\":\"z\""));
	assert_true(rc_ok(http_call(c, &(struct http_call){.method = "DELETE", .path = "/v1/echo"}, &a)));
	assert_true(rc_ok(http_call(c, &(struct http_call){.method = "POST", .path = "/v1/echo"}, &a)));
	assert_true(rc_ok(http_call(c, &(struct http_call){.path = "/v1/large"},
	                            &(struct http_answer){.body = BUF(0)})) == false);
}

static void expect_failure(struct http_client *c, const char *method, const char *path, enum rc_code code,
                           enum err err)
{
	AUTO_ANSWER(a, 100000);
	struct rc rc =
	        http_call(c, &(struct http_call){.method = method, .path = path, .deadline_ms = 20000}, &a);

	if (rc.code != code || rc_last()->err != err)
		fail_msg("%s %s: %s %s: %s", method, path, rc_name(rc.code), err_info(rc_last()->err)->name,
		         rc_last()->text);
}

/* The failure comes out at this end as it went in at the other, except that the peer's bug is not ours. */
static void failures_keep_their_names(void **state)
{
	AUTO(http_client, c, plain_client(*state));
	AUTO_ANSWER(a, 10000);

	expect_failure(c, "GET", "/v1/fails/conflict", RC_CONFLICT, ERR_GENERIC_CONFLICT);
	assert_non_null(strstr(rc_last()->text, "taken already"));
	expect_failure(c, "GET", "/v1/fails/clean", RC_INPUT, ERR_UTF8);
	expect_failure(c, "POST", "/v1/fails/busy", RC_BUSY, ERR_OVERLOADED);
	expect_failure(c, "POST", "/v1/fails/unsure", RC_UNCERTAIN, ERR_GENERIC_UNCERTAIN);
	expect_failure(c, "GET", "/v1/fails/denied", RC_DENIED, ERR_GENERIC_DENIED);
	expect_failure(c, "GET", "/v1/fails/bug", RC_BUSY, ERR_PEER_FAILED);
	expect_failure(c, "GET", "/nowhere", RC_NOTFOUND, ERR_HTTP_ROUTE);
	expect_failure(c, "PATCH", "/v1/echo", RC_INPUT, ERR_HTTP_METHOD);
	assert_false(rc_ok(http_call(c, &(struct http_call){.path = "/v1/fails/conflict"}, &a)));
	assert_int_equal(a.status, 409);
	assert_string_equal(a.media, "application/problem+json");
	assert_non_null(strstr(buf_cstr(&a.body), "\"code\":\"conflict\""));
}

static void answers_over_the_limit_are_refused(void **state)
{
	AUTO(http_client, c, plain_client(*state));
	AUTO_ANSWER(small, LARGE - 1);
	AUTO_ANSWER(enough, LARGE);

	assert_int_equal(http_call(c, &(struct http_call){.path = "/v1/large"}, &small).code, RC_BUSY);
	assert_int_equal(rc_last()->err, ERR_PEER_ANSWER);
	assert_true(rc_ok(http_call(c, &(struct http_call){.path = "/v1/large"}, &enough)));
	assert_int_equal(enough.body.len, LARGE);
	assert_string_equal(enough.media, "application/octet-stream");
}

static void a_late_answer_is_told_from_an_uncertain_one(void **state)
{
	AUTO(http_client, c, plain_client(*state));
	AUTO_ANSWER(a, 1000);
	struct http_call call = {.method = "GET", .path = "/v1/slow?wait=30", .deadline_ms = 100};

	assert_int_equal(http_call(c, &call, &a).code, RC_BUSY);
	assert_int_equal(rc_last()->err, ERR_DEADLINE);
	call.method = "POST";
	assert_int_equal(http_call(c, &call, &a).code, RC_UNCERTAIN);
	call.path = "/v1/slow?wait=1";
	call.deadline_ms = 20000;
	assert_true(rc_ok(http_call(c, &call, &a)));
	assert_int_equal(a.status, 204);
}

static void nobody_there_is_unreachable(void **state)
{
	AUTO(http_client, c, NULL);
	char url[64];
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* bound but not listening: nobody else takes it */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	assert_true(rc_ok(http_client_new(&(struct http_client_config){.base_url = url}, &c)));
	expect_failure(c, "GET", "/", RC_BUSY, ERR_UNREACHABLE);
	expect_failure(c, "POST", "/", RC_BUSY, ERR_UNREACHABLE);
	(void)close(fd);
}

/* Answers once with what it is told to, whatever it is asked. */
struct liar {
	int fd;
	const char *text;
};
static void *lie(void *arg)
{
	struct liar *l = arg;
	int fd = accept(l->fd, NULL, NULL);
	struct buf b = BUF(1u << 20);

	while (find_text(buf_slice(&b), "\r\n\r\n") == NULL && listen_more(fd, &b) > 0)
		;
	(void)say(fd, l->text);
	(void)shutdown(fd, SHUT_WR);
	while (listen_more(fd, &b) > 0)
		;
	(void)close(fd);
	buf_free(&b);
	return NULL;
}

static void with_liar(const char *method, const char *text, enum rc_code code, enum err err)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct liar l = {.fd = socket(AF_INET, SOCK_STREAM, 0), .text = text};
	socklen_t len = sizeof(a);
	struct http_client *c = NULL;
	char url[64];
	pthread_t t;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l.fd, 1), 0);
	assert_int_equal(getsockname(l.fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&t, NULL, lie, &l), 0);
	assert_true(rc_ok(http_client_new(&(struct http_client_config){.base_url = url}, &c)));
	expect_failure(c, method, "/", code, err);
	http_client_free(c);
	assert_int_equal(pthread_join(t, NULL), 0);
	(void)close(l.fd);
}

/* Answers one request, takes a second one on the same connection, and is gone for ever without an answer. */
static void *vanish(void *arg)
{
	int *listener = arg, fd = accept(*listener, NULL, NULL);
	struct buf b = BUF(1u << 20);

	while (find_text(buf_slice(&b), "\r\n\r\n") == NULL && listen_more(fd, &b) > 0)
		;
	(void)say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
	buf_clear(&b);
	while (find_text(buf_slice(&b), "\r\n\r\n") == NULL && listen_more(fd, &b) > 0)
		;
	(void)close(*listener);
	(void)close(fd);
	buf_free(&b);
	return NULL;
}

/* libcurl tries a new connection by itself: that nobody listens there does not mean that nothing was done. */
static void with_vanishing(const char *method, enum rc_code code, enum err err)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	struct http_client *c = NULL;
	struct http_answer answer = HTTP_ANSWER(100);
	char url[64];
	pthread_t t;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&t, NULL, vanish, &fd), 0);
	assert_true(rc_ok(http_client_new(&(struct http_client_config){.base_url = url}, &c)));
	assert_true(rc_ok(http_call(c, &(struct http_call){.path = "/"}, &answer)));
	expect_failure(c, method, "/", code, err);
	http_answer_free(&answer);
	http_client_free(c);
	assert_int_equal(pthread_join(t, NULL), 0);
}

static void a_peer_that_dies_with_our_request_is_not_unreachable(void **state)
{
	(void)state;
	with_vanishing("POST", RC_UNCERTAIN, ERR_GENERIC_UNCERTAIN);
	with_vanishing("GET", RC_BUSY, ERR_UNREACHABLE);
}

static void strange_answers_do_not_confuse(void **state)
{
	(void)state;
	with_liar("POST", "", RC_UNCERTAIN, ERR_GENERIC_UNCERTAIN);
	with_liar("GET", "", RC_BUSY, ERR_PEER_ANSWER);
	with_liar("POST", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", RC_UNCERTAIN,
	          ERR_GENERIC_UNCERTAIN);
	with_liar("GET", "no HTTP at all\r\n\r\n", RC_BUSY, ERR_PEER_ANSWER);
	with_liar("GET", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
	          RC_BUSY, ERR_PEER_FAILED);
	with_liar("GET", "HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}", RC_BUSY, ERR_PEER_FAILED);
	with_liar("GET", "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", RC_BUSY, ERR_GENERIC_BUSY);
	with_liar("GET", "HTTP/1.1 418 X\r\nContent-Length: 13\r\n\r\n{\"code\":\"ok\"}", RC_INPUT,
	          ERR_GENERIC_INPUT);
	with_liar("GET", "HTTP/1.1 410 X\r\nContent-Length: 0\r\n\r\n", RC_NOTFOUND, ERR_GENERIC_NOTFOUND);
	with_liar("GET", "HTTP/1.1 412 X\r\nContent-Length: 0\r\n\r\n", RC_CONFLICT, ERR_GENERIC_CONFLICT);
	with_liar("GET", "HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", RC_DENIED, ERR_GENERIC_DENIED);
}

#define THREADS 16
#define CALLS 50
static void *many_calls(void *arg)
{
	struct http_client *c = arg;
	struct http_answer a = HTTP_ANSWER(10000);
	intptr_t good = 0;
	int i;

	for (i = 0; i < CALLS; i++)
		good += rc_ok(http_call(c, &(struct http_call){.path = "/v1/echo"}, &a)) && a.status == 200;
	http_answer_free(&a);
	return (void *)good;
}

static void many_threads_share_a_client(void **state)
{
	AUTO(http_client, c, plain_client(*state));
	pthread_t t[THREADS];
	intptr_t good = 0;
	void *r;
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many_calls, c), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &r), 0);
		good += (intptr_t)r;
	}
	assert_int_equal(good, THREADS * CALLS);
}

static RC check_ca(void *ctx, struct slice der)
{
	const char *want = ctx;

	NEED(memmem(der.p, der.len, want, strlen(want)) != NULL, RC_DENIED, "it is not %s", want);
	return OK;
}

static void expect_tls(const struct http_client_config *config, enum rc_code code, enum err err)
{
	struct http_client *c = NULL;
	struct http_answer a = HTTP_ANSWER(10000);
	struct rc rc;

	assert_true(rc_ok(http_client_new(config, &c)));
	rc = http_call(c, &(struct http_call){.method = "POST", .path = "/v1/echo", .body = SLICE_LIT("x")},
	               &a);
	if (rc.code != code || (code != RC_OK && rc_last()->err != err))
		fail_msg("%s: %s: %s", rc_name(rc.code), err_info(rc_last()->err)->name, rc_last()->text);
	http_answer_free(&a);
	http_client_free(c);
}

/* R08.2: both ends show a certificate, and the caller names who must answer. */
static void both_ends_of_tls_are_checked(void **state)
{
	struct world *w = *state;
	const struct http_client_config good = {.base_url = w->tls_url,
	                                        .certificate_path = w->cert,
	                                        .key_path = w->key,
	                                        .authorities = slice_text(w->own.pem)};
	struct http_client_config c = good;
	union {
		const char *in;
		void *out;
	} right = {"yuandian://shifan/ca"}, wrong = {"yuandian://shifan/kmc"};

	expect_tls(&c, RC_OK, ERR_GENERIC_OK);
	c.check_peer = check_ca;
	c.check_ctx = right.out;
	expect_tls(&c, RC_OK, ERR_GENERIC_OK);
	c.check_ctx = wrong.out; /* the chain is good, but it is somebody else */
	expect_tls(&c, RC_BUSY, ERR_PEER_IDENTITY);
	c.check_ctx = right.out; /* the right name from a wrong authority */
	c.authorities = slice_text(w->foreign.pem);
	expect_tls(&c, RC_BUSY, ERR_PEER_IDENTITY);
	c = good;
	c.authorities = SLICE_NONE;
	expect_tls(&c, RC_BUSY, ERR_PEER_IDENTITY);
	c = good;
	c.certificate_path = w->bad_cert;
	c.key_path = w->bad_key;
	expect_tls(&c, RC_DENIED, ERR_HTTP_NO_CERTIFICATE);
	c.certificate_path = c.key_path = NULL;
	expect_tls(&c, RC_DENIED, ERR_HTTP_NO_CERTIFICATE);
	c = good;
	c.certificate_path = "/nonexistent";
	expect_tls(&c, RC_INPUT, ERR_GENERIC_INPUT);
	c = good;
	c.base_url = w->plain_url; /* and plain HTTP works with the same settings */
	expect_tls(&c, RC_OK, ERR_GENERIC_OK);
}

static void without_a_named_peer_the_host_must_match(void **state)
{
	struct world *w = *state;
	struct http_client_config c = {.base_url = w->tls_url,
	                               .certificate_path = w->cert,
	                               .key_path = w->key,
	                               .authorities = slice_text(w->own.pem)};
	union {
		const char *in;
		void *out;
	} right = {"yuandian://shifan/ca"};
	struct tls_pair elsewhere;

	tls_issue(&w->own, "URI:yuandian://shifan/ca,DNS:elsewhere.example,IP:127.0.0.9", -60, 3600,
	          &elsewhere);
	assert_true(rc_ok(tls_server_reload(
	        w->tls, &(struct tls_config){slice_text(elsewhere.cert), slice_text(elsewhere.key),
	                                     slice_text(w->own.pem), TLS_CLIENT_REQUIRE})));
	expect_tls(&c, RC_BUSY, ERR_PEER_IDENTITY);
	c.check_peer = check_ca;
	c.check_ctx = right.out;
	expect_tls(&c, RC_OK, ERR_GENERIC_OK);
}

static void renewed_files_are_used_after_a_reload(void **state)
{
	struct world *w = *state;
	struct tls_pair renewed;
	AUTO(http_client, c, NULL);
	AUTO_ANSWER(a, 10000);
	char want[64];

	assert_true(rc_ok(http_client_new(&(struct http_client_config){.base_url = w->tls_url,
	                                                               .certificate_path = w->cert,
	                                                               .key_path = w->key,
	                                                               .authorities = slice_text(w->own.pem)},
	                                  &c)));
	assert_true(rc_ok(http_call(c, &(struct http_call){.path = "/v1/mine"}, &a)));
	tls_issue(&w->own, "URI:urn:uuid:1,DNS:a-name-that-makes-the-certificate-longer.example", -60, 3600,
	          &renewed);
	put_file(w->cert, renewed.cert);
	put_file(w->key, renewed.key);
	http_client_reload(c);
	assert_true(rc_ok(http_call(c, &(struct http_call){.path = "/v1/mine"}, &a)));
	(void)snprintf(want, sizeof(want), "\"person\":\"%zu\"", renewed.der_len);
	assert_non_null(strstr(buf_cstr(&a.body), want));
}

static void text_is_escaped_for_urls(void **state)
{
	AUTO_BUF(b, 1000);

	(void)state;
	http_escape(&b, SLICE_LIT("aZ09-._~ /?&=+%源"));
	assert_string_equal(buf_cstr(&b), "aZ09-._~%20%2F%3F%26%3D%2B%25%E6%BA%90");
}

static void addresses_are_checked(void **state)
{
	struct http_client *c = NULL;

	(void)state;
	assert_int_equal(
	        http_client_new(&(struct http_client_config){.base_url = "file:///etc/passwd"}, &c).code,
	        RC_INPUT);
	assert_int_equal(http_client_new(&(struct http_client_config){.base_url = ""}, &c).code, RC_INPUT);
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(calls_carry_what_they_are_given, start, stop),
	        cmocka_unit_test_setup_teardown(failures_keep_their_names, start, stop),
	        cmocka_unit_test_setup_teardown(answers_over_the_limit_are_refused, start, stop),
	        cmocka_unit_test_setup_teardown(a_late_answer_is_told_from_an_uncertain_one, start, stop),
	        cmocka_unit_test(nobody_there_is_unreachable),
	        cmocka_unit_test(strange_answers_do_not_confuse),
	        cmocka_unit_test(a_peer_that_dies_with_our_request_is_not_unreachable),
	        cmocka_unit_test_setup_teardown(many_threads_share_a_client, start, stop),
	        cmocka_unit_test_setup_teardown(both_ends_of_tls_are_checked, start, stop),
	        cmocka_unit_test_setup_teardown(without_a_named_peer_the_host_must_match, start, stop),
	        cmocka_unit_test_setup_teardown(renewed_files_are_used_after_a_reload, start, stop),
	        cmocka_unit_test(text_is_escaped_for_urls),
	        cmocka_unit_test(addresses_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
