/* yuandian accept: the subscriber, or a clerk before whom he stands, takes the certificates (R21.2). */
#include "cli/officer.h"

#define TEXT_MAX (256u << 10)
#define NOTICE "1" /* edition of the notice shown on acceptance */

/* R31.6: who accepts has the notice on safe keeping before him. */
static RC show_notice(struct cli *c, struct officer *o)
{
	AUTO_ANSWER(a, TEXT_MAX);

	TRY(http_call(o->ra, &(struct http_call){.path = "/v1/texts/safe-keeping-" NOTICE}, &a));
	if (!c->json)
		(void)fprintf(c->err, "%s\n", buf_cstr(&a.body));
	return OK;
}

struct rc cmd_accept(struct cli *c)
{
	static const char *const roles[] = {"entry", "review", "issue", NULL};
	AUTO_OFFICER(o);
	AUTO_JSON(application, NULL);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	json_t *certificates;
	const char *role, *code;
	struct slice state;

	TRY(officer_open(c, &o));
	TRY(officer_path(&path, "/v1/applications/", c->operands[0], ""));
	TRY(officer_get(&o, buf_cstr(&path), &application));
	TRY(json_get_array(application, "certificates", 4, &certificates));
	TRY(json_get_text(application, "state", 32, &state));
	REQUIRE(slice_is(state, "issued"), APPLICATION_STATE, "the application is %.*s", (int)state.len,
	        (const char *)state.p);
	TRY(officer_role(&o, roles, &role));
	TRY(show_notice(c, &o));
	json_put_cstr(body, "id", c->operands[0]);
	json_put_take(body, "certificates", json_incref(certificates));
	json_put_cstr(body, "notice", NOTICE);
	TRY(json_put_result());
	buf_text(&path, "/acceptance");
	TRY(buf_done(&path));
	TRY(officer_state(&o, STATEMENT_ACCEPTANCE, role, body, buf_cstr(&path), &answer));
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
