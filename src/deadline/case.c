/* The events of a case, in the order of time, into its clocks. */
#include "base/mem.h"
#include "base/time.h"
#include "deadline/clock.h"

#define STATED_DAYS_MAX 3660
#define STATED_SECONDS_MAX (3660LL * TIME_DAY)

struct event {
	const json_t *json;
	char type[RULE_NAME];
	int64_t at;
	uint8_t evidence[32];
	bool has_evidence;
};

struct reading {
	const struct deadline_rules *rules;
	const struct calendar *calendar;
	struct deadline_case *k;
};

static RC read_switches(const json_t *file, struct deadline_switches *ret)
{
	const json_t *o = json_object_get(file, "switches");
	int64_t minutes = 0;
	struct slice s;

	*ret = deadline_defaults;
	if (o == NULL)
		return OK;
	TRY(json_only(o, "close_of_business", "clear_days", "roll_fixed_dates", "art20_due_on", NULL));
	ret->clear_days = json_is_true(json_object_get(o, "clear_days"));
	ret->roll_fixed_dates = json_is_true(json_object_get(o, "roll_fixed_dates"));
	if (json_object_get(o, "close_of_business") != NULL) {
		TRY(json_get_int(o, "close_of_business", 1, 1440, &minutes));
		ret->close_of_business = (int)minutes;
	}
	if (json_object_get(o, "art20_due_on") == NULL)
		return OK;
	TRY(json_get_text(o, "art20_due_on", 16, &s));
	REQUIRE(slice_is(s, "start") || slice_is(s, "conclude"), CASE,
	        "/switches/art20_due_on: start or conclude");
	ret->conclude = slice_is(s, "conclude");
	return OK;
}

static RC read_parties(const json_t *file, struct deadline_case *k)
{
	json_t *o = json_object_get(file, "parties"), *v;
	const char *role;

	json_object_foreach(o, role, v)
	{
		struct deadline_party *p = &k->party[k->party_count];
		struct slice name;

		REQUIRE(k->party_count < CASE_PARTIES && strlen(role) < RULE_NAME, CASE,
		        "/parties: too many");
		TRY(json_get_text(o, role, CASE_NAME, &name));
		(void)snprintf(p->role, sizeof(p->role), "%s", role);
		memcpy(p->name, name.p, name.len);
		k->party_count++;
	}
	return OK;
}

const char *deadline_party(const struct deadline_case *k, const char *role)
{
	for (size_t i = 0; i < k->party_count; i++)
		if (strcmp(k->party[i].role, role) == 0)
			return k->party[i].name;
	return role;
}

static RC get_day(const json_t *o, const char *key, int32_t *ret)
{
	struct slice s;

	TRY(json_get_text(o, key, 10, &s));
	return rc_note(day_parse(s, ret), "/%s", key);
}

/* ---- the frozen package (R19.3, R19.4) ---- */

static RC each_material(const struct event *e, struct deadline_case *k, bool frozen)
{
	json_t *list, *v;
	size_t i;

	TRY(json_get_array(e->json, "materials", CASE_MATERIALS, &list));
	json_array_foreach(list, i, v)
	{
		AUTO_JSON(one, json_pack("{s:O}", "sm3", v));
		uint8_t sm3[32];

		TRY(json_get_hex(one, "sm3", sm3, sizeof(sm3)));
		if (frozen) {
			memcpy(k->materials[k->material_count++], sm3, sizeof(sm3));
			continue;
		}
		for (size_t m = 0; m < k->material_count; m++)
			k->arrived[m] = k->arrived[m] || memcmp(k->materials[m], sm3, sizeof(sm3)) == 0;
	}
	return OK;
}

static RC take_materials(const struct event *e, struct deadline_case *k, bool *counts)
{
	*counts = true;
	if (strcmp(e->type, "received") == 0 && json_object_get(e->json, "materials") != NULL) {
		k->material_count = 0;
		memset(k->arrived, 0, sizeof(k->arrived));
		return each_material(e, k, true);
	}
	if (strcmp(e->type, "nca-received") != 0)
		return OK;
	REQUIRE(k->material_count > 0, CASE, "nca-received: no package was frozen at receipt (materials)");
	TRY(each_material(e, k, false));
	for (size_t m = 0; m < k->material_count; m++)
		*counts = *counts && k->arrived[m];
	return OK;
}

/* ---- one rule, one event ---- */

static struct deadline *open_clock(struct deadline_case *k, const struct deadline_rule *rule)
{
	for (size_t i = k->count; i > 0; i--)
		if (strcmp(k->clock[i - 1].rule->id, rule->id) == 0 && k->clock[i - 1].stop_at == 0 &&
		    !k->clock[i - 1].ended)
			return &k->clock[i - 1];
	return NULL;
}

static unsigned rounds(const struct deadline_case *k, const struct deadline_rule *rule)
{
	unsigned n = 0;

	for (size_t i = 0; i < k->count; i++)
		n += strcmp(k->clock[i].rule->id, rule->id) == 0 ? 1 : 0;
	return n;
}

/* I-12: an order names a date, a stated period a number. */
static RC read_stated(const struct event *e, struct deadline *d)
{
	const json_t *p = json_object_get(e->json, "period");

	REQUIRE(p != NULL, DEADLINE_LIMIT, "%s: the event names no period", d->rule->id);
	TRY(json_only(p, "working_days", "days", "seconds", NULL));
	if (json_object_get(p, "working_days") != NULL) {
		d->unit = UNIT_WORKING_DAYS;
		return json_get_int(p, "working_days", 1, CALENDAR_TERM_MAX, &d->n);
	}
	d->stated_days = json_object_get(p, "days") != NULL;
	if (d->stated_days)
		return json_get_int(p, "days", 1, STATED_DAYS_MAX, &d->n);
	return json_get_int(p, "seconds", 1, STATED_SECONDS_MAX, &d->n);
}

static RC read_term(const struct event *e, struct deadline *d)
{
	enum deadline_unit unit = d->rule->unit;
	int64_t year = 0;
	int32_t day;

	d->unit = unit;
	d->n = d->rule->n;
	d->start_day = day_of(e->at);
	if (unit == UNIT_STATED)
		return read_stated(e, d);
	if (unit == UNIT_ORDER_DATE) {
		REQUIRE(json_object_get(e->json, "due") != NULL, DEADLINE_LIMIT,
		        "%s: the order names no date", d->rule->id);
		TRY(get_day(e->json, "due", &day));
		d->n = day;
		return OK;
	}
	if (d->rule->direction == DIRECTION_BEFORE)
		return get_day(e->json, "on", &d->start_day);
	if ((unit == UNIT_FIXED_DATE || unit == UNIT_YEAR_END) && json_object_get(e->json, "year") != NULL) {
		TRY(json_get_int(e->json, "year", 1950, 9990, &year));
		d->start_day = day_from((int)year, 12, 31);
	}
	return OK;
}

static RC start_clock(struct reading *r, const struct event *e, const struct deadline_rule *rule)
{
	struct deadline d = {.rule = rule, .start_at = e->at}, *open = open_clock(r->k, rule);

	TRY(read_term(e, &d));
	REQUIRE(open == NULL || rule->earliest, DEADLINE_RUNNING, "%s runs since %s", rule->id,
	        open->start_event);
	if (open != NULL && d.start_day >= open->start_day)
		return OK;
	REQUIRE(open != NULL || r->k->count < CASE_CLOCKS, CASE, "more than %d clocks", CASE_CLOCKS);
	d.round = open != NULL ? open->round : rounds(r->k, rule) + 1;
	(void)snprintf(d.start_event, sizeof(d.start_event), "%s", e->type);
	d.has_start_evidence = e->has_evidence;
	memcpy(d.start_evidence, e->evidence, sizeof(d.start_evidence));
	TRY(deadline_due(r->calendar, &r->k->switches, &d));
	if (open == NULL)
		open = &r->k->clock[r->k->count++];
	*open = d;
	return OK;
}

static RC stop_clock(struct reading *r, const struct event *e, struct deadline *d)
{
	d->stop_at = e->at;
	(void)snprintf(d->stop_event, sizeof(d->stop_event), "%s", e->type);
	d->has_stop_evidence = e->has_evidence;
	memcpy(d->stop_evidence, e->evidence, sizeof(d->stop_evidence));
	return deadline_due(r->calendar, &r->k->switches, d);
}

/* I-06: which event of the evaluation counts for art. 20. */
static bool stops(const struct reading *r, const struct deadline_rule *rule, const char *event)
{
	if (!r->k->switches.conclude && deadline_rule_stops(rule, "evaluation-concluded"))
		return strcmp(event, "evaluation-started") == 0;
	return deadline_rule_stops(rule, event);
}

/* Running clocks follow the row they started under, whatever is in force now (R45.2). */
static RC stop_clocks(struct reading *r, const struct event *e)
{
	for (size_t i = 0; i < r->k->count; i++) {
		struct deadline *d = &r->k->clock[i];

		if (d->stop_at != 0 || d->ended)
			continue;
		if (stops(r, d->rule, e->type))
			TRY(stop_clock(r, e, d));
		else
			d->ended = deadline_rule_ends(d->rule, e->type);
	}
	return OK;
}

/* New ones are started by the set in force at the act (I-18); before the first there is none (R45.1). */
static RC start_clocks(struct reading *r, const struct event *e)
{
	const struct deadline_rules *rules = deadline_rules_on(r->rules, day_of(e->at));

	for (size_t i = 0; rules != NULL && i < rules->count; i++)
		if (deadline_rule_starts(&rules->rule[i], e->type))
			TRY(start_clock(r, e, &rules->rule[i]));
	return OK;
}

static RC take_event(struct reading *r, const struct event *e)
{
	bool counts;

	TRY(take_materials(e, r->k, &counts));
	if (!counts)
		return OK;
	TRY(stop_clocks(r, e));
	return start_clocks(r, e);
}

static RC read_event(const json_t *o, int64_t after, struct event *ret)
{
	struct slice type;

	*ret = (struct event){.json = o};
	TRY(json_only(o, "type", "at", "on", "due", "year", "period", "evidence", "materials", "by", NULL));
	TRY(json_get_text(o, "type", RULE_NAME - 1, &type));
	memcpy(ret->type, type.p, type.len);
	TRY(json_get_time(o, "at", &ret->at));
	REQUIRE(ret->at >= after, CASE, "%s comes before the event above it", ret->type);
	ret->has_evidence = json_object_get(o, "evidence") != NULL;
	if (ret->has_evidence)
		TRY(json_get_hex(o, "evidence", ret->evidence, sizeof(ret->evidence)));
	return OK;
}

static RC read_case(struct reading *r, const json_t *file)
{
	int64_t last = TIME_MIN;
	struct slice name;
	json_t *list, *v;
	size_t i;

	TRY(json_only(file, "case", "parties", "switches", "events", NULL));
	TRY(json_get_text(file, "case", CASE_NAME, &name));
	REQUIRE(name.len > 0 && memchr(name.p, '/', name.len) == NULL, CASE, "/case: a name without \"/\"");
	memcpy(r->k->name, name.p, name.len);
	TRY(read_parties(file, r->k));
	TRY(read_switches(file, &r->k->switches));
	TRY(json_get_array(file, "events", CASE_EVENTS, &list));
	json_array_foreach(list, i, v)
	{
		struct event e;

		TRY(rc_note(read_event(v, last, &e), "/events/%zu", i));
		TRY(rc_note(take_event(r, &e), "/events/%zu", i));
		last = e.at;
	}
	return OK;
}

RC deadline_case_read(const json_t *file, const struct deadline_rules *rules, const struct calendar *c,
                      struct deadline_case **ret)
{
	AUTO(deadline_case, k, mem_new(1, sizeof(*k)));
	struct reading r = {rules, c, k};

	NEED(k != NULL, RC_NOMEM, "no memory");
	TRY(read_case(&r, file));
	*ret = MOVE(k);
	return OK;
}

void deadline_case_free(struct deadline_case *k)
{
	mem_free(k);
}
