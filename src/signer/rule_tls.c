/* Transport certificates for instances of the own organisation.  They authenticate a channel, never a
 * decision, so no person approves them; they live a week at most, by real time, and only the supervisor may
 * ask. */
#include "signer/anchors.h"
#include "signer/message.h"

#include "base/clock.h"
#include "base/rand.h"
#include "pki/csr.h"

#include <stdio.h>

#define PROFILE "tls"
#define SERIAL 16
#define BACKDATE 300 /* peers' clocks */

/* "organisation/role[-N]" of the own organisation. */
static RC check_instance(const struct signer *s, struct slice name)
{
	size_t n = strlen(s->organisation);
	REQUIRE(name.len > n + 1 && name.len <= SIGNER_NAME_MAX && memcmp(name.p, s->organisation, n) == 0 &&
	                name.p[n] == '/',
	        SIGNER_CONTENT, "tls: not an instance of %s", s->organisation);
	for (size_t i = n + 1; i < name.len; i++) {
		uint8_t c = name.p[i];
		REQUIRE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-', SIGNER_CONTENT,
		        "tls: instance name");
	}
	return OK;
}

static json_t *identity_of(const struct signer *s, struct slice instance)
{
	json_t *o = json_object();
	json_put_text(o, "name", instance);
	json_put_cstr(o, "organisation", s->organisation);
	json_put_text(o, "instance", instance);
	json_put_take(o, "dns", json_pack("[s]", "localhost"));
	json_put_take(o, "ip", json_pack("[s]", "127.0.0.1"));
	return o;
}

/* ORG-tls: the operator authority of this signer with a P-256 key. */
static RC find_key(const struct signer *s, uint32_t *index, struct key_info *info)
{
	char name[KEY_NAME_MAX + 8];
	snprintf(name, sizeof name, "%s-tls", s->organisation);
	TRY(signer_key(s, slice_text(name), index, info));
	REQUIRE(info->purpose == KEY_OPERATOR_CA, KEY_PURPOSE, "key %s serves the purpose %s", info->name,
	        key_purpose_name(info->purpose));
	return OK;
}

static RC build(const struct anchors *a, const struct key_info *info, const struct csr *csr,
                const json_t *identity, struct buf *tbs)
{
	AUTO(profile, p, NULL);
	struct authority authority;
	uint8_t serial[SERIAL];
	struct profile_facts f = {.identity = identity, .serial = SLICE_ARR(serial), .spki = csr->key.spki};
	TRY(profile_builtin(PROFILE, &p));
	TRY(anchors_issuing(a, slice_text(info->name), &authority));
	TRY(rand_bytes(serial, sizeof serial));
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	f.not_before = clock_real() - BACKDATE;
	TRY(profile_check_identity(p, identity));
	TRY(profile_validity(p, &authority, f.not_before, 0, &f.not_after));
	return profile_tbs(p, &authority, &f, PROFILE_SIGN, tbs);
}

RC signer_do_tls(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	struct slice csr_der, instance;
	struct key_info info;
	struct anchors *a;
	struct csr csr;
	uint32_t index;
	TRY(msg_get_two(q->body, &csr_der, &instance));
	TRY(check_instance(s, instance));
	TRY(find_key(s, &index, &info));
	TRY(csr_parse(csr_der, &csr));
	REQUIRE(csr.key.kind == PUBKEY_P256, SIGNER_CONTENT, "tls: not a P-256 key");
	AUTO_JSON(identity, identity_of(s, instance));
	NEED(identity != NULL, RC_NOMEM, "tls");
	TRY(anchors_hold(s, false, &a));
	struct rc rc = build(a, &info, &csr, identity, &tbs);
	anchors_leave(s, a);
	TRY(rc);
	TRY(key_sign(s->keys, index, KEY_USE_CERTIFICATE, buf_slice(&tbs), &sig));
	TRY(cert_complete(buf_slice(&tbs), buf_slice(&sig), &der));
	der_put_octets(w, buf_slice(&der));
	return OK;
}
