/* Legal holds (R24.9): while one stands on a record nobody disposes of it, however old it is. */
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "vault/vault.h"

#define HOLDS_MAX 1000000

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

/* ---- the rows against the log ---- */

struct hold_rows {
	struct vault *v;
	struct db *db;
	struct buf released; /* hashes */
	json_t *damaged;     /* data of hold-set entries whose rows are gone */
};

static RC data_of(const struct log_entry *e, json_t **ret, uint8_t hold[32])
{
	AUTO_JSON(o, NULL);
	json_t *data;

	TRY(json_read(e->entry, LOG_ENTRY_MAX, &o));
	TRY(json_get(o, "data", &data));
	TRY(json_get_hex(data, "hold", hold, 32));
	*ret = json_incref(data);
	return OK;
}

static struct rc see_release(const struct log_entry *e, void *arg)
{
	struct hold_rows *h = arg;
	AUTO_JSON(data, NULL);
	uint8_t hold[32];

	TRY(data_of(e, &data, hold));
	buf_add(&h->released, SLICE_ARR(hold));
	return buf_done(&h->released);
}

static struct rc see_hold(const struct log_entry *e, void *arg)
{
	struct hold_rows *h = arg;
	AUTO_JSON(data, NULL);
	json_t *list;
	uint8_t hold[32];
	int64_t have;

	TRY(data_of(e, &data, hold));
	for (size_t i = 0; i + 32 <= h->released.len; i += 32)
		if (memcmp(h->released.p + i, hold, 32) == 0)
			return OK;
	TRY(json_get_array(data, "records", VAULT_LIST_MAX, &list));
	TRY(vault_store_hold_count(h->db, hold, &have));
	if ((size_t)have < json_array_size(list))
		NEED(json_array_append(h->damaged, data) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC restore_hold(struct db_tx *tx, const json_t *data)
{
	json_t *list;
	uint8_t hold[32], key[32];
	int64_t id;

	TRY(json_get_hex(data, "hold", hold, sizeof(hold)));
	TRY(json_get_array(data, "records", VAULT_LIST_MAX, &list));
	TRY(vault_store_hold_restore(tx->db, hold, clock_now(), &id));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct vault_record r;
		struct rc rc;

		TRY(text_hex(slice_text(text != NULL ? text : ""), key, sizeof(key)));
		rc = vault_store_record(tx->db, key, &r);
		if (rc.code == RC_NOTFOUND)
			continue; /* its rows are made again first (index.c) */
		TRY(rc);
		TRY(vault_store_held_put(tx->db, id, r.id));
	}
	return OK;
}

static struct rc restore_holds(struct db_tx *tx, void *arg)
{
	struct hold_rows *h = arg;
	struct alarm a = {
	        .kind = "record-altered",
	        .level = ALARM_CRITICAL,
	        .subject = instance_name(h->v->in),
	        .text = "rows of holds were changed outside the program; they were restored from the "
	                "log"};
	json_t *one;
	size_t i;

	json_array_foreach(h->damaged, i, one) TRY(restore_hold(tx, one));
	return alarm_raise(instance_log(h->v->in), tx, &a, NULL);
}

RC vault_holds_check(struct vault *v, struct db *db, size_t *restored)
{
	AUTO_JSON(damaged, json_array());
	struct hold_rows h = {.v = v, .db = db, .released = BUF(HOLDS_MAX * 32), .damaged = damaged};
	struct rc rc = log_each_of(db, "hold-released", 0, 0, see_release, &h);

	if (rc_ok(rc))
		rc = log_each_of(db, "hold-set", 0, 0, see_hold, &h);
	buf_free(&h.released);
	TRY(rc);
	*restored = json_array_size(damaged);
	return *restored > 0 ? writer_run(instance_writer(v->in), restore_holds, &h) : OK;
}
