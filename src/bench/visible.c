#include "bench/visible.h"

#include "base/text.h"
#include "bench/issue.h"
#include "bench/measure.h"
#include "bench/wire.h"

#include <pthread.h>
#include <stdatomic.h>

#define CLIENTS 8
#define SECONDS 5.0
#define SAMPLES 8192
#define LIMIT_SECONDS 20

struct watch {
	const struct visible *v;
	pthread_mutex_t lock;
	double ms[SAMPLES];
	size_t n;
	atomic_size_t never;
};

static RC ask(const struct visible *v, struct wire *w, struct slice serial, enum ocsp_status *ret)
{
	AUTO_BUF(request, OCSP_REQUEST_MAX);
	AUTO_BUF(answer, OCSP_RESPONSE_MAX);
	struct ocsp_response r;
	struct ocsp_single single;
	unsigned status = 0;

	TRY(ocsp_request_build(v->issuer, OID_SM3, &serial, 1, SLICE_NONE, &request));
	TRY(wire_call(w, "POST", v->path, "application/ocsp-request", buf_slice(&request), &status, &answer));
	TRY(ocsp_response_parse(buf_slice(&answer), &r));
	NEED(status == 200 && r.status == OCSP_SUCCESSFUL, RC_BUSY, "bench: OCSP: %u", status);
	TRY(ocsp_response_find(&r, v->issuer, serial, &single));
	*ret = single.status;
	return OK;
}

/* Until the answer says so; *ms from the call on. */
static RC wait_for(const struct visible *v, const char *text, enum ocsp_status want, double *ms)
{
	double from = seconds_now();
	enum ocsp_status got = OCSP_UNKNOWN;
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	struct wire *w = NULL;
	struct rc rc;

	TRY(cert_serial_from_text(slice_text(text), &serial));
	rc = wire_open(v->base, NULL, &w);
	while (rc_ok(rc) && got != want && seconds_now() - from < LIMIT_SECONDS)
		rc = ask(v, w, buf_slice(&serial), &got);
	*ms = (seconds_now() - from) * 1000;
	wire_close(w);
	TRY(rc);
	NEED(got == want, RC_BUSY, "bench: %s is not %s", text, ocsp_status_name(want));
	return OK;
}

static void seen(void *arg, const char *serial, bool revoked)
{
	struct watch *w = arg;
	double ms = 0;

	if (!rc_ok(wait_for(w->v, serial, revoked ? OCSP_REVOKED : OCSP_GOOD, &ms)))
		atomic_fetch_add(&w->never, 1);
	if (!revoked)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->n < SAMPLES)
		w->ms[w->n++] = ms;
	pthread_mutex_unlock(&w->lock);
}

static RC add(struct bench *b, const char *name, double value, const char *unit)
{
	struct bench_row row = {.value = value, .unit = unit};

	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	return rows_add(&b->rows, &row);
}

RC visible_rows(struct bench *b, struct platform *p, const struct visible *v)
{
	struct watch w = {.v = v, .lock = PTHREAD_MUTEX_INITIALIZER};
	double p50;

	TRY(issue_revoked(p, CLIENTS, SECONDS, seen, &w));
	NEED(w.n > 0, RC_BUSY, "bench: nothing was revoked");
	p50 = median(w.ms, w.n); /* sorts */
	TRY(add(b, "revoke.visible_ms_p50", p50, "ms"));
	TRY(add(b, "revoke.visible_ms_p99", w.ms[(w.n - 1) * 99 / 100], "ms"));
	return add(b, "revoke.visible.errors", (double)atomic_load(&w.never), "answers");
}
