#include "base/json.h"
#include "base/check.h"

static const char schema[] =
        "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":{\"zh\":\"x\"},"
        "\"type\":\"object\",\"required\":[\"name\",\"number\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"name\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":4},"
        "\"number\":{\"$ref\":\"#/$defs/number\"},"
        "\"age\":{\"type\":[\"integer\",\"null\"],\"minimum\":1,\"maximum\":150},"
        "\"kind\":{\"enum\":[\"a\",\"b\",3]},"
        "\"fixed\":{\"const\":{\"x\":[1]}},"
        "\"list\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"object\","
        "\"properties\":{\"a/b~c\":{\"type\":\"boolean\"}}}}},"
        "\"$defs\":{\"number\":{\"type\":\"string\",\"pattern\":\"^[0-9]{17}[0-9X]$\"}}}";

#define GOOD "\"name\":\"张三丰\",\"number\":\"11010119900307758X\""

static RC check(const char *text)
{
	AUTO_JSON(s, NULL);
	AUTO_JSON(v, NULL);

	TRY(json_read(slice_text(schema), JSON_MAX, &s));
	TRY(json_read(slice_text(text), JSON_MAX, &v));
	return json_check(s, v);
}

static void accepts(void **state)
{
	static const char *const good[] = {
	        "{" GOOD "}",
	        "{" GOOD ",\"age\":null}",
	        "{" GOOD ",\"age\":1}",
	        "{" GOOD ",\"age\":150,\"kind\":3}",
	        "{" GOOD ",\"fixed\":{\"x\":[1]}}",
	        "{" GOOD ",\"list\":[{},{\"a/b~c\":true,\"other\":1}]}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_ok(check(good[i]));
}

/* Each rule once, and the pointer of the value that breaks it. */
static void refuses_with_pointer(void **state)
{
	static const struct {
		const char *text, *pointer;
	} bad[] = {
	        {"[]", "/: must be of type object"},
	        {"{\"name\":\"ab\"}", "/number: is missing"},
	        {"{" GOOD ",\"extra\":1}", "/extra: is not allowed"},
	        {"{\"name\":\"a\",\"number\":\"11010119900307758X\"}", "/name: has fewer characters"},
	        {"{\"name\":\"一二三四五\",\"number\":\"11010119900307758X\"}", "/name: has more characters"},
	        {"{\"name\":7,\"number\":\"11010119900307758X\"}", "/name: must be of type string"},
	        {"{\"name\":\"ab\",\"number\":\"11010119900307758Y\"}", "/number: does not have the form"},
	        {"{" GOOD ",\"age\":0}", "/age: is less than 1"},
	        {"{" GOOD ",\"age\":151}", "/age: is more than 150"},
	        {"{" GOOD ",\"age\":1.5}", "/age: has a type"},
	        {"{" GOOD ",\"kind\":\"c\"}", "/kind: is not one of the 3"},
	        {"{" GOOD ",\"fixed\":{\"x\":[2]}}", "/fixed: has another value"},
	        {"{" GOOD ",\"list\":[]}", "/list: has fewer elements than 1"},
	        {"{" GOOD ",\"list\":[{},{},{}]}", "/list: has more elements than 2"},
	        {"{" GOOD ",\"list\":[{},{\"a/b~c\":1}]}", "/list/1/a~1b~0c: must be of type boolean"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_refused(check(bad[i].text), JSON);
		if (strncmp(rc_last()->text, bad[i].pointer, strlen(bad[i].pointer)) != 0)
			fail_msg("%s: %s", bad[i].text, rc_last()->text);
		assert_null(strstr(rc_last()->text, "110101")); /* never the value */
	}
}

static void a_wrong_schema_is_an_error(void **state)
{
	static const char *const bad[] = {
	        "{\"oneOf\":[]}",
	        "{\"format\":\"email\"}",
	        "{\"type\":5}",
	        "{\"required\":\"a\"}",
	        "{\"pattern\":\"(\"}",
	        "{\"minimum\":\"1\"}",
	        "{\"$ref\":\"#/$defs/none\"}",
	        "{\"$ref\":\"http://elsewhere\"}",
	        "{\"enum\":1}",
	        "{\"properties\":[]}",
	        "{\"additionalProperties\":{}}",
	        "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"$ref\":\"#/$defs/x\"}}}",
	        "{\"required\":[1]}",
	        "[]",
	        "{\"items\":true}",
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		static const char *const values[] = {"{\"a\":\"x\"}", "[\"x\"]"};
		bool refused = false;

		for (j = 0; j < 2; j++) {
			AUTO_JSON(s, NULL);
			AUTO_JSON(v, NULL);
			AUTO_JSON(text, json_string("x"));

			assert_ok(json_read(slice_text(bad[i]), 1000, &s));
			assert_ok(json_read(slice_text(values[j]), 1000, &v));
			refused = !rc_ok(json_check(s, v)) || !rc_ok(json_check(s, text)) || refused;
		}
		if (!refused)
			fail_msg("accepted: %s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(accepts),
	        cmocka_unit_test(refuses_with_pointer),
	        cmocka_unit_test(a_wrong_schema_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
