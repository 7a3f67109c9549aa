/* Responder certificates of the own authorities, made anew before they end (R06.13): the same key, subject
 * and beginning, a later end, within the life of a key.  They let status answers be believed and nothing
 * else, so no person approves them; a key that no authority here ever certified as a responder gets nothing.
 */
#include "signer/anchors.h"
#include "signer/message.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/time.h"
#include "pki/name.h"

#define PROFILE "ocsp"
#define SERIAL 16

static RC text_of(struct slice name, enum oid type, const char *key, json_t *o)
{
	struct slice value;
	TRY(name_value(name, type, &value));
	json_put_text(o, key, value);
	return OK;
}

/* What the certificate says of itself must be what the profile makes: a responder and no more. */
static RC check_old(const struct cert *old, const struct cert *authority, int64_t now)
{
	TRY(cert_verify(old, &authority->key));
	REQUIRE(old->nocheck && !old->ca && old->purposes.count == 1 && old->purposes.at[0] == OID_KP_OCSP,
	        SIGNER_CONTENT, "responder: the certificate is not a responder's");
	REQUIRE(old->not_before <= now && now <= old->not_after, SIGNER_CONTENT,
	        "responder: the certificate has ended; a ceremony must make a new one");
	return OK;
}

static RC build(const struct anchors *a, const char *id, const struct cert *old, struct buf *tbs)
{
	AUTO(profile, p, NULL);
	AUTO_JSON(identity, json_object());
	struct authority authority;
	uint8_t serial[SERIAL];
	struct profile_facts f = {.identity = identity,
	                          .serial = SLICE_ARR(serial),
	                          .spki = old->key.spki,
	                          .not_before = old->not_before,
	                          .extended = true};
	struct profile_extension e = {
	        .not_before = old->not_before, .not_after = old->not_after, .now = clock_now()};
	TRY(profile_builtin(PROFILE, &p));
	TRY(anchors_issuing(a, slice_text(id), &authority));
	TRY(text_of(old->subject, OID_CN, "name", identity));
	TRY(text_of(old->subject, OID_O, "organisation", identity));
	TRY(json_put_result());
	TRY(profile_check_identity(p, identity));
	e.days = profile_extension_days(p, e.not_before, e.now);
	TRY(profile_extend(p, &authority, &e, &f.not_after));
	TRY(rand_bytes(serial, sizeof serial));
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	return profile_tbs(p, &authority, &f, PROFILE_SIGN, tbs);
}

/* The authority among those whose keys are here. */
static RC authority_of(struct signer *s, const struct anchors *a, const struct cert *old,
                       const struct anchor_certificate **ret, uint32_t *index)
{
	struct key_info info;
	*ret = anchors_issuer(a, old);
	REQUIRE(*ret != NULL, SIGNER_CONTENT, "responder: no authority here issued this certificate");
	TRY(signer_key(s, slice_text((*ret)->id), index, &info));
	REQUIRE(info.purpose == KEY_CA, KEY_PURPOSE, "key %s serves the purpose %s", info.name,
	        key_purpose_name(info.purpose));
	return check_old(old, &(*ret)->cert, clock_now());
}

RC signer_do_responder(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(tbs, PROFILE_TBS_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	AUTO_BUF(der, CERT_DER_MAX);
	const struct anchor_certificate *authority;
	struct slice old_der, none;
	struct anchors *a;
	struct cert old;
	uint32_t index;
	TRY(msg_get_two(q->body, &old_der, &none));
	TRY(cert_parse(old_der, &old));
	TRY(anchors_hold(s, true, &a));
	struct rc rc = authority_of(s, a, &old, &authority, &index);
	if (rc_ok(rc))
		rc = build(a, authority->id, &old, &tbs);
	anchors_leave(s, a);
	TRY(rc);
	TRY(key_sign(s->keys, index, KEY_USE_CERTIFICATE, buf_slice(&tbs), &sig));
	TRY(cert_complete(buf_slice(&tbs), buf_slice(&sig), &der));
	der_put_octets(w, buf_slice(&der));
	return OK;
}
