/* The copy in files: kept over a restart, made again when it is damaged or tells something else than the
 * database (R21.9, point 6 of the order: corrupted store found at start and rebuilt). */
#include "../../tests/lib/status_world.h"

#include <fcntl.h>

static void file_of(const char *name, char ret[160])
{
	(void)snprintf(ret, 160, "%.100s/shifan/status/%.40s", world.dir, name);
}

static void expect_all_known(void)
{
	uint8_t good[] = {GOOD >> 8, GOOD & 255}, revoked[] = {REVOKED >> 8, REVOKED & 255};
	uint8_t never[] = {NEVER >> 8, NEVER & 255};
	struct table_entry e;

	assert_int_equal(table_count(&status_of()->table), 2);
	assert_true(table_find(&status_of()->table, 0, SLICE_ARR(good), &e));
	assert_int_equal(e.revoked, 0);
	assert_true(table_find(&status_of()->table, 0, SLICE_ARR(revoked), &e));
	assert_int_equal(e.revoked, 1);
	assert_int_equal(e.reason, REASON_KEY_COMPROMISE);
	assert_false(table_find(&status_of()->table, 0, SLICE_ARR(never), &e));
}

static void restart(void)
{
	stop_status();
	set_down(true);
	start_status();
}

static void a_restart_reads_segment_and_journal(void **state)
{
	(void)state;
	restart();
	expect_all_known();
	/* nothing was made again: all came from the journal */
	assert_int_equal(table_fresh(&status_of()->table), 2);
	set_down(false);
	world_until(status_age(status_of()) < 5);
}

static void damage(const char *name, long at)
{
	char path[160];
	uint8_t c = 0;
	int fd;

	file_of(name, path);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

static bool in_base(void)
{
	return status_of()->table.base != NULL && segment_count(status_of()->table.base) == 2;
}

/* Each time the database fills a new segment. */
static void what_is_damaged_is_made_again(void **state)
{
	char path[160];

	(void)state;
	stop_status();
	damage("status.segment", 20);
	set_down(true);
	start_status();
	expect_all_known();
	assert_true(in_base());
	stop_status();
	damage("status.segment", 4096 + 40);
	start_status();
	expect_all_known();
	assert_true(in_base());
	stop_status();
	file_of("status.segment", path);
	assert_int_equal(unlink(path), 0);
	start_status();
	expect_all_known();
	assert_true(in_base());
	set_down(false);
}

static void a_journal_that_ends_early_is_not_enough(void **state)
{
	char path[160];

	(void)state;
	stop_status();
	file_of("status.journal", path);
	assert_int_equal(truncate(path, 10), 0);
	set_down(true);
	start_status();
	expect_all_known();
	assert_true(in_base());
	set_down(false);
	world_until(status_age(status_of()) < 5);
	/* and goes on from there */
	issue(NEVER);
	world_until(table_count(&status_of()->table) == 3);
	restart();
	assert_int_equal(table_count(&status_of()->table), 3);
	assert_int_equal(table_fresh(&status_of()->table), 1);
	set_down(false);
}

/* Where a next segment was being made, two journals lie there. */
static void an_interrupted_merge_is_no_loss(void **state)
{
	char from[160], to[160];

	(void)state;
	stop_status();
	file_of("status.journal", from);
	file_of("status.journal.old", to);
	assert_int_equal(rename(from, to), 0);
	set_down(true);
	start_status();
	expect_all_known();
	assert_int_not_equal(access(to, F_OK), 0);
	set_down(false);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_restart_reads_segment_and_journal),
	        CASE(what_is_damaged_is_made_again),
	        CASE(a_journal_that_ends_early_is_not_enough),
	        CASE(an_interrupted_merge_is_no_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
