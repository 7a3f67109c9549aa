#include "base/config.h"
#include "base/check.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct sample {
	char *name;
	uint16_t port;
	bool fast;
};

static const cyaml_schema_field_t fields[] = {
        CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct sample, name, 1, 20),
        CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, struct sample, port),
        CYAML_FIELD_BOOL("fast", CYAML_FLAG_OPTIONAL, struct sample, fast),
        CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sample, fields)};

static char path[64];

static int make_path(void **state)
{
	char dir[] = "/tmp/yd-config-XXXXXX";

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/config.yaml", dir);
	return 0;
}

static RC load(const char *text, struct sample **ret)
{
	void *v = NULL;

	TRY(file_write(path, slice_text(text), 0600));
	TRY(config_load(path, &schema, &v));
	*ret = v;
	return OK;
}

static void loads(void **state)
{
	struct sample *s = NULL;

	(void)state;
	assert_ok(load("name: 源点\nport: 7440\n", &s));
	assert_string_equal(s->name, "源点");
	assert_int_equal(s->port, 7440);
	assert_false(s->fast);
	config_free(&schema, s);
}

static void refuses_with_the_line(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
	        {"name: a\nport: 1\nprot: 2\n", "line: 3"}, /* an unknown key */
	        {"name: a\nport: 70000\n", "line: 2"},
	        {"name: a\nport: x\n", "line: 2"},
	        {"name: a\n", "port"},
	        {"name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nport: 1\n", "line: 1"},
	        {"name: &x a\nport: *x\n", ""}, /* aliases are off */
	        {"name: [\n", ""},
	        {"", ""},
	        {"- a\n", ""},
	};
	struct sample *s = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_refused(load(bad[i].text, &s), CONFIG);
		if (strstr(rc_last()->text, bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].text, rc_last()->text);
	}
	assert_null(s);
}

static void a_missing_file_is_named(void **state)
{
	void *v = NULL;

	(void)state;
	assert_rc(config_load("/nonexistent/config.yaml", &schema, &v), RC_NOTFOUND);
	assert_non_null(strstr(rc_last()->text, "/nonexistent/config.yaml"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(loads),
	        cmocka_unit_test(refuses_with_the_line),
	        cmocka_unit_test(a_missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, make_path, NULL);
}
