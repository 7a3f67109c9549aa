/* R12.5: rows go from a file to PostgreSQL and back without a difference, and new ones go on after them. */
#include "../../tests/lib/pgsql_server.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[32];

static void rows_equal(struct db *a, struct db *b, const char *sql)
{
	AUTO(db_rows, p, NULL);
	AUTO(db_rows, q, NULL);
	bool more = true, also;

	assert_ok(db_query(a, &p, sql, DB_NOARGS));
	assert_ok(db_query(b, &q, sql, DB_NOARGS));
	for (;;) {
		assert_ok(db_next(p, &more));
		assert_ok(db_next(q, &also));
		assert_int_equal(more, also);
		if (!more)
			return;
		for (unsigned n = 0; n < 3; n++) {
			assert_int_equal(db_is_null(p, n), db_is_null(q, n));
			assert_true(db_int(p, n) == db_int(q, n));
			assert_true(slice_equal(db_text(p, n), db_text(q, n)));
		}
	}
}

static void open_vault(const char *url, struct db **ret)
{
	assert_ok(db_open(url, false, ret));
	assert_ok(db_migrate(*ret, "vault"));
}

static void fill(struct db *db)
{
	static const uint8_t bytes[] = {0, 255, 1, '\'', '\\'};

	assert_ok(db_run(db, NULL,
	                 "INSERT INTO record (id, key, log, class, at) VALUES (7, $1, $2, 'GOV', $3)",
	                 DB_ARGS(DB_BLOB(SLICE_ARR(bytes)), DB_CSTR("示范/ca"), DB_INT(INT64_MAX))));
	assert_ok(db_run(
	        db, NULL,
	        "INSERT INTO record (id, key, log, class, follows, at) VALUES (9, $1, '', 'PUBLIC', 7, 0)",
	        DB_ARGS(DB_BLOB(SLICE_LIT("k")))));
	assert_ok(db_run(
	        db, NULL,
	        "INSERT INTO certificate (ca, serial, record, part, sm3, not_after) VALUES ('sm2', $1, 9, "
	        "'sign', $1, -5)",
	        DB_ARGS(DB_BLOB(SLICE_ARR(bytes)))));
	assert_ok(db_run(db, NULL,
	                 "INSERT INTO lease (name, holder, epoch, beat) VALUES ('writer', 'here', 3, 1)",
	                 DB_NOARGS));
}

static void there_and_back(void **state)
{
	AUTO(db, file, NULL);
	AUTO(db, server, NULL);
	AUTO(db, again, NULL);
	char path[64], url[PGSQL_URL];
	int64_t n;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/a.db", dir);
	open_vault(path, &file);
	fill(file);
	pgsql_fresh(url);
	open_vault(url, &server);
	assert_ok(db_run(server, NULL, "INSERT INTO feed (name, next) VALUES ('gone', 1)", DB_NOARGS));
	assert_ok(db_copy(file, server));
	rows_equal(file, server, "SELECT id, key, follows FROM record ORDER BY id");
	rows_equal(file, server, "SELECT log, at, disposed_at FROM record ORDER BY id");
	rows_equal(file, server, "SELECT serial, not_after, ended_at FROM certificate ORDER BY serial");
	rows_equal(file, server, "SELECT name, next, leaf FROM feed");
	assert_ok(db_scalar(server, &n, "SELECT count(*) FROM lease", DB_NOARGS));
	assert_int_equal(n, 0);
	/* numbers that the database hands out follow those that came */
	assert_ok(db_scalar(server, &n,
	                    "INSERT INTO record (key, log, class, at) VALUES ($1, '', 'GOV', 1) RETURNING id",
	                    DB_ARGS(DB_BLOB(SLICE_LIT("next")))));
	assert_int_equal(n, 10);
	(void)snprintf(path, sizeof(path), "%s/b.db", dir);
	open_vault(path, &again);
	assert_ok(db_copy(server, again));
	rows_equal(server, again, "SELECT id, key, follows FROM record ORDER BY id");
	/* not between two of a kind */
	assert_int_equal(db_copy(file, again).code, RC_BUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back)};
	int failed;

	(void)snprintf(dir, sizeof(dir), "/tmp/yd-copy-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	if (!pgsql_start()) {
		(void)fputs("skipped\n", stderr);
		return 0;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgsql_stop();
	return failed;
}
