#include "http/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* The whole map, written down once more by hand: a change here is a change of the interface. */
static void every_code_has_its_status(void **state)
{
	static const struct {
		enum rc_code code;
		unsigned status;
	} want[] = {
	        {RC_INPUT, 400},     {RC_DENIED, 403}, {RC_NOTFOUND, 404}, {RC_CONFLICT, 409}, {RC_BUSY, 503},
	        {RC_UNCERTAIN, 503}, {RC_CRYPTO, 500}, {RC_NOMEM, 503},    {RC_BUG, 500},
	};
	static const struct {
		enum err err;
		unsigned status;
	} named[] = {
	        {ERR_HTTP_SYNTAX, 400},         {ERR_HTTP_VERSION, 505},      {ERR_HTTP_HOST, 400},
	        {ERR_HTTP_TARGET, 400},         {ERR_HTTP_HEADER_LARGE, 431}, {ERR_HTTP_URL_LONG, 414},
	        {ERR_HTTP_BODY_LARGE, 413},     {ERR_HTTP_MEDIA, 415},        {ERR_HTTP_METHOD, 405},
	        {ERR_HTTP_ROUTE, 404},          {ERR_HTTP_EXPECT, 417},       {ERR_HTTP_TIMEOUT, 408},
	        {ERR_HTTP_NO_CERTIFICATE, 401}, {ERR_HTTP_ROLE, 403},         {ERR_OVERLOADED, 503},
	        {ERR_TOO_LARGE, 413},
	};
	struct rc_text t = {.text = ""};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		t.code = want[i].code;
		t.err = (enum err)want[i].code;
		assert_int_equal(problem_status(&t), want[i].status);
	}
	for (i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		t.err = named[i].err;
		t.code = err_info(t.err)->code;
		assert_int_equal(problem_status(&t), named[i].status);
	}
}

/* Each refusal there is: a status with a reason, a body, and the same name at the other end. */
static void every_refusal_makes_the_round_trip(void **state)
{
	unsigned e;

	(void)state;
	for (e = ERR_GENERIC_INPUT; e < ERR_COUNT; e++) {
		const struct err_info *info = err_info((enum err)e);
		struct rc_text t = {.code = info->code, .err = (enum err)e, .text = "detail text"};
		AUTO_JSON(o, problem_json(&t, false, "0123", NULL));
		AUTO_BUF(b, PROBLEM_MAX);
		unsigned status = problem_status(&t);
		struct rc rc;

		assert_non_null(o);
		assert_true(status >= 400 && status < 600);
		assert_string_not_equal(status_reason(status), "Unknown");
		assert_string_equal(text_of(o, "code"), info->name);
		assert_string_equal(text_of(o, "title"), info->zh);
		assert_int_equal(json_integer_value(json_object_get(o, "status")), status);
		assert_true(rc_ok(json_canonical(o, &b)));
		rc = problem_failure(status, buf_slice(&b));
		if (info->code == RC_CRYPTO || info->code == RC_NOMEM || info->code == RC_BUG) {
			assert_null(text_of(o, "detail"));
			assert_int_equal(rc_last()->err, ERR_PEER_FAILED);
		} else {
			assert_string_equal(text_of(o, "detail"), "detail text");
			assert_int_equal(rc.code, info->code);
			assert_int_equal(rc_last()->err, e);
			assert_string_equal(rc_last()->text, "detail text");
		}
	}
}

static void problems_speak_both_languages_and_carry_members(void **state)
{
	struct rc_text t = {.code = RC_INPUT, .err = ERR_HTTP_MEDIA, .text = "this address takes text/plain"};
	AUTO_JSON(more, json_pack("{s:s,s:s}", "state", "entered", "status", "must not replace"));
	AUTO_JSON(o, problem_json(&t, true, "abc", more));

	(void)state;
	assert_string_equal(text_of(o, "type"), "urn:yuandian:error:media-type");
	assert_string_equal(text_of(o, "title"), err_info(ERR_HTTP_MEDIA)->en);
	assert_string_equal(text_of(o, "clause"), "RFC 9110 15.5.16");
	assert_string_equal(text_of(o, "request_id"), "abc");
	assert_string_equal(text_of(o, "state"), "entered");
	assert_int_equal(json_integer_value(json_object_get(o, "status")), 415);
}

static void a_detail_that_is_not_text_is_left_out(void **state)
{
	struct rc_text t = {.code = RC_INPUT, .err = ERR_GENERIC_INPUT, .text = "bad \xff\xfe bytes"};
	AUTO_JSON(o, problem_of(&t, false));

	(void)state;
	assert_non_null(o);
	assert_null(json_object_get(o, "detail"));
	assert_null(json_object_get(o, "request_id"));
	assert_string_equal(text_of(o, "code"), "input");
}

static void foreign_bodies_leave_the_status_to_decide(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		enum rc_code code;
	} cases[] = {
	        {404, "<html>", RC_NOTFOUND},
	        {401, "", RC_DENIED},
	        {403, "[]", RC_DENIED},
	        {409, "{\"code\":7}", RC_CONFLICT},
	        {429, "{}", RC_BUSY},
	        {504, "", RC_BUSY},
	        {422, "{\"code\":\"unheard-of\"}", RC_INPUT},
	        {500, "", RC_BUSY},
	        {200, "", RC_BUSY},
	        {0, "", RC_BUSY},
	        {400, "{\"code\":\"ok\"}", RC_INPUT},
	        {502, "", RC_BUSY},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(problem_failure(cases[i].status, slice_text(cases[i].body)).code,
		                 cases[i].code);
}

static void only_what_we_must_look_at_is_logged(void **state)
{
	struct rc_text t = {.code = RC_INPUT, .err = ERR_HTTP_SYNTAX};

	(void)state;
	assert_false(problem_is_ours(&t));
	t = (struct rc_text){.code = RC_BUSY, .err = ERR_OVERLOADED};
	assert_false(problem_is_ours(&t));
	t = (struct rc_text){.code = RC_BUG, .err = ERR_GENERIC_BUG};
	assert_true(problem_is_ours(&t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_code_has_its_status),
	        cmocka_unit_test(every_refusal_makes_the_round_trip),
	        cmocka_unit_test(problems_speak_both_languages_and_carry_members),
	        cmocka_unit_test(a_detail_that_is_not_text_is_left_out),
	        cmocka_unit_test(foreign_bodies_leave_the_status_to_decide),
	        cmocka_unit_test(only_what_we_must_look_at_is_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
