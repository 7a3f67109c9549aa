#include "signer/state.h"

#include "base/mem.h"
#include "signer/anchors.h"

#include <stdio.h>

static RC set_name(struct signer *s, const char *name)
{
	size_t n = strcspn(name, "/");
	NEED(strlen(name) <= SIGNER_NAME_MAX && n > 0 && name[n] == '/' && strstr(name, "..") == NULL,
	     RC_INPUT, "signer: an instance is named organisation/role, not %s", name);
	memcpy(s->name, name, strlen(name) + 1);
	memcpy(s->organisation, name, n);
	return OK;
}

static RC set_path(char ret[SIGNER_PATH_MAX], const struct signer_options *o, const char *rest)
{
	int n = snprintf(ret, SIGNER_PATH_MAX, "%s/%s/%s", o->data, o->name, rest);
	NEED(n > 0 && n < SIGNER_PATH_MAX, RC_INPUT, "signer: path too long");
	return OK;
}

RC signer_new(const struct signer_options *o, struct signer **ret)
{
	AUTO(signer, s, mem_new(1, sizeof *s));
	NEED(s != NULL, RC_NOMEM, "signer");
	pthread_rwlock_init(&s->access, NULL);
	pthread_mutex_init(&s->trust, NULL);
	TRY(set_name(s, o->name));
	TRY(set_path(s->trust_dir, o, "trust"));
	TRY(set_path(s->keys_dir, o, "signer/keys"));
	TRY(key_device_open("soft", s->keys_dir, &s->device));
	TRY(key_session_open(s->device, &s->keys));
	*ret = MOVE(s);
	return OK;
}

void signer_free(struct signer *s)
{
	if (s == NULL)
		return;
	if (s->newest != NULL)
		anchors_leave(s, s->newest);
	if (s->anchors != NULL)
		anchors_leave(s, s->anchors);
	key_session_close(s->keys);
	key_device_close(s->device);
	pthread_rwlock_destroy(&s->access);
	pthread_mutex_destroy(&s->trust);
	mem_free(s);
}
