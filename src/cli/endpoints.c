#include "cli/endpoints.h"

#include "base/text.h"

#include <stdio.h>

#define PATH_MAX_HERE 4096
#define TRUST_MAX 64

RC endpoints_read(const char *path, struct endpoints *ret)
{
	AUTO_BUF(text, ENDPOINTS_MAX);
	const char *slash = strrchr(path, '/');
	struct slice schema;
	int n = snprintf(ret->dir, sizeof(ret->dir), "%.*s", slash != NULL ? (int)(slash - path) : 1,
	                 slash != NULL ? path : ".");

	NEED(n >= 0 && (size_t)n < sizeof(ret->dir), RC_INPUT, "%s: the path is too long", path);
	TRY(file_read(path, ENDPOINTS_MAX, &text));
	TRY(json_read(buf_slice(&text), ENDPOINTS_MAX, &ret->json));
	TRY(json_get_text(ret->json, "schema", 64, &schema));
	NEED(slice_is(schema, "yuandian/endpoints/v1"), RC_INPUT, "%s: not yuandian/endpoints/v1", path);
	return OK;
}

void endpoints_free(struct endpoints *e)
{
	json_decref(e->json);
	e->json = NULL;
}

/* "shifan/ra" and "shifan/ra-2" have the role ra. */
static bool has_role(const char *name, const char *role)
{
	const char *slash = strchr(name, '/');
	size_t len = strlen(role);

	return slash != NULL && strncmp(slash + 1, role, len) == 0 &&
	       (slash[1 + len] == '\0' || slash[1 + len] == '-');
}

RC endpoints_find(const struct endpoints *e, const char *name, const char *role, const char **found,
                  const char **api)
{
	json_t *instances, *one;
	const char *key;

	TRY(json_get(e->json, "instances", &instances));
	json_object_foreach(instances, key, one)
	{
		const char *url = json_string_value(json_object_get(one, "api"));

		if (name != NULL ? strcmp(key, name) != 0 : !has_role(key, role))
			continue;
		NEED(url != NULL, RC_INPUT, "endpoints: %s has no api", key);
		*found = key;
		*api = url;
		return OK;
	}
	FAIL(RC_NOTFOUND, "endpoints: there is no %s", name != NULL ? name : role);
}

RC endpoints_trust(const struct endpoints *e, struct buf *pem)
{
	json_t *trust, *list, *one;
	size_t i;

	TRY(json_get(e->json, "trust", &trust));
	TRY(json_get_array(trust, "tls", TRUST_MAX, &list));
	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(one);
		char path[2 * PATH_MAX_HERE];

		NEED(name != NULL, RC_INPUT, "endpoints: trust.tls is not a list of files");
		(void)snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : e->dir,
		               name[0] == '/' ? "" : "/", name);
		TRY(file_read(path, ENDPOINTS_MAX, pem));
		buf_text(pem, "\n");
	}
	return buf_done(pem);
}

RC endpoints_of(const struct endpoints *e, const char *organisation, const char *role, const char **found,
                const char **api)
{
	size_t n = strlen(organisation);
	json_t *instances, *one;
	const char *key;

	TRY(json_get(e->json, "instances", &instances));
	json_object_foreach(instances, key, one)
	{
		const char *url = json_string_value(json_object_get(one, "api"));

		if (strncmp(key, organisation, n) != 0 || key[n] != '/' || !has_role(key, role) ||
		    url == NULL)
			continue;
		*found = key;
		*api = url;
		return OK;
	}
	FAIL(RC_NOTFOUND, "endpoints: %s has no %s", organisation, role);
}

static RC authority_file(const struct endpoints *e, const char *name, struct buf *der)
{
	AUTO_BUF(text, ENDPOINTS_MAX);
	char path[2 * PATH_MAX_HERE];

	(void)snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : e->dir, name[0] == '/' ? "" : "/",
	               name);
	TRY(file_read(path, ENDPOINTS_MAX, &text));
	return text_pem(buf_slice(&text), "CERTIFICATE", der);
}

static RC issuer_of(const char *tls_pem, struct buf *der)
{
	AUTO_BUF(text, ENDPOINTS_MAX);
	const char *second;

	TRY(file_read(tls_pem, ENDPOINTS_MAX, &text));
	second = strstr(buf_cstr(&text), "-----END");
	second = second != NULL ? strstr(second, "-----BEGIN") : NULL;
	NEED(second != NULL, RC_NOTFOUND, "%s holds no chain", tls_pem);
	return text_pem(slice_text(second), "CERTIFICATE", der);
}

/* ".../shifan-tls.pem" is of shifan. */
static bool organisation_of(const char *name, char ret[65])
{
	const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
	const char *tail = strstr(base, "-tls.");

	if (tail == NULL || tail == base || tail - base > 64)
		return false;
	(void)snprintf(ret, 65, "%.*s", (int)(tail - base), base);
	return true;
}

RC endpoints_organisation(const struct endpoints *e, const char *tls_pem, char ret[65])
{
	AUTO_BUF(own, ENDPOINTS_MAX);
	json_t *trust, *list, *one;
	size_t i;

	TRY(issuer_of(tls_pem, &own));
	TRY(json_get(e->json, "trust", &trust));
	TRY(json_get_array(trust, "tls", TRUST_MAX, &list));
	json_array_foreach(list, i, one)
	{
		AUTO_BUF(der, ENDPOINTS_MAX);
		const char *name = json_string_value(one);

		if (name != NULL && rc_ok(authority_file(e, name, &der)) &&
		    slice_equal(buf_slice(&der), buf_slice(&own)) && organisation_of(name, ret))
			return OK;
	}
	FAIL(RC_NOTFOUND, "endpoints: no TLS authority is behind %s", tls_pem);
}
