#include "ra/lapse.h"

#include "base/clock.h"
#include "evidence/log.h"
#include "ra/notice.h"
#include "ra/revoke.h"

#define DAY 86400LL

static int64_t allowed(struct instance *in)
{
	AUTO(trust, t, instance_trust(in));
	const struct trust_cps *cps = trust_cps(t);

	return cps->present ? cps->acceptance_days * DAY : INT64_MAX;
}

int64_t ra_lapse_due(void *arg, int64_t last)
{
	AUTO(db_lease, lease, NULL);
	int64_t first, days = allowed(arg);

	(void)last;
	if (days == INT64_MAX || !rc_ok(db_pool_lease(instance_readers(arg), &lease)) ||
	    !rc_ok(ra_store_first_unaccepted(lease->db, &first)) || first == INT64_MAX)
		return INT64_MAX;
	return first + days + 1;
}

struct lapsing {
	struct ra *ra;
	struct ra_application a;
};

static struct rc lapse_write(struct db_tx *tx, void *arg)
{
	struct lapsing *v = arg;
	struct ra_step step = {.seq = v->a.seq,
	                       .at = clock_now(),
	                       .from = APPLICATION_ISSUED,
	                       .event = APPLICATION_LAPSE,
	                       .by = instance_name(v->ra->in),
	                       .code = "not-accepted",
	                       .text = ""};
	AUTO_JSON(o, json_object());
	char zh[NOTICE_TEXT_MAX], en[NOTICE_TEXT_MAX], subject[RA_ID + 16];

	TRY(ra_store_step(tx->db, &step));
	(void)snprintf(subject, sizeof(subject), "application/%s", v->a.id);
	(void)snprintf(zh, sizeof(zh),
	               "申请 %s 的证书未在业务规则规定的期限内接受，已撤销；仍需证书的请重新申请", v->a.id);
	(void)snprintf(
	        en, sizeof(en),
	        "The certificates of application %s were not accepted in time and are revoked; apply again "
	        "if you need them",
	        v->a.id);
	TRY(ra_notice(tx, &(struct notice){.kind = "acceptance-lapsed",
	                                   .to = NOTICE_ENTITY,
	                                   .recipient = v->a.entity,
	                                   .subject = subject,
	                                   .zh = zh,
	                                   .en = en}));
	json_put_cstr(o, "id", v->a.id);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, "application-lapsed", o, NULL, NULL);
}

/* Each part is revoked once: what a run before a crash wrote down is not written again. */
static RC revoke_parts(struct lapsing *v)
{
	for (int part = RA_SIGN; part < RA_PARTS; part++) {
		AUTO(db_lease, lease, NULL);
		AUTO_BUF(serial, RA_SERIAL_MAX);
		AUTO_BUF(der, RA_CERTIFICATE_MAX);
		struct rc rc;
		bool known;

		TRY(db_pool_lease(instance_readers(v->ra->in), &lease));
		rc = ra_store_certificate(lease->db, v->a.seq, (enum ra_part)part, &serial, &der);
		if (rc.code == RC_NOTFOUND)
			continue;
		TRY(rc);
		TRY(ra_store_revocation_known(lease->db, v->a.authority, buf_slice(&serial), &known));
		db_lease_free(MOVE(lease));
		if (!known)
			TRY(ra_revoke_by_rule(v->ra, v->a.authority, buf_slice(&serial), REASON_CESSATION,
			                      "not-accepted"));
	}
	return OK;
}

struct round {
	size_t count;
	struct ra_application at[LAPSE_ROUND];
};

static struct rc gather(void *arg, const struct ra_application *a)
{
	struct round *r = arg;

	r->at[r->count++] = *a;
	return OK;
}

struct rc ra_lapse_run(void *arg, int64_t due)
{
	AUTO_MEM(struct round, r, mem_new(1, sizeof(*r)));
	AUTO_MEM(struct lapsing, v, mem_new(1, sizeof(*v)));
	AUTO(db_lease, lease, NULL);
	int64_t days = allowed(arg);

	(void)due;
	NEED(r != NULL && v != NULL, RC_NOMEM, "no memory");
	if (days == INT64_MAX)
		return OK;
	TRY(db_pool_lease(instance_readers(arg), &lease));
	TRY(ra_store_unaccepted(lease->db, clock_now() - days, LAPSE_ROUND, gather, r));
	db_lease_free(MOVE(lease));
	v->ra = instance_state(arg);
	for (size_t i = 0; i < r->count && !instance_ending(arg); i++) {
		v->a = r->at[i];
		TRY(revoke_parts(v));
		TRY(writer_run(instance_writer(arg), lapse_write, v));
		atomic_fetch_add(&v->ra->counts[APPLICATION_LAPSE], 1);
	}
	return OK;
}

/* ---- refused ones ---- */

struct rc ra_refused_apply(struct db_tx *tx, void *arg, int64_t due)
{
	AUTO_JSON(o, json_object());
	int64_t n = 0;

	(void)due;
	TRY(ra_store_forget_refused(tx->db, clock_now() - instance_config(arg)->refused_days * DAY, &n));
	if (n == 0)
		return OK;
	json_put_int(o, "count", n);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(arg), tx, "refused-forgotten", o, NULL, NULL);
}
