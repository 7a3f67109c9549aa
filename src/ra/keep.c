/* What the vault gets from the registration authority (R24.2): originals of the evidence before the CA hears
 * of an application, and with the feed of the log the statements that stand behind its entries. */
#include "asn1/der.h"
#include "base/text.h"
#include "evidence/bundle.h"
#include "evidence/record.h"
#include "ra/ra.h"

#define KEEP_DEADLINE_MS 30000
#define KEEP_HASHES_MAX 8192     /* of one batch of applications */
#define KEEP_UNASKED (128 << 10) /* so few bytes are sent sooner than the vault is asked what it lacks */

struct hashes {
	uint8_t (*at)[RECORD_ID];
	size_t count;
	int64_t bytes;
};

static void hashes_free(struct hashes *h)
{
	if (h == NULL)
		return;
	mem_free(h->at);
	mem_free(h);
}
DROP(hashes, hashes_free);

static RC add_hash(struct hashes *h, const uint8_t sm3[RECORD_ID])
{
	for (size_t i = 0; i < h->count; i++)
		if (memcmp(h->at[i], sm3, RECORD_ID) == 0)
			return OK;
	NEED(h->count < KEEP_HASHES_MAX, RC_INPUT, "more than %d pieces of evidence at once",
	     KEEP_HASHES_MAX);
	memcpy(h->at[h->count++], sm3, RECORD_ID);
	return OK;
}

static RC gather(struct db *db, int64_t application, struct hashes *h)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	json_t *list;

	TRY(ra_store_bodies(db, application, &(struct ra_bodies){.statement = &der}));
	TRY(statement_open(buf_slice(&der), &s));
	TRY(json_get_array(s->body, "evidence", RA_EVIDENCE_COUNT, &list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		uint8_t sm3[RECORD_ID];
		int64_t size;

		TRY(json_get_hex(one, "sm3", sm3, sizeof(sm3)));
		TRY(json_get_int(one, "size", 0, RA_EVIDENCE_MAX, &size));
		TRY(add_hash(h, sm3));
		h->bytes += size;
	}
	return OK;
}

/* What the vault has not, out of these. */
static RC missing(struct ra *ra, struct hashes *h)
{
	AUTO_JSON(ask, json_object());
	AUTO_JSON(answer, NULL);
	json_t *list = json_array(), *rest;

	json_put_take(ask, "sm3", list);
	for (size_t i = 0; i < h->count; i++) {
		AUTO_BUF(hex, 2 * RECORD_ID + 1);

		buf_hex(&hex, SLICE_ARR(h->at[i]));
		NEED(json_array_append_new(list, json_stringn((const char *)hex.p, hex.len)) == 0, RC_NOMEM,
		     "no memory");
	}
	TRY(http_call_json(ra->vault,
	                   &(struct http_call){.method = "POST",
	                                       .path = "/v1/originals/missing",
	                                       .deadline_ms = KEEP_DEADLINE_MS},
	                   ask, &answer));
	TRY(json_get_array(answer, "missing", h->count, &rest));
	h->count = 0;
	for (size_t i = 0; i < json_array_size(rest); i++) {
		const json_t *one = json_array_get(rest, i);

		NEED(json_is_string(one), RC_INPUT, "the vault's answer holds no hash");
		TRY(text_hex(slice_of(json_string_value(one), json_string_length(one)), h->at[h->count++],
		             RECORD_ID));
	}
	return OK;
}

static RC send(struct ra *ra, struct der_writer *w)
{
	AUTO_BUF(body, BUNDLE_MAX);
	AUTO_ANSWER(a, JSON_MAX);

	der_end(w);
	TRY(der_finish(w, &body));
	return http_call(ra->vault,
	                 &(struct http_call){.method = "POST",
	                                     .path = "/v1/originals",
	                                     .media = BUNDLE_MEDIA,
	                                     .body = buf_slice(&body),
	                                     .deadline_ms = KEEP_DEADLINE_MS},
	                 &a);
}

/* As many originals in one message as it holds. */
static RC send_all(struct ra *ra, const struct hashes *h)
{
	size_t i = 0;

	while (i < h->count) {
		AUTO_DER(w, BUNDLE_MAX);

		der_begin(&w, DER_SEQUENCE);
		for (size_t n = 0; i < h->count && n < BUNDLE_SHARED; i++, n++) {
			AUTO_BUF(content, RA_EVIDENCE_MAX);

			TRY(record_get(instance_records(ra->in), h->at[i], &content));
			if (n > 0 && w.out.len + content.len + 64 > BUNDLE_MAX)
				break;
			der_put_octets(&w, buf_slice(&content));
		}
		TRY(send(ra, &w));
	}
	return OK;
}

RC ra_keep_evidence(struct ra *ra, struct db *db, const int64_t *applications, size_t n)
{
	AUTO(hashes, h, mem_new(1, sizeof(*h)));

	if (ra->vault == NULL || n == 0)
		return OK;
	NEED(h != NULL, RC_NOMEM, "no memory");
	h->at = mem_new(KEEP_HASHES_MAX, sizeof(*h->at));
	NEED(h->at != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++)
		TRY(gather(db, applications[i], h));
	if (h->count == 0)
		return OK;
	if (h->bytes <= KEEP_UNASKED) {
		struct rc rc = send_all(ra, h);

		if (rc.code != RC_NOTFOUND)
			return rc;
	}
	TRY(missing(ra, h));
	return send_all(ra, h);
}

/* ---- with the feed ---- */

static RC accepted(struct db *db, const json_t *data, json_t *entry)
{
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_MEM(struct ra_application, a, mem_new(1, sizeof(*a)));
	char id[RA_ID + 1] = "";
	struct slice text;

	NEED(a != NULL, RC_NOMEM, "no memory");
	TRY(json_get_text(data, "id", RA_ID, &text));
	memcpy(id, text.p, text.len);
	TRY(ra_store_find(db, id, a));
	TRY(ra_store_bodies(db, a->seq, &(struct ra_bodies){.acceptance = &statement}));
	json_put_hex(entry, "record", SLICE_ARR(a->decision));
	json_put_base64(entry, "statement", buf_slice(&statement));
	return json_put_result();
}

RC ra_log_entry(struct instance *in, struct db *db, const struct peer *by, json_t *entry)
{
	const json_t *inner = json_object_get(entry, "entry"), *data = json_object_get(inner, "data");
	const char *kind = json_string_value(json_object_get(inner, "kind"));

	(void)in;
	if (by == NULL || (by->roles & WHO_OWN_VAULT) == 0 || kind == NULL ||
	    strcmp(kind, "application-accepted") != 0)
		return OK;
	return accepted(db, data, entry);
}
