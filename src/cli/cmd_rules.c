/* yuandian rules list: each article that this program enforces, since when, and where. */
#include "base/clock.h"
#include "base/embed.h"
#include "calendar/day.h"
#include "cli/cli.h"
#include "embed_rule_sets.h"

#define FILE_MAX (256u << 10)

/* Whether the set is in force on the day; without an end it is. */
static RC in_force(const json_t *set, int32_t day, bool *ret)
{
	struct slice s;
	int32_t from, until = DAY_MAX;

	TRY(json_get_text(set, "from", 10, &s));
	TRY(day_parse(s, &from));
	if (json_object_get(set, "until") != NULL) {
		TRY(json_get_text(set, "until", 10, &s));
		TRY(day_parse(s, &until));
	}
	*ret = day >= from && day <= until;
	return OK;
}

static void put_places(struct buf *b, const json_t *list, const char *none)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		buf_printf(b, "%s%s", i > 0 ? " " : "", json_string_value(v));
	}
	if (json_array_size(list) == 0)
		buf_text(b, none);
}

static void print_set(struct cli *c, const json_t *set)
{
	const char *lang = c->english ? "en" : "zh",
	           *until = json_string_value(json_object_get(set, "until"));
	const json_t *r;
	size_t i;

	cli_line(c, "%s  %s .. %s", json_string_value(json_object_get(set, "document")),
	         json_string_value(json_object_get(set, "from")), until != NULL ? until : "");
	cli_line(c, "  %s", json_string_value(json_object_get(json_object_get(set, "note"), lang)));
	json_array_foreach(json_object_get(set, "rules"), i, r)
	{
		const char *code = json_string_value(json_object_get(r, "code"));
		AUTO_BUF(where, 1024);

		put_places(&where, json_object_get(r, "enforced"), c->english ? "not enforced" : "尚未执行");
		cli_line(c, "  %-10s %s [%s%s%s]", json_string_value(json_object_get(r, "article")),
		         json_string_value(json_object_get(json_object_get(r, "what"), lang)),
		         code != NULL ? code : "", code != NULL ? ": " : "", buf_cstr(&where));
	}
}

static RC one_set(struct cli *c, const struct embedded *f, int32_t day, json_t *list)
{
	const char *want = cli_get(c, "rules");
	AUTO_JSON(set, NULL);
	bool shown;

	TRY(rc_note(json_read(f->content, FILE_MAX, &set), "%s", f->name));
	shown = want == NULL || strcmp(want, json_string_value(json_object_get(set, "set"))) == 0;
	if (shown && cli_has(c, "at"))
		TRY(in_force(set, day, &shown));
	if (!shown)
		return OK;
	NEED(json_array_append(list, set) == 0, RC_NOMEM, "no memory");
	if (!c->json)
		print_set(c, set);
	return OK;
}

struct rc cmd_rules_list(struct cli *c)
{
	AUTO_JSON(list, json_array());
	int64_t at = clock_now();
	json_t *o;

	TRY(cli_get_time(c, "at", &at));
	for (const struct embedded *f = embed_rule_sets; f->name != NULL; f++)
		TRY(one_set(c, f, day_of(at), list));
	NEED(json_array_size(list) > 0, RC_NOTFOUND, "there is no such set of rules");
	if (!c->json)
		return OK;
	o = json_object();
	json_put_take(o, "sets", json_incref(list));
	return cli_json(c, "rules", o);
}
