#include "http/exchange.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/uri.h"

#include <stdio.h>
#include <time.h>

#define TEXT_MAX (2 * HTTP_URL_MAX + 64)
#define OUT_MAX (HTTP_EXTRA_MAX + 1024)
#define KEEP (16u << 10) /* a spare exchange keeps no larger buffer */

/* ---- who calls ---- */

struct peer_hold *peer_hold_new(const struct net_conn *c)
{
	struct slice der = net_conn_peer(c);
	struct peer_hold *p = mem_new(1, sizeof(*p) + der.len);
	const char *problem = net_conn_peer_problem(c);

	if (p == NULL)
		return NULL;
	p->holders = 1;
	if (der.len > 0)
		memcpy(p->certificate, der.p, der.len);
	p->peer.certificate = slice_of(p->certificate, der.len);
	if (problem != NULL)
		(void)snprintf(p->peer.reason, sizeof(p->peer.reason), "client certificate: %s", problem);
	return p;
}

void peer_hold_drop(struct peer_hold *p)
{
	if (p != NULL && __atomic_sub_fetch(&p->holders, 1, __ATOMIC_ACQ_REL) == 0)
		mem_free(p);
}

static RC identify(struct exchange *x)
{
	const struct http_listener *l = &x->port->spec;
	struct peer *p = &x->peer->peer;

	x->request.peer = p;
	if (l->identify == NULL || p->certificate.len == 0)
		return OK;
	return l->identify(l->identify_ctx, p);
}

/* ---- memory ---- */

static void trim(struct buf *b, size_t max)
{
	if (b->cap > KEEP)
		buf_free(b);
	buf_clear(b);
	b->max = max;
}

static void reset(struct exchange *x)
{
	response_reset(&x->response);
	trim(&x->bytes, HTTP_HEAD_MAX);
	trim(&x->body, HTTP_BODY_MAX);
	trim(&x->text, TEXT_MAX);
	trim(&x->out, OUT_MAX);
	memset(&x->request, 0, sizeof(x->request));
	x->conn = NULL;
	x->port = NULL;
	x->peer = NULL;
	x->next = x->mate = NULL;
	x->route = NULL;
	x->close = false;
	x->allow = 0;
	x->wait_until = 0;
	x->head.header_count = 0;
	x->head.keep_alive = x->head.head_only = x->head.http10 = x->head.chunked = false;
	x->head.length = 0;
}

static void put_id(struct exchange *x)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t v = x->loop->next_id;
	int i;

	x->loop->next_id += 0x9e3779b97f4a7c15u; /* odd: comes round after 2^64 */
	for (i = 15; i >= 0; i--, v >>= 4)
		x->id[i] = digits[v & 15];
	x->id[16] = '\0';
}

struct exchange *exchange_new(struct http_loop *l)
{
	struct exchange *x = l->spare;

	if (x != NULL) {
		l->spare = x->next;
		l->spare_count--;
	} else {
		x = mem_new(1, sizeof(*x));
		if (x == NULL)
			return NULL;
	}
	reset(x);
	x->loop = l;
	x->started_us = clock_mono_us();
	x->response.request = &x->request;
	put_id(x);
	x->request.id = x->id;
	return x;
}

void exchange_destroy(struct exchange *x)
{
	buf_free(&x->response.body);
	buf_free(&x->response.extra);
	buf_free(&x->bytes);
	buf_free(&x->body);
	buf_free(&x->text);
	buf_free(&x->out);
	mem_free(x);
}

void exchange_free(struct exchange *x)
{
	struct http_loop *l = x->loop;

	peer_hold_drop(x->peer);
	reset(x);
	(void)count_memory(l->server, &x->counted, 0);
	if (l->spare_count < HTTP_SPARE_EXCHANGES) {
		x->next = l->spare;
		l->spare = x;
		l->spare_count++;
		return;
	}
	exchange_destroy(x);
}

/* ---- the request ---- */

/* Weight of one language range in tenths: "en;q=0.8" is 8 (RFC 9110 12.4.2; hundredths are not
 * looked at). */
static int range_weight(struct slice range)
{
	const uint8_t *q = memmem(range.p, range.len, "q=0", 3);
	size_t left = q != NULL ? range.len - (size_t)(q - range.p) : 0;

	if (q == NULL)
		return 10;
	return left > 4 && q[3] == '.' && q[4] >= '0' && q[4] <= '9' ? q[4] - '0' : 0;
}

static bool is_language(struct slice range, const char *language)
{
	while (range.len > 0 && (range.p[0] == ' ' || range.p[0] == '\t'))
		range = slice_of(range.p + 1, range.len - 1);
	return range.len >= 2 && (range.p[0] | 32) == language[0] && (range.p[1] | 32) == language[1];
}

/* The best weight of a language; -1 when it is not named. */
static int weight(struct slice accept, const char *language)
{
	int best = -1;

	while (accept.len > 0) {
		const uint8_t *end = memchr(accept.p, ',', accept.len);
		size_t n = end != NULL ? (size_t)(end - accept.p) : accept.len, skip = end != NULL ? 1 : 0;
		struct slice range = slice_of(accept.p, n);

		if (is_language(range, language) && range_weight(range) > best)
			best = range_weight(range);
		accept = slice_of(accept.p + n + skip, accept.len - n - skip);
	}
	return best;
}

static bool prefers_english(const struct http_head *h)
{
	struct slice accept = http_field(h->headers, h->header_count, "accept-language");
	int en = weight(accept, "en");

	return en > 0 && en > weight(accept, "zh");
}

static RC decode_names(struct exchange *x, const struct route_match *m)
{
	struct request *q = &x->request;
	size_t i;

	NEED(buf_room(&x->text, HTTP_URL_MAX + HTTP_URL_MAX / 2) != NULL, RC_NOMEM, "request: no memory");
	for (i = 0; i < m->param_count; i++) {
		size_t start = x->text.len;

		TRY(uri_decode(m->params[i].value, false, &x->text));
		q->params[i] = (struct http_param){m->params[i].name,
		                                   slice_of(x->text.p + start, x->text.len - start)};
	}
	q->param_count = m->param_count;
	q->query = x->query;
	return uri_query(x->head.query, &x->text, x->query, &q->query_count);
}

static void fill_request(struct exchange *x)
{
	struct request *q = &x->request;

	q->method = x->head.method;
	q->target = x->head.target;
	q->path = x->head.path;
	q->headers = x->head.headers;
	q->header_count = x->head.header_count;
	q->english = prefers_english(&x->head);
}

static RC admit(struct exchange *x)
{
	struct route_match m;
	struct rc rc;

	rc = route_find(x->port->spec.routes, x->port->spec.route_count, x->head.method, x->head.path, &m);
	x->route = m.route;
	x->allow = m.allow;
	TRY(rc);
	x->request.route = m.route;
	TRY(route_admit(m.route, &x->head, &x->peer->peer));
	return decode_names(x, &m);
}

RC exchange_begin(struct exchange *x, struct slice head)
{
	struct rc rc;

	x->close = true; /* unless the head is understood */
	x->request.peer = &x->peer->peer;
	buf_add(&x->bytes, head);
	TRY(buf_done(&x->bytes));
	TRY(http_parse_head(&x->parser, buf_slice(&x->bytes), &x->head));
	x->close = !x->head.keep_alive;
	fill_request(x);
	rc = identify(x);
	if (rc_ok(rc))
		rc = admit(x);
	/* A body that will not be read ends the connection, and so does a peer that cannot escape. */
	if (!rc_ok(rc) && (x->head.chunked || x->head.length > 0 || rc_last()->err == ERR_HTTP_TARGET))
		x->close = true;
	return rc;
}

static void put_allow(struct exchange *x)
{
	AUTO_BUF(b, 128);
	unsigned m;

	for (m = 0; m < METHOD_OTHER; m++)
		if ((x->allow & 1u << m) != 0)
			buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", method_name((enum method)m));
	response_field(&x->response, "Allow", buf_cstr(&b));
}

void exchange_refuse(struct exchange *x)
{
	enum err err = rc_last()->err;

	response_fail(&x->response);
	if (err == ERR_HTTP_METHOD)
		put_allow(x);
	if (err == ERR_HTTP_NO_CERTIFICATE)
		response_field(&x->response, "WWW-Authenticate", "ClientCertificate");
}

/* ---- the answer ---- */

/* The Date line of this second, one per thread. */
static _Thread_local struct {
	time_t at;
	char text[48];
	size_t len;
} date;

static void put_date(struct buf *b)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)clock_real();
	struct tm tm;

	if ((now != date.at || date.len == 0) && gmtime_r(&now, &tm) != NULL) {
		date.at = now;
		date.len = (size_t)snprintf(date.text, sizeof(date.text),
		                            "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
		                            days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
		                            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	}
	buf_add(b, slice_of(date.text, date.len));
}

static bool not_modified(struct exchange *x)
{
	struct response *r = &x->response;
	struct slice have = http_field(x->head.headers, x->head.header_count, "if-none-match");
	size_t n = strlen(r->etag);
	const uint8_t *at;

	if (r->status != 200 || n == 0 || have.len == 0)
		return false;
	if (slice_is(have, "*"))
		return true;
	at = memmem(have.p, have.len, r->etag, n);
	return at != NULL && at > have.p && at[-1] == '"' && (size_t)(at - have.p) + n < have.len &&
	       at[n] == '"';
}

struct slice exchange_body(const struct exchange *x)
{
	const struct response *r = &x->response;

	if (x->head.head_only || r->status == 204 || r->status == 304)
		return SLICE_NONE;
	return r->release != NULL || r->shared.p != NULL ? r->shared : buf_slice(&r->body);
}

static void put_status(struct buf *b, unsigned status)
{
	if (status == 200)
		buf_text(b, "HTTP/1.1 200 OK\r\n");
	else
		buf_printf(b, "HTTP/1.1 %u %s\r\n", status, status_reason(status));
}

static void put_content(struct exchange *x)
{
	struct response *r = &x->response;
	char digits[24];
	size_t n = r->release != NULL || r->shared.p != NULL ? r->shared.len : r->body.len;

	if (r->media != NULL && n > 0) {
		buf_text(&x->out, "Content-Type: ");
		buf_text(&x->out, r->media);
		buf_text(&x->out, "\r\n");
	}
	(void)snprintf(digits, sizeof(digits), "%zu\r\n", n);
	buf_text(&x->out, "Content-Length: ");
	buf_text(&x->out, digits);
}

void exchange_render(struct exchange *x)
{
	struct response *r = &x->response;

	if (r->status == 0)
		r->status = answer_status(r->answer);
	if (not_modified(x))
		r->status = answer_status(ANSWER_NOT_MODIFIED);
	if (__atomic_load_n(&x->loop->server->draining, __ATOMIC_RELAXED))
		x->close = true;
	put_status(&x->out, r->status);
	put_date(&x->out);
	if (r->status != 204 && r->status != 304)
		put_content(x);
	if (!r->cached)
		buf_text(&x->out, "Cache-Control: no-store\r\n");
	buf_add(&x->out, buf_slice(&r->extra));
	buf_text(&x->out, "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
	buf_text(&x->out, x->id);
	if (x->close)
		buf_text(&x->out, "\r\nConnection: close");
	else if (x->head.http10)
		buf_text(&x->out, "\r\nConnection: keep-alive");
	buf_text(&x->out, "\r\n\r\n");
}
