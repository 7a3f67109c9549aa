#include "ra/recover.h"

#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "ra/basis.h"
#include "ra/revoke.h"
#include "sm/sm3.h"

const char *ra_recovery_state_name(enum ra_recovery_state s)
{
	static const char *const names[] = {"none", "requested", "approved", "refused", "released"};

	return s <= RECOVERY_RELEASED ? names[s] : "none";
}

static json_t *brief(const struct ra_recovery *r)
{
	json_t *o = json_object();

	json_put_cstr(o, "id", r->id);
	json_put_cstr(o, "state", ra_recovery_state_name(r->state));
	json_put_cstr(o, "entity", r->entity);
	json_put_cstr(o, "ca", r->ca);
	json_put_time(o, "at", r->at);
	return o;
}

/* ---- the keys a holder ever had ---- */

struct keys {
	json_t *list;
	size_t count;
	uint8_t seen[RECOVERY_KEYS][32];
};

/* One key may stand in several certificates (extension): the KMC knows it by the first. */
static struct rc add_key(void *arg, struct slice serial, struct slice der)
{
	struct keys *k = arg;
	char text[CERT_SERIAL_TEXT];
	uint8_t spki[32];
	struct cert c;
	json_t *o;

	TRY(cert_parse(der, &c));
	sm3_hash(c.key.spki, spki);
	for (size_t i = 0; i < k->count; i++)
		if (memcmp(k->seen[i], spki, sizeof(spki)) == 0)
			return OK;
	if (k->count == RECOVERY_KEYS)
		return OK;
	memcpy(k->seen[k->count++], spki, sizeof(spki));
	o = json_object();
	cert_serial_text(serial, text);
	json_put_cstr(o, "serial", text);
	json_put_hex(o, "spki", SLICE_ARR(spki));
	json_put_time(o, "not_before", c.not_before);
	NEED(o != NULL && json_array_append_new(k->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

RC ra_recover_keys_of(struct ra *ra, struct slice ca, struct slice serial, json_t **ret)
{
	AUTO_MEM(struct keys, k, mem_new(1, sizeof(*k)));
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	char entity[RA_UUID + 1], name[RA_NAME + 1] = "";

	NEED(k != NULL, RC_NOMEM, "no memory");
	NEED(ca.len <= RA_NAME, RC_INPUT, "ca is too long");
	memcpy(name, ca.p, ca.len);
	k->list = json_array();
	json_put_take(o, "keys", k->list);
	NEED(k->list != NULL, RC_NOMEM, "no memory");
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_owner(lease->db, name, serial, entity));
	TRY(ra_store_encryption_each(lease->db, name, entity, add_key, k));
	json_put_cstr(o, "entity", entity);
	*ret = MOVE(o);
	return json_put_result();
}

RC ra_recover_keys(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_BUF(serial, RA_SERIAL_MAX);
	struct slice ca = SLICE_NONE, text = SLICE_NONE;

	TRY(request_query_only(q, "ca", "serial", NULL));
	NEED(request_query(q, "ca", &ca) && request_query(q, "serial", &text), RC_INPUT,
	     "ca and serial are asked for");
	TRY(cert_serial_from_text(text, &serial));
	return ra_recover_keys_of(ra, ca, buf_slice(&serial), ret);
}

/* ---- a request ---- */

struct asking {
	struct ra *ra;
	const struct statement *s;
	struct recovery r;
	struct ra_recovery row;
};

static RC check_key(struct db *db, const struct recovery *r, const struct recovery_key *k)
{
	struct slice serial = slice_of(k->serial, k->serial_len);
	AUTO_BUF(der, RA_CERTIFICATE_MAX);
	char entity[RA_UUID + 1];
	uint8_t spki[32];
	struct cert c;

	TRY(ra_store_owner(db, r->ca, serial, entity));
	REQUIRE(strcmp(entity, r->entity) == 0, RECOVERY, "the key is another holder's");
	TRY(ra_store_encryption(db, r->ca, serial, &der));
	TRY(cert_parse(buf_slice(&der), &c));
	sm3_hash(c.key.spki, spki);
	REQUIRE(memcmp(spki, k->spki, sizeof(spki)) == 0, RECOVERY,
	        "the case names another key than the certificate's");
	return OK;
}

static RC log_step(struct ra *ra, struct db_tx *tx, const char *kind, const char *id,
                   const struct statement *s)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", id);
	json_put_text(o, "by", s->person);
	if (s->kind == STATEMENT_RECOVERY)
		json_put_take(o, "case", json_incref(json_object_get(s->body, "case")));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(ra->in), tx, kind, o, s->sm3, NULL);
}

static struct rc ask_write(struct db_tx *tx, void *arg)
{
	struct asking *a = arg;
	struct ra_recovery known;

	if (rc_ok(ra_store_recovery(tx->db, a->row.id, &known, NULL, NULL))) {
		a->row = known;
		return OK;
	}
	for (size_t i = 0; i < a->r.count; i++)
		TRY(check_key(tx->db, &a->r, &a->r.keys[i]));
	TRY(ra_store_recovery_put(tx->db, &a->row, buf_slice(&a->s->der)));
	return log_step(a->ra, tx, "recovery-requested", a->row.id, a->s);
}

static RC ask(struct ra *ra, const struct statement *s, json_t **ret)
{
	AUTO_MEM(struct asking, a, mem_new(1, sizeof(*a)));

	NEED(a != NULL, RC_NOMEM, "no memory");
	a->ra = ra;
	a->s = s;
	TRY(recovery_read(s, &a->r));
	a->row = (struct ra_recovery){.state = RECOVERY_REQUESTED, .at = clock_now()};
	memcpy(a->row.id, a->r.id, sizeof(a->row.id));
	memcpy(a->row.spki, a->r.spki, sizeof(a->row.spki));
	(void)snprintf(a->row.entity, sizeof(a->row.entity), "%s", a->r.entity);
	(void)snprintf(a->row.ca, sizeof(a->row.ca), "%s", a->r.ca);
	(void)snprintf(a->row.entry, sizeof(a->row.entry), "%.*s", (int)s->person.len,
	               (const char *)s->person.p);
	TRY(writer_run(instance_writer(ra->in), ask_write, a));
	*ret = brief(&a->row);
	return json_put_result();
}

RC ra_recover_request(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);

	TRY(ra_statement(ra, q, RA_KIND(RECOVERY), &s));
	return ask(ra, s, ret);
}

RC ra_recover_holder(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO(statement, s, NULL);
	const char *ca;

	TRY(ra_holder_statement(ra, q, RA_KIND(RECOVERY), &s));
	ca = json_string_value(json_object_get(s->body, "ca"));
	/* a key that is out of control must not ask for others */
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_not_stopped(lease->db, ca != NULL ? ca : "", s->certificate));
	db_lease_free(MOVE(lease));
	return ask(ra, s, ret);
}

/* ---- the way to the CA ---- */

static RC put_one(struct db *db, const char *id, const json_t *key)
{
	AUTO_BUF(serial, RA_SERIAL_MAX);
	AUTO_BUF(envelope, RA_ENVELOPE_MAX);
	struct slice text;

	TRY(json_get_text(key, "serial", 2 * RA_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &serial));
	TRY(json_get_base64(key, "envelope", RA_ENVELOPE_MAX, &envelope));
	return ra_store_recovered_put(db, id, buf_slice(&serial), buf_slice(&envelope));
}

struct releasing {
	struct ra *ra;
	const char *id;
	const struct statement *s;
	json_t *keys;
};

static struct rc release_write(struct db_tx *tx, void *arg)
{
	struct releasing *r = arg;
	json_t *one;
	size_t i;

	json_array_foreach(r->keys, i, one) TRY(put_one(tx->db, r->id, one));
	TRY(ra_store_recovery_release(tx->db, r->id));
	return log_step(r->ra, tx, "recovery-released", r->id, r->s);
}

/* The same case again gets what there is: nothing is lost when an answer was. */
static RC bring(struct ra *ra, struct ra_recovery *row, struct slice statement, struct slice decision)
{
	AUTO_JSON(body, json_object());
	AUTO_JSON(answer, NULL);
	AUTO(statement, s, NULL);
	struct releasing r = {.ra = ra, .id = row->id};
	struct slice state;

	REQUIRE(ra->ca != NULL, UNREACHABLE, "no CA is configured");
	json_put_base64(body, "recovery", statement);
	json_put_base64(body, "decision", decision);
	TRY(json_put_result());
	TRY(http_call_json(
	        ra->ca, &(struct http_call){.method = "POST", .path = "/v1/recoveries", .deadline_ms = 20000},
	        body, &answer));
	TRY(json_get_text(answer, "state", 32, &state));
	if (!slice_is(state, "released"))
		return OK;
	TRY(json_get_array(answer, "keys", RECOVERY_KEYS, &r.keys));
	TRY(statement_open(statement, &s));
	r.s = s;
	TRY(writer_run(instance_writer(ra->in), release_write, &r));
	row->state = RECOVERY_RELEASED;
	return OK;
}

/* ---- review ---- */

struct deciding {
	struct ra *ra;
	const struct statement *s;
	char id[RECOVERY_ID + 1];
	bool approve;
	const char *person;
	struct ra_recovery row;
	struct buf statement, before;
};

static RC id_of(const struct request *q, char ret[RECOVERY_ID + 1])
{
	struct slice id = request_param(q, "id");

	NEED(id.len == RECOVERY_ID, RC_NOTFOUND, "there is no such recovery case");
	memcpy(ret, id.p, RECOVERY_ID);
	ret[RECOVERY_ID] = '\0';
	return OK;
}

static RC check_decision(struct deciding *d)
{
	AUTO_MEM(struct recovery, r, mem_new(1, sizeof(*r)));
	AUTO(statement, first, NULL);

	NEED(r != NULL, RC_NOMEM, "no memory");
	TRY(statement_open(buf_slice(&d->statement), &first));
	TRY(recovery_read(first, r));
	TRY(recovery_decision(r, d->s, &d->approve));
	REQUIRE(!slice_equal(first->person, d->s->person) && !slice_is(d->s->person, r->entity), SAME_PERSON,
	        "asked for by the same person, or about himself");
	return OK;
}

static struct rc decide_write(struct db_tx *tx, void *arg)
{
	struct deciding *d = arg;
	enum ra_recovery_state to;

	buf_clear(&d->statement);
	buf_clear(&d->before);
	TRY(ra_store_recovery(tx->db, d->id, &d->row, &d->statement, &d->before));
	if (slice_equal(buf_slice(&d->before), buf_slice(&d->s->der)))
		return OK;
	TRY(check_decision(d));
	to = d->approve ? RECOVERY_APPROVED : RECOVERY_REFUSED;
	TRY(ra_store_recovery_decide(tx->db, d->id, to, d->person, buf_slice(&d->s->der)));
	d->row.state = to;
	return log_step(d->ra, tx, d->approve ? "recovery-approved" : "recovery-refused", d->id, d->s);
}

static void deciding_free(struct deciding *d)
{
	buf_free(&d->statement);
	buf_free(&d->before);
}

RC ra_recover_decide(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	__attribute__((cleanup(deciding_free))) struct deciding d = {
	        .ra = ra, .statement = BUF(RA_STATEMENT_MAX), .before = BUF(RA_STATEMENT_MAX)};

	TRY(id_of(q, d.id));
	TRY(ra_statement(ra, q, RA_KIND(RECOVERY_DECISION), &s));
	REQUIRE(slice_is(s->role, "review"), STATEMENT_ROLE, "reviewers decide here");
	d.s = s;
	d.person = q->peer->person;
	TRY(writer_run(instance_writer(ra->in), decide_write, &d));
	/* the KMC's agents should see it at once; if it is not reached, every fetch tries again */
	if (d.row.state == RECOVERY_APPROVED &&
	    !rc_ok(bring(ra, &d.row, buf_slice(&d.statement), buf_slice(&s->der))))
		instance_alarm(ra->in, "recovery-not-brought", slice_text(d.id), rc_last()->text);
	*ret = brief(&d.row);
	return json_put_result();
}

/* ---- looking ---- */

RC ra_recover_show(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_BUF(decision, RA_STATEMENT_MAX);
	AUTO(db_lease, lease, NULL);
	struct ra_recovery row;
	char id[RECOVERY_ID + 1];
	json_t *o;

	TRY(request_query_only(q, NULL));
	TRY(id_of(q, id));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_recovery(lease->db, id, &row, &statement, &decision));
	o = brief(&row);
	json_put_base64(o, "statement", buf_slice(&statement));
	if (decision.len > 0)
		json_put_base64(o, "decision", buf_slice(&decision));
	*ret = o;
	return json_put_result();
}

static struct rc list_one(void *arg, const struct ra_recovery *r)
{
	json_t *o = brief(r);

	NEED(o != NULL && json_array_append_new(arg, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

RC ra_recover_list(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	json_t *list = json_array();

	TRY(request_query_only(q, NULL));
	json_put_take(o, "recoveries", list);
	NEED(list != NULL, RC_NOMEM, "no memory");
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_recovery_each(lease->db, RA_LIST_MAX, list_one, list));
	*ret = MOVE(o);
	return OK;
}

/* ---- delivery ---- */

struct handing {
	struct db *db;
	const char *ca;
	enum envelope_form form;
	json_t *list;
};

static struct rc hand_one(void *arg, struct slice serial, struct slice saed)
{
	struct handing *h = arg;
	AUTO_BUF(der, RA_CERTIFICATE_MAX);
	AUTO_BUF(envelope, ENVELOPE_MAX);
	char text[CERT_SERIAL_TEXT];
	struct sm2_pub pub;
	struct cert c;
	json_t *o = json_object();

	NEED(o != NULL && json_array_append_new(h->list, o) == 0, RC_NOMEM, "no memory");
	TRY(ra_store_encryption(h->db, h->ca, serial, &der));
	TRY(cert_parse(buf_slice(&der), &c));
	TRY(cert_sm2_key(&c, &pub));
	TRY(envelope_convert(saed, &pub, h->form, &envelope));
	cert_serial_text(serial, text);
	json_put_cstr(o, "serial", text);
	json_put_base64(o, "certificate", buf_slice(&der));
	json_put_base64(o, "envelope", buf_slice(&envelope));
	return json_put_result();
}

static RC form_of(const struct request *q, enum envelope_form *form)
{
	struct slice name = SLICE_LIT("sm2");

	TRY(request_query_only(q, "envelope", NULL));
	(void)request_query(q, "envelope", &name);
	return envelope_form_find(name, form);
}

RC ra_recover_fetch(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO_BUF(statement, RA_STATEMENT_MAX);
	AUTO_BUF(decision, RA_STATEMENT_MAX);
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, NULL);
	struct ra_recovery row;
	struct handing h = {.list = json_array()};
	char id[RECOVERY_ID + 1];
	AUTO_JSON(keep, h.list);
	(void)keep; /* owns it */

	NEED(h.list != NULL, RC_NOMEM, "no memory");
	TRY(id_of(q, id));
	TRY(form_of(q, &h.form));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(ra_store_recovery(lease->db, id, &row, &statement, &decision));
	REQUIRE(row.state != RECOVERY_REFUSED, APPLICATION_REFUSED, "%s", id);
	if (row.state == RECOVERY_APPROVED)
		TRY(bring(ra, &row, buf_slice(&statement), buf_slice(&decision)));
	REQUIRE(row.state == RECOVERY_RELEASED, NOT_COMPLETE, "the case is %s",
	        ra_recovery_state_name(row.state));
	h.db = lease->db;
	h.ca = row.ca;
	TRY(ra_store_recovered_each(lease->db, id, hand_one, &h));
	o = brief(&row);
	json_put_take(o, "keys", json_incref(h.list));
	*ret = MOVE(o);
	return json_put_result();
}

static struct rc attach_case(void *arg, const char *id)
{
	struct handing *h = arg;

	return ra_store_recovered_each(h->db, id, hand_one, h);
}

RC ra_recover_attach(struct db *db, const uint8_t spki[32], enum envelope_form form, json_t *o)
{
	struct handing h = {.db = db, .form = form, .list = json_array()};
	struct slice ca;
	char name[RA_NAME + 1] = "";

	json_put_take(o, "recovered", h.list);
	NEED(h.list != NULL, RC_NOMEM, "no memory");
	TRY(json_get_text(o, "authority", RA_NAME, &ca));
	memcpy(name, ca.p, ca.len);
	h.ca = name;
	return ra_store_recovered_for(db, spki, attach_case, &h);
}
