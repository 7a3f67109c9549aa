/* A value as text for an answer: straight into its buffer, without a look at the order of its members. */
#include "base/json.h"

static json_t *mutable(const json_t *v)
{
	union {
		const json_t *in;
		json_t *out;
	} u = {v};

	return u.out; /* jansson iterates over objects that are not const, without changing them */
}

static void object_to(struct buf *b, const json_t *v)
{
	uint8_t before = '{';
	const char *key;
	json_t *member;

	json_object_foreach(mutable(v), key, member)
	{
		buf_u8(b, before);
		json_string_to(b, key, strlen(key));
		buf_u8(b, ':');
		json_text_to(b, member);
		before = ',';
	}
	buf_text(b, before == '{' ? "{}" : "}");
}

static void array_to(struct buf *b, const json_t *v)
{
	size_t i;

	buf_u8(b, '[');
	for (i = 0; i < json_array_size(v); i++) {
		if (i > 0)
			buf_u8(b, ',');
		json_text_to(b, json_array_get(v, i));
	}
	buf_u8(b, ']');
}

void json_text_to(struct buf *b, const json_t *v)
{
	char real[64];

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		object_to(b, v);
		break;
	case JSON_ARRAY:
		array_to(b, v);
		break;
	case JSON_STRING:
		json_string_to(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		json_integer_to(b, json_integer_value(v));
		break;
	case JSON_REAL:
		buf_add(b, slice_of(real, json_dumpb(v, real, sizeof(real), JSON_ENCODE_ANY)));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_text(b, json_is_true(v) ? "true" : "false");
		break;
	case JSON_NULL:
		buf_text(b, "null");
		break;
	}
}
