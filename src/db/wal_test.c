/* A log that a power cut has torn is taken, one that the disk has spoilt is not: every sector of a real log
 * is flipped in turn, and every length is cut. */
#include "base/check.h"
#include "base/text.h"
#include "db/db.h"
#include "db/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COMMITS 5

static char folder[] = "/tmp/yd-wal-XXXXXX", path[64], log_path[80];

/* The log of that many commits, as a killed process leaves it. */
static void make_log(struct buf *ret, size_t ends[COMMITS])
{
	AUTO(db, db, NULL);

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/data.db", folder);
	snprintf(log_path, sizeof(log_path), "%s-wal", path);
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)"));
	for (int i = 0; i < COMMITS; i++) {
		assert_ok(db_run(db, NULL, "INSERT INTO t(b) VALUES (zeroblob(20000))", DB_NOARGS));
		buf_clear(ret);
		assert_ok(file_read(log_path, 1 << 20, ret));
		ends[i] = ret->len;
	}
}

static void spoilt_and_torn(void **state)
{
	AUTO_BUF(log, 1 << 20);
	size_t ends[COMMITS], last;

	(void)state;
	make_log(&log, ends);
	last = ends[COMMITS - 2]; /* what follows is one transaction, which a cut may have torn */
	assert_true(ends[COMMITS - 1] > last);
	assert_false(wal_is_spoilt(buf_slice(&log)));
	for (size_t at = 0; at < log.len; at += 97) {
		log.p[at] ^= 1;
		if (wal_is_spoilt(buf_slice(&log)) != (at < last))
			fail_msg("byte %zu of %zu, last transaction from %zu", at, log.len, last);
		log.p[at] ^= 1;
	}
	for (size_t len = 0; len < log.len; len += 101)
		assert_false(wal_is_spoilt(slice_of(log.p, len)));
}

static void refused_by_name(void **state)
{
	static const char *const files[] = {"data.db", "data.db-wal", "data.db-shm"};
	AUTO_BUF(log, 1 << 20);
	char name[96];

	(void)state;
	assert_ok(wal_check(path)); /* there is none any more */
	snprintf(name, sizeof(name), "%s/data.db", folder);
	buf_add(&log, SLICE_LIT("neither a header nor a frame, but long enough for both of them....."));
	assert_ok(file_write(log_path, buf_slice(&log), 0600));
	assert_refused(wal_check(path), DATABASE_DAMAGED);
	assert_refused(db_check_file(path), DATABASE_DAMAGED);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", folder, files[i]);
		(void)unlink(name);
	}
	assert_refused(db_check_file(path), DATABASE_DAMAGED);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(spoilt_and_torn),
	                                   cmocka_unit_test(refused_by_name)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
