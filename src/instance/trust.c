#include "instance/snapshot.h"

#include "base/mem.h"

static const char *const role_names[OFFICER_ROLE_COUNT] = {
        [OFFICER_ENTRY] = "entry",
        [OFFICER_REVIEW] = "review",
        [OFFICER_CA_OPERATOR] = "ca-operator",
        [OFFICER_KMC_OPERATOR] = "kmc-operator",
        [OFFICER_RECOVERY] = "recovery",
        [OFFICER_SUPER_ADMIN] = "super-admin",
        [OFFICER_AUDIT_ADMIN] = "audit-admin",
        [OFFICER_SECURITY_ADMIN] = "security-admin",
        [OFFICER_AUDITOR] = "auditor",
        [OFFICER_REGULATOR] = "regulator",
        [OFFICER_EVALUATOR] = "evaluator",
        [OFFICER_PROVINCE] = "province",
        [OFFICER_INSTITUTION] = "institution",
        [OFFICER_SOURCE] = "source",
        [OFFICER_ISSUE] = "issue",
        [OFFICER_QUERY] = "query",
};

const char *officer_role_name(enum officer_role r)
{
	return r < OFFICER_ROLE_COUNT ? role_names[r] : "";
}

RC officer_role_parse(struct slice name, enum officer_role *ret)
{
	for (unsigned r = 0; r < OFFICER_ROLE_COUNT; r++) {
		if (slice_is(name, role_names[r])) {
			*ret = (enum officer_role)r;
			return OK;
		}
	}
	FAIL(RC_INPUT, "no such role: %.*s", (int)name.len, (const char *)name.p);
}

struct trust *trust_hold(struct trust *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void trust_drop(struct trust *t)
{
	if (t != NULL && atomic_fetch_sub(&t->refs, 1) == 1)
		trust_free(t);
}

const struct trust_authority *trust_authority(const struct trust *t, const char *id)
{
	for (size_t i = 0; i < t->authorities; i++) {
		if (strcmp(t->authority[i].id, id) == 0)
			return &t->authority[i];
	}
	return NULL;
}

const struct trust_authority *trust_authority_at(const struct trust *t, size_t i)
{
	return i < t->authorities ? &t->authority[i] : NULL;
}

const struct trust_profile *trust_profile(const struct trust *t, const char *id)
{
	for (size_t i = 0; i < t->profiles; i++) {
		if (strcmp(t->profile[i].id, id) == 0)
			return &t->profile[i];
	}
	return NULL;
}

const struct trust_profile *trust_profile_at(const struct trust *t, size_t i)
{
	return i < t->profiles ? &t->profile[i] : NULL;
}

/* The plan's policy, else the demonstration's. */
const char *trust_policy(const struct trust *t, struct slice class)
{
	const json_t *policies = json_object_get(t->urls, "policies");
	bool gov = slice_is(class, "GOV");
	const char *oid;

	if (!gov && !slice_is(class, "PUBLIC"))
		return NULL;
	oid = json_string_value(json_object_get(policies, gov ? "GOV" : "PUBLIC"));
	if (oid != NULL)
		return oid;
	return gov ? PROFILE_POLICY_GOV : PROFILE_POLICY_PUBLIC;
}

const struct trust_authorisation *trust_authorisation(const struct trust *t)
{
	return &t->authorisation;
}

const struct trust_cps *trust_cps(const struct trust *t)
{
	return &t->cps;
}

const struct trust_ra *trust_ra(const struct trust *t)
{
	return &t->ra;
}

struct slice trust_kmc(const struct trust *t)
{
	return buf_slice(&t->kmc);
}

struct slice trust_ca_comm_of(const struct trust *t, const char *organisation)
{
	for (size_t i = 0; i < t->comms; i++)
		if (strcmp(t->comm[i].organisation, organisation) == 0)
			return buf_slice(&t->comm[i].der);
	return SLICE_NONE;
}

struct slice trust_ca_comm(const struct trust *t)
{
	return buf_slice(&t->ca_comm);
}

const struct statement_trust *trust_statements(const struct trust *t)
{
	return t->statements;
}

static void add_role(void *arg, const char *name)
{
	uint32_t *roles = arg;
	enum officer_role r;

	if (rc_ok(officer_role_parse(slice_text(name), &r)))
		*roles |= 1u << r;
}

uint32_t trust_roles(const struct trust *t, const char *organisation, const char *person, int64_t at)
{
	uint32_t roles = 0;

	statement_trust_roles(t->statements, organisation, slice_text(person), at, add_role, &roles);
	return roles;
}

struct slice trust_tls_pem(const struct trust *t)
{
	return buf_slice(&t->tls_pem);
}

const char *trust_tls_issuer(const struct trust *t, struct slice certificate)
{
	struct cert c;

	if (!rc_ok(cert_parse(certificate, &c)))
		return NULL;
	for (size_t i = 0; i < t->peers; i++) {
		const struct cert *ca = &t->peer[i].cert;

		if (slice_equal(c.issuer, ca->subject) && slice_equal(c.aki, ca->ski) &&
		    rc_ok(cert_verify(&c, &ca->key)))
			return t->peer[i].organisation;
	}
	return NULL;
}

void trust_free(struct trust *t)
{
	statement_trust_free(t->statements);
	for (size_t i = 0; i < TRUST_AUTHORITIES_MAX; i++)
		buf_free(&t->authority_der[i]);
	for (size_t i = 0; i < TRUST_PROFILES_MAX; i++) {
		profile_free(t->profile_owned[i]);
		buf_free(&t->profile_text[i]);
	}
	for (size_t i = 0; i < TRUST_PEERS_MAX; i++)
		buf_free(&t->peer[i].der);
	for (size_t i = 0; i < sizeof(t->kept) / sizeof(t->kept[0]); i++)
		statement_free(t->kept[i]);
	buf_free(&t->tls_pem);
	buf_free(&t->kmc);
	buf_free(&t->ca_comm);
	for (size_t i = 0; i < t->comms; i++)
		buf_free(&t->comm[i].der);
	json_decref(t->urls);
	mem_free(t);
}
