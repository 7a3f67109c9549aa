/* The mark by which the registry of holders knows an identity again (design 9.4). */
#include "ra/ra.h"
#include "sm/sm3.h"

#define KEY_PART_MAX 256

static struct slice text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : SLICE_NONE;
}

/* One part of what is hashed: case of ASCII letters does not make another person. */
static RC part(struct sm3_hmac *h, struct slice s)
{
	uint8_t fold[KEY_PART_MAX], len[2] = {(uint8_t)(s.len >> 8), (uint8_t)s.len};

	NEED(s.len > 0 && s.len <= sizeof(fold), RC_INPUT, "identity: nothing that identifies the holder");
	for (size_t i = 0; i < s.len; i++)
		fold[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (uint8_t)(s.p[i] - 'a' + 'A') : s.p[i];
	sm3_hmac_update(h, SLICE_ARR(len));
	sm3_hmac_update(h, slice_of(fold, s.len));
	return OK;
}

RC ra_identity_mark(const json_t *identity, struct slice key, uint8_t mark[32], const char **kind)
{
	const json_t *document = json_object_get(identity, "document");
	const json_t *dns = json_array_get(json_object_get(identity, "dns"), 0);
	struct slice code = text_of(identity, "code");
	struct sm3_hmac h;

	sm3_hmac_init(&h, key);
	if (document != NULL) {
		*kind = "document";
		TRY(part(&h, SLICE_LIT("document")));
		TRY(part(&h, text_of(document, "type")));
		TRY(part(&h, text_of(document, "number")));
	} else if (code.len > 0) {
		*kind = "code";
		TRY(part(&h, SLICE_LIT("code")));
		TRY(part(&h, code));
	} else if (text_of(identity, "serial").len > 0) {
		*kind = "device"; /* serial numbers are unique with their owner only */
		TRY(part(&h, SLICE_LIT("device")));
		TRY(part(&h, text_of(identity, "owner_code")));
		TRY(part(&h, text_of(identity, "serial")));
	} else {
		*kind = "dns";
		TRY(part(&h, SLICE_LIT("dns")));
		TRY(part(&h, json_is_string(dns) ? slice_of(json_string_value(dns), json_string_length(dns))
		                                 : SLICE_NONE));
	}
	sm3_hmac_final(&h, mark);
	return OK;
}
