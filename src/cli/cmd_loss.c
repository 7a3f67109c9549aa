/* yuandian loss list|show, revocation-code, alarms: what officers look after. */
#include "base/text.h"
#include "cli/apply.h"
#include "cli/objects.h"

static RC print(struct cli *c, const char *schema, json_t *answer)
{
	if (c->json)
		return cli_json(c, schema, json_incref(answer));
	tree_print(c, answer, 0);
	return OK;
}

struct rc cmd_loss_list(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	json_t *list, *one;
	size_t i;

	TRY(officer_open(c, &o));
	TRY(officer_get(&o, "/v1/losses?limit=500", &answer));
	if (c->json)
		return cli_json(c, "loss-list", json_incref(answer));
	TRY(json_get_array(answer, "losses", 500, &list));
	json_array_foreach(list, i, one)
	{
		cli_line(c, "%lld %s/%s %s %s", (long long)json_integer_value(json_object_get(one, "id")),
		         json_string_value(json_object_get(one, "ca")),
		         json_string_value(json_object_get(one, "serial")),
		         json_string_value(json_object_get(one, "state")),
		         json_string_value(json_object_get(one, "reported")));
	}
	return OK;
}

struct rc cmd_loss_show(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);

	TRY(officer_open(c, &o));
	TRY(officer_path(&path, "/v1/losses/", c->operands[0], ""));
	TRY(officer_get(&o, buf_cstr(&path), &answer));
	return print(c, "loss", answer);
}

static RC post(struct officer *o, const char *path, json_t **answer)
{
	return http_call_json(
	        o->ra,
	        &(struct http_call){.method = "POST", .path = path, .deadline_ms = OFFICER_DEADLINE_MS}, NULL,
	        answer);
}

struct rc cmd_revocation_code(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	char ca[CERTIFICATE_CA + 1], serial[CERT_SERIAL_TEXT];

	TRY(certificate_name(c->operands[0], ca, serial));
	TRY(officer_open(c, &o));
	TRY(officer_path(&path, "/v1/certificates/", ca, "/"));
	buf_printf(&path, "%s/code", serial);
	TRY(buf_done(&path));
	TRY(post(&o, buf_cstr(&path), &answer));
	if (c->json)
		return cli_json(c, "revocation-code", json_incref(answer));
	cli_line(c, "%s", json_string_value(json_object_get(answer, "code")));
	return OK;
}

struct rc cmd_alarms(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	AUTO_BUF(path, 256);
	json_t *list, *one;
	size_t i;

	TRY(officer_open(c, &o));
	if (cli_has(c, "ack")) {
		TRY(officer_path(&path, "/v1/alarms/", cli_get(c, "ack"), "/acknowledgement"));
		TRY(post(&o, buf_cstr(&path), &answer));
		return print(c, "alarms-ack", answer);
	}
	TRY(officer_get(&o, cli_has(c, "all") ? "/v1/alarms?limit=500" : "/v1/alarms?open=true&limit=500",
	                &answer));
	if (c->json)
		return cli_json(c, "alarms", json_incref(answer));
	TRY(json_get_array(answer, "alarms", 500, &list));
	json_array_foreach(list, i, one)
	{
		cli_line(c, "%lld %s %s %s %s", (long long)json_integer_value(json_object_get(one, "id")),
		         json_string_value(json_object_get(one, "level")),
		         json_string_value(json_object_get(one, "kind")),
		         json_string_value(json_object_get(one, "subject")),
		         json_string_value(json_object_get(one, "text")));
	}
	return OK;
}
