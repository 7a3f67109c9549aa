/* One writer among several hosts (design 9.1), over both databases.  Time is what the cases say it is. */
#include "db/lease.h"
#include "db/writer.h"
#include "../../tests/lib/pgsql_server.h"

#include <pthread.h>

static char dir[32], path[PGSQL_URL];
static bool pgsql;
static struct db *first, *second;
static struct lease a, b;

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/yd-lease-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int start(void **state)
{
	static int n;

	(void)state;
	if (pgsql)
		pgsql_fresh(path);
	else
		(void)snprintf(path, sizeof(path), "%s/%d.db", dir, n++);
	assert_ok(db_open(path, false, &first));
	assert_ok(db_migrate(first, NULL));
	assert_ok(db_run(first, NULL, "CREATE TABLE t (n INTEGER)", DB_NOARGS));
	assert_ok(db_open(path, false, &second));
	assert_ok(lease_init(&a, "host-a:/data"));
	assert_ok(lease_init(&b, "host-b:/data"));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	db_close(first);
	db_close(second);
	first = second = NULL;
	return 0;
}

static int64_t count(struct db *db)
{
	int64_t n = -1;

	assert_ok(db_scalar(db, &n, "SELECT count(*) FROM t", DB_NOARGS));
	return n;
}

/* A transaction as the writer makes it. */
static RC insert_under(struct db *db, struct lease *l)
{
	struct rc rc;

	TRY(db_verb(db, DB_BEGIN));
	rc = lease_touch(db, l);
	if (rc_ok(rc))
		rc = db_run(db, NULL, "INSERT INTO t (n) VALUES (1)", DB_NOARGS);
	if (rc_ok(rc))
		return db_verb(db, DB_COMMIT);
	struct rc_text why = *rc_last();
	TRY(db_verb(db, DB_ROLLBACK));
	return rc_restore(&why);
}

static void a_standby_takes_over_when_nothing_moves(void **state)
{
	(void)state;
	assert_ok(lease_take(first, &a, 5));
	assert_int_equal(a.epoch, 1);
	assert_rc(lease_take(second, &b, 1000), RC_BUSY);
	assert_rc(lease_take(second, &b, 1000 + LEASE_TTL_MS - 1), RC_BUSY);
	assert_ok(insert_under(first, &a)); /* it lives */
	assert_rc(lease_take(second, &b, 1000 + LEASE_TTL_MS), RC_BUSY);
	assert_rc(lease_take(second, &b, 1000 + 2 * LEASE_TTL_MS - 1), RC_BUSY);
	assert_ok(lease_take(second, &b, 1000 + 2 * LEASE_TTL_MS));
	assert_int_equal(b.epoch, 2);
	/* the first one comes back and finds itself fenced, for good */
	assert_rc(insert_under(first, &a), RC_BUSY);
	assert_int_equal(a.epoch, 0);
	assert_rc(insert_under(first, &a), RC_BUSY);
	assert_int_equal(count(second), 1);
	assert_ok(insert_under(second, &b));
	assert_int_equal(count(first), 2);
}

static void given_back_or_the_same_place(void **state)
{
	struct lease again;

	(void)state;
	assert_ok(lease_take(first, &a, 0));
	assert_ok(lease_give_back(first, &a));
	assert_ok(lease_take(second, &b, 0));
	assert_int_equal(b.epoch, 2);
	assert_ok(lease_init(&again, "host-b:/data")); /* the process that comes after a crash */
	assert_ok(lease_take(first, &again, 0));
	assert_int_equal(again.epoch, 3);
	assert_rc(insert_under(second, &b), RC_BUSY);
	assert_ok(lease_give_back(second, &b)); /* is not its own any more */
	assert_ok(insert_under(first, &again));
	assert_rc(lease_init(&again, ""), RC_INPUT);
}

static void *take_now(void *arg)
{
	*(struct rc *)arg = lease_take(second, &b, 1 + LEASE_TTL_MS);
	return NULL;
}

/* A holder that is only slow: who wants to take over in the middle of its transaction waits for the end of
 * that, and then sees that it lives. */
static void nobody_takes_over_inside_a_transaction(void **state)
{
	struct rc taken = OK;
	pthread_t t;

	(void)state;
	assert_ok(lease_take(first, &a, 0));
	assert_rc(lease_take(second, &b, 1), RC_BUSY);
	assert_ok(db_verb(first, DB_BEGIN));
	assert_ok(lease_touch(first, &a));
	assert_int_equal(pthread_create(&t, NULL, take_now, &taken), 0);
	assert_ok(db_run(first, NULL, "INSERT INTO t (n) VALUES (1)", DB_NOARGS));
	assert_ok(db_verb(first, DB_COMMIT));
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(taken.code, RC_BUSY);
	assert_ok(insert_under(first, &a));
}

static RC insert(struct db_tx *tx, void *arg)
{
	(void)arg;
	return db_run(tx->db, NULL, "INSERT INTO t (n) VALUES (2)", DB_NOARGS);
}

static void a_fenced_writer_writes_nothing(void **state)
{
	struct writer *one = NULL, *two = NULL;
	int i;

	(void)state;
	assert_ok(lease_take(first, &a, 0));
	assert_ok(writer_open(first, &one));
	first = NULL;
	writer_lease(one, &a);
	assert_ok(writer_run(one, insert, NULL));
	/* it does not move again between the looks and the taking, unless its idle beat comes: then once more
	 */
	for (i = 0; i < 100 && b.epoch == 0; i++)
		(void)rc_ok(lease_take(second, &b, (uint64_t)(i + 1) * LEASE_TTL_MS));
	assert_int_equal(b.epoch, 2);
	assert_rc(writer_run(one, insert, NULL), RC_BUSY);
	assert_non_null(strstr(rc_last()->text, "taken over"));
	assert_true(writer_fenced(one));
	assert_rc(writer_run(one, insert, NULL), RC_BUSY);
	assert_ok(writer_open(second, &two));
	second = NULL;
	writer_lease(two, &b);
	assert_ok(writer_run(two, insert, NULL));
	assert_false(writer_fenced(two));
	writer_close(one);
	writer_close(two);
	assert_int_equal(b.epoch, 0); /* given back */
	assert_ok(db_open(path, false, &first));
	assert_int_equal(count(first), 2);
	assert_ok(lease_init(&a, "host-c:/data"));
	assert_ok(lease_take(first, &a, 0));
	assert_int_equal(a.epoch, 3);
}

/* Each call of a taking fails, or loses its answer: the next try has it, and no two hold it. */
static void taking_survives_any_failure(void **state)
{
	unsigned long n;
	int uncertain;

	(void)state;
	for (uncertain = 0; uncertain < 2; uncertain++) {
		struct rc rc = {RC_BUG};

		for (n = 1; !rc_ok(rc); n++) {
			struct db_faults faults = {0};
			AUTO(db, db, NULL);

			assert_ok(db_open_faulty(path, &faults, &db));
			assert_ok(lease_init(&a, "host-a:/data"));
			faults = (struct db_faults){
			        .kinds = DB_CALL_ALL, .verb = -1, .at = n, .uncertain = uncertain != 0};
			rc = lease_take(db, &a, 0);
			faults.at = 0;
			assert_true(rc_ok(rc) == (a.epoch > 0));
			assert_ok(lease_take(db, &a, 0));
			assert_ok(insert_under(db, &a));
			assert_rc(lease_take(second, &b, 0), RC_BUSY);
		}
		assert_true(n >= 4);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

static int both(const char *name)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_standby_takes_over_when_nothing_moves),
	        CASE(given_back_or_the_same_place),
	        CASE(nobody_takes_over_inside_a_transaction),
	        CASE(a_fenced_writer_writes_nothing),
	        CASE(taking_survives_any_failure),
	};

	return cmocka_run_group_tests_name(name, tests, make_dir, NULL);
}

int main(void)
{
	int failed = both("sqlite");

	if (!pgsql_start()) {
		(void)fputs("skipped over PostgreSQL\n", stderr);
		return failed;
	}
	pgsql = true;
	failed += both("pgsql");
	pgsql_stop();
	return failed;
}
