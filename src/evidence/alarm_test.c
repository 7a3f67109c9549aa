#include "evidence/alarm.h"
#include "../../tests/lib/pgsql_server.h"

#include <stdio.h>
#include <stdlib.h>

static struct db_faults faults;
static struct writer *writer;
static struct db *reader;
static struct log *events;

static int start(void **state)
{
	char dir[] = "/tmp/yd-alarm-XXXXXX", file[64], path[PGSQL_URL];
	struct db *db = NULL;

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	faults = (struct db_faults){0};
	(void)snprintf(file, sizeof(file), "%s/data.db", dir);
	pgsql_place(path, file);
	if (!rc_ok(db_open_faulty(path, &faults, &db)) || !rc_ok(db_migrate(db, NULL)) ||
	    !rc_ok(db_open(path, true, &reader)) || !rc_ok(writer_open(db, &writer)) ||
	    !rc_ok(log_open(writer, reader, &events)))
		return -1;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	writer_close(writer);
	log_close(events);
	db_close(reader);
	return 0;
}

static const struct alarm kmc = {"kmc-unreachable", "keycentre/kmc", ALARM_CRITICAL, "no answer for 30 s"};
static const struct alarm disk = {"disk", "data", ALARM_NOTICE, "90 % full"};
static int64_t last_id;

static RC raise_it(struct db_tx *tx, void *arg)
{
	const struct alarm *const *a = arg;

	return alarm_raise(events, tx, *a, &last_id);
}

static RC clear_it(struct db_tx *tx, void *arg)
{
	const struct alarm *const *a = arg;

	return alarm_clear(events, tx, (*a)->kind, (*a)->subject);
}

static RC acknowledge(struct db_tx *tx, void *arg)
{
	return alarm_acknowledge(events, tx, *(int64_t *)arg, "shifan/auditor");
}

static RC with(writer_fn *fn, const struct alarm *a)
{
	return writer_run(writer, fn, &a);
}

static int64_t open_alarms(void)
{
	int64_t n = -1;

	assert_ok(alarm_count(reader, &n));
	return n;
}

static void kind_is(uint64_t index, const char *want)
{
	AUTO_JSON(list, NULL);

	assert_ok(log_read(reader, index, 1, &list));
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(json_array_get(list, 0), "entry"), "kind")),
	        want);
}

static void a_life(void **state)
{
	AUTO_JSON(list, NULL);
	int64_t first, other = 99;
	const json_t *o;

	(void)state;
	assert_ok(with(raise_it, &kmc));
	first = last_id;
	assert_ok(with(raise_it, &kmc));
	assert_true(last_id == first); /* counted, not raised anew */
	assert_ok(with(raise_it, &disk));
	assert_true(last_id != first);
	assert_int_equal(open_alarms(), 2);
	assert_true(log_size(events) == 2);
	assert_ok(writer_run(writer, acknowledge, &first));
	assert_rc(writer_run(writer, acknowledge, &first), RC_CONFLICT);
	assert_rc(writer_run(writer, acknowledge, &other), RC_NOTFOUND);
	assert_ok(with(clear_it, &kmc));
	assert_ok(with(clear_it, &kmc));
	assert_int_equal(open_alarms(), 1);
	kind_is(0, "alarm-raised");
	kind_is(2, "alarm-acknowledged");
	kind_is(3, "alarm-cleared");
	assert_true(log_size(events) == 4);
	assert_ok(with(raise_it, &kmc)); /* a new one */
	assert_true(last_id != first);
	assert_ok(alarm_list(reader, false, 0, 10, &list));
	assert_int_equal(json_array_size(list), 3);
	o = json_array_get(list, 2); /* newest first */
	assert_int_equal(json_integer_value(json_object_get(o, "id")), first);
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 2);
	assert_string_equal(json_string_value(json_object_get(o, "level")), "critical");
	assert_string_equal(json_string_value(json_object_get(o, "acknowledged_by")), "shifan/auditor");
	assert_non_null(json_object_get(o, "cleared_at"));
	assert_null(json_object_get(json_array_get(list, 0), "cleared_at"));
}

static void listing(void **state)
{
	AUTO_JSON(open, NULL);
	AUTO_JSON(page, NULL);
	AUTO_JSON(rest, NULL);
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_ok(with(raise_it, &kmc));
		assert_ok(with(clear_it, &kmc));
	}
	assert_ok(with(raise_it, &disk));
	assert_ok(alarm_list(reader, true, 0, 10, &open));
	assert_int_equal(json_array_size(open), 1);
	assert_ok(alarm_list(reader, false, 0, 4, &page));
	assert_int_equal(json_array_size(page), 4);
	assert_ok(alarm_list(reader, false,
	                     json_integer_value(json_object_get(json_array_get(page, 3), "id")), 10, &rest));
	assert_int_equal(json_array_size(rest), 2);
	assert_rc(alarm_list(reader, false, 0, ALARM_LIST_MAX + 1, &rest), RC_INPUT);
}

/* Table and log agree, whichever call fails. */
static void no_alarm_without_its_entry(void **state)
{
	struct rc rc = {RC_BUG};
	unsigned long n;

	(void)state;
	for (n = 1; !rc_ok(rc); n++) {
		faults = (struct db_faults){.kinds = DB_CALL_ALL, .verb = -1, .at = n};
		rc = with(raise_it, &kmc);
		faults.at = 0;
		assert_true(log_size(events) == (uint64_t)open_alarms());
		assert_int_equal(open_alarms(), rc_ok(rc) ? 1 : 0);
	}
	assert_true(n > 10);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {CASE(a_life), CASE(listing), CASE(no_alarm_without_its_entry)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
