/* Legal holds (R24.9): while one stands on a record nobody disposes of it, however old it is. */
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "vault/vault.h"

RC vault_statement(struct vault *v, const struct request *q, enum statement_kind kind, struct statement **ret)
{
	AUTO(trust, t, instance_trust(v->in));
	AUTO(statement, s, NULL);

	TRY(statement_open(q->body, &s));
	NEED(s->kind == kind, RC_INPUT, "a statement of kind %s has no place here",
	     statement_kind_name(s->kind));
	REQUIRE(slice_is(s->organisation, instance_org(v->in)), STATEMENT_CERTIFICATE,
	        "only officers of %s decide here", instance_org(v->in));
	REQUIRE(slice_is(s->person, q->peer->person), OTHER_SIGNER, "signed by another person");
	TRY(statement_verify(s, trust_statements(t), clock_now()));
	*ret = MOVE(s);
	return OK;
}

struct holding {
	struct vault *v;
	const struct statement *s;
	bool release;
	uint8_t hold[32];
	size_t records;
};

static RC put_records(struct holding *h, struct db_tx *tx, int64_t hold)
{
	json_t *list;

	TRY(json_get_array(h->s->body, "records", VAULT_LIST_MAX, &list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_array_get(list, i);
		struct vault_record r;
		uint8_t key[32];

		TRY(text_hex(slice_text(json_string_value(one)), key, sizeof(key)));
		TRY(vault_store_record(tx->db, key, &r));
		REQUIRE(r.disposed_at == 0, RECORD_DISPOSED, "record %s", json_string_value(one));
		TRY(vault_store_held_put(tx->db, hold, r.id));
		h->records++;
	}
	return OK;
}

static struct rc hold_write(struct db_tx *tx, void *arg)
{
	struct holding *h = arg;
	AUTO_JSON(o, json_object());
	int64_t id;

	if (h->release) {
		TRY(vault_store_hold_release(tx->db, h->hold, h->s->sm3, buf_slice(&h->s->der)));
	} else {
		TRY(vault_store_hold_put(tx->db, h->s->sm3, buf_slice(&h->s->der), clock_now(), &id));
		TRY(put_records(h, tx, id));
	}
	json_put_hex(o, "hold", h->release ? SLICE_ARR(h->hold) : SLICE_ARR(h->s->sm3));
	json_put_text(o, "by", h->s->person);
	if (!h->release)
		json_put_take(o, "records", json_incref(json_object_get(h->s->body, "records")));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(h->v->in), tx, h->release ? "hold-released" : "hold-set", o, h->s->sm3,
	                  NULL);
}

/* POST /v1/holds */
RC vault_hold(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	struct holding h = {.v = v};
	struct slice action;
	json_t *o;

	TRY(vault_statement(v, q, STATEMENT_LEGAL_HOLD, &s));
	h.s = s;
	TRY(json_get_text(s->body, "action", 16, &action));
	h.release = slice_is(action, "release");
	if (h.release)
		TRY(json_get_hex(s->body, "hold", h.hold, sizeof(h.hold)));
	else
		NEED(json_object_get(s->body, "records") != NULL &&
		             json_object_get(s->body, "authority") != NULL,
		     RC_INPUT, "a hold names its records and the authority behind it");
	TRY(writer_run(instance_writer(v->in), hold_write, &h));
	o = json_object();
	json_put_hex(o, "hold", h.release ? SLICE_ARR(h.hold) : SLICE_ARR(s->sm3));
	json_put_cstr(o, "state", h.release ? "released" : "held");
	json_put_int(o, "records", (int64_t)h.records);
	*ret = o;
	return json_put_result();
}
