/* yuandian profile: every profile tries its own example; application data is shown with both parts or refused
 * in the words of the RA; wrong usage is usage. */
#include "../../tests/lib/cli_run.h"

#include "base/json.h"
#include "base/text.h"
#include "pki/profile.h"

static char folder[] = "/tmp/yuandian-profile-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? 0 : -1;
}

static const char *written(const char *name, const char *text)
{
	static char ring[8][160];
	static size_t next;
	char *path = ring[next++ % 8];

	(void)snprintf(path, 160, "%s/%s", folder, name);
	assert_ok(file_write(path, slice_text(text), 0600));
	return path;
}

static json_t *result_of(const struct run *r)
{
	json_t *o = json_loads(r->out, 0, NULL);

	if (o == NULL)
		fail_msg("no JSON: %s%s", r->out, r->err);
	return o;
}

static void lists_and_shows(void **state)
{
	size_t n = 0;
	struct run r = RUN("profile", "list", "--json");
	AUTO_JSON(o, result_of(&r));
	const json_t *list = json_object_get(o, "profiles"), *row;
	size_t i;

	(void)state;
	while (profile_builtin_id(n) != NULL)
		n++;
	assert_int_equal(json_array_size(list), n);
	json_array_foreach(list, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "id"));
		struct run shown = RUN("profile", "show", id);
		assert_int_equal(shown.status, CLI_OK);
		assert_true(slice_equal(slice_text(shown.out), profile_builtin_text(id)));
		/* what is shown is a file that can be tried */
		EXPECT(CLI_OK, "profile", "try", written("p.json", shown.out), "--at",
		       "2026-01-01T00:00:00Z");
		run_free(&shown);
	}
	run_free(&r);
	EXPECT(CLI_FAILURE, "profile", "show", "nobody");
}

#define DATA(until)                                                                                          \
	"{\"identity\":{\"name\":\"张三\",\"document\":{\"type\":\"citizen\",\"number\":"                  \
	"\"11010519491231002X\","                                                                            \
	"\"valid_until\":\"" until "\"}},\"purpose\":\"x\",\"region\":\"350100\"}"

static void shows_both_parts_unsigned(void **state)
{
	struct run r = RUN("profile", "try", written("me.json", DATA("2036-03-06")), "--profile", "person",
	                   "--class", "PUBLIC", "--at", "2026-01-01T00:00:00Z", "--days", "10", "--json");
	AUTO_JSON(o, result_of(&r));
	const json_t *sign = json_object_get(o, "sign"), *encrypt = json_object_get(o, "encrypt");

	(void)state;
	assert_int_equal(r.status, CLI_OK);
	run_free(&r);
	assert_string_equal(json_string_value(json_object_get(sign, "subject")), "CN=张三,C=CN");
	assert_true(json_equal(json_object_get(sign, "subject"), json_object_get(encrypt, "subject")));
	assert_false(json_equal(json_object_get(sign, "key_usage"), json_object_get(encrypt, "key_usage")));
	assert_string_equal(json_string_value(json_object_get(sign, "not_after")), "2026-01-10T23:59:59Z");
	assert_string_equal(json_string_value(json_array_get(json_object_get(sign, "policies"), 0)),
	                    PROFILE_POLICY_PUBLIC);
	assert_int_equal(json_array_size(json_object_get(o, "evidence")), 1);
	r = RUN("profile", "try", written("me.json", DATA("2036-03-06")), "--profile", "person", "--key",
	        "p256", "--lang", "en");
	assert_int_equal(r.status, CLI_OK);
	assert_non_null(strstr(r.out, "certificate:"));
	assert_null(strstr(r.out, "encryption certificate"));
	assert_non_null(strstr(r.err, "unsigned"));
	run_free(&r);
}

static void refused_as(const char *code, const char *text, const char *profile)
{
	struct run r = RUN("profile", "try", written("me.json", text), "--profile", profile, "--at",
	                   "2026-01-01T00:00:00Z", "--json");
	AUTO_JSON(o, result_of(&r));

	assert_int_equal(r.status, CLI_FAILURE);
	run_free(&r);
	assert_string_equal(json_string_value(json_object_get(o, "code")), code);
}

static void refuses_as_the_ra_does(void **state)
{
	(void)state;
	refused_as("identity-lapsed", DATA("2025-12-31"), "person");
	refused_as("identity", DATA("2025-02-31"), "person");
	refused_as("identity", DATA("long-term"), "server");
	refused_as("profile-unknown", DATA("long-term"), "nobody");
	refused_as("profile", "{\"identity\":{}}",
	           written("bad.json", "{\"schema\":\"yuandian/profile/v1\"}"));
	refused_as("json", "{", "person");
	EXPECT(CLI_FAILURE, "profile", "try", written("x.json", "{\"purpose\":\"x\"}"), "--profile",
	       "person");
	EXPECT(CLI_FAILURE, "profile", "try", written("x.json", DATA("long-term")), "--profile", "person",
	       "--days", "1096");
	EXPECT(CLI_FAILURE, "profile", "try", written("x.json", DATA("long-term")), "--profile", "person",
	       "--class", "SECRET");
	EXPECT(CLI_NOTFOUND, "profile", "try", "/nowhere", "--profile", "person");
	EXPECT(CLI_USAGE, "profile", "try", written("x.json", DATA("long-term")));
	EXPECT(CLI_USAGE, "profile", "try", "profiles/person.json", "--profile", "person");
	EXPECT(CLI_USAGE, "profile", "try");
	EXPECT(CLI_USAGE, "profile", "try", "profiles/person.json", "--days", "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lists_and_shows),
	                                   cmocka_unit_test(shows_both_parts_unsigned),
	                                   cmocka_unit_test(refuses_as_the_ra_does)};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
