#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

#include <stdarg.h>

RC json_get(const json_t *o, const char *key, json_t **ret)
{
	json_t *v;

	REQUIRE(json_is_object(o), JSON, "%s: its parent is no object", key);
	v = json_object_get(o, key);
	REQUIRE(v != NULL, JSON, "%s: missing", key);
	*ret = v;
	return OK;
}

RC json_get_text(const json_t *o, const char *key, size_t max, struct slice *ret)
{
	json_t *v;

	TRY(json_get(o, key, &v));
	REQUIRE(json_is_string(v), JSON, "%s: not a string", key);
	REQUIRE(json_string_length(v) <= max, TOO_LARGE, "%s: %zu bytes, limit %zu", key,
	        json_string_length(v), max);
	*ret = slice_of(json_string_value(v), json_string_length(v));
	return OK;
}

RC json_get_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	json_t *v;

	TRY(json_get(o, key, &v));
	REQUIRE(json_is_integer(v), JSON, "%s: not an integer", key);
	REQUIRE(json_integer_value(v) >= min && json_integer_value(v) <= max, JSON,
	        "%s: not within %lld to %lld", key, (long long)min, (long long)max);
	*ret = json_integer_value(v);
	return OK;
}

RC json_get_bool(const json_t *o, const char *key, bool *ret)
{
	json_t *v;

	TRY(json_get(o, key, &v));
	REQUIRE(json_is_boolean(v), JSON, "%s: not true or false", key);
	*ret = json_is_true(v);
	return OK;
}

RC json_get_time(const json_t *o, const char *key, int64_t *ret)
{
	struct slice s;

	TRY(json_get_text(o, key, 64, &s));
	return rc_note(time_parse(s, ret), "%s", key);
}

RC json_get_hex(const json_t *o, const char *key, uint8_t *ret, size_t len)
{
	struct slice s;

	TRY(json_get_text(o, key, 2 * len, &s));
	return rc_note(text_hex(s, ret, len), "%s", key);
}

RC json_get_base64(const json_t *o, const char *key, size_t max, struct buf *ret)
{
	struct slice s;
	size_t start = ret->len;

	TRY(json_get_text(o, key, max / 3 * 4 + 4, &s));
	TRY(rc_note(text_base64(s, ret), "%s", key));
	REQUIRE(ret->len - start <= max, TOO_LARGE, "%s: more than %zu bytes", key, max);
	return OK;
}

RC json_get_array(const json_t *o, const char *key, size_t max, json_t **ret)
{
	json_t *v;

	TRY(json_get(o, key, &v));
	REQUIRE(json_is_array(v), JSON, "%s: not an array", key);
	REQUIRE(json_array_size(v) <= max, TOO_LARGE, "%s: more than %zu elements", key, max);
	*ret = v;
	return OK;
}

static bool listed(const char *key, va_list ap)
{
	const char *allowed;

	while ((allowed = va_arg(ap, const char *)) != NULL)
		if (strcmp(allowed, key) == 0)
			return true;
	return false;
}

RC json_only(const json_t *o, ...)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {o};
	const char *key;
	json_t *v;
	va_list ap;

	REQUIRE(json_is_object(o), JSON, "JSON: not an object");
	json_object_foreach(u.out, key, v)
	{
		bool good;

		va_start(ap, o);
		good = listed(key, ap);
		va_end(ap);
		REQUIRE(good, JSON, "%.64s: unknown member", key);
	}
	return OK;
}

/* ---- building ---- */

/* The first member of this thread that could not be set since the last canonical form: an object
 * that lacks a member by accident must not be signed or sent. */
static _Thread_local enum rc_code put_failure;

RC json_put_result(void)
{
	enum rc_code code = put_failure;

	put_failure = RC_OK;
	NEED(code != RC_INPUT, RC_INPUT, "JSON: a text that was to be written is not UTF-8");
	NEED(code == RC_OK, RC_NOMEM, "JSON: out of memory");
	return OK;
}

static void put(json_t *o, const char *key, json_t *v)
{
	if (o == NULL) {
		json_decref(v);
		return;
	}
	if ((text_utf8(slice_text(key)) ? json_object_set_new_nocheck : json_object_set_new)(o, key, v) == 0)
		return;
	(void)json_object_clear(o);
	if (put_failure == RC_OK)
		put_failure = RC_NOMEM;
}

void json_put_take(json_t *o, const char *key, json_t *v)
{
	put(o, key, v);
}

void json_put_text(json_t *o, const char *key, struct slice v)
{
	if (o == NULL)
		return;
	/* jansson answers NULL to this as it does to a lack of memory */
	if (!text_utf8(v)) {
		put_failure = RC_INPUT;
		put(o, key, NULL);
	} else {
		put(o, key, json_stringn_nocheck(v.len > 0 ? (const char *)v.p : "", v.len));
	}
}

void json_put_cstr(json_t *o, const char *key, const char *v)
{
	json_put_text(o, key, slice_text(v));
}

void json_put_int(json_t *o, const char *key, int64_t v)
{
	if (o != NULL)
		put(o, key, json_integer(v));
}

void json_put_bool(json_t *o, const char *key, bool v)
{
	if (o != NULL)
		put(o, key, json_boolean(v));
}

void json_put_time(json_t *o, const char *key, int64_t t)
{
	char text[21];

	time_text(t, text);
	json_put_cstr(o, key, text);
}

static void put_built(json_t *o, const char *key, struct buf *b)
{
	const char *text = buf_cstr(b);

	if (o != NULL)
		put(o, key, b->failed ? NULL : json_stringn_nocheck(text, b->len));
}

void json_put_hex(json_t *o, const char *key, struct slice v)
{
	AUTO_BUF(b, SIZE_MAX / 4);

	buf_hex(&b, v);
	put_built(o, key, &b);
}

void json_put_base64(json_t *o, const char *key, struct slice v)
{
	AUTO_BUF(b, SIZE_MAX / 4);

	buf_base64(&b, v);
	put_built(o, key, &b);
}
