#include "evidence/jobs.h"
#include "../../tests/lib/pgsql_server.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char clock_path[64], db_path[PGSQL_URL];
static struct db_faults faults;
static struct writer *writer;
static struct db *reader;
static struct jobs *jobs;

/* What the jobs did, and a condition that says so: tests wait for events, not for times. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
	int daily, failed, idle_asked;
	int64_t due;
} seen;

static atomic_bool refuse;

static int open_all(void **state)
{
	char dir[] = "/tmp/yd-jobs-XXXXXX", file[64];
	struct db *db = NULL;

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	memset(&seen, 0, sizeof(seen));
	atomic_store(&refuse, false);
	faults = (struct db_faults){0};
	(void)snprintf(clock_path, sizeof(clock_path), "%s/clock", dir);
	(void)snprintf(file, sizeof(file), "%s/data.db", dir);
	pgsql_place(db_path, file);
	if (!rc_ok(clock_create(clock_path)) || !rc_ok(clock_open(clock_path)) ||
	    !rc_ok(db_open_faulty(db_path, &faults, &db)) || !rc_ok(db_migrate(db, NULL)) ||
	    !rc_ok(db_script(db, "CREATE TABLE work (due INTEGER)")) ||
	    !rc_ok(db_open(db_path, true, &reader)) || !rc_ok(writer_open(db, &writer)))
		return -1;
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	jobs_stop(jobs);
	jobs = NULL;
	writer_close(writer);
	db_close(reader);
	return 0;
}

static void say(int *what)
{
	(void)pthread_mutex_lock(&lock);
	(*what)++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

static void await(const int *what, int least)
{
	(void)pthread_mutex_lock(&lock);
	while (*what < least)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
}

static RC note_work(struct db_tx *tx, void *arg, int64_t due)
{
	(void)arg;
	REQUIRE(!atomic_load(&refuse), UTF8, "not now");
	return db_run(tx->db, NULL, "INSERT INTO work (due) VALUES ($1)", DB_ARGS(DB_INT(due)));
}

static RC run_daily(void *arg, int64_t due)
{
	(void)arg;
	(void)pthread_mutex_lock(&lock);
	seen.due = due;
	(void)pthread_mutex_unlock(&lock);
	say(&seen.daily);
	return OK;
}

/* Asked once per walk, so it tells that a walk has come by. */
static int64_t never(void *arg, int64_t last)
{
	(void)arg;
	(void)last;
	say(&seen.idle_asked);
	return INT64_MAX;
}

static void on_failure(void *arg, const char *name, struct rc rc)
{
	(void)arg;
	(void)name;
	(void)rc;
	say(&seen.failed);
}

static const struct job table[] = {
        {.name = "daily", .period = 86400, .run = run_daily},
        {.name = "hourly", .period = 3600, .apply = note_work},
        {.name = "idle", .due = never, .run = run_daily},
};

static void begin(void)
{
	const struct jobs_setup setup = {
	        .writer = writer,
	        .table = table,
	        .count = 3,
	        .failed = on_failure,
	};

	assert_ok(jobs_start(&setup, reader, &jobs));
}

/* Two whole walks from now on: whatever is due has run. */
static void walk(void)
{
	int now;

	(void)pthread_mutex_lock(&lock);
	now = seen.idle_asked;
	(void)pthread_mutex_unlock(&lock);
	jobs_wake(jobs);
	await(&seen.idle_asked, now + 2);
}

static int64_t work_done(void)
{
	int64_t n = -1;

	assert_ok(db_scalar(reader, &n, "SELECT COUNT(*) FROM work", DB_NOARGS));
	return n;
}

/* The clock's new generation runs what is due, without being told. */
static void the_clock_moves_them(void **state)
{
	int64_t start;

	(void)state;
	begin();
	await(&seen.daily, 1); /* never ran: due at once */
	walk();
	assert_int_equal(seen.daily, 1);
	assert_int_equal(work_done(), 1);
	start = seen.due;
	assert_ok(clock_step(clock_path, 86400));
	await(&seen.daily, 2);
	assert_true(seen.due == start + 86400);
	walk();
	assert_int_equal(work_done(), 2); /* 24 missed hours run once */
	assert_ok(clock_step(clock_path, 10 * 86400 + 5));
	await(&seen.daily, 3);
	assert_true(seen.due == start + 11 * 86400); /* ten missed days run once, as the last */
	walk();
	assert_int_equal(work_done(), 3);
	assert_int_equal(seen.failed, 0);
	assert_int_equal(jobs_lateness(jobs), 0);
}

static void a_clock_set_back_does_not_stop_them(void **state)
{
	(void)state;
	begin();
	await(&seen.daily, 1);
	assert_ok(clock_step(clock_path, -100 * 86400));
	await(&seen.daily, 2);
	assert_ok(clock_step(clock_path, 86400));
	await(&seen.daily, 3);
}

/* What was done is remembered by the database. */
static void a_restart_repeats_nothing(void **state)
{
	(void)state;
	begin();
	await(&seen.daily, 1);
	walk();
	jobs_stop(jobs);
	jobs = NULL;
	begin();
	walk();
	assert_int_equal(seen.daily, 1);
	assert_int_equal(work_done(), 1);
}

static void a_failed_job_is_told_and_late(void **state)
{
	(void)state;
	begin();
	await(&seen.daily, 1);
	walk();
	atomic_store(&refuse, true);
	assert_ok(clock_step(clock_path, 7200));
	await(&seen.failed, 1);
	assert_true(jobs_lateness(jobs) > 0);
	walk();
	assert_int_equal(seen.failed, 1); /* it waits before the next try */
	assert_int_equal(work_done(), 1);
}

/* The work was committed, the answer lost: the next try finds it done. */
static void exactly_once_over_a_lost_answer(void **state)
{
	static const struct job one[] = {
	        {.name = "hourly", .period = 3600, .apply = note_work},
	        {.name = "idle", .due = never, .run = run_daily},
	};
	const struct jobs_setup setup = {.writer = writer, .table = one, .count = 2, .failed = on_failure};

	(void)state;
	faults = (struct db_faults){.kinds = DB_CALL_VERB, .verb = DB_COMMIT, .at = 1, .uncertain = true};
	assert_ok(jobs_start(&setup, reader, &jobs));
	await(&seen.failed, 1);
	assert_int_equal(work_done(), 1);
	assert_ok(clock_step(clock_path, 3600));
	while (work_done() < 2)
		(void)usleep(10000); /* the retry, then the next hour: each once */
	walk();
	assert_int_equal(work_done(), 2);
	assert_int_equal(seen.failed, 1);
}

static void a_job_that_is_never_due_is_refused(void **state)
{
	static const struct job wrong[] = {{.name = "wrong", .run = run_daily}};
	const struct jobs_setup setup = {.writer = writer, .table = wrong, .count = 1};

	(void)state;
	assert_rc(jobs_start(&setup, reader, &jobs), RC_BUG);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
	        CASE(the_clock_moves_them),
	        CASE(a_clock_set_back_does_not_stop_them),
	        CASE(a_restart_repeats_nothing),
	        CASE(a_failed_job_is_told_and_late),
	        CASE(exactly_once_over_a_lost_answer),
	        CASE(a_job_that_is_never_due_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
