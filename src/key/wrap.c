#include "key/wrap.h"

#include "asn1/der.h"
#include "base/rand.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <string.h>

#define SEALED_MAX 4096
#define STORED_VERSION 1

static void kek_of(struct slice secret, const uint8_t salt[WRAP_SALT], const char *label, uint8_t ret[16])
{
	sm3_hkdf(slice_of(salt, WRAP_SALT), secret, slice_text(label), ret, 16);
}

static RC fixed(struct slice s, uint8_t *ret, size_t len)
{
	NEED(s.len == len, RC_INPUT, "key file: a field of %zu bytes, want %zu", s.len, len);
	memcpy(ret, s.p, len);
	return OK;
}

static RC read_info(struct der_reader *r, struct key_info *ret)
{
	struct slice name = der_value(r, DER_UTF8);
	struct slice purpose = der_value(r, DER_UTF8);
	struct slice kind = der_value(r, DER_UTF8);
	ret->test = der_boolean(r);
	ret->created = der_gtime(r);
	struct slice spki = der_element_of(r, DER_SEQUENCE);
	NEED(r->why == NULL, RC_INPUT, "key file: %s", r->why);
	NEED(name.len >= 1 && name.len <= KEY_NAME_MAX, RC_INPUT, "key file: name");
	memcpy(ret->name, name.p, name.len);
	TRY(key_purpose_find(purpose, &ret->purpose));
	TRY(key_kind_find(kind, &ret->kind));
	NEED(spki.len <= KEY_SPKI_MAX, RC_INPUT, "key file: public key");
	memcpy(ret->spki, spki.p, spki.len);
	ret->spki_len = spki.len;
	return OK;
}

RC wrap_read(struct slice file, struct wrapped *ret)
{
	struct der_reader r = der_read(file);
	struct wrapped w = {0};
	der_enter(&r, DER_SEQUENCE);
	const uint8_t *first = r.p;
	NEED(der_uint(&r, 1) == 1, RC_INPUT, "key file: unknown version");
	TRY(read_info(&r, &w.info));
	struct slice salt = der_octets(&r);
	w.aad = slice_of(first, (size_t)(r.p - first));
	struct slice nonce = der_octets(&r);
	w.sealed = der_octets(&r);
	struct slice tag = der_octets(&r);
	der_leave(&r);
	TRY(der_done(&r, "key file"));
	TRY(fixed(salt, w.salt, sizeof w.salt));
	TRY(fixed(nonce, w.nonce, sizeof w.nonce));
	TRY(fixed(tag, w.tag, sizeof w.tag));
	NEED(w.sealed.len >= 2 && w.sealed.len <= SEALED_MAX, RC_INPUT, "key file: sealed part");
	*ret = w;
	return OK;
}

RC wrap_open(const struct wrapped *w, struct slice secret, struct secret **ret)
{
	AUTO(secret, plain, secret_new(w->sealed.len));
	AUTO(secret, key, secret_new(w->sealed.len - 1));
	NEED(plain != NULL && key != NULL, RC_NOMEM, "key %s: locked memory", w->info.name);
	uint8_t kek[16];
	struct sm4 c;
	kek_of(secret, w->salt, "yuandian key", kek);
	sm4_init(&c, kek);
	struct rc rc = sm4_gcm_open(&c, w->nonce, w->aad, w->sealed, plain->p, w->tag);
	sm4_wipe(&c);
	wipe(kek, sizeof kek);
	REQUIRE(rc_ok(rc), KEY_SECRET, "key %s does not open", w->info.name);
	REQUIRE(plain->p[0] == (w->info.test ? 1 : 0), KEY_SECRET, "key %s: test mark", w->info.name);
	memcpy(key->p, plain->p + 1, plain->len - 1);
	*ret = MOVE(key);
	return OK;
}

static void put_head(struct der_writer *w, const struct key_info *info, const uint8_t salt[WRAP_SALT])
{
	der_put_uint(w, 1);
	der_put_text(w, DER_UTF8, slice_text(info->name));
	der_put_text(w, DER_UTF8, slice_text(key_purpose_name(info->purpose)));
	der_put_text(w, DER_UTF8, slice_text(key_kind_name(info->kind)));
	der_put_bool(w, info->test);
	der_put_gtime(w, info->created);
	der_raw(w, key_spki(info));
	der_put_octets(w, slice_of(salt, WRAP_SALT));
}

RC wrap_seal(const struct key_info *info, const uint8_t salt[WRAP_SALT], struct slice secret,
             struct slice key, struct buf *ret)
{
	NEED(key.len + 1 <= SEALED_MAX, RC_BUG, "key %s is too long", info->name);
	AUTO_DER(head, WRAP_FILE_MAX);
	put_head(&head, info, salt);
	TRY(buf_done(&head.out));
	AUTO(secret, plain, secret_new(key.len + 1));
	NEED(plain != NULL, RC_NOMEM, "key %s: locked memory", info->name);
	plain->p[0] = info->test ? 1 : 0;
	memcpy(plain->p + 1, key.p, key.len);
	uint8_t kek[16], nonce[12], tag[16], sealed[SEALED_MAX];
	TRY(rand_bytes(nonce, sizeof nonce));
	struct sm4 c;
	kek_of(secret, salt, "yuandian key", kek);
	sm4_init(&c, kek);
	sm4_gcm_seal(&c, nonce, buf_slice(&head.out), slice_of(plain->p, plain->len), sealed, tag);
	sm4_wipe(&c);
	wipe(kek, sizeof kek);
	AUTO_DER(w, WRAP_FILE_MAX);
	der_begin(&w, DER_SEQUENCE);
	der_raw(&w, buf_slice(&head.out));
	der_put_octets(&w, SLICE_ARR(nonce));
	der_put_octets(&w, slice_of(sealed, plain->len));
	der_put_octets(&w, SLICE_ARR(tag));
	der_end(&w);
	return der_finish(&w, ret);
}

/* ---- stored keys ---- */
enum { AT_VERSION, AT_MARK, AT_POINT, AT_NONCE = AT_POINT + 64, AT_D = AT_NONCE + 12, AT_TAG = AT_D + 32 };
_Static_assert(AT_TAG + 16 == KEY_STORED, "layout of a stored key");

void stored_seal_init(struct stored_seal *s, struct slice secret, const uint8_t salt[WRAP_SALT], bool test)
{
	kek_of(secret, salt, "yuandian stored key", s->kek);
	s->test = test;
}

RC stored_seal(const struct stored_seal *s, const struct sm2_key *k, uint8_t ret[KEY_STORED])
{
	ret[AT_VERSION] = STORED_VERSION;
	ret[AT_MARK] = s->test ? 1 : 0;
	memcpy(ret + AT_POINT, k->pub.xy, 64);
	TRY(rand_bytes(ret + AT_NONCE, 12));
	struct sm4 c;
	sm4_init(&c, s->kek);
	sm4_gcm_seal(&c, ret + AT_NONCE, slice_of(ret, AT_NONCE), slice_of(k->d, 32), ret + AT_D,
	             ret + AT_TAG);
	sm4_wipe(&c);
	return OK;
}

RC stored_open(const struct stored_seal *s, struct slice blob, struct sm2_key *ret)
{
	REQUIRE(blob.len == KEY_STORED && blob.p[AT_VERSION] == STORED_VERSION, KEY_STORE_DAMAGED,
	        "stored key: form");
	REQUIRE(blob.p[AT_MARK] == (s->test ? 1 : 0), KEY_STORE_DAMAGED, "stored key: test mark");
	uint8_t d[32];
	struct sm4 c;
	sm4_init(&c, s->kek);
	struct rc rc = sm4_gcm_open(&c, blob.p + AT_NONCE, slice_of(blob.p, AT_NONCE),
	                            slice_of(blob.p + AT_D, 32), d, blob.p + AT_TAG);
	sm4_wipe(&c);
	REQUIRE(rc_ok(rc), KEY_STORE_DAMAGED, "stored key: integrity");
	rc = sm2_key_load(d, ret);
	wipe(d, sizeof d);
	TRY(rc);
	if (memcmp(ret->pub.xy, blob.p + AT_POINT, 64) != 0) {
		sm2_key_wipe(ret);
		REFUSE(KEY_STORE_DAMAGED, "stored key: the private key is not that of the public key");
	}
	return OK;
}
