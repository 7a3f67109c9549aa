/* The register's store of deadlines (C02, C06, C07, C12, C13): editions count only when two persons have said
 * so; amendments move running clocks and say so; each warning comes once, over restarts; a clock that jumps
 * judges nothing. */
#include "statement/testing.h"
/* base/check.h has the same, with the text of what was not expected */
#undef assert_ok
#undef assert_refused
#include "../../tests/lib/fault_walk.h"

#include "base/text.h"
#include "deadline/store.h"

#define WEEK (7 * TIME_DAY)
#define FOREVER (400 * TIME_DAY)

static struct world world;
static struct deadline_rules *rules;

static int setup(void **state)
{
	world_setup(&world);
	if (!rc_ok(deadline_rules_load("2009", &rules)))
		return -1;
	(void)state;
	return 0;
}

static int teardown(void **state)
{
	world_free(&world);
	deadline_rules_free(rules);
	(void)state;
	return 0;
}

static int64_t at(const char *text)
{
	int64_t t = 0;

	assert_ok(time_parse(slice_text(text), &t));
	return t;
}

static struct statement *signed_by(enum who who, enum statement_kind kind, const json_t *body)
{
	struct statement_head h = world_head(&world, kind, who);
	AUTO_BUF(der, STATEMENT_MAX);
	struct statement *s = NULL;

	assert_non_null(body);
	assert_ok(statement_sign(&h, body, &world.key[who], &der));
	assert_ok(statement_open(buf_slice(&der), &s));
	return s;
}

static struct statement *edition_of_file(const char *path)
{
	AUTO_BUF(file, EDITION_JSON_MAX);
	AUTO_JSON(body, NULL);

	assert_ok(file_read(path, EDITION_JSON_MAX, &file));
	assert_ok(json_read(buf_slice(&file), EDITION_JSON_MAX, &body));
	return signed_by(W_CLERK, STATEMENT_CALENDAR, body);
}

static struct statement *confirmation(enum who who, const struct statement *of, bool approve)
{
	AUTO_JSON(body, json_object());

	json_put_hex(body, "calendar", SLICE_ARR(of->sm3));
	json_put_bool(body, "approve", approve);
	return signed_by(who, STATEMENT_CALENDAR_CONFIRMATION, body);
}

/* By two persons. */
static struct deadline_change confirm(struct db *db, struct statement *take, int64_t now)
{
	AUTO(statement, s, take);
	AUTO(statement, c, confirmation(W_REVIEWER, s, true));
	struct deadline_change change;

	walk_ok(deadline_store_enter(db, s, now));
	walk_ok(deadline_store_decide(db, c, now, &change));
	assert_true(change.confirmed);
	return change;
}

static void confirm_years(struct db *db, int from, int to)
{
	for (int y = from; y <= to; y++) {
		char path[64];

		snprintf(path, sizeof(path), "rulesets/calendar/%d.json", y);
		(void)confirm(db, edition_of_file(path), 1000);
	}
}

/* The notice of a year that has none yet; more days off when amended. */
static struct statement *made_up(int year, int edition, const char *to)
{
	AUTO_JSON(body, json_pack("{s:i,s:i,s:s,s:s,s:s,s:[{s:s,s:s,s:s}],s:[]}", "year", year, "edition",
	                          edition, "title", "t", "date", "2026-11-03", "reason", "r", "off", "name",
	                          "元旦", "from", "2027-01-01", "to", to, "work"));

	return signed_by(W_CLERK, STATEMENT_CALENDAR, body);
}

static void take_case(struct db *db, const char *text, int64_t now)
{
	AUTO_JSON(file, json_loads(text, 0, NULL));
	AUTO(deadline_case, k, NULL);
	AUTO(calendar, c, NULL);
	int64_t set;

	assert_non_null(file);
	walk_ok(deadline_store_calendar(db, &c, &set));
	walk_ok(deadline_case_read(file, rules, c, &k));
	walk_ok(deadline_store_case(db, k, set, now));
}

#define PARTIES "\"parties\":{\"home\":\"province\",\"nca\":\"national\",\"applicant\":\"shifan\"},"
#define CASE(name, events) "{\"case\":\"" name "\"," PARTIES "\"events\":[" events "]}"
#define EVENT(type, at) "{\"type\":\"" type "\",\"at\":\"" at "\"}"

static json_t *shown(struct db *db, const char *name)
{
	json_t *o = NULL;

	walk_ok(deadline_store_show(db, name, &o));
	return o;
}

static void shows(struct db *db, const char *name, const char *key, const char *want)
{
	AUTO_JSON(o, shown(db, name));

	assert_string_equal(json_string_value(json_object_get(o, key)), want);
}

static size_t notices(struct db *db, const char *name, const char *kind, const char *party)
{
	AUTO_JSON(o, shown(db, name));
	const json_t *v;
	size_t i, n = 0;

	json_array_foreach(json_object_get(o, "notices"), i, v)
	{
		const char *k = json_string_value(json_object_get(v, "kind"));

		if (strncmp(k, kind, strlen(kind)) == 0 &&
		    strcmp(json_string_value(json_object_get(v, "party")), party) == 0)
			n++;
	}
	return n;
}

/* Sets the clock and judges; the length of the way is allowed. */
static struct deadline_tick tick(struct db *db, const char *now)
{
	struct deadline_tick t;

	walk_ok(deadline_store_tick(db, &deadline_policy_default, at(now), FOREVER, &t));
	return t;
}

/* C02: one person's edition is a draft; the same person cannot confirm; a refused one may be entered again.
 */
static void editions_need_two_persons(void **state)
{
	struct db *db = walk_database("register");
	AUTO(statement, s, edition_of_file("rulesets/calendar/2025.json"));
	AUTO(statement, own, confirmation(W_CLERK, s, true));
	AUTO(statement, no, confirmation(W_REVIEWER, s, false));
	AUTO(statement, gap, edition_of_file("rulesets/calendar/2020-2.json"));
	AUTO(calendar, c, NULL);
	struct deadline_change change;
	int64_t set;

	(void)state;
	walk_refused(deadline_store_enter(db, gap, 1), STATEMENT_GAP);
	walk_ok(deadline_store_enter(db, s, 1));
	walk_ok(deadline_store_enter(db, s, 2));
	walk_ok(deadline_store_calendar(db, &c, &set));
	assert_null(calendar_edition_at(c, 0));
	walk_refused(deadline_store_decide(db, own, 3, &change), SECOND_PERSON);
	walk_ok(deadline_store_decide(db, no, 3, &change));
	assert_false(change.confirmed);
	assert_rc(deadline_store_decide(db, no, 4, &change), RC_CONFLICT);
	calendar_free(c);
	c = NULL;
	walk_ok(deadline_store_calendar(db, &c, &set));
	assert_null(calendar_edition_at(c, 0));
	assert_rc(deadline_store_decide(db, gap, 4, &change), RC_INPUT);
	confirm_years(db, 2026, 2026);
	calendar_free(c);
	c = NULL;
	walk_ok(deadline_store_calendar(db, &c, &set));
	assert_int_equal(calendar_edition_at(c, 0)->year, 2026);
	db_close(db);
}

/* Each notice since 2009 as it is shipped can be signed, entered and confirmed, amendments after their year.
 */
static void every_edition_can_be_signed(void **state)
{
	static const int amended[] = {2015, 2019, 2020};
	struct db *db = walk_database("register");
	AUTO(calendar, shipped, NULL);
	AUTO(calendar, kept, NULL);
	uint8_t a[32], b[32];
	int64_t set;

	(void)state;
	confirm_years(db, 2009, 2026);
	for (size_t i = 0; i < 3; i++) {
		char path[64];

		snprintf(path, sizeof(path), "rulesets/calendar/%d-2.json", amended[i]);
		(void)confirm(db, edition_of_file(path), 1000);
	}
	assert_ok(calendar_builtin(&shipped));
	walk_ok(deadline_store_calendar(db, &kept, &set));
	calendar_print(shipped, a);
	calendar_print(kept, b);
	assert_memory_equal(a, b, 32);
	db_close(db);
}

/* An amendment that names its predecessor must mean the confirmed one. */
static void amendments_continue_what_is_confirmed(void **state)
{
	struct db *db = walk_database("register");
	AUTO(statement, first, made_up(2027, 1, "2027-01-03"));
	AUTO(statement, yes, confirmation(W_REVIEWER, first, true));
	AUTO(statement, plain, made_up(2027, 2, "2027-01-04"));
	AUTO_JSON(body, json_deep_copy(plain->body));
	AUTO(statement, wrong, NULL);
	AUTO(statement, right, NULL);
	struct deadline_change change;

	(void)state;
	walk_ok(deadline_store_enter(db, first, 1));
	walk_ok(deadline_store_decide(db, yes, 2, &change));
	json_put_hex(body, "previous", SLICE_ARR(plain->sm3));
	wrong = signed_by(W_CLERK, STATEMENT_CALENDAR, body);
	walk_refused(deadline_store_enter(db, wrong, 3), STATEMENT_FORK);
	json_put_hex(body, "previous", SLICE_ARR(first->sm3));
	right = signed_by(W_CLERK, STATEMENT_CALENDAR, body);
	walk_ok(deadline_store_enter(db, right, 3));
	walk_refused(deadline_store_enter(db, plain, 4), STATEMENT_FORK); /* one waits already */
	db_close(db);
}

/* C06, C07: provisional until there is a notice; an amendment moves it, with the old value and notices. */
static void amendments_move_running_clocks(void **state)
{
	struct db *db = walk_database("register");
	struct deadline_change change;

	(void)state;
	confirm_years(db, 2025, 2026);
	take_case(db, CASE("k", EVENT("received", "2026-12-28T01:00:00Z")), at("2026-12-28T01:00:00Z"));
	take_case(db,
	          CASE("done", EVENT("received", "2026-03-02T01:00:00Z") "," EVENT("applicant-told",
	                                                                           "2026-03-03T01:00:00Z")),
	          at("2026-12-28T01:00:00Z"));
	shows(db, "k/D06/1", "state", "provisional");
	(void)tick(db, "2027-01-30T01:00:00Z");
	shows(db, "k/D06/1", "state", "provisional"); /* never overdue by a guess */
	assert_int_equal(notices(db, "k/D06/1", "overdue", "province"), 0);
	change = confirm(db, made_up(2027, 1, "2027-01-03"), at("2027-01-30T02:00:00Z"));
	assert_int_equal(change.moved, 1);
	shows(db, "k/D06/1", "state", "running");
	shows(db, "k/D06/1", "due", "2027-01-12");
	assert_int_equal(notices(db, "k/D06/1", "moved", "province"), 1);
	assert_int_equal(notices(db, "k/D06/1", "moved", "national"), 1);
	assert_int_equal(notices(db, "k/D06/1", "moved", "shifan"), 1);
	(void)tick(db, "2027-01-30T03:00:00Z");
	shows(db, "k/D06/1", "state", "overdue");
	change = confirm(db, made_up(2027, 2, "2027-01-04"), at("2027-01-30T04:00:00Z"));
	assert_int_equal(change.moved, 1);
	shows(db, "k/D06/1", "due", "2027-01-13");
	shows(db, "k/D06/1", "state", "overdue"); /* still late: nothing un-passes by the way */
	{
		AUTO_JSON(o, shown(db, "k/D06/1"));
		const json_t *h = json_object_get(o, "history"),
		             *last = json_array_get(h, json_array_size(h) - 1);

		assert_int_equal(json_array_size(h), 4);
		assert_string_equal(json_string_value(json_object_get(last, "old_until")),
		                    "2027-01-12T16:00:00Z");
		assert_string_equal(json_string_value(json_object_get(last, "new_until")),
		                    "2027-01-13T16:00:00Z");
		assert_string_equal(json_string_value(json_object_get(last, "reason")), "calendar");
	}
	shows(db, "done/D06/1", "state", "met");
	assert_int_equal(notices(db, "done/D06/1", "moved", "province"), 0);
	db_close(db);
}

/* C11, R19.1 in the store: the applicant is told; what was taken over once is not taken over again. */
static void events_stop_clocks(void **state)
{
	struct db *db = walk_database("register");
	struct deadline_filter f = {.party = "shifan", .limit = 10};
	AUTO_JSON(list, NULL);

	(void)state;
	confirm_years(db, 2025, 2026);
	take_case(db, CASE("k", EVENT("received", "2025-09-26T01:00:00Z")), at("2025-09-26T01:00:00Z"));
	(void)tick(db, "2025-10-16T15:59:59Z");
	shows(db, "k/D06/1", "state", "running");
	(void)tick(db, "2025-10-16T16:00:00Z");
	shows(db, "k/D06/1", "state", "overdue");
	for (int twice = 0; twice < 2; twice++)
		take_case(db,
		          CASE("k", EVENT("received", "2025-09-26T01:00:00Z") "," EVENT(
		                            "applicant-told", "2025-10-17T01:00:00Z")),
		          at("2025-10-17T01:00:00Z"));
	shows(db, "k/D06/1", "state", "met-late");
	(void)tick(db, "2025-11-16T16:00:00Z");
	shows(db, "k/D06/1", "state", "met-late");
	walk_ok(deadline_store_list(db, &f, &list));
	assert_int_equal(json_array_size(list), 1);
	{
		AUTO_JSON(o, shown(db, "k/D06/1"));

		assert_int_equal(json_array_size(json_object_get(o, "history")), 3);
	}
	db_close(db);
}

/* C12: a year day by day, a new process each third day; every threshold once to each party. */
static void warnings_come_once(void **state)
{
	struct db *db = walk_database("register");
	int64_t now = at("2025-09-20T04:00:00Z"), seen[3] = {0};

	(void)state;
	confirm_years(db, 2025, 2026);
	take_case(db, CASE("k", EVENT("received", "2025-09-26T01:00:00Z")), now);
	for (int day = 0; day < 365; day++, now += TIME_DAY) {
		static const char *const kinds[] = {"5", "2", "0"};
		struct deadline_tick t;

		if (day % 3 == 0) {
			db_close(db);
			db = walk_database("register");
		}
		for (int twice = 0; twice < 2; twice++)
			walk_ok(deadline_store_tick(db, &deadline_policy_default, now, WEEK, &t));
		for (size_t i = 0; i < 3; i++)
			if (seen[i] == 0 && notices(db, "k/D06/1", kinds[i], "province") > 0)
				seen[i] = now;
	}
	assert_int_equal(day_of(seen[0]), day_of(at("2025-10-10T04:00:00Z")));
	assert_int_equal(day_of(seen[1]), day_of(at("2025-10-14T04:00:00Z")));
	assert_int_equal(day_of(seen[2]), day_of(at("2025-10-16T04:00:00Z")));
	for (size_t i = 0; i < 4; i++) {
		static const char *const kinds[] = {"5", "2", "0", "overdue"};

		assert_int_equal(notices(db, "k/D06/1", kinds[i], "province"), 1);
		assert_int_equal(notices(db, "k/D06/1", kinds[i], "national"), 1);
	}
	db_close(db);
}

static struct statement *attestation(enum who who, const char *time)
{
	AUTO_JSON(body, json_pack("{s:s,s:s,s:s}", "time", time, "source", "国家授时中心", "reason", "r"));

	return signed_by(who, STATEMENT_TIME_ATTESTATION, body);
}

/* C13: ahead or back, nothing passes and nothing un-passes until two persons have attested the time. */
static void jumps_judge_nothing(void **state)
{
	struct db *db = walk_database("register");
	AUTO(statement, one, attestation(W_CLERK, "2025-10-18T01:00:00Z"));
	AUTO(statement, two, attestation(W_REVIEWER, "2025-10-18T01:00:00Z"));
	struct deadline_tick t;
	bool believed;

	(void)state;
	confirm_years(db, 2025, 2026);
	take_case(db, CASE("k", EVENT("received", "2025-09-26T01:00:00Z")), at("2025-09-26T01:00:00Z"));
	(void)tick(db, "2025-09-27T01:00:00Z");
	walk_ok(deadline_store_tick(db, &deadline_policy_default, at("2036-09-27T01:00:00Z"), WEEK, &t));
	assert_true(t.doubted && t.newly);
	shows(db, "k/D06/1", "state", "running");
	walk_ok(deadline_store_tick(db, &deadline_policy_default, at("2025-10-18T01:00:00Z"), WEEK, &t));
	assert_true(t.doubted && !t.newly);
	shows(db, "k/D06/1", "state", "running");
	assert_int_equal(notices(db, "k/D06/1", "", "province"), 0);
	walk_refused(deadline_store_attest(db, one, at("2036-09-27T01:00:00Z"), &believed), CLOCK_DOUBTED);
	walk_ok(deadline_store_attest(db, one, at("2025-10-18T01:00:00Z"), &believed));
	assert_false(believed);
	walk_refused(deadline_store_attest(db, one, at("2025-10-18T01:00:00Z"), &believed), SECOND_PERSON);
	walk_ok(deadline_store_attest(db, two, at("2025-10-18T01:00:00Z"), &believed));
	assert_true(believed);
	(void)tick(db, "2025-10-18T01:00:00Z");
	shows(db, "k/D06/1", "state", "overdue");
	walk_ok(deadline_store_tick(db, &deadline_policy_default, at("2025-10-17T01:00:00Z"), WEEK, &t));
	assert_true(t.doubted && t.newly && t.notices == 0);
	shows(db, "k/D06/1", "state", "overdue");
	assert_int_equal(notices(db, "k/D06/1", "overdue", "province"), 1);
	assert_rc(deadline_store_show(db, "k/D07/1", &(json_t *){NULL}), RC_NOTFOUND);
	db_close(db);
}

/* ---- the walk ---- */

static struct statement *waiting, *its_confirmation, *entered; /* signed once: no two signatures are alike */

static RC fault_setup(struct db *db)
{
	confirm_years(db, 2025, 2026);
	take_case(db, CASE("k", EVENT("received", "2026-12-28T01:00:00Z")), 5000);
	waiting = made_up(2027, 1, "2027-01-03");
	entered = edition_of_file("rulesets/calendar/2024.json");
	its_confirmation = confirmation(W_REVIEWER, waiting, true);
	return deadline_store_enter(db, waiting, 5000);
}

static RC fault_enter(struct db *db)
{
	return deadline_store_enter(db, entered, 6000);
}

static RC fault_decide(struct db *db)
{
	struct deadline_change change;

	return deadline_store_decide(db, its_confirmation, 6000, &change);
}

static RC fault_case(struct db *db)
{
	AUTO_JSON(file,
	          json_loads(CASE("k", EVENT("received", "2026-12-28T01:00:00Z") "," EVENT(
	                                       "passed",
	                                       "2026-12-29T01:00:00Z") "," EVENT("applicant-told",
	                                                                         "2026-12-30T01:00:00Z")),
	                     0, NULL));
	AUTO(deadline_case, k, NULL);
	AUTO(calendar, c, NULL);
	int64_t set;

	TRY(deadline_store_calendar(db, &c, &set));
	TRY(deadline_case_read(file, rules, c, &k));
	return deadline_store_case(db, k, set, 6000);
}

static RC fault_tick(struct db *db)
{
	struct deadline_tick t;

	return deadline_store_tick(db, &deadline_policy_default, at("2027-01-30T01:00:00Z"), FOREVER, &t);
}

static RC fault_show(struct db *db)
{
	AUTO_JSON(o, NULL);

	return deadline_store_show(db, "k/D06/1", &o);
}

static RC fault_list(struct db *db)
{
	struct deadline_filter f = {.limit = 10};
	AUTO_JSON(o, NULL);

	return deadline_store_list(db, &f, &o);
}

static void no_failure_goes_unnoticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"enter", fault_enter}, {"decide", fault_decide}, {"case", fault_case},
	        {"tick", fault_tick},   {"show", fault_show},     {"list", fault_list},
	};
	static const struct walk w = {"register", fault_setup, cases, sizeof(cases) / sizeof(cases[0])};

	(void)state;
	walk_faults(&w);
	statement_free(waiting);
	statement_free(entered);
	statement_free(its_confirmation);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, walk_open_folder, walk_remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        FRESH(editions_need_two_persons),
	        FRESH(every_edition_can_be_signed),
	        FRESH(amendments_continue_what_is_confirmed),
	        FRESH(amendments_move_running_clocks),
	        FRESH(events_stop_clocks),
	        FRESH(warnings_come_once),
	        FRESH(jumps_judge_nothing),
	        FRESH(no_failure_goes_unnoticed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
