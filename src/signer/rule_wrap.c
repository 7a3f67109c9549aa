/* Keys of single items of a vault (R24.4): wrapped here and opened here, so that what lies on the two places
 * of a vault is worth nothing without this process and its secret.  The wrapping key comes from the
 * organisation's secret under a label that no other request reaches (signer_do_prf answers under the
 * instance's name alone). */
#include "signer/message.h"

#include "base/mem.h"
#include "base/rand.h"
#include "signer/state.h"
#include "signer/wrapped.h"
#include "sm/sm4.h"

#include <stdio.h>

#define LABEL_MAX (SIGNER_NAME_MAX + 32)
#define AAD SLICE_LIT("yuandian item key")

static RC wrapping_key(const struct signer *s, struct sm4 *ret)
{
	const char *role = strchr(s->name, '/');
	char label[LABEL_MAX];
	uint8_t key[SM4_KEY];
	struct rc rc;
	REQUIRE(role != NULL && strncmp(role, "/vault", 6) == 0 && (role[6] == '\0' || role[6] == '-'),
	        SIGNER_CHANNEL, "%s has no items", s->name);
	int n = snprintf(label, sizeof label, "%s#items", s->name);
	rc = key_prf(s->keys, slice_of(label, (size_t)n), SLICE_LIT("1"), key);
	if (rc_ok(rc))
		sm4_init(ret, key);
	wipe(key, sizeof key);
	return rc;
}

static RC wrap_one(const struct sm4 *c, struct slice key, uint8_t ret[SIGNER_WRAPPED])
{
	NEED(key.len == SM4_KEY, RC_INPUT, "item key: %zu bytes", key.len);
	TRY(rand_bytes(ret, SIGNER_WRAP_NONCE));
	sm4_gcm_seal(c, ret, AAD, key, ret + SIGNER_WRAP_NONCE, ret + SIGNER_WRAP_NONCE + SM4_KEY);
	return OK;
}

static RC unwrap_one(const struct sm4 *c, struct slice wrapped, uint8_t ret[SM4_KEY])
{
	NEED(wrapped.len == SIGNER_WRAPPED, RC_INPUT, "wrapped item key: %zu bytes", wrapped.len);
	REQUIRE(rc_ok(sm4_gcm_open(c, wrapped.p, AAD, slice_of(wrapped.p + SIGNER_WRAP_NONCE, SM4_KEY), ret,
	                           wrapped.p + SIGNER_WRAP_NONCE + SM4_KEY)),
	        SIGNER_CONTENT, "a wrapped item key was changed");
	return OK;
}

static RC each(struct signer *s, const struct signer_call *q, struct der_writer *w, bool open)
{
	struct slice in[SIGNER_BATCH];
	uint8_t out[SIGNER_WRAPPED];
	struct sm4 c;
	size_t n;
	struct rc rc = OK;
	TRY(msg_get_list(q->body, in, SIGNER_BATCH, &n));
	NEED(n > 0, RC_INPUT, "item keys: nothing to do");
	TRY(wrapping_key(s, &c));
	der_begin(w, DER_SEQUENCE);
	for (size_t i = 0; i < n && rc_ok(rc); i++) {
		rc = open ? unwrap_one(&c, in[i], out) : wrap_one(&c, in[i], out);
		if (rc_ok(rc))
			der_put_octets(w, slice_of(out, open ? SM4_KEY : SIGNER_WRAPPED));
	}
	der_end(w);
	sm4_wipe(&c);
	wipe(out, sizeof out);
	return rc;
}

RC signer_do_wrap(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	return each(s, q, w, false);
}

RC signer_do_unwrap(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	w->out.secret = true;
	return each(s, q, w, true);
}
