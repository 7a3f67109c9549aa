/* yuandian recover: encryption keys of any generation, for a new signing key (R21.5, R06.14).
 *   recover CA/SERIAL… --csr FILE --ground CASE    asks (entry officer, or the holder with --key)
 *   recover ID --approve | --refuse TEXT           decides: a reviewer at the RA, a recovery agent at the KMC
 *   recover ID --fetch --out DIR                   fetches what was let go */
#include "base/text.h"
#include "cli/apply.h"
#include "pki/envelope.h"
#include "pki/pkcs8.h"
#include "sm/sm3.h"
#include "statement/recovery.h"

#define KEY_FILE_MAX (64u << 10)

/* ---- asking ---- */

static RC add_named(const json_t *all, const char *serial, json_t *list)
{
	json_t *keys, *one;
	size_t i;

	TRY(json_get_array(all, "keys", RECOVERY_KEYS, &keys));
	json_array_foreach(keys, i, one)
	{
		json_t *o;

		if (serial != NULL && strcmp(json_string_value(json_object_get(one, "serial")), serial) != 0)
			continue;
		o = json_object();
		json_put_take(o, "serial", json_incref(json_object_get(one, "serial")));
		json_put_take(o, "spki", json_incref(json_object_get(one, "spki")));
		NEED(o != NULL && json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
	return json_put_result();
}

/* An officer names any certificate, a holder the one whose key signs the question. */
static RC known_keys(const struct cli *c, struct officer *o, const char *ca, const char *serial, json_t **ret)
{
	AUTO_JSON(asked, json_object());
	AUTO_BUF(path, 256);
	char own[CERT_SERIAL_TEXT];
	struct cert cert;

	if (cli_has(c, "as")) {
		buf_printf(&path, "/v1/recoveries/keys?ca=%s&serial=%s", ca, serial);
		TRY(buf_done(&path));
		return officer_get(o, buf_cstr(&path), ret);
	}
	TRY(cert_parse(buf_slice(&o->certificate), &cert));
	cert_serial_text(cert.serial, own);
	json_put_cstr(asked, "ca", ca);
	json_put_cstr(asked, "serial", own);
	return officer_ask(o, "keys", "/v1/holder/recoveries/keys", asked, ret);
}

/* The keys that the RA knows of the holder of the certificate named; --all takes every generation. */
static RC put_keys(struct cli *c, struct officer *o, json_t *body)
{
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];
	json_t *list = json_array();
	AUTO_JSON(all, NULL);
	struct slice entity;

	json_put_take(body, "keys", list);
	TRY(certificate_name(c->operands[0], ca, serial));
	TRY(known_keys(c, o, ca, serial, &all));
	TRY(json_get_text(all, "entity", 36, &entity));
	json_put_cstr(body, "ca", ca);
	json_put_text(body, "entity", entity);
	for (size_t i = 0; i < c->operand_count && !cli_has(c, "all"); i++) {
		TRY(certificate_name(c->operands[i], ca, serial));
		TRY(add_named(all, serial, list));
	}
	if (cli_has(c, "all"))
		TRY(add_named(all, NULL, list));
	REQUIRE(json_array_size(list) > 0, USAGE,
	        "the RA knows no encryption key under that serial number; name encryption certificates, or "
	        "--all");
	return json_put_result();
}

/* A clerk, or the holder with a certificate that is valid: the key of the one named, unless --certificate. */
static RC open_asking(const struct cli *c, struct officer *o)
{
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];

	if (cli_has(c, "as"))
		return officer_open(c, o);
	TRY(certificate_name(c->operands[0], ca, serial));
	return officer_open_key(c, ca, serial, o);
}

static RC ask(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	const char *reason = cli_get(c, "reason");
	struct slice id;

	REQUIRE(cli_has(c, "csr"), USAGE, "--csr FILE: the request for the new signing key");
	TRY(open_asking(c, &o));
	TRY(apply_csr(cli_get(c, "csr"), body));
	TRY(put_keys(c, &o, body));
	json_put_cstr(body, "case", cli_get(c, "ground"));
	json_put_cstr(body, "reason", reason != NULL ? reason : cli_get(c, "ground"));
	TRY(json_put_result());
	TRY(cli_has(c, "as") ? officer_state(&o, STATEMENT_RECOVERY, "entry", body, "/v1/recoveries", &answer)
	                     : officer_state(&o, STATEMENT_RECOVERY, "subscriber", body,
	                                     "/v1/holder/recoveries", &answer));
	if (c->json)
		return cli_json(c, "recover", json_incref(answer));
	TRY(json_get_text(answer, "id", 64, &id));
	cli_line(c, "%.*s", (int)id.len, (const char *)id.p);
	return OK;
}

/* ---- deciding ---- */

/* Whoever decides looks at the case itself: its hash is what is signed. */
static RC decision_body(const struct cli *c, const json_t *shown, json_t *body)
{
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO_MEM(struct recovery, r, mem_new(1, sizeof(*r)));

	NEED(r != NULL, RC_NOMEM, "no memory");
	TRY(json_get_base64(shown, "statement", STATEMENT_MAX, &der));
	TRY(statement_open(buf_slice(&der), &s));
	TRY(recovery_read(s, r));
	REQUIRE(strcmp(r->id, c->operands[0]) == 0, RECOVERY, "the case shown is another one");
	json_put_hex(body, "recovery", SLICE_ARR(r->sm3));
	json_put_cstr(body, "id", r->id);
	json_put_bool(body, "approve", cli_has(c, "approve"));
	if (cli_has(c, "refuse"))
		json_put_cstr(body, "reason", cli_get(c, "refuse"));
	return json_put_result();
}

static RC decide(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(shown, NULL);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	const char *role;

	TRY(officer_open(c, &o));
	role = strstr(o.instance, "/kmc") != NULL ? "recovery" : "review";
	TRY(officer_path(&path, "/v1/recoveries/", c->operands[0], ""));
	TRY(officer_get(&o, buf_cstr(&path), &shown));
	TRY(decision_body(c, shown, body));
	buf_clear(&path);
	TRY(officer_path(&path, "/v1/recoveries/", c->operands[0], "/decision"));
	TRY(officer_state(&o, STATEMENT_RECOVERY_DECISION, role, body, buf_cstr(&path), &answer));
	if (c->json)
		return cli_json(c, "recover", json_incref(answer));
	if (json_object_get(answer, "approvals") != NULL)
		cli_line(c, "%lld", (long long)json_integer_value(json_object_get(answer, "approvals")));
	else
		cli_line(c, "%s", json_string_value(json_object_get(answer, "state")));
	return OK;
}

/* ---- fetching ---- */

static RC out_file(const struct cli *c, const char *serial, const char *suffix, struct slice bytes,
                   unsigned mode)
{
	char path[OFFICER_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s.%s", cli_get(c, "out"), serial, suffix);

	REQUIRE(n > 0 && n < OFFICER_PATH_MAX, USAGE, "--out is too long");
	return file_write(path, bytes, mode);
}

/* In clear only here, at the holder's. */
static RC open_one(struct cli *c, const char *serial, const json_t *one, struct slice envelope)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);
	AUTO_BUF(pem, KEY_FILE_MAX);
	AUTO(secret, key, NULL);
	struct private_key out;
	struct sm2_key got;
	struct sm2_pub pub;
	struct cert cert;
	struct rc rc;

	pin.secret = pem.secret = true;
	TRY(json_get_base64(one, "certificate", CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &cert));
	TRY(cert_sm2_key(&cert, &pub));
	TRY(officer_pin(cli_get(c, "pin-file"), &pin));
	TRY(holder_key(cli_get(c, "key"), buf_slice(&pin), &key));
	TRY(envelope_open(envelope, (const struct sm2_key *)(const void *)key->p, &pub, &got));
	rc = private_key_load(OID_SM2, got.d, &out);
	sm2_key_wipe(&got);
	TRY(rc);
	rc = private_key_write(&out, buf_slice(&pin), &pem);
	private_key_wipe(&out);
	TRY(rc);
	return out_file(c, serial, "key", buf_slice(&pem), 0600);
}

RC recovered_write(struct cli *c, const json_t *one)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(pem, 2 * CERT_DER_MAX);
	AUTO_BUF(envelope, ENVELOPE_MAX);
	const char *serial = json_string_value(json_object_get(one, "serial"));

	NEED(serial != NULL && strspn(serial, "0123456789abcdef") == strlen(serial), RC_INPUT,
	     "the answer's serial number is malformed");
	TRY(json_get_base64(one, "certificate", CERT_DER_MAX, &der));
	TRY(json_get_base64(one, "envelope", ENVELOPE_MAX, &envelope));
	text_to_pem(&pem, "CERTIFICATE", buf_slice(&der));
	TRY(buf_done(&pem));
	TRY(out_file(c, serial, "pem", buf_slice(&pem), 0644));
	TRY(out_file(c, serial, "env", buf_slice(&envelope), 0644));
	return cli_has(c, "key") ? open_one(c, serial, one, buf_slice(&envelope)) : OK;
}

static RC fetch(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	const char *form = cli_get(c, "envelope");
	enum envelope_form known;
	json_t *keys, *one;
	size_t i;

	REQUIRE(cli_has(c, "out"), USAGE, "--fetch goes with --out DIR");
	REQUIRE(cli_has(c, "key") == cli_has(c, "pin-file"), USAGE, "--key and --pin-file go together");
	REQUIRE(rc_ok(envelope_form_find(slice_text(form != NULL ? form : "sm2"), &known)), USAGE,
	        "--envelope: not sm2, saed, skf or sdf");
	TRY(officer_open(c, &o));
	TRY(officer_path(&path, "/v1/recoveries/", c->operands[0], "/envelopes?envelope="));
	buf_text(&path, envelope_form_name(known));
	TRY(buf_done(&path));
	TRY(officer_get(&o, buf_cstr(&path), &answer));
	TRY(json_get_array(answer, "keys", RECOVERY_KEYS, &keys));
	TRY(dir_make(cli_get(c, "out"), 0755));
	json_array_foreach(keys, i, one) TRY(recovered_write(c, one));
	return c->json ? cli_json(c, "recover", json_incref(answer)) : OK;
}

/* ---- judicial recovery: at the key-management centre alone ---- */

static RC judicial_keys(const struct cli *c, struct officer *o, json_t *body)
{
	json_t *list = json_array();

	json_put_take(body, "keys", list);
	for (size_t i = 0; i < c->operand_count; i++) {
		AUTO_JSON(found, NULL);
		AUTO_BUF(path, 256);
		json_t *one = json_object();

		TRY(officer_path(&path, "/v1/judicial/keys?institution=", cli_get(c, "institution"),
		                 "&serial="));
		http_escape(&path, slice_text(c->operands[i]));
		TRY(buf_done(&path));
		TRY(officer_get(o, buf_cstr(&path), &found));
		json_put_take(one, "serial", json_incref(json_object_get(found, "serial")));
		json_put_take(one, "spki", json_incref(json_object_get(found, "spki")));
		json_object_set(body, "ca", json_object_get(found, "ca"));
		NEED(one != NULL && json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
	return json_put_result();
}

static RC judicial_body(const struct cli *c, json_t *body)
{
	AUTO_BUF(document, 16u << 20);
	AUTO_BUF(file, KEY_FILE_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	json_t *d = json_object();
	uint8_t sm3[32];
	struct cert cert;

	TRY(file_read(cli_get(c, "document"), 16u << 20, &document));
	sm3_hash(buf_slice(&document), sm3);
	json_put_cstr(d, "number", cli_get(c, "number"));
	json_put_hex(d, "sm3", SLICE_ARR(sm3));
	json_put_take(body, "document", d);
	TRY(file_read(cli_get(c, "certificate"), KEY_FILE_MAX, &file));
	TRY(cert_read(buf_slice(&file), &der, &cert));
	json_put_base64(body, "certificate", cert.der);
	json_put_cstr(body, "authority", cli_get(c, "authority"));
	json_put_cstr(body, "case", cli_get(c, "ground"));
	return json_put_result();
}

static RC judicial_order(struct cli *c, struct officer *o, json_t **answer)
{
	static const char *const wanted[] = {"institution", "document",  "number",
	                                     "certificate", "authority", NULL};
	AUTO_JSON(body, json_object());

	for (size_t i = 0; wanted[i] != NULL; i++)
		REQUIRE(cli_has(c, wanted[i]), USAGE, "--judicial --ground needs --%s", wanted[i]);
	TRY(judicial_body(c, body));
	TRY(judicial_keys(c, o, body));
	return officer_state(o, STATEMENT_JUDICIAL_RECOVERY, "recovery", body, "/v1/judicial", answer);
}

static RC judicial_decision(struct cli *c, struct officer *o, json_t **answer)
{
	AUTO_JSON(shown, NULL);
	AUTO_JSON(body, json_object());
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO_BUF(path, 256);
	AUTO(statement, s, NULL);

	TRY(officer_path(&path, "/v1/judicial/", c->operands[0], ""));
	TRY(officer_get(o, buf_cstr(&path), &shown));
	TRY(json_get_base64(shown, "statement", STATEMENT_MAX, &der));
	TRY(statement_open(buf_slice(&der), &s));
	json_put_hex(body, "recovery", SLICE_ARR(s->sm3));
	json_put_cstr(body, "id", c->operands[0]);
	json_put_bool(body, "approve", cli_has(c, "approve"));
	if (cli_has(c, "refuse"))
		json_put_cstr(body, "reason", cli_get(c, "refuse"));
	buf_clear(&path);
	TRY(officer_path(&path, "/v1/judicial/", c->operands[0], "/decision"));
	return officer_state(o, STATEMENT_RECOVERY_DECISION, "recovery", body, buf_cstr(&path), answer);
}

/* Envelopes and nothing else: only the authority opens them. */
static RC judicial_fetch(struct cli *c, struct officer *o, json_t **answer)
{
	AUTO_BUF(path, 256);
	json_t *keys, *one;
	size_t i;

	REQUIRE(cli_has(c, "out") && !cli_has(c, "key"), USAGE,
	        "--judicial --fetch goes with --out DIR alone");
	TRY(officer_path(&path, "/v1/judicial/", c->operands[0], "/envelopes"));
	TRY(officer_get(o, buf_cstr(&path), answer));
	TRY(json_get_array(*answer, "keys", RECOVERY_KEYS, &keys));
	TRY(dir_make(cli_get(c, "out"), 0755));
	json_array_foreach(keys, i, one)
	{
		AUTO_BUF(envelope, ENVELOPE_MAX);
		const char *serial = json_string_value(json_object_get(one, "serial"));

		NEED(serial != NULL && strspn(serial, "0123456789abcdef") == strlen(serial), RC_INPUT,
		     "the answer's serial number is malformed");
		TRY(json_get_base64(one, "envelope", ENVELOPE_MAX, &envelope));
		TRY(out_file(c, serial, "env", buf_slice(&envelope), 0644));
	}
	return OK;
}

static RC judicial(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	struct slice id;

	TRY(officer_open(c, &o));
	if (cli_has(c, "ground"))
		TRY(judicial_order(c, &o, &answer));
	else if (cli_has(c, "fetch"))
		TRY(judicial_fetch(c, &o, &answer));
	else
		TRY(judicial_decision(c, &o, &answer));
	if (c->json)
		return cli_json(c, "recover", json_incref(answer));
	TRY(json_get_text(answer, "id", 64, &id));
	cli_line(c, "%.*s", (int)id.len, (const char *)id.p);
	return OK;
}

struct rc cmd_recover(struct cli *c)
{
	bool asks = cli_has(c, "ground"), decides = cli_has(c, "approve") || cli_has(c, "refuse"),
	     fetches = cli_has(c, "fetch");

	REQUIRE(asks + decides + fetches == 1 && !(cli_has(c, "approve") && cli_has(c, "refuse")), USAGE,
	        "recover needs --ground CASE, --approve, --refuse TEXT or --fetch");
	if (cli_has(c, "judicial"))
		return judicial(c);
	if (asks)
		return ask(c);
	REQUIRE(c->operand_count == 1, USAGE, "one case at a time");
	return decides ? decide(c) : fetch(c);
}
