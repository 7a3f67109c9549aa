#include "ca/store.h"

#define REQUEST_COLUMNS                                                                                      \
	"r.id, r.key, r.application, r.spki, r.state, r.ca, r.profile, r.class, r.entity, r.serial, "        \
	"r.encrypt_serial, r.not_before, r.not_after, r.at"
#define REQUEST_NEXT 14 /* first column after them */

static RC copy_text(struct slice s, char *ret, size_t size)
{
	NEED(s.len < size, RC_BUG, "a stored text of %zu bytes", s.len);
	memcpy(ret, s.p, s.len);
	ret[s.len] = 0;
	return OK;
}

static RC request_read(struct db_rows *q, struct ca_request *r)
{
	*r = (struct ca_request){.id = db_int(q, 0), .state = (enum request_state)db_int(q, 4)};
	TRY(db_bytes(q, 1, r->key, sizeof(r->key)));
	TRY(db_bytes(q, 2, r->application, sizeof(r->application)));
	TRY(db_bytes(q, 3, r->spki, sizeof(r->spki)));
	TRY(copy_text(db_text(q, 5), r->ca, sizeof(r->ca)));
	TRY(copy_text(db_text(q, 6), r->profile, sizeof(r->profile)));
	TRY(copy_text(db_text(q, 7), r->class, sizeof(r->class)));
	TRY(copy_text(db_text(q, 8), r->entity, sizeof(r->entity)));
	TRY(db_bytes(q, 9, r->serial[CA_SIGN], CA_SERIAL));
	r->pair = !db_is_null(q, 10);
	if (r->pair)
		TRY(db_bytes(q, 10, r->serial[CA_ENCRYPT], CA_SERIAL));
	r->not_before = db_int(q, 11);
	r->not_after = db_int(q, 12);
	r->at = db_int(q, 13);
	return OK;
}

RC ca_store_find(struct db *db, const uint8_t key[32], struct ca_request *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " REQUEST_COLUMNS " FROM request r WHERE r.key = $1",
	             DB_ARGS(DB_BLOB(slice_of(key, 32)))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no such request");
	return request_read(q, ret);
}

/* The request that an encryption key came for: its key, entity, and whether its certificate is revoked. */
#define ENCRYPT_KEY                                                                                          \
	"SELECT r.key, r.entity, coalesce(c.status, 0) FROM encrypt_key k JOIN request r ON r.id = "         \
	"k.request LEFT JOIN certificate c ON c.ca = r.ca AND c.serial = r.encrypt_serial WHERE k.spki = $1"

/* What the KMC made is known to more than its holder: no signing key, neither his nor another's. */
static RC no_encrypt_key(struct db *db, const uint8_t spki[32])
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, ENCRYPT_KEY, DB_ARGS(DB_BLOB(slice_of(spki, 32)))));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	REQUIRE(db_int(q, 2) == 0, SAME_KEY, "a certificate for this key has been revoked");
	REFUSE(SAME_KEY, "this key is certified for encryption");
}

RC ca_store_encrypt_key_free(struct db *db, const uint8_t spki[32], const uint8_t key[32])
{
	AUTO(db_rows, q, NULL);
	AUTO(db_rows, sign, NULL);
	bool row;

	TRY(db_query(db, &q, ENCRYPT_KEY, DB_ARGS(DB_BLOB(slice_of(spki, 32)))));
	TRY(db_next(q, &row));
	REQUIRE(!row || slice_equal(db_blob(q, 0), slice_of(key, 32)), G07,
	        "the KMC returned the key of another certificate");
	TRY(db_query(db, &sign, "SELECT 1 FROM request WHERE spki = $1",
	             DB_ARGS(DB_BLOB(slice_of(spki, 32)))));
	TRY(db_next(sign, &row));
	REQUIRE(!row, G07, "the KMC returned a signing key");
	return OK;
}

RC ca_store_encrypt_key_put(struct db *db, const uint8_t spki[32], int64_t request)
{
	return db_run(db, NULL,
	              "INSERT INTO encrypt_key (spki, request) VALUES ($1, $2) ON CONFLICT (spki) DO NOTHING",
	              DB_ARGS(DB_BLOB(slice_of(spki, 32)), DB_INT(request)));
}

RC ca_store_key_free(struct db *db, const uint8_t spki[32], const char *entity)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(no_encrypt_key(db, spki));
	TRY(db_query(db, &q,
	             "SELECT r.entity, max(coalesce(c.status, 0)) FROM request r "
	             "LEFT JOIN certificate c ON c.ca = r.ca AND c.serial = r.serial "
	             "WHERE r.spki = $1 GROUP BY r.entity ORDER BY 2 DESC LIMIT 1",
	             DB_ARGS(DB_BLOB(slice_of(spki, 32)))));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	REQUIRE(db_int(q, 1) == 0, SAME_KEY, "a certificate for this key has been revoked");
	REQUIRE(slice_is(db_text(q, 0), entity), SAME_KEY, "this key is certified for another subscriber");
	REFUSE(SAME_KEY, "this key is certified already; extension is a procedure of its own");
}

/* Neither of its serial numbers is that of another certificate, whichever part; unique indexes stand behind.
 */
static RC serials_free(struct db *db, const struct ca_request *r)
{
	struct slice sign = slice_of(r->serial[CA_SIGN], CA_SERIAL),
	             encrypt = slice_of(r->serial[r->pair ? CA_ENCRYPT : CA_SIGN], CA_SERIAL);
	int64_t taken;

	TRY(db_scalar(db, &taken,
	              "SELECT (SELECT count(*) FROM request WHERE ca = $1 AND serial IN ($2, $3)) + "
	              "(SELECT count(*) FROM request WHERE ca = $1 AND encrypt_serial IN ($2, $3))",
	              DB_ARGS(DB_CSTR(r->ca), DB_BLOB(sign), DB_BLOB(encrypt))));
	REQUIRE(taken == 0 && (!r->pair || !slice_equal(sign, encrypt)), SERIAL_TAKEN, "%s", r->ca);
	return OK;
}

RC ca_store_put(struct db *db, struct ca_request *r, const struct ca_bytes *b)
{
	struct slice encrypt = slice_of(r->serial[CA_ENCRYPT], CA_SERIAL);
	AUTO(db_rows, q, NULL);
	int64_t known;
	bool row;

	TRY(db_scalar(db, &known, "SELECT count(*) FROM request WHERE key = $1",
	              DB_ARGS(DB_BLOB(SLICE_ARR(r->key)))));
	NEED(known == 0, RC_CONFLICT, "this request is in the database already");
	TRY(serials_free(db, r));
	TRY(db_query(
	        db, &q,
	        "INSERT INTO request (key, application, state, ca, profile, class, entity, spki, serial, "
	        "encrypt_serial, not_before, not_after, at) "
	        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
	        "ON CONFLICT (key) DO NOTHING RETURNING id",
	        DB_ARGS(DB_BLOB(SLICE_ARR(r->key)), DB_BLOB(SLICE_ARR(r->application)), DB_INT(r->state),
	                DB_CSTR(r->ca), DB_CSTR(r->profile), DB_CSTR(r->class), DB_CSTR(r->entity),
	                DB_BLOB(SLICE_ARR(r->spki)), DB_BLOB(slice_of(r->serial[CA_SIGN], CA_SERIAL)),
	                r->pair ? DB_BLOB(encrypt) : DB_NULL, DB_INT(r->not_before), DB_INT(r->not_after),
	                DB_INT(r->at))));
	TRY(db_next(q, &row));
	NEED(row, RC_CONFLICT, "this request is in the database already");
	r->id = db_int(q, 0);
	return db_run(db, NULL,
	              "INSERT INTO request_body (request, application, approval, sign_tbs, encrypt_tbs, km) "
	              "VALUES ($1, $2, $3, $4, $5, $6)",
	              DB_ARGS(DB_INT(r->id), DB_SEALED(b->application), DB_BLOB(b->approval),
	                      DB_BLOB(b->tbs[CA_SIGN]), DB_BLOB_OPT(b->tbs[CA_ENCRYPT]),
	                      b->km != 0 ? DB_INT(b->km) : DB_NULL));
}

RC ca_store_km_put(struct db *db, struct slice request, struct slice der, int64_t at, int64_t *id)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "INSERT INTO km_respond (der, at, request) VALUES ($1, $2, $3) RETURNING id",
	             DB_ARGS(DB_BLOB(der), DB_INT(at), DB_BLOB(request))));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "an insert without a row");
	*id = db_int(q, 0);
	return OK;
}

RC ca_store_encrypt(struct db *db, int64_t id, struct slice tbs, int64_t km)
{
	int64_t changed = 0;

	TRY(db_run(db, &changed, "UPDATE request_body SET encrypt_tbs = $2, km = $3 WHERE request = $1",
	           DB_ARGS(DB_INT(id), DB_BLOB(tbs), DB_INT(km))));
	NEED(changed == 1, RC_NOTFOUND, "no such request");
	return OK;
}

RC ca_store_move(struct db *db, int64_t id, enum request_state from, enum request_state to)
{
	int64_t changed = 0;

	TRY(db_run(db, &changed, "UPDATE request SET state = $3 WHERE id = $1 AND state = $2",
	           DB_ARGS(DB_INT(id), DB_INT(from), DB_INT(to))));
	NEED(changed == 1, RC_CONFLICT, "request %lld is not in state %d", (long long)id, (int)from);
	return OK;
}

RC ca_store_drop(struct db *db, int64_t id)
{
	int64_t changed = 0;

	TRY(db_run(db, NULL, "DELETE FROM follow WHERE request = $1", DB_ARGS(DB_INT(id))));
	TRY(db_run(db, NULL, "DELETE FROM request_body WHERE request = $1", DB_ARGS(DB_INT(id))));
	TRY(db_run(db, NULL, "DELETE FROM encrypt_key WHERE request = $1", DB_ARGS(DB_INT(id))));
	TRY(db_run(db, &changed,
	           "DELETE FROM request WHERE id = $1 AND state IN ($2, $3) "
	           "AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.ca = request.ca AND c.serial = "
	           "request.serial)",
	           DB_ARGS(DB_INT(id), DB_INT(REQUEST_PREPARED), DB_INT(REQUEST_HALF_PREPARED))));
	NEED(changed == 1, RC_CONFLICT, "request %lld cannot be dropped", (long long)id);
	return OK;
}

RC ca_store_certificate_put(struct db *db, const struct ca_request *r, enum ca_part part,
                            struct slice signature)
{
	return db_run(db, NULL,
	              "INSERT INTO certificate (ca, serial, request, part, status, signature) "
	              "VALUES ($1, $2, $3, $4, 0, $5)",
	              DB_ARGS(DB_CSTR(r->ca), DB_BLOB(slice_of(r->serial[part], CA_SERIAL)), DB_INT(r->id),
	                      DB_INT(part), DB_BLOB(signature)));
}

RC ca_store_each(struct db *db, enum request_state state, int64_t after, size_t limit,
                 struct rc (*each)(void *arg, const struct ca_request *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT " REQUEST_COLUMNS " FROM request r "
	             "WHERE r.state = $1 AND r.state < 5 AND r.id > $2 ORDER BY r.id LIMIT $3",
	             DB_ARGS(DB_INT(state), DB_INT(after), DB_INT(limit))));
	for (;;) {
		struct ca_request r;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(request_read(q, &r));
		TRY(each(arg, &r));
	}
}

RC ca_store_load(struct db *db, int64_t id, struct ca_load *ret)
{
	struct buf *const to[] = {ret->application, ret->approval, ret->tbs[CA_SIGN], ret->tbs[CA_ENCRYPT]};
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT application, approval, sign_tbs, encrypt_tbs, km FROM request_body "
	             "WHERE request = $1",
	             DB_ARGS(DB_INT(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no such request");
	for (unsigned n = 0; n < sizeof(to) / sizeof(to[0]); n++)
		TRY(db_sealed(q, n, to[n]));
	ret->km = db_int(q, 4);
	return OK;
}

static RC blob_of(struct db *db, const char *sql, int64_t id, struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, sql, DB_ARGS(DB_INT(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no answer of the KMC is stored");
	buf_add(ret, db_blob(q, 0));
	return buf_done(ret);
}

RC ca_store_km(struct db *db, int64_t id, struct buf *request, struct buf *der)
{
	TRY(blob_of(db, "SELECT request FROM km_respond WHERE id = $1", id, request));
	return blob_of(db, "SELECT der FROM km_respond WHERE id = $1", id, der);
}

RC ca_store_km_of(struct db *db, int64_t request, struct buf *ret)
{
	return blob_of(
	        db, "SELECT k.der FROM request_body b JOIN km_respond k ON k.id = b.km WHERE b.request = $1",
	        request, ret);
}

RC ca_store_certificate(struct db *db, const char *ca, struct slice serial, struct ca_certificate *ret,
                        struct buf *tbs)
{
	AUTO(db_rows, q, NULL);
	struct slice signature;
	bool row;

	TRY(db_query(db, &q,
	             "SELECT " REQUEST_COLUMNS ", c.part, c.status, c.signature, b.sign_tbs, b.encrypt_tbs "
	             "FROM certificate c JOIN request r ON r.id = c.request "
	             "JOIN request_body b ON b.request = c.request WHERE c.ca = $1 AND c.serial = $2",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no such certificate");
	TRY(request_read(q, &ret->request));
	ret->part = db_int(q, REQUEST_NEXT) == CA_SIGN ? CA_SIGN : CA_ENCRYPT;
	ret->revoked = db_int(q, REQUEST_NEXT + 1) != 0;
	signature = db_blob(q, REQUEST_NEXT + 2);
	NEED(signature.len <= sizeof(ret->signature), RC_BUG, "a stored signature of %zu bytes",
	     signature.len);
	memcpy(ret->signature, signature.p, signature.len);
	ret->signature_len = signature.len;
	buf_add(tbs, db_blob(q, REQUEST_NEXT + (ret->part == CA_SIGN ? 3 : 4)));
	return buf_done(tbs);
}

RC ca_store_revoke(struct db *db, const char *ca, struct slice serial, struct ca_certificate *ret)
{
	AUTO_BUF(tbs, CA_CERTIFICATE_MAX);

	TRY(ca_store_certificate(db, ca, serial, ret, &tbs));
	return db_run(db, NULL, "UPDATE certificate SET status = 1 WHERE ca = $1 AND serial = $2",
	              DB_ARGS(DB_CSTR(ca), DB_BLOB(serial)));
}

RC ca_store_notice_put(struct db *db, struct slice serial, int64_t at)
{
	return db_run(db, NULL,
	              "INSERT INTO km_notice (serial, at) VALUES ($1, $2) ON CONFLICT (serial) DO NOTHING",
	              DB_ARGS(DB_BLOB(serial), DB_INT(at)));
}

RC ca_store_notice_each(struct db *db, size_t limit, struct rc (*each)(void *arg, struct slice serial),
                        void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT serial FROM km_notice ORDER BY at LIMIT $1", DB_ARGS(DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_blob(q, 0)));
	}
}

RC ca_store_notice_drop(struct db *db, struct slice serial)
{
	return db_run(db, NULL, "DELETE FROM km_notice WHERE serial = $1", DB_ARGS(DB_BLOB(serial)));
}

RC ca_store_counts(struct db *db, int64_t *open, int64_t *requests)
{
	TRY(db_scalar(db, open, "SELECT count(*) FROM request WHERE state < 5", DB_NOARGS));
	return db_scalar(db, requests, "SELECT coalesce(max(id), 0) FROM request", DB_NOARGS);
}
