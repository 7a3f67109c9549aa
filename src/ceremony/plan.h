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

enum plan_kind { PLAN_REGULATOR, PLAN_KMC, PLAN_INSTITUTION };
struct plan_org {
	const char *id, *name, *region; /* region may be NULL */
	enum plan_kind kind;
};
/* "shifan/ca".  Role "none": no process, only a place for keys (an organisation without a service yet). */
struct plan_instance {
	const char *name, *role;
	const struct plan_org *org;
	bool runs, public; /* public: has a plain HTTP listener */
};
enum plan_level { PLAN_ROOT, PLAN_ISSUING, PLAN_OPERATOR };
struct plan_authority {
	const char *id, *name;
	enum key_kind kind;
	enum plan_level level;
	const struct plan_instance *instance; /* whose signer holds the key */
	const struct plan_authority *issuer;  /* NULL: self-signed or external */
	const struct plan_instance *status;   /* who answers for what it issues; NULL: nobody */
	bool external;                        /* certificate comes from another root */
	int years;
};
struct plan_officer {
	const char *name, *person, *role; /* folder, 姓名, role; NULL: a subscriber */
	const struct plan_officer *same;  /* another account of that natural person; NULL */
	const struct plan_org *org;
};

/* Owns the JSON its texts point into. */
struct plan {
	json_t *json;
	bool test;
	int base_port;          /* -1: not said */
	const char *database;   /* "pgsql:CONNINFO", a schema per instance; NULL: a file per instance */
	const char *public_url; /* NULL: http://127.0.0.1:PORT of the instance */
	const struct plan_org *national, *institution, *keycentre; /* first of each kind */
	size_t orgs, instances, authorities, officers;
	struct plan_org org[PLAN_ORGS];
	struct plan_instance instance[PLAN_INSTANCES];
	struct plan_authority authority[PLAN_AUTHORITIES];
	struct plan_officer officer[PLAN_OFFICERS];
	const json_t *policies, *authorisation, *cps; /* borrowed parts */
};
/* Schema, then what a schema cannot say: names resolve, issuers come first and fit, each
 * organisation with officers or instances has its operator CAs ORG-operator (SM2) and ORG-tls. */
RC plan_parse(struct slice json, struct plan **ret);
RC plan_demo(struct plan **ret);
void plan_free(struct plan *p);
DROP(plan, plan_free);

/* The organisation's operator CA for that kind of key; NULL when there is none. */
const struct plan_authority *plan_operator(const struct plan *p, const struct plan_org *org,
                                           enum key_kind kind);
/* The first running instance of an organisation in a role; NULL when there is none. */
const struct plan_instance *plan_find_role(const struct plan *p, const struct plan_org *org,
                                           const char *role);

#endif
