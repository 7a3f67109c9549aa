/* Plans: the embedded one stands, each rule refuses once. */
#include "ceremony/plan.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static json_t *demo_json(void)
{
	json_error_t why;
	json_t *o = json_load_file("plans/demo.json", JSON_REJECT_DUPLICATES, &why);
	assert_non_null(o);
	return o;
}

static struct rc parse(json_t *take, struct plan **ret)
{
	char *text = json_dumps(take, 0);
	struct rc rc = plan_parse(slice_text(text), ret);
	free(text);
	json_decref(take);
	return rc;
}

static void refused(json_t *take, const char *why)
{
	AUTO(plan, p, NULL);
	assert_int_equal(parse(take, &p).code, RC_INPUT);
	assert_int_equal(rc_last()->err, ERR_PLAN);
	if (strstr(rc_last()->text, why) == NULL)
		fail_msg("refused for another reason: %s", rc_last()->text);
	assert_null(p);
}

static json_t *member(json_t *plan, const char *list, size_t i)
{
	return json_array_get(json_object_get(plan, list), i);
}

static void the_demonstration_plan_is_complete(void **state)
{
	AUTO(plan, p, NULL);
	(void)state;
	assert_true(rc_ok(plan_demo(&p)));
	assert_true(p->test);
	assert_string_equal(p->national->id, "national");
	assert_string_equal(p->keycentre->id, "keycentre");
	assert_string_equal(p->institution->id, "shifan");
	assert_int_equal(p->instances, 7);
	assert_false(p->instance[6].runs);
	assert_int_equal(p->officers, 21);
	assert_string_equal(plan_operator(p, p->institution, KEY_SM2)->id, "shifan-operator");
	assert_string_equal(plan_operator(p, p->institution, KEY_P256)->id, "shifan-tls");
	assert_string_equal(plan_find_role(p, p->institution, "status")->name, "shifan/status");
	assert_ptr_equal(p->authority[2].issuer, &p->authority[0]);
	assert_int_equal(p->authority[3].kind, KEY_P256);
}

static void unknown_members_are_refused(void **state)
{
	(void)state;
	json_t *o = demo_json();
	json_object_set_new(o, "surprise", json_integer(1));
	refused(o, "surprise");
	o = demo_json();
	json_object_del(o, "organisations");
	refused(o, "organisations");
}

static void names_must_resolve(void **state)
{
	(void)state;
	json_t *o = demo_json();
	json_object_set_new(member(o, "authorities", 2), "issuer", json_string("nobody"));
	refused(o, "does not stand before it");
	o = demo_json();
	json_object_set_new(member(o, "authorities", 2), "issuer", json_string("root-ecdsa"));
	refused(o, "same algorithm");
	o = demo_json();
	json_object_set_new(member(o, "authorities", 2), "years", json_integer(21));
	refused(o, "outlives");
	o = demo_json();
	json_object_del(member(o, "authorities", 2), "issuer");
	refused(o, "no issuer");
	o = demo_json();
	json_object_set_new(member(o, "authorities", 0), "issuer", json_string("root"));
	refused(o, "signs itself");
	o = demo_json();
	json_object_set_new(member(o, "authorities", 2), "status", json_string("shifan/ra"));
	refused(o, "status instance");
	o = demo_json();
	json_object_set_new(member(o, "instances", 2), "name", json_string("shifan/ra"));
	refused(o, "not named after its role");
	o = demo_json();
	json_array_remove(json_object_get(o, "authorities"), 4);
	refused(o, "national-operator");
	o = demo_json();
	json_object_set_new(member(o, "officers", 0), "name", json_string("review"));
	refused(o, "twice");
	o = demo_json();
	json_object_set_new(member(o, "officers", 0), "organisation", json_string("elsewhere"));
	refused(o, "no such organisation");
}

static void another_root_may_certify_the_ca(void **state)
{
	AUTO(plan, p, NULL);
	(void)state;
	json_t *o = demo_json();
	json_object_set_new(member(o, "authorities", 2), "issuer", json_string("external"));
	json_array_remove(json_object_get(o, "authorities"), 0);
	assert_true(rc_ok(parse(o, &p)));
	assert_true(p->authority[1].external);
	assert_null(p->authority[1].issuer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_demonstration_plan_is_complete),
	        cmocka_unit_test(unknown_members_are_refused),
	        cmocka_unit_test(names_must_resolve),
	        cmocka_unit_test(another_root_may_certify_the_ca),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
