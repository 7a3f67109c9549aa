/* Revocation through the RA (R21.6): the statement goes to the CA at once; when the CA cannot be reached it
 * is durable here before anything is answered, and goes ahead of everything else later. */
#include "base/clock.h"
#include "base/text.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "ra/ra.h"

struct revoking {
	struct ra *ra;
	const struct statement *s;
	const struct peer *peer;
	struct ra_revocation r;
	struct buf serial;
};

static RC read_path(struct revoking *v, const struct request *q)
{
	struct slice ca = request_param(q, "ca"), serial = request_param(q, "serial"), said_ca, said_serial;

	NEED(ca.len > 0 && ca.len <= RA_NAME, RC_NOTFOUND, "there is no such authority");
	TRY(json_get_text(v->s->body, "ca", RA_NAME, &said_ca));
	TRY(json_get_text(v->s->body, "serial", 2 * RA_SERIAL_MAX, &said_serial));
	NEED(slice_equal(ca, said_ca) && slice_equal(serial, said_serial), RC_INPUT,
	     "the statement is of another certificate than the address");
	memcpy(v->r.ca, ca.p, ca.len);
	TRY(cert_serial_from_text(serial, &v->serial));
	v->r.serial = buf_slice(&v->serial);
	return OK;
}

/* Officers with a role for it may end any certificate, holders their own. */
static RC entitled(const struct revoking *v)
{
	AUTO(db_lease, lease, NULL);
	char entity[RA_UUID + 1];

	if (v->peer->roles & (OFFICER(REVIEW) | OFFICER(CA_OPERATOR)))
		return OK;
	TRY(db_pool_lease(instance_readers(v->ra->in), &lease));
	TRY(ra_store_owner(lease->db, v->r.ca, v->r.serial, entity));
	REQUIRE(strcmp(entity, v->peer->person) == 0, NOT_YOURS, "the certificate of another holder");
	return OK;
}

static struct rc note_write(struct db_tx *tx, void *arg)
{
	struct revoking *v = arg;
	AUTO_JSON(o, json_object());
	bool done = v->r.state == RA_REVOCATION_DONE;

	TRY(ra_store_revocation_put(tx->db, &v->r));
	json_put_cstr(o, "ca", v->r.ca);
	json_put_hex(o, "serial", v->r.serial);
	json_put_cstr(o, "by", v->peer->person);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, done ? "revocation-forwarded" : "revocation-queued", o,
	                  v->s->sm3, NULL);
}

static RC queue(struct revoking *v, json_t **ret)
{
	v->r.state = RA_REVOCATION_QUEUED;
	TRY(writer_run_first(instance_writer(v->ra->in), note_write, v));
	atomic_fetch_add(&v->ra->revocations_queued, 1);
	ra_forward_wake(v->ra);
	*ret = json_object();
	json_put_take(*ret, "ca", json_incref(json_object_get(v->s->body, "ca")));
	json_put_take(*ret, "serial", json_incref(json_object_get(v->s->body, "serial")));
	json_put_cstr(*ret, "state", "queued");
	return OK;
}

/* The CA has it durably; a note of our own that fails does not undo that, and is told of. */
static void note_done(struct revoking *v)
{
	v->r.state = RA_REVOCATION_DONE;
	if (!rc_ok(writer_run(instance_writer(v->ra->in), note_write, v)))
		instance_alarm(v->ra->in, "revocation-not-noted", slice_text(v->r.ca), rc_last()->text);
}

static RC send(struct revoking *v, json_t **ret, bool *queued)
{
	AUTO_JSON(answer, NULL);
	struct rc rc = ra_forward_revocation(v->ra, buf_slice(&v->s->der), &answer);

	*queued = !rc_ok(rc) && ra_forward_again(rc_last());
	if (*queued)
		return queue(v, ret);
	TRY(rc);
	TRY(json_get_time(answer, "revoked_at", &v->r.revoked_at));
	note_done(v);
	*ret = MOVE(answer);
	return OK;
}

RC ra_revoke(struct ra *ra, const struct request *q, json_t **ret, bool *queued)
{
	AUTO(statement, s, NULL);
	AUTO_BUF(serial, RA_SERIAL_MAX);
	struct revoking v = {.ra = ra, .peer = q->peer, .r = {.at = clock_now()}};
	struct rc rc;

	TRY(ra_statement(ra, q, RA_KIND(REVOCATION), &s));
	v.s = s;
	v.serial = buf_take(&serial);
	memcpy(v.r.hash, s->sm3, sizeof(v.r.hash));
	(void)snprintf(v.r.by, sizeof(v.r.by), "%s", q->peer->person);
	v.r.statement = buf_slice(&s->der);
	rc = read_path(&v, q);
	rc = rc_ok(rc) ? entitled(&v) : rc;
	rc = rc_ok(rc) ? send(&v, ret, queued) : rc;
	buf_free(&v.serial);
	if (rc_ok(rc))
		atomic_fetch_add(&ra->revocations, 1);
	return rc;
}
