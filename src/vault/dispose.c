/* Disposal after the term (R24.10): a list by one person, the decision of another, then the keys of the
 * content are destroyed on both places and a certificate tells of it.  Dates are computed anew from what is
 * kept, at the list and at the decision; nothing is ever disposed of by time alone. */
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "vault/vault.h"

/* ---- may it go ---- */

static RC judge(struct vault *v, struct db *db, const struct vault_record *r, int64_t *until)
{
	struct vault_record now = *r;
	struct vault_lock lock;
	bool altered;

	REQUIRE(r->disposed_at == 0, RECORD_DISPOSED, "it was disposed of before");
	TRY(vault_record_check(v, db, r, &altered));
	if (altered)
		TRY(vault_store_record_id(db, r->id, &now));
	TRY(vault_lock_of(db, &now, &lock));
	REQUIRE(!lock.held, RECORD_HELD, "a legal hold stands on it");
	REQUIRE(clock_now() >= lock.lock && clock_now() >= lock.legal, RECORD_LOCKED,
	        "its term has not passed");
	*until = lock.lock;
	return OK;
}

struct listed {
	int64_t record, until;
	uint8_t key[32];
};
struct disposing {
	struct vault *v;
	struct db *db; /* a reader */
	const struct statement *s;
	struct vault_disposal d;
	struct listed at[VAULT_LIST_MAX];
	size_t count;
	enum disposal_state decision;
};

static RC judge_one(struct disposing *d, struct slice hex)
{
	struct listed *l = &d->at[d->count];
	struct vault_record r;

	TRY(text_hex(hex, l->key, sizeof(l->key)));
	TRY(vault_store_record(d->db, l->key, &r));
	l->record = r.id;
	for (size_t i = 0; i < d->count; i++)
		NEED(d->at[i].record != r.id, RC_INPUT, "a record stands twice in the list");
	TRY(rc_note(judge(d->v, d->db, &r, &l->until), "record %.16s…", (const char *)hex.p));
	d->count++;
	return OK;
}

static RC judge_list(struct disposing *d, const json_t *body)
{
	json_t *list;

	d->count = 0;
	TRY(json_get_array(body, "records", VAULT_LIST_MAX, &list));
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY(judge_one(d, slice_text(json_string_value(json_array_get(list, i)))));
	return OK;
}

/* ---- the list ---- */

static struct rc propose(struct db_tx *tx, void *arg)
{
	struct disposing *d = arg;
	AUTO_JSON(o, json_object());

	TRY(vault_store_disposal_put(tx->db, &d->d, buf_slice(&d->s->der)));
	for (size_t i = 0; i < d->count; i++)
		TRY(vault_store_disposal_record_put(tx->db, d->d.id, d->at[i].record, d->at[i].until));
	json_put_hex(o, "disposal", SLICE_ARR(d->d.hash));
	json_put_int(o, "records", (int64_t)d->count);
	json_put_cstr(o, "by", d->d.proposer);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(d->v->in), tx, "disposal-proposed", o, d->s->sm3, NULL);
}

static RC disposing_new(struct vault *v, const struct statement *s, struct db *db, struct disposing **ret)
{
	struct disposing *d = mem_new(1, sizeof(*d));

	NEED(d != NULL, RC_NOMEM, "no memory");
	*d = (struct disposing){.v = v, .db = db, .s = s, .d = {.at = clock_now()}};
	*ret = d;
	return OK;
}

/* POST /v1/disposals */
RC vault_dispose(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	AUTO(db_lease, lease, NULL);
	AUTO_MEM(struct disposing, d, NULL);
	size_t holds;
	json_t *o;

	TRY(vault_statement(v, q, STATEMENT_DISPOSAL, &s));
	TRY(vault_clock(v));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	TRY(vault_holds_check(v, lease->db, &holds));
	TRY(disposing_new(v, s, lease->db, &d));
	memcpy(d->d.hash, s->sm3, 32);
	snprintf(d->d.proposer, sizeof(d->d.proposer), "%.*s", (int)s->person.len, (const char *)s->person.p);
	TRY(judge_list(d, s->body));
	TRY(writer_run(instance_writer(v->in), propose, d));
	o = json_object();
	json_put_hex(o, "disposal", SLICE_ARR(d->d.hash));
	json_put_cstr(o, "state", "proposed");
	json_put_int(o, "records", (int64_t)d->count);
	*ret = o;
	return json_put_result();
}

/* ---- the decision ---- */

static struct rc decide(struct db_tx *tx, void *arg)
{
	struct disposing *d = arg;
	AUTO_JSON(o, json_object());

	TRY(vault_store_disposal_decide(tx->db, d->d.id, d->decision, d->d.approver, buf_slice(&d->s->der)));
	json_put_hex(o, "disposal", SLICE_ARR(d->d.hash));
	json_put_cstr(o, "by", d->d.approver);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(d->v->in), tx,
	                  d->decision == DISPOSAL_APPROVED ? "disposal-approved" : "disposal-refused", o,
	                  d->s->sm3, NULL);
}

/* Between list and decision a hold may have come, or a record that follows. */
static RC judge_again(struct disposing *d)
{
	AUTO_BUF(der, STATEMENT_MAX);
	AUTO(statement, list, NULL);

	TRY(vault_store_disposal_papers(d->db, d->d.id, &der, NULL, NULL));
	TRY(statement_open(buf_slice(&der), &list));
	return judge_list(d, list->body);
}

/* POST /v1/disposals/decisions */
RC vault_decide(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(statement, s, NULL);
	AUTO(db_lease, lease, NULL);
	AUTO_MEM(struct disposing, d, NULL);
	uint8_t hash[32];
	bool approve;
	json_t *o;

	TRY(vault_statement(v, q, STATEMENT_DISPOSAL_APPROVAL, &s));
	TRY(json_get_hex(s->body, "disposal", hash, sizeof(hash)));
	TRY(json_get_bool(s->body, "approve", &approve));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	TRY(disposing_new(v, s, lease->db, &d));
	TRY(vault_store_disposal(lease->db, hash, &d->d));
	REQUIRE(!slice_is(s->person, d->d.proposer), SECOND_PERSON, "the list is this person's own");
	snprintf(d->d.approver, sizeof(d->d.approver), "%.*s", (int)s->person.len, (const char *)s->person.p);
	d->decision = approve ? DISPOSAL_APPROVED : DISPOSAL_REFUSED;
	if (approve) {
		TRY(vault_clock(v));
		TRY(judge_again(d));
	}
	TRY(writer_run(instance_writer(v->in), decide, d));
	if (approve)
		TRY(vault_dispose_resume(v));
	TRY(vault_store_disposal(lease->db, hash, &d->d));
	o = json_object();
	json_put_hex(o, "disposal", SLICE_ARR(hash));
	json_put_cstr(o, "state", d->d.state == DISPOSAL_DONE ? "done" : "refused");
	*ret = o;
	return json_put_result();
}

/* ---- doing it ---- */

#define KEPT_MAX 4096 /* items of one record */
struct destroying {
	struct vault *v;
	struct db *db;
	struct vault_disposal *d;
	const struct statement *order; /* the list, verified */
	int64_t record;
	uint8_t key[32];
	struct vault_item items[KEPT_MAX];
	size_t count;
	json_t *list;
	struct buf certificate;
};

struct owner {
	uint8_t key[32];
	bool named;
};

static struct rc see_owner(const struct bundle_piece *p, void *arg)
{
	struct owner *o = arg;

	if (slice_is(p->kind, VAULT_KIND_RECORD) && p->content.len == sizeof(o->key)) {
		memcpy(o->key, p->content.p, sizeof(o->key));
		o->named = true;
	}
	return OK;
}

/* A bundle says itself whose it is; a row that says otherwise was written by somebody else. */
static RC is_of_another(struct destroying *x, const struct vault_item *item, bool *ret)
{
	AUTO_BUF(content, MEDIA_ITEM_MAX);
	struct owner o = {.named = false};
	struct rc rc = vault_item_read(x->v, item, &content);

	*ret = false;
	if (rc.code == RC_CRYPTO || rc.code == RC_CONFLICT || rc.code == RC_NOTFOUND)
		return OK; /* nothing is left to destroy */
	TRY(rc);
	rc = bundle_item_each(buf_slice(&content), see_owner, &o); /* an original names nobody */
	*ret = rc_ok(rc) && o.named && memcmp(o.key, x->key, sizeof(o.key)) != 0;
	return OK;
}

static struct rc gather(void *arg, const struct vault_kept *k)
{
	struct destroying *x = arg;
	struct vault_item *item = &x->items[x->count];
	bool spared;

	TRY(vault_store_item_shared(x->db, k->item, x->record, &spared));
	if (spared)
		return OK;
	NEED(x->count < KEPT_MAX, RC_INPUT, "more than %d items in one record", KEPT_MAX);
	TRY(vault_store_item_id(x->db, k->item, item));
	if (item->destroyed_at != 0)
		return OK;
	TRY(is_of_another(x, item, &spared));
	x->count += !spared;
	return OK;
}

static struct rc note_destroyed(struct db_tx *tx, void *arg)
{
	struct destroying *x = arg;
	AUTO_JSON(o, json_object());
	struct vault_record r;
	int64_t now = clock_now();

	TRY(vault_store_record_id(tx->db, x->record, &r));
	for (size_t i = 0; i < x->count; i++)
		TRY(vault_store_item_destroyed(tx->db, x->items[i].id, now));
	TRY(vault_store_record_disposed(tx->db, x->record, now));
	TRY(vault_store_disposal_record_done(tx->db, x->d->id, x->record, (int64_t)x->count));
	json_put_hex(o, "record", SLICE_ARR(r.key));
	json_put_hex(o, "disposal", SLICE_ARR(x->d->hash));
	json_put_int(o, "items", (int64_t)x->count);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(x->v->in), tx, "record-disposed", o, NULL, NULL);
}

/* Rows are no order: what is destroyed stands in the list that two persons signed. */
static RC ordered(const struct destroying *x, const struct vault_record *r)
{
	AUTO_BUF(hex, 65);
	json_t *list;

	buf_hex(&hex, SLICE_ARR(r->key));
	TRY(json_get_array(x->order->body, "records", VAULT_LIST_MAX, &list));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), buf_cstr(&hex)) == 0)
			return OK;
	REFUSE(DISPOSAL_FORGED, "record %.16s stands in no list", buf_cstr(&hex));
}

/* The keys first, then the rows: a crash between leaves what is destroyed again, which is harmless. */
static struct rc destroy_one(void *arg, const struct vault_disposed *one)
{
	struct destroying *x = arg;
	AUTO_MEM(struct media_at, at, NULL);
	struct vault_record r;
	int64_t until;

	TRY(vault_store_record_id(x->db, one->record, &r));
	TRY(ordered(x, &r));
	if (r.disposed_at != 0)
		return OK;
	TRY(judge(x->v, x->db, &r, &until));
	x->record = one->record;
	memcpy(x->key, r.key, sizeof(x->key));
	x->count = 0;
	TRY(vault_store_kept_each(x->db, one->record, gather, x));
	at = mem_new(x->count + 1, sizeof(*at));
	NEED(at != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < x->count; i++)
		at[i] = x->items[i].where;
	TRY(media_destroy(x->v->media, at, x->count));
	return writer_run(instance_writer(x->v->in), note_destroyed, x);
}

static struct rc tell_one(void *arg, const struct vault_disposed *one)
{
	struct destroying *x = arg;
	AUTO_JSON(o, json_object());
	struct vault_record r;

	TRY(vault_store_record_id(x->db, one->record, &r));
	json_put_hex(o, "record", SLICE_ARR(r.key));
	json_put_int(o, "items", one->items);
	json_put_time(o, "until", one->until);
	TRY(json_put_result());
	NEED(json_array_append(x->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static struct rc note_done(struct db_tx *tx, void *arg)
{
	struct destroying *x = arg;
	AUTO_JSON(o, json_object());

	TRY(vault_store_disposal_done(tx->db, x->d->id, buf_slice(&x->certificate)));
	json_put_hex(o, "disposal", SLICE_ARR(x->d->hash));
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(x->v->in), tx, "disposal-done", o, NULL, NULL);
}

static RC certify(struct destroying *x)
{
	AUTO_JSON(body, json_object());
	AUTO_BUF(approval, STATEMENT_MAX);
	AUTO(statement, s, NULL);

	TRY(vault_store_disposal_papers(x->db, x->d->id, NULL, &approval, NULL));
	TRY(statement_open(buf_slice(&approval), &s));
	x->list = json_array();
	json_put_take(body, "destroyed", x->list);
	TRY(vault_store_disposal_records_each(x->db, x->d->id, tell_one, x));
	json_put_hex(body, "disposal", SLICE_ARR(x->d->hash));
	json_put_hex(body, "approval", SLICE_ARR(s->sm3));
	TRY(instance_statement(x->v->in, STATEMENT_DISPOSAL_CERTIFICATE, body, &x->certificate));
	return writer_run(instance_writer(x->v->in), note_done, x);
}

/* Both papers again, to the letter: whoever writes rows has neither signature. */
static RC papers(struct vault *v, struct db *db, const struct vault_disposal *d, struct statement **ret)
{
	AUTO(trust, t, instance_trust(v->in));
	AUTO_BUF(list, STATEMENT_MAX);
	AUTO_BUF(approval, STATEMENT_MAX);
	AUTO(statement, order, NULL);
	AUTO(statement, decision, NULL);
	uint8_t hash[32];
	bool approve;

	TRY(vault_store_disposal_papers(db, d->id, &list, &approval, NULL));
	TRY(statement_open(buf_slice(&list), &order));
	TRY(statement_open(buf_slice(&approval), &decision));
	NEED(order->kind == STATEMENT_DISPOSAL && decision->kind == STATEMENT_DISPOSAL_APPROVAL, RC_INPUT,
	     "statements of other kinds");
	TRY(json_get_hex(decision->body, "disposal", hash, sizeof(hash)));
	TRY(json_get_bool(decision->body, "approve", &approve));
	NEED(approve && memcmp(hash, order->sm3, sizeof(hash)) == 0, RC_INPUT,
	     "the approval is of another list");
	NEED(!slice_equal(order->person, decision->person), RC_INPUT, "one person alone");
	NEED(slice_is(order->organisation, instance_org(v->in)) &&
	             slice_is(decision->organisation, instance_org(v->in)),
	     RC_INPUT, "of another organisation");
	TRY(statement_verify(order, trust_statements(t), clock_now()));
	TRY(statement_verify(decision, trust_statements(t), clock_now()));
	*ret = MOVE(order);
	return OK;
}

static RC destroy(struct vault *v, struct db *db, struct vault_disposal *d)
{
	AUTO_MEM(struct destroying, x, mem_new(1, sizeof(*x)));
	AUTO(statement, order, NULL);
	struct rc rc = papers(v, db, d, &order);

	REQUIRE(rc_ok(rc) || rc.code == RC_BUSY || rc.code == RC_NOMEM, DISPOSAL_FORGED, "%s",
	        rc_last()->text);
	TRY(rc);
	NEED(x != NULL, RC_NOMEM, "no memory");
	x->v = v;
	x->db = db;
	x->d = d;
	x->order = order;
	x->certificate = BUF(STATEMENT_MAX);
	TRY(vault_store_disposal_records_each(db, d->id, destroy_one, x));
	rc = certify(x);
	buf_free(&x->certificate);
	return rc;
}

struct stopping {
	struct vault *v;
	const struct vault_disposal *d;
	struct rc_text why;
};

static struct rc stop_disposal(struct db_tx *tx, void *arg)
{
	struct stopping *s = arg;
	AUTO_BUF(hex, 65);
	struct alarm a = {.kind = "disposal-stopped", .level = ALARM_CRITICAL, .text = s->why.text};

	buf_hex(&hex, SLICE_ARR(s->d->hash));
	a.subject = buf_cstr(&hex);
	TRY(vault_store_disposal_state(tx->db, s->d->id, DISPOSAL_REFUSED));
	return alarm_raise(instance_log(s->v->in), tx, &a, NULL);
}

/* An order that does not stand - forged rows, a hold that came meanwhile, a longer term - ends here; the next
 * one goes on. */
static RC destroy_or_stop(struct vault *v, struct db *db, struct vault_disposal *d)
{
	struct stopping s = {.v = v, .d = d};
	struct rc rc = destroy(v, db, d);

	s.why = *rc_last();
	if (rc_ok(rc) || (s.why.err != ERR_DISPOSAL_FORGED && s.why.err != ERR_RECORD_HELD &&
	                  s.why.err != ERR_RECORD_LOCKED))
		return rc;
	return writer_run(instance_writer(v->in), stop_disposal, &s);
}

RC vault_dispose_resume(struct vault *v)
{
	AUTO(db_lease, lease, NULL);
	struct vault_disposal d;
	struct rc rc = OK;
	size_t holds;

	TRY(db_pool_lease(instance_readers(v->in), &lease));
	pthread_mutex_lock(&v->disposing);
	while (rc_ok(rc)) {
		rc = vault_store_disposal_first(lease->db, DISPOSAL_APPROVED, &d);
		if (rc_ok(rc))
			rc = vault_holds_check(v, lease->db, &holds);
		if (rc_ok(rc))
			rc = destroy_or_stop(v, lease->db, &d);
	}
	pthread_mutex_unlock(&v->disposing);
	return rc.code == RC_NOTFOUND ? OK : rc;
}

/* ---- after a restoration ---- */

#define AGAIN 1024 /* items at once */

struct again {
	struct media_at at[AGAIN];
	size_t count;
	int64_t last;
};

static struct rc collect(void *arg, const struct vault_item *i)
{
	struct again *x = arg;

	x->at[x->count++] = i->where;
	x->last = i->id;
	return OK;
}

RC vault_destroy_again(struct vault *v)
{
	AUTO_MEM(struct again, x, mem_new(1, sizeof(*x)));
	AUTO(db_lease, lease, NULL);

	NEED(x != NULL, RC_NOMEM, "no memory");
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	do {
		x->count = 0;
		TRY(vault_store_destroyed_each(lease->db, x->last, AGAIN, collect, x));
		TRY(media_destroy(v->media, x->at, x->count));
	} while (x->count == AGAIN);
	return OK;
}

/* GET /v1/disposals/{hash}: list, decision and certificate, as statements. */
RC vault_disposal_show(struct vault *v, const struct request *q, json_t **ret)
{
	static const char *const states[] = {"proposed", "approved", "done", "refused"};
	AUTO(db_lease, lease, NULL);
	AUTO_BUF(list, STATEMENT_MAX);
	AUTO_BUF(approval, STATEMENT_MAX);
	AUTO_BUF(certificate, STATEMENT_MAX);
	struct vault_disposal d;
	uint8_t hash[32];
	json_t *o;

	NEED(rc_ok(text_hex(request_param(q, "hash"), hash, sizeof(hash))), RC_NOTFOUND,
	     "there is no such disposal");
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	TRY(vault_store_disposal(lease->db, hash, &d));
	TRY(vault_store_disposal_papers(lease->db, d.id, &list, &approval, &certificate));
	o = json_object();
	json_put_hex(o, "disposal", SLICE_ARR(hash));
	json_put_cstr(o, "state", states[d.state]);
	json_put_base64(o, "list", buf_slice(&list));
	json_put_base64(o, "decision", buf_slice(&approval));
	json_put_base64(o, "certificate", buf_slice(&certificate));
	*ret = o;
	return json_put_result();
}
