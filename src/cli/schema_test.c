/* docs/schema/application-P.json says of the identity what profiles/P.json says, for every profile that is
 * open, takes the profile's own example, and names the evidence. */
#include "base/check.h"
#include "base/json.h"
#include "pki/profile.h"

#include <stdio.h>

static json_t *load(const char *folder, const char *name)
{
	char path[128];
	json_t *v;

	(void)snprintf(path, sizeof(path), "%s%s.json", folder, name);
	v = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (v == NULL)
		fail_msg("%s: no JSON (scripts/schemas.py writes it)", path);
	return v;
}

static json_t *application(const struct profile *p)
{
	return json_pack("{s:O,s:s,s:s,s:{s:s,s:b}}", "identity", profile_example(p), "purpose", "公文交换",
	                 "region", "350100", "agreement", "version", "1", "accepted", 1);
}

static void names_evidence(const json_t *schema, const struct profile *p)
{
	const char *text = json_string_value(json_object_get(schema, "description"));
	size_t i;
	json_t *v;

	assert_non_null(text);
	json_array_foreach(json_object_get(profile_json(p), "evidence"), i, v)
	        assert_non_null(strstr(text, json_string_value(json_object_get(v, "type"))));
}

static void schemas_follow_the_profiles(void **state)
{
	size_t open = 0;

	(void)state;
	for (size_t i = 0; profile_builtin_id(i) != NULL; i++) {
		AUTO(profile, p, NULL);
		assert_ok(profile_builtin(profile_builtin_id(i), &p));
		if (profile_internal(p))
			continue;
		AUTO_JSON(schema, load("docs/schema/application-", profile_id(p)));
		AUTO_JSON(data, application(p));
		const json_t *members = json_object_get(schema, "properties");
		assert_true(json_equal(json_object_get(members, "identity"),
		                       json_object_get(profile_json(p), "identity")));
		/* only the word about a second certificate may be left out */
		assert_int_equal(json_array_size(json_object_get(schema, "required")),
		                 json_object_size(members) - 1);
		assert_non_null(json_object_get(members, "duplicate"));
		assert_ok(json_check(schema, data));
		names_evidence(schema, p);
		open++;
	}
	assert_true(open >= 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(schemas_follow_the_profiles)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
