/* yuandian accept: the subscriber, or a clerk before whom he stands, takes the certificates (R21.2). */
#include "cli/apply.h"

#define TEXT_MAX (256u << 10)
#define NOTICE "1" /* edition of the notice shown on acceptance */

/* R31.6: who accepts has the notice on safe keeping before him. */
static RC show_notice(struct cli *c, struct officer *o, const char *path)
{
	AUTO_ANSWER(a, TEXT_MAX);

	TRY(http_call(o->ra, &(struct http_call){.path = path}, &a));
	if (!c->json)
		(void)fprintf(c->err, "%s\n", buf_cstr(&a.body));
	return OK;
}

static RC issued(const json_t *application)
{
	struct slice state;

	TRY(json_get_text(application, "state", 32, &state));
	REQUIRE(slice_is(state, "issued"), APPLICATION_STATE, "the application is %.*s", (int)state.len,
	        (const char *)state.p);
	return OK;
}

static RC acceptance(const struct cli *c, json_t *certificates, json_t *body)
{
	json_put_cstr(body, "id", c->operands[0]);
	json_put_take(body, "certificates", certificates);
	json_put_cstr(body, "notice", NOTICE);
	return json_put_result();
}

static RC by_officer(struct cli *c, struct officer *o, json_t *body, json_t **answer)
{
	static const char *const roles[] = {"entry", "review", "issue", NULL};
	AUTO_JSON(application, NULL);
	AUTO_BUF(path, 256);
	json_t *certificates;
	const char *role;

	TRY(officer_open(c, o));
	TRY(officer_path(&path, "/v1/applications/", c->operands[0], ""));
	TRY(officer_get(o, buf_cstr(&path), &application));
	TRY(json_get_array(application, "certificates", 4, &certificates));
	TRY(issued(application));
	TRY(officer_role(o, roles, &role));
	TRY(show_notice(c, o, "/v1/texts/safe-keeping-" NOTICE));
	TRY(acceptance(c, json_incref(certificates), body));
	buf_text(&path, "/acceptance");
	TRY(buf_done(&path));
	return officer_state(o, STATEMENT_ACCEPTANCE, role, body, buf_cstr(&path), answer);
}

/* "CA/SERIAL" of a certificate in the outcome; one that is not there adds nothing. */
static RC add_name(const json_t *outcome, const char *member, json_t *list)
{
	const char *ca = json_string_value(json_object_get(outcome, "authority"));
	char serial[CERT_SERIAL_TEXT], name[CERTIFICATE_CA + CERT_SERIAL_TEXT + 1];
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert cert;

	if (json_object_get(outcome, member) == NULL)
		return OK;
	TRY(json_get_base64(outcome, member, CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &cert));
	cert_serial_text(cert.serial, serial);
	(void)snprintf(name, sizeof(name), "%s/%s", ca != NULL ? ca : "", serial);
	NEED(json_array_append_new(list, json_string(name)) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* Signed with the certificate that is accepted: who has no such key takes nothing into use. */
static RC by_holder(struct cli *c, struct officer *o, json_t *body, json_t **answer)
{
	AUTO_JSON(outcome, NULL);
	AUTO_JSON(certificates, json_array());

	TRY(officer_open_applicant(c, o));
	TRY(officer_outcome(o, c->operands[0], NULL, &outcome));
	TRY(issued(outcome));
	TRY(add_name(outcome, "sign", certificates));
	TRY(add_name(outcome, "encrypt", certificates));
	TRY(show_notice(c, o, "/v1/holder/texts/safe-keeping-" NOTICE));
	TRY(acceptance(c, json_incref(certificates), body));
	return officer_state(o, STATEMENT_ACCEPTANCE, "subscriber", body, "/v1/holder/acceptances", answer);
}

struct rc cmd_accept(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	struct slice state;
	const char *code;

	REQUIRE(cli_has(c, "as") != cli_has(c, "key"), USAGE, "give one of --as and --key");
	if (cli_has(c, "as"))
		TRY(by_officer(c, &o, body, &answer));
	else
		TRY(by_holder(c, &o, body, &answer));
	if (c->json)
		return cli_json(c, "accept", json_incref(answer));
	TRY(json_get_text(answer, "state", 32, &state));
	cli_line(c, "%.*s", (int)state.len, (const char *)state.p);
	/* for the holder, and shown this once: to revoke with when the token is lost */
	code = json_string_value(json_object_get(answer, "revocation_code"));
	if (code != NULL)
		cli_line(c, "%s", code);
	return OK;
}
