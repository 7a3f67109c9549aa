/* JSON Schema 2020-12, the part that json.h names. */
#include "base/json.h"
#include "base/mem.h"

#include <pthread.h>
#include <regex.h>

#define POINTER_MAX 200
#define REF_PREFIX "#/$defs/"

struct check {
	const json_t *root;
	struct buf at; /* JSON pointer of the value */
	unsigned depth;
};

static RC check_value(struct check *c, const json_t *schema, const json_t *v);

#define WRONG(c, ...) return wrong((c), __VA_ARGS__)

static struct rc __attribute__((format(printf, 2, 3))) wrong(struct check *c, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	REFUSE(JSON, "%s: %s", c->at.failed || c->at.len == 0 ? "/" : buf_cstr(&c->at), text);
}

static RC bad_schema(const char *keyword)
{
	FAIL(RC_INPUT, "JSON schema: %.64s is wrong or not supported", keyword);
}

static size_t code_points(const json_t *v)
{
	const char *s = json_string_value(v);
	size_t n = 0, i;

	for (i = 0; i < json_string_length(v); i++)
		n += ((uint8_t)s[i] & 0xc0) != 0x80;
	return n;
}

static bool is_type(const json_t *v, const char *name)
{
	static const struct {
		const char *name;
		json_type type;
	} types[] = {
	        {"object", JSON_OBJECT},   {"array", JSON_ARRAY},    {"string", JSON_STRING},
	        {"integer", JSON_INTEGER}, {"number", JSON_INTEGER}, {"number", JSON_REAL},
	        {"boolean", JSON_TRUE},    {"boolean", JSON_FALSE},  {"null", JSON_NULL},
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == json_typeof(v) && strcmp(types[i].name, name) == 0)
			return true;
	return false;
}

static RC check_type(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	size_t i;

	(void)schema;
	if (json_is_string(rule)) {
		if (!is_type(v, json_string_value(rule)))
			WRONG(c, "must be of type %s", json_string_value(rule));
		return OK;
	}
	if (!json_is_array(rule))
		return bad_schema("type");
	for (i = 0; i < json_array_size(rule); i++)
		if (json_is_string(json_array_get(rule, i)) &&
		    is_type(v, json_string_value(json_array_get(rule, i))))
			return OK;
	WRONG(c, "has a type that is not allowed");
}

static RC check_const(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	(void)schema;
	if (!json_equal(rule, v))
		WRONG(c, "has another value than the only one allowed");
	return OK;
}

static RC check_enum(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	size_t i;

	(void)schema;
	if (!json_is_array(rule))
		return bad_schema("enum");
	for (i = 0; i < json_array_size(rule); i++)
		if (json_equal(json_array_get(rule, i), v))
			return OK;
	WRONG(c, "is not one of the %zu allowed values", json_array_size(rule));
}

/* ---- patterns: compiled once ---- */

/* Process state: filled up, never emptied.  Schemas are part of the installation, so their patterns are few;
 * what finds no place is compiled for the one use. */
#define PATTERNS 256
static struct pattern {
	char *text;
	regex_t regex;
} patterns[PATTERNS];
static pthread_rwlock_t patterns_lock = PTHREAD_RWLOCK_INITIALIZER;

/* The slot of a text, or the free one where it belongs; NULL when all are taken by others. */
static struct pattern *pattern_slot(const char *text)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *p = text; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	for (uint32_t i = 0; i < PATTERNS; i++) {
		struct pattern *at = &patterns[(h + i) % PATTERNS];

		if (at->text == NULL || strcmp(at->text, text) == 0)
			return at;
	}
	return NULL;
}

static bool pattern_known(const char *text, const regex_t **ret)
{
	const struct pattern *at;

	(void)pthread_rwlock_rdlock(&patterns_lock);
	at = pattern_slot(text);
	*ret = at != NULL && at->text != NULL ? &at->regex : NULL;
	(void)pthread_rwlock_unlock(&patterns_lock);
	return *ret != NULL;
}

/* Keeps it when there is room (then *regex is no longer the caller's). */
static bool pattern_keep(const char *text, const regex_t *regex)
{
	char *copy = mem_text(text);
	struct pattern *at;
	bool kept;

	if (copy == NULL)
		return false;
	(void)pthread_rwlock_wrlock(&patterns_lock);
	at = pattern_slot(text);
	kept = at != NULL && at->text == NULL;
	if (kept)
		*at = (struct pattern){copy, *regex};
	(void)pthread_rwlock_unlock(&patterns_lock);
	if (!kept)
		mem_free(copy);
	return kept;
}

static RC check_pattern(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	const regex_t *known;
	regex_t fresh;
	int result;

	(void)schema;
	if (!json_is_string(v))
		return OK;
	if (!json_is_string(rule))
		return bad_schema("pattern");
	if (pattern_known(json_string_value(rule), &known)) {
		result = regexec(known, json_string_value(v), 0, NULL, 0);
	} else {
		if (regcomp(&fresh, json_string_value(rule), REG_EXTENDED | REG_NOSUB) != 0)
			return bad_schema("pattern");
		result = regexec(&fresh, json_string_value(v), 0, NULL, 0);
		if (!pattern_keep(json_string_value(rule), &fresh))
			regfree(&fresh);
	}
	if (result != 0)
		WRONG(c, "does not have the form %.80s", json_string_value(rule));
	return OK;
}

/* The bounds: what is measured, and which way. */
static const struct bound {
	const char *name;
	char of; /* 'i' value, 's' code points, 'a' elements */
	bool least;
	const char *text;
} bounds[] = {
        {"minimum", 'i', true, "is less than"},
        {"maximum", 'i', false, "is more than"},
        {"minLength", 's', true, "has fewer characters than"},
        {"maxLength", 's', false, "has more characters than"},
        {"minItems", 'a', true, "has fewer elements than"},
        {"maxItems", 'a', false, "has more elements than"},
};

static bool measure(char of, const json_t *v, double *ret)
{
	if (of == 'i' && json_is_number(v))
		*ret = json_is_integer(v) ? (double)json_integer_value(v) : json_real_value(v);
	else if (of == 's' && json_is_string(v))
		*ret = (double)code_points(v);
	else if (of == 'a' && json_is_array(v))
		*ret = (double)json_array_size(v);
	else
		return false;
	return true;
}

static RC check_bound(struct check *c, const struct bound *b, const json_t *rule, const json_t *v)
{
	double have, limit;

	if (!json_is_integer(rule))
		return bad_schema(b->name);
	limit = (double)json_integer_value(rule);
	if (measure(b->of, v, &have) && (b->least ? have < limit : have > limit))
		WRONG(c, "%s %lld", b->text, (long long)json_integer_value(rule));
	return OK;
}

static void push(struct check *c, const char *name)
{
	buf_u8(&c->at, '/');
	for (; *name != '\0'; name++) {
		if (*name == '~' || *name == '/') /* RFC 6901, 3 */
			buf_text(&c->at, *name == '~' ? "~0" : "~1");
		else
			buf_u8(&c->at, (uint8_t)*name);
	}
}

/* The pointer is cut back only after success, so that a refusal finds it whole. */
static RC check_member(struct check *c, const char *name, const json_t *schema, const json_t *v)
{
	size_t len = c->at.len;

	push(c, name);
	TRY(check_value(c, schema, v));
	c->at.len = len;
	c->at.failed = false;
	return OK;
}

static RC check_properties(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {rule};
	const char *name;
	json_t *sub;

	(void)schema;
	if (!json_is_object(rule))
		return bad_schema("properties");
	json_object_foreach(u.out, name, sub)
	{
		const json_t *member = json_object_get(v, name);

		if (member != NULL)
			TRY(check_member(c, name, sub, member));
	}
	return OK;
}

static RC check_required(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	size_t i;

	(void)schema;
	if (!json_is_array(rule))
		return bad_schema("required");
	for (i = 0; json_is_object(v) && i < json_array_size(rule); i++) {
		const char *name = json_string_value(json_array_get(rule, i));

		if (name == NULL)
			return bad_schema("required");
		if (json_object_get(v, name) != NULL)
			continue;
		push(c, name);
		WRONG(c, "is missing");
	}
	return OK;
}

static RC check_additional(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {v};
	const json_t *known = json_object_get(schema, "properties");
	const char *name;
	json_t *member;

	if (!json_is_boolean(rule))
		return bad_schema("additionalProperties");
	if (json_is_true(rule) || !json_is_object(v))
		return OK;
	json_object_foreach(u.out, name, member)
	{
		if (json_object_get(known, name) != NULL)
			continue;
		push(c, name);
		WRONG(c, "is not allowed here");
	}
	return OK;
}

static RC check_items(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	char index[24];
	size_t i;

	(void)schema;
	for (i = 0; json_is_array(v) && i < json_array_size(v); i++) {
		(void)snprintf(index, sizeof(index), "%zu", i);
		TRY(check_member(c, index, rule, json_array_get(v, i)));
	}
	return OK;
}

static RC check_ref(struct check *c, const json_t *rule, const json_t *schema, const json_t *v)
{
	const char *name = json_string_value(rule);
	const json_t *target;

	(void)schema;
	if (name == NULL || strncmp(name, REF_PREFIX, sizeof(REF_PREFIX) - 1) != 0)
		return bad_schema("$ref");
	target = json_object_get(json_object_get(c->root, "$defs"), name + sizeof(REF_PREFIX) - 1);
	if (target == NULL)
		return bad_schema("$ref");
	return check_value(c, target, v);
}

static const struct keyword {
	const char *name;
	struct rc (*check)(struct check *c, const json_t *rule, const json_t *schema, const json_t *v);
} keywords[] = {
        {"type", check_type},
        {"const", check_const},
        {"enum", check_enum},
        {"pattern", check_pattern},
        {"properties", check_properties},
        {"required", check_required},
        {"additionalProperties", check_additional},
        {"items", check_items},
        {"$ref", check_ref},
        {"$defs", NULL}, /* looked up by $ref; the rest are annotations */
        {"$schema", NULL},
        {"$id", NULL},
        {"$comment", NULL},
        {"title", NULL},
        {"description", NULL},
        {"default", NULL},
        {"examples", NULL},
};

static RC check_keyword(struct check *c, const char *name, const json_t *rule, const json_t *schema,
                        const json_t *v)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return keywords[i].check == NULL ? OK : keywords[i].check(c, rule, schema, v);
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		if (strcmp(bounds[i].name, name) == 0)
			return check_bound(c, &bounds[i], rule, v);
	return bad_schema(name);
}

static RC check_value(struct check *c, const json_t *schema, const json_t *v)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {schema};
	const json_t *type = json_object_get(schema, "type");
	const char *name;
	json_t *rule;

	if (!json_is_object(schema))
		return bad_schema("a schema that is no object");
	NEED(c->depth < JSON_DEPTH, RC_INPUT, "JSON schema: nested deeper than %d", JSON_DEPTH);
	c->depth++;
	if (type != NULL) /* first: its refusal says most */
		TRY(check_type(c, type, schema, v));
	json_object_foreach(u.out, name, rule)
	{
		TRY(check_keyword(c, name, rule, schema, v));
	}
	c->depth--;
	return OK;
}

RC json_check(const json_t *schema, const json_t *value)
{
	struct check c = {.root = schema, .at = BUF(POINTER_MAX)};
	struct rc rc;

	NEED(schema != NULL && value != NULL, RC_BUG, "JSON schema: no value");
	rc = check_value(&c, schema, value);
	buf_free(&c.at);
	return rc;
}
