#include "http/route_check.h"
#include "http/problem.h"
#include "http/route.h"

#define TEXT_MAX 4096
#define ROLE_BITS 28

struct walk {
	const struct route *routes;
	size_t count;
	const struct route *row;
	char path[512]; /* that the row matches */
};

/* "{name}" and "{name*}" become "x". */
static RC sample_path(struct walk *w)
{
	const char *p;
	size_t n = 0;

	for (p = w->row->path; *p != '\0' && n < sizeof(w->path) - 1; p++) {
		if (*p == '{') {
			p = strchr(p, '}');
			w->path[n++] = 'x';
		} else {
			w->path[n++] = *p;
		}
	}
	w->path[n] = '\0';
	NEED(*p == '\0', RC_BUG, "route %s: too long", w->row->path);
	return OK;
}

/* The status that a request meets before a handler; 0 when it is admitted. */
static RC ask(const struct walk *w, enum method m, const char *fields, const struct peer *peer,
              unsigned *status)
{
	struct http_parser parser;
	struct http_head head;
	struct route_match match;
	AUTO_BUF(text, TEXT_MAX);
	struct rc rc;

	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method_name(m), w->path, fields);
	TRY(buf_done(&text));
	TRY(http_parse_head(&parser, buf_slice(&text), &head));
	rc = route_find(w->routes, w->count, head.method, head.path, &match);
	if (rc_ok(rc) && match.route != w->row && m == w->row->method)
		FAIL(RC_BUG, "route %s %s: hidden by %s", method_name(m), w->row->path, match.route->path);
	if (rc_ok(rc))
		rc = route_admit(match.route, &head, peer);
	*status = rc_ok(rc) ? 0 : problem_status(rc_last());
	return OK;
}

static RC expect(const struct walk *w, enum method m, const char *fields, const struct peer *peer,
                 unsigned want)
{
	unsigned got = 0;

	TRY(ask(w, m, fields, peer, &got));
	NEED(got == want, RC_BUG, "route %s %s: %s%u, not %u, for kind %d with roles %x and fields [%s]",
	     method_name(w->row->method), w->row->path, method_name(m), got, want, (int)peer->kind,
	     peer->roles, fields);
	return OK;
}

static const char *good_fields(const struct route *r, struct buf *b)
{
	buf_clear(b);
	if (r->media != NULL)
		buf_printf(b, "Content-Type: %s\r\nContent-Length: 1\r\n", r->media);
	return buf_cstr(b);
}

/* Everyone that the mask does not name is turned away; everyone it names is let in. */
static RC check_who(const struct walk *w)
{
	uint32_t who = w->row->who;
	bool anyone = (who & WHO_ANYONE) != 0, person = anyone || (who & WHO_PERSON) != 0;
	bool instance = anyone || (who & WHO_INSTANCE) != 0;
	struct peer p = {.kind = PEER_NONE};
	AUTO_BUF(b, TEXT_MAX);
	unsigned i;

	TRY(expect(w, w->row->method, good_fields(w->row, &b), &p, anyone ? 0 : 401));
	p.roles = ~0u; /* roles without an identity count for nothing */
	TRY(expect(w, w->row->method, good_fields(w->row, &b), &p, anyone ? 0 : 401));
	for (i = 0; i <= ROLE_BITS; i++) {
		bool named = i < ROLE_BITS && (who & 1u << i) != 0;

		p.roles = i < ROLE_BITS ? 1u << i : 0;
		p.kind = PEER_OFFICER;
		TRY(expect(w, w->row->method, good_fields(w->row, &b), &p, person || named ? 0 : 403));
		p.kind = PEER_INSTANCE;
		TRY(expect(w, w->row->method, good_fields(w->row, &b), &p, instance || named ? 0 : 403));
	}
	return OK;
}

static struct peer somebody(const struct route *r)
{
	bool instance = (r->who & WHO_INSTANCE) != 0;

	return (struct peer){.kind = instance ? PEER_INSTANCE : PEER_OFFICER,
	                     .roles = r->who & ((1u << ROLE_BITS) - 1)};
}

static RC check_methods(const struct walk *w)
{
	struct peer p = somebody(w->row);
	AUTO_BUF(b, TEXT_MAX);
	unsigned m;

	for (m = GET; m < METHOD_OTHER; m++) {
		struct route_match match;
		enum method ours = m == HEAD ? GET : (enum method)m;

		if (!rc_ok(route_find(w->routes, w->count, ours, slice_text(w->path), &match)))
			TRY(expect(w, (enum method)m, good_fields(w->row, &b), &p, 405));
	}
	return OK;
}

static RC check_body(const struct walk *w)
{
	const struct route *r = w->row;
	struct peer p = somebody(r);
	AUTO_BUF(b, TEXT_MAX);

	buf_printf(&b, "Content-Type: %s\r\nContent-Length: %zu\r\n",
	           r->media != NULL ? r->media : "text/plain", r->max_body + 1);
	TRY(expect(w, r->method, buf_cstr(&b), &p, 413));
	if (r->max_body == 0)
		TRY(expect(w, r->method, "Transfer-Encoding: chunked\r\n", &p, 413));
	if (r->media == NULL)
		return OK;
	TRY(expect(w, r->method, "Content-Type: application/x-wrong\r\nContent-Length: 1\r\n", &p, 415));
	TRY(expect(w, r->method, "Content-Length: 1\r\n", &p, 415));
	buf_clear(&b);
	buf_printf(&b, "Content-Type: %s\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n", r->media);
	return expect(w, r->method, buf_cstr(&b), &p, 415);
}

RC route_check(const struct route *routes, size_t count)
{
	struct walk w = {.routes = routes, .count = count};
	size_t i;

	TRY(routes_check(routes, count));
	for (i = 0; i < count; i++) {
		w.row = &routes[i];
		TRY(sample_path(&w));
		TRY(check_who(&w));
		TRY(check_methods(&w));
		TRY(check_body(&w));
	}
	return OK;
}
