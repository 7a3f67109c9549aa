/* yuandian deadline list|show|explain: the deadlines of the regulation, and those of a case day by day. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/calendar.h"
#include "cli/objects.h"
#include "deadline/store.h"

struct asking {
	struct cli *c;
	struct deadline_rules *rules;
	struct calendar *calendar;
	uint8_t set[32];
	int64_t at;
};

static void asking_free(struct asking *a)
{
	deadline_rules_free(a->rules);
	calendar_free(a->calendar);
}
#define AUTO_ASKING(name, init) __attribute__((cleanup(asking_free))) struct asking name = init

/* The name of a set, or the file of one: what ends in ".json". */
static RC load_rules(const char *name, struct deadline_rules **chain)
{
	AUTO_BUF(file, RULE_FILE_MAX);
	struct deadline_rules *r = NULL;
	size_t n = strlen(name);

	if (n > 5 && strcmp(name + n - 5, ".json") == 0) {
		TRY(file_read(name, RULE_FILE_MAX, &file));
		TRY(rc_note(deadline_rules_read(buf_slice(&file), &r), "%s", name));
	} else {
		TRY(deadline_rules_load(name, &r));
	}
	r->next = *chain;
	*chain = r;
	return OK;
}

static RC prepare(struct asking *a)
{
	a->at = clock_now();
	TRY(cli_get_time(a->c, "at", &a->at));
	for (size_t i = 0; cli_get_at(a->c, "rules", i) != NULL; i++)
		TRY(load_rules(cli_get_at(a->c, "rules", i), &a->rules));
	if (a->rules == NULL)
		TRY(load_rules("2009", &a->rules));
	TRY(calendar_open(a->c, &a->calendar));
	calendar_print(a->calendar, a->set);
	return OK;
}

static RC load(const struct asking *a, const char *path, struct deadline_case **ret)
{
	AUTO_BUF(file, CASE_FILE_MAX);
	AUTO_JSON(o, NULL);

	TRY(file_read(path, CASE_FILE_MAX, &file));
	TRY(rc_note(json_read(buf_slice(&file), CASE_FILE_MAX, &o), "%s", path));
	return rc_note(deadline_case_read(o, a->rules, a->calendar, ret), "%s", path);
}

/* ---- list ---- */

static json_t *rule_json(const struct deadline_rule *r, bool english)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", r->id);
	json_put_cstr(o, "article", r->article);
	json_put_cstr(o, "what", english ? r->en : r->zh);
	json_put_cstr(o, "unit", deadline_unit_name(r->unit));
	if (r->unit == UNIT_WORKING_DAYS || r->unit == UNIT_YEARS)
		json_put_int(o, "n", r->n);
	json_put_cstr(o, "direction", deadline_direction_name(r->direction));
	json_put_cstr(o, "obliged", r->obliged);
	json_put_cstr(o, "towards", r->towards);
	json_put_cstr(o, "superior", r->superior);
	json_put_cstr(o, "consequence", english ? r->consequence_en : r->consequence_zh);
	return o;
}

static void print_rule(struct cli *c, const struct deadline_rule *r)
{
	char n[16] = "";

	if (r->unit == UNIT_WORKING_DAYS || r->unit == UNIT_YEARS)
		(void)snprintf(n, sizeof(n), "%d", r->n);
	else if (r->unit == UNIT_FIXED_DATE)
		(void)snprintf(n, sizeof(n), "%02d-%02d", r->n / 100, r->n % 100);
	cli_line(c, "%-4s %-4s %-13s %5s  %-12s %-12s %s", r->id, r->article, deadline_unit_name(r->unit), n,
	         deadline_direction_name(r->direction), r->obliged, c->english ? r->en : r->zh);
}

static RC list_rules(const struct asking *a)
{
	AUTO_JSON(list, json_array());
	json_t *o;

	for (size_t i = 0; i < a->rules->count; i++) {
		const struct deadline_rule *r = &a->rules->rule[i];

		if (a->c->json)
			NEED(json_array_append_new(list, rule_json(r, a->c->english)) == 0, RC_NOMEM,
			     "no memory");
		else
			print_rule(a->c, r);
	}
	if (!a->c->json)
		return OK;
	o = json_object();
	json_put_cstr(o, "set", a->rules->set);
	json_put_take(o, "deadlines", json_incref(list));
	return cli_json(a->c, "deadline-rules", o);
}

/* For when may it be planned, when it is told now, or was told too late? (R38.1) */
static RC put_earliest(const struct asking *a, const struct deadline *d, json_t *o)
{
	enum deadline_state state = deadline_state_at(d, a->at);
	bool late = state == DEADLINE_OVERDUE || state == DEADLINE_MET_LATE;
	char text[DAY_TEXT];
	struct day_count e;

	if (d->rule->direction != DIRECTION_BEFORE || d->unit != UNIT_WORKING_DAYS || !late)
		return OK;
	TRY(calendar_earliest(a->calendar, day_of(d->stop_at != 0 ? d->stop_at : a->at), (int)d->n, &e));
	day_text(e.day, text);
	json_put_cstr(o, "earliest", text);
	return OK;
}

static RC clock_json(const struct asking *a, const char *name, const struct deadline *d, json_t **ret)
{
	AUTO_JSON(o, deadline_json(name, d, a->set, a->at));

	NEED(o != NULL, RC_NOMEM, "no memory");
	TRY(put_earliest(a, d, o));
	*ret = json_incref(o);
	return OK;
}

static void print_clock(struct cli *c, const json_t *o)
{
	cli_line(c, "%-24s %-12s %s %s", json_string_value(json_object_get(o, "id")),
	         json_string_value(json_object_get(o, "state")), json_string_value(json_object_get(o, "due")),
	         json_string_value(json_object_get(o, "obliged")));
}

static RC list_case(const struct asking *a, const char *path, json_t *list)
{
	AUTO(deadline_case, k, NULL);

	TRY(load(a, path, &k));
	for (size_t i = 0; i < k->count; i++) {
		AUTO_JSON(o, NULL);

		TRY(clock_json(a, k->name, &k->clock[i], &o));
		if (!a->c->json)
			print_clock(a->c, o);
		else
			NEED(json_array_append(list, o) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

/* ---- of a register ---- */

static RC print_page(struct cli *c, json_t *page, json_t *list, struct deadline_filter *f)
{
	const json_t *o;
	size_t i;

	json_array_foreach(page, i, o)
	{
		TRY(json_get_time(o, "until", &f->after_due));
		TRY(json_get_int(o, "row", 0, INT64_MAX, &f->after_id));
		if (!c->json)
			print_clock(c, o);
	}
	NEED(json_array_extend(list, page) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC list_register(struct cli *c)
{
	struct deadline_filter f = {.party = cli_get(c, "party"),
	                            .state = cli_get(c, "state"),
	                            .after_due = INT64_MIN,
	                            .limit = DEADLINE_LIST_MAX};
	AUTO_JSON(list, json_array());
	AUTO(db, db, NULL);
	size_t n;
	json_t *o;

	TRY(db_open(cli_get(c, "register"), true, &db));
	do {
		AUTO_JSON(page, NULL);

		TRY(deadline_store_list(db, &f, &page));
		n = json_array_size(page);
		TRY(print_page(c, page, list, &f));
		if (!c->json)
			json_array_clear(list);
	} while (n == DEADLINE_LIST_MAX);
	if (!c->json)
		return OK;
	o = json_object();
	json_put_take(o, "deadlines", json_incref(list));
	return cli_json(c, "deadline-list", o);
}

static RC show(struct cli *c, json_t *o)
{
	if (c->json)
		return cli_json(c, "deadline", json_incref(o));
	tree_print(c, o, 0);
	return OK;
}

static RC show_register(struct cli *c)
{
	AUTO_JSON(o, NULL);
	AUTO(db, db, NULL);

	TRY(db_open(cli_get(c, "register"), true, &db));
	TRY(deadline_store_show(db, c->operands[0], &o));
	return show(c, o);
}

struct rc cmd_deadline_list(struct cli *c)
{
	AUTO_ASKING(a, {.c = c});
	AUTO_JSON(list, json_array());
	json_t *o;

	if (cli_has(c, "register"))
		return list_register(c);
	TRY(prepare(&a));
	if (!cli_has(c, "case"))
		return list_rules(&a);
	for (size_t i = 0; cli_get_at(c, "case", i) != NULL; i++)
		TRY(list_case(&a, cli_get_at(c, "case", i), list));
	if (!c->json)
		return OK;
	o = json_object();
	json_put_take(o, "deadlines", json_incref(list));
	return cli_json(c, "deadline-list", o);
}

/* ---- show ---- */

struct rc cmd_deadline_show(struct cli *c)
{
	AUTO_ASKING(a, {.c = c});

	if (cli_has(c, "register"))
		return show_register(c);
	TRY(prepare(&a));
	REQUIRE(cli_has(c, "case"), USAGE, "--case or --register is needed");
	for (size_t f = 0; cli_get_at(c, "case", f) != NULL; f++) {
		AUTO(deadline_case, k, NULL);

		TRY(load(&a, cli_get_at(c, "case", f), &k));
		for (size_t i = 0; i < k->count; i++) {
			AUTO_JSON(o, NULL);

			TRY(clock_json(&a, k->name, &k->clock[i], &o));
			if (strcmp(json_string_value(json_object_get(o, "id")), c->operands[0]) == 0)
				return show(c, o);
		}
	}
	FAIL(RC_NOTFOUND, "there is no clock %.100s", c->operands[0]);
}

/* ---- explain ---- */

/* From the day after the start to the due day; backwards from the event. */
static RC explain_clock(const struct asking *a, const struct deadline *d, json_t *o)
{
	int n = d->rule->direction == DIRECTION_BEFORE ? -(int)d->n : (int)d->n;

	if (d->unit != UNIT_WORKING_DAYS)
		return OK;
	if (!a->c->json)
		return calendar_print_days(a->c, a->calendar, d->start_day, n);
	return calendar_put_days(a->calendar, d->start_day, n, o);
}

static RC explain_case(const struct asking *a, const char *path)
{
	AUTO(deadline_case, k, NULL);
	AUTO_JSON(list, json_array());
	json_t *o;

	TRY(load(a, path, &k));
	for (size_t i = 0; i < k->count; i++) {
		const struct deadline *d = &k->clock[i];
		AUTO_JSON(one, NULL);

		TRY(clock_json(a, k->name, d, &one));
		json_put_cstr(one, "what", a->c->english ? d->rule->en : d->rule->zh);
		if (!a->c->json) {
			print_clock(a->c, one);
			cli_line(a->c, "      %s", a->c->english ? d->rule->en : d->rule->zh);
		}
		TRY(explain_clock(a, d, one));
		NEED(json_array_append(list, one) == 0, RC_NOMEM, "no memory");
	}
	if (!a->c->json)
		return OK;
	o = json_object();
	json_put_cstr(o, "case", k->name);
	json_put_take(o, "deadlines", json_incref(list));
	return cli_json(a->c, "deadline-explain", o);
}

struct rc cmd_deadline_explain(struct cli *c)
{
	AUTO_ASKING(a, {.c = c});

	if (c->operand_count == 2)
		return cmd_calendar_explain(c);
	TRY(prepare(&a));
	return explain_case(&a, c->operands[0]);
}
