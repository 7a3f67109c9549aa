/* The software device: wrapped key files in a folder, keys opened into locked memory. */
#include "key/driver.h"
#include "key/ossl.h"
#include "key/wrap.h"

#include "asn1/der.h"
#include "base/rand.h"
#include "base/text.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WHERE_MAX 384

struct soft {
	char where[WHERE_MAX];
};
struct soft_key {
	struct key_info info;
	uint8_t salt[WRAP_SALT];
	bool stored;
	struct secret *sm2; /* struct sm2_key in locked memory */
	struct ossl_key *other;
};
struct soft_session {
	const struct soft *device;
	struct secret *secret;
	size_t n;
	struct soft_key key[KEY_MAX];
};
DROP(soft_session, mem_free);

static struct sm2_key *sm2_of(const struct soft_key *k)
{
	return (struct sm2_key *)(void *)k->sm2->p;
}

static RC path_of(const struct soft *d, const char *name, char ret[WHERE_MAX + KEY_NAME_MAX + 8])
{
	int n = snprintf(ret, WHERE_MAX + KEY_NAME_MAX + 8, "%s/%s.key", d->where, name);
	NEED(n > 0 && n < WHERE_MAX + KEY_NAME_MAX + 8, RC_INPUT, "key: path too long");
	return OK;
}

static RC soft_open(const char *where, void **state)
{
	NEED(strlen(where) < WHERE_MAX, RC_INPUT, "key: path too long");
	TRY(dir_make(where, 0700));
	struct soft *d = mem_new(1, sizeof *d);
	NEED(d != NULL, RC_NOMEM, "key: device");
	memcpy(d->where, where, strlen(where) + 1);
	*state = d;
	return OK;
}

static void soft_close(void *state)
{
	mem_free(state);
}

/* ---- files ---- */
static RC load_file(struct soft_session *s, const char *file)
{
	char path[WHERE_MAX + 300];
	AUTO_BUF(text, WRAP_FILE_MAX);
	struct wrapped w;
	snprintf(path, sizeof path, "%s/%s", s->device->where, file);
	TRY(file_read(path, WRAP_FILE_MAX, &text));
	TRY(rc_note(wrap_read(buf_slice(&text), &w), "%s", file));
	size_t stem = strlen(w.info.name);
	NEED(strncmp(file, w.info.name, stem) == 0 && strcmp(file + stem, ".key") == 0, RC_INPUT,
	     "%s holds a key of another name", file);
	NEED(s->n < KEY_MAX, RC_INPUT, "key: more than %d keys", KEY_MAX);
	struct soft_key *k = &s->key[s->n++];
	k->info = w.info;
	k->stored = true;
	memcpy(k->salt, w.salt, sizeof k->salt);
	return OK;
}

static int is_key_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".key") == 0;
}

static RC load_files(struct soft_session *s)
{
	struct dirent **list = NULL;
	int n = scandir(s->device->where, &list, is_key_file, alphasort);
	NEED(n >= 0, RC_NOTFOUND, "key: cannot list %s", s->device->where);
	struct rc rc = OK;
	for (int i = 0; i < n; i++) {
		if (rc_ok(rc))
			rc = load_file(s, list[i]->d_name);
		mem_free(list[i]);
	}
	mem_free(list);
	return rc;
}

static RC soft_session(void *state, void **ret)
{
	AUTO(soft_session, s, mem_new(1, sizeof *s));
	NEED(s != NULL, RC_NOMEM, "key: session");
	s->device = state;
	TRY(load_files(s));
	*ret = MOVE(s);
	return OK;
}

static void forget(struct soft_key *k)
{
	secret_free(k->sm2);
	ossl_free(k->other);
	k->sm2 = NULL;
	k->other = NULL;
}

static void soft_release(void *session)
{
	struct soft_session *s = session;
	for (size_t i = 0; i < s->n; i++)
		forget(&s->key[i]);
	secret_free(s->secret);
	s->secret = NULL;
}

static void soft_end(void *session)
{
	soft_release(session);
	mem_free(session);
}

static bool soft_accessible(const void *session)
{
	return ((const struct soft_session *)session)->secret != NULL;
}

static size_t soft_count(const void *session)
{
	return ((const struct soft_session *)session)->n;
}

static const struct key_info *soft_info(const void *session, uint32_t index)
{
	return &((const struct soft_session *)session)->key[index - 1].info;
}

/* ---- opening ---- */
static RC sm2_spki(const struct sm2_pub *pub, struct key_info *ret)
{
	uint8_t point[65] = {4};
	memcpy(point + 1, pub->xy, 64);
	AUTO_DER(w, KEY_SPKI_MAX);
	AUTO_BUF(der, KEY_SPKI_MAX);
	der_begin(&w, DER_SEQUENCE);
	der_begin(&w, DER_SEQUENCE);
	der_put_oid(&w, OID_EC_KEY);
	der_put_oid(&w, OID_SM2);
	der_end(&w);
	der_put_bits(&w, SLICE_ARR(point));
	der_end(&w);
	TRY(der_finish(&w, &der));
	memcpy(ret->spki, der.p, der.len);
	ret->spki_len = der.len;
	return OK;
}

static RC load_sm2(const uint8_t *d, struct soft_key *k)
{
	AUTO(secret, s, secret_new(sizeof(struct sm2_key)));
	NEED(s != NULL, RC_NOMEM, "key %s: locked memory", k->info.name);
	TRY(sm2_key_load(d, (struct sm2_key *)(void *)s->p));
	k->sm2 = MOVE(s);
	return OK;
}

/* The public half in the file must be the private key's own. */
static RC same_public(const struct soft_key *k)
{
	struct key_info own = {0};
	if (k->sm2 != NULL)
		TRY(sm2_spki(&sm2_of(k)->pub, &own));
	else
		TRY(ossl_spki(k->other, own.spki, KEY_SPKI_MAX, &own.spki_len));
	REQUIRE(slice_equal(key_spki(&own), key_spki(&k->info)), KEY_SECRET, "key %s: public half",
	        k->info.name);
	return OK;
}

static RC open_key(const struct soft *d, struct soft_key *k, struct slice secret)
{
	char path[WHERE_MAX + KEY_NAME_MAX + 8];
	AUTO_BUF(text, WRAP_FILE_MAX);
	struct wrapped w;
	AUTO(secret, key, NULL);
	TRY(path_of(d, k->info.name, path));
	TRY(file_read(path, WRAP_FILE_MAX, &text));
	TRY(wrap_read(buf_slice(&text), &w));
	TRY(wrap_open(&w, secret, &key));
	k->info = w.info;
	memcpy(k->salt, w.salt, sizeof k->salt);
	if (k->info.kind == KEY_SM2) {
		NEED(key->len == SM2_LEN, RC_INPUT, "key %s: length", k->info.name);
		TRY(load_sm2(key->p, k));
	} else {
		TRY(ossl_load(k->info.kind, slice_of(key->p, key->len), &k->other));
	}
	return same_public(k);
}

static RC soft_access(void *session, struct slice secret)
{
	struct soft_session *s = session;
	soft_release(s);
	for (size_t i = 0; i < s->n; i++) {
		if (s->key[i].info.spki_len == 0 || !s->key[i].stored)
			continue;
		struct rc rc = open_key(s->device, &s->key[i], secret);
		if (!rc_ok(rc)) {
			soft_release(s);
			return rc;
		}
	}
	s->secret = secret_new(secret.len);
	if (s->secret == NULL) {
		soft_release(s);
		FAIL(RC_NOMEM, "key: locked memory");
	}
	memcpy(s->secret->p, secret.p, secret.len);
	return OK;
}

/* ---- making ---- */
static RC save(const struct soft_session *s, struct soft_key *k)
{
	AUTO(secret, der, NULL);
	AUTO_BUF(file, WRAP_FILE_MAX);
	char path[WHERE_MAX + KEY_NAME_MAX + 8];
	struct slice plain;
	TRY(path_of(s->device, k->info.name, path));
	if (k->sm2 != NULL) {
		plain = slice_of(sm2_of(k)->d, SM2_LEN);
	} else {
		TRY(ossl_private(k->other, &der));
		plain = slice_of(der->p, der->len);
	}
	TRY(wrap_seal(&k->info, k->salt, slice_of(s->secret->p, s->secret->len), plain, &file));
	TRY(file_write(path, buf_slice(&file), 0600));
	k->stored = true;
	return OK;
}

static RC make(struct soft_session *s, const struct key_new *n, const uint8_t *d, uint32_t *ret)
{
	struct soft_key *k = &s->key[s->n];
	*k = (struct soft_key){
	        .info = {.purpose = n->purpose, .kind = n->kind, .test = n->test, .created = n->created}};
	memcpy(k->info.name, n->name, strlen(n->name) + 1);
	TRY(rand_bytes(k->salt, sizeof k->salt));
	if (n->kind != KEY_SM2) {
		TRY(ossl_generate(n->kind, &k->other));
		TRY(ossl_spki(k->other, k->info.spki, KEY_SPKI_MAX, &k->info.spki_len));
	} else {
		TRY(load_sm2(d, k));
		TRY(sm2_spki(&sm2_of(k)->pub, &k->info));
	}
	if (n->stored)
		TRY(save(s, k));
	*ret = (uint32_t)++s->n;
	return OK;
}

static RC soft_import_sm2(void *session, const struct key_new *n, const uint8_t *d, uint32_t *ret)
{
	struct soft_session *s = session;
	struct rc rc = make(s, n, d, ret);
	if (!rc_ok(rc))
		forget(&s->key[s->n]);
	return rc;
}

static RC soft_generate(void *session, const struct key_new *n, uint32_t *ret)
{
	if (n->kind != KEY_SM2)
		return soft_import_sm2(session, n, NULL, ret);
	struct sm2_key fresh;
	TRY(sm2_key_new(&fresh));
	struct rc rc = soft_import_sm2(session, n, fresh.d, ret);
	sm2_key_wipe(&fresh);
	return rc;
}

static RC overwrite(const char *path)
{
	static const uint8_t zeros[WRAP_FILE_MAX];
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	NEED(fd >= 0, RC_NOTFOUND, "key: cannot open %s", path);
	bool ok = write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros && fsync(fd) == 0;
	close(fd);
	NEED(ok && unlink(path) == 0, RC_BUSY, "key: cannot remove %s", path);
	return OK;
}

static RC soft_destroy(void *session, uint32_t index)
{
	struct soft_session *s = session;
	struct soft_key *k = &s->key[index - 1];
	char path[WHERE_MAX + KEY_NAME_MAX + 8];
	if (k->stored) {
		TRY(path_of(s->device, k->info.name, path));
		TRY(overwrite(path));
	}
	forget(k);
	k->info = (struct key_info){0};
	return OK;
}

/* ---- using ---- */
static RC sign_sm2(const struct sm2_key *k, const struct slice *msg, struct buf *ret, size_t n)
{
	AUTO_MEM(struct sm2_sig, sig, mem_new(n, sizeof *sig));
	NEED(sig != NULL, RC_NOMEM, "signatures");
	TRY(sm2_sign_batch(k, SM2_ID, msg, sig, n));
	for (size_t i = 0; i < n; i++) {
		sm2_sig_to_der(&sig[i], &ret[i]);
		TRY(buf_done(&ret[i]));
	}
	return OK;
}

static RC soft_sign(void *session, uint32_t index, const struct slice *msg, struct buf *ret, size_t n)
{
	const struct soft_key *k = &((struct soft_session *)session)->key[index - 1];
	if (k->sm2 != NULL)
		return sign_sm2(sm2_of(k), msg, ret, n);
	for (size_t i = 0; i < n; i++)
		TRY(ossl_sign(k->other, msg[i], &ret[i]));
	return OK;
}

static RC soft_sign_hash(void *session, uint32_t index, const uint8_t hash[32], struct buf *ret)
{
	const struct soft_key *k = &((struct soft_session *)session)->key[index - 1];
	struct sm2_sig sig;
	if (k->sm2 == NULL)
		return ossl_sign_hash(k->other, hash, ret);
	TRY(sm2_sign_digest(sm2_of(k), hash, &sig));
	sm2_sig_to_der(&sig, ret);
	return buf_done(ret);
}

static RC soft_decrypt(void *session, uint32_t index, const struct sm2_cipher *c, struct buf *plain)
{
	const struct soft_key *k = &((struct soft_session *)session)->key[index - 1];
	NEED(k->sm2 != NULL, RC_INPUT, "key %s is not an SM2 key", k->info.name);
	return sm2_decrypt(sm2_of(k), c, plain);
}

static RC soft_prf(void *session, struct slice label, struct slice data, uint8_t *ret)
{
	const struct soft_session *s = session;
	uint8_t key[32], mac[SM3_LEN];
	sm3_hkdf(label, slice_of(s->secret->p, s->secret->len), SLICE_LIT("yuandian prf"), key, sizeof key);
	sm3_hmac_of(SLICE_ARR(key), data, mac);
	memcpy(ret, mac, 16);
	wipe(key, sizeof key);
	wipe(mac, sizeof mac);
	return OK;
}

static RC seal_of(const struct soft_session *s, const struct soft_key *k, struct stored_seal *ret)
{
	NEED(k->sm2 != NULL, RC_INPUT, "key %s is not an SM2 key", k->info.name);
	stored_seal_init(ret, slice_of(s->secret->p, s->secret->len), k->salt, k->info.test);
	return OK;
}

static RC soft_stored_new(void *session, uint32_t index, struct key_stored *ret, size_t n)
{
	struct soft_session *s = session;
	struct stored_seal seal;
	AUTO(secret, room, secret_new(n * sizeof(struct sm2_key)));
	NEED(room != NULL, RC_NOMEM, "stored keys: locked memory");
	struct sm2_key *keys = (struct sm2_key *)(void *)room->p;
	TRY(sm2_key_new_batch(keys, n));
	TRY(seal_of(s, &s->key[index - 1], &seal));
	struct rc rc = OK;
	for (size_t i = 0; i < n && rc_ok(rc); i++) {
		ret[i].pub = keys[i].pub;
		rc = stored_seal(&seal, &keys[i], ret[i].blob);
	}
	wipe(&seal, sizeof seal);
	return rc;
}

/* Plain contents and symmetric keys of a batch, in locked memory. */
struct parcel_room {
	uint8_t key[KEY_BATCH][16];
	uint8_t plain[KEY_BATCH][64];
	struct sm2_key stored;
};

static RC fill_parcels(const struct stored_seal *seal, const struct slice *blobs, struct parcel_room *room,
                       struct key_parcel *ret, size_t n)
{
	TRY(rand_bytes(room->key, n * 16));
	for (size_t i = 0; i < n; i++) {
		TRY(rc_note(stored_open(seal, blobs[i], &room->stored), "request %zu", i + 1));
		ret[i].pub = room->stored.pub;
		memset(room->plain[i], 0, 32);
		memcpy(room->plain[i] + 32, room->stored.d, 32);
		struct sm4 c;
		sm4_init(&c, room->key[i]);
		sm4_ecb_encrypt(&c, room->plain[i], ret[i].content, 4);
		sm4_wipe(&c);
	}
	return OK;
}

static RC sign_parcels(const struct sm2_key *k, const struct parcel_room *room,
                       const struct sm2_pub *receivers, struct key_parcel *ret, size_t n)
{
	struct slice msg[KEY_BATCH];
	AUTO_MEM(struct sm2_sig, sig, mem_new(n, sizeof *sig));
	AUTO_MEM(uint8_t, sealed, mem_new(n, 112));
	NEED(sig != NULL && sealed != NULL, RC_NOMEM, "parcels");
	for (size_t i = 0; i < n; i++)
		msg[i] = SLICE_ARR(room->plain[i]);
	TRY(sm2_sign_batch(k, SM2_ID, msg, sig, n));
	TRY(sm2_encrypt_keys(receivers, room->key, (uint8_t(*)[112])(void *)sealed, n));
	for (size_t i = 0; i < n; i++) {
		ret[i].sig = sig[i];
		memcpy(ret[i].sealed_key, sealed + i * 112, 112);
	}
	return OK;
}

static RC soft_stored_wrap(void *session, uint32_t index, const struct slice *blobs,
                           const struct sm2_pub *receivers, struct key_parcel *ret, size_t n)
{
	struct soft_session *s = session;
	const struct soft_key *k = &s->key[index - 1];
	struct stored_seal seal;
	AUTO(secret, memory, secret_new(sizeof(struct parcel_room)));
	NEED(memory != NULL, RC_NOMEM, "parcels: locked memory");
	struct parcel_room *room = (struct parcel_room *)(void *)memory->p;
	TRY(seal_of(s, k, &seal));
	struct rc rc = fill_parcels(&seal, blobs, room, ret, n);
	wipe(&seal, sizeof seal);
	TRY(rc);
	return sign_parcels(sm2_of(k), room, receivers, ret, n);
}

const struct key_driver key_soft = {
        .name = "soft",
        .device = KEY_DEVICE_SOFT,
        .open = soft_open,
        .close = soft_close,
        .session = soft_session,
        .end = soft_end,
        .access = soft_access,
        .release = soft_release,
        .accessible = soft_accessible,
        .count = soft_count,
        .info = soft_info,
        .generate = soft_generate,
        .import_sm2 = soft_import_sm2,
        .destroy = soft_destroy,
        .sign = soft_sign,
        .sign_hash = soft_sign_hash,
        .decrypt = soft_decrypt,
        .prf = soft_prf,
        .stored_new = soft_stored_new,
        .stored_wrap = soft_stored_wrap,
};
