/* Small messages: two byte strings, a list, results, info. */
#include "signer/message.h"

void msg_put_two(struct der_writer *w, struct slice a, struct slice b)
{
	der_begin(w, DER_SEQUENCE);
	der_put_octets(w, a);
	der_put_octets(w, b);
	der_end(w);
}

RC msg_get_two(struct slice body, struct slice *a, struct slice *b)
{
	struct der_reader r = der_read(body);
	der_enter(&r, DER_SEQUENCE);
	struct slice first = der_octets(&r), second = der_octets(&r);
	der_leave(&r);
	TRY(der_done(&r, "signer request"));
	*a = first;
	*b = second;
	return OK;
}

void msg_put_list(struct der_writer *w, const struct slice *s, size_t n)
{
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++)
		der_put_octets(w, s[i]);
	der_end(w);
}

RC msg_get_list(struct slice body, struct slice *ret, size_t max, size_t *n)
{
	struct der_reader r = der_read(body);
	size_t count = 0;
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r) && count < max)
		ret[count++] = der_octets(&r);
	der_leave(&r);
	TRY(der_done(&r, "signer request"));
	*n = count;
	return OK;
}

void msg_put_results(struct der_writer *w, const struct signer_result *r, size_t n)
{
	static const struct rc_text fine = {.code = RC_OK};
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++) {
		der_begin(w, DER_SEQUENCE);
		signer_put_result(w, r[i].ok ? &fine : &r[i].why);
		der_put_octets(w, slice_of(r[i].sig, r[i].ok ? r[i].len : 0));
		der_end(w);
	}
	der_end(w);
}

static RC get_result(struct der_reader *r, struct signer_result *ret)
{
	der_enter(r, DER_SEQUENCE);
	struct rc rc = signer_get_result(r);
	struct slice sig = der_octets(r);
	der_leave(r);
	NEED(r->why == NULL && sig.len <= KEY_SIG_MAX, RC_BUG, "signer: malformed answer");
	ret->ok = rc_ok(rc);
	ret->len = sig.len;
	if (sig.len > 0)
		memcpy(ret->sig, sig.p, sig.len);
	if (!ret->ok)
		ret->why = *rc_last();
	NEED(ret->ok == (sig.len > 0), RC_BUG, "signer: malformed answer");
	return OK;
}

RC msg_get_results(struct der_reader *r, struct signer_result *ret, size_t n)
{
	der_enter(r, DER_SEQUENCE);
	for (size_t i = 0; i < n; i++)
		TRY(get_result(r, &ret[i]));
	der_leave(r);
	return OK;
}

void msg_put_info(struct der_writer *w, const struct signer_info *i)
{
	der_begin(w, DER_SEQUENCE);
	der_put_bool(w, i->unlocked);
	der_put_text(w, DER_UTF8, slice_text(i->device));
	der_begin(w, DER_SEQUENCE);
	for (size_t k = 0; k < i->n; k++) {
		der_begin(w, DER_SEQUENCE);
		der_put_text(w, DER_UTF8, slice_text(i->keys[k].name));
		der_put_uint(w, i->keys[k].purpose);
		der_put_uint(w, i->keys[k].kind);
		der_put_bool(w, i->keys[k].test);
		der_put_gtime(w, i->keys[k].created);
		der_put_octets(w, key_spki(&i->keys[k]));
		der_end(w);
	}
	der_end(w);
	der_end(w);
}

static RC get_key(struct der_reader *r, struct key_info *ret)
{
	der_enter(r, DER_SEQUENCE);
	struct slice name = der_value(r, DER_UTF8);
	ret->purpose = (enum key_purpose)der_uint(r, KEY_PURPOSES - 1);
	ret->kind = (enum key_kind)der_uint(r, KEY_KINDS - 1);
	ret->test = der_boolean(r);
	ret->created = der_gtime(r);
	struct slice spki = der_octets(r);
	der_leave(r);
	NEED(r->why == NULL && name.len <= KEY_NAME_MAX && spki.len <= KEY_SPKI_MAX, RC_BUG,
	     "signer: key info");
	memcpy(ret->name, name.p, name.len);
	ret->name[name.len] = 0;
	memcpy(ret->spki, spki.p, spki.len);
	ret->spki_len = spki.len;
	return OK;
}

RC msg_get_info(struct der_reader *r, struct signer_info *ret)
{
	memset(ret, 0, sizeof *ret);
	der_enter(r, DER_SEQUENCE);
	ret->unlocked = der_boolean(r);
	struct slice device = der_value(r, DER_UTF8);
	NEED(r->why == NULL && device.len < sizeof ret->device, RC_BUG, "signer: device name");
	memcpy(ret->device, device.p, device.len);
	der_enter(r, DER_SEQUENCE);
	while (der_more(r) && ret->n < KEY_MAX)
		TRY(get_key(r, &ret->keys[ret->n++]));
	der_leave(r);
	der_leave(r);
	return OK;
}
