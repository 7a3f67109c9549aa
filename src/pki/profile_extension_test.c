/* Identity extensions (GM/T 0015 as standards have it; OIDs of the profile): out by default, in when the
 * application says so, read back by libcrypto's ASN.1 as what they are. */
#include "pki/profile_parts.h"
#include "pki/profile_testing.h"
#include "pki/profile_trial.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>

static X509 *issue(const struct profile *p, const json_t *identity)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	struct profile_trial t = {.identity = identity, .key = PUBKEY_SM2, .from = JUDGE_NOW};

	t.class = profile_has_class(p, SLICE_LIT("GOV")) ? SLICE_LIT("GOV") : SLICE_LIT("PUBLIC");
	assert_ok(profile_trial(p, &t, PROFILE_SIGN, &tbs));
	assert_ok(cert_complete(buf_slice(&tbs), SLICE_LIT("\x30\x06\x02\x01\x01\x02\x01\x01"), &der));
	const unsigned char *at = der.p;
	X509 *x = d2i_X509(NULL, &at, (long)der.len);
	assert_non_null(x);
	return x;
}

/* The contents of that extension; NULL when it is not there. */
static const ASN1_OCTET_STRING *extension(X509 *x, const char *oid)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	int at = X509_get_ext_by_OBJ(x, o, -1);

	ASN1_OBJECT_free(o);
	if (at < 0)
		return NULL;
	assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(x, at)), 0);
	return X509_EXTENSION_get_data(X509_get_ext(x, at));
}

static void text_is(X509 *x, const char *oid, int type, const char *want)
{
	const ASN1_OCTET_STRING *v = extension(x, oid);
	const unsigned char *p;

	assert_non_null(v);
	p = ASN1_STRING_get0_data(v);
	ASN1_TYPE *t = d2i_ASN1_TYPE(NULL, &p, ASN1_STRING_length(v));
	assert_non_null(t);
	assert_true(p == ASN1_STRING_get0_data(v) + ASN1_STRING_length(v));
	assert_int_equal(ASN1_TYPE_get(t), type);
	assert_int_equal(ASN1_STRING_length(t->value.asn1_string), strlen(want));
	assert_memory_equal(ASN1_STRING_get0_data(t->value.asn1_string), want, strlen(want));
	ASN1_TYPE_free(t);
}

/* Whatever number the example has, no byte of it is in a certificate that was not asked to show it. */
static void nothing_is_shown_by_default(void **state)
{
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; profile_builtin_id(i) != NULL; i++) {
		AUTO(profile, p, NULL);
		assert_ok(profile_builtin(profile_builtin_id(i), &p));
		if (profile_internal(p))
			continue;
		AUTO(x509_st, x, issue(p, profile_example(p)));
		for (size_t k = 0; k < p->extension_count; k++) {
			AUTO_BUF(dotted, 100);
			const struct profile_ext *e = &p->extension[k];
			assert_ok(oid_to_dotted(slice_of(e->oid, e->oid_len), &dotted));
			assert_true((extension(x, buf_cstr(&dotted)) == NULL) == e->discloses);
			tried++;
		}
		unsigned char *out = NULL;
		int len = i2d_X509(x, &out);
		const char *number = json_string_value(
		        json_object_get(json_object_get(profile_example(p), "document"), "number"));
		if (number != NULL)
			assert_null(memmem(out, (size_t)len, number, strlen(number)));
		OPENSSL_free(out);
	}
	assert_true(tried > 20);
}

static void shown_when_asked(void **state)
{
	AUTO(profile, person, NULL);
	AUTO(profile, organisation, NULL);

	(void)state;
	assert_ok(profile_builtin("person", &person));
	assert_ok(profile_builtin("organisation", &organisation));
	AUTO_JSON(one, profile_disclosed(person, profile_example(person)));
	AUTO_JSON(two, profile_disclosed(organisation, profile_example(organisation)));
	AUTO(x509_st, p, issue(person, one));
	AUTO(x509_st, o, issue(organisation, two));
	text_is(p, "1.2.156.10260.4.1.2", V_ASN1_PRINTABLESTRING, "350102199001");
	text_is(o, "1.2.156.10260.4.1.3", V_ASN1_PRINTABLESTRING, "350100100000001");
	text_is(o, "1.2.156.10260.4.1.4", V_ASN1_PRINTABLESTRING, "M000100Y-4");
	text_is(o, "1.2.156.10260.4.1.5", V_ASN1_PRINTABLESTRING, "350100M000100Y4");
	text_is(o, "1.2.156.10260.4.4", V_ASN1_PRINTABLESTRING, "91350100M000100Y43");
	/* only what was asked for */
	json_object_set_new(one, "disclose", json_pack("[s]", "insurance-number"));
	AUTO(x509_st, less, issue(person, one));
	assert_null(extension(less, "1.2.156.10260.4.1.1"));
	assert_non_null(extension(less, "1.2.156.10260.4.1.2"));
}

static void code_is(const char *document, const char *want, size_t len)
{
	AUTO(profile, p, NULL);

	assert_ok(profile_builtin("person", &p));
	AUTO_JSON(v, json_deep_copy(profile_example(p)));
	json_object_set_new(v, "document", json(document));
	json_object_set_new(v, "disclose", json_pack("[s]", "identify-code"));
	if (want == NULL) {
		assert_refused(profile_check_identity(p, v), IDENTITY);
		return;
	}
	AUTO(x509_st, x, issue(p, v));
	const ASN1_OCTET_STRING *got = extension(x, "1.2.156.10260.4.1.1");
	assert_int_equal(ASN1_STRING_length(got), len);
	assert_memory_equal(ASN1_STRING_get0_data(got), want, len);
}

/* CHOICE { [0] PrintableString, [1] UTF8String, [2] PrintableString }, tags explicit. */
static void identify_code_by_document(void **state)
{
	(void)state;
	code_is("{\"type\":\"citizen\",\"number\":\"11010519491231002X\",\"valid_until\":\"long-term\"}",
	        "\xa0\x14\x13\x12"
	        "11010519491231002X",
	        22);
	code_is("{\"type\":\"military\",\"number\":\"A1234567\",\"valid_until\":\"long-term\"}",
	        "\xa1\x0a\x0c\x08"
	        "A1234567",
	        12);
	code_is("{\"type\":\"passport\",\"number\":\"E12345678\",\"valid_until\":\"2036-01-01\"}",
	        "\xa2\x0b\x13\x09"
	        "E12345678",
	        13);
	code_is("{\"type\":\"travel-permit\",\"number\":\"H12345678\",\"valid_until\":\"2036-01-01\"}", NULL,
	        0);
}

static void asked_for_what_is_not_there(void **state)
{
	AUTO(profile, p, NULL);

	(void)state;
	assert_ok(profile_builtin("person", &p));
	AUTO_JSON(v, json_deep_copy(profile_example(p)));
	json_object_del(v, "insurance_number");
	json_object_set_new(v, "disclose", json_pack("[s]", "insurance-number"));
	assert_refused(profile_check_identity(p, v), IDENTITY);
	assert_non_null(strstr(rc_last()->text, "/insurance_number is missing"));
}

/* ---- files ---- */

static struct rc with(const char *extensions, struct profile **ret)
{
	AUTO_JSON(v, NULL);
	AUTO_BUF(text, PROFILE_MAX);

	assert_ok(json_read(profile_builtin_text("person"), PROFILE_MAX, &v));
	json_object_set_new(v, "extensions", json(extensions));
	assert_ok(json_canonical(v, &text));
	return profile_load(buf_slice(&text), ret);
}

#define X(oid, form, more) "[{\"name\":\"x\",\"oid\":\"" oid "\",\"form\":\"" form "\"," more "}]"

static void extension_lists_that_are_wrong(void **state)
{
	static const char *const bad[] = {
	        X("2.5.29.15", "printable", "\"from\":\"phone\",\"discloses\":true"), /* keyUsage */
	        X("2.5.29.17", "entity", "\"discloses\":false"),                      /* subjectAltName */
	        X("1.2.3.4", "identify-code", "\"from\":\"document\",\"discloses\":false"),
	        X("1.2.3.4", "document-number",
	          "\"from\":\"document\",\"document\":\"citizen\",\"discloses\":false"),
	        X("1.2.3.4", "document-number", "\"from\":\"document\",\"discloses\":true"),
	        X("1.2.3.4", "printable", "\"discloses\":true"),
	        X("1.2.3.4", "entity", "\"from\":\"name\",\"discloses\":true"),
	        X("1.2.3.4", "secret", "\"from\":\"name\",\"discloses\":true"),
	        X("1", "printable", "\"from\":\"name\",\"discloses\":true"),
	        X("3.2.3", "printable", "\"from\":\"name\",\"discloses\":true"),
	        "[{\"name\":\"x\",\"oid\":\"1.2.3.4\",\"form\":\"utf8\",\"from\":\"name\",\"discloses\":"
	        "false},"
	        "{\"name\":\"y\",\"oid\":\"1.2.3.4\",\"form\":\"utf8\",\"from\":\"name\",\"discloses\":false}"
	        "]",
	        "[{\"name\":\"x\",\"oid\":\"1.2.3.4\",\"form\":\"utf8\",\"from\":\"name\",\"discloses\":"
	        "false},"
	        "{\"name\":\"x\",\"oid\":\"1.2.3.5\",\"form\":\"utf8\",\"from\":\"name\",\"discloses\":false}"
	        "]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(profile, p, NULL);
		struct rc rc = with(bad[i], &p);
		if (rc_ok(rc))
			fail_msg("accepted: %s", bad[i]);
		assert_true(rc.code == RC_INPUT);
	}
}

/* The OIDs and forms of another edition or another CA are a matter of the profile alone. */
static void other_oids(void **state)
{
	AUTO(profile, p, NULL);

	(void)state;
	assert_ok(with(
	        "[{\"name\":\"identify-code\",\"oid\":\"1.2.156.10260.4.1.1.1\",\"form\":\"document-number\","
	        "\"document\":\"citizen\",\"from\":\"document\",\"discloses\":true},"
	        "{\"name\":\"place\",\"oid\":\"1.2.156.112570.11.205\",\"form\":\"utf8\",\"from\":\"city\","
	        "\"discloses\":false}]",
	        &p));
	AUTO_JSON(v, json_deep_copy(profile_example(p)));
	json_object_set_new(v, "disclose", json_pack("[s]", "identify-code"));
	AUTO(x509_st, x, issue(p, v));
	text_is(x, "1.2.156.10260.4.1.1.1", V_ASN1_PRINTABLESTRING, "11010519491231002X");
	text_is(x, "1.2.156.112570.11.205", V_ASN1_UTF8STRING, "福州市");
	json_object_set_new(json_object_get(v, "document"), "type", json_string("passport"));
	assert_refused(profile_check_identity(p, v), IDENTITY);
}

/* ---- want of memory ---- */

static struct rc try_all(const struct profile *p, const json_t *identity, struct buf *ret)
{
	struct profile_trial t = {
	        .identity = identity, .class = SLICE_LIT("GOV"), .key = PUBKEY_SM2, .from = JUDGE_NOW};

	return profile_trial(p, &t, PROFILE_SIGN, ret);
}

/* Whichever allocation fails, the result is the right one or none. */
static void no_memory_no_half_certificate(void **state)
{
	AUTO(profile, p, NULL);
	AUTO_BUF(want, PROFILE_TBS_MAX);
	size_t refused = 0, all;

	(void)state;
	assert_ok(profile_builtin("health-staff", &p));
	AUTO_JSON(identity, profile_disclosed(p, profile_example(p)));
	(void)mem_fail_after(0);
	assert_ok(try_all(p, identity, &want));
	all = mem_fail_after(0);
	for (size_t n = 1; n <= all; n++) {
		AUTO_BUF(got, PROFILE_TBS_MAX);
		(void)buf_room(&got, 4096);
		(void)mem_fail_after(n);
		struct rc rc = try_all(p, identity, &got);
		(void)mem_fail_after(0);
		if (rc_ok(rc))
			assert_true(slice_equal(buf_slice(&got), buf_slice(&want)));
		else
			assert_true(rc.code == RC_NOMEM);
		refused += !rc_ok(rc);
	}
	assert_true(refused > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nothing_is_shown_by_default),
	        cmocka_unit_test(shown_when_asked),
	        cmocka_unit_test(identify_code_by_document),
	        cmocka_unit_test(asked_for_what_is_not_there),
	        cmocka_unit_test(extension_lists_that_are_wrong),
	        cmocka_unit_test(other_oids),
	        cmocka_unit_test(no_memory_no_half_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
