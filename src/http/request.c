#include "http/exchange.h"
#include "base/text.h"

#include <stdarg.h>

static bool find(const struct http_param *list, size_t count, const char *name, struct slice *ret)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (slice_is(list[i].name, name)) {
			*ret = list[i].value;
			return true;
		}
	return false;
}

struct slice request_param(const struct request *q, const char *name)
{
	struct slice r = SLICE_NONE;

	(void)find(q->params, q->param_count, name, &r);
	return r;
}

bool request_query(const struct request *q, const char *name, struct slice *ret)
{
	return find(q->query, q->query_count, name, ret);
}

RC request_query_int(const struct request *q, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	struct slice s;
	uint64_t v;

	if (!find(q->query, q->query_count, name, &s))
		return OK;
	NEED(min >= 0 && max >= min, RC_BUG, "query: range of %s", name);
	REQUIRE(rc_ok(text_u64(s, (uint64_t)max, &v)) && v >= (uint64_t)min, HTTP_TARGET,
	        "query: %s is a number from %lld to %lld", name, (long long)min, (long long)max);
	*ret = (int64_t)v;
	return OK;
}

static bool listed(struct slice name, va_list ap)
{
	const char *s;

	while ((s = va_arg(ap, const char *)) != NULL)
		if (slice_is(name, s))
			return true;
	return false;
}

RC request_query_only(const struct request *q, ...)
{
	size_t i;

	for (i = 0; i < q->query_count; i++) {
		va_list ap;
		bool known;

		va_start(ap, q);
		known = listed(q->query[i].name, ap);
		va_end(ap);
		REQUIRE(known, HTTP_TARGET, "query: unknown parameter %.*s", (int)q->query[i].name.len,
		        (const char *)q->query[i].name.p);
	}
	return OK;
}

struct slice request_header(const struct request *q, const char *name)
{
	char lower[64];
	size_t i, n = strlen(name);

	if (n >= sizeof(lower))
		return SLICE_NONE;
	for (i = 0; i <= n; i++)
		lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	return http_field(q->headers, q->header_count, lower);
}

RC request_json(const struct request *q, json_t **ret)
{
	return json_read(q->body, q->route->max_body, ret);
}

bool request_may_wait(const struct request *q)
{
	struct slice s;
	uint64_t v;

	return !q->waited && find(q->query, q->query_count, "wait", &s) &&
	       rc_ok(text_u64(s, HTTP_WAIT_MAX, &v)) && v > 0;
}

uint64_t http_key(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a; a collision only wakes somebody too many */
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 0x100000001b3u;
	return h;
}
