#include "base/log.h"
#include "base/check.h"
#include "base/json.h"

#include <unistd.h>

/* What the call wrote to stderr. */
static struct slice caught(void (*call)(void))
{
	static char text[20000];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	call();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(fds[1]);
	(void)close(saved);
	n = read(fds[0], text, sizeof(text));
	(void)close(fds[0]);
	assert_true(n >= 0);
	return slice_of(text, (size_t)n);
}

static void member_is(const json_t *o, const char *key, const char *want)
{
	assert_string_equal(json_string_value(json_object_get(o, key)), want);
}

static void write_line(void)
{
	log_line(LOG_DEBUG, "hidden", "below the level", NULL);
	log_line(LOG_WARN, "started", "a \"text\"\nwith 中文", "port", "7440", "bad", "\xff", NULL);
}

static void one_line_is_one_json_object(void **state)
{
	AUTO_JSON(o, NULL);
	struct slice s;

	(void)state;
	log_setup("shifan/ca", LOG_INFO);
	s = caught(write_line);
	assert_true(s.len > 0 && s.p[s.len - 1] == '\n');
	assert_ptr_equal(memchr(s.p, '\n', s.len), s.p + s.len - 1);
	assert_ok(json_read(s, JSON_MAX, &o));
	member_is(o, "level", "warn");
	member_is(o, "instance", "shifan/ca");
	member_is(o, "event", "started");
	member_is(o, "text", "a \"text\"\nwith 中文");
	member_is(o, "port", "7440");
	assert_true(json_is_null(json_object_get(o, "bad")));
	assert_int_equal(json_string_length(json_object_get(o, "time")), 24);
}

static void write_failure(void)
{
	(void)rc_ok(rc_refuse(ERR_RANDOM_UNHEALTHY, "source died"));
	log_failure("sign", "r-1");
}

static void a_failure_names_its_code(void **state)
{
	AUTO_JSON(o, NULL);

	(void)state;
	assert_ok(json_read(caught(write_failure), JSON_MAX, &o));
	member_is(o, "level", "error");
	member_is(o, "code", "random-unhealthy");
	member_is(o, "request_id", "r-1");
	member_is(o, "text", "source died");
}

static void write_too_much(void)
{
	static char text[10000];

	memset(text, 'x', sizeof(text) - 1);
	log_line(LOG_ERROR, "big", text, NULL);
}

static void a_line_that_is_too_long_is_told(void **state)
{
	AUTO_JSON(o, NULL);

	(void)state;
	assert_ok(json_read(caught(write_too_much), JSON_MAX, &o));
	member_is(o, "event", "log");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_line_is_one_json_object),
	        cmocka_unit_test(a_failure_names_its_code),
	        cmocka_unit_test(a_line_that_is_too_long_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
