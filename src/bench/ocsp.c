/* ocsp.fresh: POST /ocsp with a nonce for issued certificates; each answer is signed for its request. */
#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"
#include "bench/approved.h"
#include "bench/crew.h"
#include "bench/measure.h"
#include "bench/peer.h"
#include "pki/ocsp.h"

#define ASKERS 32
#define SERIALS 64
#define WINDOW 8.0
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

struct lane {
	struct desk *desk;
	struct wire *wire;
	struct buf request, answer;
	size_t turn;
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

/* ---- asking ---- */

/* RC_BUSY unless the answer says good for this serial and repeats the nonce. */
static RC check(const struct desk *d, struct slice der, struct slice nonce, struct slice serial, bool verify)
{
	struct ocsp_response r;
	struct ocsp_single single;

	TRY(ocsp_response_parse(der, &r));
	NEED(r.status == OCSP_SUCCESSFUL, RC_BUSY, "bench: OCSP says %s", ocsp_error_name(r.status));
	NEED(r.data.has_nonce && r.data.nonce.len >= nonce.len &&
	             memcmp(r.data.nonce.p + r.data.nonce.len - nonce.len, nonce.p, nonce.len) == 0,
	     RC_BUSY, "bench: another nonce");
	TRY(ocsp_response_find(&r, &d->issuer, serial, &single));
	NEED(single.status == OCSP_GOOD, RC_BUSY, "bench: the status is %s", ocsp_status_name(single.status));
	return verify ? ocsp_response_verify(&r, &d->ca, clock_now(), NULL) : OK;
}

static RC ask(struct lane *l, size_t turn, bool verify)
{
	const struct desk *d = l->desk;
	struct slice serial = buf_slice(&d->serial[turn % d->count]);
	uint8_t nonce[NONCE];
	unsigned status = 0;

	TRY(rand_bytes(nonce, sizeof(nonce)));
	buf_clear(&l->request);
	TRY(ocsp_request_build(&d->issuer, OID_SM3, &serial, 1, SLICE_ARR(nonce), &l->request));
	TRY(wire_call(l->wire, "POST", d->path, "application/ocsp-request", buf_slice(&l->request), &status,
	              &l->answer));
	NEED(status == 200, RC_BUSY, "bench: OCSP: %u", status);
	return check(d, buf_slice(&l->answer), SLICE_ARR(nonce), serial, verify);
}

static struct rc one_answer(void *arg, size_t *units)
{
	struct lane *l = arg;
	struct rc rc = ask(l, l->turn++, false);

	*units = 1;
	return rc.code == RC_NOTFOUND ? rc_fail(RC_BUSY, "%s", rc_last()->text) : rc;
}

static void lane_close(void *arg)
{
	struct lane *l = arg;

	wire_close(l->wire);
	buf_free(&l->request);
	buf_free(&l->answer);
	mem_free(l);
}

static struct rc lane_open(void *arg, void **ret)
{
	struct lane *l = mem_new(1, sizeof(*l));
	struct rc rc;

	NEED(l != NULL, RC_NOMEM, "bench: no memory");
	*l = (struct lane){.desk = arg, .request = BUF(OCSP_REQUEST_MAX), .answer = BUF(OCSP_RESPONSE_MAX)};
	rc = wire_open(l->desk->base, NULL, &l->wire);
	if (!rc_ok(rc))
		lane_close(l);
	else
		*ret = l;
	return rc;
}

/* status learns of certificates through the log; each answer is also verified once, outside the time. */
static RC wait_known(struct desk *d)
{
	double until = seconds_now() + KNOWN_SECONDS;
	void *lane = NULL;
	struct rc rc;
	size_t i;

	TRY(lane_open(d, &lane));
	for (i = 0, rc = OK; i < d->count;) {
		rc = ask(lane, i, true);
		if (!rc_ok(rc) && seconds_now() > until)
			break;
		i += rc_ok(rc);
	}
	lane_close(lane);
	return rc;
}

static RC run(struct bench *b, struct desk *d)
{
	struct crew c = {.threads = ASKERS,
	                 .warm = 1,
	                 .window = WINDOW,
	                 .arg = d,
	                 .open = lane_open,
	                 .close = lane_close,
	                 .step = one_answer};
	struct bench_row row = {.name = "ocsp.fresh", .unit = "1/s", .peer = rows_openssl()};
	struct crew_result r;
	struct platform *p;

	TRY(platform_get(b, &p));
	TRY(split_url(p, d));
	TRY(load_ca(p, d));
	TRY(issue_some(p, d));
	TRY(wait_known(d));
	TRY(crew_run(&c, &r));
	TRY(peer_ocsp(&row.peer_value));
	row.value = r.rate;
	TRY(rows_add(&b->rows, &row));
	row = (struct bench_row){.name = "ocsp.fresh.errors", .value = (double)r.errors, .unit = "answers"};
	if (r.errors > 0)
		fprintf(stderr, "bench: ocsp.fresh: %s\n", r.why.text);
	return rows_add(&b->rows, &row);
}

RC bench_ocsp(struct bench *b)
{
	struct desk d = {.ca_der = BUF(CERT_DER_MAX)};
	struct rc rc = run(b, &d);
	size_t i;

	for (i = 0; i < d.count; i++)
		buf_free(&d.serial[i]);
	buf_free(&d.ca_der);
	return rc;
}
