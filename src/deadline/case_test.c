/* Events start and stop clocks exactly as the articles say (R19.1, R19.3, R20.1, C08, C10, I-01 to I-12). */
#include "base/check.h"
#include "deadline/clock.h"

#include <stdio.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CASE(events) "{\"case\":\"2025-17\",\"events\":[" events "]}"
#define WITH(switches, events) "{\"case\":\"2025-17\",\"switches\":{" switches "},\"events\":[" events "]}"
#define EVENT(type, at) "{\"type\":\"" type "\",\"at\":\"" at "\"}"
#define EVENT_WITH(type, at, more) "{\"type\":\"" type "\",\"at\":\"" at "\"," more "}"

struct fixture {
	struct deadline_rules *rules;
	struct calendar *calendar;
};

static int setup(void **state)
{
	static struct fixture f;

	assert_ok(deadline_rules_load("2009", &f.rules));
	assert_ok(calendar_builtin(&f.calendar));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	deadline_rules_free(f->rules);
	calendar_free(f->calendar);
	return 0;
}

static struct rc read(const struct fixture *f, const char *text, struct deadline_case **ret)
{
	AUTO_JSON(file, json_loads(text, 0, NULL));

	if (file == NULL)
		fail_msg("no JSON: %s", text);
	return deadline_case_read(file, f->rules, f->calendar, ret);
}

static int64_t at(const char *text)
{
	int64_t t = 0;

	assert_ok(time_parse(slice_text(text), &t));
	return t;
}

/* The clock of that rule and round. */
static const struct deadline *clock_of(const struct deadline_case *k, const char *rule, unsigned round)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->clock[i].rule->id, rule) == 0 && k->clock[i].round == round)
			return &k->clock[i];
	fail_msg("no clock %s/%u", rule, round);
	return NULL;
}

static void is_due(const struct deadline_case *k, const char *rule, const char *want)
{
	char text[DAY_TEXT];

	day_text(clock_of(k, rule, 1)->due_day, text);
	assert_string_equal(text, want);
}

static void state_is(const struct deadline_case *k, const char *rule, const char *when, const char *want)
{
	assert_string_equal(deadline_state_name(deadline_state_at(clock_of(k, rule, 1), at(when))), want);
}

#define RECEIVED                                                                                             \
	EVENT_WITH("received", "2025-09-26T09:00:00+08:00", "\"materials\":[\"" A64 "\",\"" B64 "\"]")

/* R19.1: until the applicant is told; a decision does not stop it. */
static void told_not_decided(void **state)
{
	AUTO(deadline_case, k, NULL);
	AUTO(deadline_case, told, NULL);
	AUTO(deadline_case, late, NULL);

	assert_ok(read(*state, CASE(RECEIVED "," EVENT("decided", "2025-10-14T09:00:00+08:00")), &k));
	is_due(k, "D06", "2025-10-16");
	state_is(k, "D06", "2025-10-16T23:59:59+08:00", "running");
	state_is(k, "D06", "2025-10-17T00:00:00+08:00", "overdue");
	assert_ok(
	        read(*state, CASE(RECEIVED "," EVENT("applicant-told", "2025-10-16T23:59:59+08:00")), &told));
	state_is(told, "D06", "2030-01-01T00:00:00Z", "met");
	assert_ok(
	        read(*state, CASE(RECEIVED "," EVENT("applicant-told", "2025-10-17T00:00:00+08:00")), &late));
	state_is(late, "D06", "2030-01-01T00:00:00Z", "met-late");
}

/* R19.3: from passing until all materials are with NCA; then D08 starts, and only then. */
static void all_materials(void **state)
{
#define PASSED RECEIVED "," EVENT("passed", "2025-09-29T09:00:00+08:00")
#define ARRIVES(time, list) EVENT_WITH("nca-received", time, "\"materials\":[" list "]")
	AUTO(deadline_case, part, NULL);
	AUTO(deadline_case, all, NULL);
	AUTO(deadline_case, other, NULL);

	assert_ok(read(*state, CASE(PASSED "," ARRIVES("2025-10-09T01:00:00Z", "\"" A64 "\"")), &part));
	is_due(part, "D07", "2025-10-13");
	state_is(part, "D07", "2025-10-13T15:59:59Z", "running");
	state_is(part, "D07", "2025-10-13T16:00:00Z", "overdue");
	assert_int_equal(part->count, 2);
	assert_ok(read(*state,
	               CASE(PASSED "," ARRIVES("2025-10-09T01:00:00Z", "\"" A64 "\"") "," ARRIVES(
	                       "2025-10-10T01:00:00Z", "\"" B64 "\"")),
	               &all));
	state_is(all, "D07", "2030-01-01T00:00:00Z", "met");
	assert_int_equal(clock_of(all, "D07", 1)->stop_at, at("2025-10-10T01:00:00Z"));
	assert_int_equal(clock_of(all, "D08", 1)->start_at, at("2025-10-10T01:00:00Z"));
	assert_refused(read(*state,
	                    CASE(EVENT_WITH("nca-received", "2025-10-09T01:00:00Z", "\"materials\":[]")),
	                    &other),
	               CASE);
}

/* R20.1, with the switch of I-06. */
static void evaluation(void **state)
{
#define AT_NCA(time)                                                                                         \
	EVENT_WITH("received", time, "\"materials\":[\"" A64 "\"]")                                          \
	"," EVENT("passed", time) "," ARRIVES(time, "\"" A64 "\"")
#define STARTED "," EVENT("evaluation-started", "2026-03-18T01:00:00Z")
	AUTO(deadline_case, a, NULL);
	AUTO(deadline_case, b, NULL);
	AUTO(deadline_case, c, NULL);

	assert_ok(read(*state, CASE(AT_NCA("2026-01-30T10:00:00+08:00") STARTED), &a));
	is_due(a, "D08", "2026-03-19");
	state_is(a, "D08", "2026-03-19T16:00:00Z", "overdue");
	assert_ok(read(*state, CASE(AT_NCA("2026-02-13T10:00:00+08:00")), &b));
	is_due(b, "D08", "2026-04-02");
	assert_ok(read(*state,
	               WITH("\"art20_due_on\":\"start\"", AT_NCA("2026-01-30T10:00:00+08:00") STARTED), &c));
	state_is(c, "D08", "2026-03-19T16:00:00Z", "met");
}

/* I-05: a corrected package is a new receipt with a new clock; nobody resets a running one. */
static void corrections(void **state)
{
	AUTO(deadline_case, k, NULL);
	AUTO(deadline_case, reset, NULL);

	assert_ok(read(*state,
	               CASE(RECEIVED "," EVENT("applicant-told", "2025-10-15T01:00:00Z") "," EVENT(
	                       "received", "2025-10-20T01:00:00Z")),
	               &k));
	assert_int_equal(k->count, 2);
	assert_int_equal(clock_of(k, "D06", 1)->stop_at, at("2025-10-15T01:00:00Z"));
	assert_int_equal(clock_of(k, "D06", 2)->stop_at, 0);
	assert_refused(read(*state, CASE(RECEIVED "," EVENT("received", "2025-10-14T01:00:00Z")), &reset),
	               DEADLINE_RUNNING);
}

/* D09, D10 and I-07: from the real first certificate, whatever is declared later. */
static void cross_region(void **state)
{
	AUTO(deadline_case, k, NULL);
	AUTO(deadline_case, late, NULL);

	assert_ok(read(
	        *state,
	        CASE(EVENT_WITH("service-planned", "2026-02-01T01:00:00Z", "\"on\":\"2026-02-25\"") "," EVENT(
	                "first-certificate", "2026-04-20T01:00:00Z") "," EVENT("service-started",
	                                                                       "2026-05-10T01:00:00Z")),
	        &k));
	is_due(k, "D09", "2026-02-04");
	is_due(k, "D10", "2026-05-20");
	state_is(k, "D09", "2026-02-04T16:00:00Z", "overdue");
	assert_ok(read(
	        *state,
	        CASE(EVENT_WITH("service-planned", "2026-02-01T01:00:00Z", "\"on\":\"2026-02-25\"") "," EVENT(
	                "served-province-told", "2026-02-05T01:00:00Z")),
	        &late));
	state_is(late, "D09", "2026-03-01T00:00:00Z", "met-late");
}

/* I-02: in time by the looser reading only. */
static void clear_days(void **state)
{
#define END EVENT_WITH("end-planned", "2026-01-05T01:00:00Z", "\"on\":\"2026-10-08\"")
#define TOLD EVENT("end-reported", "2026-07-30T01:00:00Z")
	AUTO(deadline_case, k, NULL);
	AUTO(deadline_case, strict, NULL);

	assert_ok(read(*state, CASE(END "," TOLD), &k));
	is_due(k, "D21", "2026-07-09");
	is_due(k, "D22", "2026-07-30");
	state_is(k, "D22", "2026-10-01T00:00:00Z", "met");
	assert_true(clock_of(k, "D22", 1)->borderline);
	assert_ok(read(*state, WITH("\"clear_days\":true", END "," TOLD), &strict));
	is_due(strict, "D22", "2026-07-29");
	state_is(strict, "D22", "2026-10-01T00:00:00Z", "met-late");
}

/* C10, I-03, I-01. */
static void fixed_dates(void **state)
{
#define YEAR EVENT_WITH("year-closed", "2025-01-01T01:00:00Z", "\"year\":2024")
#define SENT EVENT("report-submitted", "2025-02-01T01:00:00Z")
	AUTO(deadline_case, k, NULL);
	AUTO(deadline_case, rolled, NULL);
	AUTO(deadline_case, closed, NULL);

	assert_ok(read(*state, CASE(YEAR "," SENT), &k));
	is_due(k, "D15", "2025-01-31");
	state_is(k, "D15", "2026-01-01T00:00:00Z", "met-late");
	assert_ok(read(*state, WITH("\"roll_fixed_dates\":true", YEAR "," SENT), &rolled));
	is_due(rolled, "D15", "2025-02-05");
	state_is(rolled, "D15", "2026-01-01T00:00:00Z", "met");
	assert_ok(read(*state, WITH("\"close_of_business\":1020", RECEIVED), &closed));
	state_is(closed, "D06", "2025-10-16T16:59:59+08:00", "running");
	state_is(closed, "D06", "2025-10-16T17:00:00+08:00", "overdue");
}

#define ORDERED EVENT_WITH("rectification-ordered", "2026-03-02T01:00:00Z", "\"due\":\"2026-03-20\"")

/* R42.1, I-12: no number, no clock. */
static void orders_name_a_date(void **state)
{
	static const char stated[] =
	        CASE(ORDERED ",{\"type\":\"loss-reported\",\"at\":\"2026-03-02T10:00:00+08:00\","
	                     "\"period\":{\"seconds\":3600}},"
	                     "{\"type\":\"nonconformity-found\",\"at\":\"2026-03-02T03:00:00Z\","
	                     "\"period\":{\"working_days\":5}},"
	                     "{\"type\":\"risk-assessed\",\"at\":\"2026-03-02T03:00:00Z\","
	                     "\"period\":{\"days\":365}}");
	AUTO(deadline_case, k, NULL);
	AUTO(deadline_case, none, NULL);

	assert_refused(read(*state, CASE(EVENT("rectification-ordered", "2026-03-02T01:00:00Z")), &none),
	               DEADLINE_LIMIT);
	assert_refused(read(*state, CASE(EVENT("loss-reported", "2026-03-02T01:00:00Z")), &none),
	               DEADLINE_LIMIT);
	assert_ok(read(*state, stated, &k));
	is_due(k, "D18", "2026-03-20");
	is_due(k, "D02", "2026-03-09");
	is_due(k, "D13", "2027-03-02");
	assert_int_equal(clock_of(k, "D14", 1)->due_at, at("2026-03-02T11:00:00+08:00"));
}

/* C07, C09, and what comes before a change. */
static void other_terms(void **state)
{
	AUTO(deadline_case, k, NULL);

	assert_ok(read(
	        *state,
	        CASE(EVENT("gov-certificate-invalid", "2024-02-29T01:00:00Z") "," EVENT_WITH(
	                "change-planned", "2026-03-01T01:00:00Z",
	                "\"on\":\"2026-04-01\"") "," EVENT("change-cancelled",
	                                                   "2026-03-02T01:00:00Z") "," EVENT("received",
	                                                                                     "2026-12-28T01:"
	                                                                                     "00:00Z")),
	        &k));
	is_due(k, "D12", "2034-02-28");
	state_is(k, "D12", "2034-02-28T15:59:59Z", "running");
	state_is(k, "D12", "2034-02-28T16:00:00Z", "met");
	is_due(k, "D20", "2026-03-31");
	state_is(k, "D20", "2026-05-01T00:00:00Z", "void");
	is_due(k, "D06", "2027-01-12");
	state_is(k, "D06", "2028-01-01T00:00:00Z", "provisional");
}

static void the_table_is_whole(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(f->rules->count, 26);
	for (unsigned i = 0; i < 26; i++) {
		char id[8];

		snprintf(id, sizeof(id), "D%02u", i + 1);
		assert_string_equal(f->rules->rule[i].id, id);
	}
	for (size_t i = 0; i < 26; i++) {
		const struct deadline_rule *r = &f->rules->rule[i];

		assert_int_equal(r->unit == UNIT_NONE, r->start[0][0] == '\0');
		assert_true(r->obliged[0] != '\0' && r->zh[0] != '\0' && r->en[0] != '\0');
	}
	assert_rc(deadline_rules_load("1999", &(struct deadline_rules *){NULL}), RC_NOTFOUND);
}

/* R01.2, R45.2: a synthetic change of the rules.  New cases follow it, running ones keep their row.  R45.1:
 * no obligation before the measures. */
static void rules_change(void **state)
{
	static const char change[] =
	        "{\"set\":\"new\",\"from\":\"2026-03-01\",\"deadlines\":[{\"id\":\"D06\",\"article\":\"9\","
	        "\"direction\":\"after\",\"term\":{\"working_days\":20},\"start\":[\"received\"],\"stop\":["
	        "\"answered\"],\"obliged\":\"nca\",\"superior\":\"nca\",\"what\":{\"zh\":\"a\",\"en\":\"a\"},"
	        "\"consequence\":{\"zh\":\"a\",\"en\":\"a\"}}]}";
	const struct fixture *f = *state;
	struct fixture both = {.calendar = f->calendar};
	AUTO(deadline_rules, rules, NULL);
	AUTO(deadline_case, old, NULL);
	AUTO(deadline_case, new, NULL);
	AUTO(deadline_case, before, NULL);

	assert_ok(deadline_rules_load("2009", &rules));
	assert_ok(deadline_rules_read(slice_text(change), &rules->next));
	both.rules = rules;
	assert_ok(read(&both,
	               CASE(EVENT("received", "2026-02-28T15:59:59Z") "," EVENT("applicant-told",
	                                                                        "2026-03-10T01:00:00Z")),
	               &old));
	assert_string_equal(clock_of(old, "D06", 1)->rule->set, "2009");
	is_due(old, "D06", "2026-03-13");
	state_is(old, "D06", "2026-03-20T00:00:00Z", "met");
	assert_ok(read(&both,
	               CASE(EVENT("received", "2026-02-28T16:00:00Z") "," EVENT("applicant-told",
	                                                                        "2026-03-10T01:00:00Z")),
	               &new));
	assert_string_equal(clock_of(new, "D06", 1)->rule->set, "new");
	assert_string_equal(clock_of(new, "D06", 1)->rule->article, "9");
	is_due(new, "D06", "2026-03-27");
	state_is(new, "D06", "2026-03-20T00:00:00Z", "running");
	assert_ok(read(&both, CASE(EVENT("received", "2009-10-30T01:00:00Z")), &before));
	assert_int_equal(before->count, 0);
}

static void wrong_files(void **state)
{
	static const char *const bad[] = {
	        "{\"case\":\"a/b\",\"events\":[]}",
	        CASE(EVENT("decided", "2026-03-02T01:00:00Z") "," EVENT("decided", "2026-03-01T01:00:00Z")),
	        WITH("\"art20_due_on\":\"never\"", ""),
	};
	AUTO(deadline_case, k, NULL);

	for (size_t i = 0; i < 3; i++)
		assert_refused(read(*state, bad[i], &k), CASE);
	assert_rc(read(*state, CASE("{\"type\":\"decided\"}"), &k), RC_INPUT);
	assert_rc(read(*state, CASE(EVENT_WITH("decided", "2026-03-01T01:00:00Z", "\"x\":1")), &k), RC_INPUT);
	assert_rc(read(*state, CASE(EVENT("end-planned", "2026-03-01T01:00:00Z")), &k), RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(told_not_decided), cmocka_unit_test(all_materials),
	        cmocka_unit_test(evaluation),       cmocka_unit_test(corrections),
	        cmocka_unit_test(cross_region),     cmocka_unit_test(clear_days),
	        cmocka_unit_test(fixed_dates),      cmocka_unit_test(orders_name_a_date),
	        cmocka_unit_test(other_terms),      cmocka_unit_test(the_table_is_whole),
	        cmocka_unit_test(wrong_files),      cmocka_unit_test(rules_change),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
