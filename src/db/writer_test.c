#include "db/writer.h"
#include "../../tests/lib/pgsql_server.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[32], path[PGSQL_URL];
static bool pgsql; /* the cases run once over each database */
static struct db_faults faults;
static struct writer *writer;
static struct db *reader;

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/yd-writer-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int start(void **state)
{
	static int n;
	struct db *db = NULL;

	(void)state;
	faults = (struct db_faults){0};
	if (pgsql)
		pgsql_fresh(path);
	else
		(void)snprintf(path, sizeof(path), "%s/%d.db", dir, n++);
	if (!rc_ok(db_open_faulty(path, &faults, &db)) ||
	    !rc_ok(db_script(db, "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT")) ||
	    !rc_ok(db_open(path, true, &reader)) || !rc_ok(writer_open(db, &writer)))
		return -1;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	writer_close(writer);
	writer = NULL;
	db_close(reader);
	return 0;
}

static int64_t count(void)
{
	int64_t n = -1;

	assert_ok(db_scalar(reader, &n, "SELECT COUNT(*) FROM t", DB_NOARGS));
	return n;
}

static bool has(int64_t n)
{
	int64_t found;

	return rc_ok(db_scalar(reader, &found, "SELECT n FROM t WHERE n = $1", DB_ARGS(DB_INT(n))));
}

static RC insert(struct db_tx *tx, void *arg)
{
	return db_run(tx->db, NULL, "INSERT INTO t (n) VALUES ($1)", DB_ARGS(DB_INT(*(int *)arg)));
}

/* Writes, then refuses. */
static RC insert_and_fail(struct db_tx *tx, void *arg)
{
	TRY(insert(tx, arg));
	REFUSE(UTF8, "closure %d says no", *(int *)arg);
}

static void writes(void **state)
{
	int one = 1, two = 2;

	(void)state;
	assert_ok(writer_run(writer, insert, &one));
	assert_true(has(1)); /* committed when it returns */
	assert_rc(writer_run(writer, insert, &one), RC_CONFLICT);
	assert_refused(writer_run(writer, insert_and_fail, &two), UTF8);
	assert_string_equal(rc_last()->text, "closure 2 says no");
	assert_false(has(2));
	assert_ok(writer_run_first(writer, insert, &two));
	assert_true(has(2));
}

/* ---- a batch of known members: the writer is held while they queue ---- */

static sem_t held, go;

static RC hold(struct db_tx *tx, void *arg)
{
	(void)tx;
	(void)arg;
	(void)sem_post(&held);
	(void)sem_wait(&go);
	return OK;
}

static void hold_writer(void)
{
	assert_int_equal(sem_init(&held, 0, 0), 0);
	assert_int_equal(sem_init(&go, 0, 0), 0);
	assert_ok(writer_submit(writer, hold, NULL, NULL));
	(void)sem_wait(&held);
}

#define MANY 600
static int numbers[MANY];
static struct {
	struct rc rc;
	char text[64];
} results[MANY];
static atomic_int answered;
static sem_t all_answered;

static void note(struct rc rc, void *arg)
{
	size_t i = (size_t)((int *)arg - numbers);

	results[i].rc = rc;
	(void)snprintf(results[i].text, sizeof(results[i].text), "%.60s", rc_ok(rc) ? "" : rc_last()->text);
	if (atomic_fetch_add(&answered, 1) == MANY - 1)
		(void)sem_post(&all_answered);
}

static void run_many(unsigned every_nth_fails)
{
	int i;

	atomic_store(&answered, 0);
	assert_int_equal(sem_init(&all_answered, 0, 0), 0);
	hold_writer();
	for (i = 0; i < MANY; i++) {
		bool fails = every_nth_fails > 0 && i % (int)every_nth_fails == 3;

		numbers[i] = i;
		assert_ok(writer_submit(writer, fails ? insert_and_fail : insert, note, &numbers[i]));
	}
	(void)sem_post(&go);
	(void)sem_wait(&all_answered);
}

static struct {
	int marks, undos, good, bad, rereads;
} seen;

static void on_mark(void *arg)
{
	(void)arg;
	seen.marks++;
}

static void on_undo(void *arg)
{
	(void)arg;
	seen.undos++;
}

static void on_end(void *arg, bool committed)
{
	(void)arg;
	seen.good += committed;
	seen.bad += !committed;
}

static void on_reread(void *arg, struct db *db)
{
	int64_t n;

	(void)arg;
	if (rc_ok(db_scalar(db, &n, "SELECT COUNT(*) FROM t", DB_NOARGS)))
		seen.rereads++;
}

static struct writer_watch watch = {.mark = on_mark, .undo = on_undo, .end = on_end, .reread = on_reread};

static void failing_closures_leave_their_neighbours_alone(void **state)
{
	int i;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	writer_watch(writer, &watch);
	run_many(7);
	for (i = 0; i < MANY; i++) {
		bool fails = i % 7 == 3;

		assert_int_equal(results[i].rc.code, fails ? RC_INPUT : RC_OK);
		assert_true(has(i) == !fails);
		if (fails) {
			char want[32];

			(void)snprintf(want, sizeof(want), "closure %d says no", i);
			assert_string_equal(results[i].text, want);
		}
	}
	/* 600 in groups of at most 256, after the one that held the writer */
	assert_int_equal(seen.good, 4);
	assert_int_equal(seen.bad, 0);
	assert_int_equal(seen.marks, MANY + 1);
	assert_int_equal(seen.undos, 86);
}

/* The second commit from now on is the first of the many (the first is that of hold()). */
static void a_failed_commit_is_everybodys(void **state)
{
	int i;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	writer_watch(writer, &watch);
	faults = (struct db_faults){.kinds = DB_CALL_VERB, .verb = DB_COMMIT, .at = 2};
	run_many(7);
	for (i = 0; i < MANY; i++) {
		enum rc_code good = i < WRITER_BATCH ? RC_BUSY : RC_OK;

		assert_int_equal(results[i].rc.code, i % 7 == 3 ? RC_INPUT : good);
		assert_true(has(i) == (i >= WRITER_BATCH && i % 7 != 3));
	}
	assert_int_equal(seen.bad, 1);
	assert_int_equal(seen.rereads, 1);
}

/* The commit happened, its answer was lost: everybody must look. */
static void a_lost_answer_is_uncertain(void **state)
{
	int i;

	(void)state;
	faults = (struct db_faults){.kinds = DB_CALL_VERB, .verb = DB_COMMIT, .at = 2, .uncertain = true};
	run_many(0);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(results[i].rc.code, i < WRITER_BATCH ? RC_UNCERTAIN : RC_OK);
		assert_true(has(i));
	}
}

/* Commit and rollback both fail: nothing may be written before the rollback has worked. */
static void a_failed_rollback_is_tried_again(void **state)
{
	int one = 1, two = 2, three = 3;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	writer_watch(writer, &watch);
	faults = (struct db_faults){.kinds = DB_CALL_STEP, .verb = -1, .at = 1};
	assert_rc(writer_run(writer, insert, &one), RC_BUSY);
	/* ROLLBACK_TO, then ROLLBACK fail */
	faults = (struct db_faults){.kinds = DB_CALL_VERB, .verb = DB_ROLLBACK_TO, .at = 1};
	assert_rc(writer_run(writer, insert_and_fail, &one), RC_INPUT);
	assert_int_equal(seen.rereads, 1);
	faults = (struct db_faults){.kinds = DB_CALL_VERB, .verb = -1, .at = 3};
	assert_rc(writer_run(writer, insert, &two), RC_BUSY); /* RELEASE failed */
	assert_false(has(2));
	assert_ok(writer_run(writer, insert, &three));
	assert_true(has(3));
	assert_int_equal(count(), 1);
}

/* Every call of a round fails once, and loses its answer once. */
static void each_call_fails_once(void **state)
{
	unsigned long n;
	int uncertain, value = 0;

	(void)state;
	for (uncertain = 0; uncertain < 2; uncertain++) {
		struct rc rc = {RC_BUG};

		for (n = 1; !rc_ok(rc); n++) {
			int next = value + 1;

			faults = (struct db_faults){
			        .kinds = DB_CALL_ALL, .verb = -1, .at = n, .uncertain = uncertain != 0};
			rc = writer_run(writer, insert, &value);
			faults.at = 0;
			assert_true(rc_ok(rc) || rc.code == RC_BUSY || rc.code == RC_UNCERTAIN);
			assert_true(rc.code == RC_UNCERTAIN || has(value) == rc_ok(rc));
			assert_ok(writer_run(writer, insert, &next));
			assert_true(has(next));
			value += 2;
		}
		assert_true(n >= 7);
	}
}

/* ---- order, limits, threads ---- */

static atomic_int turn;
static int turns[3];

static RC take_turn(struct db_tx *tx, void *arg)
{
	(void)tx;
	*(int *)arg = atomic_fetch_add(&turn, 1);
	return OK;
}

static void *urgent(void *arg)
{
	return rc_ok(writer_run_first(writer, take_turn, arg)) ? arg : NULL;
}

static void the_urgent_go_first(void **state)
{
	pthread_t t;
	void *done;
	int i;

	(void)state;
	atomic_store(&turn, 0);
	hold_writer();
	assert_ok(writer_submit(writer, take_turn, NULL, &turns[0]));
	assert_ok(writer_submit(writer, take_turn, NULL, &turns[1]));
	assert_int_equal(pthread_create(&t, NULL, urgent, &turns[2]), 0);
	/* what follows is behind the urgent one, once that has queued: the bound ends a broken run */
	for (i = 0; i < 200 && writer_waiting(writer) < 3; i++)
		(void)usleep(10000);
	(void)sem_post(&go);
	assert_int_equal(pthread_join(t, &done), 0);
	assert_non_null(done);
	assert_ok(writer_run(writer, take_turn, &i));
	assert_int_equal(turns[2], 0);
	assert_int_equal(turns[0], 1);
	assert_int_equal(turns[1], 2);
}

static RC nothing(struct db_tx *tx, void *arg)
{
	(void)tx;
	(void)arg;
	return OK;
}

static void the_queue_has_an_end(void **state)
{
	int i;

	(void)state;
	hold_writer();
	for (i = 0; i < WRITER_QUEUE; i++)
		assert_ok(writer_submit(writer, nothing, NULL, NULL));
	assert_rc(writer_submit(writer, nothing, NULL, NULL), RC_BUSY);
	assert_rc(writer_run(writer, nothing, NULL), RC_BUSY);
	(void)sem_post(&go);
	while (writer_waiting(writer) > 0)
		(void)usleep(10000);
	assert_ok(writer_run(writer, nothing, NULL));
}

static void *insert_fifty(void *arg)
{
	int first = *(int *)arg, i;

	for (i = first; i < first + 50; i++)
		if (!rc_ok(writer_run(writer, insert, &i)))
			return NULL;
	return arg;
}

static void many_threads(void **state)
{
	pthread_t t[16];
	int first[16], i;

	(void)state;
	for (i = 0; i < 16; i++) {
		first[i] = 1000 * i;
		assert_int_equal(pthread_create(&t[i], NULL, insert_fifty, &first[i]), 0);
	}
	for (i = 0; i < 16; i++) {
		void *done;

		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_non_null(done);
	}
	assert_int_equal(count(), 16 * 50);
}

static RC wait_for_itself(struct db_tx *tx, void *arg)
{
	(void)tx;
	return writer_run(writer, nothing, arg);
}

static void it_does_not_wait_for_itself(void **state)
{
	(void)state;
	assert_rc(writer_run(writer, wait_for_itself, NULL), RC_BUG);
}

/* What was accepted is done before the writer ends. */
static void closing_finishes_the_queue(void **state)
{
	int i;

	(void)state;
	hold_writer();
	for (i = 0; i < 300; i++) {
		numbers[i] = i;
		assert_ok(writer_submit(writer, insert, NULL, &numbers[i]));
	}
	(void)sem_post(&go);
	writer_close(writer);
	writer = NULL;
	assert_int_equal(count(), 300);
}

/* The server ends the connection while closures are queued: all of the batch are told, the next works. */
static void a_lost_connection_is_everybodys(void **state)
{
	AUTO(db, other, NULL);
	int one = MANY + 1, i;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	writer_watch(writer, &watch);
	assert_ok(db_open(path, false, &other));
	hold_writer();
	for (i = 0; i < 100; i++) {
		numbers[i] = i;
		results[i].rc = OK;
		assert_ok(writer_submit(writer, insert, note, &numbers[i]));
	}
	assert_ok(db_run(other, NULL,
	                 "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
	                 "WHERE state = 'idle in transaction' AND query LIKE 'BEGIN%'",
	                 DB_NOARGS));
	(void)sem_post(&go);
	assert_ok(writer_run(writer, insert, &one)); /* behind the hundred */
	/* the batch that was open is lost; the hundred came after it or with it, whole or not at all */
	assert_int_equal(seen.bad, 1);
	assert_int_equal(seen.rereads, 1);
	for (i = 0; i < 100; i++)
		assert_true(has(i) == rc_ok(results[i].rc));
	assert_int_equal(count(), 101);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

static int both(const char *name)
{
	const struct CMUnitTest tests[] = {
	        CASE(writes),
	        CASE(failing_closures_leave_their_neighbours_alone),
	        CASE(a_failed_commit_is_everybodys),
	        CASE(a_lost_answer_is_uncertain),
	        CASE(a_failed_rollback_is_tried_again),
	        CASE(each_call_fails_once),
	        CASE(the_urgent_go_first),
	        CASE(the_queue_has_an_end),
	        CASE(many_threads),
	        CASE(it_does_not_wait_for_itself),
	        CASE(closing_finishes_the_queue),
	};

	return cmocka_run_group_tests_name(name, tests, make_dir, NULL);
}

static int pgsql_only(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(a_lost_connection_is_everybodys),
	};

	return cmocka_run_group_tests_name("pgsql alone", tests, NULL, NULL);
}

int main(void)
{
	int failed = both("sqlite");

	if (!pgsql_start()) {
		(void)fputs("skipped over PostgreSQL\n", stderr);
		return failed;
	}
	pgsql = true;
	failed += both("pgsql") + pgsql_only();
	pgsql_stop();
	return failed;
}
