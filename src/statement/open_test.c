/* Statements as bytes: canonical JSON inside one strict encoding.  R06.15 */
#include "statement/statement.h"

#include "asn1/der.h"
#include "base/mem.h"
#include "base/text.h"
#include "pki/cms.h"
#include "statement/testing.h"

static int setup(void **state)
{
	static struct world w;

	world_setup(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* The expected text is written by hand from RFC 8785: members sorted, no spaces, UTF-8 as is. */
static void signed_text_is_canonical_and_verifies_under_openssl(void **state)
{
	struct world *w = *state;
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	char expected[1024];
	uint8_t hash[32];
	unsigned len = 32;
	char name[65];

	world_sign(w, STATEMENT_REFUSAL, W_REVIEWER, &der);
	assert_ok(statement_open(buf_slice(&der), &s));
	assert_int_equal(EVP_Digest(w->certificate[W_REVIEWER].p, w->certificate[W_REVIEWER].len, hash, &len,
	                            EVP_sm3(), NULL),
	                 1);
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(name + 2 * i, 3, "%02x", hash[i]);
	(void)snprintf(expected, sizeof(expected),
	               "{\"body\":{\"application\":\"" HEX64 "\",\"code\":\"identity\","
	               "\"id\":\"APP-1\",\"reason\":\"照片不清晰\"},\"issued\":\"2026-01-01T00:00:00Z\","
	               "\"kind\":\"refusal\","
	               "\"organisation\":\"shifan\",\"schema\":\"yuandian/statement/"
	               "v1\",\"signer\":{\"certificate\":\"%s\","
	               "\"person\":\"" REVIEWER "\",\"role\":\"review\"}}",
	               name);
	assert_int_equal(s->content.len, strlen(expected));
	assert_memory_equal(s->content.p, expected, s->content.len);
	assert_true(judge_verify(w->judge[W_REVIEWER], s->content, s->signature));
	assert_int_equal(EVP_Digest(der.p, der.len, hash, &len, EVP_sm3(), NULL), 1);
	assert_memory_equal(s->sm3, hash, 32);
}

static void every_kind_opens_with_its_parts(void **state)
{
	struct world *w = *state;

	for (unsigned k = 0; k < STATEMENT_KINDS; k++) {
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO(statement, s, NULL);
		AUTO_JSON(body, world_body((enum statement_kind)k));
		enum statement_kind found;

		world_sign(w, (enum statement_kind)k, W_REVIEWER, &der);
		assert_ok(statement_open(buf_slice(&der), &s));
		assert_int_equal(s->kind, k);
		assert_int_equal(s->issued, JUDGE_NOW);
		assert_true(slice_is(s->organisation, ORG));
		assert_true(slice_is(s->role, "review"));
		assert_true(slice_is(s->person, REVIEWER));
		assert_true(slice_equal(s->certificate, buf_slice(&w->certificate[W_REVIEWER])));
		assert_true(json_equal(s->body, body));
		assert_ok(statement_kind_find(slice_text(statement_kind_name(s->kind)), &found));
		assert_int_equal(found, k);
	}
}

/* A hold names what it is about and on whose word; a release names the hold. */
static bool may_be_left_out(enum statement_kind kind, const char *name)
{
	static const char *const names[] = {"records", "authority", "document"};

	for (size_t i = 0; kind == STATEMENT_LEGAL_HOLD && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Any member gone, and any member more, is a refusal with the schema's name. */
static void bodies_must_fit_their_schema(void **state)
{
	struct world *w = *state;

	for (unsigned k = 0; k < STATEMENT_KINDS; k++) {
		struct statement_head h = world_head(w, (enum statement_kind)k, W_REVIEWER);
		AUTO_JSON(full, world_body((enum statement_kind)k));
		const char *name;
		json_t *member;

		json_object_foreach(full, name, member)
		{
			AUTO_JSON(less, json_deep_copy(full));
			AUTO_JSON(wrong, json_deep_copy(full));
			AUTO_BUF(json, STATEMENT_JSON_MAX);

			json_object_del(less, name);
			if (!may_be_left_out((enum statement_kind)k, name))
				assert_refused(statement_build(&h, less, &json), STATEMENT_SCHEMA);
			json_object_set_new(wrong, name, json_null());
			assert_refused(statement_build(&h, wrong, &json), STATEMENT_SCHEMA);
			assert_int_equal(json.len, 0);
		}
		AUTO_JSON(more, json_deep_copy(full));
		AUTO_BUF(json, STATEMENT_JSON_MAX);

		json_put_int(more, "extra", 1);
		assert_refused(statement_build(&h, more, &json), STATEMENT_SCHEMA);
		assert_ok(statement_build(&h, full, &json));
	}
}

static void values_out_of_range_are_refused(void **state)
{
	static const struct {
		enum statement_kind kind;
		const char *member, *value;
	} all[] = {
	        {STATEMENT_APPLICATION, "region", "\"11000\""},
	        {STATEMENT_APPLICATION, "region", "\"11000x\""},
	        {STATEMENT_APPLICATION, "class", "\"gov\""},
	        {STATEMENT_APPLICATION, "profile", "\"../x\""},
	        {STATEMENT_APPLICATION, "agreement", "{\"accepted\":false,\"version\":\"1\"}"},
	        {STATEMENT_APPROVAL, "validity_days", "0"},
	        {STATEMENT_APPROVAL, "entity", "\"x\""},
	        {STATEMENT_APPROVAL, "spki", "\"ABCDEF\""},
	        {STATEMENT_APPROVAL, "authority", "\"SM2\""},
	        {STATEMENT_REVOCATION, "serial", "\"05\""},
	        {STATEMENT_REVOCATION, "reason", "\"lost\""},
	        {STATEMENT_REVOCATION, "invalidity", "\"yesterday\""},
	        {STATEMENT_ACCEPTANCE, "certificates", "[]"},
	        {STATEMENT_ROLE_GRANT, "from", "\"2026-01-01\""},
	        {STATEMENT_AUTHORISATION, "classes", "[\"ALL\"]"},
	        {STATEMENT_CPS, "version", "0"},
	        {STATEMENT_RA_APPROVAL, "ra", "\"shifan\""},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct statement_head h = world_head(w, all[i].kind, W_REVIEWER);
		AUTO_JSON(body, world_body(all[i].kind));
		AUTO_BUF(json, STATEMENT_JSON_MAX);

		json_object_set_new(body, all[i].member, json_loads(all[i].value, JSON_DECODE_ANY, NULL));
		assert_refused(statement_build(&h, body, &json), STATEMENT_SCHEMA);
	}
}

/* ---- the text around the body ---- */

/* Signs arbitrary text as if it were a statement and opens it. */
static struct rc open_text(const struct world *w, const char *text)
{
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	assert_ok(cms_signed_sign(slice_text(text), &w->key[W_REVIEWER],
	                          buf_slice(&w->certificate[W_REVIEWER]), &der));
	return statement_open(buf_slice(&der), &s);
}

/* A good text, with one piece replaced. */
static void edit(const struct world *w, const char *old, const char *new, char ret[1024])
{
	struct statement_head h = world_head(w, STATEMENT_REVOCATION, W_REVIEWER);
	AUTO_JSON(body, world_body(STATEMENT_REVOCATION));
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	const char *text, *at;

	assert_ok(statement_build(&h, body, &json));
	text = buf_cstr(&json);
	at = strstr(text, old);
	assert_non_null(at);
	(void)snprintf(ret, 1024, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

static void text_must_be_canonical(void **state)
{
	static const char *const all[][2] = {
	        {"\"kind\":", "\"kind\": "},                                    /* a space */
	        {"\"serial\":\"5a01\"}", "\"serial\":\"5a\\u0030\\u0031\"}"},   /* needless escapes */
	        {"{\"body\"", "{\"a\":1,\"a\":1,\"body\""},                     /* a member twice */
	        {"{\"body\"", "{\"issued\":\"2026-01-01T00:00:00Z\",\"body\""}, /* twice, far apart */
	        {"\"}}", "\"}}\n"},                                             /* a line end */
	        {"{\"body\"", "[\"body\""},                                     /* no JSON */
	        {"revocation", "revocation\xff"},                               /* no UTF-8 */
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		edit(*state, all[i][0], all[i][1], text);
		assert_refused(open_text(*state, text), STATEMENT_BYTES);
	}
	assert_refused(open_text(*state, ""), STATEMENT_BYTES);
	edit(*state, "\"kind\":", "\"kind\":", text);
	assert_ok(open_text(*state, text));
}

static void envelope_members_are_checked(void **state)
{
	static const char *const all[][2] = {
	        {"yuandian/statement/v1", "yuandian/statement/v2"},
	        {"\"revocation\"", "\"rumour\""},
	        {"\"shifan\"", "\"\""},
	        {"\"shifan\"", "\"Shifan\""},
	        {"\"shifan\"", "\"-shifan\""},
	        {"\"shifan\"", "7"},
	        {"2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00"},
	        {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z"},
	        {"2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z"},
	        {REVIEWER, "11111111-2222-3333-4444-55555555555A"},
	        {REVIEWER, "11111111x2222-3333-4444-555555555555"},
	        {"\"role\":\"review\"", "\"role\":\"re view\""},
	        {"\"role\":\"review\"", "\"role\":\"review\",\"rote\":1"},
	        {"\"role\":\"review\"", "\"sole\":1"},
	        {"\"schema\"", "\"remark\":\"\",\"schema\""},
	        {"\"certificate\":\"", "\"certificate\":\"00"},
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		edit(*state, all[i][0], all[i][1], text);
		assert_refused(open_text(*state, text), STATEMENT_SCHEMA);
	}
}

static void another_certificate_is_refused(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_REVOCATION, W_REVIEWER);
	AUTO_JSON(body, world_body(STATEMENT_REVOCATION));
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	assert_ok(statement_build(&h, body, &json));
	assert_ok(statement_check_json(buf_slice(&json), buf_slice(&w->certificate[W_REVIEWER])));
	assert_refused(statement_check_json(buf_slice(&json), buf_slice(&w->certificate[W_CLERK])),
	               STATEMENT_CERTIFICATE);
	assert_ok(cms_signed_sign(buf_slice(&json), &w->key[W_CLERK], buf_slice(&w->certificate[W_CLERK]),
	                          &der));
	assert_refused(statement_open(buf_slice(&der), &s), STATEMENT_CERTIFICATE);
}

/* ---- the message around the text ---- */

static void second_signature_is_refused(void **state)
{
	struct world *w = *state;
	AUTO_BUF(one, STATEMENT_MAX);
	AUTO_BUF(two, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO(statement, t, NULL);

	world_sign(w, STATEMENT_REVOCATION, W_REVIEWER, &one);
	assert_ok(statement_open(buf_slice(&one), &s));
	struct cms_signature both[] = {
	        {s->certificate, s->signature},
	        {buf_slice(&w->certificate[W_CLERK]), s->signature},
	};

	assert_ok(cms_signed_build(s->content, both, 2, &two));
	assert_refused(statement_open(buf_slice(&two), &t), STATEMENT_FORM);
}

/* Unsigned parts that PKCS#7 would allow: they would give one statement two names. */
static void other_encodings_are_refused(void **state)
{
	struct world *w = *state;
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);
	size_t version;

	world_sign(w, STATEMENT_REVOCATION, W_REVIEWER, &der);
	/* SignedData's version follows OID and two headers. */
	version = (size_t)((const uint8_t *)memmem(der.p, der.len, "\x02\x01\x01", 3) - der.p) + 2;
	der.p[version] = 3;
	assert_refused(statement_open(buf_slice(&der), &s), STATEMENT_FORM);
	der.p[version] = 1;
	assert_ok(statement_open(buf_slice(&der), &s));
	buf_u8(&der, 0);
	AUTO(statement, t, NULL);

	assert_refused(statement_open(buf_slice(&der), &t), STATEMENT_FORM);
	assert_refused(statement_open(SLICE_NONE, &t), STATEMENT_FORM);
	assert_refused(statement_open(slice_of(der.p, STATEMENT_MAX + 1), &t), STATEMENT_FORM);
}

static void bad_samples_are_refused_by_name(void **state)
{
	static const struct {
		const char *name;
		enum err err;
	} all[] = {
	        {"space", ERR_STATEMENT_BYTES},   {"kind", ERR_STATEMENT_SCHEMA},
	        {"offset", ERR_STATEMENT_SCHEMA}, {"certificate", ERR_STATEMENT_CERTIFICATE},
	        {"signers", ERR_STATEMENT_FORM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		AUTO_BUF(der, STATEMENT_MAX);
		AUTO(statement, s, NULL);
		char path[256];

		(void)snprintf(path, sizeof(path), TEST_DATA "/statement/bad/%s.p7s", all[i].name);
		assert_ok(file_read(path, STATEMENT_MAX, &der));
		assert_false(rc_ok(statement_open(buf_slice(&der), &s)));
		assert_int_equal(rc_last()->err, all[i].err);
	}
}

static void every_cut_is_refused(void **state)
{
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	world_sign(*state, STATEMENT_REVOCATION, W_REVIEWER, &der);
	for (size_t i = 0; i < der.len; i++)
		assert_refused(statement_open(slice_of(der.p, i), &s), STATEMENT_FORM);
}

static void signature_made_elsewhere_is_assembled(void **state)
{
	struct world *w = *state;
	struct statement_head h = world_head(w, STATEMENT_APPROVAL, W_REVIEWER);
	AUTO_JSON(body, world_body(STATEMENT_APPROVAL));
	AUTO_BUF(json, STATEMENT_JSON_MAX);
	AUTO_BUF(sig, 80);
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	assert_ok(statement_build(&h, body, &json));
	judge_sign(w->judge[W_REVIEWER], buf_slice(&json), &sig);
	assert_ok(statement_assemble(buf_slice(&json), buf_slice(&sig), h.certificate, &der));
	assert_ok(statement_open(buf_slice(&der), &s));
	assert_ok(statement_verify(s, w->trust, JUDGE_NOW));
}

static void no_memory_is_an_ordinary_result(void **state)
{
	struct world *w = *state;
	AUTO_BUF(der, STATEMENT_MAX);
	struct rc rc;
	size_t n = 0;

	world_sign(w, STATEMENT_APPLICATION, W_CLERK, &der);
	do {
		AUTO(statement, s, NULL);

		(void)mem_fail_after(++n);
		rc = statement_open(buf_slice(&der), &s);
		(void)mem_fail_after(0);
		if (rc_ok(rc))
			assert_ok(statement_verify(s, w->trust, JUDGE_NOW));
	} while (!rc_ok(rc) && n < 10000);
	assert_in_range(n, 2, 9999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(signed_text_is_canonical_and_verifies_under_openssl),
	        cmocka_unit_test(every_kind_opens_with_its_parts),
	        cmocka_unit_test(bodies_must_fit_their_schema),
	        cmocka_unit_test(values_out_of_range_are_refused),
	        cmocka_unit_test(text_must_be_canonical),
	        cmocka_unit_test(envelope_members_are_checked),
	        cmocka_unit_test(another_certificate_is_refused),
	        cmocka_unit_test(second_signature_is_refused),
	        cmocka_unit_test(other_encodings_are_refused),
	        cmocka_unit_test(bad_samples_are_refused_by_name),
	        cmocka_unit_test(every_cut_is_refused),
	        cmocka_unit_test(signature_made_elsewhere_is_assembled),
	        cmocka_unit_test(no_memory_is_an_ordinary_result),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
