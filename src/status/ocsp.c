/* OCSP (RFC 6960, RFC 5019).  The loop itself answers who asks about one certificate without a nonce from
 * the cache, and whom nothing needs to be signed for; all others of one pass go to the signer together.  Who
 * asks badly gets an OCSP error, not an HTTP error (RFC 6960, appendix A). */
#include "status/status.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "signer/client.h"
#include "sm/sm3.h"

#define OCSP_MEDIA "application/ocsp-response"

/* One request on its way through a batch. */
struct asking {
	struct ocsp_request request;
	struct issuer *issuer;
	struct buf data; /* ResponseData */
	enum ocsp_error error;
	enum answer answer;
	bool by_get, keep;
	uint32_t mark;
	int64_t this_update, next_update;
};

/* ---- what is said ---- */

int64_t status_known(struct status *s)
{
	int64_t age = status_age(s), head = head_taken(s);

	if (age == INT64_MAX || (age >= STATUS_ANSWER_SECONDS && head == 0))
		return head;
	return clock_now() - age;
}

static void times(struct status *s, struct asking *a)
{
	int64_t now = clock_now(), known = status_known(s), relied = head_relied(s), until;

	/* cut off from a CA whose head still holds: what was known then is said now */
	until = now - known < STATUS_ANSWER_SECONDS ? known + STATUS_ANSWER_SECONDS
	                                            : now + STATUS_ANSWER_SECONDS;
	if (s->rules.hold > 0 && !a->request.has_nonce)
		until = now + s->rules.hold;
	a->this_update = known;
	a->next_update = until < relied ? until : relied;
}

static void single(struct status *s, const struct asking *a, const struct ocsp_id *id,
                   struct ocsp_single *ret)
{
	uint8_t issuer = (uint8_t)(a->issuer - s->issuer);
	struct table_entry e;

	*ret = (struct ocsp_single){
	        .id = id->der,
	        .status = OCSP_UNKNOWN,
	        .this_update = a->this_update,
	        .next_update = a->next_update,
	        .archive_cutoff = s->rules.archive > 0 ? clock_now() - s->rules.archive : 0,
	};
	if (table_find(&s->table, issuer, id->serial, &e)) {
		ret->status = e.revoked ? OCSP_REVOKED : OCSP_GOOD;
		ret->revoked_at = e.revoked_at;
		ret->reason = (enum crl_reason)e.reason;
	} else if (s->rules.extended[issuer]) {
		/* RFC 6960 2.2: never issued, said as revoked: on hold since 1970 */
		ret->status = OCSP_REVOKED;
		ret->revoked_at = 0;
		ret->reason = REASON_HOLD;
	}
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

static struct cache_name name_of(const struct status *s, const struct asking *a)
{
	return (struct cache_name){
	        .issuer = (uint8_t)(a->issuer - s->issuer),
	        .serial = a->request.ids[0].serial,
	        .id = a->request.ids[0].der,
	};
}

static RC build(struct status *s, struct asking *a)
{
	AUTO_MEM(struct ocsp_data, d, mem_new(1, sizeof(*d)));
	struct cache_name name = name_of(s, a);

	NEED(d != NULL, RC_NOMEM, "no memory for an OCSP answer");
	if (a->keep)
		a->mark = cache_mark(s->cache, &name);
	times(s, a);
	d->responder = SLICE_ARR(a->issuer->responder_key);
	d->produced_at = clock_now();
	d->count = a->request.count;
	d->has_nonce = a->request.has_nonce;
	d->nonce = a->request.nonce;
	d->extended_revoke = s->rules.extended[name.issuer];
	for (size_t i = 0; i < d->count; i++)
		single(s, a, &a->request.ids[i], &d->singles[i]);
	a->answer = (enum answer)d->singles[0].status;
	return ocsp_data_build(d, &a->data);
}

/* ---- who asks ---- */

/* The signer of a request: certified by an authority of ours, and not revoked. */
static RC check_signer(struct status *s, const struct ocsp_request *q)
{
	struct table_entry e;
	struct cert by;

	TRY(ocsp_request_signer(q, &by));
	for (size_t i = 0; i < s->issuers; i++) {
		const struct trust_authority *a = trust_authority(s->trust, s->issuer[i].id);

		if (a == NULL || !slice_equal(by.issuer, a->cert.subject))
			continue;
		TRY(ocsp_request_verify(q, &by, &a->cert, clock_now()));
		NEED(table_find(&s->table, (uint8_t)i, by.serial, &e) && !e.revoked, RC_DENIED,
		     "the request's signer is not in good standing");
		return OK;
	}
	FAIL(RC_DENIED, "the request's signer is a stranger");
}

static enum ocsp_error admit(struct status *s, const struct ocsp_request *q)
{
	if (s->rules.asking == SIGNED_IGNORED)
		return OCSP_SUCCESSFUL;
	if (q->signature.len == 0)
		return s->rules.asking == SIGNED_REQUIRED ? OCSP_SIG_REQUIRED : OCSP_SUCCESSFUL;
	return rc_ok(check_signer(s, q)) ? OCSP_SUCCESSFUL : OCSP_UNAUTHORIZED;
}

/* All that can be said without a signature. */
static void look(struct status *s, struct slice der, struct asking *a)
{
	a->error = OCSP_SUCCESSFUL;
	if (!rc_ok(ocsp_request_parse(der, &a->request)) || a->request.count == 0) {
		a->error = OCSP_MALFORMED;
	} else if (atomic_load(&s->broken) || status_known(s) == 0 || clock_now() >= head_relied(s)) {
		a->error = OCSP_TRY_LATER;
	} else {
		a->issuer = issuer_of(s, &a->request);
		a->error = a->issuer == NULL ? OCSP_UNAUTHORIZED : admit(s, &a->request);
	}
	a->keep = a->error == OCSP_SUCCESSFUL && a->request.count == 1 && !a->request.has_nonce;
}

/* ---- answers ---- */

static RC answer_error(struct status *s, enum ocsp_error e, struct response *r)
{
	atomic_fetch_add(&s->answers[ANSWER_FAILED], 1);
	return response_bytes(r, OCSP_MEDIA, ocsp_error_response(e));
}

/* RFC 5019 6.2.  A copy held for long would hide a revocation: only answers made ahead may be. */
static void put_caching(const struct status *s, const struct cache_answer *c, struct response *r)
{
	int64_t left = c->next_update - clock_now(), age = s->rules.hold > 0 && left > 1 ? left : 1;
	static const char digits[] = "0123456789abcdef";
	uint8_t tag[2 * CACHE_TAG];

	for (size_t i = 0; i < sizeof(tag); i++)
		tag[i] = (uint8_t)digits[c->tag[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
	response_cache(r, &(struct cache_rule){
	                          .max_age = (unsigned)age,
	                          .revalidate = true,
	                          .etag = slice_of(tag, sizeof(tag)),
	                          .modified = c->this_update,
	                          .expires = clock_now() + age,
	                  });
}

static RC answer_kept(struct status *s, const struct asking *a, const struct cache_answer *c,
                      struct response *r)
{
	const struct responder *by = c->by;
	struct slice parts[2] = {c->der, buf_slice(&by->der)};

	atomic_fetch_add(&s->answers[c->kind], 1);
	if (a->by_get)
		put_caching(s, c, r);
	return response_parts(r, OCSP_MEDIA, parts, 2);
}

/* False: it must be signed, or said on a worker. */
static bool answer_at_once(struct status *s, struct asking *a, struct response *r, struct rc *rc)
{
	struct cache_name name;
	uint8_t room[OCSP_KEPT_BESIDE + KEY_SIG_MAX];
	struct cache_answer c;

	if (a->error != OCSP_SUCCESSFUL) {
		*rc = answer_error(s, a->error, r);
		return true;
	}
	if (!a->keep)
		return false;
	name = name_of(s, a);
	if (!cache_find(s->cache, &name, clock_now(), room, &c) || c.by != atomic_load(&a->issuer->responder))
		return false;
	*rc = answer_kept(s, a, &c, r);
	return true;
}

/* Until when it is given again: never past what it says itself. */
static int64_t kept_until(const struct status *s, const struct asking *a)
{
	int64_t now = clock_now(), left = a->next_update - now;
	int64_t until = now + (s->rules.hold > 0 ? left - left / 4 : s->rules.again);

	return until < a->next_update ? until : a->next_update;
}

static RC answer_signed(struct status *s, struct asking *a, const struct signer_result *sig,
                        struct response *r)
{
	const struct responder *by = atomic_load(&a->issuer->responder);
	struct cache_name name = name_of(s, a);
	struct cache_answer c = {.by = by, .this_update = a->this_update, .next_update = a->next_update};
	AUTO_BUF(der, OCSP_RESPONSE_MAX);
	uint8_t sm3[SM3_LEN];

	TRY(ocsp_response_assemble(buf_slice(&a->data), a->issuer->alg, slice_of(sig->sig, sig->len),
	                           buf_slice(&by->der), &der));
	if (a->keep) {
		sm3_hash(buf_slice(&a->data), sm3);
		memcpy(c.tag, sm3, CACHE_TAG);
		c.kind = (uint8_t)a->answer;
		c.until = kept_until(s, a);
		c.der = slice_of(der.p, der.len - by->der.len);
		/* never issued is asked for by everybody: those answers shall not drive out others */
		if (a->answer != ANSWER_UNKNOWN)
			(void)cache_put(s->cache, &name, a->mark, &c);
		if (a->by_get)
			put_caching(s, &c, r);
	}
	atomic_fetch_add(&s->answers[a->answer], 1);
	return response_take(r, OCSP_MEDIA, &der);
}

static RC answer(struct status *s, struct asking *a, const struct signer_result *sig, struct response *r)
{
	if (a->error == OCSP_SUCCESSFUL && (sig == NULL || !sig->ok))
		a->error = OCSP_TRY_LATER;
	if (a->error != OCSP_SUCCESSFUL)
		return answer_error(s, a->error, r);
	return answer_signed(s, a, sig, r);
}

/* ---- batches ---- */

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

/* On a worker: everything is signed fresh. */
static void serve(struct status *s, const struct slice *der, struct response *const *r, size_t n, bool by_get)
{
	AUTO_MEM(struct asking, a, mem_new(n, sizeof(*a)));
	AUTO_MEM(struct signer_result, sig, mem_new(n, sizeof(*sig)));

	for (size_t i = 0; i < n; i++) {
		if (a == NULL || sig == NULL) {
			batch_failed(r[i], rc_fail(RC_NOMEM, "no memory for OCSP answers"));
			continue;
		}
		a[i].data = BUF(OCSP_DATA_MAX);
		a[i].by_get = by_get;
		look(s, der[i], &a[i]);
		if (a[i].error == OCSP_SUCCESSFUL && !rc_ok(build(s, &a[i])))
			a[i].error = OCSP_INTERNAL;
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

/* On the loop. */
static void serve_at_once(struct status *s, struct slice der, bool by_get, struct response *r)
{
	struct asking a;
	struct rc rc = OK;

	a.by_get = by_get;
	look(s, der, &a);
	if (!answer_at_once(s, &a, r, &rc))
		rc = response_offload(r);
	if (!rc_ok(rc))
		batch_failed(r, rc);
}

void ocsp_post(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	struct slice der[HTTP_BATCH_MAX] = {0};

	if (!q[0]->offloaded) {
		for (size_t i = 0; i < n; i++)
			serve_at_once(instance_state(ctx), q[i]->body, false, r[i]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		der[i] = q[i]->body;
	serve(instance_state(ctx), der, r, n, false);
}

/* RFC 6960 A.1: the rest of the path is base64, escaped.  What is not base64 is not a request: an empty one
 * gets malformedRequest. */
static struct slice read_path(const struct request *q, struct buf *hold)
{
	*hold = BUF(OCSP_REQUEST_MAX);
	if (!rc_ok(text_base64(request_param(q, "request"), hold)))
		buf_clear(hold);
	return buf_slice(hold);
}

void ocsp_get(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	struct slice der[HTTP_BATCH_MAX] = {0};
	struct buf bytes[HTTP_BATCH_MAX];

	for (size_t i = 0; i < n; i++)
		der[i] = read_path(q[i], &bytes[i]);
	if (q[0]->offloaded)
		serve(instance_state(ctx), der, r, n, true);
	for (size_t i = 0; i < n; i++) {
		if (!q[i]->offloaded)
			serve_at_once(instance_state(ctx), der[i], true, r[i]);
		buf_free(&bytes[i]);
	}
}

void ocsp_changed(struct status *s, uint8_t issuer, struct slice serial)
{
	cache_drop(s->cache, issuer, serial);
}
