/* Heads of the own log and of others' (R12.4): kept in order, the same one once, and no failing database call
 * goes unnoticed or leaves half a change. */
#include "../../tests/lib/fault_walk.h"

#include "instance/heads.h"

static struct head_row row_of(uint64_t size, int64_t at)
{
	struct head_row h = {.head = {.size = size, .root = {(uint8_t)size}}, .at = at, .statement = BUF(64)};

	buf_text(&h.statement, "statement");
	return h;
}

static RC put(struct db *db, const char *log, uint64_t size, int64_t at)
{
	__attribute__((cleanup(head_row_free))) struct head_row h = row_of(size, at);

	return heads_put(db, log, &h);
}

static RC last_is(struct db *db, const char *log, uint64_t size, int64_t at)
{
	AUTO_HEAD(h);
	bool found;

	TRY(heads_last(db, log, &h, &found));
	NEED(found && h.head.size == size && h.at == at && h.head.root[0] == (uint8_t)size &&
	             slice_is(buf_slice(&h.statement), "statement"),
	     RC_BUG, "not that head");
	return OK;
}

static struct rc own(struct db *db)
{
	TRY(put(db, NULL, 9, 30));
	TRY(put(db, NULL, 9, 30));
	return last_is(db, NULL, 9, 30);
}

static struct rc anothers(struct db *db)
{
	TRY(put(db, "shifan/ra", 4, 10));
	TRY(put(db, "shifan/ca", 8, 20));
	return last_is(db, "shifan/ca", 8, 20);
}

static struct rc setup(struct db *db)
{
	TRY(put(db, NULL, 3, 10));
	TRY(put(db, NULL, 7, 20));
	TRY(put(db, "shifan/ca", 5, 10));
	return put(db, "shifan/ca", 5, 15);
}

static const struct walk_case cases[] = {{"own", own}, {"another's", anothers}};
static const struct walk walk = {"source", setup, cases, sizeof(cases) / sizeof(cases[0])};

static void every_call_fails_once(void **state)
{
	(void)state;
	walk_faults(&walk);
}

static void lists_go_from_the_largest(void **state)
{
	struct db *db = walk_database("source");
	AUTO_JSON(all, NULL);
	AUTO_JSON(some, NULL);
	AUTO_JSON(none, NULL);
	AUTO_HEAD(h);
	int64_t size;
	bool found;

	(void)state;
	walk_ok(heads_last(db, NULL, &h, &found));
	assert_false(found);
	walk_ok(setup(db));
	walk_ok(last_is(db, NULL, 7, 20));
	walk_ok(last_is(db, "shifan/ca", 5, 15));
	walk_ok(heads_list(db, NULL, 0, 10, &all));
	assert_int_equal(json_array_size(all), 2);
	walk_ok(json_get_int(json_array_get(all, 0), "size", 0, 100, &size));
	assert_int_equal(size, 7);
	walk_ok(heads_list(db, NULL, 7, 10, &some));
	assert_int_equal(json_array_size(some), 1);
	walk_ok(heads_list(db, "shifan/status", 0, 10, &none));
	assert_int_equal(json_array_size(none), 0);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_call_fails_once, walk_open_folder, walk_remove_folder),
	        cmocka_unit_test_setup_teardown(lists_go_from_the_largest, walk_open_folder,
	                                        walk_remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
