/* R21.1, R30.1, R30.2: identities against their profiles.  Each case is the profile's example with one member
 * replaced, so that it is refused for that member and nothing else, under its own name. */
#include "base/time.h"
#include "pki/profile_testing.h"

#define NOTHING NULL

struct change {
	const char *profile, *member, *value; /* "document/number"; value NULL: taken away */
	enum err want;
};

static json_t *changed(const struct profile *p, const char *member, const char *value)
{
	json_t *o = json_deep_copy(profile_example(p)), *at = o;
	const char *slash;
	char key[64];

	while ((slash = strchr(member, '/')) != NULL) {
		(void)snprintf(key, sizeof(key), "%.*s", (int)(slash - member), member);
		at = json_object_get(at, key);
		assert_non_null(at);
		member = slash + 1;
	}
	if (value == NULL)
		json_object_del(at, member);
	else
		assert_int_equal(json_object_set_new(at, member, json_loads(value, JSON_DECODE_ANY, NULL)),
		                 0);
	return o;
}

static void try(const struct change *c, bool good)
{
	AUTO(profile, p, NULL);

	assert_ok(profile_builtin(c->profile, &p));
	AUTO_JSON(v, changed(p, c->member, c->value));
	struct rc rc = profile_check_identity(p, v);
	if (rc_ok(rc) != good)
		fail_msg("%s: %s = %s: %s", c->profile, c->member, c->value ? c->value : "-",
		         rc_ok(rc) ? "accepted" : rc_last()->text);
	if (!good && rc_last()->err != c->want)
		fail_msg("%s: %s = %s: %s (%s)", c->profile, c->member, c->value ? c->value : "-",
		         rc_last()->text, err_info(rc_last()->err)->name);
}

#define N(n) "\"" n "\""
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define H16 "𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷"

static const struct change refused[] = {
        /* form */
        {"person", "name", NOTHING, ERR_IDENTITY},
        {"person", "name", N(""), ERR_IDENTITY},
        {"person", "name", "5", ERR_IDENTITY},
        {"person", "name", N(A64 "a"), ERR_IDENTITY},
        {"person", "name", N(H16 H16 H16 H16 "a"), ERR_IDENTITY},
        {"person", "nickname", N("a"), ERR_IDENTITY},
        {"person", "document", NOTHING, ERR_IDENTITY},
        {"person", "document/type", N("library-card"), ERR_IDENTITY},
        {"person", "document/valid_until", NOTHING, ERR_IDENTITY},
        {"person", "document/valid_until", N("2036-02-30"), ERR_IDENTITY},
        {"person", "document/valid_until", N("soon"), ERR_IDENTITY},
        {"person", "email", N("no mail"), ERR_IDENTITY},
        {"person", "email", N("a@b_c.cn"), ERR_IDENTITY},
        {"person", "email", N("a@-b.cn"), ERR_IDENTITY},
        {"person", "phone", N("12345678"), ERR_IDENTITY},
        /* numbers */
        {"person", "document/number", N("110105194912310021"), ERR_IDENTITY_NUMBER},
        {"person", "document/number", N("1101051949"), ERR_IDENTITY_NUMBER},
        {"person", "document/number", N("110101199002300014"), ERR_IDENTITY_NUMBER},
        {"organisation", "code", N("91350100M000100Y44"), ERR_IDENTITY_NUMBER},
        {"organisation", "code", N("91350100I000100Y43"), ERR_IDENTITY},
        {"organisation", "code", N("9135"), ERR_IDENTITY},
        {"organisation", "organisation_code", N("M000100Y-5"), ERR_IDENTITY_NUMBER},
        {"organisation", "agent/document/number", N("440524188001010015"), ERR_IDENTITY_NUMBER},
        {"organisation", "agent/phone", N("1234567"), ERR_IDENTITY},
        {"organisation", "agent", NOTHING, ERR_IDENTITY},
        {"staff", "organisation_code", N("91350100M000100Y44"), ERR_IDENTITY_NUMBER},
        {"device", "owner_code", N("91350100M000100Y44"), ERR_IDENTITY_NUMBER},
        {"health-staff", "post", N("visitor"), ERR_IDENTITY},
        /* characters */
        {"person", "name", N("a\\u202eb"), ERR_IDENTITY_TEXT},
        {"person", "name", N("a\\nb"), ERR_IDENTITY_TEXT},
        {"person", "name", N("a\\u200bb"), ERR_IDENTITY_TEXT},
        {"person", "name", N("\\ue000"), ERR_IDENTITY_TEXT},
        {"person", "name", N("аpple"), ERR_IDENTITY_TEXT},
        {"person", "name", N(" a"), ERR_IDENTITY_TEXT},
        {"person", "city", N("福州\\u3000市"), ERR_IDENTITY_TEXT},
        {"organisation", "agent/name", N("李\\u2066四"), ERR_IDENTITY_TEXT},
        /* host names and addresses */
        {"server", "dns", "[]", ERR_IDENTITY},
        {"server", "name", N("other.example.cn"), ERR_IDENTITY},
        {"server", "dns", "[\"www.example.gov.cn\",\"a_b.cn\"]", ERR_IDENTITY},
        {"server", "dns", "[\"www.example.gov.cn\",\"-a.cn\"]", ERR_IDENTITY},
        {"server", "dns", "[\"www.example.gov.cn\",\"例.cn\"]", ERR_IDENTITY},
        {"server", "dns", "[\"www.example.gov.cn\",\"a..cn\"]", ERR_IDENTITY},
        {"server", "dns", "[\"www.example.gov.cn\",\"a.*.cn\"]", ERR_IDENTITY},
        {"server", "ip", "[\"300.1.1.1\"]", ERR_IDENTITY},
        {"server", "ip", "[\"localhost\"]", ERR_IDENTITY},
        {"device", "dns", "[\"a b\"]", ERR_IDENTITY},
        {"device", "serial", N("序号一"), ERR_IDENTITY},
        /* what to show */
        {"person", "disclose", "[\"shoe-size\"]", ERR_IDENTITY},
        {"person", "disclose", "[\"credit-code\"]", ERR_IDENTITY},
        {"person", "disclose", "true", ERR_IDENTITY},
        {"device", "disclose", "[\"identify-code\"]", ERR_IDENTITY},
};

static void wrong_members_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		try(&refused[i], false);
}

/* Names as people have them: rare characters beyond the basic plane, 64 of them. */
static void sound_members_are_taken(void **state)
{
	static const struct change taken[] = {
	        {"person", "name", N(A64), ERR_GENERIC_OK},
	        {"person", "name", N(H16 H16 H16 H16), ERR_GENERIC_OK},
	        {"person", "name", N("\xf0\xb0\x80\x80\xf0\xaa\x9a\xa5"), ERR_GENERIC_OK},
	        {"person", "name", N("阿依古丽·买买提"), ERR_GENERIC_OK},
	        {"person", "document/number", N("440524188001010014"), ERR_GENERIC_OK},
	        {"person", "email", NOTHING, ERR_GENERIC_OK},
	        {"person", "document",
	         "{\"type\":\"passport\",\"number\":\"E12345678\",\"valid_until\":\"2036-02-29\"}",
	         ERR_GENERIC_OK},
	        {"organisation", "organisation_code", N("M000100Y4"), ERR_GENERIC_OK},
	        {"server", "ip", "[\"192.0.2.1\",\"2001:db8::1\"]", ERR_GENERIC_OK},
	        {"device", "dns", NOTHING, ERR_GENERIC_OK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		try(&taken[i], true);
}

/* What JSON itself does not allow never gets as far as a profile. */
static void bytes_that_are_no_text(void **state)
{
	static const char *const bad[] = {"{\"name\":\"a\xff\"}", "{\"name\":\"a\\u0000b\"}",
	                                  "{\"name\":\"\\ud800\"}", "{\"name\":\"a\xc0\xaf\"}",
	                                  "{\"name\":\"a\",\"name\":\"b\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO_JSON(v, NULL);
		assert_refused(json_read(slice_text(bad[i]), JSON_MAX, &v), JSON);
	}
	AUTO_JSON(list, json_array());
	AUTO(profile, p, NULL);
	assert_ok(profile_builtin("person", &p));
	assert_refused(profile_check_identity(p, list), IDENTITY);
	assert_refused(profile_check_identity(p, NULL), IDENTITY);
	assert_true(profile_builtin("nobody", &p).code == RC_NOTFOUND);
}

/* ---- days ---- */

static struct rc on_day(const char *profile, const char *member, const char *value, const char *day)
{
	AUTO(profile, p, NULL);
	int64_t at;

	assert_ok(profile_builtin(profile, &p));
	AUTO_JSON(v, changed(p, member, value));
	assert_ok(profile_check_identity(p, v));
	assert_ok(time_parse(slice_text(day), &at));
	return profile_check_day(p, v, at);
}

/* The last day counts whole, in China's time; nobody is born tomorrow. */
static void lapsed_documents_R30_2(void **state)
{
	const char *until = "document/valid_until", *agent = "agent/document/valid_until";

	(void)state;
	assert_ok(on_day("person", until, N("2026-03-06"), "2026-03-06T23:59:59+08:00"));
	assert_refused(on_day("person", until, N("2026-03-06"), "2026-03-07T00:00:00+08:00"),
	               IDENTITY_LAPSED);
	assert_ok(on_day("person", until, N("long-term"), "2126-03-07T00:00:00+08:00"));
	assert_refused(on_day("staff", until, N("2026-03-06"), "2026-03-08T00:00:00Z"), IDENTITY_LAPSED);
	assert_refused(on_day("organisation", agent, N("2026-03-06"), "2026-03-08T00:00:00Z"),
	               IDENTITY_LAPSED);
	assert_refused(on_day("health-institution", agent, N("2026-03-06"), "2026-03-08T00:00:00Z"),
	               IDENTITY_LAPSED);
	assert_ok(on_day("server", "ip", NOTHING, "2026-03-08T00:00:00Z"));
	/* 110101 2026-03-06 001, born at the 6th in China, which is still the 5th in UTC */
	assert_ok(on_day("person", "document/number", N("110101202603060014"), "2026-03-05T16:00:00Z"));
	assert_refused(on_day("person", "document/number", N("110101202603060014"), "2026-03-05T15:59:59Z"),
	               IDENTITY_NUMBER);
}

/* ---- evidence ---- */

static json_t *pieces(const struct profile *p, size_t without)
{
	const json_t *wanted = json_object_get(profile_json(p), "evidence");
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(wanted); i++) {
		if (i != without)
			json_array_append_new(list,
			                      json_pack("{s:O,s:i}", "type",
			                                json_object_get(json_array_get(wanted, i), "type"),
			                                "size", 1));
	}
	return list;
}

/* Whichever piece is missing, of whichever profile, the refusal names it. */
static void the_missing_piece_is_named_R30_1(void **state)
{
	size_t tried = 0;

	(void)state;
	for (size_t k = 0; profile_builtin_id(k) != NULL; k++) {
		AUTO(profile, p, NULL);
		assert_ok(profile_builtin(profile_builtin_id(k), &p));
		const json_t *wanted = json_object_get(profile_json(p), "evidence");
		AUTO_JSON(all, pieces(p, SIZE_MAX));
		assert_ok(profile_check_evidence(p, all));
		for (size_t i = 0; i < json_array_size(wanted); i++, tried++) {
			AUTO_JSON(list, pieces(p, i));
			const json_t *piece = json_array_get(wanted, i);
			assert_refused(profile_check_evidence(p, list), EVIDENCE);
			assert_non_null(
			        strstr(rc_last()->text, json_string_value(json_object_get(piece, "type"))));
			assert_non_null(strstr(
			        rc_last()->text,
			        json_string_value(json_object_get(json_object_get(piece, "title"), "zh"))));
		}
	}
	assert_true(tried > 25);
}

static void lists_by_kind_R30_1(void **state)
{
	static const struct {
		const char *profile, *types;
	} lists[] = {
	        {"person", "identity-document "},
	        {"organisation", "licence agent-letter agent-identity "},
	        {"staff", "identity-document unit-letter "},
	        {"department", "licence unit-letter agent-identity "},
	        {"device", "device-owner "},
	        {"server", "domain-control "},
	        {"health-staff", "identity-document unit-letter practice-licence "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		AUTO(profile, p, NULL);
		AUTO_BUF(text, 400);
		size_t k;
		json_t *v;
		assert_ok(profile_builtin(lists[i].profile, &p));
		json_array_foreach(json_object_get(profile_json(p), "evidence"), k, v)
		        buf_printf(&text, "%s ", json_string_value(json_object_get(v, "type")));
		assert_string_equal(buf_cstr(&text), lists[i].types);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(wrong_members_are_refused_by_name),
	        cmocka_unit_test(sound_members_are_taken),
	        cmocka_unit_test(bytes_that_are_no_text),
	        cmocka_unit_test(lapsed_documents_R30_2),
	        cmocka_unit_test(the_missing_piece_is_named_R30_1),
	        cmocka_unit_test(lists_by_kind_R30_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
