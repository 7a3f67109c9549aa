/* yuandian revoke CA/SERIAL: final, and at once (R21.6). */
#include "base/text.h"
#include "base/time.h"
#include "cli/apply.h"
#include "pki/cert.h"
#include "pki/ext.h"

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

static RC revocation_body(const struct cli *c, const char *ca, const char *serial, json_t *body)
{
	const char *reason = cli_get(c, "reason");
	enum crl_reason known;
	int64_t invalidity = 0;

	REQUIRE(rc_ok(crl_reason_find(slice_text(reason), &known)), USAGE,
	        "--reason %s: not a reason of RFC 5280 5.3.1", reason);
	TRY(cli_get_time(c, "invalidity", &invalidity));
	json_put_cstr(body, "ca", ca);
	json_put_cstr(body, "serial", serial);
	json_put_cstr(body, "reason", reason);
	if (cli_has(c, "invalidity"))
		json_put_time(body, "invalidity", invalidity);
	return json_put_result();
}

struct rc cmd_revoke(struct cli *c)
{
	static const char *const roles[] = {"review", "ca-operator", NULL};
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];
	struct slice at = SLICE_NONE;
	const char *role;

	TRY(certificate_name(c->operands[0], ca, serial));
	TRY(revocation_body(c, ca, serial, body));
	TRY(officer_open(c, &o));
	TRY(officer_role(&o, roles, &role));
	TRY(officer_path(&path, "/v1/certificates/", ca, "/"));
	buf_printf(&path, "%s/revocation", serial);
	TRY(buf_done(&path));
	TRY(officer_state(&o, STATEMENT_REVOCATION, role, body, buf_cstr(&path), &answer));
	/* 202: taken on, the CA is told as soon as it can be reached */
	if (json_object_get(answer, "revoked_at") == NULL)
		c->exit = CLI_INCOMPLETE;
	else
		TRY(json_get_text(answer, "revoked_at", 32, &at));
	if (c->json)
		return cli_json(c, "revoke", json_incref(answer));
	cli_line(c, "%s/%s %.*s", ca, serial, (int)at.len, at.p != NULL ? (const char *)at.p : "");
	return OK;
}
