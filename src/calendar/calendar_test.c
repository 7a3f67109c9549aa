/* The working calendar against the notices, the 22 vectors of the requirements and its own laws.  The oracle
 * for random cases is another program in another language: tests/e2e/26_calendar.py. */
#include "base/check.h"
#include "calendar/calendar.h"

#include <stdio.h>

static int32_t day(const char *text)
{
	int32_t ret = 0;

	assert_ok(day_parse(slice_text(text), &ret));
	return ret;
}

static struct calendar *builtin(void)
{
	struct calendar *c = NULL;

	assert_ok(calendar_builtin(&c));
	return c;
}

/* Article, start, n, due: requirements, section 1. */
static const struct {
	const char *article, *from;
	int n;
	const char *due;
} vectors[22] = {
        {"19", "2025-09-26", 10, "2025-10-16"},  {"19", "2025-09-28", 10, "2025-10-17"},
        {"19", "2025-10-04", 10, "2025-10-21"},  {"19", "2025-12-30", 10, "2026-01-14"},
        {"19", "2025-09-29", 5, "2025-10-13"},   {"19", "2025-10-11", 5, "2025-10-17"},
        {"19", "2025-01-24", 5, "2025-02-07"},   {"19", "2024-02-08", 5, "2024-02-21"},
        {"20", "2026-01-30", 30, "2026-03-19"},  {"20", "2026-02-13", 30, "2026-04-02"},
        {"23", "2026-02-25", -10, "2026-02-04"}, {"23", "2026-03-02", -10, "2026-02-10"},
        {"23", "2025-10-09", -10, "2025-09-18"}, {"23", "2026-10-03", -10, "2026-09-17"},
        {"23", "2025-04-25", 20, "2025-05-27"},  {"23", "2026-04-20", 20, "2026-05-20"},
        {"38", "2025-12-31", -60, "2025-10-09"}, {"38", "2025-12-31", -45, "2025-10-29"},
        {"38", "2026-10-08", -60, "2026-07-09"}, {"38", "2026-10-08", -45, "2026-07-30"},
        {"38", "2026-06-30", -60, "2026-04-01"}, {"38", "2026-06-30", -45, "2026-04-23"},
};

static void the_vectors(void **state)
{
	AUTO(calendar, c, builtin());

	(void)state;
	for (size_t i = 0; i < 22; i++) {
		struct day_count got;
		char text[DAY_TEXT];

		assert_ok(calendar_count(c, day(vectors[i].from), vectors[i].n, &got));
		day_text(got.day, text);
		if (strcmp(text, vectors[i].due) != 0 || got.provisional)
			fail_msg("vector %zu, art. %s: %s %+d gives %s, not %s", i + 1, vectors[i].article,
			         vectors[i].from, vectors[i].n, text, vectors[i].due);
	}
}

static int working_days(const struct calendar *c, int year, int month)
{
	int32_t end = month == 12 ? day_from(year + 1, 1, 1) : day_from(year, month + 1, 1);
	bool provisional;
	int n = 0;

	for (int32_t d = day_from(year, month, 1); d < end; d++) {
		n += calendar_works(c, d, &provisional) ? 1 : 0;
		assert_false(provisional);
	}
	return n;
}

/* C01: totals; C04: an encouraged holiday is a working day. */
static void totals(void **state)
{
	static const int want[] = {249, 251, 248, 248},
	                 m2025[] = {19, 19, 21, 22, 19, 20, 23, 21, 23, 18, 20, 23},
	                 m2026[] = {21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23};
	AUTO(calendar, c, builtin());
	bool provisional;

	(void)state;
	for (int y = 2023; y <= 2026; y++) {
		int n = 0;

		for (int m = 1; m <= 12; m++)
			n += working_days(c, y, m);
		assert_int_equal(n, want[y - 2023]);
	}
	for (int m = 1; m <= 12; m++) {
		assert_int_equal(working_days(c, 2025, m), m2025[m - 1]);
		assert_int_equal(working_days(c, 2026, m), m2026[m - 1]);
	}
	assert_true(calendar_works(c, day("2024-02-09"), &provisional));
}

#define EDITION(year, number, off, work)                                                                     \
	"{\"year\":" year ",\"edition\":" number                                                             \
	",\"title\":\"t\",\"date\":\"2026-11-01\",\"reason\":\"r\","                                         \
	"\"off\":[" off "],\"work\":[" work "]}"
#define RANGE(from, to) "{\"name\":\"元旦\",\"from\":\"" from "\",\"to\":\"" to "\"}"

static struct rc add(struct calendar *c, const char *text)
{
	AUTO_JSON(body, json_loads(text, 0, NULL));

	assert_non_null(body);
	return calendar_add(c, body);
}

/* C03: an edition reaches into the December before it. */
static void december_before(void **state)
{
	AUTO(calendar, c, builtin());
	AUTO(calendar, empty, NULL);
	struct day_fact f;
	bool provisional;

	(void)state;
	calendar_day(c, day("2022-12-31"), &f);
	assert_true(!f.works && f.class == DAY_OFF && f.edition->year == 2023 && !f.provisional);
	assert_true(calendar_works(c, day("2018-12-29"), &provisional)); /* a Saturday, notice of 2019 */
	assert_false(calendar_works(c, day("2018-12-31"), &provisional));
	assert_ok(calendar_new(&empty));
	assert_true(calendar_works(empty, day("2027-12-31"), &provisional) && provisional);
	assert_ok(add(empty, EDITION("2028", "1", RANGE("2027-12-31", "2028-01-02"), "")));
	assert_false(calendar_works(empty, day("2027-12-31"), &provisional)); /* a Friday */
	assert_false(provisional);
}

/* C07: a year without an edition is provisional, by Monday to Friday less the fixed days. */
static void years_without_a_notice(void **state)
{
	AUTO(calendar, c, builtin());
	struct day_count got;
	struct day_fact f;

	(void)state;
	assert_ok(calendar_count(c, day("2026-12-28"), 10, &got));
	assert_true(got.provisional && got.day == day("2027-01-12"));
	assert_ok(calendar_count(c, day("2026-12-15"), 10, &got));
	assert_true(!got.provisional && got.day == day("2026-12-29"));
	calendar_day(c, day("2027-10-01"), &f);
	assert_true(!f.works && f.provisional && f.class == DAY_OFF && f.name != NULL && f.edition == NULL);
	calendar_day(c, day("2008-12-31"), &f);
	assert_true(f.works && f.provisional);
	assert_ok(add(c, EDITION("2027", "1", RANGE("2027-01-01", "2027-01-03"), "")));
	assert_ok(calendar_count(c, day("2026-12-28"), 10, &got));
	assert_true(!got.provisional && got.day == day("2027-01-12"));
}

/* C06: an amendment takes the place of its year's edition and changes the name of the set. */
static void amendments(void **state)
{
	AUTO(calendar, c, builtin());
	uint8_t before[32], after[32];
	struct day_count got;
	bool provisional;

	(void)state;
	assert_false(calendar_works(c, day("2020-01-31"), &provisional)); /* 2020, edition 2 */
	assert_false(calendar_works(c, day("2020-02-01"), &provisional));
	assert_true(calendar_works(c, day("2015-09-06"), &provisional)); /* 2015, edition 2 */
	assert_ok(add(c, EDITION("2027", "1", RANGE("2027-01-01", "2027-01-01"), "")));
	calendar_print(c, before);
	assert_ok(calendar_count(c, day("2026-12-28"), 5, &got));
	assert_int_equal(got.day, day("2027-01-05"));
	assert_ok(add(c, EDITION("2027", "2", RANGE("2027-01-01", "2027-01-04"), "")));
	calendar_print(c, after);
	assert_memory_not_equal(before, after, 32);
	assert_ok(calendar_count(c, day("2026-12-28"), 5, &got));
	assert_int_equal(got.day, day("2027-01-06"));
	assert_ok(add(c, EDITION("2027", "2", RANGE("2027-01-01", "2027-01-04"), "")));
	assert_refused(add(c, EDITION("2027", "2", RANGE("2027-01-01", "2027-01-03"), "")), STATEMENT_FORK);
	assert_refused(add(c, EDITION("2027", "1", RANGE("2027-01-01", "2027-01-01"), "")),
	               STATEMENT_ROLLBACK);
	assert_refused(add(c, EDITION("2027", "4", RANGE("2027-01-01", "2027-01-01"), "")), STATEMENT_GAP);
	assert_refused(add(c, EDITION("2028", "2", RANGE("2028-01-01", "2028-01-01"), "")), STATEMENT_GAP);
}

#define TWICE RANGE("2027-01-01", "2027-01-02") "," RANGE("2027-01-02", "2027-01-03")

static const char without_reason[] = "{\"year\":2027,\"edition\":2,\"title\":\"t\",\"date\":\"2026-11-01\","
                                     "\"off\":[],\"work\":[]}";

/* C02: what no notice says. */
static void impossible_editions(void **state)
{
	static const char *const bad[] = {
	        EDITION("2027", "1", RANGE("2027-01-03", "2027-01-01"), ""), /* backwards */
	        EDITION("2027", "1", RANGE("2026-11-30", "2026-12-01"), ""), /* too early */
	        EDITION("2027", "1", RANGE("2027-12-31", "2028-01-01"), ""), /* too late */
	        EDITION("2027", "1", TWICE, ""),
	        EDITION("2027", "1", "", "\"2027-01-04\""),                                /* a Monday */
	        EDITION("2027", "1", RANGE("2027-01-01", "2027-01-03"), "\"2027-01-02\""), /* both */
	        EDITION("2027", "1", "", "\"2027-01-09\",\"2027-01-02\""),                 /* order */
	        EDITION("2027", "1", RANGE("2027-01-01", "2027-03-01"), ""),               /* months */
	        without_reason,
	};
	AUTO(calendar, c, builtin());

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(add(c, bad[i]), CALENDAR_EDITION);
	assert_refused(add(c, EDITION("2027", "1", RANGE("2027-02-29", "2027-03-01"), "")), CALENDAR_DATE);
	assert_rc(add(c, EDITION("1999", "1", "", "")), RC_INPUT);
}

/* C05: back and forth; limits. */
static void laws_of_counting(void **state)
{
	AUTO(calendar, c, builtin());
	struct day_count a, b;
	bool provisional;

	(void)state;
	for (int32_t d = day("2009-01-01"); d < day("2029-01-01"); d += 3)
		for (int n = 0; n <= 90; n += 7) {
			assert_ok(calendar_count(c, d, -n, &a));
			assert_ok(calendar_count(c, a.day, n, &b));
			if (calendar_works(c, d, &provisional))
				assert_int_equal(b.day, d);
			assert_true(n == 0 || calendar_works(c, a.day, &provisional));
		}
	assert_ok(calendar_count(c, day("2025-10-04"), 0, &a));
	assert_int_equal(a.day, day("2025-10-04"));
	assert_ok(calendar_count(c, day("2025-10-04"), 1000, &a));
	assert_ok(calendar_count(c, day("2025-10-04"), -1000, &a));
	assert_refused(calendar_count(c, day("2025-10-04"), 1001, &a), CALENDAR_TERM);
	assert_refused(calendar_count(c, day("2025-10-04"), -1001, &a), CALENDAR_TERM);
	assert_refused(calendar_count(c, DAY_MAX - 3, 100, &a), CALENDAR_TERM);
	assert_refused(calendar_count(c, DAY_MIN + 3, -100, &a), CALENDAR_TERM);
}

/* R38.1: told on 2026-07-10, a service may end on 2026-10-09 at the earliest.  By trying each day. */
static void the_earliest_day(void **state)
{
	AUTO(calendar, c, builtin());
	struct day_count got, back;

	(void)state;
	assert_ok(calendar_earliest(c, day("2026-07-09"), 60, &got));
	assert_true(got.day <= day("2026-10-08"));
	assert_ok(calendar_earliest(c, day("2026-07-10"), 60, &got));
	assert_int_equal(got.day, day("2026-10-09"));
	for (int32_t d = day("2025-01-01"); d < day("2026-08-01"); d += 2)
		for (int n = 1; n <= 60; n += 9) {
			assert_ok(calendar_earliest(c, d, n, &got));
			assert_ok(calendar_count(c, got.day, -n, &back));
			assert_true(back.day >= d);
			assert_ok(calendar_count(c, got.day - 1, -n, &back));
			assert_true(back.day < d);
		}
	assert_refused(calendar_earliest(c, day("2026-07-10"), 0, &got), CALENDAR_TERM);
}

struct seen {
	char text[512];
};

static struct rc note(void *arg, int32_t d, const struct day_fact *f, int running)
{
	struct seen *s = arg;
	size_t at = strlen(s->text);
	char date[DAY_TEXT];

	day_text(d, date);
	snprintf(s->text + at, sizeof(s->text) - at, "%s%c%d ", date + 5, "wmoe"[f->class], running);
	return OK;
}

/* C14: the counting example of the requirements. */
static void day_by_day(void **state)
{
	AUTO(calendar, c, builtin());
	struct seen s = {""};

	(void)state;
	assert_ok(calendar_walk(c, day("2025-09-26"), 10, note, &s));
	assert_string_equal(s.text, "09-27e0 09-28m1 09-29w2 09-30w3 10-01o0 10-02o0 10-03o0 10-04o0 10-05o0 "
	                            "10-06o0 10-07o0 10-08o0 10-09w4 10-10w5 10-11m6 10-12e0 10-13w7 10-14w8 "
	                            "10-15w9 10-16w10 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_vectors),      cmocka_unit_test(totals),
	        cmocka_unit_test(december_before),  cmocka_unit_test(years_without_a_notice),
	        cmocka_unit_test(amendments),       cmocka_unit_test(impossible_editions),
	        cmocka_unit_test(laws_of_counting), cmocka_unit_test(the_earliest_day),
	        cmocka_unit_test(day_by_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
