#include "ceremony/secrets.h"

#include "base/json.h"
#include "base/rand.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct secrets *secrets_new(void)
{
	return mem_new(1, sizeof(struct secrets));
}

void secrets_free(struct secrets *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		secret_free(s->item[i].value);
	mem_free(s);
}

static RC add(struct secrets *s, const char *org, struct secret **ret)
{
	size_t n = strlen(org);
	NEED(s->count < SECRETS_MAX && n < sizeof s->item[0].org, RC_INPUT,
	     "secrets: too many or a long name");
	struct secret *v = secret_new(KEY_SECRET_LEN);
	NEED(v != NULL, RC_NOMEM, "secrets: locked memory");
	memcpy(s->item[s->count].org, org, n + 1);
	s->item[s->count++].value = v;
	*ret = v;
	return OK;
}

RC secrets_make(struct secrets *s, const char *org)
{
	struct secret *v;
	TRY(add(s, org, &v));
	return rand_bytes(v->p, KEY_SECRET_LEN);
}

struct slice secrets_find(const struct secrets *s, const char *org)
{
	for (size_t i = 0; s != NULL && i < s->count; i++)
		if (strcmp(s->item[i].org, org) == 0)
			return slice_of(s->item[i].value->p, KEY_SECRET_LEN);
	return SLICE_NONE;
}

static RC parse_one(struct secrets *s, const char *org, const json_t *hex)
{
	struct secret *v;
	NEED(json_is_string(hex), RC_INPUT, "secrets: %.64s is not a text", org);
	TRY(add(s, org, &v));
	return text_hex(slice_text(json_string_value(hex)), v->p, KEY_SECRET_LEN);
}

RC secrets_parse(struct slice text, struct secrets **ret)
{
	AUTO_JSON(o, NULL);
	AUTO(secrets, s, secrets_new());
	json_t *list, *hex;
	const char *org;
	struct slice schema;
	NEED(s != NULL, RC_NOMEM, "secrets");
	TRY(json_read(text, SECRETS_FILE_MAX, &o));
	TRY(json_get_text(o, "schema", 64, &schema));
	NEED(slice_is(schema, "yuandian/unlock/v1"), RC_INPUT, "secrets: not an unlock file");
	TRY(json_get(o, "secrets", &list));
	NEED(json_is_object(list), RC_INPUT, "secrets: not an unlock file");
	json_object_foreach(list, org, hex) TRY(parse_one(s, org, hex));
	*ret = MOVE(s);
	return OK;
}

RC secrets_read(const char *path, struct secrets **ret)
{
	__attribute__((cleanup(buf_free))) struct buf text = BUF_SECRET(SECRETS_FILE_MAX);
	TRY(file_read(path, SECRETS_FILE_MAX, &text));
	return rc_note(secrets_parse(buf_slice(&text), ret), "%s", path);
}

RC secrets_read_fd(int fd, struct secrets **ret)
{
	__attribute__((cleanup(buf_free))) struct buf text = BUF_SECRET(SECRETS_FILE_MAX);
	for (;;) {
		uint8_t *room = buf_room(&text, 1024);
		NEED(room != NULL, RC_INPUT, "secrets: longer than %d bytes", SECRETS_FILE_MAX);
		ssize_t n = read(fd, room, 1024);
		if (n < 0 && errno == EINTR)
			continue;
		NEED(n >= 0, RC_INPUT, "secrets: cannot read descriptor %d", fd);
		if (n == 0)
			break;
		text.len += (size_t)n;
	}
	return rc_note(secrets_parse(buf_slice(&text), ret), "descriptor %d", fd);
}

RC secrets_write(const struct secrets *s, const char *path)
{
	__attribute__((cleanup(buf_free))) struct buf text = BUF_SECRET(SECRETS_FILE_MAX);
	buf_text(&text, "{\"schema\":\"yuandian/unlock/v1\",\"secrets\":{");
	for (size_t i = 0; i < s->count; i++) {
		buf_printf(&text, "%s\"%s\":\"", i > 0 ? "," : "", s->item[i].org);
		buf_hex(&text, slice_of(s->item[i].value->p, KEY_SECRET_LEN));
		buf_text(&text, "\"");
	}
	buf_text(&text, "}}\n");
	TRY(buf_done(&text));
	return file_write(path, buf_slice(&text), 0600);
}
