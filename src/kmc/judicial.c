#include "kmc/judicial.h"

#include "base/clock.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "pki/envelope.h"
#include "sm/sm3.h"

/* ---- whose keys ---- */

static RC ca_of(struct kmc *k, struct slice institution, uint8_t ca[32])
{
	AUTO(trust, t, instance_trust(k->in));
	char name[TRUST_ID_MAX + 1] = "";
	struct slice comm;
	struct cert c;

	NEED(institution.len <= TRUST_ID_MAX, RC_NOTFOUND, "there is no such institution");
	memcpy(name, institution.p, institution.len);
	comm = trust_ca_comm_of(t, name);
	NEED(comm.len > 0, RC_NOTFOUND, "no CA of %s is registered here", name);
	TRY(cert_parse(comm, &c));
	sm3_hash(c.subject, ca);
	return OK;
}

static RC stored(struct kmc *k, struct db *db, const uint8_t ca[32], struct slice serial, struct kmc_key *ret)
{
	enum kmc_shelf shelf;
	uint8_t sign_key[32];

	TRY(kmc_store_find(db, &k->mac, ca, serial, &shelf, sign_key, ret));
	REQUIRE(shelf != KMC_NOWHERE, KM_UNKNOWN, "there is no key for that certificate");
	return OK;
}

static RC spki_of(const struct kmc_key *key, uint8_t sm3[32])
{
	AUTO_BUF(spki, PUBKEY_SPKI_MAX);
	struct sm2_pub pub;

	memcpy(pub.xy, key->pub, sizeof(pub.xy));
	TRY(pubkey_put_sm2(&pub, &spki));
	sm3_hash(buf_slice(&spki), sm3);
	return OK;
}

RC kmc_judicial_key(struct kmc *k, const struct request *q, json_t **ret)
{
	struct slice institution = SLICE_NONE, text = SLICE_NONE;
	AUTO_BUF(serial, KMC_SERIAL_MAX);
	AUTO(db_lease, lease, NULL);
	struct kmc_key key;
	uint8_t ca[32], sm3[32];

	TRY(request_query_only(q, "institution", "serial", NULL));
	NEED(request_query(q, "institution", &institution) && request_query(q, "serial", &text), RC_INPUT,
	     "institution and serial are asked for");
	TRY(ca_of(k, institution, ca));
	TRY(cert_serial_from_text(text, &serial));
	TRY(db_pool_lease(instance_readers(k->in), &lease));
	TRY(stored(k, lease->db, ca, buf_slice(&serial), &key));
	TRY(spki_of(&key, sm3));
	*ret = json_object();
	json_put_hex(*ret, "ca", SLICE_ARR(ca));
	json_put_text(*ret, "serial", text);
	json_put_hex(*ret, "spki", SLICE_ARR(sm3));
	return json_put_result();
}

/* ---- the order ---- */

static RC open_own(struct kmc *k, const struct request *q, enum statement_kind kind, struct statement **ret)
{
	AUTO(trust, t, instance_trust(k->in));
	AUTO(statement, s, NULL);

	TRY(statement_open(q->body, &s));
	NEED(s->kind == kind, RC_INPUT, "a statement of kind %s has no place here",
	     statement_kind_name(s->kind));
	REQUIRE(slice_is(s->organisation, instance_org(k->in)) && slice_is(s->role, "recovery"),
	        STATEMENT_ROLE, "recovery officers of %s decide here", instance_org(k->in));
	REQUIRE(slice_is(s->person, q->peer->person), OTHER_SIGNER, "signed by %.*s", (int)s->person.len,
	        (const char *)s->person.p);
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	*ret = MOVE(s);
	return OK;
}

struct ordering {
	struct kmc *k;
	const struct statement *s;
	struct recovery r;
	struct kmc_order o;
	struct kmc_decision d;
};

static RC log_judicial(struct kmc *k, struct db_tx *tx, const char *kind, const char *id,
                       const struct statement *s)
{
	AUTO_JSON(o, json_object());

	json_put_cstr(o, "id", id);
	json_put_text(o, "by", s->person);
	json_put_hex(o, "statement", SLICE_ARR(s->sm3));
	if (s->kind == STATEMENT_JUDICIAL_RECOVERY) {
		json_put_take(o, "authority", json_incref(json_object_get(s->body, "authority")));
		json_put_take(o, "case", json_incref(json_object_get(s->body, "case")));
		json_put_take(o, "document", json_incref(json_object_get(s->body, "document")));
		json_put_take(o, "keys", json_incref(json_object_get(s->body, "keys")));
	}
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(k->in), tx, kind, o, NULL, NULL);
}

static struct rc order_write(struct db_tx *tx, void *arg)
{
	struct ordering *v = arg;

	for (size_t i = 0; i < v->r.count; i++) {
		const struct recovery_key *named = &v->r.keys[i];
		struct kmc_key key;
		uint8_t sm3[32];

		TRY(stored(v->k, tx->db, v->o.ca, slice_of(named->serial, named->serial_len), &key));
		TRY(spki_of(&key, sm3));
		REQUIRE(memcmp(sm3, named->spki, sizeof(sm3)) == 0, RECOVERY, "the order names another key");
	}
	TRY(kmc_store_order_put(tx->db, &v->o));
	return log_judicial(v->k, tx, "judicial-order", v->o.id, v->s);
}

static json_t *order_json(const struct kmc_order *o, int64_t approvals)
{
	json_t *j = json_object();

	json_put_cstr(j, "id", o->id);
	json_put_time(j, "at", o->at);
	json_put_int(j, "approvals", approvals);
	return j;
}

RC kmc_judicial_order(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct ordering, v, mem_new(1, sizeof(*v)));
	AUTO(statement, s, NULL);

	NEED(v != NULL, RC_NOMEM, "no memory");
	TRY(open_own(k, q, STATEMENT_JUDICIAL_RECOVERY, &s));
	v->k = k;
	v->s = s;
	TRY(recovery_read_judicial(s, &v->r));
	memcpy(v->o.id, v->r.id, sizeof(v->o.id));
	TRY(json_get_hex(s->body, "ca", v->o.ca, sizeof(v->o.ca)));
	(void)snprintf(v->o.person, sizeof(v->o.person), "%s", q->peer->person);
	v->o.statement = buf_slice(&s->der);
	v->o.at = clock_now();
	TRY(writer_run(instance_writer(k->in), order_write, v));
	*ret = order_json(&v->o, 1);
	return json_put_result();
}

/* ---- decisions ---- */

static RC id_of(const struct request *q, char ret[RECOVERY_ID + 1])
{
	struct slice id = request_param(q, "id");

	NEED(id.len == RECOVERY_ID, RC_NOTFOUND, "there is no such judicial order");
	memcpy(ret, id.p, RECOVERY_ID);
	ret[RECOVERY_ID] = '\0';
	return OK;
}

static struct rc decision_write(struct db_tx *tx, void *arg)
{
	struct ordering *v = arg;

	TRY(kmc_store_order_decision_put(tx->db, v->o.id, &v->d));
	return log_judicial(v->k, tx, "judicial-decided", v->o.id, v->s);
}

/* The officer who brought the order is the first of m; the same person does not count again. */
RC kmc_judicial_decide(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct ordering, v, mem_new(1, sizeof(*v)));
	AUTO_BUF(statement, KMC_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO(statement, order, NULL);
	AUTO(db_lease, lease, NULL);
	char id[RECOVERY_ID + 1];

	NEED(v != NULL, RC_NOMEM, "no memory");
	TRY(id_of(q, id));
	TRY(open_own(k, q, STATEMENT_RECOVERY_DECISION, &s));
	TRY(db_pool_lease(instance_readers(k->in), &lease));
	TRY(kmc_store_order(lease->db, id, &v->o, &statement));
	TRY(statement_open(buf_slice(&statement), &order));
	TRY(recovery_read_judicial(order, &v->r));
	TRY(recovery_decision(&v->r, s, &v->d.approve));
	REQUIRE(strcmp(v->o.person, q->peer->person) != 0, RECOVERY_PERSONS,
	        "the officer has brought the order");
	v->k = k;
	v->s = s;
	(void)snprintf(v->d.person, sizeof(v->d.person), "%s", q->peer->person);
	v->d.statement = buf_slice(&s->der);
	v->d.at = clock_now();
	TRY(writer_run(instance_writer(k->in), decision_write, v));
	return kmc_judicial_show(k, q, ret);
}

/* ---- what leaves ---- */

struct handing {
	struct kmc *k;
	const struct statement *s;
	struct kmc_order o;
	struct recovery r;
	struct kmc_key keys[RECOVERY_KEYS];
	struct kmc_release release; /* order, then approvals */
	struct buf envelope[RECOVERY_KEYS];
};

static void handing_free(struct handing *h)
{
	if (h == NULL)
		return;
	kmc_release_free(&h->release);
	for (size_t i = 0; i < RECOVERY_KEYS; i++)
		buf_free(&h->envelope[i]);
	mem_free(h);
}
DROP(handing, handing_free);

static struct rc add_approval(void *arg, const struct kmc_decision *d)
{
	struct kmc_release *r = arg;
	struct buf *b = &r->bytes[r->orders.count];

	if (!d->approve || r->orders.count == SIGNER_ORDERS)
		return OK;
	*b = BUF(KMC_STATEMENT_MAX);
	buf_add(b, d->statement);
	TRY(buf_done(b));
	r->orders.at[r->orders.count++] = buf_slice(b);
	return OK;
}

static RC load(struct handing *h, struct db *db, const char *id)
{
	struct kmc_release *r = &h->release;

	r->bytes[0] = BUF(KMC_STATEMENT_MAX);
	TRY(kmc_store_order(db, id, &h->o, &r->bytes[0]));
	r->orders.at[0] = buf_slice(&r->bytes[0]);
	r->orders.count = 1;
	return kmc_store_order_decision_each(db, id, add_approval, r);
}

RC kmc_judicial_show(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO(handing, h, mem_new(1, sizeof(*h)));
	AUTO(db_lease, lease, NULL);
	char id[RECOVERY_ID + 1];

	NEED(h != NULL, RC_NOMEM, "no memory");
	TRY(id_of(q, id));
	TRY(db_pool_lease(instance_readers(k->in), &lease));
	TRY(load(h, lease->db, id));
	*ret = order_json(&h->o, (int64_t)h->release.orders.count);
	json_put_base64(*ret, "statement", buf_slice(&h->release.bytes[0]));
	return json_put_result();
}

static RC seal(struct handing *h, struct db *db)
{
	struct slice blobs[RECOVERY_KEYS];

	for (size_t i = 0; i < h->r.count; i++) {
		const struct recovery_key *named = &h->r.keys[i];

		TRY(stored(h->k, db, h->o.ca, slice_of(named->serial, named->serial_len), &h->keys[i]));
		blobs[i] = slice_of(h->keys[i].wrapped, h->keys[i].wrapped_len);
		h->envelope[i] = BUF(ENVELOPE_MAX);
	}
	return signer_km_judicial(instance_signer(h->k->in), &h->release.orders, blobs, h->r.count,
	                          h->envelope);
}

static struct rc handed_write(struct db_tx *tx, void *arg)
{
	struct handing *h = arg;

	for (size_t i = 0; i < h->r.count; i++)
		TRY(kmc_store_recovered(tx->db, h->o.ca,
		                        slice_of(h->r.keys[i].serial, h->r.keys[i].serial_len), h->o.id,
		                        clock_now()));
	return log_judicial(h->k, tx, "judicial-handed-over", h->o.id, h->s);
}

static RC put_envelopes(const struct handing *h, json_t *list)
{
	for (size_t i = 0; i < h->r.count; i++) {
		json_t *o = json_object();
		char serial[CERT_SERIAL_TEXT];

		NEED(o != NULL && json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
		cert_serial_text(slice_of(h->r.keys[i].serial, h->r.keys[i].serial_len), serial);
		json_put_cstr(o, "serial", serial);
		json_put_base64(o, "envelope", buf_slice(&h->envelope[i]));
	}
	return json_put_result();
}

RC kmc_judicial_fetch(struct kmc *k, const struct request *q, json_t **ret)
{
	AUTO(handing, h, mem_new(1, sizeof(*h)));
	AUTO(statement, order, NULL);
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, NULL);
	char id[RECOVERY_ID + 1];
	json_t *list = json_array();
	AUTO_JSON(keep, list);
	(void)keep; /* owns it */

	NEED(h != NULL && list != NULL, RC_NOMEM, "no memory");
	h->k = k;
	TRY(id_of(q, id));
	TRY(db_pool_lease(instance_readers(k->in), &lease));
	TRY(load(h, lease->db, id));
	TRY(statement_open(buf_slice(&h->release.bytes[0]), &order));
	h->s = order;
	TRY(recovery_read_judicial(order, &h->r));
	TRY(seal(h, lease->db));
	TRY(writer_run(instance_writer(k->in), handed_write, h));
	TRY(put_envelopes(h, list));
	o = order_json(&h->o, (int64_t)h->release.orders.count);
	json_put_take(o, "keys", json_incref(list));
	*ret = MOVE(o);
	return OK;
}
