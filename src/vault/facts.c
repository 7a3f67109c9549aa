/* The rows of a record are an index; the facts stand in what is kept: who changes a row changes nothing. */
#include "base/clock.h"
#include "base/json.h"
#include "db/writer.h"
#include "evidence/alarm.h"
#include "evidence/log.h"
#include "pki/cert.h"
#include "vault/vault.h"

#define FACT_CERTIFICATES 16

struct fact_certificate {
	struct vault_certificate row;
	uint8_t serial[CERT_SERIAL_MAX];
};
struct facts {
	struct vault *v;
	struct db *db;
	const struct vault_record *r;
	bool application, altered, class_differs;
	char class[8];
	struct fact_certificate at[FACT_CERTIFICATES];
	size_t count;
};

static struct fact_certificate *find(struct facts *f, struct slice ca, struct slice serial)
{
	for (size_t i = 0; i < f->count; i++)
		if (slice_is(ca, f->at[i].row.ca) && slice_equal(serial, f->at[i].row.serial))
			return &f->at[i];
	return NULL;
}

static RC issued(struct facts *f, const json_t *data, struct slice ca, struct slice serial)
{
	struct fact_certificate *c = find(f, ca, serial);
	struct slice part;

	if (c == NULL) {
		NEED(f->count < FACT_CERTIFICATES, RC_INPUT, "too many certificates in one record");
		c = &f->at[f->count++];
	}
	memcpy(c->row.ca, ca.p, ca.len);
	memcpy(c->serial, serial.p, serial.len);
	c->row.serial = slice_of(c->serial, serial.len);
	c->row.record = f->r->id;
	TRY(json_get_text(data, "part", sizeof(c->row.part) - 1, &part));
	memcpy(c->row.part, part.p, part.len);
	TRY(json_get_time(data, "not_after", &c->row.not_after));
	return json_get_hex(data, "certificate", c->row.sm3, sizeof(c->row.sm3));
}

static RC entry(struct facts *f, struct slice text)
{
	AUTO_JSON(o, NULL);
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	struct fact_certificate *c;
	struct slice kind, ca, hex;
	json_t *data;

	TRY(json_read(text, LOG_ENTRY_MAX, &o));
	TRY(json_get_text(o, "kind", LOG_KIND_MAX, &kind));
	TRY(json_get(o, "data", &data));
	if (!slice_is(kind, "issued") && !slice_is(kind, "revoked") && !slice_is(kind, "released"))
		return OK;
	TRY(json_get_text(data, "ca", VAULT_CA_MAX, &ca));
	TRY(json_get_text(data, "serial", 2 * CERT_SERIAL_MAX, &hex));
	TRY(cert_serial_from_text(hex, &serial));
	if (slice_is(kind, "issued"))
		return issued(f, data, ca, buf_slice(&serial));
	c = find(f, ca, buf_slice(&serial));
	if (c == NULL)
		return OK; /* its certificate belongs to another record */
	c->row.ended_at = 0;
	return slice_is(kind, "revoked") ? json_get_time(data, "at", &c->row.ended_at) : OK;
}

static struct rc piece(const struct bundle_piece *p, void *arg)
{
	struct facts *f = arg;

	if (slice_is(p->kind, "entry") && !p->elsewhere)
		return entry(f, p->content);
	if (slice_is(p->kind, "application") && !p->elsewhere) {
		AUTO(statement, s, NULL);
		struct slice class;

		TRY(statement_open(p->content, &s));
		TRY(json_get_text(s->body, "class", sizeof(f->class) - 1, &class));
		memcpy(f->class, class.p, class.len);
		f->application = true;
	}
	return OK;
}

static struct rc kept(void *arg, const struct vault_kept *k)
{
	struct facts *f = arg;
	struct vault_item item;
	AUTO_BUF(content, MEDIA_ITEM_MAX);

	TRY(vault_store_item_id(f->db, k->item, &item));
	if (item.destroyed_at != 0)
		return OK;
	if (slice_is(k->kinds, "evidence") || slice_is(k->kinds, "km-request") ||
	    slice_is(k->kinds, "km-respond"))
		return media_has(f->v->media, item.sm3, &item.where);
	TRY(vault_item_read(f->v, &item, &content));
	return bundle_item_each(buf_slice(&content), piece, f);
}

static RC compare(struct facts *f)
{
	f->class_differs = f->application && strcmp(f->class, f->r->class) != 0;
	f->altered = f->class_differs;
	for (size_t i = 0; i < f->count && !f->altered; i++) {
		const struct vault_certificate *want = &f->at[i].row;
		struct vault_certificate have;
		struct rc rc = vault_store_certificate(f->db, slice_text(want->ca), want->serial, &have);

		if (rc.code != RC_NOTFOUND)
			TRY(rc);
		f->altered = rc.code == RC_NOTFOUND || have.record != want->record ||
		             have.not_after != want->not_after || have.ended_at != want->ended_at ||
		             memcmp(have.sm3, want->sm3, sizeof(have.sm3)) != 0;
	}
	return OK;
}

static struct rc restore(struct db_tx *tx, void *arg)
{
	struct facts *f = arg;
	AUTO_BUF(key, 65);
	const struct alarm a = {
	        .kind = "record-altered",
	        .level = ALARM_CRITICAL,
	        .text = "rows of a record were changed outside the program; they were restored "
	                "from what is kept"};
	struct alarm raised = a;

	buf_hex(&key, SLICE_ARR(f->r->key));
	raised.subject = buf_cstr(&key);
	if (f->class_differs)
		TRY(vault_store_record_class(tx->db, f->r->id, f->class));
	for (size_t i = 0; i < f->count; i++)
		TRY(vault_store_certificate_restore(tx->db, &f->at[i].row));
	return alarm_raise(instance_log(f->v->in), tx, &raised, NULL);
}

RC vault_record_check(struct vault *v, struct db *db, const struct vault_record *r, bool *altered)
{
	AUTO_MEM(struct facts, f, mem_new(1, sizeof(*f)));

	NEED(f != NULL, RC_NOMEM, "no memory");
	*f = (struct facts){.v = v, .db = db, .r = r};
	*altered = false;
	if (r->disposed_at != 0)
		return OK;
	TRY(vault_store_kept_each(db, r->id, kept, f));
	TRY(compare(f));
	*altered = f->altered;
	return f->altered ? writer_run(instance_writer(v->in), restore, f) : OK;
}
