/* Making the bytes that get signed, and the message around them. */
#include "statement/kinds.h"

#include "base/time.h"
#include "pki/cms.h"
#include "sm/sm3.h"

static json_t *signer_object(const struct statement_head *h)
{
	uint8_t hash[SM3_LEN];
	json_t *o = json_object();

	sm3_hash(h->certificate, hash);
	json_put_hex(o, "certificate", SLICE_ARR(hash));
	if (h->person != NULL)
		json_put_cstr(o, "person", h->person);
	json_put_cstr(o, "role", h->role);
	return o;
}

RC statement_build(const struct statement_head *h, const json_t *body, struct buf *ret)
{
	AUTO_JSON(o, json_object());
	AUTO_BUF(json, STATEMENT_JSON_MAX);

	json_put_cstr(o, "schema", SCHEMA_NAME);
	json_put_cstr(o, "kind", statement_kind_name(h->kind));
	json_put_cstr(o, "organisation", h->organisation);
	json_put_time(o, "issued", h->issued);
	json_put_take(o, "signer", signer_object(h));
	json_put_take(o, "body", json_deep_copy(body));
	NEED(json_object_size(o) == 6, RC_NOMEM, "statement: out of memory");
	TRY(json_canonical(o, &json));
	TRY(statement_check_json(buf_slice(&json), h->certificate));
	buf_add(ret, buf_slice(&json));
	return buf_done(ret);
}

RC statement_check_json(struct slice json, struct slice certificate)
{
	struct statement_envelope e;
	uint8_t hash[SM3_LEN];
	AUTO_JSON(o, NULL);
	AUTO_BUF(hex, 2 * SM3_LEN);

	TRY(statement_read_json(json, &o, &e));
	sm3_hash(certificate, hash);
	buf_hex(&hex, SLICE_ARR(hash));
	TRY(buf_done(&hex));
	REQUIRE(slice_equal(e.certificate, buf_slice(&hex)), STATEMENT_CERTIFICATE,
	        "statement: it names another certificate");
	return OK;
}

RC statement_assemble(struct slice json, struct slice signature, struct slice certificate, struct buf *ret)
{
	return cms_signed_build(json, &(struct cms_signature){certificate, signature}, 1, ret);
}

RC statement_sign(const struct statement_head *h, const json_t *body, const struct sm2_key *key,
                  struct buf *ret)
{
	AUTO_BUF(json, STATEMENT_JSON_MAX);

	TRY(statement_build(h, body, &json));
	return cms_signed_sign(buf_slice(&json), key, h->certificate, ret);
}
