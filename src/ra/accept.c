/* Acceptance (R21.2): names exactly the certificates that were issued; only the whole pair. */
#include "base/clock.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "ra/basis.h"
#include "ra/loss.h"
#include "ra/ra.h"

struct accepting {
	struct ra *ra;
	const struct statement *s;
	const struct peer *peer;
	bool holder; /* no client certificate: the statement's says who it is */
	char id[RA_ID + 1];
	struct ra_application a;
	char code[RA_CODE_TEXT]; /* to revoke with, whatever happens to the token (R31.1) */
};

static RC named(const json_t *list, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
			return OK;
	}
	REFUSE(ACCEPTANCE_MISMATCH, "%s is not named", name);
}

static RC check_certificates(const struct accepting *v, struct db *db)
{
	json_t *list;
	size_t n = 0;

	TRY(json_get_array(v->s->body, "certificates", RA_PARTS, &list));
	for (int part = RA_SIGN; part < RA_PARTS; part++) {
		AUTO_BUF(serial, RA_SERIAL_MAX);
		AUTO_BUF(der, RA_CERTIFICATE_MAX);
		char text[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];
		struct rc rc = ra_store_certificate(db, v->a.seq, (enum ra_part)part, &serial, &der);

		if (rc.code == RC_NOTFOUND)
			continue;
		TRY(rc);
		cert_serial_text(buf_slice(&serial), text);
		(void)snprintf(name, sizeof(name), "%s/%s", v->a.authority, text);
		TRY(named(list, name));
		n++;
	}
	REQUIRE(n == json_array_size(list), ACCEPTANCE_MISMATCH, "%zu certificates were issued", n);
	return OK;
}

/* Whoever takes a pair into use has its signing key, and not only an older one. */
static RC check_holder(const struct accepting *v, struct db *db)
{
	AUTO_BUF(serial, RA_SERIAL_MAX);
	AUTO_BUF(der, RA_CERTIFICATE_MAX);

	if (!v->holder)
		return OK;
	TRY(ra_store_certificate(db, v->a.seq, RA_SIGN, &serial, &der));
	REQUIRE(slice_equal(v->s->certificate, buf_slice(&der)), ACCEPTANCE_MISMATCH,
	        "signed with another certificate than the one accepted");
	return OK;
}

static RC log_accepted(const struct accepting *v, struct db_tx *tx)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", v->a.id);
	json_put_take(o, "certificates", json_incref(json_object_get(v->s->body, "certificates")));
	json_put_cstr(o, "by", v->peer->person);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(v->ra->in), tx, "application-accepted", o, v->s->sm3, NULL);
}

static struct rc accept_write(struct db_tx *tx, void *arg)
{
	struct accepting *v = arg;
	struct slice id, notice;
	struct ra_step step;

	TRY(ra_store_find(tx->db, v->id, &v->a));
	TRY(ra_may_see(v->peer, &v->a));
	/* who only looks records nothing */
	REQUIRE((v->peer->roles & ~(uint32_t)OFFICER(QUERY)) != 0 || !(v->peer->roles & OFFICER(QUERY)),
	        NOT_YOURS, "application %s", v->a.id);
	TRY(json_get_text(v->s->body, "id", 64, &id));
	REQUIRE(slice_is(id, v->a.id), ACCEPTANCE_MISMATCH, "the acceptance is of another application");
	TRY(json_get_text(v->s->body, "notice", 16, &notice));
	REQUIRE(slice_is(notice, RA_NOTICE), ACCEPTANCE_MISMATCH, "the present notice is " RA_NOTICE);
	step = (struct ra_step){.seq = v->a.seq,
	                        .at = clock_now(),
	                        .from = v->a.state,
	                        .event = APPLICATION_ACCEPT,
	                        .by = v->peer->person,
	                        .code = "",
	                        .text = ""};
	TRY(application_next(step.from, step.event, &v->a.state));
	TRY(check_certificates(v, tx->db));
	TRY(check_holder(v, tx->db));
	TRY(ra_store_step(tx->db, &step));
	TRY(ra_store_acceptance(tx->db, v->a.seq, buf_slice(&v->s->der)));
	TRY(ra_code_new(v->ra, tx, &v->a, v->peer->person, v->code));
	return log_accepted(v, tx);
}

static RC finish(struct accepting *v, json_t **ret)
{
	struct slice id;

	TRY(json_get_text(v->s->body, "id", RA_ID, &id));
	NEED(id.len == RA_ID, RC_NOTFOUND, "there is no such application");
	if (v->id[0] == '\0')
		memcpy(v->id, id.p, RA_ID);
	TRY(writer_run(instance_writer(v->ra->in), accept_write, v));
	atomic_fetch_add(&v->ra->counts[APPLICATION_ACCEPT], 1);
	instance_wake(v->ra->in, ra_wake_key(v->id));
	*ret = json_object();
	json_put_cstr(*ret, "id", v->id);
	json_put_cstr(*ret, "state", application_state_name(v->a.state));
	json_put_cstr(*ret, "revocation_code", v->code);
	wipe(v->code, sizeof(v->code));
	return json_put_result();
}

RC ra_accept(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct accepting, v, mem_new(1, sizeof(*v)));
	AUTO(statement, s, NULL);
	struct slice id = request_param(q, "id");

	NEED(v != NULL, RC_NOMEM, "no memory");
	NEED(id.len == RA_ID, RC_NOTFOUND, "there is no such application");
	TRY(ra_statement(ra, q, RA_KIND(ACCEPTANCE), &s));
	*v = (struct accepting){.ra = ra, .s = s, .peer = q->peer};
	memcpy(v->id, id.p, RA_ID);
	return finish(v, ret);
}

RC ra_accept_holder(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct accepting, v, mem_new(1, sizeof(*v)));
	AUTO(statement, s, NULL);
	struct peer holder = {.roles = 0};

	NEED(v != NULL, RC_NOMEM, "no memory");
	TRY(ra_holder_statement(ra, q, RA_KIND(ACCEPTANCE), &s));
	NEED(s->person.len == RA_UUID, RC_INPUT, "the certificate names no person");
	memcpy(holder.person, s->person.p, RA_UUID);
	*v = (struct accepting){.ra = ra, .s = s, .peer = &holder, .holder = true};
	return finish(v, ret);
}
