#include "cli/objects.h"

#include "base/text.h"
#include "pki/digest.h"
#include "pki/lint.h"
#include "pki/name.h"
#include "sm/sm3.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define TEXT_MAX 8192

/* ---- lists ---- */

struct cert_list *cert_list_new(void)
{
	struct cert_list *l = mem_new(1, sizeof(*l));

	for (size_t i = 0; l != NULL && i < OBJECTS_CERTS; i++)
		l->der[i] = BUF(CERT_DER_MAX);
	return l;
}

void cert_list_free(struct cert_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < OBJECTS_CERTS; i++)
		buf_free(&l->der[i]);
	mem_free(l);
}

static RC add(struct cert_list *l, struct slice text)
{
	NEED(l->count < OBJECTS_CERTS, RC_INPUT, "more than %d certificates", OBJECTS_CERTS);
	TRY(cert_read(text, &l->der[l->count], &l->at[l->count]));
	l->count++;
	return OK;
}

RC cert_list_read(struct cert_list *l, const char *path)
{
	AUTO_BUF(file, OBJECTS_CERTS * 2 * CERT_DER_MAX);
	struct rc rc = OK;
	const char *at, *next;

	TRY(file_read(path, file.max, &file));
	at = strstr(buf_cstr(&file), BEGIN);
	if (at == NULL)
		return rc_ok(rc = add(l, buf_slice(&file))) ? OK : rc_note(rc, "%s", path);
	for (; rc_ok(rc) && at != NULL; at = next) {
		next = strstr(at + 1, BEGIN);
		rc = add(l, next != NULL ? slice_of(at, (size_t)(next - at)) : slice_text(at));
	}
	return rc_ok(rc) ? OK : rc_note(rc, "%s", path);
}

/* ---- parts ---- */

RC object_name(json_t *o, const char *key, struct slice name)
{
	AUTO_BUF(text, NAME_TEXT_MAX);

	TRY(name_to_text(name, &text));
	json_put_text(o, key, buf_slice(&text));
	return OK;
}

static void put_serial(json_t *o, struct slice serial)
{
	char text[CERT_SERIAL_TEXT];

	cert_serial_text(serial, text);
	json_put_cstr(o, "serial", text);
}

static void list_add(json_t *list, struct slice text)
{
	if (list != NULL)
		(void)json_array_append_new(list, json_stringn((const char *)text.p, text.len));
}

static void put_key(json_t *o, const struct pubkey *k)
{
	json_t *key = json_object();
	uint8_t sm3[SM3_LEN];

	pubkey_sm3(k, sm3);
	json_put_cstr(key, "kind", pubkey_kind_name(k->kind));
	json_put_int(key, "bits", pubkey_bits(k));
	json_put_hex(key, "sm3", SLICE_ARR(sm3));
	json_put_take(o, "key", key);
}

static void put_usage(json_t *o, uint32_t usage)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < USAGE_COUNT; i++) {
		if (usage & (1u << i))
			list_add(list, slice_text(key_usage_name(i)));
	}
	json_put_take(o, "key_usage", list);
}

static void put_purposes(json_t *o, const struct ext_purposes *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->count; i++)
		list_add(list, slice_text(p->at[i] == OID_UNKNOWN ? "?" : oid_name(p->at[i])));
	if (p->count > 0)
		json_put_take(o, "purposes", list);
	else
		json_decref(list);
}

static RC put_policies(json_t *o, const struct ext_policies *p)
{
	json_t *list;

	if (p->count == 0)
		return OK;
	list = json_array();
	json_put_take(o, "policies", list);
	for (size_t i = 0; i < p->count; i++) {
		AUTO_BUF(text, TEXT_MAX);

		TRY(oid_to_dotted(p->at[i], &text));
		list_add(list, buf_slice(&text));
	}
	return OK;
}

static RC put_names(json_t *o, const struct cert *c)
{
	struct general_names names;
	json_t *list;

	TRY(cert_names(c, &names));
	if (names.count == 0)
		return OK;
	list = json_array();
	json_put_take(o, "names", list);
	for (size_t i = 0; i < names.count; i++) {
		AUTO_BUF(text, TEXT_MAX);

		general_to_text(&names.at[i], &text);
		list_add(list, buf_slice(&text));
	}
	return OK;
}

static void put_urls(json_t *o, const char *key, const struct ext_urls *u)
{
	json_t *list;

	if (u->count == 0)
		return;
	list = json_array();
	for (size_t i = 0; i < u->count; i++)
		list_add(list, u->at[i]);
	json_put_take(o, key, list);
}

static void put_findings(json_t *o, const struct cert *c)
{
	struct lint_rules rules = {.use = LINT_ANY};
	json_t *list = json_array();
	struct lint lint;

	lint_cert(c, &rules, &lint);
	for (size_t i = 0; i < lint.count; i++) {
		AUTO_BUF(text, TEXT_MAX);

		buf_printf(&text, "%s: %s (%s)", lint.at[i].id, lint.at[i].text, lint.at[i].clause);
		list_add(list, buf_slice(&text));
	}
	if (lint.count > 0)
		json_put_take(o, "findings", list);
	else
		json_decref(list);
}

static RC put_digests(json_t *o, struct slice der)
{
	uint8_t h[DIGEST_MAX];

	sm3_hash(der, h);
	json_put_hex(o, "sm3", SLICE_ARR(h));
	TRY(digest(OID_SHA256, der, h));
	json_put_hex(o, "sha256", SLICE_ARR(h));
	return OK;
}

/* Which are critical, and those that are not read here. */
static RC put_others(json_t *o, const struct cert *c)
{
	json_t *critical = json_array(), *others = json_array();

	for (size_t i = 0; i < c->exts.count; i++) {
		AUTO_BUF(text, TEXT_MAX);
		const struct ext *e = &c->exts.at[i];

		if (e->critical && e->oid != OID_UNKNOWN)
			list_add(critical, slice_text(oid_name(e->oid)));
		if (e->oid != OID_UNKNOWN)
			continue;
		TRY(ext_to_text(e, &text));
		list_add(others, buf_slice(&text));
	}
	if (json_array_size(critical) > 0)
		json_put_take(o, "critical", json_incref(critical));
	if (json_array_size(others) > 0)
		json_put_take(o, "extensions", json_incref(others));
	json_decref(critical);
	json_decref(others);
	return OK;
}

/* ---- objects ---- */

static RC put_extensions(json_t *o, const struct cert *c)
{
	if (c->has_basic)
		json_put_bool(o, "ca", c->ca);
	if (c->has_basic && c->path_length >= 0)
		json_put_int(o, "path_length", c->path_length);
	if (c->has_usage)
		put_usage(o, c->usage);
	put_purposes(o, &c->purposes);
	TRY(put_names(o, c));
	TRY(put_policies(o, &c->policies));
	put_urls(o, "crl", &c->crl);
	put_urls(o, "ocsp", &c->ocsp);
	put_urls(o, "ca_issuers", &c->ca_issuers);
	TRY(put_others(o, c));
	if (c->ski.len > 0)
		json_put_hex(o, "ski", c->ski);
	if (c->aki.len > 0)
		json_put_hex(o, "aki", c->aki);
	return OK;
}

RC object_cert(const struct cert *c, json_t *o)
{
	json_put_int(o, "version", c->version);
	put_serial(o, c->serial);
	json_put_cstr(o, "algorithm", sigalg_name(c->alg));
	TRY(object_name(o, "issuer", c->issuer));
	TRY(object_name(o, "subject", c->subject));
	json_put_time(o, "not_before", c->not_before);
	json_put_time(o, "not_after", c->not_after);
	put_key(o, &c->key);
	TRY(put_extensions(o, c));
	if (c->der.len > 0) /* a TBS has no certificate to hash */
		TRY(put_digests(o, c->der));
	put_findings(o, c);
	return json_put_result();
}

RC object_csr(const struct csr *c, json_t *o)
{
	TRY(object_name(o, "subject", c->subject));
	put_key(o, &c->key);
	json_put_cstr(o, "algorithm", sigalg_name(c->alg));
	json_put_cstr(o, "proof", csr_proof_name(c->proof));
	TRY(put_digests(o, c->der));
	return json_put_result();
}

static void put_reason(json_t *o, enum crl_reason reason)
{
	const char *name = crl_reason_name(reason);

	if (reason != REASON_UNSPECIFIED && name != NULL)
		json_put_cstr(o, "reason", name);
}

RC object_crl(const struct crl *c, json_t *o)
{
	struct der_reader r = crl_walk(c);
	json_t *list = json_array();
	struct crl_entry e;
	size_t n = 0;

	TRY(object_name(o, "issuer", c->issuer));
	json_put_cstr(o, "algorithm", sigalg_name(c->alg));
	json_put_time(o, "this_update", c->this_update);
	if (c->next_update != 0)
		json_put_time(o, "next_update", c->next_update);
	if (c->number.len > 0)
		json_put_hex(o, "number", c->number);
	if (c->aki.len > 0)
		json_put_hex(o, "aki", c->aki);
	for (; crl_next(&r, &e); n++) {
		json_t *one;

		if (n >= OBJECTS_ENTRIES)
			continue;
		one = json_object();
		put_serial(one, e.serial);
		json_put_time(one, "revoked_at", e.revoked_at);
		put_reason(one, e.reason);
		NEED(json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
	json_put_int(o, "entries", (int64_t)n);
	json_put_take(o, "revoked", list);
	TRY(put_digests(o, c->der));
	return json_put_result();
}

static RC put_single(json_t *list, const struct ocsp_single *s)
{
	json_t *one = json_object();
	struct der_reader r = der_read(s->id);
	struct slice params;
	enum oid hash;

	der_enter(&r, DER_SEQUENCE);
	hash = der_algorithm(&r, &params);
	json_put_cstr(one, "hash", hash == OID_UNKNOWN ? "?" : oid_name(hash));
	(void)der_octets(&r);
	(void)der_octets(&r);
	put_serial(one, der_integer(&r));
	json_put_cstr(one, "status", ocsp_status_name(s->status));
	if (s->status == OCSP_REVOKED) {
		json_put_time(one, "revoked_at", s->revoked_at);
		put_reason(one, s->reason);
	}
	json_put_time(one, "this_update", s->this_update);
	if (s->next_update != 0)
		json_put_time(one, "next_update", s->next_update);
	NEED(json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	return OK;
}

RC object_ocsp(const struct ocsp_response *r, json_t *o)
{
	json_t *list;

	json_put_cstr(o, "status", ocsp_error_name(r->status));
	if (r->status != OCSP_SUCCESSFUL)
		return json_put_result();
	list = json_array();
	json_put_time(o, "produced_at", r->data.produced_at);
	json_put_cstr(o, "algorithm", sigalg_name(r->alg));
	if (r->data.responder.len > 0)
		json_put_hex(o, "responder", r->data.responder);
	else
		TRY(object_name(o, "responder", r->responder_name));
	if (r->data.has_nonce)
		json_put_hex(o, "nonce", r->data.nonce);
	json_put_take(o, "responses", list);
	for (size_t i = 0; i < r->data.count; i++)
		TRY(put_single(list, &r->data.singles[i]));
	return json_put_result();
}

RC object_ocsp_request(const struct ocsp_request *r, json_t *o)
{
	json_t *list = json_array();

	if (r->has_nonce)
		json_put_hex(o, "nonce", r->nonce);
	json_put_take(o, "requests", list);
	for (size_t i = 0; i < r->count; i++) {
		json_t *one = json_object();

		json_put_cstr(one, "hash", r->ids[i].hash == OID_UNKNOWN ? "?" : oid_name(r->ids[i].hash));
		put_serial(one, r->ids[i].serial);
		NEED(json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
	return json_put_result();
}
