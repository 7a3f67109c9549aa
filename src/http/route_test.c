#include "http/route_check.h"
#include "http/management.h"
#include "http/problem.h"
#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static RC never(void *ctx, const struct request *q, struct response *r)
{
	(void)ctx;
	(void)q;
	(void)r;
	FAIL(RC_BUG, "never called");
}

static void never_batch(void *ctx, const struct request *const *q, struct response *const *r, size_t n)
{
	(void)ctx;
	(void)q;
	(void)r;
	(void)n;
}

static const struct route routes[] = {
        {GET, "/", WHO_ANYONE, NULL, 0, 0, never, NULL},
        {GET, "/v1/applications", 3, NULL, 0, 0, never, NULL},
        {POST, "/v1/applications", 1, "application/vnd.yuandian.statement", 65536, 0, never, NULL},
        {GET, "/v1/applications/{id}", WHO_PERSON, NULL, 0, 0, never, NULL},
        {POST, "/v1/applications/{id}/review", 2, "application/vnd.yuandian.statement", 65536, 0, never,
         NULL},
        {POST, "/v1/requests", WHO_INSTANCE, "application/json", 4u << 20, 0, never, NULL},
        {GET, "/crl/{ca}.crl", WHO_ANYONE, NULL, 0, HTTP_INLINE, never, NULL},
        {GET, "/ocsp/{request*}", WHO_ANYONE, NULL, 0, HTTP_BATCH, NULL, never_batch},
        {POST, "/ocsp", WHO_ANYONE, "application/ocsp-request", 16384, HTTP_BATCH | HTTP_INLINE, NULL,
         never_batch},
        {PUT, "/v1/raw", WHO_ANYONE, NULL, 10, 0, never, NULL},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static struct route_match find(enum method m, const char *path, enum err want)
{
	struct route_match r;
	struct rc rc = route_find(routes, ROUTES, m, slice_text(path), &r);

	if (want == ERR_GENERIC_OK)
		assert_true(rc_ok(rc));
	else
		assert_true(!rc_ok(rc) && rc_last()->err == want);
	return r;
}

static void paths_find_their_rows(void **state)
{
	struct route_match m;

	(void)state;
	assert_ptr_equal(find(GET, "/", ERR_GENERIC_OK).route, &routes[0]);
	assert_ptr_equal(find(GET, "/v1/applications", ERR_GENERIC_OK).route, &routes[1]);
	assert_ptr_equal(find(POST, "/v1/applications", ERR_GENERIC_OK).route, &routes[2]);
	m = find(GET, "/v1/applications/7", ERR_GENERIC_OK);
	assert_ptr_equal(m.route, &routes[3]);
	assert_int_equal(m.param_count, 1);
	assert_true(slice_is(m.params[0].name, "id") && slice_is(m.params[0].value, "7"));
	m = find(POST, "/v1/applications/a%2Fb/review", ERR_GENERIC_OK);
	assert_true(slice_is(m.params[0].value, "a%2Fb"));
	m = find(GET, "/crl/sm2.crl", ERR_GENERIC_OK);
	assert_true(slice_is(m.params[0].name, "ca") && slice_is(m.params[0].value, "sm2"));
	m = find(GET, "/crl/a.crl.crl", ERR_GENERIC_OK);
	assert_true(slice_is(m.params[0].value, "a.crl"));
	m = find(GET, "/ocsp/MEQ/x/y", ERR_GENERIC_OK);
	assert_true(slice_is(m.params[0].name, "request") && slice_is(m.params[0].value, "MEQ/x/y"));
}

static void other_paths_find_nothing(void **state)
{
	static const char *const paths[] = {
	        "//",
	        "/v1",
	        "/v1/",
	        "/v1/applications/",
	        "/v1/applications//review",
	        "/v1/applications/7/",
	        "/V1/applications",
	        "/v1/applications/7/review/",
	        "/v1/applications/../applications",
	        "/crl/.crl",
	        "/crl/sm2",
	        "/crl/sm2.crl/",
	        "/crl/",
	        "/ocsp/",
	        "/v1//applications",
	        "/./",
	        "/v1/applications/7/reviews",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_null(find(GET, paths[i], ERR_HTTP_ROUTE).route);
}

static void wrong_methods_learn_the_right_ones(void **state)
{
	struct route_match m;

	(void)state;
	m = find(DELETE, "/v1/applications", ERR_HTTP_METHOD);
	assert_int_equal(m.allow, 1u << GET | 1u << HEAD | 1u << POST);
	m = find(METHOD_OTHER, "/ocsp", ERR_HTTP_METHOD);
	assert_int_equal(m.allow, 1u << POST);
	assert_int_equal(problem_status(rc_last()), 405);
}

static void a_good_table_passes_the_walk(void **state)
{
	struct rc rc = route_check(routes, ROUTES);

	(void)state;
	if (!rc_ok(rc))
		fail_msg("%s", rc_last()->text);
	rc = route_check(management_routes, MANAGEMENT_ROUTES);
	if (!rc_ok(rc))
		fail_msg("%s", rc_last()->text);
}

/* The walk must be able to fail: each broken row is noticed. */
static void broken_tables_are_noticed(void **state)
{
	static const struct route broken[] = {
	        {GET, "v1", 1, NULL, 0, 0, never, NULL}, /* no slash */
	        {GET, "/{", 1, NULL, 0, 0, never, NULL},
	        {GET, "/{}", 1, NULL, 0, 0, never, NULL},
	        {GET, "/{a*}/b", 1, NULL, 0, 0, never, NULL},
	        {GET, "/{a}{b}", 1, NULL, 0, 0, never, NULL},
	        {GET, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", 1, NULL, 0, 0, never, NULL},
	        {HEAD, "/a", 1, NULL, 0, 0, never, NULL},
	        {METHOD_OTHER, "/a", 1, NULL, 0, 0, never, NULL},
	        {GET, "/a", 0, NULL, 0, 0, never, NULL}, /* nobody */
	        {GET, "/a", 1, NULL, 0, HTTP_BATCH, never, NULL},
	        {GET, "/a", 1, NULL, 0, 0, NULL, never_batch},
	        {GET, "/a", 1, NULL, 0, 0, NULL, NULL},
	        {POST, "/a", 1, "text/plain", 0, 0, never, NULL}, /* a type, but no body */
	        {POST, "/a", 1, "text/plain", (size_t)HTTP_BODY_MAX + 1, 0, never, NULL},
	};
	struct route two[2] = {{GET, "/a/{x}", 1, NULL, 0, 0, never, NULL},
	                       {GET, "/a/b", 1, NULL, 0, 0, never, NULL}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(route_check(&broken[i], 1).code, RC_BUG);
	assert_int_equal(route_check(two, 2).code, RC_BUG); /* the second is hidden */
	two[0].path = "/a/b";
	assert_int_equal(route_check(two, 2).code, RC_BUG); /* twice */
}

static struct http_head head_with(const char *type, uint64_t length)
{
	static struct http_param field;
	struct http_head h = {.length = length};

	field = (struct http_param){SLICE_LIT("CONTENT-type"), slice_text(type)};
	h.headers[0] = field;
	h.header_count = type[0] != '\0';
	return h;
}

static void refusals_come_in_order(void **state)
{
	const struct route *r = &routes[2];
	struct peer nobody = {.kind = PEER_NONE}, other = {.kind = PEER_OFFICER, .roles = 2},
	            right = {.kind = PEER_OFFICER, .roles = 1};
	struct http_head wrong = head_with("text/html", 1u << 20),
	                 large = head_with("application/vnd.YUANDIAN.statement ; a=b", 65537),
	                 good = head_with("application/vnd.yuandian.statement", 65536);

	(void)state;
	assert_false(rc_ok(route_admit(r, &wrong, &nobody)));
	assert_int_equal(problem_status(rc_last()), 401);
	assert_false(rc_ok(route_admit(r, &wrong, &other)));
	assert_int_equal(problem_status(rc_last()), 403);
	assert_false(rc_ok(route_admit(r, &wrong, &right)));
	assert_int_equal(problem_status(rc_last()), 415);
	assert_false(rc_ok(route_admit(r, &large, &right)));
	assert_int_equal(problem_status(rc_last()), 413);
	assert_true(rc_ok(route_admit(r, &good, &right)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(paths_find_their_rows),
	        cmocka_unit_test(other_paths_find_nothing),
	        cmocka_unit_test(wrong_methods_learn_the_right_ones),
	        cmocka_unit_test(a_good_table_passes_the_walk),
	        cmocka_unit_test(broken_tables_are_noticed),
	        cmocka_unit_test(refusals_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
