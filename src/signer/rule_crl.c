/* Revocation lists: every byte of the caller's file is read once, judged and hashed as it passes, so that
 * what is judged is what is signed (design.md 2), and memory does not grow with the list.  Needs no
 * authorisation. */
#include "signer/anchors.h"
#include "signer/message.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/crl_scan.h"

#define SKEW 300
#define LIFE_MAX (400 * TIME_DAY)

static RC check(const struct crl *c, const struct cert *ca)
{
	int64_t now = clock_now();
	enum pubkey_kind kind;
	REQUIRE(slice_equal(c->issuer, ca->subject), SIGNER_CONTENT,
	        "crl: issuer is not the authority (RFC 5280, 5.1.2.3)");
	REQUIRE(slice_equal(c->aki, ca->ski), SIGNER_CONTENT,
	        "crl: authority key identifier (RFC 5280, 5.2.1)");
	REQUIRE(sigalg_kind(c->alg, &kind) && kind == ca->key.kind, SIGNER_CONTENT,
	        "crl: signature algorithm");
	REQUIRE(crl_number(c) != UINT64_MAX, SIGNER_CONTENT, "crl: no number (RFC 5280, 5.2.3)");
	REQUIRE(c->this_update <= now + SKEW, SIGNER_CONTENT, "crl: thisUpdate lies ahead");
	REQUIRE(c->next_update > c->this_update && c->next_update <= c->this_update + LIFE_MAX,
	        SIGNER_CONTENT, "crl: nextUpdate (RFC 5280, 5.1.2.5)");
	return OK;
}

/* Delta lists and parts of a list say so themselves, critically (RFC 5280, 5.2.4 and 5.2.5). */
static RC check_kind(const struct crl *c)
{
	struct crl base = {.number = c->base};
	REQUIRE(!c->unknown_critical && !(c->has_idp && c->idp.indirect), SIGNER_CONTENT,
	        "crl: not a list of one issuer");
	REQUIRE(!c->delta || (crl_number(&base) != UINT64_MAX && crl_number(&base) < crl_number(c)),
	        SIGNER_CONTENT, "crl: a delta list follows a full one (RFC 5280, 5.2.4)");
	REQUIRE(!c->has_idp || c->idp.url.len > 0, SIGNER_CONTENT, "crl: a part without a name");
	return OK;
}

static RC judge(struct signer *s, struct slice key, const struct crl *c)
{
	struct anchors *a;
	TRY(anchors_hold(s, false, &a));
	const struct anchor_certificate *ca = anchors_authority(a, key);
	struct rc rc = ca != NULL ? check(c, &ca->cert)
	                          : rc_refuse(ERR_SIGNER_CONTENT, "crl: key without an authority");
	anchors_leave(s, a);
	TRY(rc);
	return check_kind(c);
}

/* Every list of an authority takes a number; none goes back while this process lives. */
static RC rises(struct signer *s, uint32_t index, uint64_t number)
{
	struct rc rc = OK;
	pthread_mutex_lock(&s->trust);
	if (number < s->crl_number[index])
		rc = rc_refuse(ERR_SIGNER_CONTENT, "crl: number %llu after %llu (RFC 5280, 5.2.3)",
		               (unsigned long long)number, (unsigned long long)s->crl_number[index]);
	else
		s->crl_number[index] = number;
	pthread_mutex_unlock(&s->trust);
	return rc;
}

static RC hash_of(struct crl_scan *scan, const struct key_info *info, uint8_t ret[SIGNED_HASH])
{
	struct signed_hash h = {.sha = NULL};
	struct pubkey own;
	TRY(pubkey_parse(key_spki(info), &own));
	struct rc rc = signed_hash_begin(&h, &own);
	if (rc_ok(rc))
		rc = crl_scan_walk(scan, &h, NULL, NULL);
	if (rc_ok(rc))
		rc = signed_hash_end(&h, ret);
	signed_hash_wipe(&h);
	return rc;
}

RC signer_do_crl(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_SCAN(scan);
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct slice key, at;
	struct key_info info;
	uint8_t hash[SIGNED_HASH];
	uint32_t index;
	TRY(msg_get_two(q->body, &key, &at));
	TRY(signer_key(s, key, &index, &info));
	REQUIRE(key_permits(info.purpose, KEY_USE_CRL), KEY_PURPOSE, "key %s serves the purpose %s",
	        info.name, key_purpose_name(info.purpose));
	NEED(at.len == 1, RC_INPUT, "crl: offset");
	struct crl_input in = {.fd = q->fd, .at = at.p[0], .read = file_at};
	TRY(file_size(q->fd, &in.end));
	TRY(crl_scan_open(&in, false, &scan));
	TRY(judge(s, key, &scan.crl));
	TRY(hash_of(&scan, &info, hash));
	TRY(rises(s, index, crl_number(&scan.crl)));
	TRY(key_sign_hash(s->keys, index, KEY_USE_CRL, hash, &sig));
	der_put_octets(w, buf_slice(&sig));
	return OK;
}
