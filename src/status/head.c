/* The CA's newest head bounds what is answered (design 4): it is how long the CA's log may be relied on, and
 * its log is what this copy follows. */
#include "status/status.h"

#include "base/clock.h"
#include "instance/frame.h"
#include "instance/heads.h"

#define RENEW (HEAD_VALID / 2) /* a new one is asked for when less than this is left */

/* Does the trust folder say who signs the heads of the CA's log?  Then nothing is answered without one. */
RC head_start(struct status *s)
{
	AUTO_BUF(certificate, CERT_DER_MAX);
	struct rc rc = frame_log_certificate(s->in, instance_config(s->in)->ca_name, &certificate);

	if (rc.code == RC_NOTFOUND) {
		atomic_store(&s->relied, INT64_MAX);
		return OK;
	}
	return rc;
}

static RC fetch(struct status *s)
{
	AUTO_JSON(answer, NULL);
	AUTO_BUF(statement, STATEMENT_MAX);
	AUTO_HEAD(h);
	json_t *head;

	TRY(http_call_json(s->ca,
	                   &(struct http_call){.path = "/v1/log/head?fresh=true", .deadline_ms = 15000}, NULL,
	                   &answer));
	TRY(json_get(answer, "head", &head));
	TRY(json_get_base64(head, "statement", STATEMENT_MAX, &statement));
	TRY(heads_read(s->in, instance_config(s->in)->ca_name, buf_slice(&statement), &h, false));
	REQUIRE(h.head.size >= atomic_load(&s->next), LOG_ROLLBACK,
	        "the head counts %llu entries, %llu are here", (unsigned long long)h.head.size,
	        (unsigned long long)atomic_load(&s->next));
	atomic_store(&s->relied, h.at + HEAD_VALID);
	return OK;
}

RC head_follow(struct status *s)
{
	int64_t relied = atomic_load(&s->relied);

	if (relied == INT64_MAX || relied > clock_now() + RENEW)
		return OK;
	return rc_note(fetch(s), "head of %s", instance_config(s->in)->ca_name);
}

int64_t head_relied(struct status *s)
{
	return atomic_load(&s->relied);
}
