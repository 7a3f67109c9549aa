/* Extensions made of the identity (GM/T 0015, GB/T 20518: identity code, insurance number, codes of
 * organisations), with the OIDs that the profile gives them.  Numbers of persons and organisations are in
 * the certificate for everybody to read, for as long as anybody keeps it; so they are only there when the
 * application says so (design 9.4). */
#include "base/text.h"
#include "pki/profile_parts.h"

#define ENTITY_LEN 36
#define ENTITY_EXAMPLE "00000000-0000-4000-8000-000000000000"

static const char *const forms[FORM_COUNT] = {"printable", "utf8", "identify-code", "document-number",
                                              "entity"};

static struct slice text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

/* ---- reading the profile ---- */

static RC read_oid(struct profile *p, struct profile_ext *e, struct slice dotted)
{
	AUTO_BUF(oid, PROFILE_OID_MAX);

	TRY(oid_from_dotted(dotted, &oid));
	/* keyUsage, subjectAltName and their like are made elsewhere */
	REQUIRE(oid_find(buf_slice(&oid)) == OID_UNKNOWN, PROFILE,
	        "profile %s: extension %s has the OID of something else", p->id, e->name);
	memcpy(e->oid, oid.p, oid.len);
	e->oid_len = oid.len;
	return OK;
}

static RC check_one(const struct profile *p, const struct profile_ext *e)
{
	bool number = e->form == FORM_IDENTIFY_CODE || e->form == FORM_DOCUMENT;

	REQUIRE((e->from == NULL) == (e->form == FORM_ENTITY), PROFILE,
	        "profile %s: extension %s: \"from\" names a member of the identity, for all forms but entity",
	        p->id, e->name);
	REQUIRE((e->document != NULL) == (e->form == FORM_DOCUMENT), PROFILE,
	        "profile %s: extension %s: \"document\" belongs to the form document-number", p->id, e->name);
	REQUIRE(!number || e->discloses, PROFILE,
	        "profile %s: extension %s shows a document's number and must be marked \"discloses\"", p->id,
	        e->name);
	for (const struct profile_ext *o = p->extension; o != e; o++) {
		REQUIRE(strcmp(o->name, e->name) != 0 &&
		                !slice_equal(slice_of(o->oid, o->oid_len), slice_of(e->oid, e->oid_len)),
		        PROFILE, "profile %s: extension %s stands twice", p->id, e->name);
	}
	return OK;
}

RC profile_read_extensions(struct profile *p)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(p->json, "extensions"), i, v)
	{
		struct profile_ext *e = &p->extension[p->extension_count];
		e->name = json_string_value(json_object_get(v, "name"));
		e->from = json_string_value(json_object_get(v, "from"));
		e->document = json_string_value(json_object_get(v, "document"));
		e->discloses = json_is_true(json_object_get(v, "discloses"));
		for (unsigned k = 0; k < FORM_COUNT; k++) {
			if (slice_is(text_of(v, "form"), forms[k]))
				e->form = (enum profile_form)k;
		}
		TRY(read_oid(p, e, text_of(v, "oid")));
		TRY(check_one(p, e));
		p->extension_count++;
	}
	return OK;
}

/* ---- values ---- */

static bool printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c != 0 && strchr(" '()+,-./:=?", c) != NULL)))
			return false;
	}
	return s.len > 0;
}

static RC put_string(const struct profile_ext *e, uint8_t tag, struct slice s, struct der_writer *w)
{
	REQUIRE(s.len > 0 && (tag != DER_PRINTABLE || printable(s)), IDENTITY,
	        "identity: extension %s: /%s is empty or has characters outside PrintableString", e->name,
	        e->from);
	der_put_text(w, tag, s);
	return OK;
}

/* IdentifyCode ::= CHOICE { residenterCardNumber [0] PrintableString, militaryOfficerCardNumber [1]
 * UTF8String, passportNumber [2] PrintableString }, tags explicit. */
static RC put_identify_code(const struct profile_ext *e, const json_t *document, struct der_writer *w)
{
	static const struct {
		const char *type;
		uint8_t tag;
	} choices[] = {{"citizen", DER_PRINTABLE}, {"military", DER_UTF8}, {"passport", DER_PRINTABLE}};
	struct slice type = text_of(document, "type");

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (!slice_is(type, choices[i].type))
			continue;
		der_begin(w, DER_CTXC(i));
		TRY(put_string(e, choices[i].tag, text_of(document, "number"), w));
		der_end(w);
		return OK;
	}
	REFUSE(IDENTITY, "identity: extension %s has no form for a document of kind %.*s", e->name,
	       (int)(type.len > 32 ? 32 : type.len), type.len > 0 ? (const char *)type.p : "");
}

static RC put_value(const struct profile_ext *e, const json_t *v, const char *entity, struct der_writer *w)
{
	struct slice text =
	        json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;

	switch (e->form) {
	case FORM_PRINTABLE:
		return put_string(e, DER_PRINTABLE, text, w);
	case FORM_UTF8:
		return put_string(e, DER_UTF8, text, w);
	case FORM_IDENTIFY_CODE:
		return put_identify_code(e, v, w);
	case FORM_DOCUMENT:
		REQUIRE(slice_is(text_of(v, "type"), e->document), IDENTITY,
		        "identity: extension %s is for a document of kind %s", e->name, e->document);
		return put_string(e, DER_PRINTABLE, text_of(v, "number"), w);
	case FORM_ENTITY:
		REQUIRE(entity == NULL || strlen(entity) == ENTITY_LEN, IDENTITY, "the entity id is no UUID");
		der_put_text(w, DER_PRINTABLE, slice_text(entity != NULL ? entity : ENTITY_EXAMPLE));
		return OK;
	case FORM_COUNT:
		break;
	}
	FAIL(RC_BUG, "profile: extension of form %d", e->form);
}

/* ---- which are wanted ---- */

static bool asked_for(const json_t *identity, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(identity, "disclose"), i, v)
	{
		if (json_is_string(v) && strcmp(json_string_value(v), name) == 0)
			return true;
	}
	return false;
}

static RC check_asked(const struct profile *p, const json_t *identity)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(identity, "disclose"), i, v)
	{
		const char *name = json_is_string(v) ? json_string_value(v) : "";
		bool known = false;
		for (size_t k = 0; k < p->extension_count; k++)
			known |= p->extension[k].discloses && strcmp(p->extension[k].name, name) == 0;
		REQUIRE(known, IDENTITY, "identity: /disclose/%zu: profile %s has no such extension", i,
		        p->id);
	}
	return OK;
}

RC profile_put_extensions(const struct profile *p, const json_t *identity, const char *entity,
                          struct der_writer *w)
{
	TRY(check_asked(p, identity));
	for (size_t i = 0; i < p->extension_count; i++) {
		const struct profile_ext *e = &p->extension[i];
		const json_t *v = e->from != NULL ? json_object_get(identity, e->from) : NULL;

		if (e->discloses && !asked_for(identity, e->name))
			continue;
		if (e->form != FORM_ENTITY && v == NULL) {
			REQUIRE(!e->discloses, IDENTITY,
			        "identity: /disclose asks for %s, but /%s is missing", e->name, e->from);
			continue;
		}
		der_begin(w, DER_SEQUENCE);
		der_put(w, DER_OID, slice_of(e->oid, e->oid_len));
		der_begin(w, DER_OCTET_STRING);
		TRY(put_value(e, v, entity, w));
		der_end(w);
		der_end(w);
	}
	return OK;
}
