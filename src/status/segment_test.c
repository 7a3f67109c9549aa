/* Segments and what came after them (R21.9): found as they were written, damage is noticed before it is
 * believed, the newest word counts. */
#include "status/journal.h"
#include "status/table.h"

#include "base/auto.h"
#include "base/rc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define MANY 30000
#define NAMES "sm2 ecdsa "

static char folder[64], path[96];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/yd-segment-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/status.segment", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static struct table_entry entry(unsigned n)
{
	struct table_entry e = {.len = (uint8_t)(n % 2 == 0 ? 16 : 20), .issuer = (uint8_t)(n % 3)};

	e.serial[0] = 0x5a;
	for (unsigned i = 0; i < 4; i++)
		e.serial[e.len - 4 + i] = (uint8_t)(n >> (24 - 8 * i));
	if (n % 7 == 0) {
		e.revoked = 1;
		e.reason = (uint8_t)(n % 5);
		e.revoked_at = 1700000000 + n;
	}
	return e;
}

static void write_segment(unsigned n, uint64_t position)
{
	AUTO(segment_builder, b, NULL);

	assert_true(rc_ok(segment_begin(path, &b)));
	for (unsigned i = 0; i < n; i++) {
		struct table_entry e = entry(i);
		assert_true(rc_ok(segment_add(b, &e)));
	}
	assert_true(rc_ok(segment_end(b, NAMES, position)));
}

static void what_was_written_is_found(void **state)
{
	static const unsigned sizes[] = {0, 1, 100, MANY};

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		AUTO(segment, s, NULL);

		write_segment(sizes[k], 77 + k);
		assert_true(rc_ok(segment_open(path, NAMES, &s)));
		assert_int_equal(segment_count(s), sizes[k]);
		assert_int_equal(segment_position(s), 77 + k);
		for (unsigned i = 0; i < 2 * sizes[k] + 10; i++) {
			struct table_entry want = entry(i);
			const struct table_entry *e =
			        segment_find(s, want.issuer, slice_of(want.serial, want.len));

			assert_int_equal(e != NULL, i < sizes[k]);
			if (e != NULL)
				assert_memory_equal(e, &want, sizeof(want));
			assert_null(segment_find(s, 9, slice_of(want.serial, want.len)));
		}
	}
}

static void change_byte(long at)
{
	int fd = open(path, O_RDWR);
	uint8_t c;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 0x10;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

static enum rc_code open_code(const char *names)
{
	AUTO(segment, s, NULL);

	return segment_open(path, names, &s).code;
}

/* Point 6 of the order: a damaged store is found at the start. */
static void damage_is_found(void **state)
{
	struct stat st;

	(void)state;
	write_segment(MANY, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(open_code(NAMES), RC_OK);
	for (long at = 0; at < st.st_size; at += st.st_size / 97) {
		/* between the head and the entries nothing lies */
		if (at >= 1200 && at < 4096)
			continue;
		change_byte(at);
		assert_int_equal(open_code(NAMES), RC_CRYPTO);
		change_byte(at);
	}
	assert_int_equal(open_code(NAMES), RC_OK);
	assert_int_equal(open_code("sm2 "), RC_NOTFOUND);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_int_equal(open_code(NAMES), RC_CRYPTO);
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(open_code(NAMES), RC_CRYPTO);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_code(NAMES), RC_NOTFOUND);
}

/* Base, frozen and fresh say different things of one certificate: the newest counts, before and after they
 * become one segment. */
static void the_newest_word_counts(void **state)
{
	struct segment *base = NULL, *next = NULL;
	AUTO(segment_builder, b, NULL);
	struct table_entry e, got;
	struct table t;

	(void)state;
	write_segment(1000, 5);
	assert_true(rc_ok(table_init(&t)));
	assert_true(rc_ok(segment_open(path, NAMES, &base)));
	assert_true(rc_ok(table_restart(&t, base)));
	assert_int_equal(table_count(&t), 1000);
	e = entry(1);
	e.revoked = 1;
	e.reason = 6;
	assert_true(rc_ok(table_put(&t, &e)));
	e = entry(2000);
	assert_true(rc_ok(table_put(&t, &e)));
	assert_int_equal(table_count(&t), 1001);
	assert_true(rc_ok(table_freeze(&t)));
	assert_int_equal(table_fresh(&t), 0);
	assert_false(rc_ok(table_freeze(&t)));
	e = entry(1);
	assert_true(rc_ok(table_put(&t, &e))); /* released again */
	assert_true(rc_ok(segment_begin(path, &b)));
	assert_true(rc_ok(table_write(&t, b)));
	assert_true(rc_ok(segment_end(b, NAMES, 6)));
	assert_true(rc_ok(segment_open(path, NAMES, &next)));
	assert_int_equal(segment_count(next), 1001);
	assert_int_equal(segment_find(next, e.issuer, slice_of(e.serial, e.len))->revoked, 1);
	table_settle(&t, next);
	assert_int_equal(table_count(&t), 1001);
	assert_true(table_find(&t, e.issuer, slice_of(e.serial, e.len), &got));
	assert_int_equal(got.revoked, 0);
	e = entry(2000);
	assert_true(table_find(&t, e.issuer, slice_of(e.serial, e.len), &got));
	e = entry(2001);
	assert_false(table_find(&t, e.issuer, slice_of(e.serial, e.len), &got));
	table_wipe(&t);
}

static struct rc count_one(void *arg, const struct table_entry *e)
{
	struct table_entry want = entry(*(unsigned *)arg);

	assert_memory_equal(e, &want, sizeof(want));
	++*(unsigned *)arg;
	return OK;
}

/* Frames count up to where the database is, without gap, and not beyond what is whole. */
static void the_journal_is_read_as_far_as_it_is_sound(void **state)
{
	struct table_entry e[10];
	uint64_t position;
	unsigned n = 0;
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		e[i] = entry(i);
	assert_true(rc_ok(journal_add(path, 100, 110, e, 4)));
	assert_true(rc_ok(journal_add(path, 110, 111, e + 4, 0)));
	assert_true(rc_ok(journal_add(path, 111, 120, e + 4, 6)));
	position = 100;
	assert_true(rc_ok(journal_read(path, &position, 120, count_one, &n)));
	assert_int_equal(position, 120);
	assert_int_equal(n, 10);
	/* from within; not beyond the end */
	position = 110;
	n = 4;
	assert_true(rc_ok(journal_read(path, &position, 119, count_one, &n)));
	assert_int_equal(position, 111);
	/* a gap */
	position = 99;
	assert_true(rc_ok(journal_read(path, &position, 120, count_one, &n)));
	assert_int_equal(position, 99);
	/* cut off, damaged */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	position = 100;
	n = 0;
	assert_true(rc_ok(journal_read(path, &position, 120, count_one, &n)));
	assert_int_equal(position, 111);
	change_byte(40);
	position = 100;
	assert_true(rc_ok(journal_read(path, &position, 120, count_one, &n)));
	assert_int_equal(position, 100);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes < l.rlim_max ? bytes : l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* Point 6 of the order, disk full: an error, and the segment of before is still whole. */
static void without_room_the_old_segment_stays(void **state)
{
	AUTO(segment_builder, b, NULL);
	AUTO(segment, s, NULL);
	struct table_entry e = entry(1);
	char journal[112];
	struct rc rc = OK;

	(void)state;
	write_segment(1000, 5);
	(void)signal(SIGXFSZ, SIG_IGN);
	limit_files(200000);
	assert_true(rc_ok(segment_begin(path, &b)));
	for (unsigned i = 0; i < MANY && rc_ok(rc); i++) {
		e = entry(i);
		rc = segment_add(b, &e);
	}
	if (rc_ok(rc))
		rc = segment_end(b, NAMES, 6);
	assert_int_equal(rc.code, RC_BUSY);
	segment_abandon(b);
	b = NULL;
	limit_files(0);
	(void)snprintf(journal, sizeof(journal), "%s.journal", path);
	assert_int_equal(journal_add(journal, 5, 6, &e, 1).code, RC_BUSY);
	limit_files(RLIM_INFINITY);
	(void)unlink(journal);
	assert_true(rc_ok(segment_open(path, NAMES, &s)));
	assert_int_equal(segment_count(s), 1000);
	assert_int_equal(segment_position(s), 5);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(what_was_written_is_found),
	        CASE(damage_is_found),
	        CASE(the_newest_word_counts),
	        CASE(without_room_the_old_segment_stays),
	        CASE(the_journal_is_read_as_far_as_it_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
