/* yuandian fetch: certificates, chain, GM/T 0092 answer, key envelope; with --key the encryption key
 * itself, which exists in clear only here, at the subscriber's (R06.10). */
#include "base/clock.h"
#include "base/text.h"
#include "cli/apply.h"
#include "pki/cert.h"
#include "pki/csr_response.h"
#include "pki/envelope.h"
#include "pki/pkcs12.h"
#include "pki/pkcs8.h"

#include <poll.h>

#define KEY_FILE_MAX (64u << 10)
#define WAIT_DEFAULT 5
#define WAIT_MAX 30
#define PAUSE_MS 500

static RC out_path(const struct cli *c, const char *name, char ret[OFFICER_PATH_MAX])
{
	int n = snprintf(ret, OFFICER_PATH_MAX, "%s/%s", cli_get(c, "out"), name);

	REQUIRE(n > 0 && n < OFFICER_PATH_MAX, USAGE, "--out is too long");
	return OK;
}

static RC write_out(const struct cli *c, const char *name, struct slice bytes, unsigned mode)
{
	char path[OFFICER_PATH_MAX];

	TRY(out_path(c, name, path));
	return file_write(path, bytes, mode);
}

/* A base64 member into a file; absent members write nothing. */
static RC write_member(const struct cli *c, const json_t *answer, const char *member, const char *name)
{
	AUTO_BUF(bytes, CSR_RESPONSE_MAX);

	if (json_object_get(answer, member) == NULL)
		return OK;
	TRY(json_get_base64(answer, member, CSR_RESPONSE_MAX, &bytes));
	return write_out(c, name, buf_slice(&bytes), 0644);
}

static RC write_certificate(const struct cli *c, const json_t *answer, const char *member, const char *name)
{
	AUTO_BUF(der, CERT_DER_MAX);
	AUTO_BUF(pem, 2 * CERT_DER_MAX);

	if (json_object_get(answer, member) == NULL)
		return OK;
	TRY(json_get_base64(answer, member, CERT_DER_MAX, &der));
	text_to_pem(&pem, "CERTIFICATE", buf_slice(&der));
	TRY(buf_done(&pem));
	return write_out(c, name, buf_slice(&pem), 0644);
}

static RC write_chain(const struct cli *c, const json_t *answer)
{
	AUTO_BUF(pem, CSR_RESPONSE_MAX);
	json_t *list, *one;
	size_t i;

	TRY(json_get_array(answer, "chain", CSR_RESPONSE_CERTIFICATES, &list));
	json_array_foreach(list, i, one)
	{
		AUTO_BUF(der, CERT_DER_MAX);

		NEED(json_is_string(one), RC_INPUT, "the answer's chain is malformed");
		TRY(text_base64(slice_text(json_string_value(one)), &der));
		text_to_pem(&pem, "CERTIFICATE", buf_slice(&der));
	}
	TRY(buf_done(&pem));
	return write_out(c, "chain.pem", buf_slice(&pem), 0644);
}

/* ---- the encryption key ---- */

static RC open_envelope(const json_t *answer, const struct private_key *signing, struct private_key *ret)
{
	AUTO_BUF(envelope, ENVELOPE_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert cert;
	struct sm2_pub pub;
	struct sm2_key key, got;
	struct rc rc;

	TRY(json_get_base64(answer, "envelope", ENVELOPE_MAX, &envelope));
	TRY(json_get_base64(answer, "encrypt", CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &cert));
	TRY(cert_sm2_key(&cert, &pub));
	NEED(signing->curve == OID_SM2, RC_INPUT, "--key is not an SM2 key");
	TRY(sm2_key_load(signing->d, &key));
	rc = envelope_open(buf_slice(&envelope), &key, &pub, &got);
	sm2_key_wipe(&key);
	TRY(rc);
	rc = private_key_load(OID_SM2, got.d, ret);
	sm2_key_wipe(&got);
	return rc;
}

/* ---- PKCS#12 (R21.2): of keys that are files; what a token holds never leaves it ---- */

static RC decode(const char *text, struct buf *ret)
{
	NEED(text != NULL, RC_INPUT, "the answer's certificates are malformed");
	return text_base64(slice_text(text), ret);
}

static RC write_p12(const struct cli *c, const json_t *answer, const char *member,
                    const struct private_key *key, struct slice pin)
{
	const json_t *list = json_object_get(answer, "chain");
	struct slice chain[PKCS12_CHAIN];
	struct buf der[PKCS12_CHAIN];
	AUTO_BUF(p12, PKCS12_MAX);
	char name[32];
	struct rc rc;
	size_t n = 0;

	for (size_t i = 0; i < PKCS12_CHAIN; i++)
		der[i] = BUF(CERT_DER_MAX);
	rc = decode(json_string_value(json_object_get(answer, member)), &der[n++]);
	for (size_t i = 0; rc_ok(rc) && i < json_array_size(list) && n < PKCS12_CHAIN; i++)
		rc = decode(json_string_value(json_array_get(list, i)), &der[n++]);
	for (size_t i = 0; i < n; i++)
		chain[i] = buf_slice(&der[i]);
	(void)snprintf(name, sizeof(name), "%s.p12", strcmp(member, "sign") == 0 ? "sign" : "enc");
	p12.secret = true;
	if (rc_ok(rc))
		rc = pkcs12_build(key, chain, n, pin, member, &p12);
	if (rc_ok(rc))
		rc = write_out(c, name, buf_slice(&p12), 0600);
	for (size_t i = 0; i < PKCS12_CHAIN; i++)
		buf_free(&der[i]);
	return rc;
}

static RC write_key(const struct cli *c, const json_t *answer, const struct private_key *signing,
                    struct slice pin)
{
	AUTO_BUF(pem, KEY_FILE_MAX);
	struct private_key key;
	struct rc rc;

	TRY(open_envelope(answer, signing, &key));
	rc = private_key_write(&key, pin, &pem);
	if (rc_ok(rc) && cli_has(c, "p12"))
		rc = write_p12(c, answer, "encrypt", &key, pin);
	private_key_wipe(&key);
	TRY(rc);
	return write_out(c, "enc.key", buf_slice(&pem), 0600);
}

static RC key_wanted(const struct cli *c, const json_t *answer)
{
	AUTO_BUF(pin, PKCS8_PIN_MAX + 2);
	AUTO_BUF(file, KEY_FILE_MAX);
	struct private_key signing;
	struct rc rc;

	bool sealed = json_object_get(answer, "envelope") != NULL;

	if (!cli_has(c, "key") || (!sealed && !cli_has(c, "p12")))
		return OK;
	pin.secret = true;
	file.secret = true;
	TRY(officer_pin(cli_get(c, "pin-file"), &pin));
	TRY(file_read(cli_get(c, "key"), KEY_FILE_MAX, &file));
	TRY(private_key_read(buf_slice(&file), buf_slice(&pin), &signing));
	rc = cli_has(c, "p12") ? write_p12(c, answer, "sign", &signing, buf_slice(&pin)) : OK;
	if (rc_ok(rc) && sealed)
		rc = write_key(c, answer, &signing, buf_slice(&pin));
	private_key_wipe(&signing);
	return rc;
}

/* ---- the command ---- */

static bool in_work(const json_t *answer)
{
	const char *state = json_string_value(json_object_get(answer, "state"));

	return state != NULL && (strcmp(state, "approved") == 0 || strcmp(state, "issued-partial") == 0);
}

/* The holder's way: the key that the application names is what shows who asks. */
static RC get_outcome(struct cli *c, struct officer *o, const char *form, int64_t wait, json_t **ret)
{
	uint64_t end = clock_mono_ms() + (uint64_t)wait * 1000;
	const char *state, *code, *reason;

	TRY(officer_open_applicant(c, o));
	for (;;) {
		json_decref(*ret);
		*ret = NULL;
		TRY(officer_outcome(o, c->operands[0], form, ret));
		if (!in_work(*ret) || clock_mono_ms() >= end)
			break;
		(void)poll(NULL, 0, PAUSE_MS);
	}
	state = json_string_value(json_object_get(*ret, "state"));
	code = json_string_value(json_object_get(*ret, "code"));
	reason = json_string_value(json_object_get(*ret, "reason"));
	REQUIRE(state == NULL || strcmp(state, "refused") != 0, APPLICATION_REFUSED, "%s: %s",
	        code != NULL ? code : "", reason != NULL ? reason : "");
	REQUIRE(json_object_get(*ret, "sign") != NULL, NOT_COMPLETE, "the application is %s",
	        state != NULL ? state : "unknown");
	return OK;
}

static RC get_certificates(struct cli *c, struct officer *o, json_t **ret)
{
	const char *form = cli_get(c, "envelope");
	enum envelope_form known;
	int64_t wait = WAIT_DEFAULT;
	AUTO_BUF(path, 512);

	if (form == NULL)
		form = envelope_form_name(ENVELOPE_FORM_SM2);
	REQUIRE(rc_ok(envelope_form_find(slice_text(form), &known)), USAGE,
	        "--envelope %s: not sm2, saed, skf or sdf", form);
	REQUIRE(cli_has(c, "key") == cli_has(c, "pin-file"), USAGE, "--key and --pin-file go together");
	REQUIRE(!cli_has(c, "p12") || cli_has(c, "key"), USAGE, "--p12 goes with --key");
	TRY(cli_get_int(c, "wait", 0, WAIT_MAX, &wait));
	if (!cli_has(c, "as"))
		return get_outcome(c, o, envelope_form_name(known), wait, ret);
	TRY(officer_open(c, o));
	TRY(officer_path(&path, "/v1/applications/", c->operands[0], "/certificates?envelope="));
	buf_printf(&path, "%s&wait=%lld", envelope_form_name(known), (long long)wait);
	TRY(buf_done(&path));
	return officer_get(o, buf_cstr(&path), ret);
}

/* Keys of earlier generations that were recovered for the new one. */
static RC write_recovered(struct cli *c, const json_t *answer)
{
	json_t *list = json_object_get(answer, "recovered"), *one;
	size_t i;

	json_array_foreach(list, i, one) TRY(recovered_write(c, one));
	return OK;
}

static RC write_all(struct cli *c, const json_t *answer)
{
	TRY(dir_make(cli_get(c, "out"), 0755));
	TRY(write_certificate(c, answer, "sign", "sign.pem"));
	TRY(write_certificate(c, answer, "encrypt", "enc.pem"));
	TRY(write_chain(c, answer));
	TRY(write_member(c, answer, "response", "response.der"));
	TRY(write_member(c, answer, "envelope", "enc.env"));
	TRY(write_recovered(c, answer));
	return key_wanted(c, answer);
}

struct rc cmd_fetch(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	struct slice state;

	TRY(get_certificates(c, &o, &answer));
	TRY(json_get_text(answer, "state", 32, &state));
	TRY(write_all(c, answer));
	/* design 9.7: half a pair is worth having, but it is not the whole */
	REQUIRE(!slice_is(state, "issued-partial"), NOT_COMPLETE,
	        "the encryption certificate is still to come");
	if (c->json) {
		json_t *r = json_object();

		json_put_cstr(r, "id", c->operands[0]);
		json_put_text(r, "state", state);
		json_put_cstr(r, "out", cli_get(c, "out"));
		return cli_json(c, "fetch", r);
	}
	cli_line(c, "%.*s", (int)state.len, (const char *)state.p);
	return OK;
}
