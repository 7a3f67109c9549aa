#include "http/management.h"

static RC livez(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	return response_bytes(r, "text/plain; charset=utf-8", SLICE_LIT("ok\n"));
}

static json_t *one_check(const char *name, struct rc rc)
{
	json_t *o = json_object();

	json_put_cstr(o, "name", name);
	json_put_bool(o, "ok", rc_ok(rc));
	if (!rc_ok(rc)) {
		json_put_cstr(o, "code", err_info(rc_last()->err)->name);
		json_put_cstr(o, "detail", rc_last()->text);
	}
	return o;
}

static bool run_checks(const struct management *m, json_t *checks)
{
	bool ready = true;
	size_t i;

	for (i = 0; m->ready != NULL; i++) {
		const char *name = NULL;
		struct rc rc = m->ready(m->ctx, i, &name);

		if (name == NULL)
			break;
		ready = ready && rc_ok(rc);
		if (checks != NULL)
			(void)json_array_append_new(checks, one_check(name, rc));
	}
	return ready;
}

static RC readyz(void *ctx, const struct request *q, struct response *r)
{
	const struct management *m = ctx;
	struct slice verbose;
	json_t *checks = request_query(q, "verbose", &verbose) ? json_array() : NULL, *o = json_object();
	bool ready = run_checks(m, checks);

	json_put_cstr(o, "status", ready ? "ready" : "not-ready");
	if (checks != NULL)
		json_put_take(o, "checks", checks);
	if (!ready)
		response_unready(r);
	return response_json(r, o);
}

static RC metrics_page(void *ctx, const struct request *q, struct response *r)
{
	const struct management *m = ctx;
	AUTO_BUF(b, METRICS_TEXT_MAX);

	(void)q;
	if (m->metrics != NULL)
		metrics_write(m->metrics, &b);
	if (m->extra != NULL)
		m->extra(m->ctx, &b);
	return response_take(r, METRICS_MEDIA, &b);
}

const struct route management_routes[MANAGEMENT_ROUTES] = {
        {GET, "/livez", WHO_ANYONE, NULL, 0, HTTP_INLINE, livez, NULL},
        {GET, "/readyz", WHO_ANYONE, NULL, 0, 0, readyz, NULL},
        {GET, "/metrics", WHO_ANYONE, NULL, 0, 0, metrics_page, NULL},
};
