/* Reading: only with a reason, and every reading is an entry of the log (R24.4).  Exports are masked unless
 * the originals are asked for by name. */
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "sm/sm3.h"
#include "vault/vault.h"

#define REASON_MAX 512

RC vault_record_of(struct vault *v, const struct request *q, struct db *db, struct vault_record *ret)
{
	uint8_t key[32];

	(void)v;
	NEED(rc_ok(text_hex(request_param(q, "key"), key, sizeof(key))), RC_NOTFOUND,
	     "there is no such record");
	return vault_store_record(db, key, ret);
}

RC vault_item_read(struct vault *v, const struct vault_item *i, struct buf *ret)
{
	uint8_t sm3[32];

	REQUIRE(i->destroyed_at == 0, RECORD_DISPOSED, "the content was destroyed");
	TRY(media_get(v->media, i->sm3, &i->where, ret));
	sm3_hash(buf_slice(ret), sm3);
	REQUIRE(memcmp(sm3, i->sm3, sizeof(sm3)) == 0, RECORD_DAMAGED, "the content is not what was kept");
	return OK;
}

/* ---- who read what, and why ---- */

struct reading {
	struct vault *v;
	const struct request *q;
	const struct vault_record *record;
	struct slice reason;
	const char *what;
};

static struct rc note_reading(struct db_tx *tx, void *arg)
{
	const struct reading *r = arg;
	AUTO_JSON(o, json_object());

	json_put_hex(o, "record", SLICE_ARR(r->record->key));
	json_put_cstr(o, "what", r->what);
	json_put_text(o, "reason", r->reason);
	json_put_cstr(o, "by", r->q->peer->person[0] != '\0' ? r->q->peer->person : r->q->peer->instance);
	NEED(o != NULL, RC_NOMEM, "no memory");
	return log_append(instance_log(r->v->in), tx, "record-read", o, NULL, NULL);
}

/* Durable before a byte goes out. */
static RC read_noted(struct vault *v, const struct request *q, const struct vault_record *record,
                     const char *what)
{
	struct reading r = {.v = v, .q = q, .record = record, .what = what};

	REQUIRE(request_query(q, "reason", &r.reason) && r.reason.len > 0, REASON_MISSING,
	        "?reason= is missing");
	NEED(r.reason.len <= REASON_MAX && text_utf8(r.reason), RC_INPUT, "reason is too long");
	return writer_run(instance_writer(v->in), note_reading, &r);
}

/* ---- one record ---- */

struct showing {
	struct vault *v;
	struct db *db;
	json_t *list;
	bool originals; /* evidence too, and nothing masked */
};

/* Numbers of documents and the like: all but the first and the last two characters. */
static void mask_text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	AUTO_BUF(out, 256);
	size_t n = s != NULL ? strlen(s) : 0;

	if (n == 0)
		return;
	for (size_t i = 0; i < n && i < 200; i++)
		buf_u8(&out, n > 6 && (i < 1 || i + 2 >= n) ? (uint8_t)s[i] : (uint8_t)'*');
	json_put_text(o, key, buf_slice(&out));
}

static void mask(json_t *v)
{
	static const char *const names[] = {"number", "phone", "email", "address", "code"};
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, child) mask(child);
		return;
	}
	if (!json_is_object(v))
		return;
	json_object_foreach(v, key, child) mask(child);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_is_string(json_object_get(v, names[i])))
			mask_text(v, names[i]);
}

static bool is_statement(struct slice kind)
{
	return slice_is(kind, "application") || slice_is(kind, "approval") || slice_is(kind, "acceptance") ||
	       slice_is(kind, "order");
}

/* A statement is shown as what it says; its bytes would show what is masked. */
static RC show_statement(const struct bundle_piece *p, json_t *o)
{
	AUTO(statement, s, NULL);
	AUTO_JSON(copy, NULL);

	TRY(statement_open(p->content, &s));
	copy = json_deep_copy(s->json);
	NEED(copy != NULL, RC_NOMEM, "no memory");
	mask(json_object_get(copy, "body"));
	if (json_object_get(json_object_get(copy, "body"), "csr") != NULL)
		(void)json_object_del(json_object_get(copy, "body"), "csr");
	json_put_take(o, "statement", MOVE(copy));
	return OK;
}

static struct rc show_piece(const struct bundle_piece *p, void *arg)
{
	struct showing *s = arg;
	AUTO_JSON(o, json_object());
	uint8_t sm3[32];

	if (slice_is(p->kind, VAULT_KIND_RECORD))
		return OK;
	json_put_text(o, "kind", p->kind);
	if (p->elsewhere) {
		json_put_hex(o, "sm3", p->content);
	} else {
		sm3_hash(p->content, sm3);
		json_put_hex(o, "sm3", SLICE_ARR(sm3));
		json_put_int(o, "size", (int64_t)p->content.len);
		if (is_statement(p->kind) && !s->originals)
			TRY(show_statement(p, o));
		else if (!slice_is(p->kind, "entry"))
			json_put_base64(o, "content", p->content);
		else
			json_put_text(o, "entry", p->content);
	}
	TRY(json_put_result());
	NEED(json_array_append(s->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC show_whole(struct showing *s, const struct vault_kept *k, const struct vault_item *item,
                     const struct buf *content)
{
	AUTO_JSON(o, json_object());

	json_put_text(o, "kind", k->kinds);
	json_put_hex(o, "sm3", SLICE_ARR(item->sm3));
	json_put_int(o, "size", (int64_t)item->where.length);
	if (s->originals && content != NULL)
		json_put_base64(o, "content", buf_slice(content));
	if (item->destroyed_at != 0)
		json_put_time(o, "destroyed_at", item->destroyed_at);
	TRY(json_put_result());
	NEED(json_array_append(s->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static struct rc show_kept(void *arg, const struct vault_kept *k)
{
	struct showing *s = arg;
	struct vault_item item;
	AUTO_BUF(content, MEDIA_ITEM_MAX);
	bool whole = slice_is(k->kinds, "evidence") || slice_is(k->kinds, "km-request") ||
	             slice_is(k->kinds, "km-respond");

	TRY(vault_store_item_id(s->db, k->item, &item));
	if (item.destroyed_at != 0 || (whole && !s->originals))
		return show_whole(s, k, &item, NULL);
	TRY(vault_item_read(s->v, &item, &content));
	return whole ? show_whole(s, k, &item, &content)
	             : bundle_item_each(buf_slice(&content), show_piece, s);
}

static struct rc show_certificate(void *arg, const struct vault_certificate *c)
{
	AUTO_JSON(o, json_object());
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(c->serial, serial);
	json_put_cstr(o, "ca", c->ca);
	json_put_cstr(o, "serial", serial);
	json_put_cstr(o, "part", c->part);
	json_put_hex(o, "sm3", SLICE_ARR(c->sm3));
	json_put_time(o, "not_after", c->not_after);
	if (c->ended_at != 0)
		json_put_time(o, "ended_at", c->ended_at);
	TRY(json_put_result());
	NEED(json_array_append(arg, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC brief(struct db *db, const struct vault_record *r, json_t *o)
{
	struct vault_lock lock;

	TRY(vault_lock_of(db, r, &lock));
	json_put_hex(o, "record", SLICE_ARR(r->key));
	json_put_cstr(o, "log", r->log);
	json_put_cstr(o, "class", r->class);
	json_put_time(o, "at", r->at);
	json_put_time(o, "legal_minimum", lock.legal);
	json_put_time(o, "locked_until", lock.lock);
	json_put_bool(o, "held", lock.held);
	if (r->disposed_at != 0)
		json_put_time(o, "disposed_at", r->disposed_at);
	return json_put_result();
}

RC vault_show(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct showing s = {.v = v, .list = json_array()};
	struct slice originals = SLICE_LIT("false");
	struct vault_record r;
	json_t *certificates = json_array();

	json_put_take(o, "pieces", s.list);
	json_put_take(o, "certificates", certificates);
	TRY(request_query_only(q, "reason", "originals", NULL));
	(void)request_query(q, "originals", &originals);
	s.originals = slice_is(originals, "true");
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	s.db = lease->db;
	TRY(vault_record_of(v, q, lease->db, &r));
	TRY(read_noted(v, q, &r, s.originals ? "originals" : "record"));
	TRY(brief(lease->db, &r, o));
	TRY(vault_store_certificates_each(lease->db, r.id, show_certificate, certificates));
	TRY(vault_store_kept_each(lease->db, r.id, show_kept, &s));
	*ret = MOVE(o);
	return OK;
}

/* ---- lists: dates and states only, no content ---- */

struct listing {
	struct db *db;
	json_t *list;
	int64_t last;
	size_t looked;
};

static struct rc list_one(void *arg, const struct vault_record *r)
{
	struct listing *l = arg;
	AUTO_JSON(o, json_object());

	TRY(brief(l->db, r, o));
	l->last = r->id;
	NEED(json_array_append(l->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

/* GET /v1/records?after=&limit=, or ?ca=&serial= of one certificate */
RC vault_list(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	AUTO_BUF(magnitude, CERT_SERIAL_MAX);
	struct listing l = {.list = json_array()};
	struct vault_certificate c;
	struct vault_record r;
	struct slice ca, serial;
	int64_t after = 0, limit = 100;

	json_put_take(o, "records", l.list);
	TRY(request_query_only(q, "after", "limit", "ca", "serial", NULL));
	TRY(request_query_int(q, "after", 0, INT64_MAX, &after));
	TRY(request_query_int(q, "limit", 1, VAULT_LIST_MAX, &limit));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	l.db = lease->db;
	if (request_query(q, "ca", &ca) && request_query(q, "serial", &serial)) {
		TRY(cert_serial_from_text(serial, &magnitude));
		TRY(vault_store_certificate(lease->db, ca, buf_slice(&magnitude), &c));
		TRY(vault_store_record_id(lease->db, c.record, &r));
		TRY(list_one(&l, &r));
	} else {
		TRY(vault_store_records_each(lease->db, after, (size_t)limit, list_one, &l));
		json_put_int(o, "last", l.last);
	}
	*ret = MOVE(o);
	return OK;
}

/* ---- completeness ---- */

struct wanting {
	bool application, encrypt, km, km_wanted, extended, issued;
	size_t certificates, told;
};

static bool word(struct slice kinds, const char *one)
{
	size_t n = strlen(one);

	for (size_t i = 0; i + n <= kinds.len; i++)
		if (memcmp(kinds.p + i, one, n) == 0 && (i == 0 || kinds.p[i - 1] == ' ') &&
		    (i + n == kinds.len || kinds.p[i + n] == ' '))
			return true;
	return false;
}

static struct rc want_kept(void *arg, const struct vault_kept *k)
{
	struct wanting *w = arg;

	w->application = w->application || (word(k->kinds, "application") && word(k->kinds, "approval"));
	w->km = w->km || word(k->kinds, "km-respond");
	w->extended = w->extended || word(k->kinds, "extended");
	w->issued = w->issued || word(k->kinds, "issued");
	return OK;
}

static struct rc want_certificate(void *arg, const struct vault_certificate *c)
{
	struct wanting *w = arg;

	w->certificates++;
	w->encrypt = w->encrypt || strcmp(c->part, "encrypt") == 0;
	return OK;
}

static struct rc exception(void *arg, const struct vault_record *r)
{
	struct listing *l = arg;
	struct wanting w = {0};
	AUTO_JSON(o, json_object());
	json_t *missing = json_array();

	json_put_take(o, "missing", missing);
	l->last = r->id;
	l->looked++;
	if (r->disposed_at != 0)
		return OK;
	TRY(vault_store_kept_each(l->db, r->id, want_kept, &w));
	TRY(vault_store_certificates_each(l->db, r->id, want_certificate, &w));
	if (w.certificates == 0)
		return OK; /* on its way, or refused after it was kept */
	if (!w.application)
		(void)json_array_append_new(missing, json_string("application"));
	if (w.encrypt && !w.km && !w.extended)
		(void)json_array_append_new(missing, json_string("km-respond"));
	if (!w.issued)
		(void)json_array_append_new(missing, json_string("certificate"));
	if (json_array_size(missing) == 0)
		return OK;
	json_put_hex(o, "record", SLICE_ARR(r->key));
	NEED(json_array_append(l->list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

RC vault_exceptions(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct listing l = {.list = json_array()};
	int64_t after = 0, limit = VAULT_LIST_MAX;

	json_put_take(o, "exceptions", l.list);
	TRY(request_query_only(q, "after", "limit", NULL));
	TRY(request_query_int(q, "after", 0, INT64_MAX, &after));
	TRY(request_query_int(q, "limit", 1, VAULT_LIST_MAX, &limit));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	l.db = lease->db;
	TRY(vault_store_records_each(lease->db, after, (size_t)limit, exception, &l));
	json_put_int(o, "looked", (int64_t)l.looked);
	json_put_int(o, "last", l.last);
	*ret = MOVE(o);
	return OK;
}
