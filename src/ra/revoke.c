/* Revocation, suspension and release through the RA (R21.6, R21.7): the statement goes to the CA at once;
 * when the CA cannot be reached it is durable here before anything is answered, and goes ahead of everything
 * else later. */
#include "ra/revoke.h"

#include "base/clock.h"
#include "base/text.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "ra/loss.h"

RC revoking_open(struct revoking *v, struct ra *ra, const struct statement *s, const char *by)
{
	*v = (struct revoking){.ra = ra,
	                       .way = slice_is(s->role, "subscriber") ? RA_WAY_KEY : RA_WAY_OFFICER,
	                       .s = s,
	                       .by = by,
	                       .r = {.at = clock_now()}};
	TRY(order_read(s, &v->order));
	memcpy(v->r.ca, v->order.ca, sizeof(v->r.ca));
	v->r.serial = slice_of(v->order.serial, v->order.serial_len);
	memcpy(v->r.hash, s->sm3, sizeof(v->r.hash));
	(void)snprintf(v->r.by, sizeof(v->r.by), "%s", by);
	v->r.statement = buf_slice(&s->der);
	return OK;
}

static RC same_path(const struct revoking *v, const struct request *q)
{
	AUTO_BUF(serial, RA_SERIAL_MAX);

	NEED(slice_is(request_param(q, "ca"), v->r.ca), RC_INPUT,
	     "the statement is of another certificate than the address");
	TRY(cert_serial_from_text(request_param(q, "serial"), &serial));
	NEED(slice_equal(buf_slice(&serial), v->r.serial), RC_INPUT,
	     "the statement is of another certificate than the address");
	return OK;
}

/* Officers with a role for it may end any certificate, holders their own. */
static RC entitled(const struct revoking *v)
{
	AUTO(db_lease, lease, NULL);
	char entity[RA_UUID + 1];

	if (!slice_is(v->s->role, "subscriber"))
		return OK;
	TRY(db_pool_lease(instance_readers(v->ra->in), &lease));
	TRY(ra_store_owner(lease->db, v->r.ca, v->r.serial, entity));
	REQUIRE(slice_is(v->s->person, entity), NOT_YOURS, "the certificate of another holder");
	return OK;
}

RC revoking_put(struct db_tx *tx, struct revoking *v)
{
	AUTO_JSON(o, json_object());
	bool done = v->r.state == RA_REVOCATION_DONE;

	TRY(ra_store_revocation_put(tx->db, &v->r));
	TRY(ra_loss_said(tx, v));
	if (done)
		TRY(ra_loss_done(tx, &v->r, v->order.event, v->r.revoked_at));
	json_put_cstr(o, "ca", v->r.ca);
	json_put_hex(o, "serial", v->r.serial);
	json_put_cstr(o, "event", order_event_name(v->order.event));
	json_put_cstr(o, "ground", order_ground_name(v->order.ground));
	json_put_cstr(o, "by", v->by);
	if (v->order.has_reported)
		json_put_time(o, "reported", v->order.reported);
	if (v->order.relates.len > 0)
		json_put_text(o, "case", v->order.relates);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, done ? "revocation-forwarded" : "revocation-queued", o,
	                  v->s->sm3, NULL);
}

static struct rc put_write(struct db_tx *tx, void *arg)
{
	return revoking_put(tx, arg);
}

void revoking_queued(struct revoking *v)
{
	v->queued = true;
	atomic_fetch_add(&v->ra->revocations_queued, 1);
	ra_forward_wake(v->ra);
}

static RC queue(struct revoking *v)
{
	v->r.state = RA_REVOCATION_QUEUED;
	TRY(writer_run_first(instance_writer(v->ra->in), put_write, v));
	revoking_queued(v);
	return OK;
}

RC revoking_queued_answer(const struct revoking *v, json_t **ret)
{
	*ret = json_object();
	json_put_take(*ret, "ca", json_incref(json_object_get(v->s->body, "ca")));
	json_put_take(*ret, "serial", json_incref(json_object_get(v->s->body, "serial")));
	json_put_cstr(*ret, "state", "queued");
	return json_put_result();
}

/* The CA has it durably; a note of our own that fails does not undo that, and is told of. */
static void note_done(struct revoking *v)
{
	v->r.state = RA_REVOCATION_DONE;
	if (!rc_ok(writer_run(instance_writer(v->ra->in), put_write, v)))
		instance_alarm(v->ra->in, "revocation-not-noted", slice_text(v->r.ca), rc_last()->text);
}

RC revoking_send(struct revoking *v, json_t **ret)
{
	AUTO_JSON(answer, NULL);
	struct rc rc = ra_forward_revocation(v->ra, buf_slice(&v->s->der), &answer);

	if (!rc_ok(rc) && ra_forward_again(rc_last())) {
		TRY(queue(v));
		return revoking_queued_answer(v, ret);
	}
	TRY(rc);
	TRY(ra_revocation_time(answer, &v->r.revoked_at));
	note_done(v);
	*ret = MOVE(answer);
	return OK;
}

RC ra_revocation_time(const json_t *answer, int64_t *ret)
{
	return json_get_time(answer, json_object_get(answer, "at") != NULL ? "at" : "revoked_at", ret);
}

RC ra_revoke(struct ra *ra, const struct request *q, json_t **ret, bool *queued)
{
	AUTO(statement, s, NULL);
	struct revoking v;

	TRY(ra_statement(ra, q, RA_KIND(REVOCATION), &s));
	TRY(revoking_open(&v, ra, s, q->peer->person));
	TRY(same_path(&v, q));
	TRY(entitled(&v));
	TRY(revoking_send(&v, ret));
	*queued = v.queued;
	atomic_fetch_add(&ra->revocations, 1);
	return OK;
}

RC ra_revoke_by_rule(struct ra *ra, const char *ca, struct slice serial, enum crl_reason reason,
                     const char *why)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO_JSON(body, json_object());
	AUTO(statement, s, NULL);
	char text[CERT_SERIAL_TEXT];
	struct revoking v;

	cert_serial_text(serial, text);
	json_put_cstr(body, "ca", ca);
	json_put_cstr(body, "serial", text);
	json_put_cstr(body, "reason", crl_reason_name(reason));
	json_put_cstr(body, "ground", "ra");
	json_put_cstr(body, "case", why);
	TRY(json_put_result());
	TRY(instance_statement(ra->in, STATEMENT_REVOCATION, body, &der));
	TRY(statement_open(buf_slice(&der), &s));
	TRY(revoking_open(&v, ra, s, instance_name(ra->in)));
	v.way = RA_WAY_RULE;
	return queue(&v);
}

/* ---- what its key may still say ---- */

struct stopped {
	bool by_pair; /* look at orders about the other of the pair */
	bool yes;
};

static struct rc last_order(void *arg, const struct ra_revocation *r)
{
	AUTO(statement, s, NULL);
	struct stopped *v = arg;
	struct order order;

	TRY(statement_open(r->statement, &s));
	TRY(order_read(s, &order));
	if (!v->by_pair || order.scope != ORDER_SINGLE)
		v->yes = order.event != ORDER_RELEASE;
	return OK;
}

static RC other_of_pair(struct db *db, const char *ca, struct slice serial, struct buf *ret)
{
	AUTO_BUF(der, RA_CERTIFICATE_MAX);
	struct ra_application a;
	char id[RA_ID + 1];
	struct rc rc;

	TRY(ra_store_certified(db, slice_text(ca), serial, id));
	TRY(ra_store_find(db, id, &a));
	rc = ra_store_certificate(db, a.seq, RA_ENCRYPT, ret, &der);
	return rc.code == RC_NOTFOUND ? OK : rc;
}

RC ra_not_stopped(struct db *db, const char *ca, struct slice certificate)
{
	AUTO_BUF(pair, RA_SERIAL_MAX);
	struct stopped own = {.by_pair = false}, both = {.by_pair = true};
	struct cert c;

	TRY(cert_parse(certificate, &c));
	TRY(ra_store_revocations_of(db, ca, c.serial, last_order, &own));
	TRY(other_of_pair(db, ca, c.serial, &pair));
	TRY(ra_store_revocations_of(db, ca, buf_slice(&pair), last_order, &both));
	REQUIRE(!own.yes && !both.yes, CERTIFICATE_STATE,
	        "the certificate that signed is on hold or revoked");
	return OK;
}
