/* yuandian revoke, suspend, release CA/SERIAL: at once (R21.6, R21.7), by an officer, by the certificate's
 * own key, or by the code of the counter. */
#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/apply.h"
#include "pki/cert.h"
#include "pki/ext.h"
#include "pki/pkcs8.h"

/* "sm2/0A1B" to "sm2" and "a1b". */
RC certificate_name(const char *name, char ca[CERTIFICATE_CA + 1], char serial[CERT_SERIAL_TEXT])
{
	const char *slash = strchr(name, '/'), *s;
	size_t n;

	REQUIRE(slash != NULL && slash > name && slash - name <= CERTIFICATE_CA, USAGE, "%s: not CA/SERIAL",
	        name);
	(void)snprintf(ca, CERTIFICATE_CA + 1, "%.*s", (int)(slash - name), name);
	s = slash + 1 + strspn(slash + 1, "0");
	n = strlen(s);
	REQUIRE(n > 0 && n < CERT_SERIAL_TEXT && strspn(s, "0123456789abcdefABCDEF") == n, USAGE,
	        "%s: the serial is not hexadecimal", name);
	for (size_t i = 0; i <= n; i++)
		serial[i] = s[i] >= 'A' && s[i] <= 'F' ? (char)(s[i] + ('a' - 'A')) : s[i];
	return OK;
}

/* ---- what is asked for ---- */

struct asking {
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];
	const char *reason;
	bool loss; /* reported now unless --reported says when */
};

static RC put_time(const struct cli *c, const char *option, bool wanted, json_t *body)
{
	int64_t at = clock_now();

	TRY(cli_get_time(c, option, &at));
	if (wanted || cli_has(c, option))
		json_put_time(body, option, at);
	return OK;
}

static RC order_body(const struct cli *c, const struct asking *a, json_t *body)
{
	static const char *const texts[] = {"ground", "case"};

	json_put_cstr(body, "ca", a->ca);
	json_put_cstr(body, "serial", a->serial);
	json_put_cstr(body, "reason", a->reason);
	TRY(put_time(c, "invalidity", false, body));
	TRY(put_time(c, "reported", a->loss, body));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (cli_has(c, texts[i]))
			json_put_cstr(body, texts[i], cli_get(c, texts[i]));
	}
	if (cli_has(c, "only"))
		json_put_cstr(body, "scope", "single");
	return json_put_result();
}

/* ---- the three ways (R31.1) ---- */

static RC by_officer(const struct cli *c, const struct asking *a, json_t **answer)
{
	static const char *const roles[] = {"review", "ca-operator", "institution", "entry", NULL};
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_BUF(path, 256);
	const char *role;

	TRY(officer_open(c, &o));
	TRY(order_body(c, a, body));
	TRY(officer_role(&o, roles, &role));
	TRY(officer_path(&path, "/v1/certificates/", a->ca, "/"));
	buf_printf(&path, "%s/revocation", a->serial);
	TRY(buf_done(&path));
	return officer_state(&o, STATEMENT_REVOCATION, role, body, buf_cstr(&path), answer);
}

static RC by_key(const struct cli *c, const struct asking *a, json_t **answer)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());

	TRY(officer_open_key(c, a->ca, a->serial, &o));
	TRY(order_body(c, a, body));
	return officer_state(&o, STATEMENT_REVOCATION, "subscriber", body, "/v1/holder/revocations", answer);
}

static RC by_code(const struct cli *c, const struct asking *a, json_t **answer)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_BUF(code, PKCS8_PIN_MAX);

	code.secret = true;
	TRY(officer_pin(cli_get(c, "code"), &code));
	TRY(officer_open_nobody(c, &o));
	json_put_cstr(body, "ca", a->ca);
	json_put_cstr(body, "serial", a->serial);
	json_put_text(body, "code", buf_slice(&code));
	json_put_cstr(body, "reason", a->reason);
	TRY(json_put_result());
	return http_call_json(o.ra,
	                      &(struct http_call){.method = "POST",
	                                          .path = "/v1/holder/revocations/code",
	                                          .deadline_ms = OFFICER_DEADLINE_MS},
	                      body, answer);
}

static RC ask(struct cli *c, struct asking *a, const char *schema)
{
	bool as = cli_has(c, "as"), key = cli_has(c, "key"), code = cli_has(c, "code");
	AUTO_JSON(answer, NULL);
	enum crl_reason known;
	const char *at;

	REQUIRE(as + key + code == 1, USAGE, "give one of --as, --key, --code");
	TRY(certificate_name(c->operands[0], a->ca, a->serial));
	REQUIRE(rc_ok(crl_reason_find(slice_text(a->reason), &known)), USAGE,
	        "--reason %s: not a reason of RFC 5280 5.3.1", a->reason);
	a->loss = a->loss || key;
	TRY(as ? by_officer(c, a, &answer) : key ? by_key(c, a, &answer) : by_code(c, a, &answer));
	at = json_string_value(json_object_get(answer, "at"));
	/* 202: taken on, the CA is told as soon as it can be reached */
	if (at == NULL)
		c->exit = CLI_INCOMPLETE;
	if (c->json)
		return cli_json(c, schema, json_incref(answer));
	cli_line(c, "%s/%s %s %s", a->ca, a->serial, json_string_value(json_object_get(answer, "state")),
	         at != NULL ? at : "");
	return OK;
}

struct rc cmd_revoke(struct cli *c)
{
	bool uncertain = cli_has(c, "uncertain");
	struct asking a = {.reason = cli_get(c, "reason"), .loss = uncertain};

	REQUIRE(!uncertain || a.reason == NULL, USAGE,
	        "--uncertain suspends: there is no reason to give yet");
	REQUIRE(!uncertain || cli_has(c, "as"), USAGE, "--uncertain is an officer's word: give --as");
	if (uncertain)
		a.reason = crl_reason_name(REASON_HOLD);
	else if (a.reason == NULL && !cli_has(c, "as"))
		a.reason = crl_reason_name(REASON_KEY_COMPROMISE);
	REQUIRE(a.reason != NULL, USAGE, "--reason is missing");
	return ask(c, &a, "revoke");
}

struct rc cmd_suspend(struct cli *c)
{
	struct asking a = {.reason = crl_reason_name(REASON_HOLD)};

	return ask(c, &a, "suspend");
}

struct rc cmd_release(struct cli *c)
{
	struct asking a = {.reason = crl_reason_name(REASON_REMOVE)};

	return ask(c, &a, "release");
}
