#include "base/mem.h"
#include "http/client.h"
#include "http/exchange.h"
#include "net/tls.h"
#include "../tests/lib/tls_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Every allocation fails once: no crash, no leak (the address sanitizer looks), and the result is either
 * right or says that memory ran out. */
static void torture(struct rc (*run)(void *ctx), void *ctx, size_t least)
{
	size_t n, failures = 0;
	struct rc rc = {RC_NOMEM};

	for (n = 1; n < 10000; n++) {
		(void)mem_fail_after(n);
		rc = run(ctx);
		if (mem_fail_after(0) < n)
			break; /* it needed fewer */
		if (rc_ok(rc))
			continue; /* it could do without */
		if (rc.code != RC_NOMEM)
			fail_msg("allocation %zu: %s: %s", n, rc_name(rc.code), rc_last()->text);
		failures++;
	}
	if (!rc_ok(rc))
		fail_msg("without failure: %s", rc_last()->text);
	assert_true(failures >= least);
}

static RC never(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	(void)r;
	FAIL(RC_BUG, "never called");
}

static const struct route routes[] = {
        {POST, "/v1/x/{id}", WHO_ANYONE, "text/plain", 100, 0, never, NULL},
        {GET, "/v1/x/{id}", 1, NULL, 0, 0, never, NULL},
};

/* ---- one exchange, as a loop would have it ---- */

struct table {
	struct http_server server;
	struct http_loop loop;
	struct http_port port;
};

static struct exchange *open_exchange(struct table *t)
{
	struct exchange *x = exchange_new(&t->loop);
	struct peer_hold *p = mem_new(1, sizeof(*p));

	if (x == NULL || p == NULL) {
		mem_free(p);
		if (x != NULL)
			exchange_destroy(x);
		return NULL;
	}
	p->holders = 1;
	x->peer = p;
	x->port = &t->port;
	return x;
}

/* The next run starts with nothing kept. */
static void close_exchange(struct table *t, struct exchange *x)
{
	exchange_free(x);
	x = t->loop.spare;
	t->loop.spare = NULL;
	t->loop.spare_count = 0;
	exchange_destroy(x);
}

static RC take_post(struct table *t, struct exchange *x)
{
	size_t used;
	bool done;

	(void)t;
	TRY(exchange_begin(
	        x, SLICE_LIT("POST /v1/x/a%20b?c=d HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
	                     "Content-Length: 3\r\n\r\n")));
	TRY(http_parse_body(&x->parser, &x->head, SLICE_LIT("abc"), 100, &x->body, &used, &done));
	response_created(&x->response, "/v1/x/1");
	TRY(response_json(&x->response, json_pack("{s:s}", "id", "1")));
	exchange_render(x);
	TRY(buf_done(&x->response.extra));
	return buf_done(&x->out);
}

static RC good_post(void *ctx)
{
	struct table *t = ctx;
	struct exchange *x = open_exchange(t);
	struct rc rc;

	NEED(x != NULL, RC_NOMEM, "no exchange");
	rc = take_post(t, x);
	close_exchange(t, x);
	return rc;
}

/* A refusal whose body cannot be made is still a refusal: the status alone. */
static RC refused_get(void *ctx)
{
	struct table *t = ctx;
	struct exchange *x = open_exchange(t);
	struct rc rc;

	NEED(x != NULL, RC_NOMEM, "no exchange");
	rc = exchange_begin(x, SLICE_LIT("GET /v1/x/a HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_false(rc_ok(rc));
	exchange_refuse(x);
	exchange_render(x);
	assert_true(x->response.status == 401 || x->response.status == 503);
	rc = buf_done(&x->out);
	close_exchange(t, x);
	return rc;
}

static void exchanges_survive_lack_of_memory(void **state)
{
	static struct table t;

	(void)state;
	t.server.config.memory = 1u << 20;
	t.loop.server = &t.server;
	t.port.spec = (struct http_listener){.routes = routes, .route_count = 2};
	torture(good_post, &t, 5);
	torture(refused_get, &t, 3);
}

/* ---- what is made once ---- */

static RC make_metrics(void *ctx)
{
	static const char *const kinds[] = {"a", "b", NULL};
	static const double bounds[] = {1, 2};
	AUTO(metrics, m, NULL);
	AUTO_BUF(b, METRICS_TEXT_MAX);
	struct metric *f;

	(void)ctx;
	TRY(metrics_new(&m));
	TRY(metrics_add(m, &(struct metric_spec){.name = "a", .help = "b", .labels = {{"k", kinds}}}, &f));
	TRY(metrics_add(m,
	                &(struct metric_spec){.kind = METRIC_HISTOGRAM,
	                                      .name = "c",
	                                      .help = "d",
	                                      .bounds = bounds,
	                                      .bound_count = 2},
	                &f));
	metric_observe(f, 1.5, NULL);
	metrics_write(m, &b);
	return buf_done(&b);
}

static RC make_server(void *ctx)
{
	AUTO(metrics, m, NULL);
	AUTO(http_server, s, NULL);
	struct http_listener l = {.name = "a", .address = "127.0.0.1", .routes = routes, .route_count = 2};

	(void)ctx;
	TRY(metrics_new(&m));
	TRY(http_server_new(&(struct http_config){.loops = 2, .workers = 2, .metrics = m}, &s));
	TRY(http_server_listen(s, &l));
	TRY(http_server_start(s));
	http_server_stop(s);
	return OK;
}

static RC make_client(void *ctx)
{
	AUTO(http_client, c, NULL);

	(void)ctx;
	return http_client_new(&(struct http_client_config){.base_url = "https://a",
	                                                    .certificate_path = "a",
	                                                    .key_path = "b",
	                                                    .key_password = "c",
	                                                    .authorities = SLICE_LIT("d")},
	                       &c);
}

static RC make_tls(void *ctx)
{
	const struct tls_config *c = ctx;
	AUTO(tls_server, s, NULL);
	AUTO(tls, t, NULL);

	TRY(tls_server_new(c, &s));
	return tls_new(s, &t);
}

static void making_survives_lack_of_memory(void **state)
{
	struct tls_ca ca;
	struct tls_pair pair;
	struct tls_config c;

	(void)state;
	tls_ca_new(&ca, "own");
	tls_issue(&ca, "IP:127.0.0.1", -60, 3600, &pair);
	c = (struct tls_config){slice_text(pair.cert), slice_text(pair.key), slice_text(ca.pem),
	                        TLS_CLIENT_REQUIRE};
	torture(make_metrics, NULL, 10);
	torture(make_server, NULL, 10);
	torture(make_client, NULL, 5);
	torture(make_tls, &c, 2);
	tls_ca_free(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(exchanges_survive_lack_of_memory),
	        cmocka_unit_test(making_survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
