/* yuandian deadline and rules: the table, the clocks of a case with every field of C11, day by day (C14);
 * each place that a rule names exists, and 2024 is said to be incomplete (I-18, R45.2). */
#include "../../tests/lib/cli_run.h"

#include "base/json.h"
#include "base/text.h"
#include "deadline/store.h"

#include <unistd.h>

#define EVIDENCE "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
static const char filed[] =
        "{\"case\":\"2025-17\",\"events\":[{\"type\":\"received\",\"at\":\"2025-09-26T01:00:00Z\","
        "\"evidence\":\"" EVIDENCE "\"},{\"type\":\"decided\",\"at\":\"2025-10-14T01:00:00Z\"}]}";

static char path[] = "/tmp/yuandian-case-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd >= 0 && close(fd) == 0 && rc_ok(file_write(path, slice_text(filed), 0600)) ? 0 : -1;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static json_t *json_of(struct run r, int status)
{
	json_t *o = json_loads(r.out, 0, NULL);

	if (o == NULL || r.status != status)
		fail_msg("exit %d: %s%s", r.status, r.out, r.err);
	run_free(&r);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void the_table(void **state)
{
	AUTO_JSON(o, json_of(RUN("deadline", "list", "--json"), CLI_OK));
	AUTO_JSON(new, json_of(RUN("deadline", "list", "--rules", "2024", "--json"), CLI_OK));
	const json_t *list = json_object_get(o, "deadlines"), *d06 = json_array_get(list, 5);

	(void)state;
	assert_int_equal(json_array_size(list), 26);
	assert_string_equal(text_of(d06, "id"), "D06");
	assert_string_equal(text_of(d06, "article"), "19");
	assert_int_equal(json_integer_value(json_object_get(d06, "n")), 10);
	assert_true(json_array_size(json_object_get(new, "deadlines")) < 26);
	EXPECT(CLI_NOTFOUND, "deadline", "list", "--rules", "1999");
}

/* C11 */
static void every_field(void **state)
{
	static const char *const texts[][2] = {
	        {"article", "19"},      {"from", "2025-09-26"}, {"unit", "working-days"},
	        {"direction", "after"}, {"due", "2025-10-16"},  {"until", "2025-10-16T16:00:00Z"},
	        {"state", "overdue"},   {"obliged", "home"},    {"towards", "applicant"},
	        {"superior", "nca"},
	};
	AUTO_JSON(o, json_of(RUN("deadline", "show", "2025-17/D06/1", "--case", path, "--at",
	                         "2025-10-16T16:00:00Z", "--json"),
	                     CLI_OK));
	const json_t *start = json_object_get(o, "start");

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(text_of(o, texts[i][0]), texts[i][1]);
	assert_int_equal(json_integer_value(json_object_get(o, "n")), 10);
	assert_string_equal(text_of(start, "event"), "received");
	assert_string_equal(text_of(start, "evidence"), EVIDENCE);
	assert_int_equal(strlen(text_of(o, "edition_set")), 64);
	EXPECT(CLI_NOTFOUND, "deadline", "show", "2025-17/D07/1", "--case", path);
	EXPECT(CLI_USAGE, "deadline", "show", "2025-17/D07/1");
	EXPECT(CLI_OK, "deadline", "show", "2025-17/D06/1", "--case", path);
}

static void lists_states_at_a_time(void **state)
{
	static const char *const at[][2] = {{"2025-10-16T15:59:59Z", "running"},
	                                    {"2025-10-16T16:00:00Z", "overdue"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_JSON(o, json_of(RUN("deadline", "list", "--case", path, "--at", at[i][0], "--json"),
		                     CLI_OK));
		const json_t *list = json_object_get(o, "deadlines");

		assert_int_equal(json_array_size(list), 1);
		assert_string_equal(text_of(json_array_get(list, 0), "state"), at[i][1]);
	}
}

/* What a register keeps is read as it was judged, page by page. */
static void reads_a_register(void **state)
{
	char folder[] = "/tmp/yuandian-desk-XXXXXX", url[64];
	AUTO(deadline_rules, rules, NULL);
	AUTO(calendar, calendar, NULL);
	AUTO(db, db, NULL);
	int64_t set;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(url, sizeof(url), "%s/data.db", folder);
	assert_ok(db_open(url, false, &db));
	assert_ok(db_migrate(db, "register"));
	assert_ok(deadline_rules_load("2009", &rules));
	assert_ok(calendar_builtin(&calendar));
	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(deadline_store_set(db, calendar, 1, &set));
	for (int i = 0; i < DEADLINE_LIST_MAX + 50; i++) {
		AUTO_JSON(file, json_loads(filed, 0, NULL));
		AUTO(deadline_case, k, NULL);
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		json_put_cstr(file, "case", name);
		assert_ok(deadline_case_read(file, rules, calendar, &k));
		assert_ok(deadline_store_case(db, k, set, 1));
	}
	assert_ok(db_verb(db, DB_COMMIT));
	{
		AUTO_JSON(all, json_of(RUN("deadline", "list", "--register", url, "--json"), CLI_OK));
		AUTO_JSON(none, json_of(RUN("deadline", "list", "--register", url, "--party", "x", "--json"),
		                        CLI_OK));
		AUTO_JSON(one,
		          json_of(RUN("deadline", "show", "c7/D06/1", "--register", url, "--json"), CLI_OK));

		assert_int_equal(json_array_size(json_object_get(all, "deadlines")), DEADLINE_LIST_MAX + 50);
		assert_int_equal(json_array_size(json_object_get(none, "deadlines")), 0);
		assert_string_equal(text_of(one, "due"), "2025-10-16");
		assert_int_equal(json_array_size(json_object_get(one, "history")), 1);
	}
	EXPECT(CLI_OK, "deadline", "list", "--register", url, "--state", "running");
	EXPECT(CLI_NOTFOUND, "deadline", "show", "c7/D07/1", "--register", url);
	assert_int_equal(unlink(url), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(url, sizeof(url), "%s/data.db%s", folder, i == 0 ? "-wal" : "-shm");
		(void)unlink(url);
	}
	assert_int_equal(rmdir(folder), 0);
}

/* R38.1: an end planned for 2026-10-08 and arranged on 2026-07-10 is late; the earliest lawful day is shown.
 */
static void the_earliest_lawful_day(void **state)
{
	static const char plan[] = "{\"case\":\"end\",\"events\":[{\"type\":\"end-planned\",\"at\":"
	                           "\"2026-07-10T01:00:00Z\",\"on\":\"2026-10-08\"}]}";
	char file[] = "/tmp/yuandian-plan-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0 && close(fd) == 0);
	assert_ok(file_write(file, slice_text(plan), 0600));
	{
		AUTO_JSON(o, json_of(RUN("deadline", "show", "end/D21/1", "--case", file, "--at",
		                         "2026-07-10T02:00:00Z", "--json"),
		                     CLI_OK));

		assert_string_equal(text_of(o, "due"), "2026-07-09");
		assert_string_equal(text_of(o, "state"), "overdue");
		assert_string_equal(text_of(o, "earliest"), "2026-10-09");
	}
	assert_int_equal(unlink(file), 0);
}

/* C14 */
static void explains(void **state)
{
	AUTO_JSON(o, json_of(RUN("deadline", "explain", path, "--json"), CLI_OK));
	AUTO_JSON(count, json_of(RUN("deadline", "explain", "2025-09-26", "+10", "--json"), CLI_OK));
	const json_t *first = json_array_get(json_object_get(o, "deadlines"), 0), *days;

	(void)state;
	days = json_object_get(first, "days");
	assert_int_equal(json_array_size(days), 20);
	assert_string_equal(text_of(json_array_get(days, 19), "date"), "2025-10-16");
	assert_true(json_equal(days, json_object_get(count, "days")));
	EXPECT(CLI_OK, "deadline", "explain", path, "--lang", "en");
}

static void rules_name_places_that_exist(void **state)
{
	AUTO_JSON(o, json_of(RUN("rules", "list", "--json"), CLI_OK));
	const json_t *sets = json_object_get(o, "sets"), *set, *rule, *place;
	size_t i, k, m;

	(void)state;
	assert_int_equal(json_array_size(sets), 2);
	json_array_foreach(sets, i, set)
	{
		bool complete = json_is_true(json_object_get(set, "complete"));

		assert_int_equal(complete, strcmp(text_of(set, "set"), "2009") == 0);
		json_array_foreach(json_object_get(set, "rules"), k, rule)
		{
			const char *code = text_of(rule, "code");

			assert_true(text_of(rule, "article")[0] != '\0');
			if (code[0] != '\0' && err_by_name(code) == ERR_COUNT)
				fail_msg("no refusal is called %s", code);
			if (complete)
				assert_true(json_array_size(json_object_get(rule, "enforced")) > 0);
			json_array_foreach(json_object_get(rule, "enforced"), m, place)
			{
				if (access(json_string_value(place), R_OK) != 0)
					fail_msg("there is no %s", json_string_value(place));
			}
		}
	}
}

/* I-18: by the date of the act. */
static void rules_of_a_time(void **state)
{
	static const char *const at[][2] = {{"2024-10-31T15:59:59Z", "2009"},
	                                    {"2024-10-31T16:00:00Z", "2024"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		AUTO_JSON(o, json_of(RUN("rules", "list", "--at", at[i][0], "--json"), CLI_OK));
		const json_t *sets = json_object_get(o, "sets");

		assert_int_equal(json_array_size(sets), 1);
		assert_string_equal(text_of(json_array_get(sets, 0), "set"), at[i][1]);
	}
	EXPECT(CLI_NOTFOUND, "rules", "list", "--at", "2009-10-31T15:59:59Z");
	EXPECT(CLI_OK, "rules", "list", "--lang", "en");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_table),
	        cmocka_unit_test(the_earliest_lawful_day),
	        cmocka_unit_test(reads_a_register),
	        cmocka_unit_test(every_field),
	        cmocka_unit_test(lists_states_at_a_time),
	        cmocka_unit_test(explains),
	        cmocka_unit_test(rules_name_places_that_exist),
	        cmocka_unit_test(rules_of_a_time),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
