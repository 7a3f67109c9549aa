/* From bytes to a statement: form only, nothing is believed yet. */
#include "statement/kinds.h"

#include "base/mem.h"
#include "base/time.h"
#include "pki/cms.h"
#include "sm/sm3.h"

#define TIME_TEXT 20

static struct rc as(enum err err, struct rc rc)
{
	if (rc.code != RC_INPUT)
		return rc;
	struct rc_text t = *rc_last();

	t.err = err;
	return rc_restore(&t);
}

/* ---- the JSON ---- */

bool statement_is_uuid(struct slice s)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		uint8_t c = s.p[i];

		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

static bool is_name(struct slice s)
{
	if (s.len < 1 || s.len > STATEMENT_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] == '-' && i > 0)))
			return false;
	return true;
}

static RC read_signer(const json_t *o, struct statement_envelope *ret)
{
	json_t *signer;

	TRY(json_get(o, "signer", &signer));
	TRY(json_only(signer, "certificate", "person", "role", NULL));
	TRY(json_get_text(signer, "certificate", 2 * SM3_LEN, &ret->certificate));
	TRY(json_get_text(signer, "role", STATEMENT_NAME_MAX, &ret->role));
	NEED(is_name(ret->role), RC_INPUT, "role: not a name");
	ret->person = SLICE_NONE;
	if (json_object_get(signer, "person") == NULL)
		return OK;
	TRY(json_get_text(signer, "person", 36, &ret->person));
	NEED(statement_is_uuid(ret->person), RC_INPUT, "person: not a UUID in lower case");
	return OK;
}

/* One instant has one text: RFC 3339 in whole seconds with Z. */
static RC read_issued(const json_t *o, int64_t *ret)
{
	struct slice text;
	char again[TIME_TEXT + 1];

	TRY(json_get_time(o, "issued", ret));
	TRY(json_get_text(o, "issued", 64, &text));
	time_text(*ret, again);
	NEED(slice_is(text, again), RC_INPUT, "issued: not YYYY-MM-DDThh:mm:ssZ");
	return OK;
}

static RC read_envelope(const json_t *o, struct statement_envelope *ret)
{
	struct slice text;

	TRY(json_only(o, "schema", "kind", "organisation", "issued", "signer", "body", NULL));
	TRY(json_get_text(o, "schema", 64, &text));
	NEED(slice_is(text, SCHEMA_NAME), RC_INPUT, "schema: not %s", SCHEMA_NAME);
	TRY(json_get_text(o, "kind", 32, &text));
	TRY(statement_kind_find(text, &ret->kind));
	TRY(json_get_text(o, "organisation", STATEMENT_NAME_MAX, &ret->organisation));
	NEED(is_name(ret->organisation), RC_INPUT, "organisation: not a name");
	TRY(read_issued(o, &ret->issued));
	TRY(read_signer(o, ret));
	return json_get(o, "body", &ret->body);
}

static RC check_canonical(struct slice json, const json_t *o)
{
	AUTO_BUF(again, STATEMENT_JSON_MAX);
	struct rc rc = json_canonical(o, &again);

	TRY(as(ERR_STATEMENT_BYTES, rc));
	REQUIRE(slice_equal(json, buf_slice(&again)), STATEMENT_BYTES,
	        "statement: the content is not in canonical form");
	return OK;
}

RC statement_read_json(struct slice json, json_t **ret_json, struct statement_envelope *ret)
{
	AUTO_JSON(o, NULL);

	TRY(as(ERR_STATEMENT_BYTES, json_read(json, STATEMENT_JSON_MAX, &o)));
	TRY(check_canonical(json, o));
	TRY(rc_note(as(ERR_STATEMENT_SCHEMA, read_envelope(o, ret)), "statement"));
	TRY(rc_note(statement_check_body(ret->kind, ret->body), "statement: body"));
	*ret_json = MOVE(o);
	return OK;
}

/* ---- the message ---- */

/* Our own encoding and no other: unsigned parts cannot be added, and one statement has one hash. */
static RC check_encoding(const struct statement *s)
{
	AUTO_BUF(again, STATEMENT_MAX);

	TRY(statement_assemble(s->content, s->signature, s->certificate, &again));
	REQUIRE(slice_equal(buf_slice(&s->der), buf_slice(&again)), STATEMENT_FORM,
	        "statement: the message is not encoded as statements are");
	return OK;
}

static RC read_message(struct statement *s)
{
	struct cms_signed m;

	TRY(as(ERR_STATEMENT_FORM, cms_signed_parse(buf_slice(&s->der), &m)));
	REQUIRE(m.by.signer_count == 1 && m.by.certificate_count == 1 && m.has_content, STATEMENT_FORM,
	        "statement: %zu signers, %zu certificates", m.by.signer_count, m.by.certificate_count);
	TRY(as(ERR_STATEMENT_FORM, cms_signer_certificate(&m.by, 0, &s->certificate)));
	s->content = m.content;
	s->signature = m.by.signers[0].signature;
	TRY(as(ERR_STATEMENT_FORM, check_encoding(s)));
	sm3_hash(s->certificate, s->certificate_sm3);
	sm3_hash(buf_slice(&s->der), s->sm3);
	return OK;
}

static RC read_content(struct statement *s)
{
	struct statement_envelope e;
	AUTO_BUF(hex, 2 * SM3_LEN);

	TRY(statement_read_json(s->content, &s->json, &e));
	s->kind = e.kind;
	s->issued = e.issued;
	s->organisation = e.organisation;
	s->role = e.role;
	s->person = e.person;
	s->body = e.body;
	buf_hex(&hex, SLICE_ARR(s->certificate_sm3));
	TRY(buf_done(&hex));
	REQUIRE(slice_equal(e.certificate, buf_slice(&hex)), STATEMENT_CERTIFICATE,
	        "statement: it carries another certificate than it names");
	return OK;
}

RC statement_open(struct slice der, struct statement **ret)
{
	AUTO(statement, s, mem_new(1, sizeof(*s)));

	NEED(s != NULL, RC_NOMEM, "statement: out of memory");
	s->der = BUF(STATEMENT_MAX);
	REQUIRE(der.len <= STATEMENT_MAX, STATEMENT_FORM, "statement: %zu bytes, limit %u", der.len,
	        STATEMENT_MAX);
	buf_add(&s->der, der);
	TRY(buf_done(&s->der));
	TRY(read_message(s));
	TRY(read_content(s));
	*ret = MOVE(s);
	return OK;
}

void statement_free(struct statement *s)
{
	if (s == NULL)
		return;
	json_decref(s->json);
	buf_free(&s->der);
	mem_free(s);
}
