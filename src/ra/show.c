/* What is told of an application. */
#include "base/clock.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "ra/application.h"

json_t *ra_brief(const struct ra_application *a)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", a->id);
	json_put_cstr(o, "state", application_state_name(a->state));
	json_put_cstr(o, "entity", a->entity);
	json_put_cstr(o, "profile", a->profile);
	json_put_cstr(o, "class", a->class);
	json_put_cstr(o, "authority", a->authority);
	json_put_time(o, "entered_at", a->at);
	if (a->source != SOURCE_NOT_ASKED)
		json_put_cstr(o, "source", source_result_name((enum source_result)a->source));
	if (a->batch[0] != '\0')
		json_put_cstr(o, "batch", a->batch);
	return o;
}

static struct rc add_event(void *arg, const struct ra_event *e)
{
	json_t *o = json_object();

	json_put_time(o, "at", e->at);
	json_put_text(o, "event", e->event);
	json_put_cstr(o, "state", application_state_name(e->state));
	json_put_text(o, "by", e->by);
	if (e->code.len > 0)
		json_put_text(o, "code", e->code);
	if (e->text.len > 0)
		json_put_text(o, "text", e->text);
	NEED(o != NULL && json_array_append_new(arg, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* "ca/serial" of each certificate that is there. */
static RC put_certificates(struct db *db, const struct ra_application *a, json_t *list)
{
	for (int part = RA_SIGN; part < RA_PARTS; part++) {
		AUTO_BUF(serial, RA_SERIAL_MAX);
		AUTO_BUF(der, RA_CERTIFICATE_MAX);
		char text[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];

		if (!rc_ok(ra_store_certificate(db, a->seq, (enum ra_part)part, &serial, &der))) {
			NEED(rc_last()->code == RC_NOTFOUND, rc_last()->code, "certificates of %s", a->id);
			continue;
		}
		cert_serial_text(buf_slice(&serial), text);
		(void)snprintf(name, sizeof(name), "%s/%s", a->authority, text);
		NEED(json_array_append_new(list, json_string(name)) == 0, RC_NOMEM, "no memory");
	}
	return OK;
}

static struct rc add_id(void *arg, struct slice id)
{
	NEED(json_array_append_new(arg, json_stringn((const char *)id.p, id.len)) == 0, RC_NOMEM,
	     "no memory");
	return OK;
}

/* What the reviewer must know: what it corrects, and what else the holder has (R30.2). */
static RC put_related(struct db *db, const struct ra_application *a, json_t *o)
{
	AUTO_MEM(struct ra_application, own, mem_new(1, sizeof(*own)));
	json_t *others = json_array();
	char id[RA_ID + 1];

	NEED(own != NULL, RC_NOMEM, "no memory");
	json_put_take(o, "duplicates", others);
	*own = *a;
	own->corrects = a->seq;
	TRY(ra_store_same(db, own, clock_now(), add_id, others));
	if (json_array_size(others) == 0)
		(void)json_object_del(o, "duplicates");
	if (a->corrects == 0)
		return OK;
	TRY(ra_store_id(db, a->corrects, id));
	json_put_cstr(o, "corrects", id);
	return json_put_result();
}

RC ra_full(struct db *db, const struct ra_application *a, json_t **ret)
{
	AUTO_JSON(o, ra_brief(a));
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_BUF(decision, RA_STATEMENT_MAX);
	json_t *history = json_array(), *certificates = json_array();

	json_put_take(o, "history", history);
	json_put_take(o, "certificates", certificates);
	TRY(ra_store_bodies(db, a->seq, &(struct ra_bodies){.statement = &statement, .decision = &decision}));
	json_put_cstr(o, "subject", a->subject);
	json_put_base64(o, "statement", buf_slice(&statement));
	if (decision.len > 0)
		json_put_base64(o, "decision", buf_slice(&decision));
	json_put_cstr(o, "possession", csr_proof_name((enum csr_proof)a->possession));
	json_put_int(o, "validity_days", a->days);
	json_put_int(o, "validity_days_max", a->days_max);
	TRY(json_put_result());
	TRY(put_related(db, a, o));
	TRY(ra_store_history(db, a->seq, add_event, history));
	TRY(put_certificates(db, a, certificates));
	*ret = MOVE(o);
	return OK;
}
