#include "deadline/rule.h"

#include "base/embed.h"
#include "base/mem.h"
#include "embed_deadline_rules.h"

static const char *const units[UNITS] = {"none",     "working-days", "years",  "fixed-date",
                                         "year-end", "order-date",   "stated", "instant"};
static const char *const directions[DIRECTIONS] = {"after",    "before",       "by-date",
                                                   "at-least", "precondition", "none"};

const char *deadline_unit_name(enum deadline_unit u)
{
	return units[u];
}

const char *deadline_direction_name(enum deadline_direction d)
{
	return directions[d];
}

/* Absent is "". */
static RC get_copy(const json_t *o, const char *key, char *ret, size_t size)
{
	struct slice s;

	ret[0] = '\0';
	if (json_object_get(o, key) == NULL)
		return OK;
	TRY(json_get_text(o, key, size - 1, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC get_both(const json_t *o, const char *key, char *zh, char *en, size_t size)
{
	json_t *v;

	TRY(json_get(o, key, &v));
	TRY(get_copy(v, "zh", zh, size));
	return get_copy(v, "en", en, size);
}

static RC get_events(const json_t *o, const char *key, char ret[RULE_EVENTS][RULE_NAME])
{
	json_t *list, *v;
	size_t i;

	if (json_object_get(o, key) == NULL)
		return OK;
	TRY(json_get_array(o, key, RULE_EVENTS, &list));
	json_array_foreach(list, i, v)
	{
		NEED(json_is_string(v) && json_string_length(v) < RULE_NAME, RC_INPUT, "/%s: no name", key);
		memcpy(ret[i], json_string_value(v), json_string_length(v) + 1);
	}
	return OK;
}

static RC get_fixed(const json_t *term, int *ret)
{
	struct slice s;

	TRY(json_get_text(term, "following_year", 5, &s));
	NEED(s.len == 5 && s.p[2] == '-', RC_INPUT, "/following_year: not MM-DD");
	*ret = (s.p[0] - '0') * 1000 + (s.p[1] - '0') * 100 + (s.p[3] - '0') * 10 + (s.p[4] - '0');
	return OK;
}

static RC get_term(const json_t *o, struct deadline_rule *r)
{
	static const struct {
		const char *key;
		enum deadline_unit unit;
	} terms[] = {{"working_days", UNIT_WORKING_DAYS},
	             {"years", UNIT_YEARS},
	             {"following_year", UNIT_FIXED_DATE},
	             {"year_end", UNIT_YEAR_END},
	             {"order", UNIT_ORDER_DATE},
	             {"stated", UNIT_STATED},
	             {"instant", UNIT_INSTANT}};
	const json_t *term = json_object_get(o, "term");
	int64_t n = 0;

	r->unit = UNIT_NONE;
	for (size_t i = 0; term != NULL && i < sizeof(terms) / sizeof(terms[0]); i++)
		if (json_object_get(term, terms[i].key) != NULL)
			r->unit = terms[i].unit;
	NEED(term == NULL || r->unit != UNIT_NONE, RC_INPUT, "%s: unknown term", r->id);
	if (r->unit == UNIT_FIXED_DATE)
		return get_fixed(term, &r->n);
	if (r->unit == UNIT_WORKING_DAYS || r->unit == UNIT_YEARS)
		TRY(json_get_int(term, r->unit == UNIT_YEARS ? "years" : "working_days", 1, 1000, &n));
	r->n = (int)n;
	return OK;
}

static RC get_direction(const json_t *o, struct deadline_rule *r)
{
	struct slice s;

	TRY(json_get_text(o, "direction", RULE_NAME, &s));
	for (unsigned i = 0; i < DIRECTIONS; i++)
		if (slice_is(s, directions[i])) {
			r->direction = (enum deadline_direction)i;
			return OK;
		}
	FAIL(RC_INPUT, "%s: unknown direction", r->id);
}

static RC read_rule(const json_t *o, struct deadline_rule *r)
{
	TRY(json_only(o, "id", "article", "direction", "term", "start", "stop", "void", "earliest", "obliged",
	              "towards", "superior", "what", "consequence", NULL));
	TRY(get_copy(o, "id", r->id, sizeof(r->id)));
	TRY(get_copy(o, "article", r->article, sizeof(r->article)));
	TRY(get_direction(o, r));
	TRY(get_term(o, r));
	TRY(get_events(o, "start", r->start));
	TRY(get_events(o, "stop", r->stop));
	TRY(get_events(o, "void", r->end));
	r->earliest = json_is_true(json_object_get(o, "earliest"));
	TRY(get_copy(o, "obliged", r->obliged, sizeof(r->obliged)));
	TRY(get_copy(o, "towards", r->towards, sizeof(r->towards)));
	TRY(get_copy(o, "superior", r->superior, sizeof(r->superior)));
	TRY(get_both(o, "what", r->zh, r->en, sizeof(r->zh)));
	return get_both(o, "consequence", r->consequence_zh, r->consequence_en, sizeof(r->consequence_zh));
}

static RC get_day(const json_t *o, const char *key, int32_t *ret)
{
	struct slice s;

	if (json_object_get(o, key) == NULL)
		return OK;
	TRY(json_get_text(o, key, 10, &s));
	return rc_note(day_parse(s, ret), "/%s", key);
}

static RC read_set(const json_t *o, struct deadline_rules *r)
{
	json_t *list, *v;
	size_t i;

	TRY(json_only(o, "set", "from", "until", "complete", "note", "deadlines", NULL));
	TRY(get_copy(o, "set", r->set, sizeof(r->set)));
	r->from = DAY_MIN;
	r->until = DAY_MAX;
	TRY(get_day(o, "from", &r->from));
	TRY(get_day(o, "until", &r->until));
	TRY(json_get_array(o, "deadlines", RULE_MAX, &list));
	json_array_foreach(list, i, v)
	{
		TRY(rc_note(read_rule(v, &r->rule[i]), "/deadlines/%zu", i));
		memcpy(r->rule[i].set, r->set, sizeof(r->set));
	}
	r->count = json_array_size(list);
	return OK;
}

RC deadline_rules_read(struct slice json, struct deadline_rules **ret)
{
	AUTO(deadline_rules, r, mem_new(1, sizeof(*r)));
	AUTO_JSON(o, NULL);

	NEED(r != NULL, RC_NOMEM, "no memory");
	TRY(json_read(json, RULE_FILE_MAX, &o));
	TRY(read_set(o, r));
	*ret = MOVE(r);
	return OK;
}

RC deadline_rules_load(const char *set, struct deadline_rules **ret)
{
	const struct embedded *file;
	char name[64];

	(void)snprintf(name, sizeof(name), "rulesets/deadlines/%.20s.json", set);
	file = embedded_find(embed_deadline_rules, name);
	NEED(file != NULL, RC_NOTFOUND, "there is no set of deadlines %.20s", set);
	return rc_note(deadline_rules_read(file->content, ret), "%s", name);
}

void deadline_rules_free(struct deadline_rules *r)
{
	while (r != NULL) {
		struct deadline_rules *next = r->next;

		mem_free(r);
		r = next;
	}
}

const struct deadline_rules *deadline_rules_on(const struct deadline_rules *r, int32_t day)
{
	const struct deadline_rules *best = NULL;

	for (; r != NULL; r = r->next)
		if (day >= r->from && day <= r->until && (best == NULL || r->from > best->from))
			best = r;
	return best;
}

const struct deadline_rule *deadline_rule_find(const struct deadline_rules *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->rule[i].id, id) == 0)
			return &r->rule[i];
	return NULL;
}

static bool named(const char list[RULE_EVENTS][RULE_NAME], const char *event)
{
	for (size_t i = 0; i < RULE_EVENTS && list[i][0] != '\0'; i++)
		if (strcmp(list[i], event) == 0)
			return true;
	return false;
}

bool deadline_rule_starts(const struct deadline_rule *r, const char *event)
{
	return named(r->start, event);
}

bool deadline_rule_stops(const struct deadline_rule *r, const char *event)
{
	return named(r->stop, event);
}

bool deadline_rule_ends(const struct deadline_rule *r, const char *event)
{
	return named(r->end, event);
}
