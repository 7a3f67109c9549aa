/* Revocation lists: read once from the caller's file, judged and signed in our own memory, so that what is
 * judged is what is signed (design.md 2).  Needs no authorisation. */
#include "signer/anchors.h"
#include "signer/message.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/time.h"
#include "pki/crl.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define SKEW 300
#define LIFE_MAX (400 * TIME_DAY)

static RC read_all(int fd, struct buf *ret)
{
	struct stat st;
	NEED(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), RC_INPUT, "crl: not a file");
	REQUIRE(st.st_size > 0 && st.st_size <= (off_t)SIGNER_CRL_MAX, TOO_LARGE, "crl: %lld bytes",
	        (long long)st.st_size);
	size_t len = (size_t)st.st_size;
	uint8_t *p = buf_room(ret, len);
	NEED(p != NULL, RC_NOMEM, "crl: %zu bytes", len);
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, p + done, len - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		NEED(n > 0, RC_INPUT, "crl: the file ends at %zu of %zu", done, len);
		done += (size_t)n;
	}
	ret->len = len;
	return OK;
}

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
	REQUIRE(!c->delta && !c->unknown_critical && !(c->has_idp && c->idp.indirect), SIGNER_CONTENT,
	        "crl: not a full list of one issuer");
	REQUIRE(crl_number(c) != UINT64_MAX, SIGNER_CONTENT, "crl: no number (RFC 5280, 5.2.3)");
	REQUIRE(c->this_update <= now + SKEW, SIGNER_CONTENT, "crl: thisUpdate lies ahead");
	REQUIRE(c->next_update > c->this_update && c->next_update <= c->this_update + LIFE_MAX,
	        SIGNER_CONTENT, "crl: nextUpdate (RFC 5280, 5.1.2.5)");
	return OK;
}

static RC judge(struct signer *s, struct slice key, struct slice tbs)
{
	struct anchors *a;
	struct crl c;
	TRY(crl_parse_tbs(tbs, &c));
	TRY(anchors_hold(s, false, &a));
	const struct anchor_certificate *ca = anchors_authority(a, key);
	struct rc rc = ca != NULL ? check(&c, &ca->cert)
	                          : rc_refuse(ERR_SIGNER_CONTENT, "crl: key without an authority");
	anchors_leave(s, a);
	return rc;
}

RC signer_do_crl(struct signer *s, const struct signer_call *q, struct der_writer *w)
{
	AUTO_BUF(tbs, SIGNER_CRL_MAX);
	AUTO_BUF(sig, KEY_SIG_MAX);
	struct slice key, none;
	struct key_info info;
	uint32_t index;
	TRY(msg_get_two(q->body, &key, &none));
	TRY(signer_key(s, key, &index, &info));
	REQUIRE(key_permits(info.purpose, KEY_USE_CRL), KEY_PURPOSE, "key %s serves the purpose %s",
	        info.name, key_purpose_name(info.purpose));
	TRY(read_all(q->fd, &tbs));
	TRY(judge(s, key, buf_slice(&tbs)));
	TRY(key_sign(s->keys, index, KEY_USE_CRL, buf_slice(&tbs), &sig));
	der_put_octets(w, buf_slice(&sig));
	return OK;
}
