/* Is this identity what the profile asks for?  Schema first, then what a schema cannot say. */
#include "base/text.h"
#include "pki/name.h"
#include "pki/profile_parts.h"

#include <ctype.h>

#define CITIZEN_DIGITS 18
#define CREDIT_DIGITS 18

static struct slice text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

/* Every string in it, at any depth (the JSON reader bounds the depth). */
static RC check_texts(const json_t *v)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {v};
	const char *key;
	json_t *member;
	size_t i;

	REQUIRE(!json_is_string(v) || text_clean(slice_of(json_string_value(v), json_string_length(v))),
	        IDENTITY, "identity: a text has control or bidirectional characters");
	json_array_foreach(v, i, member) TRY(check_texts(member));
	json_object_foreach(u.out, key, member) TRY(check_texts(member));
	return OK;
}

/* ---- check digits ---- */

/* GB 11643: 17 digits and one more, modulo 11. */
static bool citizen_sound(struct slice s)
{
	static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;

	if (s.len != CITIZEN_DIGITS)
		return false;
	for (size_t i = 0; i + 1 < CITIZEN_DIGITS; i++) {
		if (!isdigit(s.p[i]))
			return false;
		sum += (s.p[i] - '0') * weights[i];
	}
	return s.p[CITIZEN_DIGITS - 1] == "10X98765432"[sum % 11];
}

/* GB 32100: 17 characters and one more, modulo 31. */
static bool credit_sound(struct slice s)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	int sum = 0, weight = 1;

	if (s.len != CREDIT_DIGITS)
		return false;
	for (size_t i = 0; i + 1 < CREDIT_DIGITS; i++) {
		const char *at = s.p[i] != 0 ? strchr(alphabet, s.p[i]) : NULL;
		if (at == NULL)
			return false;
		sum += (int)(at - alphabet) * weight;
		weight = weight * 3 % 31;
	}
	return s.p[CREDIT_DIGITS - 1] == (uint8_t)alphabet[(31 - sum % 31) % 31];
}

static RC check_document(const json_t *identity, const char *member)
{
	const json_t *document = json_object_get(identity, member);

	REQUIRE(!slice_is(text_of(document, "type"), "citizen") || citizen_sound(text_of(document, "number")),
	        IDENTITY, "identity: /%s/number: the check digit is wrong (GB 11643)", member);
	return OK;
}

static RC check_credit(const json_t *identity, const char *member)
{
	REQUIRE(credit_sound(text_of(identity, member)), IDENTITY,
	        "identity: /%s: the check digit is wrong (GB 32100)", member);
	return OK;
}

/* A server's name is one of its host names, and all of these are well formed. */
static RC check_dns(const json_t *identity, const char *member)
{
	struct slice name = text_of(identity, member);
	struct general_name g;
	uint8_t ip[16];
	bool found = false;
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(identity, "dns"), i, v)
	{
		struct slice s = slice_of(json_string_value(v), json_string_length(v));
		struct rc rc = general_from_text(GENERAL_DNS, s, ip, &g);
		if (rc.code == RC_INPUT)
			REFUSE(IDENTITY, "identity: /dns/%zu: not a host name (RFC 1034 3.5)", i);
		TRY(rc);
		found |= slice_equal(s, name);
	}
	REQUIRE(found, IDENTITY, "identity: /%s is not among /dns", member);
	return OK;
}

static const struct {
	const char *kind;
	struct rc (*run)(const json_t *identity, const char *member);
} kinds[] = {
        {"identity-document", check_document},
        {"credit-code", check_credit},
        {"one-of-dns", check_dns},
};

RC profile_run_checks(const struct profile *p, const json_t *identity)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(p->json, "checks"), i, v)
	{
		const char *kind = json_string_value(json_object_get(v, "kind"));
		const char *member = json_string_value(json_object_get(v, "member"));
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			if (strcmp(kinds[k].kind, kind) == 0)
				TRY(kinds[k].run(identity, member));
		}
	}
	return OK;
}

RC profile_check_identity(const struct profile *p, const json_t *identity)
{
	AUTO_BUF(subject, NAME_DER_MAX);
	struct rc rc;

	REQUIRE(json_is_object(identity), IDENTITY, "identity: not an object");
	rc = json_check(json_object_get(p->json, "identity"), identity);
	if (rc.code == RC_INPUT) {
		struct rc_text why = *rc_last();
		REFUSE(IDENTITY, "identity: %s", why.text);
	}
	TRY(rc);
	TRY(check_texts(identity));
	TRY(profile_run_checks(p, identity));
	return profile_subject(p, identity, &subject);
}

RC profile_check_evidence(const struct profile *p, const json_t *evidence)
{
	size_t i, k;
	json_t *wanted, *given;

	json_array_foreach(json_object_get(p->json, "evidence"), i, wanted)
	{
		bool found = false;
		json_array_foreach(evidence, k, given) found |=
		        json_equal(wanted, json_object_get(given, "type")) != 0;
		REQUIRE(found, EVIDENCE, "evidence: no %s", json_string_value(wanted));
	}
	return OK;
}
