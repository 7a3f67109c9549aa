#ifndef YD_STATEMENT_KINDS_H
#define YD_STATEMENT_KINDS_H
/* The table behind kinds.def: names, who may sign, body schemas. */
#include "statement/statement.h"

#define SCHEMA_NAME "yuandian/statement/v1"

/* How a role is proven. */
enum statement_proof { PROOF_PIN, PROOF_SUBSCRIBER, PROOF_GRANT };
enum statement_proof statement_role_proof(struct slice role);
bool statement_kind_permits(enum statement_kind k, struct slice role);
/* The body against docs/schema/statement-KIND.json. */
RC statement_check_body(enum statement_kind k, const json_t *body);

/* What the JSON around a body says. */
struct statement_envelope {
	enum statement_kind kind;
	int64_t issued;
	struct slice organisation, role, person, certificate;
	json_t *body;
};
/* Canonical bytes, envelope form and body schema; *ret_json is the caller's. */
RC statement_read_json(struct slice json, json_t **ret_json, struct statement_envelope *ret);
/* "8-4-4-4-12", lower-case hex. */
bool statement_is_uuid(struct slice s);

#endif
