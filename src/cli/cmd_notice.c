/* yuandian notice list: what people were told, by whoever may read it. */
#include "base/text.h"
#include "cli/officer.h"

#define PAGE 500
#define NOTICES_MAX 100000 /* of one listing */

static const char *member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "-";
}

static RC page(const struct cli *c, struct officer *o, int64_t after, json_t **ret)
{
	AUTO_BUF(path, 1024);

	buf_printf(&path, "/v1/notices?limit=%d&after=%lld", PAGE, (long long)after);
	if (cli_has(c, "to"))
		TRY(officer_path(&path, "&to=", cli_get(c, "to"), ""));
	TRY(buf_done(&path));
	return officer_get(o, buf_cstr(&path), ret);
}

struct rc cmd_notice_list(struct cli *c)
{
	AUTO_OFFICER(o);
	AUTO_JSON(whole, json_object());
	json_t *all = json_array(), *list, *one;
	int64_t after = 0;
	size_t i;

	json_put_take(whole, "notices", all);
	TRY(officer_open(c, &o));
	do {
		AUTO_JSON(answer, NULL);

		TRY(page(c, &o, after, &answer));
		TRY(json_get_array(answer, "notices", PAGE, &list));
		after = json_integer_value(json_object_get(answer, "cursor"));
		NEED(json_array_extend(all, list) == 0, RC_NOMEM, "no memory");
	} while (after > 0 && json_array_size(all) < NOTICES_MAX);
	if (c->json)
		return cli_json(c, "notice-list", json_incref(whole));
	json_array_foreach(all, i, one) cli_line(
	        c, "%s %s %s %s %s %s", member(one, "at"), member(one, "kind"), member(one, "recipient"),
	        member(one, "subject"), member(one, "mail"), member(one, "text"));
	return json_put_result();
}
