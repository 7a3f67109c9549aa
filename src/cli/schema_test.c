/* docs/schema/application-P.json says of the identity what profiles/P.json says, and takes what the README
 * shows. */
#include "base/check.h"
#include "base/json.h"

#include <stdio.h>

static json_t *load(const char *folder, const char *name)
{
	char path[128];
	json_t *v;

	(void)snprintf(path, sizeof(path), "%s%s.json", folder, name);
	v = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (v == NULL)
		fail_msg("%s: no JSON", path);
	return v;
}

static void schemas_follow_the_profiles(void **state)
{
	static const char *const profiles[] = {"person", "organisation", "server"};

	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		json_t *schema = load("docs/schema/application-", profiles[i]),
		       *profile = load("profiles/", profiles[i]);
		const json_t *members = json_object_get(schema, "properties");

		assert_true(json_equal(json_object_get(members, "identity"),
		                       json_object_get(profile, "identity")));
		assert_int_equal(json_array_size(json_object_get(schema, "required")),
		                 json_object_size(members));
		json_decref(schema);
		json_decref(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(schemas_follow_the_profiles)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
