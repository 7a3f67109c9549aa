#include "db/db.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/embed.h"
#include "base/mem.h"
#include "../../tests/lib/pgsql_server.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32], path[PGSQL_URL];
static bool pgsql; /* the cases run once over each database */
static struct db_faults faults;

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/yd-db-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

/* Each test starts with a database of its own. */
static void fresh(void)
{
	static int n;

	if (pgsql)
		pgsql_fresh(path);
	else
		(void)snprintf(path, sizeof(path), "%s/%d.db", dir, n++);
	faults = (struct db_faults){0};
}

static const char table[] = "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER, b BLOB) STRICT";

/* ---- the contract: the same over every driver ---- */

static void bind_and_read(struct db *db)
{
	static const uint8_t bytes[] = {0, 1, 0, 255};
	AUTO(db_rows, q, NULL);
	int64_t n = 0;
	uint8_t out[4];
	bool row = false;

	assert_ok(db_script(db, table));
	/* $2 stands first */
	assert_ok(db_run(db, &n, "INSERT INTO t (n, b, k) VALUES ($2, $3, $1)",
	                 DB_ARGS(DB_CSTR("a"), DB_INT(INT64_MIN), DB_BLOB(SLICE_ARR(bytes)))));
	assert_int_equal(n, 1);
	assert_ok(db_run(db, NULL, "INSERT INTO t (k, n, b) VALUES ($1, $2, $3)",
	                 DB_ARGS(DB_TEXT(SLICE_NONE), DB_NULL, DB_BLOB(SLICE_NONE))));
	assert_ok(db_query(db, &q, "SELECT k, n, b FROM t ORDER BY k DESC", DB_NOARGS));
	assert_ok(db_next(q, &row));
	assert_true(row);
	assert_true(slice_is(db_text(q, 0), "a"));
	assert_true(db_int(q, 1) == INT64_MIN);
	assert_ok(db_bytes(q, 2, out, 4));
	assert_memory_equal(out, bytes, 4);
	assert_rc(db_bytes(q, 2, out, 3), RC_BUG);
	assert_ok(db_next(q, &row));
	assert_true(row);
	assert_int_equal(db_text(q, 0).len, 0);
	assert_false(db_is_null(q, 0));
	assert_true(db_is_null(q, 1));
	assert_int_equal(db_int(q, 1), 0);
	assert_int_equal(db_blob(q, 2).len, 0);
	assert_ok(db_next(q, &row));
	assert_false(row);
}

static void constraints_conflict(struct db *db)
{
	int64_t n = 0;

	assert_rc(db_run(db, NULL, "INSERT INTO t (k) VALUES ('a')", DB_NOARGS), RC_CONFLICT);
	assert_rc(db_run(db, NULL, "INSERT INTO t (k, n) VALUES ('x', 'not a number')", DB_NOARGS),
	          RC_CONFLICT);
	assert_ok(db_run(db, &n, "INSERT INTO t (k) VALUES ('a') ON CONFLICT (k) DO NOTHING", DB_NOARGS));
	assert_int_equal(n, 0);
	assert_rc(db_scalar(db, &n,
	                    "INSERT INTO t (k, n) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING RETURNING n",
	                    DB_ARGS(DB_CSTR("a"), DB_INT(1))),
	          RC_NOTFOUND);
	assert_ok(db_scalar(db, &n,
	                    "INSERT INTO t (k, n) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING RETURNING n",
	                    DB_ARGS(DB_CSTR("new"), DB_INT(5))));
	assert_int_equal(n, 5);
	assert_rc(db_run(db, NULL, "SELEKT", DB_NOARGS), RC_BUG);
	assert_rc(db_run(db, NULL, "SELECT 1", DB_ARGS(DB_INT(1))), RC_BUG); /* no such parameter */
}

/* The cache: the same text twice at once, and more texts than it holds. */
static void statements(struct db *db)
{
	AUTO(db_rows, a, NULL);
	AUTO(db_rows, b, NULL);
	struct db_rows *open[DB_CACHED + 10] = {NULL};
	bool row = false;
	size_t i;

	assert_ok(db_query(db, &a, "SELECT k FROM t WHERE k = $1", DB_ARGS(DB_CSTR("a"))));
	assert_ok(db_query(db, &b, "SELECT k FROM t WHERE k = $1", DB_ARGS(DB_CSTR("new"))));
	assert_ok(db_next(a, &row));
	assert_ok(db_next(b, &row));
	assert_true(slice_is(db_text(a, 0), "a"));
	assert_true(slice_is(db_text(b, 0), "new"));
	for (i = 0; i < 3 * DB_CACHED; i++) {
		char sql[32];
		int64_t n = 0;

		(void)snprintf(sql, sizeof(sql), "SELECT %zu", i);
		assert_ok(db_scalar(db, &n, sql, DB_NOARGS));
		assert_int_equal(n, i);
	}
	for (i = 0; i < DB_CACHED + 10; i++) {
		assert_ok(db_query(db, &open[i], "SELECT $1", DB_ARGS(DB_INT(i))));
		assert_ok(db_next(open[i], &row));
	}
	for (i = 0; i < DB_CACHED + 10; i++) {
		assert_int_equal(db_int(open[i], 0), i);
		db_rows_free(open[i]);
	}
}

static void transactions(struct db *db)
{
	int64_t n = 0;

	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(db_run(db, NULL, "DELETE FROM t", DB_NOARGS));
	assert_ok(db_verb(db, DB_ROLLBACK));
	assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM t", DB_NOARGS));
	assert_int_equal(n, 3);
	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(db_verb(db, DB_SAVEPOINT));
	assert_ok(db_run(db, NULL, "DELETE FROM t", DB_NOARGS));
	assert_ok(db_verb(db, DB_ROLLBACK_TO));
	assert_ok(db_verb(db, DB_SAVEPOINT));
	assert_ok(db_run(db, NULL, "DELETE FROM t WHERE k = 'a'", DB_NOARGS));
	assert_ok(db_verb(db, DB_RELEASE));
	assert_ok(db_verb(db, DB_COMMIT));
	assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM t", DB_NOARGS));
	assert_int_equal(n, 2);
	assert_ok(db_verb(db, DB_ROLLBACK)); /* outside of a transaction: nothing */
}

static void contract(void **state)
{
	int faulty;

	(void)state;
	for (faulty = 0; faulty < 2; faulty++) {
		AUTO(db, db, NULL);

		fresh();
		if (faulty != 0)
			assert_ok(db_open_faulty(path, &faults, &db));
		else
			assert_ok(db_open(path, false, &db));
		bind_and_read(db);
		constraints_conflict(db);
		statements(db);
		transactions(db);
	}
}

/* R24.4: what names persons is sealed where it lies; changed, moved under another key or read without one, it
 * is refused; what is from before stays readable. */
static void sealed_columns(void **state)
{
	AUTO(db, db, NULL);
	AUTO(secret, key, secret_new(16));
	AUTO(secret, other, secret_new(16));
	struct db_seal seal = {.key = NULL};
	AUTO(db_rows, q, NULL);
	AUTO_BUF(b, 64);
	bool row;

	(void)state;
	fresh();
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, table));
	assert_ok(db_run(db, NULL, "INSERT INTO t (k, b) VALUES ('old', $1)",
	                 DB_ARGS(DB_SEALED(SLICE_LIT("110101199003074477")))));
	db_seal_with(db, &seal);
	assert_int_equal(db_run(db, NULL, "INSERT INTO t (k, b) VALUES ('new', $1)",
	                        DB_ARGS(DB_SEALED(SLICE_LIT("110101199003074477"))))
	                         .code,
	                 RC_BUSY);
	seal.key = key;
	memset(other->p, 1, 16);
	assert_ok(db_run(db, NULL, "INSERT INTO t (k, b) VALUES ('new', $1)",
	                 DB_ARGS(DB_SEALED(SLICE_LIT("110101199003074477")))));
	assert_ok(db_query(db, &q, "SELECT b FROM t ORDER BY k", DB_NOARGS));
	assert_ok(db_next(q, &row));
	assert_null(memmem(db_blob(q, 0).p, db_blob(q, 0).len, "1101", 4));
	assert_ok(db_sealed(q, 0, &b));
	assert_true(slice_is(buf_slice(&b), "110101199003074477"));
	seal.key = other;
	assert_false(rc_ok(db_sealed(q, 0, &b)));
	assert_int_equal(rc_last()->err, ERR_DATABASE_DAMAGED);
	seal.key = NULL;
	assert_int_equal(db_sealed(q, 0, &b).code, RC_BUSY);
	buf_clear(&b);
	assert_ok(db_next(q, &row));
	assert_ok(db_sealed(q, 0, &b));
	assert_true(slice_is(buf_slice(&b), "110101199003074477"));
}

/* Rows are taken as they come; statements between them do not disturb. */
static void large_results_and_others_between(void **state)
{
	AUTO(db, db, NULL);
	AUTO(db_rows, a, NULL);
	AUTO(db_rows, b, NULL);
	static const uint8_t big[4096];
	bool row = false;
	int64_t i, n = 0;

	(void)state;
	fresh();
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, table));
	assert_ok(db_verb(db, DB_BEGIN));
	for (i = 0; i < 3000; i++) {
		char key[8];

		(void)snprintf(key, sizeof(key), "%04d", (int)i);
		assert_ok(db_run(db, NULL, "INSERT INTO t (k, n, b) VALUES ($1, $2, $3)",
		                 DB_ARGS(DB_CSTR(key), DB_INT(i), DB_BLOB(SLICE_ARR(big)))));
	}
	assert_ok(db_verb(db, DB_COMMIT));
	assert_ok(db_query(db, &a, "SELECT k, n, b FROM t ORDER BY k", DB_NOARGS));
	assert_ok(db_query(db, &b, "SELECT n FROM t WHERE n < $1 ORDER BY k DESC", DB_ARGS(DB_INT(2000))));
	for (i = 0; i < 3000; i++) {
		assert_ok(db_next(a, &row));
		assert_true(row);
		assert_int_equal(db_int(a, 1), i);
		if (i >= 500 && i < 2500) {
			assert_ok(db_next(b, &row));
			assert_int_equal(db_int(b, 0), 2499 - i);
		}
		if (i % 700 == 699) {
			assert_ok(
			        db_scalar(db, &n, "SELECT count(*) FROM t WHERE n < $1", DB_ARGS(DB_INT(i))));
			assert_int_equal(n, i);
		}
		assert_int_equal(db_int(a, 1), i);
		assert_int_equal(db_blob(a, 2).len, sizeof(big));
	}
	assert_ok(db_next(a, &row));
	assert_false(row);
	assert_ok(db_next(b, &row));
	assert_false(row);
	/* left in the middle */
	db_rows_free(MOVE(a));
	assert_ok(db_query(db, &a, "SELECT k, n, b FROM t ORDER BY k", DB_NOARGS));
	assert_ok(db_next(a, &row));
	db_rows_free(MOVE(a));
	assert_ok(db_scalar(db, &n, "SELECT count(*) FROM t", DB_NOARGS));
	assert_int_equal(n, 3000);
}

static void readers_see_one_moment(void **state)
{
	AUTO(db, db, NULL);
	AUTO(db, reader, NULL);
	int64_t n = 0;

	(void)state;
	fresh();
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, table));
	assert_ok(db_open(path, true, &reader));
	assert_false(rc_ok(db_run(reader, NULL, "DELETE FROM t", DB_NOARGS)));
	assert_ok(db_verb(reader, DB_BEGIN));
	assert_ok(db_scalar(reader, &n, "SELECT count(*) FROM t", DB_NOARGS));
	assert_ok(db_run(db, NULL, "INSERT INTO t (k) VALUES ('a')", DB_NOARGS));
	assert_ok(db_scalar(reader, &n, "SELECT count(*) FROM t", DB_NOARGS));
	assert_int_equal(n, 0);
	assert_ok(db_verb(reader, DB_COMMIT));
	assert_ok(db_scalar(reader, &n, "SELECT count(*) FROM t", DB_NOARGS));
	assert_int_equal(n, 1);
	assert_rc(db_verb(db, DB_COMMIT), RC_BUG);
	assert_ok(db_verb(db, DB_BEGIN));
	assert_rc(db_verb(db, DB_BEGIN), RC_BUG);
}

static void settings(void **state)
{
	AUTO(db, db, NULL);
	AUTO(db, reader, NULL);
	AUTO(db_rows, q, NULL);
	struct stat st;
	int64_t n = 0;
	bool row;

	(void)state;
	fresh();
	assert_rc(db_open(path, true, &reader), RC_NOTFOUND);
	assert_ok(db_open(path, false, &db));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(db_script(db, table));
	assert_ok(db_scalar(db, &n, "PRAGMA synchronous", DB_NOARGS));
	assert_int_equal(n, 2); /* FULL */
	assert_ok(db_scalar(db, &n, "PRAGMA page_size", DB_NOARGS));
	assert_int_equal(n, 8192);
	assert_ok(db_scalar(db, &n, "PRAGMA foreign_keys", DB_NOARGS));
	assert_int_equal(n, 1);
	assert_ok(db_query(db, &q, "PRAGMA journal_mode", DB_NOARGS));
	assert_ok(db_next(q, &row));
	assert_true(slice_is(db_text(q, 0), "wal"));
	assert_ok(db_open(path, true, &reader));
	assert_false(rc_ok(db_run(reader, NULL, "DELETE FROM t", DB_NOARGS)));
	assert_ok(db_scalar(reader, &n, "SELECT COUNT(*) FROM t", DB_NOARGS));
}

static void pool_lends_to_threads(void **state)
{
	struct db_pool *pool = NULL;
	int64_t n = 0;

	(void)state;
	fresh();
	AUTO(db, db, NULL);
	assert_ok(db_open(path, false, &db));
	assert_ok(db_script(db, table));
	assert_ok(db_pool_open(path, 2, &pool));
	{
		AUTO(db_lease, a, NULL);
		AUTO(db_lease, b, NULL);
		const struct db *first;

		assert_ok(db_pool_lease(pool, &a));
		assert_ok(db_pool_lease(pool, &b));
		assert_ptr_not_equal(a->db, b->db);
		assert_ok(db_scalar(a->db, &n, "SELECT COUNT(*) FROM t", DB_NOARGS));
		first = a->db;
		db_lease_free(MOVE(a));
		assert_ok(db_pool_lease(pool, &a));
		assert_ptr_equal(a->db, first);
	}
	db_pool_close(pool);
}

/* ---- trouble ---- */

static RC two_rows(struct db *db)
{
	TRY(db_verb(db, DB_BEGIN));
	TRY(db_run(db, NULL, "INSERT INTO t (k, n) VALUES ($1, 1)", DB_ARGS(DB_CSTR("first"))));
	TRY(db_verb(db, DB_SAVEPOINT));
	TRY(db_run(db, NULL, "INSERT INTO t (k, n) VALUES ($1, 1)", DB_ARGS(DB_CSTR("second"))));
	TRY(db_verb(db, DB_RELEASE));
	return db_verb(db, DB_COMMIT);
}

static int64_t rows_of(struct db *db)
{
	int64_t n = -1;

	assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM t", DB_NOARGS));
	return n;
}

/* Each call fails once, or loses its answer: never half a transaction, and the next try works. */
static void each_call_fails_once(void **state)
{
	unsigned long n;
	int uncertain;

	(void)state;
	for (uncertain = 0; uncertain < 2; uncertain++) {
		for (n = 1;; n++) {
			AUTO(db, db, NULL);
			struct rc rc;

			fresh();
			assert_ok(db_open_faulty(path, &faults, &db));
			assert_ok(db_script(db, table));
			faults = (struct db_faults){
			        .kinds = DB_CALL_ALL, .verb = -1, .at = n, .uncertain = uncertain != 0};
			rc = two_rows(db);
			faults.at = 0;
			if (rc_ok(rc))
				break;
			assert_ok(db_verb(db, DB_ROLLBACK));
			assert_true(rows_of(db) == 0 || (rows_of(db) == 2 && rc.code == RC_UNCERTAIN));
			if (rows_of(db) == 0)
				assert_ok(two_rows(db));
			assert_int_equal(rows_of(db), 2);
		}
		assert_int_equal(n, 10); /* 4 verbs, 1 prepare, 2 bind, 2 step */
	}
}

static const struct embedded first_files[] = {
        {"migrations/common/001_a.sql", SLICE_LIT("CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);")},
        {"migrations/other/001_no.sql", SLICE_LIT("CREATE TABLE no (x INTEGER);")},
        {"migrations/role/001_b.sql", SLICE_LIT("CREATE TABLE b (x INTEGER);")},
        {0},
};
static const struct embedded more_files[] = {
        {"migrations/common/001_a.sql", SLICE_LIT("CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);")},
        {"migrations/role/001_b.sql", SLICE_LIT("CREATE TABLE b (x INTEGER);")},
        {"migrations/role/002_c.sql", SLICE_LIT("INSERT INTO b SELECT x FROM a;")},
        {0},
};
static const struct embedded changed_files[] = {
        {"migrations/common/001_a.sql", SLICE_LIT("CREATE TABLE a (y INTEGER); INSERT INTO a VALUES (1);")},
        {0},
};
static const struct embedded broken_files[] = {
        {"migrations/role/003_d.sql", SLICE_LIT("INSERT INTO b VALUES (9); SELEKT;")},
        {0},
};

static void migrations(void **state)
{
	AUTO(db, db, NULL);
	int64_t n = 0;

	(void)state;
	fresh();
	assert_ok(db_open(path, false, &db));
	assert_ok(db_migrate_from(db, first_files, "role"));
	assert_ok(db_migrate_from(db, first_files, "role"));
	assert_rc(db_run(db, NULL, "SELECT * FROM no", DB_NOARGS), RC_BUG);
	assert_ok(db_migrate_from(db, more_files, "role"));
	assert_ok(db_migrate_from(db, more_files, "role"));
	assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM b", DB_NOARGS));
	assert_int_equal(n, 1);
	assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM migration", DB_NOARGS));
	assert_int_equal(n, 3);
	assert_rc(db_migrate_from(db, changed_files, "role"), RC_CONFLICT);
	assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM b", DB_NOARGS));
	assert_int_equal(n, 1);
	/* a program from before those files came does not touch what they made */
	assert_rc(db_migrate_from(db, first_files, "role"), RC_CONFLICT);
	assert_int_equal(rc_last()->err, ERR_DATA_NEWER);
}

static void a_broken_migration_is_named(void **state)
{
	AUTO(db, db, NULL);

	(void)state;
	fresh();
	assert_ok(db_open(path, false, &db));
	assert_rc(db_migrate_from(db, broken_files, "role"), RC_BUG);
	assert_non_null(strstr(rc_last()->text, "003_d.sql"));
}

static void migrations_survive_any_failure(void **state)
{
	unsigned long n;
	int uncertain;

	(void)state;
	for (uncertain = 0; uncertain < 2; uncertain++) {
		bool failed = true;

		for (n = 1; failed; n++) {
			AUTO(db, db, NULL);
			int64_t rows = 0;

			fresh();
			assert_ok(db_open_faulty(path, &faults, &db));
			faults = (struct db_faults){
			        .kinds = DB_CALL_ALL, .verb = -1, .at = n, .uncertain = uncertain != 0};
			failed = !rc_ok(db_migrate_from(db, more_files, "role"));
			faults.at = 0;
			assert_ok(db_migrate_from(db, more_files, "role"));
			assert_ok(db_scalar(db, &rows, "SELECT COUNT(*) FROM b", DB_NOARGS));
			assert_int_equal(rows, 1);
		}
		assert_true(n > 15);
	}
}

/* The files of this program: whatever the roles need, they apply to an empty database. */
static void embedded_migrations_apply(void **state)
{
	static const char *const roles[] = {NULL, "ca", "ra", "kmc", "status", "source", "vault", "register"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		AUTO(db, db, NULL);
		int64_t n = 0;

		fresh();
		assert_ok(db_open(path, false, &db));
		assert_ok(db_migrate(db, roles[i]));
		assert_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM log", DB_NOARGS));
	}
}

/* ---- out of memory, in our allocator and in SQLite's ---- */

static sqlite3_mem_methods original;
static _Thread_local unsigned long sqlite_left;

static bool sqlite_unlucky(void)
{
	return sqlite_left > 0 && --sqlite_left == 0;
}

static void *failing_malloc(int n)
{
	return sqlite_unlucky() ? NULL : original.xMalloc(n);
}

static void *failing_realloc(void *p, int n)
{
	return sqlite_unlucky() ? NULL : original.xRealloc(p, n);
}

static void torture(void **state)
{
	unsigned long n;
	int ours;

	(void)state;
	for (ours = 0; ours < 2; ours++) {
		unsigned failures = 0;

		for (n = 1; n < 2000; n++) {
			AUTO(db, db, NULL);
			struct rc rc;
			bool over;

			fresh();
			(void)(ours != 0 ? mem_fail_after(n) : (sqlite_left = n));
			rc = db_open(path, false, &db);
			if (rc_ok(rc))
				rc = db_script(db, table);
			if (rc_ok(rc))
				rc = two_rows(db);
			over = ours != 0 ? mem_fail_after(0) < n : sqlite_left > 0;
			sqlite_left = 0;
			if (over)
				break;
			failures += !rc_ok(rc);
			if (db != NULL && rc_ok(rc)) {
				assert_int_equal(rows_of(db), 2);
			} else if (db != NULL) {
				assert_ok(db_verb(db, DB_ROLLBACK));
				(void)rc_ok(db_script(db, table));
				assert_int_equal(rows_of(db), 0);
				assert_ok(two_rows(db));
			}
		}
		assert_true(n < 2000 && failures >= 5);
	}
}

static int sqlite_only(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(settings),
	        cmocka_unit_test(torture),
	};

	return cmocka_run_group_tests_name("sqlite alone", tests, NULL, NULL);
}

static int both(const char *name)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(contract),
	        cmocka_unit_test(sealed_columns),
	        cmocka_unit_test(large_results_and_others_between),
	        cmocka_unit_test(readers_see_one_moment),
	        cmocka_unit_test(pool_lends_to_threads),
	        cmocka_unit_test(each_call_fails_once),
	        cmocka_unit_test(migrations),
	        cmocka_unit_test(a_broken_migration_is_named),
	        cmocka_unit_test(migrations_survive_any_failure),
	        cmocka_unit_test(embedded_migrations_apply),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	sqlite3_mem_methods failing;
	int failed;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &original) != SQLITE_OK)
		return 1;
	failing = original;
	failing.xMalloc = failing_malloc;
	failing.xRealloc = failing_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK || make_dir(NULL) != 0)
		return 1;
	failed = both("sqlite") + sqlite_only();
	if (!pgsql_start()) {
		(void)fputs("skipped over PostgreSQL\n", stderr);
		return failed;
	}
	pgsql = true;
	failed += both("pgsql");
	pgsql_stop();
	return failed;
}
