#ifndef YD_CEREMONY_PLAN_H
#define YD_CEREMONY_PLAN_H
/* What a ceremony will make: JSON under plans/plan.schema.json.  plans/demo.json is embedded. */
#include "base/json.h"
#include "key/key.h"

#define PLAN_MAX (256u << 10)
#define PLAN_ORGS 32
#define PLAN_INSTANCES 64
#define PLAN_AUTHORITIES 32
#define PLAN_OFFICERS 128
#define PLAN_CLASSES 2

struct plan_org { const char *id, *name, *region; };
/* folder: "shifan/ca"; without a role process the signer's folder alone is made. */
struct plan_instance {
	const char *name, *role;
	const struct plan_org *org;
	bool runs;
};
struct plan_authority {
	const char *id, *cn;
	enum key_kind kind;
	const struct plan_instance *instance;               /* whose signer holds the key */
	const struct plan_authority *issuer;                /* NULL: self-signed, or external */
	const struct plan_instance *status;                 /* whose public port serves its CRL */
	bool external;                                      /* certificate comes from another root */
	int years;
	enum { PLAN_ROOT, PLAN_ISSUING, PLAN_OPERATOR } level;
};
struct plan_officer {
	const char *name, *person, *role;                   /* folder, 姓名, role or NULL (subscriber) */
	const struct plan_org *org;
};

/* Owns the JSON its texts point into. */
struct plan {
	json_t *json;
	bool test;
	int base_port;
	const char *public_url;                             /* NULL: http://127.0.0.1:PORT of the instance */
	const struct plan_org *national, *keycentre, *institution;
	size_t orgs, instances, authorities, officers;
	struct plan_org org[PLAN_ORGS];
	struct plan_instance instance[PLAN_INSTANCES];
	struct plan_authority authority[PLAN_AUTHORITIES];
	struct plan_officer officer[PLAN_OFFICERS];
	const char *policy[PLAN_CLASSES];                   /* dotted; GOV, PUBLIC */
	int revocation_seconds, crl_seconds, acceptance_days, authorisation_days;
};
RC   plan_parse(struct slice json, struct plan **ret);
RC   plan_demo(struct plan **ret);
void plan_free(struct plan *p);
DROP(plan, plan_free);

#endif
