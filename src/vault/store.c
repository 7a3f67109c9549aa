/* Items, records, what belongs to them, certificates, feeds. */
#include "vault/store.h"

#include <string.h>

#define ITEM_COLUMNS "id, sm3, segment, slot, position, length, at, destroyed_at"
#define RECORD_COLUMNS "id, key, log, application, class, follows, at, disposed_at"

static void text_to(struct slice s, char *ret, size_t size)
{
	size_t n = s.len < size ? s.len : size - 1;

	memcpy(ret, s.p, n);
	ret[n] = '\0';
}

/* ---- items ---- */

static RC item_read(struct db_rows *q, struct vault_item *ret)
{
	*ret = (struct vault_item){
	        .id = db_int(q, 0),
	        .where = {.segment = (uint32_t)db_int(q, 2),
	                  .slot = (uint32_t)db_int(q, 3),
	                  .offset = (uint64_t)db_int(q, 4),
	                  .length = (uint32_t)db_int(q, 5)},
	        .at = db_int(q, 6),
	        .destroyed_at = db_int(q, 7),
	};
	return db_bytes(q, 1, ret->sm3, sizeof(ret->sm3));
}

RC vault_store_item(struct db *db, const uint8_t sm3[32], struct vault_item *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " ITEM_COLUMNS " FROM item WHERE sm3 = $1",
	             DB_ARGS(DB_BLOB(slice_of(sm3, 32)))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such item");
	return item_read(q, ret);
}

RC vault_store_item_id(struct db *db, int64_t id, struct vault_item *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " ITEM_COLUMNS " FROM item WHERE id = $1", DB_ARGS(DB_INT(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such item");
	return item_read(q, ret);
}

/* What was destroyed for one record may come again with another. */
RC vault_store_item_put(struct db *db, struct vault_item *i)
{
	AUTO(db_rows, q, NULL);
	struct vault_item there;
	bool row;

	TRY(db_query(
	        db, &q,
	        "INSERT INTO item (sm3, segment, slot, position, length, at) VALUES ($1, $2, $3, $4, $5, $6) "
	        "ON CONFLICT (sm3) DO UPDATE SET segment = $2, slot = $3, position = $4, length = $5, at = "
	        "$6, "
	        "destroyed_at = NULL WHERE item.destroyed_at IS NOT NULL RETURNING id",
	        DB_ARGS(DB_BLOB(SLICE_ARR(i->sm3)), DB_INT(i->where.segment), DB_INT(i->where.slot),
	                DB_INT(i->where.offset), DB_INT(i->where.length), DB_INT(i->at))));
	TRY(db_next(q, &row));
	if (row) {
		i->id = db_int(q, 0);
		return db_next(q, &row);
	}
	TRY(vault_store_item(db, i->sm3, &there));
	i->id = there.id;
	return OK;
}

RC vault_store_destroyed(struct db *db, uint32_t segment, uint32_t slot, bool *ret)
{
	int64_t n;

	TRY(db_scalar(
	        db, &n,
	        "SELECT count(*) FROM item WHERE segment = $1 AND slot = $2 AND destroyed_at IS NOT NULL",
	        DB_ARGS(DB_INT(segment), DB_INT(slot))));
	*ret = n > 0;
	return OK;
}

RC vault_store_destroyed_each(struct db *db, int64_t after, size_t limit,
                              struct rc (*each)(void *arg, const struct vault_item *i), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct vault_item i;
	bool row;

	TRY(db_query(db, &q,
	             "SELECT " ITEM_COLUMNS
	             " FROM item WHERE id > $1 AND destroyed_at IS NOT NULL ORDER BY id LIMIT $2",
	             DB_ARGS(DB_INT(after), DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(item_read(q, &i));
		TRY(each(arg, &i));
	}
}

RC vault_store_item_destroyed(struct db *db, int64_t id, int64_t at)
{
	return db_run(db, NULL, "UPDATE item SET destroyed_at = $2 WHERE id = $1 AND destroyed_at IS NULL",
	              DB_ARGS(DB_INT(id), DB_INT(at)));
}

/* ---- records ---- */

static RC record_read(struct db_rows *q, struct vault_record *ret)
{
	*ret = (struct vault_record){
	        .id = db_int(q, 0),
	        .announced = !db_is_null(q, 3),
	        .follows = db_int(q, 5),
	        .at = db_int(q, 6),
	        .disposed_at = db_int(q, 7),
	};
	text_to(db_text(q, 2), ret->log, sizeof(ret->log));
	text_to(db_text(q, 4), ret->class, sizeof(ret->class));
	TRY(db_bytes(q, 1, ret->key, sizeof(ret->key)));
	return ret->announced ? db_bytes(q, 3, ret->application, sizeof(ret->application)) : OK;
}

static RC record_one(struct db_rows *q, struct vault_record *ret)
{
	bool row;

	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such record");
	return record_read(q, ret);
}

RC vault_store_record(struct db *db, const uint8_t key[32], struct vault_record *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, "SELECT " RECORD_COLUMNS " FROM record WHERE key = $1",
	             DB_ARGS(DB_BLOB(slice_of(key, 32)))));
	return record_one(q, ret);
}

RC vault_store_record_id(struct db *db, int64_t id, struct vault_record *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, "SELECT " RECORD_COLUMNS " FROM record WHERE id = $1", DB_ARGS(DB_INT(id))));
	return record_one(q, ret);
}

static struct db_value application_of(const struct vault_record *r)
{
	return r->announced ? DB_BLOB(SLICE_ARR(r->application)) : DB_NULL;
}

static struct db_value follows_of(const struct vault_record *r)
{
	return r->follows != 0 ? DB_INT(r->follows) : DB_NULL;
}

RC vault_store_record_put(struct db *db, struct vault_record *r)
{
	return db_scalar(db, &r->id,
	                 "INSERT INTO record (key, log, application, class, follows, at) "
	                 "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
	                 DB_ARGS(DB_BLOB(SLICE_ARR(r->key)), DB_CSTR(r->log), application_of(r),
	                         DB_CSTR(r->class), follows_of(r), DB_INT(r->at)));
}

RC vault_store_record_announce(struct db *db, const struct vault_record *r)
{
	return db_run(db, NULL, "UPDATE record SET application = $2, class = $3, follows = $4 WHERE id = $1",
	              DB_ARGS(DB_INT(r->id), application_of(r), DB_CSTR(r->class), follows_of(r)));
}

RC vault_store_record_class(struct db *db, int64_t id, const char *class)
{
	return db_run(db, NULL, "UPDATE record SET class = $2 WHERE id = $1",
	              DB_ARGS(DB_INT(id), DB_CSTR(class)));
}

RC vault_store_record_disposed(struct db *db, int64_t id, int64_t at)
{
	return db_run(db, NULL, "UPDATE record SET disposed_at = $2 WHERE id = $1",
	              DB_ARGS(DB_INT(id), DB_INT(at)));
}

RC vault_store_records_each(struct db *db, int64_t after, size_t limit,
                            struct rc (*each)(void *arg, const struct vault_record *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct vault_record r;
	bool row;

	TRY(db_query(db, &q, "SELECT " RECORD_COLUMNS " FROM record WHERE id > $1 ORDER BY id LIMIT $2",
	             DB_ARGS(DB_INT(after), DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(record_read(q, &r));
		TRY(each(arg, &r));
	}
}

RC vault_store_followers(struct db *db, int64_t record, struct rc (*each)(void *arg, int64_t record),
                         void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT id FROM record WHERE follows = $1 ORDER BY id",
	             DB_ARGS(DB_INT(record))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_int(q, 0)));
	}
}

/* ---- what belongs to a record ---- */

RC vault_store_keep(struct db *db, int64_t record, int64_t item, const char *kinds, int64_t at)
{
	return db_run(db, NULL,
	              "INSERT INTO kept (record, item, kinds, at) VALUES ($1, $2, $3, $4) "
	              "ON CONFLICT (record, item, kinds) DO NOTHING",
	              DB_ARGS(DB_INT(record), DB_INT(item), DB_CSTR(kinds), DB_INT(at)));
}

RC vault_store_kept_each(struct db *db, int64_t record,
                         struct rc (*each)(void *arg, const struct vault_kept *k), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT item, kinds, at FROM kept WHERE record = $1 ORDER BY item",
	             DB_ARGS(DB_INT(record))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct vault_kept){
		                      .item = db_int(q, 0), .kinds = db_text(q, 1), .at = db_int(q, 2)}));
	}
}

RC vault_store_item_kept(struct db *db, int64_t item, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT count(*) FROM kept WHERE item = $1", DB_ARGS(DB_INT(item))));
	*ret = n > 0;
	return OK;
}

RC vault_store_item_shared(struct db *db, int64_t item, int64_t record, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM kept JOIN record ON record.id = kept.record "
	              "WHERE kept.item = $1 AND kept.record <> $2 AND record.disposed_at IS NULL",
	              DB_ARGS(DB_INT(item), DB_INT(record))));
	*ret = n > 0;
	return OK;
}

/* ---- certificates ---- */

RC vault_store_certificate_put(struct db *db, const struct vault_certificate *c)
{
	return db_run(db, NULL,
	              "INSERT INTO certificate (ca, serial, record, part, sm3, not_after) "
	              "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (ca, serial) DO NOTHING",
	              DB_ARGS(DB_CSTR(c->ca), DB_BLOB(c->serial), DB_INT(c->record), DB_CSTR(c->part),
	                      DB_BLOB(SLICE_ARR(c->sm3)), DB_INT(c->not_after)));
}

RC vault_store_certificate_restore(struct db *db, const struct vault_certificate *c)
{
	return db_run(db, NULL,
	              "INSERT INTO certificate (ca, serial, record, part, sm3, not_after, ended_at) "
	              "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (ca, serial) DO UPDATE "
	              "SET record = $3, part = $4, sm3 = $5, not_after = $6, ended_at = $7",
	              DB_ARGS(DB_CSTR(c->ca), DB_BLOB(c->serial), DB_INT(c->record), DB_CSTR(c->part),
	                      DB_BLOB(SLICE_ARR(c->sm3)), DB_INT(c->not_after),
	                      c->ended_at != 0 ? DB_INT(c->ended_at) : DB_NULL));
}

#define CERTIFICATE_COLUMNS "ca, part, record, sm3, not_after, ended_at, serial"
static RC certificate_read(struct db_rows *q, struct vault_certificate *ret)
{
	*ret = (struct vault_certificate){
	        .record = db_int(q, 2), .not_after = db_int(q, 4), .ended_at = db_int(q, 5)};
	text_to(db_text(q, 0), ret->ca, sizeof(ret->ca));
	text_to(db_text(q, 1), ret->part, sizeof(ret->part));
	return db_bytes(q, 3, ret->sm3, sizeof(ret->sm3));
}

RC vault_store_certificate(struct db *db, struct slice ca, struct slice serial, struct vault_certificate *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " CERTIFICATE_COLUMNS " FROM certificate WHERE ca = $1 AND serial = $2",
	             DB_ARGS(DB_TEXT(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no record holds that certificate");
	return certificate_read(q, ret);
}

RC vault_store_ended(struct db *db, struct slice ca, struct slice serial, int64_t at)
{
	return db_run(db, NULL, "UPDATE certificate SET ended_at = $3 WHERE ca = $1 AND serial = $2",
	              DB_ARGS(DB_TEXT(ca), DB_BLOB(serial), at != 0 ? DB_INT(at) : DB_NULL));
}

RC vault_store_certificates_each(struct db *db, int64_t record,
                                 struct rc (*each)(void *arg, const struct vault_certificate *c), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct vault_certificate c;
	bool row;

	TRY(db_query(db, &q,
	             "SELECT " CERTIFICATE_COLUMNS " FROM certificate WHERE record = $1 ORDER BY ca, serial",
	             DB_ARGS(DB_INT(record))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(certificate_read(q, &c));
		c.serial = db_blob(q, 6);
		TRY(each(arg, &c));
	}
}

/* ---- feeds ---- */

RC vault_store_feed(struct db *db, const char *name, uint64_t *next)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT next FROM feed WHERE name = $1", DB_ARGS(DB_CSTR(name))));
	TRY(db_next(q, &row));
	*next = row ? (uint64_t)db_int(q, 0) : 0;
	return OK;
}

RC vault_store_feed_set(struct db *db, const char *name, uint64_t next, const uint8_t leaf[32])
{
	return db_run(db, NULL,
	              "INSERT INTO feed (name, next, leaf) VALUES ($1, $2, $3) "
	              "ON CONFLICT (name) DO UPDATE SET next = $2, leaf = $3",
	              DB_ARGS(DB_CSTR(name), DB_INT(next), DB_BLOB(slice_of(leaf, 32))));
}
