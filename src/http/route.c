#include "http/route.h"

static const char *const method_names[] = {
        [GET] = "GET",     [HEAD] = "HEAD",     [POST] = "POST",       [PUT] = "PUT",
        [PATCH] = "PATCH", [DELETE] = "DELETE", [OPTIONS] = "OPTIONS", [METHOD_OTHER] = "OTHER",
};

const char *method_name(enum method m)
{
	return (unsigned)m < sizeof(method_names) / sizeof(method_names[0]) ? method_names[m] : "OTHER";
}

/* ---- patterns ---- */

/* Up to the next '/'; s starts behind one. */
static struct slice take_segment(struct slice *s)
{
	const uint8_t *end = s->len > 0 ? memchr(s->p, '/', s->len) : NULL;
	size_t n = end != NULL ? (size_t)(end - s->p) : s->len, skip = end != NULL ? 1 : 0;
	struct slice r = slice_of(s->p, n);

	*s = slice_of(s->p + n + skip, s->len - n - skip);
	return r;
}

struct segment {
	struct slice before, name, after;
	bool rest;
};

static struct segment read_segment(struct slice s)
{
	const uint8_t *open = s.len > 0 ? memchr(s.p, '{', s.len) : NULL;
	const uint8_t *close = open != NULL ? memchr(open, '}', s.len - (size_t)(open - s.p)) : NULL;
	struct segment r = {.before = s};

	if (close == NULL)
		return r;
	r.before = slice_of(s.p, (size_t)(open - s.p));
	r.name = slice_of(open + 1, (size_t)(close - open) - 1);
	r.after = slice_of(close + 1, s.len - (size_t)(close - s.p) - 1);
	r.rest = r.name.len > 0 && r.name.p[r.name.len - 1] == '*';
	if (r.rest)
		r.name.len--;
	return r;
}

static bool match_segment(const struct segment *g, struct slice s, struct slice *value)
{
	size_t fixed = g->before.len + g->after.len;

	if (g->name.len == 0)
		return slice_equal(g->before, s);
	if (s.len <= fixed || !slice_equal(slice_of(s.p, g->before.len), g->before) ||
	    !slice_equal(slice_of(s.p + s.len - g->after.len, g->after.len), g->after))
		return false;
	*value = slice_of(s.p + g->before.len, s.len - fixed);
	return true;
}

static bool match_path(const char *pattern, struct slice path, struct route_match *m)
{
	struct slice want = slice_text(pattern + 1), have = slice_of(path.p + 1, path.len - 1);
	bool more_want = true, more_have = true;

	m->param_count = 0;
	while (more_want && more_have) {
		struct segment g;
		struct slice s, value = SLICE_NONE;

		more_want = memchr(want.p, '/', want.len) != NULL;
		g = read_segment(take_segment(&want));
		more_have = have.len > 0 && memchr(have.p, '/', have.len) != NULL;
		s = g.rest ? have : take_segment(&have);
		if (!match_segment(&g, s, &value))
			return false;
		if (g.name.len > 0)
			m->params[m->param_count++] = (struct http_param){g.name, value};
		if (g.rest)
			return true;
	}
	return more_want == more_have;
}

RC route_find(const struct route *routes, size_t count, enum method method, struct slice path,
              struct route_match *ret)
{
	struct route_match m = {0};
	size_t i;

	memset(ret, 0, sizeof(*ret));
	for (i = 0; i < count; i++) {
		if (!match_path(routes[i].path, path, &m))
			continue;
		ret->allow |= 1u << routes[i].method | (routes[i].method == GET ? 1u << HEAD : 0);
		if (ret->route == NULL)
			ret->route = &routes[i];
		if (routes[i].method != method)
			continue;
		m.route = &routes[i];
		m.allow = ret->allow;
		*ret = m;
		return OK;
	}
	REQUIRE(ret->route == NULL, HTTP_METHOD, "%s is not for this address", method_name(method));
	REFUSE(HTTP_ROUTE, "no route has the path");
}

/* ---- admission ---- */

bool route_may(const struct route *r, const struct peer *p)
{
	uint32_t has = p->roles & (WHO_INSTANCE - 1);

	if (p->kind == PEER_OFFICER)
		has |= WHO_PERSON;
	if (p->kind == PEER_INSTANCE)
		has |= WHO_INSTANCE;
	return (r->who & WHO_ANYONE) != 0 || (p->kind != PEER_NONE && (r->who & has) != 0);
}

static bool same_media(struct slice value, const char *media)
{
	const uint8_t *end = value.len > 0 ? memchr(value.p, ';', value.len) : NULL;

	if (end != NULL)
		value.len = (size_t)(end - value.p);
	while (value.len > 0 && (value.p[value.len - 1] == ' ' || value.p[value.len - 1] == '\t'))
		value.len--;
	return http_same(value, media);
}

RC route_admit(const struct route *r, const struct http_head *h, const struct peer *p)
{
	struct slice coding = http_field(h->headers, h->header_count, "content-encoding");

	if (!route_may(r, p)) {
		REQUIRE(p->kind != PEER_NONE, HTTP_NO_CERTIFICATE, "%s",
		        p->reason[0] != '\0' ? p->reason : "no client certificate was shown");
		REFUSE(HTTP_ROLE, "%s %s needs a role that this certificate does not give",
		       method_name(r->method), r->path);
	}
	if (r->media != NULL)
		REQUIRE(same_media(http_field(h->headers, h->header_count, "content-type"), r->media),
		        HTTP_MEDIA, "this address takes %s", r->media);
	REQUIRE(coding.len == 0 || http_same(coding, "identity"), HTTP_MEDIA, "encoded content is not taken");
	REQUIRE(h->length <= r->max_body && !(h->chunked && r->max_body == 0), HTTP_BODY_LARGE,
	        "%llu bytes announced, %zu allowed", (unsigned long long)h->length, r->max_body);
	return OK;
}

/* ---- tables that are wrong in themselves ---- */

static RC check_pattern(const char *path)
{
	struct slice rest = slice_text(path);
	size_t params = 0;

	NEED(rest.len > 0 && rest.p[0] == '/', RC_BUG, "route %s: no leading slash", path);
	rest = slice_of(rest.p + 1, rest.len - 1);
	while (rest.len > 0) {
		struct slice s = take_segment(&rest);
		struct segment g = read_segment(s);

		NEED(g.name.len > 0 || memchr(s.p, '{', s.len) == NULL, RC_BUG,
		     "route %s: a parameter without name", path);
		NEED(!g.rest || (rest.len == 0 && g.after.len == 0), RC_BUG, "route %s: {…*} must stand last",
		     path);
		NEED(g.after.len == 0 || memchr(g.after.p, '{', g.after.len) == NULL, RC_BUG,
		     "route %s: two parameters in a segment", path);
		params += g.name.len > 0 ? 1 : 0;
	}
	NEED(params <= HTTP_PARAMS_MAX, RC_BUG, "route %s: more than %d parameters", path, HTTP_PARAMS_MAX);
	return OK;
}

RC routes_check(const struct route *routes, size_t count)
{
	size_t i, k;

	NEED(count <= HTTP_ROUTES_MAX, RC_BUG, "routes: %zu, at most %d", count, HTTP_ROUTES_MAX);
	for (i = 0; i < count; i++) {
		const struct route *r = &routes[i];
		bool batch = (r->flags & HTTP_BATCH) != 0;

		NEED(r->path != NULL, RC_BUG, "routes: row %zu without path", i);
		TRY(check_pattern(r->path));
		NEED((unsigned)r->method < METHOD_OTHER && r->method != HEAD, RC_BUG, "route %s: method",
		     r->path);
		NEED(batch ? r->batch != NULL && r->handler == NULL : r->handler != NULL && r->batch == NULL,
		     RC_BUG, "route %s: exactly one handler, as HTTP_BATCH says", r->path);
		NEED(r->who != 0, RC_BUG, "route %s: nobody may use it", r->path);
		NEED(r->max_body <= HTTP_BODY_MAX, RC_BUG, "route %s: body limit", r->path);
		NEED(r->media == NULL || r->max_body > 0, RC_BUG, "route %s: a media type but no body",
		     r->path);
		for (k = 0; k < i; k++)
			NEED(routes[k].method != r->method || strcmp(routes[k].path, r->path) != 0, RC_BUG,
			     "route %s %s stands twice", method_name(r->method), r->path);
	}
	return OK;
}
