/* yuandian record show, hold, release, dispose, attest, exceptions, scrub: the vault's doors.  Statements are
 * signed here; certificates are named CA/SERIAL, records by the SM3 of their approval. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/apply.h"
#include "cli/objects.h"
#include "pki/cert.h"

#define KEY_HEX 64

static bool is_key(const char *s)
{
	return strlen(s) == KEY_HEX && strspn(s, "0123456789abcdef") == KEY_HEX;
}

/* The record of CA/SERIAL; a key is its own name. */
static RC key_of(struct officer *o, const char *name, char ret[KEY_HEX + 1])
{
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];
	AUTO_BUF(path, 512);
	AUTO_JSON(answer, NULL);
	json_t *list;
	struct slice key;

	if (is_key(name)) {
		(void)snprintf(ret, KEY_HEX + 1, "%s", name);
		return OK;
	}
	TRY(certificate_name(name, ca, serial));
	TRY(officer_path(&path, "/v1/records?ca=", ca, "&serial="));
	buf_text(&path, serial);
	TRY(buf_done(&path));
	TRY(officer_get(o, buf_cstr(&path), &answer));
	TRY(json_get_array(answer, "records", 1, &list));
	NEED(json_array_size(list) == 1, RC_NOTFOUND, "%s has no record", name);
	TRY(json_get_text(json_array_get(list, 0), "record", KEY_HEX, &key));
	(void)snprintf(ret, KEY_HEX + 1, "%.*s", (int)key.len, (const char *)key.p);
	return OK;
}

static RC keys_of(const struct cli *c, struct officer *o, json_t *body)
{
	json_t *list = json_array();

	json_put_take(body, "records", list);
	for (size_t i = 0; i < c->operand_count; i++) {
		char key[KEY_HEX + 1];

		TRY(key_of(o, c->operands[i], key));
		NEED(json_array_append_new(list, json_string(key)) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

static RC print(struct cli *c, const char *what, const json_t *answer, const char *member)
{
	struct slice text;

	if (c->json)
		return cli_json(c, what, json_incref((json_t *)(uintptr_t)answer));
	TRY(json_get_text(answer, member, KEY_HEX, &text));
	cli_line(c, "%.*s", (int)text.len, (const char *)text.p);
	return OK;
}

struct rc cmd_record_show(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_BUF(path, 2048);
	AUTO_JSON(answer, NULL);
	char key[KEY_HEX + 1];

	TRY(officer_open_at(c, "vault", &o));
	TRY(key_of(&o, c->operands[0], key));
	TRY(officer_path(&path, "/v1/records/", key, "?reason="));
	http_escape(&path, slice_text(cli_get(c, "reason")));
	if (cli_has(c, "originals"))
		buf_text(&path, "&originals=true");
	TRY(buf_done(&path));
	TRY(officer_get(&o, buf_cstr(&path), &answer));
	if (c->json)
		return cli_json(c, "record", json_incref(answer));
	tree_print(c, answer, 0);
	return OK;
}

struct rc cmd_record_hold(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);

	TRY(officer_open_at(c, "vault", &o));
	json_put_cstr(body, "action", "hold");
	json_put_cstr(body, "authority", cli_get(c, "authority"));
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	if (cli_has(c, "document"))
		json_put_cstr(body, "document", cli_get(c, "document"));
	TRY(keys_of(c, &o, body));
	TRY(officer_state(&o, STATEMENT_LEGAL_HOLD, "institution", body, "/v1/holds", &answer));
	return print(c, "hold", answer, "hold");
}

struct rc cmd_record_release(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);

	TRY(officer_open_at(c, "vault", &o));
	json_put_cstr(body, "action", "release");
	json_put_cstr(body, "hold", c->operands[0]);
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	TRY(officer_state(&o, STATEMENT_LEGAL_HOLD, "institution", body, "/v1/holds", &answer));
	return print(c, "hold", answer, "state");
}

static RC decide(struct cli *c, struct officer *o, const char *disposal, bool approve)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);

	json_put_cstr(body, "disposal", disposal);
	json_put_bool(body, "approve", approve);
	if (cli_has(c, "reason"))
		json_put_cstr(body, "reason", cli_get(c, "reason"));
	TRY(officer_state(o, STATEMENT_DISPOSAL_APPROVAL, "institution", body, "/v1/disposals/decisions",
	                  &answer));
	return print(c, "disposal", answer, "state");
}

struct rc cmd_record_dispose(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	const char *approve = cli_get(c, "approve"), *refuse = cli_get(c, "refuse");

	REQUIRE((approve != NULL) + (refuse != NULL) + (c->operand_count > 0) == 1, USAGE,
	        "records to be listed, or --approve, or --refuse");
	TRY(officer_open_at(c, "vault", &o));
	if (c->operand_count == 0)
		return decide(c, &o, approve != NULL ? approve : refuse, approve != NULL);
	REQUIRE(cli_has(c, "reason"), USAGE, "--reason TEXT");
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	TRY(keys_of(c, &o, body));
	TRY(officer_state(&o, STATEMENT_DISPOSAL, "institution", body, "/v1/disposals", &answer));
	return print(c, "disposal", answer, "disposal");
}

struct rc cmd_record_attest(struct cli *c)
{
	static const char *const roles[] = {"institution", "security-admin", NULL};
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	const char *role = roles[0];
	int64_t at;

	TRY(officer_open_at(c, "vault", &o));
	at = clock_now();
	TRY(cli_get_time(c, "time", &at));
	json_put_time(body, "time", at);
	json_put_cstr(body, "source", cli_get(c, "source"));
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	if (cli_has(c, "role"))
		role = cli_get(c, "role");
	TRY(officer_state(&o, STATEMENT_TIME_ATTESTATION, role, body, "/v1/time-attestations", &answer));
	return print(c, "attestation", answer, "state");
}

struct rc cmd_record_exceptions(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(all, json_array());
	int64_t last = 0, looked = 0, n;

	TRY(officer_open_at(c, "vault", &o));
	do {
		AUTO_JSON(answer, NULL);
		char path[128];
		json_t *list;

		(void)snprintf(path, sizeof(path), "/v1/records/exceptions?after=%lld", (long long)last);
		TRY(officer_get(&o, path, &answer));
		TRY(json_get_int(answer, "looked", 0, INT64_MAX, &n));
		if (n > 0)
			TRY(json_get_int(answer, "last", 0, INT64_MAX, &last));
		TRY(json_get_array(answer, "exceptions", SIZE_MAX, &list));
		NEED(json_array_extend(all, list) == 0, RC_NOMEM, "no memory");
		looked += n;
	} while (n > 0);
	if (c->json)
		return cli_json(c, "exceptions", json_incref(all));
	for (size_t i = 0; i < json_array_size(all); i++)
		tree_print(c, json_array_get(all, i), 0);
	cli_line(c, c->english ? "%lld records, %zu with something missing" : "共 %lld 份档案，%zu 份不完整",
	         (long long)looked, json_array_size(all));
	return OK;
}

struct rc cmd_record_scrub(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);

	TRY(officer_open_at(c, "vault", &o));
	TRY(http_call_json(o.ra,
	                   &(struct http_call){.method = "POST", .path = "/v1/scrub", .deadline_ms = 3600000},
	                   NULL, &answer));
	if (c->json)
		return cli_json(c, "scrub", json_incref(answer));
	tree_print(c, answer, 0);
	return OK;
}
