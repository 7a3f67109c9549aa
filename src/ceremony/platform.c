#include "ceremony/platform.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

#define PORT_MAX 65535
#define UID_MOST 0x7fffffff

static RC path_in(const struct plat *p, const char *rest, char ret[PLAT_PATH + 128])
{
	int n = snprintf(ret, PLAT_PATH + 128, "%s/%s", p->dir, rest);
	NEED(n > 0 && n < PLAT_PATH + 128, RC_INPUT, "path too long");
	return OK;
}

/* ---- file ---- */
static RC get_name(const json_t *o, const char *key, char ret[PLAT_NAME + 1])
{
	struct slice s;
	TRY(json_get_text(o, key, PLAT_NAME, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = 0;
	return OK;
}

static RC get_number(const json_t *o, const char *key, int64_t most, unsigned *ret)
{
	int64_t v;
	TRY(json_get_int(o, key, 0, most, &v));
	*ret = (unsigned)v;
	return OK;
}

static RC get_instance(const json_t *o, struct plat_instance *ret)
{
	TRY(get_name(o, "name", ret->name));
	TRY(get_name(o, "role", ret->role));
	TRY(get_number(o, "uid", UID_MOST, &ret->uid));
	TRY(get_number(o, "signer_uid", UID_MOST, &ret->signer_uid));
	TRY(get_number(o, "api_port", PORT_MAX, &ret->api));
	TRY(get_number(o, "public_port", PORT_MAX, &ret->public));
	TRY(get_number(o, "management_port", PORT_MAX, &ret->management));
	size_t n = strcspn(ret->name, "/");
	NEED(n > 0 && ret->name[n] == '/' && strstr(ret->name, "..") == NULL, RC_INPUT,
	     "platform.json: name %s", ret->name);
	memcpy(ret->org, ret->name, n);
	ret->org[n] = 0;
	return OK;
}

RC plat_load(const char *dir, struct plat *ret)
{
	char path[PLAT_PATH + 128];
	AUTO_BUF(text, PLAT_FILE_MAX);
	AUTO_JSON(o, NULL);
	json_t *list;
	*ret = (struct plat){0};
	NEED(strlen(dir) < PLAT_PATH, RC_INPUT, "path too long");
	memcpy(ret->dir, dir, strlen(dir) + 1);
	TRY(path_in(ret, "platform.json", path));
	TRY(file_read(path, PLAT_FILE_MAX, &text));
	TRY(json_read(buf_slice(&text), PLAT_FILE_MAX, &o));
	TRY(get_number(o, "base_port", PORT_MAX, &ret->base));
	TRY(json_get_bool(o, "test_clock", &ret->test_clock));
	TRY(json_get_bool(o, "test_keys", &ret->test_keys));
	TRY(json_get_array(o, "instances", PLAT_INSTANCES, &list));
	for (; ret->count < json_array_size(list); ret->count++)
		TRY(get_instance(json_array_get(list, ret->count), &ret->instance[ret->count]));
	return OK;
}

static json_t *instance_json(const struct plat_instance *i)
{
	json_t *o = json_object();
	json_put_cstr(o, "name", i->name);
	json_put_cstr(o, "role", i->role);
	json_put_int(o, "uid", i->uid);
	json_put_int(o, "signer_uid", i->signer_uid);
	json_put_int(o, "api_port", i->api);
	json_put_int(o, "public_port", i->public);
	json_put_int(o, "management_port", i->management);
	return o;
}

static RC save_json(const struct plat *p, const char *name, const json_t *o, unsigned mode)
{
	char path[PLAT_PATH + 128];
	TRY(path_in(p, name, path));
	char *text = json_dumps(o, JSON_INDENT(1));
	NEED(text != NULL, RC_NOMEM, "%s", name);
	struct rc rc = file_write(path, slice_text(text), mode);
	mem_free(text);
	return rc;
}

RC plat_save(const struct plat *p)
{
	AUTO_JSON(o, json_object());
	json_t *list = json_array();
	json_put_cstr(o, "schema", "yuandian/platform/v1");
	json_put_int(o, "base_port", p->base);
	json_put_bool(o, "test_clock", p->test_clock);
	json_put_bool(o, "test_keys", p->test_keys);
	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(list, instance_json(&p->instance[i]));
	json_put_take(o, "instances", list);
	return save_json(p, "platform.json", o, 0644);
}

const struct plat_instance *plat_find(const struct plat *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->instance[i].name, name) == 0)
			return &p->instance[i];
	return NULL;
}

const struct plat_instance *plat_role(const struct plat *p, const char *role)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->instance[i].role, role) == 0)
			return &p->instance[i];
	return NULL;
}

/* ---- ports ---- */
static bool has_public(const char *role)
{
	return strcmp(role, "source") == 0 || strcmp(role, "status") == 0;
}

void plat_ports(struct plat *p, unsigned base)
{
	p->base = base;
	for (size_t i = 0; i < p->count; i++) {
		struct plat_instance *it = &p->instance[i];
		it->api = base + 3 * (unsigned)i;
		it->public = has_public(it->role) ? it->api + 1 : 0;
		it->management = it->api + 2;
	}
}

/* ---- moving ---- */
struct move {
	unsigned from, to, span;
};

static unsigned moved(const struct move *m, unsigned port)
{
	return port >= m->from && port < m->from + m->span ? port - m->from + m->to : port;
}

/* The number at p, or 0; *len digits. */
static unsigned number_at(const char *p, size_t *len)
{
	unsigned v = 0;
	size_t n = 0;
	for (; n < 5 && p[n] >= '0' && p[n] <= '9'; n++)
		v = v * 10 + (unsigned)(p[n] - '0');
	*len = n;
	return v;
}

/* "127.0.0.1:PORT" anywhere, and "…_port: PORT". */
static void rewrite(const struct move *m, const char *text, struct buf *out)
{
	static const char *const before[] = {PLAT_HOST ":", "_port: "};
	while (*text != 0) {
		const char *hit = NULL;
		for (size_t i = 0; i < 2 && hit == NULL; i++)
			if (strncmp(text, before[i], strlen(before[i])) == 0)
				hit = before[i];
		if (hit == NULL) {
			buf_u8(out, (uint8_t)*text++);
			continue;
		}
		size_t digits;
		buf_text(out, hit);
		text += strlen(hit);
		unsigned port = number_at(text, &digits);
		if (digits > 0)
			buf_printf(out, "%u", moved(m, port));
		text += digits;
	}
}

static RC rewrite_file(const struct plat *p, const struct move *m, const char *name, unsigned mode)
{
	char path[PLAT_PATH + 128];
	AUTO_BUF(text, PLAT_FILE_MAX);
	AUTO_BUF(out, PLAT_FILE_MAX);
	TRY(path_in(p, name, path));
	struct rc rc = file_read(path, PLAT_FILE_MAX, &text);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	rewrite(m, buf_cstr(&text), &out);
	TRY(buf_done(&out));
	return file_write(path, buf_slice(&out), mode);
}

RC plat_rebase(struct plat *p, unsigned base)
{
	struct move m = {p->base, base, 3 * (unsigned)p->count};
	char name[PLAT_NAME + 64];
	for (size_t i = 0; i < p->count; i++) {
		snprintf(name, sizeof name, "%s/config.yaml", p->instance[i].name);
		TRY(rewrite_file(p, &m, name, 0644));
		snprintf(name, sizeof name, "%s/trust/authorities.json", p->instance[i].name);
		TRY(rewrite_file(p, &m, name, 0644));
	}
	plat_ports(p, base);
	return plat_save(p);
}

/* ---- endpoints.json (docs/endpoints.schema.json) ---- */
static void put_url(json_t *o, const char *key, const char *scheme, unsigned port, const char *path)
{
	char url[128];
	if (port == 0)
		return;
	snprintf(url, sizeof url, "%s://" PLAT_HOST ":%u%s", scheme, port, path);
	json_put_cstr(o, key, url);
}

static json_t *instances_json(const struct plat *p)
{
	json_t *all = json_object();
	for (size_t i = 0; i < p->count; i++) {
		const struct plat_instance *it = &p->instance[i];
		json_t *o = json_object();
		put_url(o, "api", "https", it->api, "");
		put_url(o, "management", "http", it->management, "");
		put_url(o, "public", "http", it->public, "");
		json_put_take(all, it->name, o);
	}
	return all;
}

static json_t *tls_json(const struct plat *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->count; i++) {
		char path[PLAT_PATH + 128];
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen = seen || strcmp(p->instance[k].org, p->instance[i].org) == 0;
		snprintf(path, sizeof path, "%s/demo/ca/%s-tls.pem", p->dir, p->instance[i].org);
		if (!seen)
			json_array_append_new(list, json_string(path));
	}
	return list;
}

RC plat_write_endpoints(const struct plat *p)
{
	AUTO_JSON(o, json_object());
	const struct plat_instance *status = plat_role(p, "status");
	json_t *public = json_object(), *trust = json_object();
	json_put_cstr(o, "schema", "yuandian/endpoints/v1");
	json_put_take(o, "instances", instances_json(p));
	if (status != NULL) {
		put_url(public, "ocsp", "http", status->public, "/ocsp");
		put_url(public, "crl", "http", status->public, "/crl");
		put_url(public, "ca", "http", status->public, "/ca");
		put_url(public, "certificates", "http", status->public, "/v1/certificates");
	}
	json_put_take(o, "public", public);
	json_put_take(trust, "tls", tls_json(p));
	json_put_take(o, "trust", trust);
	return save_json(p, "endpoints.json", o, 0644);
}
