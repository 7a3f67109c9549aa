#include "base/frame.h"
#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void frames_are_taken_one_by_one(void **state)
{
	AUTO_BUF(b, 1000);
	struct slice body = SLICE_NONE;
	size_t used, i;

	(void)state;
	frame_put(&b, SLICE_LIT("one"));
	frame_put(&b, SLICE_NONE);
	frame_put(&b, SLICE_LIT("three"));
	assert_int_equal(b.len, 3 * FRAME_HEADER + 8);
	assert_memory_equal(b.p, "\0\0\0\3one\0\0\0\0\0\0\0\5three", b.len);
	for (i = 0; i < FRAME_HEADER + 3; i++) { /* every incomplete prefix asks for more */
		assert_true(rc_ok(frame_take(slice_of(b.p, i), 100, &body, &used)));
		assert_int_equal(used, 0);
	}
	assert_true(rc_ok(frame_take(buf_slice(&b), 100, &body, &used)));
	assert_int_equal(used, 7);
	assert_true(slice_is(body, "one"));
	assert_true(rc_ok(frame_take(slice_of(b.p + 7, b.len - 7), 100, &body, &used)));
	assert_int_equal(used, 4);
	assert_int_equal(body.len, 0);
	assert_true(rc_ok(frame_take(slice_of(b.p + 11, b.len - 11), 5, &body, &used)));
	assert_true(slice_is(body, "three"));
}

static void an_announced_length_over_the_limit_is_refused_at_once(void **state)
{
	struct slice body;
	size_t used;

	(void)state;
	assert_int_equal(frame_take(slice_of("\0\0\0\6", 4), 5, &body, &used).code, RC_INPUT);
	assert_int_equal(frame_take(slice_of("\xff\xff\xff\xff", 4), SIZE_MAX, &body, &used).code, RC_INPUT);
	assert_true(rc_ok(frame_take(slice_of("\0\0\0\6", 4), 6, &body, &used)));
}

static void pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

#define LARGE (1u << 20)
static void *write_large(void *arg)
{
	static const uint8_t zeros[LARGE];
	int fd = *(const int *)arg;

	return rc_ok(frame_write(fd, SLICE_ARR(zeros), FRAME_FOREVER)) ? arg : NULL;
}

static void large_frames_cross_a_small_socket(void **state)
{
	AUTO_BUF(b, LARGE);
	pthread_t t;
	void *done;
	int fd[2];

	(void)state;
	pair(fd);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&t, NULL, write_large, &fd[0]), 0);
	assert_true(rc_ok(frame_read(fd[1], LARGE, clock_mono_ms() + 60000, &b)));
	assert_int_equal(pthread_join(t, &done), 0);
	assert_non_null(done);
	assert_int_equal(b.len, LARGE);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void ends_are_told_apart(void **state)
{
	AUTO_BUF(b, 100);
	int fd[2];

	(void)state;
	pair(fd); /* clean end */
	(void)close(fd[0]);
	assert_int_equal(frame_read(fd[1], 100, FRAME_FOREVER, &b).code, RC_NOTFOUND);
	assert_int_equal(frame_write(fd[1], SLICE_LIT("x"), FRAME_FOREVER).code, RC_INPUT); /* no SIGPIPE */
	(void)close(fd[1]);
	pair(fd); /* inside the header */
	assert_int_equal(write(fd[0], "\0\0", 2), 2);
	(void)close(fd[0]);
	assert_int_equal(frame_read(fd[1], 100, FRAME_FOREVER, &b).code, RC_INPUT);
	(void)close(fd[1]);
	pair(fd); /* inside the body */
	assert_int_equal(write(fd[0], "\0\0\0\5ab", 6), 6);
	(void)close(fd[0]);
	assert_int_equal(frame_read(fd[1], 100, FRAME_FOREVER, &b).code, RC_INPUT);
	assert_int_equal(b.len, 0);
	(void)close(fd[1]);
}

static void deadlines_hold_for_reading_and_writing(void **state)
{
	static const uint8_t much[FRAME_MAX];
	AUTO_BUF(b, 100);
	int fd[2];

	(void)state;
	pair(fd);
	assert_int_equal(frame_read(fd[1], 100, clock_mono_ms() + 20, &b).code, RC_BUSY);
	assert_int_equal(rc_last()->err, ERR_DEADLINE);
	assert_int_equal(write(fd[0], "\0\0\0\5ab", 6), 6); /* a drip does not extend it */
	assert_int_equal(frame_read(fd[1], 100, clock_mono_ms() + 20, &b).code, RC_BUSY);
	assert_int_equal(frame_write(fd[1], SLICE_ARR(much), clock_mono_ms() + 20).code, RC_BUSY);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void pipes_work_too(void **state)
{
	AUTO_BUF(b, 100);
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true(rc_ok(frame_write(fd[1], SLICE_LIT("hello"), FRAME_FOREVER)));
	assert_true(rc_ok(frame_read(fd[0], 100, FRAME_FOREVER, &b)));
	assert_true(slice_is(buf_slice(&b), "hello"));
	assert_int_equal(frame_write(fd[1], (struct slice){(const uint8_t *)"", FRAME_MAX + 1}, 0).code,
	                 RC_INPUT);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(frames_are_taken_one_by_one),
	        cmocka_unit_test(an_announced_length_over_the_limit_is_refused_at_once),
	        cmocka_unit_test(large_frames_cross_a_small_socket),
	        cmocka_unit_test(ends_are_told_apart),
	        cmocka_unit_test(deadlines_hold_for_reading_and_writing),
	        cmocka_unit_test(pipes_work_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
