/* yuandian blacklist add, remove, list: who may not apply (R30.2).  The statement is signed here. */
#include "cli/officer.h"

static RC body_of(const struct cli *c, const char *action, json_t *body)
{
	static const char *const kinds[] = {"number", "code", "entity"};
	size_t given = 0;
	int64_t until = 0;

	json_put_cstr(body, "action", action);
	json_put_cstr(body, "reason", cli_get(c, "reason"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!cli_has(c, kinds[i]))
			continue;
		json_put_cstr(body, kinds[i], cli_get(c, kinds[i]));
		given++;
	}
	REQUIRE(given == 1, USAGE, "one of --number, --code and --entity");
	TRY(cli_get_time(c, "until", &until));
	if (until != 0)
		json_put_time(body, "until", until);
	return json_put_result();
}

static RC change(struct cli *c, const char *action)
{
	AUTO_OFFICER(o);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	struct slice state;

	TRY(body_of(c, action, body));
	TRY(officer_open(c, &o));
	TRY(officer_state(&o, STATEMENT_BLACKLIST, "review", body, "/v1/blacklist", &answer));
	if (c->json)
		return cli_json(c, "blacklist", json_incref(answer));
	TRY(json_get_text(answer, "state", 32, &state));
	cli_line(c, "%.*s", (int)state.len, (const char *)state.p);
	return OK;
}

struct rc cmd_blacklist_add(struct cli *c)
{
	return change(c, "add");
}

struct rc cmd_blacklist_remove(struct cli *c)
{
	return change(c, "remove");
}

static const char *member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "-";
}

struct rc cmd_blacklist_list(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(answer, NULL);
	json_t *list, *one;
	size_t i;

	TRY(officer_open(c, &o));
	TRY(officer_get(&o, "/v1/blacklist", &answer));
	if (c->json)
		return cli_json(c, "blacklist", json_incref(answer));
	TRY(json_get_array(answer, "blacklist", 1000, &list));
	json_array_foreach(list, i, one) cli_line(
	        c, "%lld\t%s\t%s\t%s\t%s\t%s", (long long)json_integer_value(json_object_get(one, "id")),
	        member(one, "kind"), member(one, "from"), member(one, "until"), member(one, "removed_at"),
	        member(one, "reason"));
	return OK;
}
