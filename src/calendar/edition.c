#include "calendar/edition.h"

#include "sm/sm3.h"

#define TITLE_MAX 256
#define NOTICE_MAX 64

static RC date_of(const json_t *v, int32_t *ret)
{
	const char *text = json_string_value(v);

	REQUIRE(text != NULL, CALENDAR_EDITION, "calendar: a date is missing");
	return day_parse(slice_of(text, json_string_length(v)), ret);
}

static RC get_date(const json_t *o, const char *key, int32_t *ret)
{
	return rc_note(date_of(json_object_get(o, key), ret), "/%s", key);
}

/* In its year, or in the December before. */
static bool inside(const struct calendar_edition *e, int32_t day)
{
	return day >= day_from(e->year - 1, 12, 1) && day <= day_from(e->year, 12, 31);
}

static RC get_copy(const json_t *o, const char *key, size_t max, char *ret)
{
	struct slice s;

	TRY(json_get_text(o, key, max, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC read_range(const json_t *o, struct calendar_edition *e)
{
	struct calendar_range *r = &e->off[e->off_count];

	TRY(json_only(o, "name", "from", "to", NULL));
	TRY(get_copy(o, "name", EDITION_NAME, r->name));
	TRY(get_date(o, "from", &r->from));
	TRY(get_date(o, "to", &r->to));
	REQUIRE(r->from <= r->to && r->to - r->from < EDITION_RANGE_DAYS && inside(e, r->from) &&
	                inside(e, r->to),
	        CALENDAR_EDITION, "calendar: %s has no days of %d (or of the December before)", r->name,
	        e->year);
	REQUIRE(e->off_count == 0 || r->from > r[-1].to, CALENDAR_EDITION,
	        "calendar: days off are not in order at %s", r->name);
	e->off_count++;
	return OK;
}

static bool is_off(const struct calendar_edition *e, int32_t day)
{
	for (size_t i = 0; i < e->off_count; i++)
		if (day >= e->off[i].from && day <= e->off[i].to)
			return true;
	return false;
}

static RC read_work(const json_t *v, struct calendar_edition *e)
{
	int32_t day;
	char text[DAY_TEXT];

	TRY(date_of(v, &day));
	day_text(day, text);
	REQUIRE(inside(e, day), CALENDAR_EDITION, "calendar: %s is not in %d", text, e->year);
	REQUIRE(day_weekday(day) >= 5 && !is_off(e, day), CALENDAR_EDITION,
	        "calendar: %s is no weekend day that could become a working day", text);
	REQUIRE(e->work_count == 0 || day > e->work[e->work_count - 1], CALENDAR_EDITION,
	        "calendar: working days are not in order at %s", text);
	e->work[e->work_count++] = day;
	return OK;
}

static RC read_days(const json_t *body, struct calendar_edition *e)
{
	json_t *off, *work, *v;
	size_t i;

	TRY(json_get_array(body, "off", EDITION_RANGES, &off));
	TRY(json_get_array(body, "work", EDITION_WORKS, &work));
	json_array_foreach(off, i, v)
	{
		TRY(read_range(v, e));
	}
	json_array_foreach(work, i, v)
	{
		TRY(read_work(v, e));
	}
	return OK;
}

RC edition_read(const json_t *body, struct calendar_edition *ret)
{
	struct calendar_edition e = {0};
	AUTO_BUF(canonical, EDITION_JSON_MAX);
	int64_t year, number;

	TRY(json_only(body, "year", "edition", "title", "number", "date", "source", "reason", "off", "work",
	              "previous", NULL));
	TRY(json_get_int(body, "year", EDITION_YEAR_MIN, EDITION_YEAR_MAX, &year));
	TRY(json_get_int(body, "edition", 1, 1000, &number));
	e.year = (int)year;
	e.number = (int)number;
	TRY(get_copy(body, "title", TITLE_MAX, e.title));
	if (json_object_get(body, "number") != NULL)
		TRY(get_copy(body, "number", NOTICE_MAX, e.notice));
	TRY(get_date(body, "date", &e.date));
	REQUIRE(number == 1 || json_object_get(body, "reason") != NULL, CALENDAR_EDITION,
	        "calendar: an amendment needs its reason");
	TRY(read_days(body, &e));
	TRY(json_canonical(body, &canonical));
	sm3_hash(buf_slice(&canonical), e.sm3);
	*ret = e;
	return OK;
}
