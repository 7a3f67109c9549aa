/* A running register whose host's clock is moved (C13, f.5): years ahead, a day back, ahead while it was
 * stopped. Nothing passes, nothing un-passes, nothing is told twice; two persons make the clock believed
 * again. */
#include "statement/testing.h"
/* base/check.h has the same, with the text of what was not expected */
#undef assert_ok
#undef assert_refused
#include "../../tests/lib/fault_walk.h"

#include "base/clock.h"
#include "base/text.h"
#include "deadline/run.h"

#define CASE                                                                                                 \
	"{\"case\":\"k\",\"events\":[{\"type\":\"rectification-ordered\",\"at\":\"2026-03-02T01:00:00Z\","   \
	"\"due\":\"2026-03-20\"}]}"

static struct world world;
static char page[sizeof(walk_folder) + 16];
static struct writer *writer;
static struct deadline_runner *runner;

static void set(const char *time)
{
	int64_t t;

	assert_ok(time_parse(slice_text(time), &t));
	assert_ok(clock_set(page, t));
}

static void start(void)
{
	assert_ok(writer_open(walk_database("register"), &writer));
	assert_ok(deadline_runner_new(writer, &deadline_policy_default, &runner));
}

static void stop(void)
{
	deadline_runner_free(runner);
	writer_close(writer);
}

static void state_is(const char *want, size_t told)
{
	struct db *db = walk_database("register");
	AUTO_JSON(o, NULL);

	walk_ok(deadline_store_show(db, "k/D18/1", &o));
	assert_string_equal(json_string_value(json_object_get(o, "state")), want);
	assert_int_equal(json_array_size(json_object_get(o, "notices")), told);
	db_close(db);
}

static void take_case(void)
{
	struct db *db = walk_database("register");
	AUTO(deadline_rules, rules, NULL);
	AUTO(deadline_case, k, NULL);
	AUTO(calendar, c, NULL);
	AUTO_JSON(file, json_loads(CASE, 0, NULL));
	int64_t set_id;

	assert_ok(deadline_rules_load("2009", &rules));
	assert_ok(calendar_builtin(&c));
	assert_ok(deadline_case_read(file, rules, c, &k));
	walk_ok(db_verb(db, DB_BEGIN));
	walk_ok(deadline_store_set(db, c, 1, &set_id));
	walk_ok(deadline_store_case(db, k, set_id, clock_now()));
	walk_ok(db_verb(db, DB_COMMIT));
	db_close(db);
}

static struct deadline_tick look(bool doubted)
{
	struct deadline_tick t = {0};

	assert_ok(deadline_run(runner, &t));
	assert_int_equal(t.doubted, doubted);
	return t;
}

static void attest(enum who who, const char *time, bool enough)
{
	AUTO_JSON(body, json_pack("{s:s,s:s,s:s}", "time", time, "source", "国家授时中心", "reason", "r"));
	struct statement_head h = world_head(&world, STATEMENT_TIME_ATTESTATION, who);
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	bool believed;

	assert_ok(statement_sign(&h, body, &world.key[who], &der));
	assert_ok(statement_open(buf_slice(&der), &s));
	assert_ok(deadline_attest(runner, s, &believed));
	assert_int_equal(believed, enough);
}

static void a_moved_clock_judges_nothing(void **state)
{
	(void)state;
	set("2026-03-10T01:00:00Z");
	start();
	take_case();
	(void)look(false);
	state_is("running", 0);
	set("2037-03-10T01:00:00Z");
	assert_true(look(true).newly);
	assert_false(look(true).newly);
	state_is("running", 0);
	stop(); /* a restart makes nothing believable */
	start();
	assert_false(look(true).newly);
	set("2026-03-10T02:00:00Z");
	(void)look(true);
	attest(W_CLERK, "2026-03-10T02:00:00Z", false);
	(void)look(true);
	attest(W_REVIEWER, "2026-03-10T02:00:00Z", true);
	(void)look(false);
	/* day by day until it is over */
	for (int day = 11; day <= 21; day++) {
		char time[24];

		snprintf(time, sizeof(time), "2026-03-%02dT01:00:00Z", day);
		set(time);
		(void)look(false);
	}
	state_is("overdue", 8);
	set("2026-03-19T01:00:00Z");
	assert_true(look(true).newly);
	state_is("overdue", 8);
	stop();
}

/* Stopped for some days: the clock is believed; for months: it is not. */
static void a_long_stop_is_attested(void **state)
{
	(void)state;
	set("2026-03-10T01:00:00Z");
	start();
	take_case();
	(void)look(false);
	stop();
	set("2026-03-16T01:00:00Z");
	start();
	(void)look(false);
	state_is("running", 2); /* five working days before */
	stop();
	set("2026-08-16T01:00:00Z");
	start();
	assert_true(look(true).newly);
	state_is("running", 2);
	stop();
}

static int setup(void **state)
{
	(void)state;
	world_setup(&world);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(&world);
	return 0;
}

static int open_page(void **state)
{
	if (walk_open_folder(state) != 0)
		return -1;
	snprintf(page, sizeof(page), "%s/clock", walk_folder);
	return rc_ok(clock_create(page)) && rc_ok(clock_open(page)) ? 0 : -1;
}

static int close_page(void **state)
{
	(void)unlink(page);
	return walk_remove_folder(state);
}

#define MOVED(f) cmocka_unit_test_setup_teardown(f, open_page, close_page)

int main(void)
{
	const struct CMUnitTest tests[] = {MOVED(a_moved_clock_judges_nothing),
	                                   MOVED(a_long_stop_is_attested)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
