/* yuandian update, extend, replace CA/SERIAL: an application that follows a certificate.  An officer enters
 * it
 * (--as), or the holder signs it with the old key (--key), while that certificate is valid. */
#include "cli/apply.h"
#include "statement/basis.h"

static json_t *basis_of(enum basis_kind kind, const char *ca, const char *serial)
{
	json_t *o = json_object();

	json_put_cstr(o, "kind", basis_kind_name(kind));
	json_put_cstr(o, "ca", ca);
	json_put_cstr(o, "serial", serial);
	return o;
}

static RC body_of(const struct cli *c, enum basis_kind kind, json_t *body)
{
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];

	TRY(certificate_name(c->operands[0], ca, serial));
	json_put_take(body, "basis", basis_of(kind, ca, serial));
	json_put_cstr(body, "profile", cli_get(c, "profile"));
	json_put_cstr(body, "class", cli_get(c, "class"));
	TRY(json_put_result());
	TRY(apply_csr(cli_get(c, "csr"), body));
	return apply_data(cli_get(c, "data"), body);
}

static RC by_officer(const struct cli *c, struct officer *o, json_t *body, json_t *evidence, json_t **answer)
{
	const char *spec;

	TRY(officer_open(c, o));
	for (size_t i = 0; (spec = cli_get_at(c, "evidence", i)) != NULL; i++)
		TRY(apply_evidence(o, spec, evidence));
	return officer_state(o, STATEMENT_APPLICATION, "entry", body, "/v1/applications", answer);
}

static RC by_holder(const struct cli *c, struct officer *o, json_t *body, json_t **answer)
{
	REQUIRE(!cli_has(c, "evidence"), USAGE, "a holder's key is the evidence; --evidence goes with --as");
	TRY(officer_open_holder(c, o));
	return officer_state(o, STATEMENT_APPLICATION, "subscriber", body, "/v1/holder/applications", answer);
}

static RC follow(struct cli *c, enum basis_kind kind)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	json_t *evidence = json_array();
	struct slice id;

	json_put_take(body, "evidence", evidence);
	TRY(body_of(c, kind, body));
	if (cli_has(c, "as"))
		TRY(by_officer(c, &o, body, evidence, &answer));
	else
		TRY(by_holder(c, &o, body, &answer));
	if (c->json)
		return cli_json(c, basis_kind_name(kind), json_incref(answer));
	TRY(json_get_text(answer, "id", 64, &id));
	cli_line(c, "%.*s", (int)id.len, (const char *)id.p);
	return OK;
}

struct rc cmd_update(struct cli *c)
{
	return follow(c, BASIS_UPDATE);
}

struct rc cmd_extend(struct cli *c)
{
	return follow(c, BASIS_EXTEND);
}

struct rc cmd_replace(struct cli *c)
{
	return follow(c, BASIS_REPLACE);
}
