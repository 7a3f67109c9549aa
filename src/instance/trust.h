#ifndef YD_INSTANCE_TRUST_H
#define YD_INSTANCE_TRUST_H
/* The public trust material of an instance, DIR/ORG/ROLE/trust/ (as ceremony/trust.c lays it), read once into
 * an immutable, counted snapshot.  Roles and signers read the same files; every statement in it is verified
 * on loading and a file that does not verify fails the whole load.  All slices and pointers borrowed from a
 * snapshot live as long as it. */
#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/rc.h"
#include "pki/profile.h"
#include "statement/statement.h"

#include <stdint.h>

#define TRUST_ID_MAX 48 /* authority id, organisation */
#define TRUST_PERSON 36 /* UUID text */
#define TRUST_AUTHORITIES_MAX 64
#define TRUST_PEERS_MAX 32
#define TRUST_PROFILES_MAX 64
#define TRUST_FILE_MAX (256u << 10)

/* Roles of officers, as bits of peer.roles and of the route tables' who masks. */
enum officer_role {
	OFFICER_ENTRY,
	OFFICER_REVIEW,
	OFFICER_CA_OPERATOR,
	OFFICER_KMC_OPERATOR,
	OFFICER_RECOVERY,
	OFFICER_SUPER_ADMIN,
	OFFICER_AUDIT_ADMIN,
	OFFICER_SECURITY_ADMIN,
	OFFICER_AUDITOR,
	OFFICER_REGULATOR,
	OFFICER_EVALUATOR,
	OFFICER_PROVINCE,
	OFFICER_INSTITUTION,
	OFFICER_SOURCE,
	OFFICER_ISSUE, /* hands certificates over and records their acceptance */
	OFFICER_QUERY, /* looks, and does nothing else */
	OFFICER_ROLE_COUNT
};
#define OFFICER(r) (1u << OFFICER_##r)
#define OFFICER_ANY ((1u << OFFICER_ROLE_COUNT) - 1)
const char *officer_role_name(enum officer_role r); /* "ca-operator" */
RC officer_role_parse(struct slice name, enum officer_role *ret);

/* authorities/ID.cer, URLs from authorities.json beside them. */
struct trust_authority {
	char id[TRUST_ID_MAX + 1];
	struct cert cert;       /* parsed certificate: name, key, ski, validity, DER */
	struct authority issue; /* what certificates under it depend on */
	bool self_signed;
};

/* authorisation.p7s, signed by the national authority (authority.cer). */
struct trust_authorisation {
	bool present, demonstration;
	int64_t number, not_before, not_after;
	char institution[TRUST_ID_MAX + 1];
	const json_t *body; /* classes, regions, ra, profiles */
	uint8_t hash[32];   /* of the statement's DER */
};

/* cps.p7s, signed by the own organisation. */
struct trust_cps {
	bool present;
	int64_t version, effective, revocation_seconds, crl_period_seconds, acceptance_days;
	int64_t hold_days; /* of a suspension, then it becomes a revocation (R21.7) */
	bool revoke_pair;  /* what ends one certificate of a pair ends the other too (R31.3) */
	uint8_t hash[32];
};

#define TRUST_HOLD_DAYS 30 /* of a CPS that says nothing */

struct trust_ra { /* ra-approval.p7s */
	bool present;
	char ra[TRUST_ID_MAX + TRUST_ID_MAX + 1];
	int64_t not_after;
	const json_t *body; /* regions, classes */
};

struct trust_profile {
	char id[TRUST_ID_MAX + 1];
	struct slice text; /* the file's bytes */
	uint8_t hash[32];  /* SM3 of them, as authorisations name it */
	const struct profile *profile;
};

struct trust;
/* organisation: of the instance; its ceremony.cer pins the grants. */
RC trust_load(const char *trust_dir, const char *organisation, struct trust **ret);
struct trust *trust_hold(struct trust *t);
void trust_drop(struct trust *t);
DROP(trust, trust_drop);

const struct trust_authority *trust_authority(const struct trust *t, const char *id);
const struct trust_authority *trust_authority_at(const struct trust *t, size_t i); /* NULL at end */
/* Policy OID (dotted) of a service class. */
const char *trust_policy(const struct trust *t, struct slice class);
const struct trust_profile *trust_profile(const struct trust *t, const char *id);
const struct trust_profile *trust_profile_at(const struct trust *t, size_t i);
const struct trust_authorisation *trust_authorisation(const struct trust *t);
const struct trust_cps *trust_cps(const struct trust *t);
const struct trust_ra *trust_ra(const struct trust *t);
struct slice trust_kmc(const struct trust *t);     /* kmc.cer; empty when absent */
struct slice trust_ca_comm(const struct trust *t); /* ca-comm.cer; empty when absent */
/* At a KMC: of the CA of that organisation (ca-comm/ORG.cer); empty when it is not registered. */
struct slice trust_ca_comm_of(const struct trust *t, const char *organisation);
/* What statement_verify wants: operator CAs, pinned certificates, grants, subscriber CAs. */
const struct statement_trust *trust_statements(const struct trust *t);

/* Roles of a person of that organisation at an instant, as a mask of OFFICER(...) bits; 0 for strangers. */
uint32_t trust_roles(const struct trust *t, const char *organisation, const char *person, int64_t at);
/* PEM of all TLS operator CAs, own organisation first: what TLS contexts trust. */
struct slice trust_tls_pem(const struct trust *t);
/* Organisation of the TLS operator CA that issued this peer certificate: no organisation's CA may name
 * another organisation's instances or officers (design.md 2).  NULL for a stranger. */
const char *trust_tls_issuer(const struct trust *t, struct slice certificate);

#endif
