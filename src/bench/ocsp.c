/* ocsp.fresh: POST /ocsp with a nonce, each answer signed for its request; ocsp.cached: without one, a hot
 * set of certificates of which few are asked for often (Zipf), beside nginx with a file of the same size;
 * ocsp.uniform_10m: without one, each of ten million as often.  Responder and signer share one processor, the
 * client has another. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "bench/approved.h"
#include "bench/filled.h"
#include "bench/load.h"
#include "bench/measure.h"
#include "bench/nginx.h"
#include "bench/peer.h"
#include "bench/visible.h"
#include "pki/ocsp.h"

#define SERIALS 64
#define CLIENTS 64
#define WINDOW 3.0
#define WARM 5.0
#define ROUNDS 3
#define HOT 100000
#define MANY 10000000
#define DRAWS (1u << 20) /* certificates in the order in which they are asked for; then again */
#define SERVER_CPU 0
#define CLIENT_CPU 1
#define NONCE 16
#define KNOWN_SECONDS 30 /* until status has heard of the certificates */
#define URL_MAX 160

struct desk {
	char base[URL_MAX], path[URL_MAX];
	struct buf ca_der;
	struct cert ca;
	struct ocsp_issuer issuer;
	struct buf serial[SERIALS];
	size_t count;
};

/* The signing certificate's serial out of a result of the CA. */
static void take_serial(void *arg, const json_t *result)
{
	struct desk *d = arg;
	struct slice text;

	if (d->count >= SERIALS || !rc_ok(json_get_text(result, "serial", CERT_SERIAL_TEXT, &text)))
		return;
	d->serial[d->count] = BUF(CERT_SERIAL_MAX);
	if (rc_ok(cert_serial_from_text(text, &d->serial[d->count])))
		d->count++;
}

static RC issue_some(const struct platform *p, struct desk *d)
{
	struct approved_list list = {.at = NULL};
	struct wire_identity *identity = NULL;
	struct wire *w = NULL;
	const char *url;
	size_t issued = 0;
	struct rc rc = approved_new(p, SERIALS, &list);

	if (rc_ok(rc))
		rc = ra_identity(p, &identity, &url);
	if (rc_ok(rc))
		rc = wire_open(url, identity, &w);
	if (rc_ok(rc))
		rc = approved_send(w, list.at, list.count, &issued, take_serial, d);
	wire_close(w);
	wire_identity_free(identity);
	approved_free(&list);
	TRY(rc);
	NEED(d->count > 0, RC_BUSY, "bench: the CA told no serials");
	return OK;
}

static RC load_ca(const struct platform *p, struct desk *d)
{
	char path[PLATFORM_PATH_MAX];
	AUTO_BUF(file, CERT_DER_MAX);

	TRY(platform_path(p, "demo/ca/sm2.der", path));
	TRY(file_read(path, CERT_DER_MAX, &file));
	TRY(cert_read(buf_slice(&file), &d->ca_der, &d->ca));
	return ocsp_issuer_init(&d->issuer, d->ca.subject, &d->ca.key);
}

/* "http://host:port/path" in two. */
static RC split_url(const struct platform *p, struct desk *d)
{
	const char *url, *slash;

	TRY(platform_public(p, "ocsp", &url));
	slash = strchr(url + strlen("http://"), '/');
	NEED(slash != NULL && strlen(url) < URL_MAX, RC_INPUT, "bench: %s", url);
	(void)snprintf(d->base, URL_MAX, "%.*s", (int)(slash - url), url);
	(void)snprintf(d->path, URL_MAX, "%s", slash);
	return OK;
}

/* ---- asking, one after the other: whether what is measured is right ---- */

/* RC_BUSY unless the answer says good for this serial and repeats the nonce, if there was one. */
static RC check(const struct desk *d, struct slice der, struct slice nonce, struct slice serial)
{
	struct ocsp_response r;
	struct ocsp_single single;

	TRY(ocsp_response_parse(der, &r));
	NEED(r.status == OCSP_SUCCESSFUL, RC_BUSY, "bench: OCSP says %s", ocsp_error_name(r.status));
	NEED(nonce.len == 0 ||
	             (r.data.has_nonce && r.data.nonce.len >= nonce.len &&
	              memcmp(r.data.nonce.p + r.data.nonce.len - nonce.len, nonce.p, nonce.len) == 0),
	     RC_BUSY, "bench: another nonce");
	TRY(ocsp_response_find(&r, &d->issuer, serial, &single));
	NEED(single.status == OCSP_GOOD, RC_BUSY, "bench: the status is %s", ocsp_status_name(single.status));
	return ocsp_response_verify(&r, &d->ca, clock_now(), NULL);
}

static RC ask(const struct desk *d, struct wire *w, struct slice serial, struct slice nonce, size_t *size)
{
	AUTO_BUF(request, OCSP_REQUEST_MAX);
	AUTO_BUF(answer, OCSP_RESPONSE_MAX);
	unsigned status = 0;

	TRY(ocsp_request_build(&d->issuer, OID_SM3, &serial, 1, nonce, &request));
	TRY(wire_call(w, "POST", d->path, "application/ocsp-request", buf_slice(&request), &status, &answer));
	NEED(status == 200, RC_BUSY, "bench: OCSP: %u", status);
	*size = answer.len;
	return check(d, buf_slice(&answer), nonce, serial);
}

/* status learns of certificates through the log, or has learnt of them before its start. */
static RC wait_good(const struct desk *d, struct slice serial, bool fresh, size_t *size)
{
	double until = seconds_now() + KNOWN_SECONDS;
	uint8_t nonce[NONCE];
	struct rc rc = OK;

	do {
		struct wire *w = NULL;

		rc = rand_bytes(nonce, sizeof(nonce));
		if (rc_ok(rc))
			rc = wire_open(d->base, NULL, &w);
		if (rc_ok(rc))
			rc = ask(d, w, serial, fresh ? SLICE_ARR(nonce) : SLICE_NONE, size);
		wire_close(w);
	} while (!rc_ok(rc) && seconds_now() < until);
	return rc;
}

/* ---- load ---- */

/* One request as bytes; serial number and nonce are written over for each. */
struct asker {
	const struct desk *desk;
	uint8_t text[LOAD_REQUEST_MAX];
	size_t len, serial, nonce;
	const uint32_t *draws; /* NULL: the serial numbers of the desk in turn */
	size_t turn, of;
	uint64_t state;
};

static RC asker_init(struct asker *a, const struct desk *d, bool fresh)
{
	static const uint8_t nonce[NONCE] = "0123456789abcde";
	struct slice serial = a->draws != NULL ? SLICE_LIT("\x41"
	                                                   "23456789abcdefg")
	                                       : buf_slice(&d->serial[0]);
	AUTO_BUF(der, OCSP_REQUEST_MAX);
	AUTO_BUF(text, LOAD_REQUEST_MAX);
	const uint8_t *at;

	a->desk = d;
	a->state = 0x9e3779b97f4a7c15u;
	TRY(ocsp_request_build(&d->issuer, OID_SM3, &serial, 1, fresh ? SLICE_ARR(nonce) : SLICE_NONE, &der));
	buf_printf(&text,
	           "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/ocsp-request\r\n"
	           "Content-Length: %zu\r\n\r\n",
	           d->path, der.len);
	buf_add(&text, buf_slice(&der));
	TRY(buf_done(&text));
	memcpy(a->text, text.p, text.len);
	a->len = text.len;
	at = memmem(a->text, a->len, serial.p, serial.len);
	NEED(at != NULL, RC_BUG, "bench: a request without its serial number");
	a->serial = (size_t)(at - a->text);
	at = memmem(a->text, a->len, nonce, sizeof(nonce));
	a->nonce = at != NULL ? (size_t)(at - a->text) : 0;
	return OK;
}

static size_t next(void *arg, uint8_t *room)
{
	struct asker *a = arg;
	size_t turn = a->turn++;

	if (a->draws != NULL) {
		filled_serial(a->draws[turn % DRAWS], a->of, a->text + a->serial);
	} else {
		struct slice serial = buf_slice(&a->desk->serial[turn % a->desk->count]);

		memcpy(a->text + a->serial, serial.p, serial.len);
	}
	if (a->nonce != 0) {
		a->state ^= a->state << 13;
		a->state ^= a->state >> 7;
		a->state ^= a->state << 17;
		memcpy(a->text + a->nonce, &a->state, sizeof(a->state));
	}
	memcpy(room, a->text, a->len);
	return a->len;
}

/* Not an OCSP error: those are shorter than any signature. */
static bool judge(void *arg, struct slice body)
{
	(void)arg;
	return body.len > 200 && body.p[0] == 0x30;
}

static RC measure(const struct desk *d, struct asker *a, double warm, double window, struct load_result *ret)
{
	char address[32];
	unsigned port;

	NEED(sscanf(d->base, "http://%31[0-9.]:%u", address, &port) == 2, RC_INPUT, "bench: %s", d->base);
	return load_run(&(struct load){.address = address,
	                               .port = (uint16_t)port,
	                               .connections = CLIENTS,
	                               .warm = warm,
	                               .window = window,
	                               .arg = a,
	                               .next = next,
	                               .judge = judge},
	                ret);
}

static RC add(struct bench *b, const char *name, double value, const char *unit)
{
	struct bench_row row = {.value = value, .unit = unit};

	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	return rows_add(&b->rows, &row);
}

/* ---- rows ---- */

static RC run_fresh(struct bench *b, const struct desk *d)
{
	struct bench_row row = {.name = "ocsp.fresh", .unit = "1/s", .peer = rows_openssl()};
	struct asker a = {.draws = NULL};
	struct load_result r;
	double spent;

	TRY(asker_init(&a, d, true));
	TRY(measure(d, &a, 0, 1, &r));
	spent = load_spent("/status", b->options->data);
	TRY(measure(d, &a, 0, WINDOW, &r));
	spent = load_spent("/status", b->options->data) - spent;
	TRY(peer_ocsp(&row.peer_value));
	row.value = r.rate;
	TRY(rows_add(&b->rows, &row));
	TRY(add(b, "ocsp.fresh.p99_ms", r.p99_ms, "ms"));
	TRY(add(b, "ocsp.fresh.cpu_us", spent * 1e6 / (double)(r.answers + 1), "us"));
	return add(b, "ocsp.fresh.errors", (double)r.errors, "answers");
}

/* The n-th of them is asked for 1/n times as often as the first. */
static RC draw_zipf(uint32_t *draws, size_t of)
{
	AUTO_MEM(double, sums, mem_new(of, sizeof(*sums)));
	uint64_t state = 88172645463325252u;
	double sum = 0;

	NEED(sums != NULL, RC_NOMEM, "bench: no memory");
	for (size_t i = 0; i < of; i++)
		sums[i] = sum += 1 / (double)(i + 1);
	for (size_t k = 0; k < DRAWS; k++) {
		size_t low = 0, high = of - 1;
		double x;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		x = (double)(state >> 11) / 9007199254740992.0 * sum;
		while (low < high) {
			size_t mid = (low + high) / 2;

			if (sums[mid] < x)
				low = mid + 1;
			else
				high = mid;
		}
		draws[k] = (uint32_t)low;
	}
	return OK;
}

static void draw_even(uint32_t *draws, size_t of)
{
	uint64_t state = 88172645463325252u;

	for (size_t k = 0; k < DRAWS; k++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		draws[k] = (uint32_t)((state >> 16) % of);
	}
}

struct turn {
	double rate[ROUNDS], late[ROUNDS], cpu_us[ROUNDS];
	size_t errors;
};

static void keep(struct turn *t, size_t i, const struct load_result *r, double spent)
{
	t->rate[i] = r->rate;
	t->late[i] = r->p99_ms;
	t->cpu_us[i] = r->answers > 0 ? spent * 1e6 / (double)r->answers : 0;
	t->errors += r->errors;
}

static RC our_turn(struct bench *b, const struct desk *d, struct asker *a, struct turn *t, size_t i)
{
	double before = load_spent("/status", b->options->data);
	struct load_result r;

	TRY(measure(d, a, 0, WINDOW, &r));
	keep(t, i, &r, load_spent("/status", b->options->data) - before);
	return OK;
}

static RC nginx_turn(const struct nginx *n, struct turn *t, size_t i)
{
	double before = nginx_spent(n);
	struct load_result r;

	TRY(nginx_load(n, CLIENTS, WINDOW, &r));
	keep(t, i, &r, nginx_spent(n) - before);
	return OK;
}

static RC add_turns(struct bench *b, struct turn *ours, struct turn *theirs)
{
	struct bench_row row = {.name = "ocsp.cached", .value = median(ours->rate, ROUNDS), .unit = "1/s"};
	struct bench_row cpu = {
	        .name = "ocsp.cached.cpu_us", .value = median(ours->cpu_us, ROUNDS), .unit = "us"};

	if (theirs != NULL) {
		row.peer = cpu.peer = "nginx, static file";
		row.peer_value = median(theirs->rate, ROUNDS);
		cpu.peer_value = median(theirs->cpu_us, ROUNDS);
	}
	TRY(rows_add(&b->rows, &row));
	TRY(rows_add(&b->rows, &cpu));
	TRY(add(b, "ocsp.cached.p99_ms", median(ours->late, ROUNDS), "ms"));
	return add(b, "ocsp.cached.errors", (double)ours->errors, "answers");
}

/* Turns about, so that both have the same of whatever else the machine does. */
static RC against_nginx(struct bench *b, const struct desk *d, struct asker *a, size_t size)
{
	struct turn ours = {.errors = 0}, theirs = {.errors = 0};
	AUTO(nginx, n, NULL);
	struct load_result warm;
	char dir[PLATFORM_PATH_MAX];
	struct rc rc;

	(void)snprintf(dir, sizeof(dir), "%.4000s-nginx", b->options->data);
	rc = nginx_start(dir, size, SERVER_CPU, &n);
	if (rc.code != RC_NOTFOUND)
		TRY(rc);
	TRY(measure(d, a, 0, WARM, &warm));
	for (size_t i = 0; i < ROUNDS; i++) {
		TRY(our_turn(b, d, a, &ours, i));
		if (n != NULL)
			TRY(nginx_turn(n, &theirs, i));
	}
	return add_turns(b, &ours, n != NULL ? &theirs : NULL);
}

static RC pin(struct bench *b)
{
	TRY(load_pin(CLIENT_CPU));
	return load_pin_process("/status", b->options->data, SERVER_CPU);
}

/* A platform whose status service knows so many. */
static RC fill(struct bench *b, struct desk *d, size_t n)
{
	struct platform *p;

	platform_stop(b->platform);
	b->platform = NULL;
	TRY(filled_status(b->options->data, n));
	TRY(platform_get(b, &p));
	TRY(split_url(p, d));
	return pin(b);
}

static RC run_filled(struct bench *b, struct desk *d, size_t n)
{
	AUTO_MEM(uint32_t, draws, mem_new(DRAWS, sizeof(*draws)));
	struct asker a = {.draws = draws, .of = n};
	uint8_t serial[FILLED_SERIAL];
	struct load_result r;
	size_t size = 0;

	NEED(draws != NULL, RC_NOMEM, "bench: no memory");
	TRY(fill(b, d, n));
	TRY(asker_init(&a, d, false));
	filled_serial(n / 2, n, serial);
	TRY(wait_good(d, SLICE_ARR(serial), false, &size));
	if (n == HOT) {
		TRY(draw_zipf(draws, n));
		TRY(against_nginx(b, d, &a, size));
	} else {
		draw_even(draws, n);
		TRY(measure(d, &a, 2, 3 * WINDOW, &r));
		TRY(add(b, "ocsp.uniform_10m", r.rate, "1/s"));
		TRY(add(b, "ocsp.uniform_10m.p99_ms", r.p99_ms, "ms"));
	}
	return wait_good(d, SLICE_ARR(serial), false, &size);
}

/* One processor, one loop, as nginx has one worker. */
static RC one_loop(struct bench *b, struct platform **p)
{
	char path[PLATFORM_PATH_MAX];
	FILE *f;

	TRY(platform_get(b, p));
	TRY(platform_path(*p, "shifan/status/config.yaml", path));
	platform_stop(b->platform);
	b->platform = NULL;
	f = fopen(path, "ae");
	NEED(f != NULL, RC_BUSY, "bench: cannot open %s", path);
	fputs("loops: 1\n", f);
	NEED(fclose(f) == 0, RC_BUSY, "bench: cannot write %s", path);
	return platform_get(b, p);
}

static RC run(struct bench *b, struct desk *d)
{
	struct platform *p;
	size_t size;

	TRY(one_loop(b, &p));
	TRY(split_url(p, d));
	TRY(load_ca(p, d));
	TRY(issue_some(p, d));
	for (size_t i = 0; i < d->count; i++)
		TRY(wait_good(d, buf_slice(&d->serial[i]), true, &size));
	TRY(visible_rows(b, p, &(struct visible){&d->issuer, d->base, d->path}));
	TRY(pin(b));
	TRY(run_fresh(b, d));
	TRY(run_filled(b, d, HOT));
	if (getenv("BENCH_FULL") != NULL)
		TRY(run_filled(b, d, MANY));
	return OK;
}

RC bench_ocsp(struct bench *b)
{
	struct desk d = {.ca_der = BUF(CERT_DER_MAX)};
	struct rc rc = run(b, &d);
	size_t i;

	load_unpin();
	for (i = 0; i < d.count; i++)
		buf_free(&d.serial[i]);
	buf_free(&d.ca_der);
	return rc;
}
