/* What the CA and the RA hand over.  A record counts only as a whole: application and approval fit each
 * other, and the originals that the application names are here.  Both copies are durable before anybody is
 * told. */
#include "asn1/der.h"
#include "base/clock.h"
#include "base/text.h"
#include "db/writer.h"
#include "evidence/log.h"
#include "instance/heads.h"
#include "sm/sm3.h"
#include "vault/vault.h"

#define EVIDENCE_KIND "evidence"
#define RECORD_EVIDENCE 32 /* pieces of one application */

/* ---- items ---- */

RC vault_put_items(struct vault *v, struct db *db, const struct slice *contents, const uint8_t (*ids)[32],
                   size_t n, struct vault_item *ret)
{
	AUTO_MEM(struct slice, fresh, mem_new(n, sizeof(*fresh)));
	AUTO_MEM(size_t, of, mem_new(n, sizeof(*of)));
	AUTO_MEM(struct media_at, at, mem_new(n, sizeof(*at)));
	AUTO_MEM(uint8_t, names, mem_new(n, 32));
	size_t count = 0;

	NEED(fresh != NULL && of != NULL && at != NULL && names != NULL, RC_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		struct rc rc = vault_store_item(db, ids[i], &ret[i]);

		if (rc_ok(rc) && ret[i].destroyed_at == 0)
			continue;
		if (!rc_ok(rc) && rc.code != RC_NOTFOUND)
			return rc;
		ret[i] = (struct vault_item){.at = clock_now()};
		memcpy(ret[i].sm3, ids[i], sizeof(ret[i].sm3));
		memcpy(names + 32 * count, ids[i], 32);
		fresh[count] = contents[i];
		of[count++] = i;
	}
	for (size_t from = 0; from < count; from += MEDIA_BATCH)
		TRY(media_put_as(v->media, fresh + from, (const uint8_t(*)[32])(names + 32 * from),
		                 count - from < MEDIA_BATCH ? count - from : MEDIA_BATCH, at + from));
	for (size_t i = 0; i < count; i++)
		ret[of[i]].where = at[i];
	return OK;
}

RC vault_bundle(const uint8_t key[32], const struct bundle_piece *pieces, size_t n, struct buf *ret)
{
	AUTO_MEM(struct bundle_piece, all, mem_new(n + 1, sizeof(*all)));

	NEED(all != NULL, RC_NOMEM, "no memory");
	all[0] = (struct bundle_piece){.kind = SLICE_LIT(VAULT_KIND_RECORD), .content = slice_of(key, 32)};
	memcpy(all + 1, pieces, n * sizeof(*all));
	return bundle_item(all, n + 1, ret);
}

/* ---- records ---- */

struct keeping {
	const struct bundle_record *from;
	struct statement *application;
	const struct bundle_piece *approval;
	struct vault_record record;
	char kinds[VAULT_KINDS_MAX];
	size_t item; /* of the bundle, in keep_batch.items */
	uint8_t evidence[RECORD_EVIDENCE][32];
	size_t evidence_count;
	struct rc_text why; /* code RC_OK: kept */
};
struct keep_batch {
	struct vault *v;
	struct bundle *b;
	const char *log;
	struct keeping *at;
	struct buf *bundles;
	struct slice *contents;
	struct vault_item *items; /* shared ones first, then a bundle for each record */
	uint8_t (*ids)[32];       /* SM3 of each */
	size_t item_count;
};

static void keep_batch_free(struct keep_batch *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; k->b != NULL && i < k->b->count; i++) {
		if (k->at != NULL)
			statement_free(k->at[i].application);
		if (k->bundles != NULL)
			buf_free(&k->bundles[i]);
	}
	bundle_free(k->b);
	mem_free(k->at);
	mem_free(k->bundles);
	mem_free(k->contents);
	mem_free(k->ids);
	mem_free(k->items);
	mem_free(k);
}
DROP(keep_batch, keep_batch_free);

static const struct bundle_piece *piece(const struct bundle_record *r, const char *kind)
{
	for (size_t i = 0; i < r->count; i++)
		if (slice_is(r->pieces[i].kind, kind))
			return &r->pieces[i];
	return NULL;
}

static RC read_application(struct keeping *k)
{
	const struct bundle_piece *p = piece(k->from, "application");
	struct slice class;
	json_t *list;

	TRY(statement_open(p->content, &k->application));
	NEED(k->application->kind == STATEMENT_APPLICATION, RC_INPUT, "the application is another statement");
	memcpy(k->record.application, k->application->sm3, 32);
	k->record.announced = true;
	TRY(json_get_text(k->application->body, "class", sizeof(k->record.class) - 1, &class));
	memcpy(k->record.class, class.p, class.len);
	TRY(json_get_array(k->application->body, "evidence", RECORD_EVIDENCE, &list));
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY(json_get_hex(json_array_get(list, i), "sm3", k->evidence[k->evidence_count++], 32));
	return OK;
}

/* The approval's hash is the record's name, and it names this application. */
static RC check_approval(const struct keeping *k)
{
	uint8_t sm3[32];
	AUTO_BUF(hex, 65);

	sm3_hash(k->approval->content, sm3);
	NEED(memcmp(sm3, k->from->key, 32) == 0, RC_INPUT, "the key is not the SM3 of the approval");
	buf_hex(&hex, SLICE_ARR(k->record.application));
	NEED(memmem(k->approval->content.p, k->approval->content.len, hex.p, hex.len) != NULL, RC_INPUT,
	     "the approval names another application");
	return OK;
}

/* A record that updates another is found by the certificate it follows (R24.8). */
static RC find_basis(struct keeping *k, struct db *db)
{
	const json_t *basis = json_object_get(k->application->body, "basis");
	struct vault_certificate old;
	AUTO_BUF(serial, CERT_SERIAL_MAX);
	struct slice ca, text;
	struct rc rc;

	if (basis == NULL)
		return OK;
	TRY(json_get_text(basis, "ca", VAULT_CA_MAX, &ca));
	TRY(json_get_text(basis, "serial", 2 * CERT_SERIAL_MAX, &text));
	TRY(cert_serial_from_text(text, &serial));
	rc = vault_store_certificate(db, ca, buf_slice(&serial), &old);
	if (rc.code == RC_NOTFOUND)
		return OK; /* from before there was a vault */
	TRY(rc);
	k->record.follows = old.record;
	return OK;
}

static RC judge(struct keep_batch *kb, struct keeping *k, struct db *db)
{
	size_t used = 0;

	memcpy(k->record.key, k->from->key, 32);
	snprintf(k->record.log, sizeof(k->record.log), "%s", kb->log);
	k->record.at = clock_now();
	for (size_t i = 0; i < k->from->count; i++) {
		struct slice kind = k->from->pieces[i].kind;

		NEED(piece(k->from, "application") != NULL || !slice_is(kind, "approval"), RC_INPUT,
		     "an approval without its application");
		used += (size_t)snprintf(k->kinds + used, sizeof(k->kinds) - used, "%s%.*s",
		                         used > 0 ? " " : "", (int)kind.len, (const char *)kind.p);
		NEED(used < sizeof(k->kinds), RC_INPUT, "too many pieces");
	}
	k->approval = piece(k->from, "approval");
	if (k->approval == NULL)
		return OK; /* more for a record that is there */
	TRY(read_application(k));
	TRY(check_approval(k));
	return find_basis(k, db);
}

static RC item_here(struct db *db, const uint8_t sm3[32], bool *ret)
{
	struct vault_item item;
	struct rc rc = vault_store_item(db, sm3, &item);

	*ret = rc_ok(rc) && item.destroyed_at == 0;
	return rc.code == RC_NOTFOUND ? OK : rc;
}

static RC evidence_here(struct keeping *k, struct db *db)
{
	for (size_t i = 0; i < k->evidence_count; i++) {
		bool here;

		TRY(item_here(db, k->evidence[i], &here));
		REQUIRE(here, ORIGINAL_MISSING, "an original that the application names");
	}
	return OK;
}

/* What several records share is an item of its own; each names it by its hash. */
static RC bundle_of(const struct keep_batch *kb, const struct bundle_record *r, struct buf *ret)
{
	struct bundle_piece pieces[BUNDLE_PIECES];

	memcpy(pieces, r->pieces, r->count * sizeof(*pieces));
	for (size_t i = 0; i < r->count; i++) {
		if (pieces[i].shared == 0)
			continue;
		pieces[i].elsewhere = true;
		pieces[i].content = slice_of(kb->ids[pieces[i].shared - 1], 32);
	}
	return vault_bundle(r->key, pieces, r->count, ret);
}

static RC prepare(struct keep_batch *kb, struct db *db)
{
	size_t n = kb->b->shared_count;

	for (size_t i = 0; i < kb->b->shared_count; i++) {
		kb->contents[i] = kb->b->shared[i];
		sm3_hash(kb->contents[i], kb->ids[i]);
	}
	for (size_t i = 0; i < kb->b->count; i++) {
		struct keeping *k = &kb->at[i];
		struct rc rc;

		k->from = &kb->b->records[i];
		rc = judge(kb, k, db);
		if (rc_ok(rc))
			rc = evidence_here(k, db);
		if (!rc_ok(rc)) {
			k->why = *rc_last();
			continue;
		}
		kb->bundles[i] = BUF(BUNDLE_MAX);
		TRY(bundle_of(kb, k->from, &kb->bundles[i]));
		k->item = n;
		sm3_hash(buf_slice(&kb->bundles[i]), kb->ids[n]);
		kb->contents[n++] = buf_slice(&kb->bundles[i]);
	}
	kb->item_count = n;
	return vault_put_items(kb->v, db, kb->contents, (const uint8_t(*)[32])kb->ids, n, kb->items);
}

/* A record that the log told of first, that is being told again, or that is new. */
static RC write_record(struct db_tx *tx, struct keeping *k)
{
	struct vault_record there;
	struct rc rc = vault_store_record(tx->db, k->record.key, &there);

	if (rc.code == RC_NOTFOUND) {
		NEED(k->approval != NULL, RC_NOTFOUND, "there is no such record");
		return vault_store_record_put(tx->db, &k->record);
	}
	TRY(rc);
	REQUIRE(there.disposed_at == 0, RECORD_DISPOSED, "the record was disposed of");
	REQUIRE(strcmp(there.log, k->record.log) == 0, RECORD_CONFLICT, "the record belongs to %s",
	        there.log);
	k->record.id = there.id;
	if (k->approval == NULL || there.announced)
		return OK;
	return vault_store_record_announce(tx->db, &k->record);
}

static RC write_pieces(struct db_tx *tx, struct keep_batch *kb, struct keeping *k)
{
	struct vault_item item;

	TRY(vault_store_keep(tx->db, k->record.id, kb->items[k->item].id, k->kinds, k->record.at));
	for (size_t i = 0; i < k->from->count; i++) {
		const struct bundle_piece *p = &k->from->pieces[i];
		AUTO_BUF(kind, BUNDLE_KIND_MAX + 1);

		if (p->shared == 0)
			continue;
		buf_add(&kind, p->kind);
		TRY(vault_store_keep(tx->db, k->record.id, kb->items[p->shared - 1].id, buf_cstr(&kind),
		                     k->record.at));
	}
	for (size_t i = 0; i < k->evidence_count; i++) {
		TRY(vault_store_item(tx->db, k->evidence[i], &item));
		TRY(vault_store_keep(tx->db, k->record.id, item.id, EVIDENCE_KIND, k->record.at));
	}
	return OK;
}

static struct rc keep_write(struct db_tx *tx, void *arg)
{
	struct keep_batch *kb = arg;

	for (size_t i = 0; i < kb->item_count; i++)
		TRY(vault_store_item_put(tx->db, &kb->items[i]));
	for (size_t i = 0; i < kb->b->count; i++) {
		struct keeping *k = &kb->at[i];
		struct rc rc;

		if (k->why.code != RC_OK)
			continue;
		rc = write_record(tx, k);
		if (rc.code == RC_NOTFOUND || rc.code == RC_CONFLICT) {
			k->why = *rc_last();
			continue;
		}
		TRY(rc);
		TRY(write_pieces(tx, kb, k));
	}
	return OK;
}

/* The newest head that this vault witnessed of the caller's log: a log that is shorter was put back. */
static RC put_head(struct vault *v, struct db *db, const char *log, json_t *o)
{
	AUTO_HEAD(head);
	json_t *h;
	bool found;

	(void)v;
	TRY(heads_last(db, log, &head, &found));
	if (!found)
		return OK;
	h = json_object();
	json_put_int(h, "size", (int64_t)head.head.size);
	json_put_hex(h, "root", SLICE_ARR(head.head.root));
	json_put_take(o, "head", h);
	return OK;
}

static json_t *outcome(const struct keeping *k)
{
	json_t *o = json_object();

	json_put_hex(o, "key", SLICE_ARR(k->from->key));
	json_put_cstr(o, "state", k->why.code == RC_OK ? "kept" : "refused");
	if (k->why.code != RC_OK) {
		json_put_cstr(o, "code", err_info(k->why.err)->name);
		json_put_cstr(o, "text", k->why.text);
	}
	return o;
}

static RC keep_batch_new(struct vault *v, const struct request *q, struct keep_batch **ret)
{
	AUTO(keep_batch, kb, mem_new(1, sizeof(*kb)));
	size_t most;

	NEED(kb != NULL, RC_NOMEM, "no memory");
	kb->v = v;
	kb->log = q->peer->instance;
	TRY(bundle_read(q->body, &kb->b));
	most = kb->b->count + kb->b->shared_count + 1;
	kb->at = mem_new(kb->b->count + 1, sizeof(*kb->at));
	kb->bundles = mem_new(kb->b->count + 1, sizeof(*kb->bundles));
	kb->contents = mem_new(most, sizeof(*kb->contents));
	kb->ids = mem_new(most, sizeof(*kb->ids));
	kb->items = mem_new(most, sizeof(*kb->items));
	NEED(kb->at != NULL && kb->bundles != NULL && kb->contents != NULL && kb->ids != NULL &&
	             kb->items != NULL,
	     RC_NOMEM, "no memory");
	*ret = MOVE(kb);
	return OK;
}

RC vault_take_records(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(keep_batch, kb, NULL);
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	json_t *list = json_array();

	json_put_take(o, "records", list);
	TRY(keep_batch_new(v, q, &kb));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	TRY(prepare(kb, lease->db));
	TRY(writer_run(instance_writer(v->in), keep_write, kb));
	for (size_t i = 0; i < kb->b->count; i++) {
		NEED(json_array_append_new(list, outcome(&kb->at[i])) == 0, RC_NOMEM, "no memory");
		if (kb->at[i].why.code == RC_OK)
			atomic_fetch_add(&v->records, 1);
	}
	TRY(put_head(v, lease->db, kb->log, o));
	TRY(json_put_result());
	*ret = MOVE(o);
	return OK;
}

/* ---- rows made anew ---- */

struct again {
	struct keep_batch kb;
	struct keeping k;
	struct bundle_record from;
	struct bundle_piece pieces[BUNDLE_PIECES + 1];
	struct vault_item *item;
	bool named; /* its first piece says which record it belongs to */
};

static struct rc again_piece(const struct bundle_piece *p, void *arg)
{
	struct again *a = arg;

	if (slice_is(p->kind, VAULT_KIND_RECORD) && p->content.len == BUNDLE_KEY) {
		memcpy(a->from.key, p->content.p, BUNDLE_KEY);
		a->named = true;
		return OK;
	}
	NEED(a->from.count < BUNDLE_PIECES, RC_INPUT, "too many pieces");
	a->pieces[a->from.count++] = *p;
	return OK;
}

/* What stands in a bundle of entries: their kinds, and the class that the first certificate was issued in. */
static RC again_entries(struct keeping *k)
{
	size_t used = strlen(k->kinds);

	for (size_t i = 0; i < k->from->count; i++) {
		AUTO_JSON(o, NULL);
		struct slice kind, class;

		if (!slice_is(k->from->pieces[i].kind, "entry"))
			continue;
		TRY(json_read(k->from->pieces[i].content, LOG_ENTRY_MAX, &o));
		TRY(json_get_text(o, "kind", LOG_KIND_MAX, &kind));
		used += (size_t)snprintf(k->kinds + used, sizeof(k->kinds) - used, " %.*s", (int)kind.len,
		                         (const char *)kind.p);
		NEED(used < sizeof(k->kinds), RC_INPUT, "too many pieces");
		if (k->record.class[0] != '\0' || !slice_is(kind, "issued"))
			continue;
		TRY(json_get_text(json_object_get(o, "data"), "class", sizeof(k->record.class) - 1, &class));
		memcpy(k->record.class, class.p, class.len);
	}
	return OK;
}

static RC again_keep(struct db_tx *tx, const struct keeping *k, const uint8_t sm3[32], const char *kinds)
{
	struct vault_item item;
	struct rc rc = vault_store_item(tx->db, sm3, &item);

	if (rc.code == RC_NOTFOUND) /* what is missing is found by the completeness check */
		return OK;
	TRY(rc);
	return vault_store_keep(tx->db, k->record.id, item.id, kinds, k->record.at);
}

static struct rc again_write(struct db_tx *tx, void *arg)
{
	struct again *a = arg;
	struct keeping *k = &a->k;
	struct rc rc;

	TRY(vault_store_item_put(tx->db, a->item));
	if (!a->named)
		return OK;
	rc = write_record(tx, k);
	if (rc.code == RC_NOTFOUND && k->record.class[0] != '\0')
		rc = vault_store_record_put(tx->db, &k->record);
	TRY(rc);
	TRY(again_keep(tx, k, a->item->sm3, k->kinds));
	for (size_t i = 0; i < k->from->count; i++) {
		const struct bundle_piece *p = &k->from->pieces[i];
		AUTO_BUF(kind, BUNDLE_KIND_MAX + 1);

		if (!p->elsewhere || p->content.len != 32)
			continue;
		buf_add(&kind, p->kind);
		TRY(again_keep(tx, k, p->content.p, buf_cstr(&kind)));
	}
	for (size_t i = 0; i < k->evidence_count; i++)
		TRY(again_keep(tx, k, k->evidence[i], EVIDENCE_KIND));
	return OK;
}

RC vault_keep_again(struct vault *v, struct db *db, struct vault_item *item, struct slice content)
{
	AUTO_MEM(struct again, a, mem_new(1, sizeof(*a)));
	AUTO(statement, application, NULL);
	struct vault_record r;
	bool altered;
	struct rc rc;

	NEED(a != NULL, RC_NOMEM, "no memory");
	*a = (struct again){.kb = {.v = v, .log = v->feeds > 0 ? v->feed[0].name : ""}, .item = item};
	a->from.pieces = a->pieces;
	a->k.from = &a->from;
	if (!rc_ok(bundle_item_each(content, again_piece, a)))
		a->named = false; /* an original */
	if (a->named) {
		rc = judge(&a->kb, &a->k, db);
		application = a->k.application;
		TRY(rc);
		TRY(again_entries(&a->k));
	}
	TRY(writer_run(instance_writer(v->in), again_write, a));
	if (!a->named)
		return OK;
	TRY(vault_store_record(db, a->from.key, &r));
	return vault_record_check(v, db, &r, &altered);
}

/* ---- originals ---- */

RC vault_missing_evidence(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(body, NULL);
	AUTO_JSON(o, json_object());
	json_t *list, *missing = json_array();

	json_put_take(o, "missing", missing);
	TRY(request_json(q, &body));
	TRY(json_only(body, "sm3", NULL));
	TRY(json_get_array(body, "sm3", VAULT_HASHES_MAX, &list));
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_array_get(list, i);
		uint8_t sm3[32];
		bool here;

		NEED(json_is_string(one), RC_INPUT, "sm3 must hold texts");
		TRY(text_hex(slice_of(json_string_value(one), json_string_length(one)), sm3, sizeof(sm3)));
		TRY(item_here(lease->db, sm3, &here));
		NEED(here || json_array_append(missing, one) == 0, RC_NOMEM, "no memory");
	}
	*ret = MOVE(o);
	return OK;
}

struct originals {
	struct vault_item items[BUNDLE_SHARED];
	size_t count;
};

static struct rc originals_write(struct db_tx *tx, void *arg)
{
	struct originals *o = arg;

	for (size_t i = 0; i < o->count; i++)
		TRY(vault_store_item_put(tx->db, &o->items[i]));
	return OK;
}

RC vault_take_evidence(struct vault *v, const struct request *q, json_t **ret)
{
	AUTO_MEM(struct originals, o, mem_new(1, sizeof(*o)));
	struct slice contents[BUNDLE_SHARED];
	uint8_t ids[BUNDLE_SHARED][32];
	AUTO(db_lease, lease, NULL);
	struct der_reader r = der_read(q->body);
	json_t *answer;

	NEED(o != NULL, RC_NOMEM, "no memory");
	der_enter(&r, DER_SEQUENCE);
	while (der_more(&r)) {
		NEED(o->count < BUNDLE_SHARED, RC_INPUT, "more than %d originals", BUNDLE_SHARED);
		contents[o->count++] = der_octets(&r);
	}
	der_leave(&r);
	TRY(der_done(&r, "originals"));
	for (size_t i = 0; i < o->count; i++) {
		NEED(contents[i].len > 0 && contents[i].len <= VAULT_EVIDENCE_MAX, RC_INPUT,
		     "an original is empty or too large");
		sm3_hash(contents[i], ids[i]);
	}
	TRY(db_pool_lease(instance_readers(v->in), &lease));
	TRY(vault_put_items(v, lease->db, contents, (const uint8_t(*)[32])ids, o->count, o->items));
	TRY(writer_run(instance_writer(v->in), originals_write, o));
	answer = json_object();
	json_put_int(answer, "kept", (int64_t)o->count);
	*ret = answer;
	return json_put_result();
}
