/* yuandian mass revoke|suspend|release: for an organisation, previewed, then one signed statement for each
 * certificate. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/apply.h"
#include "pki/cert.h"
#include "pki/ext.h"

#define LIST_MAX (1u << 20)
#define AT_ONCE 200

/* ---- which ---- */

static RC read_list(const char *path, json_t *list)
{
	AUTO_BUF(text, LIST_MAX);
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT], name[CERTIFICATE_CA + CERT_SERIAL_TEXT + 1],
	        *save = NULL;

	TRY(file_read(path, LIST_MAX, &text));
	(void)buf_cstr(&text);
	for (char *line = strtok_r((char *)text.p, "\r\n", &save); line != NULL;
	     line = strtok_r(NULL, "\r\n", &save)) {
		if (*line == '\0' || *line == '#')
			continue;
		TRY(certificate_name(line, ca, serial));
		(void)snprintf(name, sizeof(name), "%s/%s", ca, serial);
		NEED(json_array_append_new(list, json_string(name)) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

static RC choice(const struct cli *c, const char *event, json_t *body)
{
	json_t *list;

	REQUIRE(cli_has(c, "file") != cli_has(c, "organisation"), USAGE, "give --file or --organisation");
	json_put_cstr(body, "event", event);
	if (cli_has(c, "organisation")) {
		json_put_cstr(body, "organisation", cli_get(c, "organisation"));
		if (cli_has(c, "ou"))
			json_put_cstr(body, "unit", cli_get(c, "ou"));
		return json_put_result();
	}
	list = json_array();
	json_put_take(body, "certificates", list);
	TRY(json_put_result());
	return read_list(cli_get(c, "file"), list);
}

static RC post(struct officer *o, const char *path, const json_t *body, json_t **ret)
{
	AUTO_BUF(text, JSON_MAX);
	AUTO_ANSWER(answer, OFFICER_ANSWER_MAX);

	TRY(json_canonical(body, &text));
	TRY(http_call(o->ra,
	              &(struct http_call){.method = "POST",
	                                  .path = path,
	                                  .media = "application/json",
	                                  .body = buf_slice(&text),
	                                  .deadline_ms = OFFICER_DEADLINE_MS},
	              &answer));
	return json_read(buf_slice(&answer.body), OFFICER_ANSWER_MAX, ret);
}

/* ---- preview ---- */

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static RC show_preview(struct cli *c, json_t *answer)
{
	json_t *items, *one;
	size_t i;

	if (c->json)
		return cli_json(c, "mass-preview", json_incref(answer));
	TRY(json_get_array(answer, "items", 100000, &items));
	json_array_foreach(items, i, one)
	{
		cli_line(c, "%s %s %s %s", text_at(one, "certificate"), text_at(one, "state"),
		         text_at(one, "code"), text_at(one, "subject"));
	}
	cli_line(
	        c, "total %lld, refused %lld",
	        (long long)json_integer_value(json_object_get(answer, "total")),
	        (long long)json_integer_value(json_object_get(json_object_get(answer, "counts"), "refused")));
	cli_line(c, "token %s", text_at(answer, "token"));
	return OK;
}

/* ---- run ---- */

struct run {
	struct cli *c;
	struct officer o;
	const char *reason, *role;
	char id[33];
	size_t done, queued, refused;
};

static RC add_statement(struct run *r, const char *name, json_t *list)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO_BUF(text, 2 * STATEMENT_MAX);
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];

	TRY(certificate_name(name, ca, serial));
	json_put_cstr(body, "ca", ca);
	json_put_cstr(body, "serial", serial);
	json_put_cstr(body, "reason", r->reason);
	json_put_cstr(body, "ground", cli_has(r->c, "ground") ? cli_get(r->c, "ground") : "institution");
	if (cli_has(r->c, "case"))
		json_put_cstr(body, "case", cli_get(r->c, "case"));
	TRY(json_put_result());
	TRY(officer_sign(&r->o, STATEMENT_REVOCATION, r->role, body, &der));
	buf_base64(&text, buf_slice(&der));
	TRY(buf_done(&text));
	NEED(json_array_append_new(list, json_string(buf_cstr(&text))) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC take_results(struct run *r, const json_t *answer)
{
	json_t *results, *one;
	size_t i;

	TRY(json_get_array(answer, "results", AT_ONCE, &results));
	json_array_foreach(results, i, one)
	{
		const char *state = text_at(one, "state");

		r->done += strcmp(state, "done") == 0;
		r->queued += strcmp(state, "queued") == 0;
		r->refused += strcmp(state, "refused") == 0;
	}
	return OK;
}

/* One page of statements. */
static RC send_page(struct run *r, const json_t *open, size_t from)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 128);
	json_t *list = json_array();

	json_put_take(body, "statements", list);
	TRY(json_put_result());
	for (size_t i = from; i < json_array_size(open) && i < from + AT_ONCE; i++)
		TRY(add_statement(r, text_at(json_array_get(open, i), "certificate"), list));
	TRY(officer_path(&path, "/v1/mass/", r->id, "/statements"));
	TRY(post(&r->o, buf_cstr(&path), body, &answer));
	TRY(take_results(r, answer));
	if (!r->c->json)
		(void)fprintf(r->c->err, "%zu/%zu\n", from + json_array_size(list), json_array_size(open));
	return OK;
}

static RC state_of(struct run *r, json_t **ret)
{
	AUTO_BUF(path, 128);

	TRY(officer_path(&path, "/v1/mass/", r->id, ""));
	return officer_get(&r->o, buf_cstr(&path), ret);
}

/* What is open at the RA decides, so a run that broke off goes on where it was. */
static RC finish(struct run *r)
{
	AUTO_JSON(state, NULL);
	AUTO_JSON(after, NULL);
	json_t *open;

	TRY(state_of(r, &state));
	TRY(json_get_array(state, "open", 100000, &open));
	for (size_t from = 0; from < json_array_size(open); from += AT_ONCE)
		TRY(send_page(r, open, from));
	TRY(state_of(r, &after));
	if (r->queued > 0)
		r->c->exit = CLI_INCOMPLETE;
	if (r->c->json)
		return cli_json(r->c, "mass", json_incref(after));
	cli_line(r->c, "%s done %zu queued %zu refused %zu", r->id, r->done, r->queued,
	         (size_t)json_integer_value(json_object_get(json_object_get(after, "counts"), "refused")));
	return OK;
}

static RC order(struct run *r, json_t *body)
{
	AUTO_JSON(answer, NULL);
	struct slice id;

	REQUIRE(cli_has(r->c, "token"), USAGE, "--token is missing: --preview gives it");
	json_put_cstr(body, "token", cli_get(r->c, "token"));
	TRY(json_put_result());
	TRY(post(&r->o, "/v1/mass", body, &answer));
	TRY(json_get_text(answer, "id", sizeof(r->id) - 1, &id));
	memcpy(r->id, id.p, id.len);
	if (!r->c->json)
		(void)fprintf(r->c->err, "%s\n", r->id);
	return OK;
}

static RC mass(struct cli *c, const char *event, const char *reason)
{
	static const char *const roles[] = {"review", "ca-operator", NULL};
	__attribute__((cleanup(officer_close))) struct officer o = {0};
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	struct run r = {.c = c, .reason = reason};
	struct rc rc;

	if (!cli_has(c, "resume"))
		TRY(choice(c, event, body));
	TRY(officer_open(c, &o));
	if (cli_has(c, "preview")) {
		TRY(post(&o, "/v1/mass/preview", body, &answer));
		return show_preview(c, answer);
	}
	TRY(officer_role(&o, roles, &r.role));
	r.o = o;
	if (cli_has(c, "resume"))
		(void)snprintf(r.id, sizeof(r.id), "%s", cli_get(c, "resume"));
	else
		TRY(order(&r, body));
	rc = finish(&r);
	if (!rc_ok(rc) && !c->json)
		(void)fprintf(c->err, "--resume %s\n", r.id);
	return rc;
}

struct rc cmd_mass_revoke(struct cli *c)
{
	const char *reason = cli_has(c, "reason") ? cli_get(c, "reason") : "affiliationChanged";
	enum crl_reason known;

	REQUIRE(rc_ok(crl_reason_find(slice_text(reason), &known)) && known != REASON_HOLD &&
	                known != REASON_REMOVE,
	        USAGE, "--reason %s: not a reason of RFC 5280 5.3.1", reason);
	return mass(c, "revoke", reason);
}

struct rc cmd_mass_suspend(struct cli *c)
{
	return mass(c, "hold", crl_reason_name(REASON_HOLD));
}

struct rc cmd_mass_release(struct cli *c)
{
	return mass(c, "release", crl_reason_name(REASON_REMOVE));
}
