#include "http/management.h"
#include "http/server.h"
#include "net/tls.h"
#include "../tests/lib/http_testing.h"
#include "../tests/lib/tls_pki.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- what the handlers share ---- */

#define LARGE (8u << 20)
struct service {
	struct http_server *server;
	uint16_t port;
	bool done;     /* what the long poll asks for */
	unsigned runs; /* of the waiting handler */
	unsigned largest_batch, batches;
	unsigned released;
	pthread_mutex_t lock;
	pthread_cond_t gate;
	bool open;
	uint8_t *large;
};

static RC echo(void *ctx, const struct request *q, struct response *r)
{
	json_t *o = json_object();
	size_t i;

	(void)ctx;
	json_put_text(o, "body", q->body);
	json_put_text(o, "path", q->path);
	json_put_cstr(o, "id", q->id);
	json_put_cstr(o, "person", q->peer->person);
	json_put_text(o, "agent", request_header(q, "User-Agent"));
	for (i = 0; i < q->param_count; i++)
		json_put_text(o, (const char *)(i == 0 ? "first" : "second"), q->params[i].value);
	for (i = 0; i < q->query_count; i++)
		json_put_text(o, i == 0 ? "a" : "b", q->query[i].value);
	return response_json(r, o);
}

static RC fails(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	response_problem(r, "state", json_string("entered"));
	if (slice_is(request_param(q, "how"), "conflict"))
		REFUSE(GENERIC_CONFLICT, "it is taken");
	if (slice_is(request_param(q, "how"), "bug"))
		FAIL(RC_BUG, "secret detail");
	if (slice_is(request_param(q, "how"), "silent"))
		return OK; /* forgot to answer */
	FAIL(RC_NOTFOUND, "no such thing");
}

static RC created(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	response_created(r, "/v1/things/7");
	return response_bytes(r, "text/plain", SLICE_LIT("made"));
}

static RC nothing(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	return response_none(r);
}

static RC cached(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	response_cache(r, &(struct cache_rule){.max_age = 60,
	                                       .etag = SLICE_LIT("abc123"),
	                                       .modified = 784111777,
	                                       .expires = 784115377});
	return response_bytes(r, "application/pkix-crl", SLICE_LIT("crl"));
}

static void release(void *hold)
{
	struct service *s = hold;

	(void)__atomic_add_fetch(&s->released, 1, __ATOMIC_SEQ_CST);
}

static RC large(void *ctx, const struct request *q, struct response *r)
{
	struct service *s = ctx;

	(void)q;
	return response_shared(r, "application/octet-stream", slice_of(s->large, LARGE), s, release);
}

static RC waits(void *ctx, const struct request *q, struct response *r)
{
	struct service *s = ctx;
	bool done;

	(void)pthread_mutex_lock(&s->lock);
	s->runs++;
	done = s->done;
	(void)pthread_cond_broadcast(&s->gate);
	(void)pthread_mutex_unlock(&s->lock);
	if (!done && request_may_wait(q))
		return response_wait(r, http_key(SLICE_LIT("thing")));
	return response_bytes(r, "text/plain", done ? SLICE_LIT("done") : SLICE_LIT("not yet"));
}

/* Holds its worker until the gate opens. */
static RC blocks(void *ctx, const struct request *q, struct response *r)
{
	struct service *s = ctx;

	(void)q;
	(void)pthread_mutex_lock(&s->lock);
	s->runs++;
	(void)pthread_cond_broadcast(&s->gate);
	while (!s->open)
		(void)pthread_cond_wait(&s->gate, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	return response_bytes(r, "text/plain", SLICE_LIT("through"));
}

static void gathers(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	struct service *s = ctx;
	size_t i;

	(void)pthread_mutex_lock(&s->lock);
	s->batches++;
	if (n > s->largest_batch)
		s->largest_batch = (unsigned)n;
	while (!s->open)
		(void)pthread_cond_wait(&s->gate, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n; i++) {
		if (slice_is(q[i]->body, "bad"))
			batch_failed(r[i], rc_fail(RC_INPUT, "bad item"));
		else
			batch_failed(r[i], response_bytes(r[i], "text/plain", q[i]->body));
	}
}

/* Even bodies on the loop, odd ones on a worker. */
static void half(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < n; i++) {
		if (!q[i]->offloaded && q[i]->body.len % 2 == 1)
			batch_failed(r[i], response_offload(r[i]));
		else
			batch_failed(r[i], response_bytes(r[i], "text/plain",
			                                  q[i]->offloaded ? SLICE_LIT("worker")
			                                                  : SLICE_LIT("loop")));
	}
}

static RC moves(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	if (!q->offloaded)
		return response_offload(r);
	return response_bytes(r, "text/plain", SLICE_LIT("moved"));
}

#define ENTRY (1u << 0)
static const struct route routes[] = {
        {GET, "/", WHO_ANYONE, NULL, 0, HTTP_INLINE, echo, NULL},
        {GET, "/v1/x/{id}", WHO_ANYONE, NULL, 0, 0, echo, NULL},
        {GET, "/v1/x/{id}/y/{name}", WHO_ANYONE, NULL, 0, 0, echo, NULL},
        {GET, "/crl/{ca}.crl", WHO_ANYONE, NULL, 0, HTTP_INLINE, cached, NULL},
        {GET, "/ocsp/{request*}", WHO_ANYONE, NULL, 0, 0, echo, NULL},
        {POST, "/v1/x", WHO_ANYONE, "text/plain", 1u << 20, 0, echo, NULL},
        {POST, "/v1/things", WHO_ANYONE, NULL, 0, 0, created, NULL},
        {DELETE, "/v1/things", WHO_ANYONE, NULL, 0, 0, nothing, NULL},
        {GET, "/v1/fails/{how}", WHO_ANYONE, NULL, 0, 0, fails, NULL},
        {GET, "/large", WHO_ANYONE, NULL, 0, 0, large, NULL},
        {GET, "/waits", WHO_ANYONE, NULL, 0, 0, waits, NULL},
        {GET, "/waits-inline", WHO_ANYONE, NULL, 0, HTTP_INLINE, waits, NULL},
        {GET, "/blocks", WHO_ANYONE, NULL, 0, HTTP_BLOCKS, blocks, NULL},
        {GET, "/held", WHO_ANYONE, NULL, 0, 0, blocks, NULL},
        {POST, "/batch", WHO_ANYONE, "text/plain", 100, HTTP_BATCH, NULL, gathers},
        {POST, "/half", WHO_ANYONE, "text/plain", 100, HTTP_BATCH | HTTP_INLINE, NULL, half},
        {GET, "/moves", WHO_ANYONE, NULL, 0, HTTP_INLINE, moves, NULL},
        {GET, "/v1/secret", ENTRY, NULL, 0, 0, echo, NULL},
        {GET, "/v1/mine", WHO_PERSON, NULL, 0, 0, echo, NULL},
        {GET, "/v1/machines", WHO_INSTANCE, NULL, 0, 0, echo, NULL},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static int start_with(void **state, const struct http_config *c)
{
	struct service *s = calloc(1, sizeof(*s));

	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->gate, NULL);
	s->large = calloc(LARGE, 1);
	s->large[LARGE - 1] = 'z';
	assert_true(rc_ok(http_server_new(c, &s->server)));
	assert_true(rc_ok(http_server_listen(s->server, &(struct http_listener){.name = "plain",
	                                                                        .address = "127.0.0.1",
	                                                                        .routes = routes,
	                                                                        .route_count = ROUTES,
	                                                                        .ctx = s})));
	assert_true(rc_ok(http_server_start(s->server)));
	s->port = http_server_port(s->server, "plain");
	assert_int_not_equal(s->port, 0);
	*state = s;
	return 0;
}

static int start(void **state)
{
	return start_with(state, &(struct http_config){.loops = 2, .workers = 4});
}

static int start_small(void **state)
{
	return start_with(state,
	                  &(struct http_config){.loops = 1, .workers = 1, .blocking_workers = 4, .queue = 2});
}

static int start_single(void **state)
{
	return start_with(state, &(struct http_config){.loops = 1, .workers = 1, .blocking_workers = 4});
}

static int stop(void **state)
{
	struct service *s = *state;

	http_server_free(s->server);
	free(s->large);
	free(s);
	return 0;
}

/* One request and its answer on an open connection. */
static void ask(int fd, const char *text, struct heard *h)
{
	assert_true(say(fd, text));
	assert_true(hear(fd, h, strncmp(text, "HEAD", 4) == 0));
}

static void ask_once(const struct service *s, const char *text, struct heard *h)
{
	int fd = dial(s->port);

	ask(fd, text, h);
	(void)close(fd);
}

#define HOST "Host: a\r\n"
#define GET_LINE(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* ---- tests ---- */

static void requests_reach_handlers_and_answers_come_back(void **state)
{
	AUTO_HEARD(h);

	ask_once(*state,
	         "GET /v1/x/a%20b/y/%E6%BA%90?k=v%26w&l=1+2 HTTP/1.1\r\n" HOST "User-Agent: t\r\n\r\n", &h);
	assert_int_equal(h.status, 200);
	assert_true(heard_has(&h, "\"first\":\"a b\",\"second\":\"源\",\"a\":\"v&w\",\"b\":\"1 2\""));
	assert_true(heard_has(&h, "\"agent\":\"t\""));
	assert_true(heard_has(&h, "Content-Type: application/json\r\n"));
	assert_true(heard_has(&h, "Cache-Control: no-store\r\n"));
	assert_true(heard_has(&h, "\r\nX-Request-Id: "));
	assert_true(heard_has(&h, "\r\nDate: "));
	ask_once(*state, "POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", &h);
	assert_int_equal(h.status, 201);
	assert_true(heard_has(&h, "Location: /v1/things/7\r\n"));
	ask_once(*state, "DELETE /v1/things HTTP/1.1\r\n" HOST "\r\n", &h);
	assert_int_equal(h.status, 204);
	assert_false(heard_has(&h, "Content-Length"));
	ask_once(*state, GET_LINE("/ocsp/MEQw%2BQ/x=="), &h);
	assert_true(heard_has(&h, "\"first\":\"MEQw+Q/x==\""));
}

static void the_request_id_in_the_answer_is_the_handlers(void **state)
{
	AUTO_HEARD(h);
	char first[17], line[64];
	const char *at;

	ask_once(*state, GET_LINE("/"), &h);
	at = find_text(buf_slice(&h.bytes), "X-Request-Id: ");
	assert_non_null(at);
	memcpy(first, at + 14, 16);
	first[16] = '\0';
	(void)snprintf(line, sizeof(line), "\"id\":\"%s\"", first);
	assert_true(heard_has(&h, line));
	ask_once(*state, GET_LINE("/"), &h);
	assert_false(heard_has(&h, line));
}

static void connections_are_kept_and_pipelines_answered_in_order(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	AUTO_BUF(all, 1u << 20);
	char line[32];
	int fd = dial(s->port), i;

	for (i = 0; i < 3; i++) {
		ask(fd, GET_LINE("/v1/x/one"), &h);
		assert_false(heard_has(&h, "Connection: close"));
	}
	for (i = 0; i < 200; i++) /* inline and worker routes mixed */
		buf_printf(&all, "GET %s%d HTTP/1.1\r\n" HOST "\r\n", i % 2 == 0 ? "/v1/x/" : "/ocsp/", i);
	assert_true(say_bytes(fd, buf_slice(&all)));
	for (i = 0; i < 200; i++) {
		assert_true(hear(fd, &h, false));
		(void)snprintf(line, sizeof(line), "\"first\":\"%d\"", i);
		assert_true(heard_has(&h, line));
	}
	assert_true(say(fd, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
	assert_true(hear(fd, &h, false));
	assert_true(heard_has(&h, "Connection: close"));
	assert_int_equal(listen_more(fd, &all), 0);
	(void)close(fd);
}

static void bodies_come_with_length_or_in_chunks(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int fd = dial(s->port);

	ask(fd,
	    "POST /v1/x HTTP/1.1\r\n" HOST
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello",
	    &h);
	assert_true(heard_has(&h, "\"body\":\"hello\""));
	ask(fd,
	    "POST /v1/x HTTP/1.1\r\n" HOST "Content-Type: Text/Plain\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
	    &h);
	assert_true(heard_has(&h, "\"body\":\"hello\""));
	assert_true(say(fd,
	                "POST /v1/x HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nExpect: 100-continue\r\n"
	                "Content-Length: 2\r\n\r\n"));
	assert_true(hear(fd, &h, false));
	assert_int_equal(h.status, 100);
	ask(fd, "ok", &h);
	assert_true(heard_has(&h, "\"body\":\"ok\""));
	ask(fd,
	    "POST /v1/x HTTP/1.1\r\n" HOST
	    "Content-Type: text/plain\r\nExpect: the-moon\r\nContent-Length: 2\r\n\r\n",
	    &h);
	assert_int_equal(h.status, 417);
	(void)close(fd);
}

static void a_large_body_crosses_in_both_directions(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	AUTO_BUF(b, 2u << 20);
	int fd = dial(s->port);
	size_t i;

	buf_printf(&b,
	           "POST /v1/x HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n",
	           1u << 20);
	for (i = 0; i < 1u << 20; i++)
		buf_u8(&b, 'a');
	assert_true(say_bytes(fd, buf_slice(&b)));
	assert_true(hear(fd, &h, false));
	assert_int_equal(h.status, 200);
	assert_true(heard_body(&h).len > 1u << 20);
	ask(fd, GET_LINE("/large"), &h);
	assert_int_equal(heard_body(&h).len, LARGE);
	assert_int_equal(h.bytes.p[h.bytes.len - 1], 'z');
	ask(fd, "HEAD /large HTTP/1.1\r\n" HOST "\r\n", &h);
	assert_true(heard_has(&h, "Content-Length: 8388608\r\n"));
	ask(fd, GET_LINE("/"), &h); /* and nothing of the body follows */
	assert_int_equal(h.status, 200);
	(void)close(fd);
	http_server_stop(s->server);
	assert_int_equal(__atomic_load_n(&s->released, __ATOMIC_SEQ_CST), 2);
}

static void failures_become_problems(void **state)
{
	AUTO_HEARD(h);

	ask_once(*state, GET_LINE("/v1/fails/conflict"), &h);
	assert_int_equal(h.status, 409);
	assert_true(heard_has(&h, "Content-Type: application/problem+json\r\n"));
	assert_true(heard_has(&h, "\"type\":\"urn:yuandian:error:conflict\",\"title\":"
	                          "\"对象的当前状态不允许此操作\",\"status\":409,"
	                          "\"code\":\"conflict\",\"detail\":\"it is taken\",\"request_id\":\""));
	assert_true(heard_has(&h, "\"state\":\"entered\""));
	ask_once(*state,
	         "GET /v1/fails/conflict HTTP/1.1\r\n" HOST "Accept-Language: en-GB, zh;q=0.5\r\n\r\n", &h);
	assert_true(heard_has(&h, "\"title\":\"the object's state does not allow this\""));
	ask_once(*state, GET_LINE("/v1/fails/other"), &h);
	assert_int_equal(h.status, 404);
	ask_once(*state, GET_LINE("/v1/fails/bug"), &h);
	assert_int_equal(h.status, 500);
	assert_false(heard_has(&h, "secret detail"));
	ask_once(*state, GET_LINE("/v1/fails/silent"), &h);
	assert_int_equal(h.status, 500);
}

static void caches_are_told_and_asked(void **state)
{
	AUTO_HEARD(h);

	ask_once(*state, GET_LINE("/crl/sm2.crl"), &h);
	assert_int_equal(h.status, 200);
	assert_true(heard_has(&h, "Cache-Control: public, max-age=60\r\n"));
	assert_true(heard_has(&h, "ETag: \"abc123\"\r\n"));
	assert_true(heard_has(&h, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
	assert_true(heard_has(&h, "Expires: Sun, 06 Nov 1994 09:49:37 GMT\r\n"));
	ask_once(*state, "GET /crl/sm2.crl HTTP/1.1\r\n" HOST "If-None-Match: \"x\", \"abc123\"\r\n\r\n", &h);
	assert_int_equal(h.status, 304);
	assert_int_equal(heard_body(&h).len, 0);
	ask_once(*state, "GET /crl/sm2.crl HTTP/1.1\r\n" HOST "If-None-Match: \"bc123\"\r\n\r\n", &h);
	assert_int_equal(h.status, 200);
	ask_once(*state, GET_LINE("/crl/.crl"), &h);
	assert_int_equal(h.status, 404);
	ask_once(*state, GET_LINE("/crl/sm2"), &h);
	assert_int_equal(h.status, 404);
}

static void http_1_0_is_answered_and_closed(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int fd = dial(s->port);

	ask(fd, "GET / HTTP/1.0\r\n\r\n", &h);
	assert_int_equal(h.status, 200);
	assert_true(heard_has(&h, "Connection: close"));
	assert_int_equal(listen_more(fd, &h.bytes), 0);
	(void)close(fd);
	fd = dial(s->port);
	ask(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &h);
	assert_true(heard_has(&h, "Connection: keep-alive"));
	ask(fd, "GET / HTTP/1.0\r\n\r\n", &h);
	assert_int_equal(h.status, 200);
	(void)close(fd);
}

static void wait_for_runs(struct service *s, unsigned runs)
{
	(void)pthread_mutex_lock(&s->lock);
	while (s->runs < runs)
		(void)pthread_cond_wait(&s->gate, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
}

static void finish_thing(struct service *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->done = true;
	(void)pthread_mutex_unlock(&s->lock);
	http_server_wake(s->server, http_key(SLICE_LIT("thing")));
}

#define WAITERS 40
/* Forty waiting requests on four workers; a waiting request holds none. */
static void long_polls_hold_no_thread_and_end_when_woken(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int fd[WAITERS], i;

	for (i = 0; i < WAITERS; i++) {
		fd[i] = dial(s->port);
		assert_true(say(fd[i],
		                i % 2 == 0 ? GET_LINE("/waits?wait=30") : GET_LINE("/waits-inline?wait=30")));
	}
	wait_for_runs(s, WAITERS);
	http_server_wake(s->server, http_key(SLICE_LIT("another thing")));
	ask_once(s, GET_LINE("/v1/x/still-served"), &h);
	assert_int_equal(h.status, 200);
	finish_thing(s);
	for (i = 0; i < WAITERS; i++) {
		assert_true(hear(fd[i], &h, false));
		assert_true(slice_is(heard_body(&h), "done"));
		(void)close(fd[i]);
	}
}

static void a_long_poll_ends_with_its_time(void **state)
{
	AUTO_HEARD(h);

	ask_once(*state, GET_LINE("/waits?wait=1"), &h);
	assert_true(slice_is(heard_body(&h), "not yet"));
	ask_once(*state, GET_LINE("/waits"), &h);
	assert_true(slice_is(heard_body(&h), "not yet"));
	ask_once(*state, GET_LINE("/waits?wait=31"), &h); /* over the limit: as if it were not there */
	assert_true(slice_is(heard_body(&h), "not yet"));
}

static void a_wake_between_look_and_wait_is_not_lost(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int i;

	for (i = 0; i < 200; i++) {
		int fd = dial(s->port);

		s->done = false;
		s->runs = 0;
		assert_true(say(fd, GET_LINE("/waits?wait=30")));
		wait_for_runs(s, 1); /* it has looked; whether it is parked already is chance */
		finish_thing(s);
		assert_true(hear(fd, &h, false));
		assert_true(slice_is(heard_body(&h), "done"));
		(void)close(fd);
	}
}

static void waiting_requests_are_answered_when_the_server_stops(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int fd = dial(s->port);

	assert_true(say(fd, GET_LINE("/waits?wait=30")));
	wait_for_runs(s, 1);
	http_server_stop(s->server);
	assert_true(hear(fd, &h, false));
	assert_true(slice_is(heard_body(&h), "not yet"));
	assert_true(heard_has(&h, "Connection: close"));
	(void)close(fd);
	assert_int_equal(dial_from("127.0.0.1", s->port), -1);
}

static void open_gate(struct service *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->open = true;
	(void)pthread_cond_broadcast(&s->gate);
	(void)pthread_mutex_unlock(&s->lock);
}

/* One worker, four blocking ones. */
static void blocking_handlers_leave_the_others_alone(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int fd[4], i;

	for (i = 0; i < 4; i++) {
		fd[i] = dial(s->port);
		assert_true(say(fd[i], GET_LINE("/blocks")));
	}
	wait_for_runs(s, 4);
	ask_once(s, GET_LINE("/v1/x/served"), &h);
	assert_int_equal(h.status, 200);
	open_gate(s);
	for (i = 0; i < 4; i++) {
		assert_true(hear(fd[i], &h, false));
		assert_true(slice_is(heard_body(&h), "through"));
		(void)close(fd[i]);
	}
}

#define CROWD 10
/* The only worker is held and two more fit into the queue: seven of ten are refused at once. */
static void a_full_queue_refuses_politely(void **state)
{
	struct service *s = *state;
	struct pollfd p[CROWD] = {{0}};
	AUTO_HEARD(h);
	unsigned through = 0, refused = 0;
	int i, answered = 0;

	for (i = 0; i < CROWD; i++) {
		p[i] = (struct pollfd){.fd = dial(s->port), .events = POLLIN};
		assert_true(say(p[i].fd, GET_LINE("/held")));
		if (i == 0)
			wait_for_runs(s, 1);
	}
	while (answered < CROWD - 3) {
		assert_true(poll(p, CROWD, 1000 * TESTING_PATIENCE) > 0);
		for (i = 0, answered = 0; i < CROWD; i++)
			answered += (p[i].revents & POLLIN) != 0;
	}
	open_gate(s);
	for (i = 0; i < CROWD; i++) {
		assert_true(hear(p[i].fd, &h, false));
		through += h.status == 200;
		refused += h.status == 503 && heard_has(&h, "\"code\":\"overloaded\"") &&
		           heard_has(&h, "Retry-After: 1\r\n");
		(void)close(p[i].fd);
	}
	assert_int_equal(refused, CROWD - 3);
	assert_int_equal(through, 3);
	ask_once(s, GET_LINE("/v1/x/again"), &h);
	assert_int_equal(h.status, 200);
}

#define BATCHED 100
static void batches_gather_while_others_run(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	char text[128];
	int fd[BATCHED], i;

	for (i = 0; i < BATCHED; i++) {
		fd[i] = dial(s->port);
		(void)snprintf(text, sizeof(text),
		               "POST /batch HTTP/1.1\r\n" HOST
		               "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n%s",
		               i == 50 ? "bad" : "abc");
		assert_true(say(fd[i], text));
	}
	ask_once(s, GET_LINE("/"), &h); /* the loops are alive meanwhile */
	open_gate(s);
	for (i = 0; i < BATCHED; i++) {
		assert_true(hear(fd[i], &h, false));
		assert_int_equal(h.status, i == 50 ? 400 : 200);
		if (i != 50)
			assert_true(slice_is(heard_body(&h), "abc"));
		else
			assert_true(heard_has(&h, "bad item"));
		(void)close(fd[i]);
	}
	assert_true(s->largest_batch > 1);
	assert_true(s->batches < BATCHED);
}

static void loop_handlers_may_hand_over_to_workers(void **state)
{
	struct service *s = *state;
	AUTO_HEARD(h);
	int fd = dial(s->port), i;

	ask(fd, GET_LINE("/moves"), &h);
	assert_true(slice_is(heard_body(&h), "moved"));
	for (i = 0; i < 20; i++) {
		ask(fd,
		    "POST /half HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nab",
		    &h);
		assert_true(slice_is(heard_body(&h), "loop"));
		ask(fd,
		    "POST /half HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\na",
		    &h);
		assert_true(slice_is(heard_body(&h), "worker"));
	}
	(void)close(fd);
}

static void peers_gone_before_their_answer_do_no_harm(void **state)
{
	struct service *s = *state;
	struct linger now = {.l_onoff = 1};
	AUTO_HEARD(h);
	int fd, i;

	for (i = 0; i < 20; i++) {
		fd = dial(s->port);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		assert_true(say(fd, i % 2 == 0 ? GET_LINE("/waits?wait=30") : GET_LINE("/large")));
		(void)close(fd);
	}
	wait_for_runs(s, 10);
	finish_thing(s);
	ask_once(s, GET_LINE("/"), &h);
	assert_int_equal(h.status, 200);
}

static void a_taken_port_is_refused(void **state)
{
	struct service *s = *state;
	AUTO(http_server, other, NULL);
	struct http_listener l = {.name = "x",
	                          .address = "127.0.0.1",
	                          .port = s->port,
	                          .routes = routes,
	                          .route_count = ROUTES};

	assert_true(rc_ok(http_server_new(&(struct http_config){.loops = 2}, &other)));
	assert_int_equal(http_server_listen(other, &l).code, RC_CONFLICT);
	assert_int_equal(rc_last()->err, ERR_PORT_TAKEN);
}

/* ---- over TLS, with certificates ---- */

struct secure {
	struct service *service;
	struct tls_server *tls;
	struct tls_ca own, foreign;
	struct tls_pair cert, client;
};

static RC identify(void *ctx, struct peer *p)
{
	(void)ctx;
	REQUIRE(p->certificate.len > 100, HTTP_ROLE, "what is this?");
	p->kind = PEER_OFFICER;
	p->roles = ENTRY;
	(void)snprintf(p->person, sizeof(p->person), "somebody");
	return OK;
}

static int start_secure(void **state)
{
	struct secure *x = calloc(1, sizeof(*x));
	struct tls_config c;

	tls_ca_new(&x->own, "own");
	tls_ca_new(&x->foreign, "foreign");
	tls_issue(&x->own, "DNS:localhost,IP:127.0.0.1", -60, 3600, &x->cert);
	tls_issue(&x->own, "URI:urn:uuid:1", -60, 3600, &x->client);
	c = (struct tls_config){slice_text(x->cert.cert), slice_text(x->cert.key), slice_text(x->own.pem),
	                        TLS_CLIENT_REQUEST};
	assert_true(rc_ok(tls_server_new(&c, &x->tls)));
	x->service = calloc(1, sizeof(*x->service));
	x->service->large = calloc(LARGE, 1);
	assert_true(
	        rc_ok(http_server_new(&(struct http_config){.loops = 1, .workers = 2}, &x->service->server)));
	assert_true(
	        rc_ok(http_server_listen(x->service->server, &(struct http_listener){.name = "tls",
	                                                                             .address = "127.0.0.1",
	                                                                             .tls = x->tls,
	                                                                             .routes = routes,
	                                                                             .route_count = ROUTES,
	                                                                             .ctx = x->service,
	                                                                             .identify = identify})));
	assert_true(rc_ok(http_server_start(x->service->server)));
	x->service->port = http_server_port(x->service->server, "tls");
	*state = x;
	return 0;
}

static int stop_secure(void **state)
{
	struct secure *x = *state;

	http_server_free(x->service->server);
	tls_server_free(x->tls);
	tls_ca_free(&x->own);
	tls_ca_free(&x->foreign);
	free(x->service->large);
	free(x->service);
	free(x);
	return 0;
}

static SSL *tls_dial(struct secure *x, const struct tls_pair *pair)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	if (pair != NULL) {
		BIO *c = BIO_new_mem_buf(pair->cert, -1), *k = BIO_new_mem_buf(pair->key, -1);
		X509 *cert = PEM_read_bio_X509(c, NULL, NULL, NULL);
		EVP_PKEY *key = PEM_read_bio_PrivateKey(k, NULL, NULL, NULL);

		assert_int_equal(SSL_CTX_use_cert_and_key(ctx, cert, key, NULL, 1), 1);
		X509_free(cert);
		EVP_PKEY_free(key);
		BIO_free(c);
		BIO_free(k);
	}
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_int_equal(SSL_set_fd(ssl, dial(x->service->port)), 1);
	assert_int_equal(SSL_connect(ssl), 1);
	return ssl;
}

static void tls_hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
	(void)close(fd);
}

/* Everything until the body is as long as announced. */
static void tls_ask(SSL *ssl, const char *text, struct heard *h)
{
	const char *end = NULL, *length;
	size_t want = 0;

	buf_clear(&h->bytes);
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
	while (end == NULL || h->bytes.len < h->head + want) {
		uint8_t *p = buf_room(&h->bytes, 65536);
		int n = SSL_read(ssl, p, 65536);

		assert_true(n > 0);
		h->bytes.len += (size_t)n;
		end = find_text(buf_slice(&h->bytes), "\r\n\r\n");
		if (end == NULL)
			continue;
		h->head = (size_t)(end + 4 - (const char *)h->bytes.p);
		length = find_text(buf_slice(&h->bytes), "Content-Length: ");
		want = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
	}
	h->status = (unsigned)strtoul((const char *)h->bytes.p + 9, NULL, 10);
}

static void certificates_open_what_their_roles_may(void **state)
{
	struct secure *x = *state;
	AUTO_HEARD(h);
	SSL *ssl = tls_dial(x, &x->client);

	tls_ask(ssl, GET_LINE("/v1/secret"), &h);
	assert_int_equal(h.status, 200);
	assert_true(heard_has(&h, "\"person\":\"somebody\""));
	tls_ask(ssl, GET_LINE("/v1/mine"), &h);
	assert_int_equal(h.status, 200);
	tls_ask(ssl, GET_LINE("/v1/machines"), &h);
	assert_int_equal(h.status, 403);
	assert_true(heard_has(&h, "\"code\":\"role-missing\""));
	tls_ask(ssl, GET_LINE("/large"), &h);
	assert_int_equal(heard_body(&h).len, LARGE);
	tls_hang_up(ssl);
	ssl = tls_dial(x, NULL);
	tls_ask(ssl, GET_LINE("/v1/secret"), &h);
	assert_int_equal(h.status, 401);
	assert_true(heard_has(&h, "\"code\":\"no-certificate\""));
	assert_true(heard_has(&h, "WWW-Authenticate: ClientCertificate\r\n"));
	tls_ask(ssl, GET_LINE("/"), &h);
	assert_int_equal(h.status, 200);
	tls_hang_up(ssl);
}

static void an_unknown_certificate_counts_as_none_and_is_told_why(void **state)
{
	struct secure *x = *state;
	struct tls_pair stranger;
	AUTO_HEARD(h);
	SSL *ssl;

	tls_issue(&x->foreign, "URI:urn:uuid:1", -60, 3600, &stranger);
	ssl = tls_dial(x, &stranger);
	tls_ask(ssl, GET_LINE("/v1/mine"), &h);
	assert_int_equal(h.status, 401);
	assert_true(heard_has(&h, "client certificate: unable to"));
	tls_hang_up(ssl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(requests_reach_handlers_and_answers_come_back, start, stop),
	        cmocka_unit_test_setup_teardown(the_request_id_in_the_answer_is_the_handlers, start, stop),
	        cmocka_unit_test_setup_teardown(connections_are_kept_and_pipelines_answered_in_order, start,
	                                        stop),
	        cmocka_unit_test_setup_teardown(bodies_come_with_length_or_in_chunks, start, stop),
	        cmocka_unit_test_setup_teardown(a_large_body_crosses_in_both_directions, start, stop),
	        cmocka_unit_test_setup_teardown(failures_become_problems, start, stop),
	        cmocka_unit_test_setup_teardown(caches_are_told_and_asked, start, stop),
	        cmocka_unit_test_setup_teardown(http_1_0_is_answered_and_closed, start, stop),
	        cmocka_unit_test_setup_teardown(long_polls_hold_no_thread_and_end_when_woken, start, stop),
	        cmocka_unit_test_setup_teardown(a_long_poll_ends_with_its_time, start, stop),
	        cmocka_unit_test_setup_teardown(a_wake_between_look_and_wait_is_not_lost, start, stop),
	        cmocka_unit_test_setup_teardown(waiting_requests_are_answered_when_the_server_stops, start,
	                                        stop),
	        cmocka_unit_test_setup_teardown(blocking_handlers_leave_the_others_alone, start_single, stop),
	        cmocka_unit_test_setup_teardown(a_full_queue_refuses_politely, start_small, stop),
	        cmocka_unit_test_setup_teardown(batches_gather_while_others_run, start, stop),
	        cmocka_unit_test_setup_teardown(loop_handlers_may_hand_over_to_workers, start, stop),
	        cmocka_unit_test_setup_teardown(peers_gone_before_their_answer_do_no_harm, start, stop),
	        cmocka_unit_test_setup_teardown(a_taken_port_is_refused, start, stop),
	        cmocka_unit_test_setup_teardown(certificates_open_what_their_roles_may, start_secure,
	                                        stop_secure),
	        cmocka_unit_test_setup_teardown(an_unknown_certificate_counts_as_none_and_is_told_why,
	                                        start_secure, stop_secure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
