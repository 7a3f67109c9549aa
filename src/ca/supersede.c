/* A damaged token's certificates end when their replacement comes into being.  The two persons who replaced
 * it have decided that, so their approval is the statement behind both revocations. */
#include "base/clock.h"
#include "ca/basis.h"
#include "ca/ca.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"

static RC log_superseded(struct ca *c, struct db_tx *tx, const struct issue *i, enum ca_part part, int64_t at)
{
	AUTO_JSON(o, json_object());
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(slice_of(i->old.serial[part], CA_SERIAL), serial);
	json_put_cstr(o, "ca", i->old.ca);
	json_put_cstr(o, "serial", serial);
	json_put_time(o, "at", at);
	json_put_cstr(o, "reason", crl_reason_name(REASON_SUPERSEDED));
	json_put_hex(o, "request", SLICE_ARR(i->old.key));
	json_put_hex(o, "statement", SLICE_ARR(i->approval->sm3));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(c->in), tx, "revoked", o, NULL, NULL);
}

static RC end_part(struct ca *c, struct db_tx *tx, const struct issue *i, enum ca_part part)
{
	AUTO_MEM(struct ca_certificate, found, mem_new(1, sizeof(*found)));
	struct revocation r = {.serial = slice_of(i->old.serial[part], CA_SERIAL),
	                       .event = ORDER_REVOKE,
	                       .at = clock_now(),
	                       .reason = REASON_SUPERSEDED,
	                       .has_ground = true,
	                       .ground = GROUND_RA};
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);
	struct rc rc;

	NEED(found != NULL, RC_NOMEM, "no memory");
	rc = ca_store_certificate(tx->db, i->old.ca, r.serial, found, &tbs);
	/* half a pair, or ended by somebody meanwhile */
	if (rc.code == RC_NOTFOUND || (rc_ok(rc) && found->revoked))
		return OK;
	TRY(rc);
	TRY(ca_store_revoke(tx->db, i->old.ca, r.serial, found));
	r.expires = found->request.not_after;
	TRY(authority_store_event(tx->db, i->old.ca, &r, buf_slice(&i->approval->der)));
	if (part == CA_ENCRYPT)
		TRY(ca_store_notice_put(tx->db, r.serial, r.at));
	return log_superseded(c, tx, i, part, r.at);
}

RC ca_supersede(struct ca *c, struct db_tx *tx, const struct issue *i)
{
	if (i->basis.kind != BASIS_REPLACE)
		return OK;
	TRY(end_part(c, tx, i, CA_SIGN));
	return i->old.pair ? end_part(c, tx, i, CA_ENCRYPT) : OK;
}
