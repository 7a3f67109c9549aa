#include "base/clock.h"
#include "http/server.h"
#include "net/tls.h"
#include "../tests/lib/http_testing.h"
#include "../tests/lib/tls_pki.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

/* A real server on loopback under hostile peers.  After each attack a good request must be answered. */

#define LARGE (32u << 20)
#define SHORT_MS 400 /* the deadlines of this server */
#define DRIP_MS 50   /* a byte so often: never silent for as long as a deadline */
#define IDLE_WANTED 10000

static RC small(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	return response_bytes(r, "text/plain", SLICE_LIT("good"));
}

static RC take(void *ctx, const struct request *q, struct response *r)
{
	unsigned *taken = ctx;

	(void)__atomic_add_fetch(taken, 1, __ATOMIC_SEQ_CST);
	return response_bytes(r, "text/plain", q->body);
}

static RC large(void *ctx, const struct request *q, struct response *r)
{
	static const uint8_t zeros[LARGE];

	(void)ctx;
	(void)q;
	return response_shared(r, "application/octet-stream", SLICE_ARR(zeros), NULL, NULL);
}

static RC waits(void *ctx, const struct request *q, struct response *r)
{
	if (request_may_wait(q))
		return response_wait(r, 1);
	return small(ctx, q, r);
}

static const struct route routes[] = {
        {GET, "/wait", WHO_ANYONE, NULL, 0, 0, waits, NULL},
        {GET, "/good", WHO_ANYONE, NULL, 0, 0, small, NULL},
        {GET, "/inline", WHO_ANYONE, NULL, 0, HTTP_INLINE, small, NULL},
        {GET, "/crl/{ca}.crl", WHO_ANYONE, NULL, 0, HTTP_INLINE, small, NULL},
        {POST, "/take", WHO_ANYONE, "text/plain", 4096, 0, take, NULL},
        {GET, "/large", WHO_ANYONE, NULL, 0, 0, large, NULL},
};

struct world {
	struct tls_ca own, foreign;
	struct tls_pair server, client, stranger;
	struct tls_server *tls;
	struct http_server *http;
	uint16_t port, tls_port;
	unsigned taken;
};

static void listen_on(struct world *w, const char *name, struct tls_server *tls, uint16_t *port)
{
	assert_true(rc_ok(http_server_listen(
	        w->http, &(struct http_listener){.name = name,
	                                         .address = "127.0.0.1",
	                                         .tls = tls,
	                                         .routes = routes,
	                                         .ctx = &w->taken,
	                                         .route_count = sizeof(routes) / sizeof(routes[0])})));
	*port = http_server_port(w->http, name);
}

static void start_with(struct world *w, const struct http_config *c)
{
	tls_ca_new(&w->own, "own");
	tls_ca_new(&w->foreign, "foreign");
	tls_issue(&w->own, "IP:127.0.0.1", -60, 3600, &w->server);
	tls_issue(&w->own, "URI:urn:uuid:1", -60, 3600, &w->client);
	tls_issue(&w->foreign, "URI:urn:uuid:1", -60, 3600, &w->stranger);
	assert_true(rc_ok(
	        tls_server_new(&(struct tls_config){slice_text(w->server.cert), slice_text(w->server.key),
	                                            slice_text(w->own.pem), TLS_CLIENT_REQUIRE},
	                       &w->tls)));
	assert_true(rc_ok(http_server_new(c, &w->http)));
	listen_on(w, "plain", NULL, &w->port);
	listen_on(w, "tls", w->tls, &w->tls_port);
	assert_true(rc_ok(http_server_start(w->http)));
}

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	start_with(w, &(struct http_config){.loops = 2, .workers = 4});
	*state = w;
	return 0;
}

/* Every deadline but that of the handshake and of idling, so that only the attacked one can strike. */
static int start_hasty(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	start_with(w, &(struct http_config){.loops = 1,
	                                    .workers = 2,
	                                    .handshake_ms = SHORT_MS,
	                                    .header_ms = SHORT_MS,
	                                    .body_ms = SHORT_MS,
	                                    .write_ms = SHORT_MS,
	                                    .write_rate = 1u << 30,
	                                    .linger_ms = SHORT_MS,
	                                    .connections = 50});
	*state = w;
	return 0;
}

static int start_poor(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	start_with(w, &(struct http_config){.loops = 1, .workers = 2, .memory = 200000});
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
	free(w);
	return 0;
}

static void good(const struct world *w)
{
	AUTO_HEARD(h);
	int fd = dial(w->port);

	assert_true(say(fd, "GET /good HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_true(hear(fd, &h, false));
	assert_int_equal(h.status, 200);
	assert_true(slice_is(heard_body(&h), "good"));
	(void)close(fd);
}

/* ---- what is said ---- */

#define TAKE "POST /take HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
#define GOOD "GET /good HTTP/1.1\r\nHost: a\r\n"
static const struct {
	const char *name, *text;
	unsigned status;
} probes[] = {
        {"two different lengths", TAKE "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400},
        {"the same length twice", TAKE "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400},
        {"length and coding", TAKE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"coding and length", TAKE "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
        {"signed length", TAKE "Content-Length: +5\r\n\r\nabcde", 400},
        {"negative length", TAKE "Content-Length: -1\r\n\r\n", 400},
        {"huge length", TAKE "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        {"unknown coding", TAKE "Transfer-Encoding: xchunked\r\n\r\n", 400},
        {"coding behind chunked", TAKE "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
        {"coding before chunked", TAKE "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 400},
        {"coding twice", TAKE "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
         400},
        {"coding with a space before the colon", TAKE "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
        {"coding in HTTP/1.0",
         "POST /take HTTP/1.0\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"space before the colon", "GET /good HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"folded line", GOOD "X: b\r\n c\r\n\r\n", 400},
        {"bare carriage return", "GET /good HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
        {"bare line feed", "GET /good HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"no host", "GET /good HTTP/1.1\r\n\r\n", 400},
        {"two hosts", GOOD "Host: b\r\n\r\n", 400},
        {"not HTTP", "\x16\x03\x01\x02 hello\r\n\r\n", 400},
        {"bad chunk size", TAKE "Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n", 400},
        {"chunk extension", TAKE "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", 400},
        {"trailer", TAKE "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nHost: b\r\n\r\n", 400},
        {"chunk longer than it says", TAKE "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400},
        {"NUL in the path", "GET /crl/a%00.crl HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"broken escape", "GET /crl/%zz.crl HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"broken escape in the query", "GET /good?a=%f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"two spaces", "GET  /good HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"HTTP/0.9", "GET /good\r\n\r\n", 400},
        {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"unknown method", "FROB /good HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"body over the limit, announced", TAKE "Content-Length: 4097\r\n\r\n", 413},
        {"body over the limit in chunks", TAKE "Transfer-Encoding: chunked\r\n\r\nffff\r\n" /* … */, 0},
        {"body where none is taken", GOOD "Content-Length: 1\r\n\r\nx", 413},
        {"wrong media type",
         "POST /take HTTP/1.1\r\nHost: a\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx", 415},
        {"no media type", "POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 415},
        {"incomplete head", GOOD "X: y", 400},
        {"incomplete body", TAKE "Content-Length: 5\r\n\r\nabc", 400},
};

/* Each probe is followed by a request that would show if the server had seen two. */
static void smuggling_gets_one_refusal_and_the_end(void **state)
{
	static const char follow[] = "GET /good HTTP/1.1\r\nHost: smuggled\r\n\r\n";
	struct world *w = *state;
	unsigned codes[8];
	size_t i, n;

	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		bool whole = probes[i].status != 0 && strncmp(probes[i].name, "incomplete", 10) != 0;
		AUTO_BUF(b, 1u << 20);

		buf_text(&b, probes[i].text);
		buf_text(&b, whole ? follow : "");
		n = exchange_raw(w->port, buf_slice(&b), true, codes, 8);
		if (probes[i].status == 0)
			assert_true(n == 1 && (codes[0] == 400 || codes[0] == 413));
		else if (n != 1 || codes[0] != probes[i].status)
			fail_msg("%s: %zu answers, first %u", probes[i].name, n, n > 0 ? codes[0] : 0);
	}
	assert_int_equal(w->taken, 0);
	good(w);
}

static void refusals_that_are_sure_of_the_end_keep_the_connection(void **state)
{
	struct world *w = *state;
	unsigned codes[8];

	assert_int_equal(exchange_raw(w->port,
	                              SLICE_LIT("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
	                                        "DELETE /good HTTP/1.1\r\nHost: a\r\n\r\n" GOOD "\r\n"),
	                              true, codes, 8),
	                 3);
	assert_int_equal(codes[0], 404);
	assert_int_equal(codes[1], 405);
	assert_int_equal(codes[2], 200);
}

static void limits_hold(void **state)
{
	struct world *w = *state;
	AUTO_BUF(b, 1u << 20);
	unsigned codes[4];
	int i;

	buf_text(&b, GOOD "X: ");
	for (i = 0; i < 100000; i++)
		buf_u8(&b, 'a');
	buf_text(&b, "\r\n\r\n");
	assert_int_equal(exchange_raw(w->port, buf_slice(&b), true, codes, 4), 1);
	assert_int_equal(codes[0], 431);
	buf_clear(&b);
	buf_text(&b, "GET /");
	for (i = 0; i < 100000; i++)
		buf_u8(&b, 'a');
	buf_text(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(exchange_raw(w->port, buf_slice(&b), true, codes, 4), 1);
	assert_int_equal(codes[0], 414);
	buf_clear(&b);
	buf_text(&b, GOOD);
	for (i = 0; i < 2000; i++)
		buf_printf(&b, "X%d: a\r\n", i);
	buf_text(&b, "\r\n");
	assert_int_equal(exchange_raw(w->port, buf_slice(&b), true, codes, 4), 1);
	assert_int_equal(codes[0], 431);
	good(w);
}

/* The refusal comes before the body is sent, and the peer that sends it all the same still gets it. */
static void too_large_is_said_before_the_body_is_read(void **state)
{
	static const uint8_t zeros[200000];
	struct world *w = *state;
	AUTO_HEARD(h);
	int fd = dial(w->port);

	assert_true(say(fd, TAKE "Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n"));
	assert_true(hear(fd, &h, false));
	assert_int_equal(h.status, 413);
	(void)close(fd);
	fd = dial(w->port);
	assert_true(say(fd, TAKE "Content-Length: 200000\r\n\r\n"));
	(void)say_bytes(fd, SLICE_ARR(zeros));
	assert_true(hear(fd, &h, false));
	assert_int_equal(h.status, 413);
	(void)close(fd);
	good(w);
}

/* ---- how slowly it is said ---- */

/* Says the head at once, then a byte of the filler every DRIP_MS until the server ends it; false when it
 * still has not after a hundred deadlines.  Statuses heard meanwhile go to *status. */
static bool drip(uint16_t port, const char *head, char filler, unsigned *status)
{
	uint64_t end = clock_mono_ms() + 100 * SHORT_MS;
	AUTO_BUF(got, 1u << 20);
	int fd = dial(port);
	bool ended = false;

	(void)say(fd, head);
	while (!ended && clock_mono_ms() < end) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, DRIP_MS) > 0)
			ended = listen_more(fd, &got) <= 0;
		else if (!say_bytes(fd, slice_of(&filler, 1)))
			ended = true;
	}
	(void)close(fd);
	*status = got.len > 12 && memcmp(got.p, "HTTP/1.1 ", 9) == 0
	                  ? (unsigned)strtoul(buf_cstr(&got) + 9, NULL, 10)
	                  : 0;
	return ended;
}

static void dripping_peers_are_cut_off(void **state)
{
	struct world *w = *state;
	unsigned status;

	assert_true(drip(w->port, GOOD "X: ", 'a', &status));
	assert_int_equal(status, 408);
	assert_true(drip(w->port, "G", 'E', &status));
	assert_int_equal(status, 408);
	assert_true(drip(w->port, TAKE "Content-Length: 4000\r\n\r\n", 'a', &status));
	assert_int_equal(status, 408);
	assert_true(drip(w->port, TAKE "Transfer-Encoding: chunked\r\n\r\n", '0', &status));
	assert_int_equal(status, 408);
	assert_true(
	        drip(w->port, TAKE "Content-Length: 5000\r\n\r\n", 'a', &status)); /* refused, then goes on */
	assert_int_equal(status, 413);
	assert_true(drip(w->tls_port, "\x16\x03\x01\x40", 'a', &status)); /* inside a TLS record */
	assert_int_equal(status, 0);
	assert_true(drip(w->tls_port, "", '\x16', &status));
	assert_int_equal(w->taken, 0);
	good(w);
}

/* Asks for much and reads nothing: after the time of one answer the rest is not sent. */
static void slow_readers_are_cut_off(void **state)
{
	struct world *w = *state;
	AUTO_BUF(got, 64u << 20);
	int fd = dial(w->port), tiny = 4096, i;
	struct pollfd p = {.fd = fd};

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny));
	for (i = 0; i < 50; i++)
		assert_true(say(fd, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"));
	good(w);
	/* The server's reset shows without reading; reading would be the opposite of the attack. */
	assert_true(poll(&p, 1, 1000 * TESTING_PATIENCE) > 0);
	while (listen_more(fd, &got) > 0)
		;
	assert_true(got.len < LARGE);
	(void)close(fd);
	good(w);
}

/* ---- how it ends ---- */

static void resets_and_half_closed_connections_do_no_harm(void **state)
{
	static const uint8_t body[500];
	struct world *w = *state;
	struct linger now = {.l_onoff = 1};
	size_t i;

	for (i = 0; i < 300; i++) {
		int fd = dial(w->port);

		(void)say(fd, i % 3 == 0 ? "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
		                         : TAKE "Content-Length: 500\r\n\r\n");
		(void)say_bytes(fd, slice_of(body, i));
		if (i % 2 == 1)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		else
			(void)shutdown(fd, SHUT_WR);
		(void)close(fd);
	}
	good(w);
}

static void a_half_closed_pipeline_is_answered_to_the_end(void **state)
{
	struct world *w = *state;
	AUTO_BUF(b, 1u << 20);
	unsigned codes[200];
	size_t i, n;

	for (i = 0; i < 100; i++)
		buf_text(&b, i % 2 == 0 ? GOOD "\r\n" : "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n");
	n = exchange_raw(w->port, buf_slice(&b), true, codes, 200);
	assert_int_equal(n, 100);
	for (i = 0; i < n; i++)
		assert_int_equal(codes[i], 200);
	n = exchange_raw(w->port, SLICE_LIT("GET /good HTTP/1.0\r\n\r\nGET /good HTTP/1.0\r\n\r\n"), true,
	                 codes, 200);
	assert_int_equal(n, 1);
	n = exchange_raw(w->port, SLICE_NONE, true, codes, 200);
	assert_int_equal(n, 0);
}

/* A pipeline of thousands: answered in order, without deep recursion and with bounded memory. */
static void a_long_pipeline_is_answered(void **state)
{
	struct world *w = *state;
	AUTO_BUF(b, 4u << 20);
	static unsigned codes[20001];
	size_t i, n;

	for (i = 0; i < 20000; i++)
		buf_text(&b, "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n");
	{
		AUTO_BUF(all, 64u << 20);
		int fd = dial(w->port);
		size_t sent = 0;
		const char *at;

		while (sent < b.len || all.len == 0) { /* read and write by turns, as a fair client */
			struct pollfd p = {.fd = fd,
			                   .events = (short)(POLLIN | (sent < b.len ? POLLOUT : 0))};

			assert_true(poll(&p, 1, 1000 * TESTING_PATIENCE) > 0);
			if ((p.revents & POLLIN) != 0)
				assert_true(listen_more(fd, &all) > 0);
			if ((p.revents & POLLOUT) != 0) {
				ssize_t k = send(fd, b.p + sent, b.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

				assert_true(k > 0 || errno == EAGAIN);
				sent += k > 0 ? (size_t)k : 0;
			}
		}
		(void)shutdown(fd, SHUT_WR);
		while (listen_more(fd, &all) > 0)
			;
		(void)close(fd);
		for (n = 0, at = buf_cstr(&all); n < 20001 && (at = strstr(at, "HTTP/1.1 ")) != NULL; at += 9)
			codes[n++] = (unsigned)strtoul(at + 9, NULL, 10);
	}
	assert_int_equal(n, 20000);
	for (i = 0; i < n; i++)
		assert_int_equal(codes[i], 200);
}

/* ---- how many ---- */

static size_t raise_files(size_t wanted)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	if (r.rlim_cur < wanted) {
		r.rlim_cur = wanted;
		r.rlim_max = r.rlim_max < wanted ? wanted : r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
		if (r.rlim_cur < wanted && r.rlim_cur < r.rlim_max) {
			r.rlim_cur = r.rlim_max;
			(void)setrlimit(RLIMIT_NOFILE, &r);
			assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
		}
	}
	return r.rlim_cur;
}

static bool still_open(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* The child: opens them, says so, waits to be asked, tells how many are still open. */
static void hold_idle(uint16_t port, uint32_t want, int fd)
{
	static int fds[IDLE_WANTED];
	struct linger now = {.l_onoff = 1}; /* leaves no port behind for the next run to miss */
	uint32_t n, open = 0;
	char from[32], go;

	for (n = 0; n < want; n++) {
		(void)snprintf(from, sizeof(from), "127.0.0.%u", 2 + n / 5000);
		fds[n] = dial_from(from, port);
		if (fds[n] < 0)
			break;
		(void)setsockopt(fds[n], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		if (n % 3 == 1)
			(void)say(fds[n], "GET /go"); /* some have begun */
	}
	(void)!write(fd, &n, sizeof(n));
	(void)!read(fd, &go, 1);
	while (n > 0)
		open += still_open(fds[--n]);
	(void)!write(fd, &open, sizeof(open));
	_exit(0);
}

static void ten_thousand_idle_connections_do_not_matter(void **state)
{
	struct world *w = *state;
	size_t limit = raise_files(IDLE_WANTED + 500);
	uint32_t want = limit - 300 < IDLE_WANTED ? (uint32_t)limit - 300 : IDLE_WANTED, held = 0, open = 0;
	int fd[2], i;
	pid_t child;

	if (want < IDLE_WANTED)
		print_message("   only %u idle connections: %zu files may be open\n", want, limit);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		hold_idle(w->port, want, fd[1]);
	(void)close(fd[1]);
	assert_int_equal(read(fd[0], &held, sizeof(held)), sizeof(held));
	assert_int_equal(held, want);
	for (i = 0; i < 50; i++)
		good(w);
	assert_int_equal(write(fd[0], "?", 1), 1);
	assert_int_equal(read(fd[0], &open, sizeof(open)), sizeof(open));
	assert_int_equal(open, want);
	assert_int_equal(waitpid(child, NULL, 0), child);
	(void)close(fd[0]);
	good(w);
}

/* start_hasty allows fifty connections: the next are closed at once, and there is room again afterwards. */
static void connections_over_the_limit_are_closed(void **state)
{
	struct world *w = *state;
	AUTO_BUF(b, 1u << 20);
	int fd[60], i;

	for (i = 0; i < 50; i++)
		fd[i] = dial(w->port);
	for (i = 50; i < 60; i++) {
		fd[i] = dial(w->port);
		assert_true(listen_more(fd[i], &b) <= 0);
	}
	for (i = 0; i < 60; i++)
		(void)close(fd[i]);
	for (i = 0; i < 200; i++) { /* closing takes a moment; each good request closes its own */
		AUTO_HEARD(h);
		int again = dial(w->port);
		bool heard = say(again, GOOD "\r\n") && hear(again, &h, false);

		(void)close(again);
		if (heard)
			return;
		(void)poll(NULL, 0, 20);
	}
	fail_msg("no room again");
}

/* Many peers that send most of a body and stop: memory for all of them together is limited. */
static void half_sent_bodies_share_a_limit(void **state)
{
	static const uint8_t zeros[4000];
	struct world *w = *state;
	AUTO_HEARD(h);
	int fd[200], i, refused = 0;

	for (i = 0; i < 200; i++) {
		fd[i] = dial(w->port);
		assert_true(say(fd[i], TAKE "Content-Length: 4096\r\n\r\n"));
		assert_true(say_bytes(fd[i], SLICE_ARR(zeros)));
	}
	for (i = 0; i < 200; i++) /* what is not refused completes its body */
		(void)say_bytes(fd[i], slice_of(zeros, 96));
	for (i = 0; i < 200; i++) {
		assert_true(hear(fd[i], &h, false));
		assert_true(h.status == 200 || h.status == 503);
		refused += h.status == 503;
		(void)close(fd[i]);
	}
	assert_true(refused > 0 && refused < 200);
	good(w);
}

/* The same while their first request is being worked on: the answer finds nobody and does no harm. */
static void a_flood_behind_a_waiting_request_is_cut_off(void **state)
{
	static uint8_t junk[60000];
	struct world *w = *state;
	AUTO_BUF(b, 1u << 20);
	int fd[20], i, cut = 0;

	memset(junk, 'G', sizeof(junk));
	for (i = 0; i < 20; i++) {
		fd[i] = dial(w->port);
		assert_true(say(fd[i], "GET /wait?wait=1 HTTP/1.1\r\nHost: a\r\n\r\n"));
	}
	for (i = 0; i < 20; i++)
		(void)say_bytes(fd[i], SLICE_ARR(junk));
	for (i = 0; i < 20; i++) {
		buf_clear(&b);
		while (listen_more(fd[i], &b) > 0)
			;
		cut += find_text(buf_slice(&b), "HTTP/1.1 200 ") == NULL;
		(void)close(fd[i]);
	}
	assert_true(cut > 0);
	good(w);
	http_server_stop(w->http);
}

/* ---- TLS ---- */

static void tls_garbage_does_no_harm(void **state)
{
	struct world *w = *state;
	uint8_t noise[300];
	unsigned seed = 1;
	size_t i, k;

	for (i = 0; i < 200; i++) {
		AUTO_BUF(b, 1u << 20);
		int fd = dial(w->tls_port);

		for (k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)rand_r(&seed);
		if (i % 2 == 0)
			memcpy(noise, "\x16\x03\x01\x01\x00\x01", 6);
		(void)say_bytes(fd, SLICE_ARR(noise));
		if (i % 4 != 0)
			(void)shutdown(fd, SHUT_WR);
		if (i % 4 != 0)
			while (listen_more(fd, &b) > 0)
				;
		assert_null(find_text(buf_slice(&b), "HTTP"));
		(void)close(fd);
	}
	good(w);
}

static void plain_http_gets_nothing_from_a_tls_port(void **state)
{
	struct world *w = *state;
	unsigned codes[2];

	assert_int_equal(exchange_raw(w->tls_port, SLICE_LIT(GOOD "\r\n"), true, codes, 2), 0);
	good(w);
}

/* The status over TLS, 0 when the server does not let the certificate in. */
static unsigned over_tls(struct world *w, const struct tls_pair *pair, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char got[1000] = "";
	unsigned status = 0;
	int fd = dial(w->tls_port), n;
	SSL *ssl;

	SSL_CTX_set_max_proto_version(ctx, version);
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
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	if (SSL_connect(ssl) == 1 && SSL_write(ssl, GOOD "\r\n", (int)strlen(GOOD "\r\n")) > 0) {
		n = SSL_read(ssl, got, sizeof(got) - 1);
		status = n > 12 ? (unsigned)strtoul(got + 9, NULL, 10) : 0;
	}
	SSL_free(ssl);
	(void)close(fd);
	return status;
}

/* R08.2 */
static void only_certificates_of_our_authorities_get_in(void **state)
{
	struct world *w = *state;

	assert_int_equal(over_tls(w, &w->client, TLS1_3_VERSION), 200);
	assert_int_equal(over_tls(w, &w->client, TLS1_2_VERSION), 200);
	assert_int_equal(over_tls(w, NULL, TLS1_3_VERSION), 0);
	assert_int_equal(over_tls(w, NULL, TLS1_2_VERSION), 0);
	assert_int_equal(over_tls(w, &w->stranger, TLS1_3_VERSION), 0);
	assert_int_equal(over_tls(w, &w->stranger, TLS1_2_VERSION), 0);
	good(w);
}

/* Cuts the stream of a good client at every hundredth byte. */
static void tls_connections_may_break_anywhere(void **state)
{
	struct world *w = *state;
	size_t cut;

	for (cut = 0; cut < 3000; cut += 100) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
		SSL *ssl = SSL_new(ctx);
		int fd = dial(w->tls_port), i;
		size_t sent = 0;

		SSL_set_bio(ssl, in, out);
		SSL_set_connect_state(ssl);
		for (i = 0; i < 4 && sent < cut; i++) {
			AUTO_BUF(b, 1u << 20);
			struct pollfd p = {.fd = fd, .events = POLLIN};
			char *bytes;
			long n;

			(void)SSL_do_handshake(ssl);
			n = BIO_get_mem_data(out, &bytes);
			n = n > (long)(cut - sent) ? (long)(cut - sent) : n;
			(void)say_bytes(fd, slice_of(bytes, (size_t)n));
			sent += (size_t)n;
			(void)BIO_reset(out);
			if (poll(&p, 1, 20) > 0 && listen_more(fd, &b) > 0)
				(void)BIO_write(in, b.p, (int)b.len);
		}
		(void)close(fd);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
	}
	good(w);
	assert_int_equal(over_tls(w, &w->client, TLS1_3_VERSION), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(smuggling_gets_one_refusal_and_the_end, start, stop),
	        cmocka_unit_test_setup_teardown(refusals_that_are_sure_of_the_end_keep_the_connection, start,
	                                        stop),
	        cmocka_unit_test_setup_teardown(limits_hold, start, stop),
	        cmocka_unit_test_setup_teardown(too_large_is_said_before_the_body_is_read, start, stop),
	        cmocka_unit_test_setup_teardown(dripping_peers_are_cut_off, start_hasty, stop),
	        cmocka_unit_test_setup_teardown(slow_readers_are_cut_off, start_hasty, stop),
	        cmocka_unit_test_setup_teardown(resets_and_half_closed_connections_do_no_harm, start, stop),
	        cmocka_unit_test_setup_teardown(a_half_closed_pipeline_is_answered_to_the_end, start, stop),
	        cmocka_unit_test_setup_teardown(a_long_pipeline_is_answered, start, stop),
	        cmocka_unit_test_setup_teardown(ten_thousand_idle_connections_do_not_matter, start, stop),
	        cmocka_unit_test_setup_teardown(connections_over_the_limit_are_closed, start_hasty, stop),
	        cmocka_unit_test_setup_teardown(half_sent_bodies_share_a_limit, start_poor, stop),
	        cmocka_unit_test_setup_teardown(a_flood_behind_a_waiting_request_is_cut_off, start_poor,
	                                        stop),
	        cmocka_unit_test_setup_teardown(tls_garbage_does_no_harm, start, stop),
	        cmocka_unit_test_setup_teardown(plain_http_gets_nothing_from_a_tls_port, start, stop),
	        cmocka_unit_test_setup_teardown(only_certificates_of_our_authorities_get_in, start, stop),
	        cmocka_unit_test_setup_teardown(tls_connections_may_break_anywhere, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
