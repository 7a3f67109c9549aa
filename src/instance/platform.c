#include "base/json.h"
#include "base/text.h"
#include "instance/instance.h"

#define PLATFORM_FILE_MAX (256u << 10)
#define PORT_MAX 65535
#define UID_MAX_VALUE 0x7fffffff

static RC platform_uint(const json_t *o, const char *key, int64_t max, unsigned *ret)
{
	int64_t v;

	TRY(json_get_int(o, key, 0, max, &v));
	*ret = (unsigned)v;
	return OK;
}

static RC platform_text(const json_t *o, const char *key, char *ret, size_t size)
{
	struct slice s;

	TRY(json_get_text(o, key, size - 1, &s));
	memcpy(ret, s.p, s.len);
	ret[s.len] = 0;
	return OK;
}

static RC platform_instance(const json_t *o, struct platform_instance *ret)
{
	TRY(platform_text(o, "name", ret->name, sizeof(ret->name)));
	TRY(platform_text(o, "role", ret->role, sizeof(ret->role)));
	TRY(platform_uint(o, "uid", UID_MAX_VALUE, &ret->uid));
	TRY(platform_uint(o, "signer_uid", UID_MAX_VALUE, &ret->signer_uid));
	TRY(platform_uint(o, "api_port", PORT_MAX, &ret->api_port));
	TRY(platform_uint(o, "public_port", PORT_MAX, &ret->public_port));
	return platform_uint(o, "management_port", PORT_MAX, &ret->management_port);
}

RC platform_load(const char *data_dir, struct platform *ret)
{
	AUTO_BUF(path, 4096);
	AUTO_BUF(text, PLATFORM_FILE_MAX);
	AUTO_JSON(root, NULL);
	json_t *list;

	*ret = (struct platform){0};
	buf_printf(&path, "%s/platform.json", data_dir);
	TRY(buf_done(&path));
	TRY(file_read(buf_cstr(&path), PLATFORM_FILE_MAX, &text));
	TRY(json_read(buf_slice(&text), PLATFORM_FILE_MAX, &root));
	TRY(platform_uint(root, "base_port", PORT_MAX, &ret->base_port));
	TRY(json_get_bool(root, "test_clock", &ret->test_clock));
	TRY(json_get_bool(root, "test_keys", &ret->test_keys));
	TRY(json_get_array(root, "instances", PLATFORM_INSTANCES_MAX, &list));
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY(rc_note(platform_instance(json_array_get(list, i), &ret->instances[i]), "platform.json"));
	ret->count = json_array_size(list);
	return OK;
}

const struct platform_instance *platform_find(const struct platform *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++) {
		if (strcmp(p->instances[i].name, name) == 0)
			return &p->instances[i];
	}
	return NULL;
}
