#include "ceremony/plan.h"

#include "base/mem.h"
#include "embed_plans.h"

#include <stdio.h>

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* ---- one row each ---- */
static RC add_org(struct plan *p, const json_t *o)
{
	static const char *const kinds[] = {"regulator", "kmc", "institution"};
	struct plan_org *r = &p->org[p->orgs];
	r->id = text_of(o, "id");
	r->name = text_of(o, "name");
	r->region = text_of(o, "region");
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(kinds[i], text_of(o, "kind")) == 0)
			r->kind = (enum plan_kind)i;
	for (size_t i = 0; i < p->orgs; i++)
		REQUIRE(strcmp(p->org[i].id, r->id) != 0, PLAN, "organisation %s stands twice", r->id);
	p->orgs++;
	return OK;
}

static const struct plan_org *find_org(const struct plan *p, const char *id, size_t len)
{
	for (size_t i = 0; i < p->orgs; i++)
		if (strlen(p->org[i].id) == len && strncmp(p->org[i].id, id, len) == 0)
			return &p->org[i];
	return NULL;
}

static const struct plan_instance *find_instance(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->instances && name != NULL; i++)
		if (strcmp(p->instance[i].name, name) == 0)
			return &p->instance[i];
	return NULL;
}

static RC add_instance(struct plan *p, const json_t *o)
{
	struct plan_instance *r = &p->instance[p->instances];
	r->name = text_of(o, "name");
	r->role = text_of(o, "role");
	r->org = find_org(p, r->name, strcspn(r->name, "/"));
	REQUIRE(r->org != NULL, PLAN, "instance %s: no such organisation", r->name);
	REQUIRE(find_instance(p, r->name) == NULL, PLAN, "instance %s stands twice", r->name);
	r->runs = strcmp(r->role, "none") != 0;
	r->public = strcmp(r->role, "source") == 0 || strcmp(r->role, "status") == 0;
	/* "shifan/ra-2" is a second instance of the role ra. */
	const char *folder = strchr(r->name, '/') + 1;
	size_t n = strlen(r->role);
	REQUIRE(!r->runs || (strncmp(folder, r->role, n) == 0 && (folder[n] == 0 || folder[n] == '-')), PLAN,
	        "instance %s is not named after its role %s", r->name, r->role);
	p->instances++;
	return OK;
}

static const struct plan_authority *find_authority(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->authorities; i++)
		if (strcmp(p->authority[i].id, id) == 0)
			return &p->authority[i];
	return NULL;
}

static enum key_kind kind_of(const char *algorithm)
{
	if (strcmp(algorithm, "sm2") == 0)
		return KEY_SM2;
	return strcmp(algorithm, "rsa-3072") == 0 ? KEY_RSA3072 : KEY_P256;
}

static RC check_issuer(const struct plan_authority *a, const char *issuer)
{
	if (a->level != PLAN_ISSUING) {
		REQUIRE(issuer == NULL, PLAN, "authority %s signs itself and names an issuer", a->id);
		return OK;
	}
	REQUIRE(issuer != NULL, PLAN, "authority %s has no issuer", a->id);
	if (a->external)
		return OK;
	REQUIRE(a->issuer != NULL, PLAN, "authority %s: its issuer %s does not stand before it", a->id,
	        issuer);
	REQUIRE(a->issuer->level == PLAN_ROOT && a->issuer->kind == a->kind, PLAN,
	        "authority %s: its issuer %s is not a root of the same algorithm", a->id, issuer);
	REQUIRE(a->issuer->years >= a->years, PLAN, "authority %s outlives its issuer %s", a->id, issuer);
	return OK;
}

static RC add_authority(struct plan *p, const json_t *o)
{
	struct plan_authority *r = &p->authority[p->authorities];
	const char *issuer = text_of(o, "issuer"), *level = text_of(o, "level"),
	           *status = text_of(o, "status");
	r->id = text_of(o, "id");
	r->name = text_of(o, "name");
	r->kind = kind_of(text_of(o, "algorithm"));
	r->years = (int)json_integer_value(json_object_get(o, "years"));
	r->level = strcmp(level, "root") == 0      ? PLAN_ROOT
	           : strcmp(level, "issuing") == 0 ? PLAN_ISSUING
	                                           : PLAN_OPERATOR;
	r->instance = find_instance(p, text_of(o, "instance"));
	r->external = issuer != NULL && strcmp(issuer, "external") == 0;
	r->issuer = issuer != NULL ? find_authority(p, issuer) : NULL;
	REQUIRE(find_authority(p, r->id) == NULL, PLAN, "authority %s stands twice", r->id);
	REQUIRE(r->instance != NULL, PLAN, "authority %s: no such instance", r->id);
	TRY(check_issuer(r, issuer));
	r->status = status != NULL ? find_instance(p, status) : r->level == PLAN_ROOT ? r->instance : NULL;
	REQUIRE(status == NULL || (r->status != NULL && r->status->public), PLAN,
	        "authority %s: status instance", r->id);
	REQUIRE(r->level != PLAN_ISSUING || r->status != NULL, PLAN, "authority %s has no status instance",
	        r->id);
	p->authorities++;
	return OK;
}

static RC add_officer(struct plan *p, const json_t *o)
{
	struct plan_officer *r = &p->officer[p->officers];
	const char *org = text_of(o, "organisation"), *same = text_of(o, "same_as");
	r->name = text_of(o, "name");
	r->person = text_of(o, "person");
	r->role = text_of(o, "role");
	r->org = find_org(p, org, strlen(org));
	REQUIRE(r->org != NULL, PLAN, "officer %s: no such organisation", r->name);
	REQUIRE(strcmp(r->name, "ca") != 0 && strcmp(r->name, "unlock") != 0, PLAN,
	        "officer %s: reserved name", r->name);
	for (size_t i = 0; i < p->officers; i++) {
		REQUIRE(strcmp(p->officer[i].name, r->name) != 0, PLAN, "officer %s stands twice", r->name);
		if (same != NULL && strcmp(p->officer[i].name, same) == 0)
			r->same = &p->officer[i];
	}
	REQUIRE(same == NULL || (r->same != NULL && r->same->org == r->org), PLAN,
	        "officer %s: no officer %s of that organisation before", r->name, same);
	p->officers++;
	return OK;
}

static RC each(struct plan *p, const char *key, RC (*add)(struct plan *p, const json_t *o))
{
	const json_t *list = json_object_get(p->json, key), *o;
	size_t i;
	json_array_foreach(list, i, o) TRY(add(p, o));
	return OK;
}

/* ---- the whole ---- */
const struct plan_authority *plan_operator(const struct plan *p, const struct plan_org *org,
                                           enum key_kind kind)
{
	for (size_t i = 0; i < p->authorities; i++) {
		const struct plan_authority *a = &p->authority[i];
		if (a->level == PLAN_OPERATOR && a->instance->org == org && a->kind == kind)
			return a;
	}
	return NULL;
}

const struct plan_instance *plan_find_role(const struct plan *p, const struct plan_org *org, const char *role)
{
	for (size_t i = 0; i < p->instances; i++)
		if (p->instance[i].org == org && strcmp(p->instance[i].role, role) == 0)
			return &p->instance[i];
	return NULL;
}

static RC check_org(const struct plan *p, const struct plan_org *org)
{
	static const struct {
		enum key_kind kind;
		const char *suffix;
	} wanted[] = {{KEY_SM2, "operator"}, {KEY_P256, "tls"}};
	for (size_t i = 0; i < 2; i++) {
		const struct plan_authority *a = plan_operator(p, org, wanted[i].kind);
		size_t n = strlen(org->id);
		REQUIRE(a != NULL && strncmp(a->id, org->id, n) == 0 && a->id[n] == '-' &&
		                strcmp(a->id + n + 1, wanted[i].suffix) == 0,
		        PLAN, "organisation %s needs the operator authority %s-%s", org->id, org->id,
		        wanted[i].suffix);
	}
	return OK;
}

static RC first_of_kinds(struct plan *p)
{
	for (size_t i = p->orgs; i > 0; i--) {
		const struct plan_org *o = &p->org[i - 1];
		TRY(check_org(p, o));
		if (o->kind == PLAN_REGULATOR && plan_find_role(p, o, "source") != NULL)
			p->national = o;
		else if (o->kind == PLAN_KMC)
			p->keycentre = o;
		else if (o->kind == PLAN_INSTITUTION)
			p->institution = o;
	}
	REQUIRE(p->national != NULL && p->keycentre != NULL && p->institution != NULL, PLAN,
	        "a plan has a regulator with a source, a key-management centre and an institution");
	REQUIRE(plan_find_role(p, p->institution, "ca") != NULL &&
	                plan_find_role(p, p->keycentre, "kmc") != NULL,
	        PLAN, "a plan has a ca at the institution and a kmc at the key-management centre");
	return OK;
}

static RC fill(struct plan *p)
{
	AUTO_JSON(schema, NULL);
	const struct embedded *e = embedded_find(embed_plans, "plans/plan.schema.json");
	NEED(e != NULL, RC_BUG, "plan: no schema");
	TRY(json_read(e->content, PLAN_MAX, &schema));
	struct rc rc = json_check(schema, p->json);
	if (!rc_ok(rc))
		REFUSE(PLAN, "%s", rc_last()->text);
	const json_t *port = json_object_get(p->json, "base_port");
	p->base_port = port != NULL ? (int)json_integer_value(port) : -1;
	p->test = json_is_true(json_object_get(p->json, "test"));
	p->public_url = text_of(p->json, "public_url");
	p->database = text_of(p->json, "database");
	p->policies = json_object_get(p->json, "policies");
	p->authorisation = json_object_get(p->json, "authorisation");
	p->cps = json_object_get(p->json, "cps");
	TRY(each(p, "organisations", add_org));
	TRY(each(p, "instances", add_instance));
	TRY(each(p, "authorities", add_authority));
	TRY(each(p, "officers", add_officer));
	return first_of_kinds(p);
}

RC plan_parse(struct slice json, struct plan **ret)
{
	AUTO(plan, p, mem_new(1, sizeof *p));
	NEED(p != NULL, RC_NOMEM, "plan");
	TRY(json_read(json, PLAN_MAX, &p->json));
	TRY(fill(p));
	*ret = MOVE(p);
	return OK;
}

RC plan_demo(struct plan **ret)
{
	const struct embedded *e = embedded_find(embed_plans, "plans/demo.json");
	NEED(e != NULL, RC_BUG, "plan: no demonstration plan");
	return plan_parse(e->content, ret);
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	json_decref(p->json);
	mem_free(p);
}
