/* Reading profiles, and what can be asked of them. */
#include "pki/profile.h"

#include "base/mem.h"
#include "embed_profiles.h"
#include "pki/name.h"
#include "pki/profile_parts.h"

#include <pthread.h>

#define BUILTIN_MAX 64
#define FOLDER "profiles/"
#define SUFFIX ".json"
#define SCHEMA "profiles/profile.schema.json"

/* Filled once, constant afterwards. */
static struct {
	json_t *schema;
	char ids[BUILTIN_MAX][PROFILE_ID_MAX + 1];
	struct slice files[BUILTIN_MAX];
	size_t count;
} builtin;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
	for (const struct embedded *e = embed_profiles; e->name != NULL; e++) {
		size_t len = strlen(e->name) - strlen(FOLDER SUFFIX);
		if (strcmp(e->name, SCHEMA) == 0) {
			(void)rc_ok(json_read(e->content, PROFILE_MAX, &builtin.schema));
		} else if (len <= PROFILE_ID_MAX && builtin.count < BUILTIN_MAX) {
			memcpy(builtin.ids[builtin.count], e->name + strlen(FOLDER), len);
			builtin.files[builtin.count++] = e->content;
		}
	}
}

/* ---- reading ---- */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static RC read_usage(const json_t *o, struct profile_use *u)
{
	size_t i;
	json_t *v;
	uint32_t bit;

	json_array_foreach(json_object_get(o, "key_usage"), i, v)
	{
		TRY(key_usage_find(slice_text(json_string_value(v)), &bit));
		u->usage |= bit;
	}
	return OK;
}

static void read_purposes(const json_t *o, struct profile_use *u)
{
	static const enum oid known[] = {OID_KP_SERVER, OID_KP_CLIENT, OID_KP_EMAIL, OID_KP_TIMESTAMP,
	                                 OID_KP_OCSP};
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(o, "extended"), i, v)
	{
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (strcmp(json_string_value(v), oid_name(known[k])) == 0)
				u->purposes.at[u->purposes.count++] = known[k];
		}
	}
}

static void read_san(const json_t *o, struct profile_use *u)
{
	static const char *const names[SAN_KINDS] = {"entity", "email", "dns", "ip", "instance"};
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(o, "san"), i, v)
	{
		for (unsigned k = 0; k < SAN_KINDS; k++) {
			if (strcmp(json_string_value(v), names[k]) == 0)
				u->san[u->san_count++] = (enum profile_san)k;
		}
	}
}

static RC read_use(const json_t *json, const char *key, struct profile_use *u)
{
	const json_t *o = json_object_get(json, key);

	if (o == NULL)
		return OK;
	u->there = true;
	u->purposes_critical = json_is_true(json_object_get(o, "extended_critical"));
	read_san(o, u);
	read_purposes(o, u);
	return read_usage(o, u);
}

static RC read_subject(struct profile *p)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(p->json, "subject"), i, v)
	{
		struct profile_rdn *r = &p->subject[p->subject_count++];
		r->value = text_of(v, "value");
		r->from = text_of(v, "from");
		r->optional = json_is_true(json_object_get(v, "optional"));
		TRY(name_type_find(slice_text(text_of(v, "type")), &r->type));
		REQUIRE((r->value == NULL) != (r->from == NULL), PROFILE,
		        "profile %s: subject %s has either a value or a member it comes from", p->id,
		        text_of(v, "type"));
		if (r->value != NULL)
			TRY(name_value_check(r->type, slice_text(r->value)));
	}
	return OK;
}

static RC read_lists(struct profile *p)
{
	size_t i;
	json_t *v;
	enum pubkey_kind kind;

	json_array_foreach(json_object_get(p->json, "keys"), i, v)
	{
		TRY(pubkey_kind_find(slice_text(json_string_value(v)), &kind));
		p->keys[kind] = true;
	}
	json_array_foreach(json_object_get(p->json, "classes"), i, v) p->classes[p->class_count++] =
	        json_string_value(v);
	return OK;
}

static void read_plain(struct profile *p)
{
	const json_t *days = json_object_get(p->json, "validity_days");
	const json_t *ca = json_object_get(p->json, "ca");

	p->id = text_of(p->json, "id");
	p->dual = json_is_true(json_object_get(p->json, "dual"));
	p->internal = json_is_true(json_object_get(p->json, "internal"));
	p->nocheck = json_is_true(json_object_get(p->json, "nocheck"));
	p->any_policy = json_object_get(p->json, "policy") != NULL;
	p->days = json_integer_value(json_object_get(days, "default"));
	p->days_max = json_integer_value(json_object_get(days, "max"));
	p->key_life = json_integer_value(json_object_get(p->json, "key_life_days"));
	p->ca = ca != NULL;
	p->path_length = -1;
	if (json_object_get(ca, "path_length") != NULL)
		p->path_length = (int)json_integer_value(json_object_get(ca, "path_length"));
}

/* What the schema cannot say. */
static RC check_whole(const struct profile *p)
{
	REQUIRE(p->days <= p->days_max, PROFILE, "profile %s: default validity above the most", p->id);
	REQUIRE(p->days_max <= p->key_life, PROFILE,
	        "profile %s: a key's life is shorter than the most one certificate may last", p->id);
	REQUIRE(p->dual == p->encrypt.there, PROFILE, "profile %s: \"encrypt\" belongs to a pair", p->id);
	REQUIRE(!p->dual || p->keys[PUBKEY_SM2], PROFILE, "profile %s: pairs have SM2 keys", p->id);
	REQUIRE((p->class_count > 0) == !p->internal, PROFILE,
	        "profile %s: subscribers' profiles have service classes, internal ones have none (R02.1)",
	        p->id);
	REQUIRE(p->ca == ((p->sign.usage & (USAGE_CERT_SIGN | USAGE_CRL_SIGN)) != 0), PROFILE,
	        "profile %s: keyCertSign is for authorities and only for them", p->id);
	REQUIRE(!p->ca || (p->internal && !p->dual), PROFILE, "profile %s: an authority is internal", p->id);
	REQUIRE(!p->dual || (p->sign.usage & p->encrypt.usage) == 0, PROFILE,
	        "profile %s: both parts of the pair are for the same use (R06.9)", p->id);
	return OK;
}

static RC load(struct profile *p)
{
	read_plain(p);
	TRY(read_lists(p));
	TRY(read_subject(p));
	TRY(read_use(p->json, "sign", &p->sign));
	TRY(read_use(p->json, "encrypt", &p->encrypt));
	TRY(read_use(p->json, "single", &p->single));
	TRY(profile_read_extensions(p));
	return check_whole(p);
}

RC profile_load(struct slice json, struct profile **ret)
{
	AUTO(profile, p, mem_new(1, sizeof(*p)));
	struct rc rc;

	pthread_once(&once, fill);
	NEED(p != NULL, RC_NOMEM, "profile: out of memory");
	NEED(builtin.schema != NULL, RC_NOMEM, "profile: no schema");
	TRY(json_read(json, PROFILE_MAX, &p->json));
	rc = json_check(builtin.schema, p->json);
	if (rc.code == RC_INPUT) {
		struct rc_text why = *rc_last();
		REFUSE(PROFILE, "profile: %s", why.text);
	}
	TRY(rc);
	TRY(load(p));
	*ret = MOVE(p);
	return OK;
}

void profile_free(struct profile *p)
{
	if (p == NULL)
		return;
	json_decref(p->json);
	mem_free(p);
}

/* ---- embedded ---- */

struct slice profile_builtin_text(const char *id)
{
	pthread_once(&once, fill);
	for (size_t i = 0; i < builtin.count; i++) {
		if (strcmp(builtin.ids[i], id) == 0)
			return builtin.files[i];
	}
	return SLICE_NONE;
}

RC profile_builtin(const char *id, struct profile **ret)
{
	struct slice text = profile_builtin_text(id);

	NEED(text.len > 0, RC_NOTFOUND, "no profile \"%.*s\"", PROFILE_ID_MAX, id);
	return profile_load(text, ret);
}

const char *profile_builtin_id(size_t i)
{
	pthread_once(&once, fill);
	return i < builtin.count ? builtin.ids[i] : NULL;
}

/* ---- questions ---- */

const char *profile_id(const struct profile *p)
{
	return p->id;
}

const char *profile_title(const struct profile *p, bool english)
{
	return text_of(json_object_get(p->json, "title"), english ? "en" : "zh");
}

bool profile_dual(const struct profile *p)
{
	return p->dual;
}

bool profile_internal(const struct profile *p)
{
	return p->internal;
}

bool profile_has_class(const struct profile *p, struct slice class)
{
	for (size_t i = 0; i < p->class_count; i++) {
		if (slice_is(class, p->classes[i]))
			return true;
	}
	return false;
}

bool profile_has_key(const struct profile *p, enum pubkey_kind kind)
{
	return p->keys[kind];
}

int profile_days(const struct profile *p)
{
	return (int)p->days;
}

int profile_days_max(const struct profile *p)
{
	return (int)p->days_max;
}

const json_t *profile_example(const struct profile *p)
{
	return json_object_get(p->json, "example");
}

const json_t *profile_json(const struct profile *p)
{
	return p->json;
}

const struct profile_use *profile_use(const struct profile *p, enum profile_part part, enum pubkey_kind kind)
{
	if (part == PROFILE_ENCRYPT)
		return &p->encrypt;
	return kind != PUBKEY_SM2 && p->single.there ? &p->single : &p->sign;
}
