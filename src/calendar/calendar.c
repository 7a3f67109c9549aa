#include "calendar/calendar.h"

#include "base/embed.h"
#include "base/mem.h"
#include "embed_calendar_rules.h"
#include "sm/sm3.h"

#include <stdlib.h>

#define SPAN_FROM 10957 /* 2000-01-01, less a December */
#define SPAN (201 * 366)
#define YEARS (EDITION_YEAR_MAX - EDITION_YEAR_MIN + 1)
#define FIXED_MAX 16
#define FALLBACK "rulesets/calendar/fallback.json"

enum listed { LISTED_NOT, LISTED_OFF, LISTED_WORK };

struct fixed {
	int from, to; /* month * 100 + day */
	char name[EDITION_NAME + 1];
};

struct calendar {
	struct calendar_edition *editions[CALENDAR_EDITIONS]; /* by year, then number */
	size_t count;
	struct fixed fixed[FIXED_MAX];
	size_t fixed_count;
	bool noticed[YEARS];
	uint8_t listed[SPAN]; /* enum listed, from SPAN_FROM - 31 on */
};

const char *day_class_name(enum day_class c)
{
	static const char *const names[] = {"workday", "make-up", "off", "weekend"};

	return names[c];
}

/* ---- the set ---- */

static enum listed listed_at(const struct calendar *c, int32_t day)
{
	int32_t at = day - (SPAN_FROM - 31);

	return at >= 0 && at < SPAN ? (enum listed)c->listed[at] : LISTED_NOT;
}

static void list_day(struct calendar *c, int32_t day, enum listed what)
{
	int32_t at = day - (SPAN_FROM - 31);

	/* a make-up day wins over a day off of another edition (C01) */
	if (at >= 0 && at < SPAN && c->listed[at] != LISTED_WORK)
		c->listed[at] = (uint8_t)what;
}

static bool newest(const struct calendar *c, size_t i)
{
	return i + 1 == c->count || c->editions[i + 1]->year != c->editions[i]->year;
}

static void rebuild(struct calendar *c)
{
	memset(c->listed, LISTED_NOT, sizeof(c->listed));
	memset(c->noticed, 0, sizeof(c->noticed));
	for (size_t i = 0; i < c->count; i++) {
		const struct calendar_edition *e = c->editions[i];

		if (!newest(c, i))
			continue;
		c->noticed[e->year - EDITION_YEAR_MIN] = true;
		for (size_t k = 0; k < e->off_count; k++)
			for (int32_t d = e->off[k].from; d <= e->off[k].to; d++)
				list_day(c, d, LISTED_OFF);
		for (size_t k = 0; k < e->work_count; k++)
			list_day(c, e->work[k], LISTED_WORK);
	}
}

const struct calendar_edition *calendar_edition_at(const struct calendar *c, size_t i)
{
	for (size_t k = 0; k < c->count; k++)
		if (newest(c, k) && i-- == 0)
			return c->editions[k];
	return NULL;
}

/* Where it goes; *same when it is the newest of its year already. */
static RC find_place(const struct calendar *c, const struct calendar_edition *e, size_t *at, bool *same)
{
	const struct calendar_edition *before;

	*at = c->count;
	while (*at > 0 && c->editions[*at - 1]->year > e->year)
		(*at)--;
	before = *at > 0 && c->editions[*at - 1]->year == e->year ? c->editions[*at - 1] : NULL;
	*same = before != NULL && before->number == e->number &&
	        memcmp(before->sm3, e->sm3, sizeof(e->sm3)) == 0;
	if (*same)
		return OK;
	REQUIRE(before == NULL || e->number != before->number, STATEMENT_FORK,
	        "calendar: another edition %d of %d is known", e->number, e->year);
	REQUIRE(before == NULL || e->number > before->number, STATEMENT_ROLLBACK,
	        "calendar: edition %d of %d, but %d is known", e->number, e->year, before->number);
	REQUIRE(e->number == (before != NULL ? before->number + 1 : 1), STATEMENT_GAP,
	        "calendar: edition %d of %d follows none", e->number, e->year);
	return OK;
}

RC calendar_add(struct calendar *c, const json_t *body)
{
	struct calendar_edition e, *keep;
	size_t at;
	bool same;

	TRY(edition_read(body, &e));
	TRY(find_place(c, &e, &at, &same));
	if (same)
		return OK;
	NEED(c->count < CALENDAR_EDITIONS, RC_INPUT, "calendar: more than %d editions", CALENDAR_EDITIONS);
	keep = mem_new(1, sizeof(*keep));
	NEED(keep != NULL, RC_NOMEM, "no memory");
	*keep = e;
	memmove(&c->editions[at + 1], &c->editions[at], (c->count - at) * sizeof(c->editions[0]));
	c->editions[at] = keep;
	c->count++;
	rebuild(c);
	return OK;
}

static RC month_day(const json_t *o, const char *key, int *ret)
{
	struct slice s;
	AUTO_BUF(text, 16);
	int32_t day;
	struct civil civil;

	TRY(json_get_text(o, key, 5, &s));
	buf_text(&text, "2000-");
	buf_add(&text, s);
	TRY(day_parse(buf_slice(&text), &day));
	civil = time_civil((int64_t)day * TIME_DAY);
	*ret = civil.month * 100 + civil.day;
	return OK;
}

static RC load_fixed(struct calendar *c)
{
	const struct embedded *file = embedded_find(embed_calendar_rules, FALLBACK);
	AUTO_JSON(o, NULL);
	json_t *list, *v;
	size_t i;

	NEED(file != NULL, RC_BUG, "calendar: no " FALLBACK);
	TRY(json_read(file->content, EDITION_JSON_MAX, &o));
	TRY(json_get_array(o, "off", FIXED_MAX, &list));
	json_array_foreach(list, i, v)
	{
		struct fixed *f = &c->fixed[i];
		struct slice name;

		TRY(json_get_text(v, "name", EDITION_NAME, &name));
		memcpy(f->name, name.p, name.len);
		TRY(month_day(v, "from", &f->from));
		TRY(month_day(v, "to", &f->to));
	}
	c->fixed_count = json_array_size(list);
	return OK;
}

RC calendar_new(struct calendar **ret)
{
	AUTO(calendar, c, mem_new(1, sizeof(*c)));

	NEED(c != NULL, RC_NOMEM, "no memory");
	TRY(load_fixed(c));
	*ret = MOVE(c);
	return OK;
}

RC calendar_builtin(struct calendar **ret)
{
	AUTO(calendar, c, NULL);

	TRY(calendar_new(&c));
	/* amendments have the number of their edition in the name; whole years come first */
	for (int amended = 0; amended < 2; amended++)
		for (const struct embedded *f = embed_calendar_rules; f->name != NULL; f++) {
			AUTO_JSON(body, NULL);

			if (strcmp(f->name, FALLBACK) == 0 ||
			    (strchr(f->name, '-') != NULL) != (amended == 1))
				continue;
			TRY(rc_note(json_read(f->content, EDITION_JSON_MAX, &body), "%s", f->name));
			TRY(rc_note(calendar_add(c, body), "%s", f->name));
		}
	*ret = MOVE(c);
	return OK;
}

void calendar_free(struct calendar *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		mem_free(c->editions[i]);
	mem_free(c);
}

void calendar_print(const struct calendar *c, uint8_t ret[32])
{
	AUTO_BUF(b, CALENDAR_EDITIONS * 80);
	const struct calendar_edition *e;

	for (size_t i = 0; (e = calendar_edition_at(c, i)) != NULL; i++) {
		buf_u16be(&b, (uint16_t)e->year);
		buf_u16be(&b, (uint16_t)e->number);
		buf_add(&b, SLICE_ARR(e->sm3));
	}
	sm3_hash(buf_slice(&b), ret);
}

json_t *calendar_json(const struct calendar *c)
{
	json_t *list = json_array();
	const struct calendar_edition *e;

	for (size_t i = 0; (e = calendar_edition_at(c, i)) != NULL; i++) {
		json_t *o = json_object();
		char date[DAY_TEXT];

		day_text(e->date, date);
		json_put_int(o, "year", e->year);
		json_put_int(o, "edition", e->number);
		json_put_cstr(o, "title", e->title);
		if (e->notice[0] != '\0')
			json_put_cstr(o, "number", e->notice);
		json_put_cstr(o, "date", date);
		json_put_hex(o, "sm3", SLICE_ARR(e->sm3));
		(void)json_array_append_new(list, o);
	}
	return list;
}

/* ---- days ---- */

static bool noticed(const struct calendar *c, int32_t day)
{
	int year = day_year(day);

	return year >= EDITION_YEAR_MIN && year <= EDITION_YEAR_MAX && c->noticed[year - EDITION_YEAR_MIN];
}

static const struct fixed *fixed_at(const struct calendar *c, int32_t day)
{
	struct civil civil = time_civil((int64_t)day * TIME_DAY);
	int at = civil.month * 100 + civil.day;

	for (size_t i = 0; i < c->fixed_count; i++)
		if (at >= c->fixed[i].from && at <= c->fixed[i].to)
			return &c->fixed[i];
	return NULL;
}

bool calendar_works(const struct calendar *c, int32_t day, bool *provisional)
{
	enum listed l = listed_at(c, day);
	bool weekend = day_weekday(day) >= 5;

	*provisional = false;
	if (l != LISTED_NOT)
		return l == LISTED_WORK;
	*provisional = !noticed(c, day);
	return !weekend && !(*provisional && fixed_at(c, day) != NULL);
}

/* Which edition lists it, and under what name. */
static void find_listed(const struct calendar *c, int32_t day, struct day_fact *ret)
{
	const struct calendar_edition *e;

	for (size_t i = 0; (e = calendar_edition_at(c, i)) != NULL; i++) {
		for (size_t k = 0; ret->class == DAY_OFF && k < e->off_count; k++)
			if (day >= e->off[k].from && day <= e->off[k].to) {
				ret->edition = e;
				ret->name = e->off[k].name;
			}
		for (size_t k = 0; ret->class == DAY_MAKE_UP && k < e->work_count; k++)
			if (e->work[k] == day)
				ret->edition = e;
	}
}

void calendar_day(const struct calendar *c, int32_t day, struct day_fact *ret)
{
	enum listed l = listed_at(c, day);
	const struct fixed *f;

	*ret = (struct day_fact){.class = day_weekday(day) >= 5 ? DAY_WEEKEND : DAY_WORKDAY};
	ret->works = calendar_works(c, day, &ret->provisional);
	if (l != LISTED_NOT) {
		ret->class = l == LISTED_WORK ? DAY_MAKE_UP : DAY_OFF;
		find_listed(c, day, ret);
		return;
	}
	f = ret->provisional ? fixed_at(c, day) : NULL;
	if (f != NULL) {
		ret->class = DAY_OFF;
		ret->name = f->name;
	}
}

/* ---- counting ---- */

static RC check_term(int32_t from, int n)
{
	REQUIRE(n >= -CALENDAR_TERM_MAX && n <= CALENDAR_TERM_MAX, CALENDAR_TERM,
	        "a term has at most %d working days", CALENDAR_TERM_MAX);
	REQUIRE(from >= DAY_MIN && from <= DAY_MAX, CALENDAR_TERM, "the date is outside 1950 to 9999");
	return OK;
}

RC calendar_count(const struct calendar *c, int32_t from, int n, struct day_count *ret)
{
	int step = n < 0 ? -1 : 1, left = abs(n);
	bool provisional;

	TRY(check_term(from, n));
	*ret = (struct day_count){.day = from};
	while (left > 0) {
		REQUIRE(step < 0 ? ret->day > DAY_MIN : ret->day < DAY_MAX, CALENDAR_TERM,
		        "the count leaves the years 1950 to 9999");
		ret->day += step;
		left -= calendar_works(c, ret->day, &provisional) ? 1 : 0;
		ret->provisional = ret->provisional || provisional;
	}
	return OK;
}

RC calendar_earliest(const struct calendar *c, int32_t day, int n, struct day_count *ret)
{
	struct day_count first;

	REQUIRE(n >= 1, CALENDAR_TERM, "a notice comes at least one working day before");
	/* n working days from that day on, itself included when it is one; the day after them is E */
	TRY(check_term(day, n));
	REQUIRE(day > DAY_MIN, CALENDAR_TERM, "the date is outside 1950 to 9999");
	TRY(calendar_count(c, day - 1, n, &first));
	REQUIRE(first.day < DAY_MAX, CALENDAR_TERM, "the count leaves the years 1950 to 9999");
	*ret = (struct day_count){.day = first.day + 1, .provisional = first.provisional};
	return OK;
}

RC calendar_walk(const struct calendar *c, int32_t from, int n, calendar_step *each, void *arg)
{
	int step = n < 0 ? -1 : 1, running = 0;
	struct day_count end;
	struct day_fact fact;

	TRY(calendar_count(c, from, n, &end));
	for (int32_t day = from; day != end.day;) {
		day += step;
		calendar_day(c, day, &fact);
		running += fact.works ? 1 : 0;
		TRY(each(arg, day, &fact, fact.works ? running : 0));
	}
	return OK;
}
