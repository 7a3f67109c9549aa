#include "bench/approved.h"

#include "asn1/der.h"
#include "base/rand.h"
#include "base/text.h"
#include "evidence/bundle.h"
#include "sm/sm3.h"

#define CA "shifan/ca"
#define VAULT "shifan/vault"
#define AUTHORITY "sm2"
#define ITEM_MAX (64u << 10)
#define UUID_LEN 36
#define WAIT_ROUNDS 12 /* of 5 s */

static RC random_uuid(char ret[UUID_LEN + 1])
{
	uint8_t r[16];

	TRY(rand_bytes(r, sizeof(r)));
	(void)snprintf(ret, UUID_LEN + 1,
	               "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
	               r[2], r[3], r[4], r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10], r[11], r[12], r[13],
	               r[14], r[15]);
	return OK;
}

struct clerks {
	struct clerk entry, review;
	struct profile *profile;
};

static RC put_item(struct approved *ret, struct slice application, struct slice approval)
{
	uint8_t sm3[SM3_LEN];
	AUTO_BUF(hex, sizeof(ret->key));

	sm3_hash(approval, sm3);
	buf_hex(&hex, SLICE_ARR(sm3));
	TRY(buf_done(&hex));
	(void)snprintf(ret->key, sizeof(ret->key), "%s", buf_cstr(&hex));
	ret->json = BUF(ITEM_MAX);
	buf_printf(&ret->json, "{\"key\":\"%s\",\"application\":\"", ret->key);
	buf_base64(&ret->json, application);
	buf_text(&ret->json, "\",\"approval\":\"");
	buf_base64(&ret->json, approval);
	buf_text(&ret->json, "\"}");
	return buf_done(&ret->json);
}

static RC make_one(const struct clerks *c, const struct applicant *a, struct approved *ret)
{
	AUTO_JSON(application, NULL);
	AUTO_JSON(approval, NULL);
	AUTO_BUF(subject, 4096);
	AUTO_BUF(first, STATEMENT_MAX);
	AUTO_BUF(second, STATEMENT_MAX);
	uint8_t sm3[SM3_LEN];
	char entity[UUID_LEN + 1], id[UUID_LEN + 1];
	struct applicant_case k = {.a = a, .application_sm3 = sm3, .authority = slice_text(AUTHORITY)};

	TRY(applicant_application(a, &application));
	TRY(applicant_subject(c->profile, application, &subject));
	TRY(clerk_sign(&c->entry, STATEMENT_APPLICATION, application, &first));
	sm3_hash(buf_slice(&first), sm3);
	TRY(random_uuid(entity));
	TRY(random_uuid(id));
	k.id = slice_text(id);
	k.entity = slice_text(entity);
	k.subject = buf_slice(&subject);
	TRY(applicant_approval(&k, &approval));
	TRY(clerk_sign(&c->review, STATEMENT_APPROVAL, approval, &second));
	return put_item(ret, buf_slice(&first), buf_slice(&second));
}

static RC open_clerks(const struct platform *p, struct clerks *c)
{
	TRY(clerk_open(p, "entry", "entry", &c->entry));
	TRY(clerk_open(p, "review", "review", &c->review));
	return profile_builtin(APPLICANT_PROFILE, &c->profile);
}

static RC fill(const struct clerks *c, const struct applicant *a, size_t n, struct approved_list *l)
{
	for (l->count = 0; l->count < n; l->count++)
		TRY(make_one(c, &a[l->count], &l->at[l->count]));
	return OK;
}

/* The vault has the originals before the CA is asked, as from the RA. */
static RC send_originals(const struct platform *p, const struct applicant *a, size_t n)
{
	AUTO(wire_identity, identity, NULL);
	AUTO(wire, wire, NULL);
	const char *url;

	TRY(ra_identity(p, &identity, &url));
	TRY(platform_url(p, VAULT, "api", &url));
	TRY(wire_open(url, identity, &wire));
	for (size_t i = 0; i < n;) {
		AUTO_DER(w, BUNDLE_MAX);
		AUTO_BUF(body, BUNDLE_MAX);
		AUTO_BUF(answer, WIRE_ANSWER_MAX);
		unsigned status = 0;

		der_begin(&w, DER_SEQUENCE);
		for (size_t k = 0; k < BUNDLE_SHARED && i < n; k++, i++) {
			uint8_t evidence[APPLICANT_EVIDENCE];

			applicant_evidence(&a[i], evidence);
			der_put_octets(&w, SLICE_ARR(evidence));
		}
		der_end(&w);
		TRY(der_finish(&w, &body));
		TRY(wire_call(wire, "POST", "/v1/originals", BUNDLE_MEDIA, buf_slice(&body), &status,
		              &answer));
		NEED(status == 200, RC_BUSY, "bench: the vault says %u %.200s", status, buf_cstr(&answer));
	}
	return OK;
}

RC approved_new(const struct platform *p, size_t n, struct approved_list *ret)
{
	struct clerks c = {.profile = NULL};
	struct applicant *a = NULL;
	struct rc rc;

	*ret = (struct approved_list){.at = mem_new(n, sizeof(struct approved))};
	NEED(ret->at != NULL, RC_NOMEM, "bench: no memory");
	rc = applicants_new(n, &a);
	if (rc_ok(rc))
		rc = open_clerks(p, &c);
	if (rc_ok(rc))
		rc = fill(&c, a, n, ret);
	if (rc_ok(rc))
		rc = send_originals(p, a, n);
	applicants_free(a, n);
	clerk_close(&c.entry);
	clerk_close(&c.review);
	profile_free(c.profile);
	if (!rc_ok(rc))
		approved_free(ret);
	return rc;
}

void approved_free(struct approved_list *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		buf_free(&l->at[i].json);
	mem_free(l->at);
	*l = (struct approved_list){.at = NULL};
}

RC ra_identity(const struct platform *p, struct wire_identity **ret, const char **url)
{
	char certificate[PLATFORM_PATH_MAX], key[PLATFORM_PATH_MAX], trust[PLATFORM_PATH_MAX];

	TRY(platform_url(p, CA, "api", url));
	TRY(platform_path(p, "shifan/ra/tls/cert.pem", certificate));
	TRY(platform_path(p, "shifan/ra/tls/key.pem", key));
	TRY(platform_path(p, "demo/ca/shifan-tls.pem", trust));
	return wire_identity_new(certificate, key, NULL, trust, ret);
}

/* ---- sending ---- */

static RC read_answer(unsigned status, struct buf *answer, json_t **ret)
{
	NEED(status >= 200 && status < 300, RC_BUSY, "bench: the CA says %u %.200s", status,
	     buf_cstr(answer));
	return json_read(buf_slice(answer), JSON_MAX, ret);
}

/* "issued" is whole; whatever else is final is an error, "pending" is waited for. */
static RC wait_issued(struct wire *w, const json_t *result, struct buf *answer)
{
	struct slice key, state;
	char path[160];
	int i;

	TRY(json_get_text(result, "key", 64, &key));
	TRY(json_get_text(result, "state", 32, &state));
	if (slice_is(state, "issued"))
		return OK;
	(void)snprintf(path, sizeof(path), "/v1/requests/%.*s?wait=5", (int)key.len, (const char *)key.p);
	for (i = 0; i < WAIT_ROUNDS && !slice_is(state, "refused"); i++) {
		AUTO_JSON(now, NULL);
		unsigned status = 0;

		TRY(wire_call(w, "GET", path, NULL, SLICE_NONE, &status, answer));
		TRY(read_answer(status, answer, &now));
		TRY(json_get_text(now, "state", 32, &state));
		if (slice_is(state, "issued"))
			return OK;
	}
	FAIL(RC_BUSY, "bench: a request is not issued");
}

static RC take_results(struct wire *w, const json_t *results, struct buf *answer, size_t *issued)
{
	json_t *one;
	size_t i;

	json_array_foreach(results, i, one)
	{
		TRY(wait_issued(w, one, answer));
		(*issued)++;
	}
	return OK;
}

RC approved_send(struct wire *w, const struct approved *a, size_t n, size_t *issued,
                 void (*each)(void *arg, const json_t *result), void *arg)
{
	AUTO_BUF(body, WIRE_ANSWER_MAX);
	AUTO_BUF(answer, WIRE_ANSWER_MAX);
	AUTO_JSON(o, NULL);
	json_t *results, *one;
	unsigned status = 0;
	size_t i;

	*issued = 0;
	buf_text(&body, "{\"requests\":[");
	for (i = 0; i < n; i++) {
		buf_text(&body, i > 0 ? "," : "");
		buf_add(&body, buf_slice(&a[i].json));
	}
	buf_text(&body, "]}");
	TRY(buf_done(&body));
	TRY(wire_call(w, "POST", "/v1/requests", "application/json", buf_slice(&body), &status, &answer));
	TRY(read_answer(status, &answer, &o));
	TRY(json_get_array(o, "results", APPROVED_BATCH, &results));
	TRY(take_results(w, results, &answer, issued));
	json_array_foreach(results, i, one)
	{
		if (each != NULL)
			each(arg, one);
	}
	return OK;
}
