/* From facts to bytes: subject, validity, TBSCertificate. */
#include "base/text.h"
#include "base/time.h"
#include "pki/name.h"
#include "pki/profile_parts.h"

#define ENTITY_PREFIX "urn:uuid:"
#define ENTITY_LEN 36
#define INSTANCE_PREFIX "yuandian://"
#define POLICY_MAX 32

/* ---- subject ---- */

RC profile_subject(const struct profile *p, const json_t *identity, struct buf *ret)
{
	struct name_attribute a[PROFILE_SUBJECT];
	size_t n = 0;

	for (size_t i = 0; i < p->subject_count; i++) {
		const struct profile_rdn *r = &p->subject[i];
		struct slice value;
		if (r->value != NULL) {
			value = slice_text(r->value);
		} else {
			const json_t *v = json_object_get(identity, r->from);
			if (v == NULL && r->optional)
				continue;
			REQUIRE(json_is_string(v), IDENTITY, "identity: /%s is missing", r->from);
			value = slice_of(json_string_value(v), json_string_length(v));
		}
		a[n++] = (struct name_attribute){.type = r->type, .value = value};
	}
	return name_build(a, n, ret);
}

/* ---- validity ---- */

RC profile_validity(const struct profile *p, const struct authority *a, int64_t from, int days,
                    int64_t *not_after)
{
	int64_t end;

	if (days == 0)
		days = (int)p->days;
	REQUIRE(days > 0 && days <= p->days_max, PROFILE_VALIDITY, "profile %s: %d days; 1 to %d are allowed",
	        p->id, days, (int)p->days_max);
	end = from + days * TIME_DAY - 1;
	if (a->not_after != 0 && end > a->not_after)
		end = a->not_after;
	REQUIRE(end > from, PROFILE_VALIDITY, "authority %s ends before the certificate would begin", a->id);
	*not_after = end;
	return OK;
}

static RC check_validity(const struct profile *p, const struct authority *a, const struct profile_facts *f)
{
	int64_t most = f->extended ? profile_key_life(p) : p->days_max;

	REQUIRE(f->not_before < f->not_after && f->not_after - f->not_before < most * TIME_DAY,
	        PROFILE_VALIDITY, "profile %s: more than %d days", p->id, (int)most);
	REQUIRE(a->not_after == 0 || f->not_after <= a->not_after, PROFILE_VALIDITY,
	        "the certificate would outlive authority %s", a->id);
	return OK;
}

/* ---- subjectAltName ---- */

/* Room for what the template borrows. */
struct space {
	struct pubkey key;
	uint8_t ski[PUBKEY_SKI];
	struct buf subject, policy;
	char entity[sizeof(ENTITY_PREFIX) + ENTITY_LEN];
	char instance[EXT_URL_MAX + 1];
	uint8_t ip[PROFILE_NAMES][16];
	struct general_name names[PROFILE_NAMES];
	size_t count;
	struct der_writer more;
};

static RC add_name(struct space *s, enum general_kind kind, struct slice text)
{
	REQUIRE(s->count < PROFILE_NAMES, IDENTITY, "identity: more than %d names", PROFILE_NAMES);
	TRY(general_from_text(kind, text, s->ip[s->count], &s->names[s->count]));
	s->count++;
	return OK;
}

/* A text or an array of texts; nothing when the member is not there. */
static RC add_member(struct space *s, enum general_kind kind, const json_t *v)
{
	size_t i;
	json_t *one;

	if (json_is_string(v))
		return add_name(s, kind, slice_of(json_string_value(v), json_string_length(v)));
	json_array_foreach(v, i, one)
	{
		REQUIRE(json_is_string(one), IDENTITY, "identity: a name is not a text");
		TRY(add_name(s, kind, slice_of(json_string_value(one), json_string_length(one))));
	}
	return OK;
}

static RC add_entity(struct space *s, const char *entity)
{
	REQUIRE(entity != NULL && strlen(entity) == ENTITY_LEN, IDENTITY,
	        "the entity id is missing or no UUID");
	memcpy(s->entity, ENTITY_PREFIX, sizeof(ENTITY_PREFIX));
	memcpy(s->entity + sizeof(ENTITY_PREFIX) - 1, entity, ENTITY_LEN + 1);
	return add_name(s, GENERAL_URI, slice_text(s->entity));
}

static RC add_instance(struct space *s, const json_t *v)
{
	size_t prefix = sizeof(INSTANCE_PREFIX) - 1, len = json_string_length(v);

	if (v == NULL)
		return OK;
	REQUIRE(json_is_string(v) && prefix + len <= EXT_URL_MAX, IDENTITY, "identity: /instance is no name");
	memcpy(s->instance, INSTANCE_PREFIX, prefix);
	memcpy(s->instance + prefix, json_string_value(v), len + 1);
	return add_name(s, GENERAL_URI, slice_text(s->instance));
}

static RC add_kind(struct space *s, enum profile_san kind, const struct profile_facts *f)
{
	switch (kind) {
	case SAN_ENTITY:
		return add_entity(s, f->entity);
	case SAN_INSTANCE:
		return add_instance(s, json_object_get(f->identity, "instance"));
	case SAN_EMAIL:
		return add_member(s, GENERAL_EMAIL, json_object_get(f->identity, "email"));
	case SAN_DNS:
		return add_member(s, GENERAL_DNS, json_object_get(f->identity, "dns"));
	case SAN_IP:
		return add_member(s, GENERAL_IP, json_object_get(f->identity, "ip"));
	case SAN_KINDS:
		break;
	}
	FAIL(RC_BUG, "profile: name of kind %d", kind);
}

static RC try_use(const struct profile_use *use, const struct profile_facts *f)
{
	struct space s = {.count = 0};

	for (size_t i = 0; i < use->san_count; i++) {
		if (use->san[i] != SAN_ENTITY) /* not known yet */
			TRY(add_kind(&s, use->san[i], f));
	}
	return OK;
}

RC profile_check_names(const struct profile *p, const json_t *identity)
{
	const struct profile_use *uses[] = {&p->sign, &p->encrypt, &p->single};
	struct profile_facts f = {.identity = identity};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct rc rc = try_use(uses[i], &f);
		if (rc.code == RC_INPUT) {
			struct rc_text why = *rc_last();
			REFUSE(IDENTITY, "identity: %s", why.text);
		}
		TRY(rc);
	}
	return OK;
}

/* ---- policies ---- */

static RC add_policy(const struct profile *p, const struct profile_facts *f, struct space *s,
                     struct cert_template *t)
{
	const char *dotted = f->policy;

	if (p->any_policy)
		t->policies.at[t->policies.count++] = oid_contents(OID_ANY_POLICY);
	if (p->class_count == 0) {
		REQUIRE(f->class.len == 0, PROFILE_CLASS, "profile %s has no service class", p->id);
		return OK;
	}
	REQUIRE(profile_has_class(p, f->class), PROFILE_CLASS, "profile %s: class \"%.*s\"", p->id,
	        (int)(f->class.len > 16 ? 16 : f->class.len),
	        f->class.len > 0 ? (const char *)f->class.p : "");
	if (dotted == NULL)
		dotted = slice_is(f->class, "GOV") ? PROFILE_POLICY_GOV : PROFILE_POLICY_PUBLIC;
	TRY(oid_from_dotted(slice_text(dotted), &s->policy));
	t->policies.at[t->policies.count++] = buf_slice(&s->policy);
	return OK;
}

/* ---- certificate ---- */

static RC check_key(const struct profile *p, const struct authority *a, const struct pubkey *k,
                    enum profile_part part)
{
	REQUIRE(p->keys[k->kind], PROFILE_KEY, "profile %s: keys of kind %s", p->id,
	        pubkey_kind_name(k->kind));
	REQUIRE(part == PROFILE_SIGN || (p->dual && k->kind == PUBKEY_SM2), PROFILE_KEY,
	        "profile %s: no encryption certificate for a %s key", p->id, pubkey_kind_name(k->kind));
	/* R06.15: a chain has one family of algorithms */
	REQUIRE((k->kind == PUBKEY_SM2) == (a->key == PUBKEY_SM2), AUTHORITY_WRONG,
	        "authority %s (%s) does not certify %s keys", a->id, pubkey_kind_name(a->key),
	        pubkey_kind_name(k->kind));
	return OK;
}

static void set_plain(const struct profile *p, const struct authority *a, const struct profile_facts *f,
                      struct cert_template *t)
{
	t->serial = f->serial;
	t->alg = sigalg_of(a->key, a->sm2_null);
	t->not_before = f->not_before;
	t->not_after = f->not_after;
	t->spki = f->spki;
	t->basic = t->ca = p->ca;
	t->path_length = p->path_length;
	t->crl_url = a->crl_url;
	t->ocsp_url = a->ocsp_url;
	t->ca_url = a->ca_url;
	t->nocheck = p->nocheck;
}

static RC fill(const struct profile *p, const struct authority *a, const struct profile_facts *f,
               enum profile_part part, struct space *s, struct cert_template *t)
{
	const struct profile_use *use;

	TRY(pubkey_parse(f->spki, &s->key));
	TRY(check_key(p, a, &s->key, part));
	TRY(check_validity(p, a, f));
	TRY(pubkey_ski(&s->key, s->ski));
	TRY(profile_subject(p, f->identity, &s->subject));
	use = profile_use(p, part, s->key.kind);
	for (size_t i = 0; i < use->san_count; i++)
		TRY(add_kind(s, use->san[i], f));
	set_plain(p, a, f, t);
	TRY(add_policy(p, f, s, t));
	/* "": an extension that names the entity does not go without one */
	TRY(profile_put_extensions(p, f->identity, f->entity != NULL ? f->entity : "", &s->more));
	TRY(buf_done(&s->more.out));
	t->usage = use->usage;
	t->purposes = use->purposes;
	t->purposes_critical = use->purposes_critical;
	t->extensions = buf_slice(&s->more.out);
	t->subject = buf_slice(&s->subject);
	t->issuer = a->name.len > 0 ? a->name : t->subject;
	t->ski = SLICE_ARR(s->ski);
	t->aki = a->ski.len > 0 ? a->ski : t->ski;
	t->names = s->names;
	t->name_count = s->count;
	return OK;
}

RC profile_tbs(const struct profile *p, const struct authority *a, const struct profile_facts *f,
               enum profile_part part, struct buf *ret)
{
	struct space s = {.subject = BUF(NAME_DER_MAX),
	                  .policy = BUF(POLICY_MAX),
	                  .more = DER_WRITER(PROFILE_EXTENSIONS * PROFILE_EXTENSION_MAX)};
	struct cert_template t = {0};
	struct rc rc = fill(p, a, f, part, &s, &t);

	if (rc_ok(rc))
		rc = cert_tbs(&t, ret);
	buf_free(&s.subject);
	buf_free(&s.policy);
	der_writer_free(&s.more);
	return rc;
}

RC authority_from_cert(const struct cert *c, struct authority *ret)
{
	REQUIRE(c->ca && c->ski.len > 0, CHAIN_NOT_CA,
	        "the certificate of an authority is a CA's, with a key identifier");
	ret->name = c->subject;
	ret->ski = c->ski;
	ret->key = c->key.kind;
	ret->not_after = c->not_after;
	return OK;
}
