/* Is this identity what the profile asks for?  Schema first, then what a schema cannot say. */
#include "base/text.h"
#include "base/time.h"
#include "pki/identity_number.h"
#include "pki/identity_text.h"
#include "pki/name.h"
#include "pki/profile_parts.h"

#define CHINA (8 * 3600) /* seconds ahead of UTC */

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

	if (json_is_string(v)) {
		const char *fault =
		        identity_text_fault(slice_of(json_string_value(v), json_string_length(v)));
		REQUIRE(fault == NULL, IDENTITY_TEXT, "identity: a text has %s", fault);
	}
	json_array_foreach(v, i, member) TRY(check_texts(member));
	json_object_foreach(u.out, key, member) TRY(check_texts(member));
	return OK;
}

/* ---- numbers ---- */

static RC check_fault(enum number_fault fault, const char *at, const char *member, const char *standard)
{
	REQUIRE(fault == NUMBER_SOUND, IDENTITY_NUMBER, "identity: %s/%s: %s (%s)", at, member,
	        number_fault_text(fault), standard);
	return OK;
}

static RC check_document_of(const json_t *o, const char *member, const char *at)
{
	const json_t *document = json_object_get(o, member);
	struct slice until = text_of(document, "valid_until");
	int64_t end;

	if (slice_is(text_of(document, "type"), "citizen"))
		TRY(check_fault(citizen_number(text_of(document, "number")), at, "number", "GB 11643"));
	REQUIRE(until.len == 0 || document_until(until, &end), IDENTITY,
	        "identity: %s/valid_until: no day of the calendar", at);
	return OK;
}

static RC check_document(const json_t *identity, const char *member)
{
	return check_document_of(identity, member, "/document");
}

static RC check_phone(const json_t *identity, const char *member)
{
	const json_t *v = json_object_get(identity, member);

	REQUIRE(v == NULL || phone_sound(text_of(identity, member)), IDENTITY,
	        "identity: /%s: not a telephone number", member);
	return OK;
}

/* Who acts for an organisation: a person with a document (R30.1). */
static RC check_agent(const json_t *identity, const char *member)
{
	const json_t *agent = json_object_get(identity, member);

	TRY(check_document_of(agent, "document", "/agent/document"));
	return check_phone(agent, "phone");
}

static RC check_credit(const json_t *identity, const char *member)
{
	if (json_object_get(identity, member) == NULL)
		return OK;
	return check_fault(credit_code(text_of(identity, member)), "", member, "GB 32100");
}

static RC check_organisation_code(const json_t *identity, const char *member)
{
	if (json_object_get(identity, member) == NULL)
		return OK;
	return check_fault(organisation_code(text_of(identity, member)), "", member, "GB 11714");
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
        {"identity-document", check_document},          {"agent", check_agent}, {"credit-code", check_credit},
        {"organisation-code", check_organisation_code}, {"phone", check_phone}, {"one-of-dns", check_dns},
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
	AUTO_DER(extensions, PROFILE_EXTENSIONS * PROFILE_EXTENSION_MAX);
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
	TRY(profile_check_names(p, identity));
	TRY(profile_put_extensions(p, identity, NULL, &extensions));
	TRY(buf_done(&extensions.out));
	return profile_subject(p, identity, &subject);
}

/* ---- days ---- */

static RC check_day_of(const json_t *document, const char *at, int64_t now)
{
	struct slice until = text_of(document, "valid_until"), number = text_of(document, "number");
	struct civil c = time_civil(now + CHINA);
	int64_t end;

	if (document_until(until, &end))
		REQUIRE(now < end, IDENTITY_LAPSED, "identity: %s: valid until %.*s", at, (int)until.len,
		        (const char *)until.p);
	if (slice_is(text_of(document, "type"), "citizen") && citizen_number(number) == NUMBER_SOUND)
		REQUIRE(citizen_birth(number) <= c.year * 10000L + c.month * 100 + c.day, IDENTITY_NUMBER,
		        "identity: %s: born after today (GB 11643)", at);
	return OK;
}

RC profile_check_day(const struct profile *p, const json_t *identity, int64_t at)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(p->json, "checks"), i, v)
	{
		const char *kind = json_string_value(json_object_get(v, "kind"));
		const json_t *o = json_object_get(identity, json_string_value(json_object_get(v, "member")));
		if (strcmp(kind, "identity-document") == 0)
			TRY(check_day_of(o, "/document", at));
		if (strcmp(kind, "agent") == 0)
			TRY(check_day_of(json_object_get(o, "document"), "/agent/document", at));
	}
	return OK;
}

RC profile_check_application_day(const struct profile *p, const json_t *body, int64_t at)
{
	if (json_array_size(json_object_get(body, "evidence")) == 0)
		return OK;
	return profile_check_day(p, json_object_get(body, "identity"), at);
}

RC profile_check_evidence(const struct profile *p, const json_t *evidence)
{
	size_t i, k;
	json_t *wanted, *given;

	json_array_foreach(json_object_get(p->json, "evidence"), i, wanted)
	{
		const json_t *type = json_object_get(wanted, "type"),
		             *title = json_object_get(wanted, "title");
		bool found = false;
		json_array_foreach(evidence, k, given) found |=
		        json_equal(type, json_object_get(given, "type")) != 0;
		REQUIRE(found, EVIDENCE, "evidence: no %s: %s (%s)", json_string_value(type),
		        json_string_value(json_object_get(title, "zh")),
		        json_string_value(json_object_get(title, "en")));
	}
	return OK;
}
