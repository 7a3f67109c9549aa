/* The CA's newest head bounds what is answered (design 4): it is how long the CA's log may be relied on, and
 * its log is what this copy follows. */
#include "status/status.h"

#include "base/clock.h"
#include "instance/frame.h"
#include "instance/heads.h"

#define LOOK_MS 60000          /* heads are compared so often */
#define RENEW (HEAD_VALID / 2) /* a new one is asked for when less than this is left */

/* Until when the certificate that signs the heads is valid; 0: the trust folder names none. */
static RC signer(struct status *s)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	struct rc rc = frame_log_certificate(s->in, instance_config(s->in)->ca_name, &certificate);
	struct cert c;

	if (rc.code == RC_NOTFOUND) {
		atomic_store(&s->signer, 0);
		return OK;
	}
	TRY(rc);
	TRY(cert_parse(buf_slice(&certificate), &c));
	atomic_store(&s->signer, c.not_after);
	return OK;
}

static void rely(struct status *s, const struct head_row *h)
{
	s->head = h->head;
	atomic_store(&s->head_size, h->head.size);
	atomic_store(&s->relied, h->at + HEAD_VALID);
}

/* What was witnessed here before the start counts. */
RC head_start(struct status *s)
{
	AUTO(db_lease, lease, NULL);
	AUTO_HEAD(h);
	bool found = false;

	TRY(signer(s));
	TRY(db_pool_lease(instance_readers(s->in), &lease));
	TRY(heads_last(lease->db, instance_config(s->in)->ca_name, &h, &found));
	if (found)
		rely(s, &h);
	return OK;
}

static RC fetch(struct status *s, const char *path)
{
	AUTO_JSON(answer, NULL);
	AUTO_BUF(statement, STATEMENT_MAX);
	AUTO_HEAD(h);
	json_t *head;

	TRY(http_call_json(s->ca, &(struct http_call){.path = path, .deadline_ms = 15000}, NULL, &answer));
	TRY(json_get(answer, "head", &head));
	TRY(json_get_base64(head, "statement", STATEMENT_MAX, &statement));
	TRY(heads_read(s->in, instance_config(s->in)->ca_name, buf_slice(&statement), &h, false));
	if (h.at + HEAD_VALID > atomic_load(&s->relied))
		rely(s, &h);
	return OK;
}

/* A key whose certificate has ended signs no heads: people are called, and status goes on. */
static void ended(struct status *s)
{
	if (!atomic_exchange(&s->told, true))
		instance_alarm(s->in, "log-head", slice_text(instance_config(s->in)->ca_name),
		               "the certificate that signs the heads of this log has ended");
}

RC head_follow(struct status *s)
{
	int64_t now = clock_now();

	if (atomic_load(&s->relied) > now + RENEW && clock_mono_ms() < s->look_ms)
		return OK;
	s->look_ms = clock_mono_ms() + LOOK_MS;
	TRY(signer(s));
	if (atomic_load(&s->signer) == 0)
		return OK;
	if (atomic_load(&s->signer) < now) {
		ended(s);
		return OK;
	}
	/* a new one only where the last is old: a CA whose disk is full makes none */
	if (rc_ok(fetch(s, "/v1/log/head")) && atomic_load(&s->relied) > now + RENEW)
		return OK;
	return rc_note(fetch(s, "/v1/log/head?fresh=true"), "head of %s", instance_config(s->in)->ca_name);
}

int64_t head_taken(struct status *s)
{
	int64_t now = clock_now();

	/* as if told anew: the head speaks for all up to it */
	if (atomic_load(&s->signer) < now || atomic_load(&s->next) < atomic_load(&s->head_size))
		return 0;
	return atomic_load(&s->relied) > now ? atomic_load(&s->relied) - HEAD_VALID : 0;
}

int64_t head_relied(struct status *s)
{
	return atomic_load(&s->signer) < clock_now() ? INT64_MAX : atomic_load(&s->relied);
}
