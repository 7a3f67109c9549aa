#include "statement/kinds.h"

#include "base/embed.h"
#include "embed_statement_schema.h"

#include <pthread.h>

static const struct {
	const char *name, *roles;
} kinds[STATEMENT_KINDS] = {
#define KIND(id, name, roles) {name, roles},
#include "statement/kinds.def"
#undef KIND
};

/* Process state: the parsed schemas, read once from the program itself and never changed. */
static pthread_mutex_t schema_lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *schemas[STATEMENT_KINDS];

const char *statement_kind_name(enum statement_kind k)
{
	return k < STATEMENT_KINDS ? kinds[k].name : "";
}

RC statement_kind_find(struct slice name, enum statement_kind *ret)
{
	for (unsigned i = 0; i < STATEMENT_KINDS; i++)
		if (slice_is(name, kinds[i].name)) {
			*ret = (enum statement_kind)i;
			return OK;
		}
	REFUSE(STATEMENT_SCHEMA, "statement: unknown kind");
}

enum statement_proof statement_role_proof(struct slice role)
{
	if (slice_is(role, "ceremony") || slice_is(role, "authority") || slice_is(role, "service") ||
	    slice_is(role, "log"))
		return PROOF_PIN;
	return slice_is(role, "subscriber") ? PROOF_SUBSCRIBER : PROOF_GRANT;
}

bool statement_kind_permits(enum statement_kind k, struct slice role)
{
	const char *p = kinds[k].roles;

	while (*p != '\0') {
		size_t n = strcspn(p, " ");

		if (slice_equal(role, slice_of(p, n)))
			return true;
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

static RC load_schema(enum statement_kind k, json_t **ret)
{
	char name[96];
	const struct embedded *file;

	(void)snprintf(name, sizeof(name), "docs/schema/statement-%s.json", kinds[k].name);
	file = embedded_find(embed_statement_schema, name);
	NEED(file != NULL, RC_BUG, "statement: no schema for %s", kinds[k].name);
	return rc_note(json_read(file->content, JSON_MAX, ret), "%s", name);
}

static RC find_schema(enum statement_kind k, const json_t **ret)
{
	struct rc rc = OK;

	(void)pthread_mutex_lock(&schema_lock);
	if (schemas[k] == NULL)
		rc = load_schema(k, &schemas[k]);
	*ret = schemas[k];
	(void)pthread_mutex_unlock(&schema_lock);
	return rc;
}

RC statement_check_body(enum statement_kind k, const json_t *body)
{
	const json_t *schema;
	struct rc rc;

	TRY(find_schema(k, &schema));
	rc = json_check(schema, body);
	if (rc.code != RC_INPUT)
		return rc;
	struct rc_text t = *rc_last();

	t.err = ERR_STATEMENT_SCHEMA;
	return rc_restore(&t);
}
