#include "base/json.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdio.h>

static RC reread(const char *text, struct buf *ret)
{
	AUTO_JSON(v, NULL);

	TRY(json_read(slice_text(text), JSON_MAX, &v));
	return json_canonical(v, ret);
}

static void canonical_is(const char *text, const char *want)
{
	AUTO_BUF(b, JSON_MAX);

	assert_ok(reread(text, &b));
	assert_string_equal(buf_cstr(&b), want);
}

static void refuses(void **state)
{
	static const char *const bad[] = {
	        "",
	        " ",
	        "{",
	        "}",
	        "[1,]",
	        "{\"a\":1,}",
	        "{\"a\":1,\"a\":2}",
	        "{\"a\":{\"b\":1,\"b\":1}}",
	        "{\"a\":\"\\u0000\"}",
	        "{\"\\u0000\":1}",
	        "[\"\xc0\xaf\"]",
	        "[\"\xed\xa0\x80\"]",
	        "[\"\\ud800\"]",
	        "[\"\\udc00x\"]",
	        "[\"a\nb\"]",
	        "[01]",
	        "[1] x",
	        "[1][2]",
	        "[NaN]",
	        "[Infinity]",
	        "['a']",
	        "[+1]",
	        "[.5]",
	        "[1.]",
	        "[9223372036854775808]",
	        "[1e999]",
	        "[tru]",
	        "{a:1}",
	        "{1:1}",
	        "[1 2]",
	        "\"text\"",
	        "1",
	        "null",
	        "[\"\\x\"]",
	        "\xef\xbb\xbf[]",
	        "[/**/]",
	};
	char deep[200];
	json_t *v = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rc_ok(json_read(slice_text(bad[i]), JSON_MAX, &v)))
			fail_msg("accepted: %s", bad[i]);
	assert_rc(json_read(slice_of("[1]\0", 4), JSON_MAX, &v), RC_INPUT);
	assert_rc(json_read(slice_of("[\"a\0\"]", 6), JSON_MAX, &v), RC_INPUT);
	for (i = 0; i < 2; i++) {
		size_t n = JSON_DEPTH + i;

		memset(deep, '[', n);
		memset(deep + n, ']', n);
		assert_int_equal(rc_ok(json_read(slice_of(deep, 2 * n), JSON_MAX, &v)), i == 0);
		json_decref(i == 0 ? v : NULL);
	}
	assert_refused(json_read(SLICE_LIT("[1, 2, 3]"), 8, &v), TOO_LARGE);
	assert_ok(json_read(SLICE_LIT("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[\"]"), 100,
	                    &v));
	json_decref(v);
}

/* The JSON library reads back what was put, members in their order. */
static void as_it_stands(void **state)
{
	static const char text[] =
	        "{\"z\":[1,-9007199254740991,true,false,null,[],{}],\"a\":\"\\\"\\\\/\\u0001\\n\\u007f中\","
	        "\"m\":{\"k\":\"\",\"b\":0}}";
	json_t *v = json_loads(text, 0, NULL), *again;
	AUTO_BUF(b, 4096);
	AUTO_BUF(small, 20);

	(void)state;
	assert_non_null(v);
	json_text_to(&b, v);
	assert_false(b.failed);
	again = json_loadb((const char *)b.p, b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_equal(v, again));
	assert_true(strncmp(buf_cstr(&b), "{\"z\":[1,", 8) == 0);
	assert_non_null(strstr(buf_cstr(&b), "\"m\":{\"k\":\"\",\"b\":0}}"));
	json_text_to(&small, v);
	assert_true(small.failed);
	json_decref(again);
	json_decref(v);
}

static unsigned depth_of(const json_t *v)
{
	unsigned most = 0, depth;
	const char *key;
	json_t *one;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)v, key, one)
	{
		depth = depth_of(one);
		most = depth > most ? depth : most;
	}
	for (i = 0; i < json_array_size(v); i++) {
		depth = depth_of(json_array_get(v, i));
		most = depth > most ? depth : most;
	}
	return most + (json_is_object(v) || json_is_array(v));
}

/* Accepts what the JSON library accepts, down to our depth, and reads the same out of it in the same order.
 */
static bool as_the_library(struct slice text)
{
	AUTO_JSON(ours, NULL);
	json_t *theirs = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	bool good = rc_ok(json_read(text, JSON_MAX, &ours));
	char *a, *b;

	if (!good || theirs == NULL) {
		if (good || (theirs != NULL && depth_of(theirs) <= JSON_DEPTH))
			fail_msg("%s accepts: %.*s", good ? "only the reader" : "only the library",
			         (int)text.len, (const char *)text.p);
		json_decref(theirs);
		return false;
	}
	a = json_dumps(ours, JSON_COMPACT | JSON_REAL_PRECISION(17));
	b = json_dumps(theirs, JSON_COMPACT | JSON_REAL_PRECISION(17));
	assert_non_null(a);
	assert_string_equal(a, b);
	mem_free(a);
	mem_free(b);
	json_decref(theirs);
	return true;
}

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Texts with everything in them, spoilt or enriched in some places by pieces that mean something. */
static void reads_as_the_library(void **state)
{
	static const char *const texts[] = {
	        "{\"a\": [1, -2, 0.5, -0, 1e3, 12.25E-2, true, false, null, {}, []], \"\": \"\\u00e9\\n\"}",
	        "[\"\\ud83d\\ude00 \\\"quoted\\\" \\\\ \\/ \\b\\f\\r\\t\", \"a longer text, plain\"]",
	        "{\"eight888\":{\"k\\u0031\":\"源典 ð mixed\"},\"n\":9223372036854775807}",
	        "[-9223372036854775808,[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	};
	static const char *const pieces[] = {
	        "\"",
	        "\\",
	        "{",
	        "}",
	        "[",
	        "]",
	        ",",
	        ":",
	        "0",
	        "-",
	        "1",
	        ".",
	        "e",
	        "E+",
	        "\\u",
	        "d83d",
	        "\\ude00",
	        "\\u0000",
	        "true",
	        "nul",
	        " ",
	        "\n",
	        "\t",
	        "\r",
	        "\x01",
	        "\x7f",
	        "\xc3\xa9",
	        "\xff",
	        "\xed\xa0\x80",
	        "\xf4\x90",
	        "\xef\xbf\xbf",
	        "\"a\":1,",
	        "\"a\"",
	        "[1]",
	        "{}",
	        "1e308",
	        "9223372036854775808",
	        "/",
	        "\"k1\":0,",
	};
	uint32_t seed = 20261123;
	size_t round, i, good = 0, bad = 0;

	(void)state;
	for (round = 0; round < 60000; round++) {
		AUTO_BUF(b, 4096);

		buf_text(&b, texts[draw(&seed) % (sizeof(texts) / sizeof(texts[0]))]);
		for (i = draw(&seed) % 4; i > 0; i--) {
			AUTO_BUF(changed, 4096);
			size_t at = draw(&seed) % (b.len + 1), drop = draw(&seed) % 3;

			drop = drop > b.len - at ? b.len - at : drop;
			buf_add(&changed, slice_of(b.p, at));
			if (draw(&seed) % 4 != 0)
				buf_text(&changed,
				         pieces[draw(&seed) % (sizeof(pieces) / sizeof(pieces[0]))]);
			buf_add(&changed, slice_of(b.p + at + drop, b.len - at - drop));
			buf_free(&b);
			b = buf_take(&changed);
		}
		if (as_the_library(buf_slice(&b)))
			good++;
		else
			bad++;
	}
	assert_true(good > 10000 && bad > 10000);
	assert_true(as_the_library(SLICE_LIT("[\"ï¿¿\",1e-400,123456789012345678.5]")));
}

/* What somebody typed never gets into an error text. */
static void errors_do_not_quote(void **state)
{
	json_t *v;

	(void)state;
	assert_refused(json_read(SLICE_LIT("{\"number\": 110101199003070000x}"), 100, &v), JSON);
	assert_null(strstr(rc_last()->text, "1101"));
	assert_non_null(strstr(rc_last()->text, "line 1"));
}

/* RFC 8785: 3.2.2 (literals, strings), 3.2.3 (sorting). */
static void rfc8785(void **state)
{
	(void)state;
	canonical_is("{\"literals\": [null, true, false], \"string\": "
	             "\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c"
	             "\\\\\\\"\\/\"}",
	             "{\"literals\":[null,true,false],\"string\":\"\xe2\x82\xac$\\u000f\\nA'"
	             "B\\\"\\\\\\\\\\\"/\"}");
	canonical_is("{\"\\u20ac\": \"Euro Sign\", \"\\r\": \"Carriage Return\","
	             "\"\\ufb33\": \"Hebrew Letter Dalet With Dagesh\", \"1\": \"One\","
	             "\"\\ud83d\\ude00\": \"Emoji: Grinning Face\", \"\\u0080\": \"Control\","
	             "\"\\u00f6\": \"Latin Small Letter O With Diaeresis\"}",
	             "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
	             "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
	             "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
	             "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
	/* the sample files of the RFC's author: arrays, french, structures */
	canonical_is("[56, {\"d\": true, \"10\": null, \"1\": [ ]}]",
	             "[56,{\"1\":[],\"10\":null,\"d\":true}]");
	canonical_is("{\"peach\": \"a\", \"p\xc3\xa9"
	             "ch\xc3\xa9\": \"b\", \"p\xc3\xaa"
	             "che\": \"c\", \"sin\": \"d\"}",
	             "{\"peach\":\"a\",\"p\xc3\xa9"
	             "ch\xc3\xa9\":\"b\",\"p\xc3\xaa"
	             "che\":\"c\",\"sin\":\"d\"}");
	canonical_is("{\"1\": {\"f\": {\"f\": \"hi\",\"F\": 5} ,\"\\n\": 56}, \"10\": { }, \"\": \"empty\","
	             "\"a\": { }, \"111\": [ {\"e\": \"yes\",\"E\": \"no\" } ], \"A\": { }}",
	             "{\"\":\"empty\",\"1\":{\"\\n\":56,\"f\":{\"F\":5,\"f\":\"hi\"}},\"10\":{},"
	             "\"111\":[{\"E\":\"no\",\"e\":\"yes\"}],\"A\":{},\"a\":{}}");
	canonical_is("[\"\\b\\t\\f\\u0001\\u001f\\u007f\"]", "[\"\\b\\t\\f\\u0001\\u001f\x7f\"]");
}

static void numbers(void **state)
{
	AUTO_BUF(b, 100);

	(void)state;
	canonical_is("[0,-0,9007199254740991,-9007199254740991]", "[0,0,9007199254740991,-9007199254740991]");
	assert_refused(reread("[9007199254740992]", &b), JSON);
	buf_clear(&b);
	assert_refused(reread("[-9007199254740992]", &b), JSON);
	buf_clear(&b);
	assert_refused(reread("[1.5]", &b), JSON);
	buf_clear(&b);
	assert_refused(reread("[1e3]", &b), JSON);
}

static void access_by_type(void **state)
{
	AUTO_JSON(o, NULL);
	AUTO_BUF(b, 100);
	struct slice s;
	int64_t i;
	json_t *v;
	uint8_t bytes[2];
	bool yes = false;

	(void)state;
	assert_ok(json_read(
	        SLICE_LIT("{\"t\":\"text\",\"n\":7,\"b\":true,\"a\":[1,2],\"h\":\"00ff\",\"e\":\"Zm9v\","
	                  "\"z\":\"2026-11-22T08:00:00Z\"}"),
	        1000, &o));
	assert_ok(json_get_text(o, "t", 4, &s));
	assert_true(slice_is(s, "text"));
	assert_refused(json_get_text(o, "t", 3, &s), TOO_LARGE);
	assert_refused(json_get_text(o, "n", 3, &s), JSON);
	assert_refused(json_get_text(o, "none", 3, &s), JSON);
	assert_non_null(strstr(rc_last()->text, "none"));
	assert_refused(json_get_text(NULL, "t", 3, &s), JSON);
	assert_ok(json_get_int(o, "n", 7, 7, &i));
	assert_refused(json_get_int(o, "n", 8, 9, &i), JSON);
	assert_refused(json_get_int(o, "n", 0, 6, &i), JSON);
	assert_refused(json_get_int(o, "t", 0, 6, &i), JSON);
	assert_ok(json_get_bool(o, "b", &yes));
	assert_true(yes);
	assert_refused(json_get_bool(o, "n", &yes), JSON);
	assert_ok(json_get_array(o, "a", 2, &v));
	assert_refused(json_get_array(o, "a", 1, &v), TOO_LARGE);
	assert_refused(json_get_array(o, "n", 1, &v), JSON);
	assert_ok(json_get_hex(o, "h", bytes, 2));
	assert_memory_equal(bytes, "\x00\xff", 2);
	assert_rc(json_get_hex(o, "t", bytes, 2), RC_INPUT);
	assert_rc(json_get_hex(o, "h", bytes, 1), RC_INPUT);
	assert_ok(json_get_base64(o, "e", 3, &b));
	assert_string_equal(buf_cstr(&b), "foo");
	assert_rc(json_get_base64(o, "e", 2, &b), RC_INPUT);
	assert_ok(json_get_time(o, "z", &i));
	assert_true(i == 1795334400);
	assert_rc(json_get_time(o, "t", &i), RC_INPUT);
	assert_ok(json_only(o, "t", "n", "b", "a", "h", "e", "z", "more", NULL));
	assert_refused(json_only(o, "t", "n", "b", "a", "h", "e", NULL), JSON);
	assert_refused(json_only(NULL, "t", NULL), JSON);
}

static void building(void **state)
{
	AUTO_JSON(o, json_object());
	AUTO_BUF(b, 1000);

	(void)state;
	json_put_text(o, "t", slice_of("ab", 1));
	json_put_cstr(o, "c", "源");
	json_put_int(o, "i", -5);
	json_put_bool(o, "b", false);
	json_put_time(o, "z", 0);
	json_put_hex(o, "h", SLICE_LIT("\x01\xfe"));
	json_put_base64(o, "e", SLICE_NONE);
	json_put_take(o, "n", json_null());
	assert_ok(json_canonical(o, &b));
	assert_string_equal(buf_cstr(&b),
	                    "{\"b\":false,\"c\":\"源\",\"e\":\"\",\"h\":\"01fe\",\"i\":-5,\"n\":null,"
	                    "\"t\":\"a\",\"z\":\"1970-01-01T00:00:00Z\"}");
	json_put_int(NULL, "i", 1);
	json_put_hex(NULL, "h", SLICE_LIT("x"));
	json_put_take(NULL, "n", json_null());
	assert_ok(json_put_result());
}

/* A member that could not be set must not be missing silently. */
static void a_lost_member_is_noticed(void **state)
{
	AUTO_JSON(o, json_object());
	AUTO_BUF(b, 1000);

	(void)state;
	json_put_cstr(o, "fine", "text");
	json_put_cstr(o, "broken", "\xff\xfe");
	assert_rc(json_canonical(o, &b), RC_INPUT);
	assert_int_equal(json_object_size(o), 0);
	assert_ok(json_canonical(o, &b));
}

/* ---- out of memory, at every allocation ---- */

static RC build_and_read(struct buf *ret)
{
	AUTO_JSON(o, json_object());
	AUTO_JSON(v, NULL);
	AUTO_BUF(b, 1000);

	NEED(o != NULL, RC_NOMEM, "no object");
	json_put_cstr(o, "text", "a \"quoted\" text");
	json_put_hex(o, "hex", SLICE_LIT("abcdef"));
	json_put_int(o, "number", 12345);
	json_put_take(o, "list", json_pack("[i,s]", 1, "x"));
	TRY(json_canonical(o, &b));
	TRY(json_read(buf_slice(&b), 1000, &v));
	return json_canonical(v, ret);
}

static void torture(void **state)
{
	AUTO_BUF(want, 1000);
	size_t n, failures = 0;

	(void)state;
	assert_ok(build_and_read(&want));
	for (n = 1; n < 1000; n++) {
		AUTO_BUF(have, 1000);
		struct rc rc;

		(void)mem_fail_after(n);
		rc = build_and_read(&have);
		if (mem_fail_after(0) < n)
			break;
		failures += !rc_ok(rc);
		(void)rc_ok(json_put_result());
		if (rc_ok(rc))
			assert_string_equal(buf_cstr(&have), buf_cstr(&want));
		else
			assert_int_equal(rc.code, RC_NOMEM);
	}
	assert_true(n > 20 && n < 1000 && failures > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(refuses),      cmocka_unit_test(errors_do_not_quote),
	        cmocka_unit_test(as_it_stands), cmocka_unit_test(rfc8785),
	        cmocka_unit_test(numbers),      cmocka_unit_test(access_by_type),
	        cmocka_unit_test(building),     cmocka_unit_test(a_lost_member_is_noticed),
	        cmocka_unit_test(torture),      cmocka_unit_test(reads_as_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
