#include "http/management.h"
#include "http/metrics.h"
#include "http/server.h"
#include "../tests/lib/http_testing.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- a strict reader of the exposition format 0.0.4, written from its description ---- */

#define FAMILIES 200
struct seen {
	char name[128], type[16];
	bool help;
};
struct page {
	struct seen families[FAMILIES];
	size_t count;
};

static struct seen *family_of(struct page *p, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (strlen(p->families[i].name) == len && memcmp(p->families[i].name, name, len) == 0)
			return &p->families[i];
	return NULL;
}

static size_t name_length(const char *s, bool label)
{
	size_t n = 0;

	while (isalpha((unsigned char)s[n]) || s[n] == '_' || (s[n] == ':' && !label) ||
	       (n > 0 && isdigit((unsigned char)s[n])))
		n++;
	return n;
}

static void read_comment(struct page *p, const char *line)
{
	bool help = strncmp(line, "# HELP ", 7) == 0;
	size_t n = name_length(line + 7, false);
	struct seen *f;

	assert_true(help || strncmp(line, "# TYPE ", 7) == 0);
	assert_true(n > 0 && n < sizeof(f->name) && line[7 + n] == ' ');
	f = family_of(p, line + 7, n);
	if (help) { /* HELP comes first, once */
		assert_null(f);
		assert_true(p->count < FAMILIES);
		f = &p->families[p->count++];
		memcpy(f->name, line + 7, n);
		f->help = true;
		return;
	}
	assert_ptr_equal(f, &p->families[p->count - 1]);
	assert_int_equal(f->type[0], '\0');
	assert_true(strlen(line + 8 + n) < sizeof(f->type));
	memcpy(f->type, line + 8 + n, strlen(line + 8 + n));
	assert_true(strcmp(f->type, "counter") == 0 || strcmp(f->type, "gauge") == 0 ||
	            strcmp(f->type, "histogram") == 0);
}

/* Behind the labels. */
static const char *read_labels(const char *s)
{
	size_t n;

	for (s++; *s != '}'; s += *s == ',') {
		n = name_length(s, true);
		assert_true(n > 0 && s[n] == '=' && s[n + 1] == '"');
		for (s += n + 2; *s != '"'; s++) {
			assert_int_not_equal(*s, '\0');
			if (*s == '\\') {
				s++;
				assert_true(*s == '\\' || *s == '"' || *s == 'n');
			}
		}
		s++;
		assert_true(*s == ',' || *s == '}');
	}
	return s + 1;
}

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t k = strlen(suffix);

	return n > k && memcmp(s + n - k, suffix, k) == 0;
}

/* A sample stands under its own family: name, or name_bucket, _sum, _count of a histogram. */
static void read_sample(struct page *p, const char *line)
{
	size_t n = name_length(line, false);
	const struct seen *f = &p->families[p->count - 1];
	const char *s = line + n;
	char *end;

	assert_true(p->count > 0 && n > 0);
	if (strcmp(f->type, "histogram") == 0)
		n -= ends_with(line, n, "_bucket")  ? 7
		     : ends_with(line, n, "_sum")   ? 4
		     : ends_with(line, n, "_count") ? 6
		                                    : 0;
	assert_ptr_equal(family_of(p, line, n), f);
	if (*s == '{')
		s = read_labels(s);
	assert_int_equal(*s, ' ');
	assert_true(isdigit((unsigned char)s[1]) || strchr("+-N", s[1]) != NULL);
	(void)strtod(s + 1, &end);
	assert_int_equal(*end, '\0');
}

static void read_page(struct page *p, char *text)
{
	char *line = text, *end;

	memset(p, 0, sizeof(*p));
	while (*line != '\0') {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (*line == '#')
			read_comment(p, line);
		else
			read_sample(p, line);
		*end = '\n';
		line = end + 1;
	}
}

/* The value of the sample with exactly this name and labels; NaN when it is not there. */
static double value(const char *text, const char *series)
{
	const char *at = text;
	size_t n = strlen(series);

	while (at != NULL && !(strncmp(at, series, n) == 0 && at[n] == ' ')) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	return at != NULL ? strtod(at + n, NULL) : (double)NAN;
}

/* ---- tests ---- */

static const char *const kinds[] = {"sign", "verify", "a \"quoted\\ one\n", NULL};
static const char *const results[] = {"ok", "failed", NULL};
static const double bounds[] = {0.1, 1, 2.5};

static void families_are_counted_and_written(void **state)
{
	AUTO(metrics, m, NULL);
	struct metric *plain, *labelled, *gauge, *times;
	AUTO_BUF(b, METRICS_TEXT_MAX);
	struct page p;

	(void)state;
	assert_true(rc_ok(metrics_new(&m)));
	assert_true(rc_ok(metrics_add(
	        m, &(struct metric_spec){.name = "things_total", .help = "Things\\ of\nany kind"}, &plain)));
	assert_true(rc_ok(metrics_add(m,
	                              &(struct metric_spec){.name = "operations_total",
	                                                    .help = "Operations",
	                                                    .labels = {{"kind", kinds}, {"result", results}}},
	                              &labelled)));
	assert_true(rc_ok(metrics_add(m,
	                              &(struct metric_spec){.kind = METRIC_GAUGE,
	                                                    .name = "not_after_timestamp_seconds",
	                                                    .help = "End"},
	                              &gauge)));
	assert_true(rc_ok(metrics_add(m,
	                              &(struct metric_spec){.kind = METRIC_HISTOGRAM,
	                                                    .name = "duration_seconds",
	                                                    .help = "Time",
	                                                    .labels = {{"result", results}},
	                                                    .bounds = bounds,
	                                                    .bound_count = 3},
	                              &times)));
	metric_count(plain, 3, NULL);
	metric_count(labelled, 1, (unsigned[]){0, 1});
	metric_count(labelled, 5, (unsigned[]){2, 0});
	metric_count(labelled, 7, (unsigned[]){3, 0}); /* there is no such label */
	metric_set(gauge, 1800000000.25, NULL);
	metric_move(gauge, -1, NULL);
	metric_observe(times, 0.1, (unsigned[]){0});
	metric_observe(times, 2, (unsigned[]){0});
	metric_observe(times, 99, (unsigned[]){0});
	metric_observe(times, NAN, (unsigned[]){0});
	metric_count(NULL, 1, NULL);
	metric_count(gauge, 1, NULL); /* not a counter */
	metrics_write(m, &b);
	metrics_family(&b, METRIC_GAUGE, "crl_entries", "Entries");
	metrics_sample(&b, "crl_entries", 12, "ca", "a\"b", NULL);
	assert_true(rc_ok(buf_done(&b)));
	read_page(&p, (char *)(uintptr_t)buf_cstr(&b));
	assert_int_equal(p.count, 5);
	assert_true(value(buf_cstr(&b), "yuandian_things_total") == 3);
	assert_true(value(buf_cstr(&b), "yuandian_operations_total{kind=\"sign\",result=\"failed\"}") == 1);
	assert_true(value(buf_cstr(&b),
	                  "yuandian_operations_total{kind=\"a \\\"quoted\\\\ one\\n\",result=\"ok\"}") == 5);
	assert_true(isnan(value(buf_cstr(&b), "yuandian_operations_total{kind=\"verify\",result=\"ok\"}")));
	assert_true(value(buf_cstr(&b), "yuandian_not_after_timestamp_seconds") == 1799999999.25);
	assert_true(value(buf_cstr(&b), "yuandian_duration_seconds_bucket{result=\"ok\",le=\"0.1\"}") == 1);
	assert_true(value(buf_cstr(&b), "yuandian_duration_seconds_bucket{result=\"ok\",le=\"1\"}") == 1);
	assert_true(value(buf_cstr(&b), "yuandian_duration_seconds_bucket{result=\"ok\",le=\"2.5\"}") == 2);
	assert_true(value(buf_cstr(&b), "yuandian_duration_seconds_bucket{result=\"ok\",le=\"+Inf\"}") == 3);
	assert_true(value(buf_cstr(&b), "yuandian_duration_seconds_sum{result=\"ok\"}") == 101.1);
	assert_true(value(buf_cstr(&b), "yuandian_duration_seconds_count{result=\"ok\"}") == 3);
	assert_true(value(buf_cstr(&b), "yuandian_crl_entries{ca=\"a\\\"b\"}") == 12);
}

static void bad_declarations_are_bugs(void **state)
{
	static const double falling[] = {2, 1};
	static const char *const none[] = {NULL};
	const struct metric_spec bad[] = {
	        {.name = "", .help = ""},
	        {.name = "Up", .help = ""},
	        {.name = "a-b", .help = ""},
	        {.name = "1a", .help = ""},
	        {.name = "a", .help = "", .labels = {{"__a", kinds}}},
	        {.name = "a", .help = "", .labels = {{"a", none}}},
	        {.kind = METRIC_HISTOGRAM, .name = "a", .help = ""},
	        {.name = "a", .help = "", .bounds = bounds, .bound_count = 3},
	        {.kind = METRIC_HISTOGRAM, .name = "a", .help = "", .bounds = falling, .bound_count = 2},
	};
	AUTO(metrics, m, NULL);
	struct metric *f;
	size_t i;

	(void)state;
	assert_true(rc_ok(metrics_new(&m)));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(metrics_add(m, &bad[i], &f).code, RC_BUG);
	assert_true(rc_ok(metrics_add(m, &(struct metric_spec){.name = "a", .help = ""}, &f)));
	assert_int_equal(metrics_add(m, &(struct metric_spec){.name = "a", .help = ""}, &f).code, RC_BUG);
}

#define ROUNDS 20000
static void *count_much(void *arg)
{
	struct metric **f = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		metric_count(f[0], 1, NULL);
		metric_move(f[1], 1, NULL);
		metric_observe(f[2], 1, NULL);
	}
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	AUTO(metrics, m, NULL);
	AUTO_BUF(b, METRICS_TEXT_MAX);
	struct metric *f[3];
	pthread_t t[4];
	int i;

	(void)state;
	assert_true(rc_ok(metrics_new(&m)));
	assert_true(rc_ok(metrics_add(m, &(struct metric_spec){.name = "a", .help = ""}, &f[0])));
	assert_true(rc_ok(
	        metrics_add(m, &(struct metric_spec){.kind = METRIC_GAUGE, .name = "b", .help = ""}, &f[1])));
	assert_true(rc_ok(metrics_add(m,
	                              &(struct metric_spec){.kind = METRIC_HISTOGRAM,
	                                                    .name = "c",
	                                                    .help = "",
	                                                    .bounds = bounds,
	                                                    .bound_count = 3},
	                              &f[2])));
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count_much, f), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	metrics_write(m, &b);
	assert_true(value(buf_cstr(&b), "yuandian_a") == 4 * ROUNDS);
	assert_true(value(buf_cstr(&b), "yuandian_b") == 4 * ROUNDS);
	assert_true(value(buf_cstr(&b), "yuandian_c_sum") == 4 * ROUNDS);
	assert_true(value(buf_cstr(&b), "yuandian_c_count") == 4 * ROUNDS);
}

/* ---- the management listener of a running server ---- */

struct health {
	bool sick;
};

static RC check(void *ctx, size_t i, const char **name)
{
	const struct health *h = ctx;
	static const char *const names[] = {"database", "signer"};

	if (i >= 2)
		return OK;
	*name = names[i];
	NEED(i == 0 || !h->sick, RC_BUSY, "the signer is locked");
	return OK;
}

static void extra(void *ctx, struct buf *out)
{
	(void)ctx;
	metrics_family(out, METRIC_GAUGE, "db_up", "Database");
	metrics_sample(out, "db_up", 1, NULL);
}

static void get(uint16_t port, const char *path, unsigned status, struct heard *h)
{
	AUTO_BUF(b, 1000);
	int fd = dial(port);

	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	assert_true(say_bytes(fd, buf_slice(&b)));
	assert_true(hear(fd, h, false));
	assert_int_equal(h->status, status);
	(void)close(fd);
}

static void management_tells_how_it_is(void **state)
{
	AUTO(metrics, m, NULL);
	AUTO(http_server, s, NULL);
	struct health health = {.sick = true};
	struct management g = {.extra = extra, .ready = check, .ctx = &health};
	AUTO_HEARD(h);
	struct page p;
	uint16_t port;
	char *body;

	(void)state;
	assert_true(rc_ok(metrics_new(&m)));
	g.metrics = m;
	assert_true(
	        rc_ok(http_server_new(&(struct http_config){.loops = 1, .workers = 2, .metrics = m}, &s)));
	assert_true(rc_ok(http_server_listen(s, &(struct http_listener){.name = "management",
	                                                                .address = "127.0.0.1",
	                                                                .routes = management_routes,
	                                                                .route_count = MANAGEMENT_ROUTES,
	                                                                .ctx = &g})));
	assert_true(rc_ok(http_server_start(s)));
	port = http_server_port(s, "management");
	get(port, "/livez", 200, &h);
	get(port, "/readyz", 503, &h);
	assert_true(slice_is(heard_body(&h), "{\"status\":\"not-ready\"}"));
	get(port, "/readyz?verbose", 503, &h);
	assert_true(heard_has(
	        &h, "{\"name\":\"database\",\"ok\":true},{\"name\":\"signer\",\"ok\":false,\"code\":\"busy\","
	            "\"detail\":\"the signer is locked\"}"));
	health.sick = false;
	get(port, "/readyz", 200, &h);
	get(port, "/nowhere/serial/1234", 404, &h);
	get(port, "/metrics", 200, &h);
	assert_true(heard_has(&h, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	buf_u8(&h.bytes, 0);
	body = (char *)h.bytes.p + h.head;
	read_page(&p, body);
	assert_true(
	        value(body, "yuandian_http_requests_total{route=\"/readyz\",method=\"GET\",code=\"503\"}") ==
	        2);
	assert_true(
	        value(body, "yuandian_http_requests_total{route=\"/readyz\",method=\"GET\",code=\"200\"}") ==
	        1);
	assert_true(value(body,
	                  "yuandian_http_requests_total{route=\"other\",method=\"GET\",code=\"404\"}") == 1);
	assert_true(value(body, "yuandian_http_request_duration_seconds_count{route=\"/readyz\"}") == 3);
	assert_true(value(body, "yuandian_http_connections_total{listener=\"management\"}") == 6);
	assert_true(value(body, "yuandian_db_up") == 1);
	assert_null(strstr(body, "serial"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(families_are_counted_and_written),
	        cmocka_unit_test(bad_declarations_are_bugs),
	        cmocka_unit_test(threads_lose_no_count),
	        cmocka_unit_test(management_tells_how_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
