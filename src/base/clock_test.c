#include "base/clock.h"
#include "base/check.h"
#include "base/slice.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];

static int make_path(void **state)
{
	char dir[] = "/tmp/yd-clock-XXXXXX";

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/clock", dir);
	return 0;
}

static bool near(int64_t a, int64_t b)
{
	return a - b <= 2 && b - a <= 2;
}

static void real_without_a_page(void **state)
{
	(void)state;
	assert_ok(clock_open(path));
	assert_false(clock_is_simulated());
	assert_true(near(clock_now(), clock_real()));
	assert_int_equal(clock_generation(), 0);
	assert_rc(clock_set(path, 0), RC_NOTFOUND);
	assert_rc(clock_step(path, 1), RC_NOTFOUND);
}

static void set_and_step(void **state)
{
	const int64_t then = 1900000000;
	uint32_t generation;

	(void)state;
	assert_ok(clock_create(path));
	assert_rc(clock_create(path), RC_CONFLICT);
	assert_ok(clock_open(path));
	assert_true(clock_is_simulated());
	assert_true(near(clock_now(), clock_real()));
	generation = clock_generation();
	assert_ok(clock_set(path, then));
	assert_true(near(clock_now(), then));
	assert_int_equal(clock_generation(), generation + 1);
	assert_ok(clock_step(path, 86400));
	assert_ok(clock_step(path, -400));
	assert_true(near(clock_now(), then + 86000));
	assert_int_equal(clock_generation(), generation + 3);
	assert_true(near(clock_real(), (int64_t)time(NULL))); /* TLS time does not move */
	assert_ok(clock_set(path, -5000));
	assert_true(near(clock_now(), -5000));
	assert_rc(clock_set(path, INT64_MAX), RC_INPUT);
	assert_rc(clock_step(path, INT64_MIN), RC_INPUT);
	assert_true(near(clock_now(), -5000));
}

/* The page moves the clock of every process that has it open. */
static void another_process_sees_it(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_ok(clock_open(path));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(rc_ok(clock_set(path, 2000000000)) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(near(clock_now(), 2000000000));
}

static void a_wrong_file_is_refused(void **state)
{
	char other[80];

	(void)state;
	(void)snprintf(other, sizeof(other), "%s.other", path);
	assert_ok(file_write(other, SLICE_LIT("short"), 0600));
	assert_rc(clock_open(other), RC_INPUT);
	assert_ok(file_write(other, SLICE_LIT("0123456789abcdef01234567"), 0600));
	assert_rc(clock_open(other), RC_INPUT);
	assert_rc(clock_set(other, 1), RC_INPUT);
}

static void timers_rise(void **state)
{
	uint64_t a = clock_mono_us(), b = clock_mono_us();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_mono_ms() >= a / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(real_without_a_page),
	        cmocka_unit_test(set_and_step),
	        cmocka_unit_test(another_process_sees_it),
	        cmocka_unit_test(a_wrong_file_is_refused),
	        cmocka_unit_test(timers_rise),
	};

	return cmocka_run_group_tests(tests, make_path, NULL);
}
