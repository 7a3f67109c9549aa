#include "deadline/clock.h"

#define DAY_MINUTES 1440

const struct deadline_switches deadline_defaults = {.close_of_business = DAY_MINUTES, .conclude = true};

static const char *const states[DEADLINE_STATES] = {"running", "met",  "met-late",
                                                    "overdue", "void", "provisional"};

const char *deadline_state_name(enum deadline_state s)
{
	return states[s];
}

static void until_day(const struct deadline_switches *w, int32_t day, struct deadline *d)
{
	d->due_day = day;
	d->due_at = day_begin(day) + (int64_t)w->close_of_business * 60;
}

static RC due_counted(const struct calendar *c, const struct deadline_switches *w, struct deadline *d)
{
	bool before = d->rule->direction == DIRECTION_BEFORE;
	int n = (int)d->n;
	struct day_count due, strict;

	TRY(calendar_count(c, d->start_day, before ? -(n + (w->clear_days ? 1 : 0)) : n, &due));
	d->provisional = due.provisional;
	until_day(w, due.day, d);
	d->borderline = false;
	if (!before || w->clear_days)
		return OK;
	TRY(calendar_count(c, d->start_day, -(n + 1), &strict));
	d->borderline = d->stop_at != 0 && d->stop_at < d->due_at && day_of(d->stop_at) > strict.day;
	return OK;
}

static RC due_fixed(const struct calendar *c, const struct deadline_switches *w, struct deadline *d)
{
	int32_t day = day_from(day_year(d->start_day) + 1, (int)d->n / 100, (int)d->n % 100);
	struct day_count next = {.day = day};

	if (w->roll_fixed_dates && !calendar_works(c, day, &next.provisional)) {
		TRY(calendar_count(c, day, 1, &next));
	}
	d->provisional = w->roll_fixed_dates && next.provisional;
	until_day(w, next.day, d);
	return OK;
}

RC deadline_due(const struct calendar *c, const struct deadline_switches *w, struct deadline *d)
{
	d->provisional = false;
	switch (d->unit) {
	case UNIT_WORKING_DAYS:
		return due_counted(c, w, d);
	case UNIT_FIXED_DATE:
		return due_fixed(c, w, d);
	case UNIT_YEARS:
		until_day(&deadline_defaults, day_add_years(d->start_day, (int)d->n), d);
		return OK;
	case UNIT_YEAR_END:
		until_day(w, day_from(day_year(d->start_day), 12, 31), d);
		return OK;
	case UNIT_ORDER_DATE:
		until_day(w, (int32_t)d->n, d);
		return OK;
	case UNIT_INSTANT:
		until_day(&deadline_defaults, d->start_day - 1, d);
		return OK;
	case UNIT_STATED:
		if (d->stated_days) {
			until_day(w, d->start_day + (int32_t)d->n, d);
			return OK;
		}
		d->due_at = d->start_at + d->n;
		d->due_day = day_of(d->due_at - 1);
		return OK;
	case UNIT_NONE:
	case UNITS:
		break;
	}
	FAIL(RC_BUG, "deadline: %s has no clock", d->rule->id);
}

enum deadline_state deadline_state_at(const struct deadline *d, int64_t now)
{
	if (d->ended)
		return DEADLINE_VOID;
	if (d->stop_at != 0)
		return d->provisional           ? DEADLINE_PROVISIONAL
		       : d->stop_at < d->due_at ? DEADLINE_MET
		                                : DEADLINE_MET_LATE;
	if (d->provisional)
		return DEADLINE_PROVISIONAL;
	if (now < d->due_at)
		return DEADLINE_RUNS;
	return d->rule->direction == DIRECTION_AT_LEAST ? DEADLINE_MET : DEADLINE_OVERDUE;
}

static void put_event(json_t *o, const char *key, const char *event, int64_t at, const uint8_t *evidence)
{
	json_t *v = json_object();

	json_put_cstr(v, "event", event);
	json_put_time(v, "at", at);
	if (evidence != NULL)
		json_put_hex(v, "evidence", slice_of(evidence, 32));
	json_put_take(o, key, v);
}

static void put_day(json_t *o, const char *key, int32_t day)
{
	char text[DAY_TEXT];

	day_text(day, text);
	json_put_cstr(o, key, text);
}

static const char *unit_of(const struct deadline *d)
{
	if (d->unit != UNIT_STATED)
		return deadline_unit_name(d->unit);
	return d->stated_days ? "days" : "seconds";
}

json_t *deadline_json(const char *name, const struct deadline *d, const uint8_t set[32], int64_t now)
{
	json_t *o = json_object();
	char id[CASE_NAME + 32];

	(void)snprintf(id, sizeof(id), "%s/%s/%u", name, d->rule->id, d->round);
	json_put_cstr(o, "id", id);
	json_put_cstr(o, "rules", d->rule->set);
	json_put_cstr(o, "rule", d->rule->id);
	json_put_cstr(o, "article", d->rule->article);
	put_event(o, "start", d->start_event, d->start_at, d->has_start_evidence ? d->start_evidence : NULL);
	put_day(o, "from", d->start_day);
	if (d->unit == UNIT_WORKING_DAYS || d->unit == UNIT_YEARS || d->unit == UNIT_STATED)
		json_put_int(o, "n", d->n);
	json_put_cstr(o, "unit", unit_of(d));
	json_put_cstr(o, "direction", deadline_direction_name(d->rule->direction));
	put_day(o, "due", d->due_day);
	json_put_time(o, "until", d->due_at);
	json_put_hex(o, "edition_set", slice_of(set, 32));
	json_put_bool(o, "provisional", d->provisional);
	json_put_cstr(o, "state", deadline_state_name(deadline_state_at(d, now)));
	if (d->borderline)
		json_put_bool(o, "borderline", true);
	if (d->stop_at != 0)
		put_event(o, "stop", d->stop_event, d->stop_at,
		          d->has_stop_evidence ? d->stop_evidence : NULL);
	json_put_cstr(o, "obliged", d->rule->obliged);
	json_put_cstr(o, "towards", d->rule->towards);
	json_put_cstr(o, "superior", d->rule->superior);
	return o;
}
