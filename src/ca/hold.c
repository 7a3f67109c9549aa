/* A suspension has a longest time, set by the CPS; then it becomes a revocation (R21.7).  By rule: the CA
 * states it itself. */
#include "base/clock.h"
#include "base/time.h"
#include "ca/revoke.h"
#include "pki/cert.h"

#define AT_ONCE 64

struct over {
	size_t n;
	struct {
		char ca[AUTHORITY_ID_MAX + 1], serial[CERT_SERIAL_TEXT];
	} at[AT_ONCE];
};

static int64_t hold_seconds(struct ca *c)
{
	AUTO(trust, t, instance_trust(c->in));

	return trust_cps(t)->hold_days * TIME_DAY;
}

int64_t ca_hold_due(struct ca *c)
{
	AUTO(db_lease, lease, NULL);
	int64_t oldest;

	if (!rc_ok(db_pool_lease(instance_readers(c->in), &lease)) ||
	    !rc_ok(ca_store_oldest_hold(lease->db, clock_now(), &oldest)))
		return 0; /* the run tells of the failure */
	return oldest == INT64_MAX ? INT64_MAX : oldest + hold_seconds(c);
}

static struct rc take(void *arg, struct slice ca, struct slice serial)
{
	struct over *o = arg;

	NEED(ca.len <= AUTHORITY_ID_MAX, RC_BUG, "a stored CA id of %zu bytes", ca.len);
	snprintf(o->at[o->n].ca, sizeof(o->at[0].ca), "%.*s", (int)ca.len, (const char *)ca.p);
	cert_serial_text(serial, o->at[o->n++].serial);
	return OK;
}

/* Whoever was faster, or its own end: nothing is left to do. */
static bool settled(struct rc rc)
{
	return rc_ok(rc) || rc_last()->err == ERR_ALREADY_REVOKED || rc_last()->err == ERR_CERTIFICATE_STATE;
}

static RC end_one(struct ca *c, const char *ca, const char *serial)
{
	AUTO_BUF(der, AUTHORITY_STATEMENT_MAX);
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	struct rc rc;

	json_put_cstr(body, "ca", ca);
	json_put_cstr(body, "serial", serial);
	json_put_cstr(body, "reason", crl_reason_name(REASON_PRIVILEGE_WITHDRAWN));
	json_put_cstr(body, "ground", "ca");
	json_put_cstr(body, "scope", "single");
	json_put_cstr(body, "case", "R21.7: the longest time of a suspension is over");
	TRY(json_put_result());
	TRY(instance_statement(c->in, STATEMENT_REVOCATION, body, &der));
	rc = ca_revoke(c, buf_slice(&der), &answer);
	return settled(rc) ? OK : rc;
}

/* Idempotent: what is revoked is not on hold any more. */
RC ca_hold_run(struct ca *c)
{
	AUTO_MEM(struct over, o, mem_new(1, sizeof(*o)));

	NEED(o != NULL, RC_NOMEM, "no memory");
	do {
		AUTO(db_lease, lease, NULL);

		o->n = 0;
		TRY(db_pool_lease(instance_readers(c->in), &lease));
		TRY(ca_store_holds(lease->db, clock_now(), clock_now() - hold_seconds(c), AT_ONCE, take, o));
		for (size_t i = 0; i < o->n; i++)
			TRY(end_one(c, o->at[i].ca, o->at[i].serial));
	} while (o->n == AT_ONCE && !instance_ending(c->in));
	return OK;
}
