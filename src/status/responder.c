/* Certificates of our responder keys: the ceremony's, then those that followed (R06.13).  Answers go on with
 * the one before until the next is durable here. */
#include "status/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "db/writer.h"

#define AHEAD (30 * TIME_DAY) /* the next is asked for so long before the end */
#define LATE (14 * TIME_DAY)  /* nobody gave one: people must look */
#define ASK_MS 15000

void responder_free(struct responder *r)
{
	while (r != NULL) {
		struct responder *before = r->before;

		buf_free(&r->der);
		mem_free(r);
		r = before;
	}
}

struct slice responder_der(const struct issuer *i)
{
	return buf_slice(&atomic_load(&i->responder)->der);
}

/* ---- at the start ---- */

static RC read_file(const struct status *s, const struct issuer *i, struct buf *ret)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/trust/responders/%s.cer", instance_dir(s->in), i->key);

	NEED(n > 0 && (size_t)n < sizeof(path), RC_INPUT, "the name of the data folder is too long");
	return file_read(path, CERT_DER_MAX, ret);
}

/* The one that followed last takes the place of the file's, unless a ceremony laid a newer one. */
static RC newest(struct status *s, const struct issuer *i, struct buf *ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_BUF(later, CERT_DER_MAX);
	struct cert a, b;
	struct rc rc;

	TRY(read_file(s, i, ret));
	TRY(db_pool_lease(instance_readers(s->in), &lease));
	rc = status_store_responder(lease->db, i->key, &later);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	TRY(cert_parse(buf_slice(ret), &a));
	TRY(cert_parse(buf_slice(&later), &b));
	if (!slice_equal(a.key.spki, b.key.spki) || b.not_after <= a.not_after)
		return OK;
	buf_clear(ret);
	buf_add(ret, buf_slice(&later));
	return buf_done(ret);
}

static RC put(struct issuer *i, struct slice der, int64_t not_after)
{
	struct responder *r = mem_new(1, sizeof(*r));

	NEED(r != NULL, RC_NOMEM, "no memory");
	r->der = BUF(CERT_DER_MAX);
	r->not_after = not_after;
	r->before = atomic_load(&i->responder);
	buf_add(&r->der, der);
	if (!rc_ok(buf_done(&r->der))) {
		buf_free(&r->der);
		mem_free(r);
		return rc_fail(RC_NOMEM, "no memory");
	}
	atomic_store(&i->responder, r);
	return OK;
}

RC responder_load(struct status *s, struct issuer *i, const struct trust_authority *a)
{
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert cert;

	TRY(newest(s, i, &der));
	TRY(cert_parse(buf_slice(&der), &cert));
	TRY(cert_verify(&cert, &a->cert.key));
	TRY(pubkey_ski(&cert.key, i->responder_key));
	i->alg = sigalg_of(cert.key.kind, a->issue.sm2_null);
	return put(i, buf_slice(&der), cert.not_after);
}

/* ---- the next one ---- */

struct keeping {
	const char *key;
	int64_t not_after;
	struct slice der;
};

static struct rc keep(struct db_tx *tx, void *arg)
{
	const struct keeping *k = arg;

	return status_store_responder_put(tx->db, k->key, k->not_after, k->der);
}

static RC check(const struct issuer *i, const struct trust_authority *a, const struct cert *next)
{
	struct cert now;

	TRY(cert_parse(responder_der(i), &now));
	TRY(cert_verify(next, &a->cert.key));
	NEED(slice_equal(next->key.spki, now.key.spki) && slice_equal(next->subject, now.subject) &&
	             next->not_after > now.not_after && ext_has_purpose(&next->purposes, OID_KP_OCSP),
	     RC_CRYPTO, "the CA answered with something else than the next certificate of %s", i->key);
	return OK;
}

static RC follow(struct status *s, struct issuer *i)
{
	const struct trust_authority *a = trust_authority(s->trust, i->id);
	AUTO_JSON(asked, json_object());
	AUTO_JSON(answer, NULL);
	AUTO_BUF(der, CERT_DER_MAX);
	struct cert next;

	NEED(a != NULL, RC_BUG, "authority %s is gone", i->id);
	json_put_base64(asked, "certificate", responder_der(i));
	TRY(json_put_result());
	TRY(http_call_json(
	        s->ca, &(struct http_call){.method = "POST", .path = "/v1/responders", .deadline_ms = ASK_MS},
	        asked, &answer));
	TRY(json_get_base64(answer, "certificate", CERT_DER_MAX, &der));
	TRY(cert_parse(buf_slice(&der), &next));
	TRY(check(i, a, &next));
	TRY(writer_run(instance_writer(s->in), keep,
	               &(struct keeping){i->key, next.not_after, buf_slice(&der)}));
	return put(i, buf_slice(&der), next.not_after);
}

static void tell(struct status *s, const struct issuer *i, int64_t end)
{
	char text[256], at[21];

	time_text(end, at);
	snprintf(text, sizeof(text), "the responder's certificate ends at %s and no other was given: %.150s",
	         at, rc_last()->text);
	instance_alarm(s->in, "responder-expiring", slice_text(i->key), text);
}

struct rc responder_run(void *in, int64_t due)
{
	struct status *s = instance_state(in);
	struct rc first = OK;

	(void)due;
	for (size_t n = 0; n < s->issuers; n++) {
		struct issuer *i = &s->issuer[n];
		int64_t end = atomic_load(&i->responder)->not_after, now = clock_now();
		struct rc rc;

		if (end > now + AHEAD)
			continue;
		rc = follow(s, i);
		if (rc_ok(rc)) {
			log_line(LOG_INFO, "responder", i->key, NULL);
			continue;
		}
		if (end <= now + LATE || rc.code != RC_BUSY)
			tell(s, i, end);
		/* a CA that is away is asked again soon, one that refuses tomorrow */
		if (rc.code == RC_BUSY)
			first = rc;
	}
	return first;
}
