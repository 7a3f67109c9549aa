/* OCSP (RFC 6960): every answer is signed fresh from the table; all requests of one pass of the loop go to
 * the signer together.  Who asks badly gets an OCSP error, not an HTTP error (RFC 6960, appendix A). */
#include "status/status.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "signer/client.h"

#define OCSP_MEDIA "application/ocsp-response"

/* One request on its way through a batch. */
struct asking {
	struct ocsp_request request;
	struct issuer *issuer;
	struct buf data; /* ResponseData */
	enum ocsp_error error;
	enum answer answer;
};

static void single(struct status *s, const struct asking *a, const struct ocsp_id *id,
                   struct ocsp_single *ret)
{
	struct table_entry e;
	int64_t known = clock_now() - status_age(s), until = known + STATUS_ANSWER_SECONDS;

	*ret = (struct ocsp_single){
	        .id = id->der,
	        .status = OCSP_UNKNOWN,
	        .this_update = known,
	        .next_update = until < head_relied(s) ? until : head_relied(s),
	};
	if (!table_find(&s->table, (uint8_t)(a->issuer - s->issuer), id->serial, &e))
		return;
	ret->status = e.revoked ? OCSP_REVOKED : OCSP_GOOD;
	ret->revoked_at = e.revoked_at;
	ret->reason = (enum crl_reason)e.reason;
}

/* The issuer that all ids mean; NULL when one is a stranger's or they differ. */
static struct issuer *issuer_of(struct status *s, const struct ocsp_request *q)
{
	for (size_t i = 0; i < s->issuers; i++) {
		size_t n = 0;
		while (n < q->count && ocsp_issuer_matches(&s->issuer[i].hashes, &q->ids[n]))
			n++;
		if (n > 0)
			return n == q->count ? &s->issuer[i] : NULL;
	}
	return NULL;
}

static RC build(struct status *s, struct asking *a)
{
	AUTO_MEM(struct ocsp_data, d, mem_new(1, sizeof(*d)));

	NEED(d != NULL, RC_NOMEM, "no memory for an OCSP answer");
	d->responder = SLICE_ARR(a->issuer->responder_key);
	d->produced_at = clock_now();
	d->count = a->request.count;
	d->has_nonce = a->request.has_nonce;
	d->nonce = a->request.nonce;
	for (size_t i = 0; i < d->count; i++)
		single(s, a, &a->request.ids[i], &d->singles[i]);
	a->answer = (enum answer)d->singles[0].status;
	return ocsp_data_build(d, &a->data);
}

static void ask(struct status *s, struct slice der, struct asking *a)
{
	a->error = OCSP_SUCCESSFUL;
	a->data = BUF(OCSP_DATA_MAX);
	if (!rc_ok(ocsp_request_parse(der, &a->request)) || a->request.count == 0) {
		a->error = OCSP_MALFORMED;
		return;
	}
	if (atomic_load(&s->broken) || status_age(s) >= STATUS_ANSWER_SECONDS ||
	    clock_now() >= head_relied(s)) {
		a->error = OCSP_TRY_LATER;
		return;
	}
	a->issuer = issuer_of(s, &a->request);
	if (a->issuer == NULL)
		a->error = OCSP_UNAUTHORIZED;
	else if (!rc_ok(build(s, a)))
		a->error = OCSP_INTERNAL;
}

static RC answer(struct status *s, struct asking *a, const struct signer_result *sig, struct response *r)
{
	AUTO_BUF(der, OCSP_RESPONSE_MAX);

	if (a->error == OCSP_SUCCESSFUL && (sig == NULL || !sig->ok))
		a->error = OCSP_TRY_LATER;
	if (a->error != OCSP_SUCCESSFUL) {
		atomic_fetch_add(&s->answers[ANSWER_FAILED], 1);
		return response_bytes(r, OCSP_MEDIA, ocsp_error_response(a->error));
	}
	atomic_fetch_add(&s->answers[a->answer], 1);
	TRY(ocsp_response_assemble(buf_slice(&a->data), a->issuer->alg, slice_of(sig->sig, sig->len),
	                           responder_der(a->issuer), &der));
	return response_take(r, OCSP_MEDIA, &der);
}

/* Signs for one issuer all answers that wait for it; which[] are their places. */
static void sign(struct status *s, struct issuer *i, struct asking *a, size_t n, struct signer_result *ret)
{
	struct slice tbs[HTTP_BATCH_MAX];
	size_t which[HTTP_BATCH_MAX], count = 0;
	AUTO_MEM(struct signer_result, some, NULL);

	for (size_t k = 0; k < n; k++) {
		if (a[k].error == OCSP_SUCCESSFUL && a[k].issuer == i) {
			which[count] = k;
			tbs[count++] = buf_slice(&a[k].data);
		}
	}
	if (count == 0)
		return;
	some = mem_new(count, sizeof(*some));
	if (some == NULL || !rc_ok(signer_ocsp(instance_signer(s->in), slice_text(i->key), tbs, some, count)))
		return;
	for (size_t k = 0; k < count; k++)
		ret[which[k]] = some[k];
}

static void serve(struct status *s, const struct slice *der, struct response *const *r, size_t n)
{
	AUTO_MEM(struct asking, a, mem_new(n, sizeof(*a)));
	AUTO_MEM(struct signer_result, sig, mem_new(n, sizeof(*sig)));

	for (size_t i = 0; i < n; i++) {
		if (a == NULL || sig == NULL)
			batch_failed(r[i], rc_fail(RC_NOMEM, "no memory for OCSP answers"));
		else
			ask(s, der[i], &a[i]);
	}
	if (a == NULL || sig == NULL)
		return;
	for (size_t i = 0; i < s->issuers; i++)
		sign(s, &s->issuer[i], a, n, sig);
	for (size_t i = 0; i < n; i++) {
		struct rc rc = answer(s, &a[i], &sig[i], r[i]);
		if (!rc_ok(rc))
			batch_failed(r[i], rc);
		buf_free(&a[i].data);
	}
}

void ocsp_post(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	struct slice der[HTTP_BATCH_MAX] = {0};

	for (size_t i = 0; i < n; i++)
		der[i] = q[i]->body;
	serve(instance_state(ctx), der, r, n);
}

/* RFC 6960 A.1: the rest of the path is base64, escaped. */
void ocsp_get(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	struct slice der[HTTP_BATCH_MAX] = {0};
	struct buf bytes[HTTP_BATCH_MAX];

	for (size_t i = 0; i < n; i++) {
		bytes[i] = BUF(OCSP_REQUEST_MAX);
		/* what is not base64 is not a request: an empty one gets malformedRequest */
		if (!rc_ok(text_base64(request_param(q[i], "request"), &bytes[i])))
			buf_clear(&bytes[i]);
		der[i] = buf_slice(&bytes[i]);
	}
	serve(instance_state(ctx), der, r, n);
	for (size_t i = 0; i < n; i++)
		buf_free(&bytes[i]);
}
