#include "key/driver.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

struct key_device {
	const struct key_driver *driver;
	void *state;
};
struct key_session {
	const struct key_driver *driver;
	void *state;
};

static const struct key_driver *const drivers[] = {&key_soft};

static const char *const kind_names[KEY_KINDS] = {
        [KEY_SM2] = "sm2",
        [KEY_P256] = "p256",
        [KEY_RSA3072] = "rsa-3072",
};
/* The purpose of a key and the uses it admits. */
static const struct {
	const char *name;
	unsigned uses;
} purposes[KEY_PURPOSES] = {
        [KEY_ROOT] = {"root", KEY_USE_CERTIFICATE | KEY_USE_CRL | KEY_USE_REQUEST},
        [KEY_CA] = {"ca", KEY_USE_CERTIFICATE | KEY_USE_CRL | KEY_USE_REQUEST},
        [KEY_OPERATOR_CA] = {"operator-ca", KEY_USE_CERTIFICATE | KEY_USE_CRL | KEY_USE_REQUEST},
        [KEY_OCSP] = {"ocsp", KEY_USE_OCSP | KEY_USE_REQUEST},
        [KEY_COMM] = {"comm", KEY_USE_KM_REQUEST | KEY_USE_REQUEST},
        [KEY_KMC] = {"kmc", KEY_USE_KM_RESPOND | KEY_USE_REQUEST},
        [KEY_SERVICE] = {"service", KEY_USE_STATEMENT | KEY_USE_REQUEST},
        [KEY_TIMESTAMP] = {"timestamp", KEY_USE_TIMESTAMP | KEY_USE_REQUEST},
};

const char *key_kind_name(enum key_kind k)
{
	return k < KEY_KINDS ? kind_names[k] : "?";
}

const char *key_purpose_name(enum key_purpose p)
{
	return p < KEY_PURPOSES ? purposes[p].name : "?";
}

RC key_kind_find(struct slice name, enum key_kind *ret)
{
	for (unsigned i = 0; i < KEY_KINDS; i++) {
		if (slice_is(name, kind_names[i])) {
			*ret = (enum key_kind)i;
			return OK;
		}
	}
	FAIL(RC_INPUT, "key: unknown algorithm");
}

RC key_purpose_find(struct slice name, enum key_purpose *ret)
{
	for (unsigned i = 0; i < KEY_PURPOSES; i++) {
		if (slice_is(name, purposes[i].name)) {
			*ret = (enum key_purpose)i;
			return OK;
		}
	}
	FAIL(RC_INPUT, "key: unknown purpose");
}

bool key_permits(enum key_purpose p, enum key_use use)
{
	return p < KEY_PURPOSES && (purposes[p].uses & (unsigned)use) == (unsigned)use;
}

RC key_device_open(const char *driver, const char *where, struct key_device **ret)
{
	const struct key_driver *found = NULL;
	for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
		if (strcmp(drivers[i]->name, driver) == 0)
			found = drivers[i];
	NEED(found != NULL, RC_INPUT, "key: no driver named %s", driver);
	AUTO(key_device, d, mem_new(1, sizeof *d));
	NEED(d != NULL, RC_NOMEM, "key: device");
	d->driver = found;
	TRY(found->open(where, &d->state));
	*ret = MOVE(d);
	return OK;
}

void key_device_close(struct key_device *d)
{
	if (d == NULL)
		return;
	if (d->state != NULL)
		d->driver->close(d->state);
	mem_free(d);
}

const char *key_device_name(const struct key_device *d)
{
	return d->driver->device;
}

RC key_session_open(struct key_device *d, struct key_session **ret)
{
	AUTO(key_session, s, mem_new(1, sizeof *s));
	NEED(s != NULL, RC_NOMEM, "key: session");
	s->driver = d->driver;
	TRY(d->driver->session(d->state, &s->state));
	*ret = MOVE(s);
	return OK;
}

void key_session_close(struct key_session *s)
{
	if (s == NULL)
		return;
	if (s->state != NULL)
		s->driver->end(s->state);
	mem_free(s);
}

RC key_access(struct key_session *s, struct slice secret)
{
	NEED(secret.len == KEY_SECRET_LEN, RC_INPUT, "key: a secret has %d bytes", KEY_SECRET_LEN);
	return s->driver->access(s->state, secret);
}

bool key_accessible(const struct key_session *s)
{
	return s->driver->accessible(s->state);
}

void key_release(struct key_session *s)
{
	s->driver->release(s->state);
}

size_t key_count(const struct key_session *s)
{
	return s->driver->count(s->state);
}

RC key_info(const struct key_session *s, uint32_t index, struct key_info *ret)
{
	NEED(index >= 1 && index <= key_count(s), RC_NOTFOUND, "key: no key %u", index);
	const struct key_info *i = s->driver->info(s->state, index);
	NEED(i->spki_len != 0, RC_NOTFOUND, "key: key %u was destroyed", index);
	*ret = *i;
	return OK;
}

RC key_find(const struct key_session *s, struct slice name, uint32_t *ret)
{
	for (uint32_t i = 1; i <= key_count(s); i++) {
		const struct key_info *k = s->driver->info(s->state, i);
		if (k->spki_len != 0 && slice_is(name, k->name)) {
			*ret = i;
			return OK;
		}
	}
	FAIL(RC_NOTFOUND, "key: this device has no key \"%.*s\"", (int)(name.len > 64 ? 64 : name.len),
	     (const char *)name.p);
}

/* Names become file names. */
static bool name_fits(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return name[n] == 0 && n >= 1 && n <= KEY_NAME_MAX && name[0] != '-';
}

static RC check_new(const struct key_session *s, const struct key_new *n)
{
	uint32_t there;
	NEED(name_fits(n->name), RC_INPUT, "key: a name is 1 to %d of a-z 0-9 -", KEY_NAME_MAX);
	NEED(n->purpose < KEY_PURPOSES && n->kind < KEY_KINDS, RC_BUG, "key: purpose or algorithm");
	REQUIRE(key_accessible(s), SIGNER_LOCKED, "key: no access right");
	NEED(key_count(s) < KEY_MAX, RC_BUSY, "key: a device holds at most %d keys", KEY_MAX);
	NEED(!rc_ok(key_find(s, slice_text(n->name), &there)), RC_CONFLICT, "key: %s exists", n->name);
	return OK;
}

RC key_generate(struct key_session *s, const struct key_new *n, uint32_t *ret)
{
	TRY(check_new(s, n));
	return s->driver->generate(s->state, n, ret);
}

RC key_import_sm2(struct key_session *s, const struct key_new *n, const uint8_t d[SM2_LEN], uint32_t *ret)
{
	TRY(check_new(s, n));
	NEED(n->kind == KEY_SM2, RC_BUG, "key: not an SM2 key");
	return s->driver->import_sm2(s->state, n, d, ret);
}

RC key_destroy(struct key_session *s, uint32_t index)
{
	struct key_info i;
	TRY(key_info(s, index, &i));
	return s->driver->destroy(s->state, index);
}

static RC may_use(const struct key_session *s, uint32_t index, enum key_use use)
{
	NEED(index >= 1 && index <= key_count(s), RC_NOTFOUND, "key: no key %u", index);
	const struct key_info *i = s->driver->info(s->state, index);
	NEED(i->spki_len != 0, RC_NOTFOUND, "key: key %u was destroyed", index);
	REQUIRE(key_accessible(s), SIGNER_LOCKED, "key: no access right");
	REQUIRE(key_permits(i->purpose, use), KEY_PURPOSE, "key %s serves the purpose %s", i->name,
	        key_purpose_name(i->purpose));
	REQUIRE(i->test || !clock_is_simulated(), KEY_CLOCK, "key %s", i->name);
	return OK;
}

RC key_sign(struct key_session *s, uint32_t index, enum key_use use, struct slice msg, struct buf *ret)
{
	TRY(may_use(s, index, use));
	return s->driver->sign(s->state, index, &msg, ret, 1);
}

RC key_sign_batch(struct key_session *s, uint32_t index, enum key_use use, const struct slice *msg,
                  struct buf *ret, size_t n)
{
	TRY(may_use(s, index, use));
	NEED(n <= KEY_BATCH, RC_BUG, "key: at most %d signatures at once", KEY_BATCH);
	return n == 0 ? OK : s->driver->sign(s->state, index, msg, ret, n);
}

RC key_sign_hash(struct key_session *s, uint32_t index, enum key_use use, const uint8_t hash[32],
                 struct buf *ret)
{
	TRY(may_use(s, index, use));
	NEED(use == KEY_USE_CRL, RC_BUG, "key: a hash alone is signed for lists only");
	return s->driver->sign_hash(s->state, index, hash, ret);
}

RC key_decrypt(struct key_session *s, uint32_t index, const struct sm2_cipher *c, struct buf *plain)
{
	TRY(may_use(s, index, KEY_USE_KM_RESPOND));
	return s->driver->decrypt(s->state, index, c, plain);
}

RC key_prf(struct key_session *s, struct slice label, struct slice data, uint8_t ret[16])
{
	REQUIRE(key_accessible(s), SIGNER_LOCKED, "key: no access right");
	return s->driver->prf(s->state, label, data, ret);
}

RC key_stored_new(struct key_session *s, uint32_t index, struct key_stored *ret, size_t n)
{
	TRY(may_use(s, index, KEY_USE_KM_RESPOND));
	NEED(n >= 1 && n <= KEY_BATCH, RC_INPUT, "key: 1 to %d stored keys at once", KEY_BATCH);
	return s->driver->stored_new(s->state, index, ret, n);
}

RC key_stored_wrap(struct key_session *s, uint32_t index, const struct slice *blobs,
                   const struct sm2_pub *receivers, struct key_parcel *ret, size_t n)
{
	TRY(may_use(s, index, KEY_USE_KM_RESPOND));
	NEED(n <= KEY_BATCH, RC_BUG, "key: at most %d parcels at once", KEY_BATCH);
	return n == 0 ? OK : s->driver->stored_wrap(s->state, index, blobs, receivers, ret, n);
}
