/* Marks of holders (design 9.4), judged by libcrypto's HMAC with SM3. */
#include "base/check.h"
#include "ra/ra.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static json_t *identity(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	assert_non_null(v);
	return v;
}

static void mark_of(const char *text, const char *kind, uint8_t ret[32])
{
	json_t *v = identity(text);
	const char *got = NULL;

	assert_ok(ra_identity_mark(v, SLICE_ARR(key), ret, &got));
	assert_string_equal(got, kind);
	json_decref(v);
}

static void judged(const char *const *parts, uint8_t ret[32])
{
	uint8_t text[256];
	size_t n = 0;
	unsigned len = 0;

	for (; *parts != NULL; parts++) {
		size_t k = strlen(*parts);

		text[n++] = (uint8_t)(k >> 8);
		text[n++] = (uint8_t)k;
		memcpy(text + n, *parts, k);
		n += k;
	}
	assert_non_null(HMAC(EVP_sm3(), key, sizeof(key), text, n, ret, &len));
	assert_int_equal(len, 32);
}

static void marks_are_hmacs(void **state)
{
	uint8_t got[32], want[32];

	(void)state;
	mark_of("{\"name\":\"x\",\"document\":{\"type\":\"citizen\",\"number\":\"11010119900307001X\"}}",
	        "document", got);
	judged((const char *const[]){"DOCUMENT", "CITIZEN", "11010119900307001X", NULL}, want);
	assert_memory_equal(got, want, 32);
	mark_of("{\"name\":\"x\",\"code\":\"91350100M000100Y43\"}", "code", got);
	judged((const char *const[]){"CODE", "91350100M000100Y43", NULL}, want);
	assert_memory_equal(got, want, 32);
	mark_of("{\"name\":\"x\",\"serial\":\"SN-1\",\"owner_code\":\"91350100M000100Y43\",\"dns\":[\"a.cn\"]"
	        "}",
	        "device", got);
	judged((const char *const[]){"DEVICE", "91350100M000100Y43", "SN-1", NULL}, want);
	assert_memory_equal(got, want, 32);
	mark_of("{\"name\":\"x\",\"dns\":[\"www.example.cn\",\"b.example.cn\"]}", "dns", got);
	judged((const char *const[]){"DNS", "WWW.EXAMPLE.CN", NULL}, want);
	assert_memory_equal(got, want, 32);
}

/* Another name or spelling is the same holder; another number, type or key is another. */
static void who_is_the_same(void **state)
{
	const char *a = "{\"name\":\"x\",\"document\":{\"type\":\"passport\",\"number\":\"E1234567A\"}}";
	uint8_t one[32], two[32];
	const char *kind;
	json_t *v;

	(void)state;
	mark_of(a, "document", one);
	mark_of("{\"name\":\"y\",\"document\":{\"type\":\"passport\",\"number\":\"e1234567a\"}}", "document",
	        two);
	assert_memory_equal(one, two, 32);
	mark_of("{\"name\":\"x\",\"document\":{\"type\":\"passport\",\"number\":\"E1234567B\"}}", "document",
	        two);
	assert_memory_not_equal(one, two, 32);
	mark_of("{\"name\":\"x\",\"document\":{\"type\":\"military\",\"number\":\"E1234567A\"}}", "document",
	        two);
	assert_memory_not_equal(one, two, 32);
	v = identity(a);
	assert_ok(ra_identity_mark(v, SLICE_LIT("another key"), two, &kind));
	assert_memory_not_equal(one, two, 32);
	json_decref(v);
}

static void nothing_to_know_it_by(void **state)
{
	static const char *const bad[] = {"{\"name\":\"x\"}", "{\"dns\":[]}", "{\"dns\":[7]}",
	                                  "{\"code\":\"\"}", "{\"document\":{\"type\":\"citizen\"}}"};
	uint8_t mark[32];
	const char *kind;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *v = identity(bad[i]);

		assert_rc(ra_identity_mark(v, SLICE_ARR(key), mark, &kind), RC_INPUT);
		json_decref(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(marks_are_hmacs),
	        cmocka_unit_test(who_is_the_same),
	        cmocka_unit_test(nothing_to_know_it_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
