#include "authority/store.h"

RC authority_store_revoke(struct db *db, const char *ca, const struct revocation *r, struct slice statement)
{
	int64_t changed = 0;

	TRY(db_run(db, &changed,
	           "INSERT INTO revocation (ca, serial, at, reason, invalidity, statement) "
	           "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (ca, serial) DO NOTHING",
	           DB_ARGS(DB_CSTR(ca), DB_BLOB(r->serial), DB_INT(r->at), DB_INT(r->reason),
	                   r->has_invalidity ? DB_INT(r->invalidity) : DB_NULL, DB_BLOB(statement))));
	REQUIRE(changed == 1, ALREADY_REVOKED, "the certificate is revoked already");
	return OK;
}

/* Columns at, reason, invalidity from n on. */
static void revocation_read(struct db_rows *q, unsigned n, struct revocation *ret)
{
	ret->at = db_int(q, n);
	ret->reason = (int)db_int(q, n + 1);
	ret->has_invalidity = !db_is_null(q, n + 2);
	ret->invalidity = db_int(q, n + 2);
}

RC authority_store_revoked(struct db *db, const char *ca, struct slice serial, struct revocation *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT at, reason, invalidity FROM revocation WHERE ca = $1 AND serial = $2",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "not revoked");
	ret->serial = serial;
	revocation_read(q, 0, ret);
	return OK;
}

RC authority_store_statement(struct db *db, const char *ca, struct slice serial, struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT statement FROM revocation WHERE ca = $1 AND serial = $2",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "not revoked");
	buf_add(ret, db_blob(q, 0));
	return buf_done(ret);
}

RC authority_store_walk(struct db *db, const char *ca, int64_t last, struct db_rows **ret)
{
	return db_query(db, ret,
	                "SELECT serial, at, reason, invalidity FROM revocation "
	                "WHERE ca = $1 AND seq <= $2 ORDER BY seq",
	                DB_ARGS(DB_CSTR(ca), DB_INT(last)));
}

RC authority_store_step(struct db_rows *q, struct revocation *ret, bool *more)
{
	TRY(db_next(q, more));
	if (!*more)
		return OK;
	ret->serial = db_blob(q, 0);
	revocation_read(q, 1, ret);
	return OK;
}

RC authority_store_last(struct db *db, const char *ca, int64_t *last, int64_t *count)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT coalesce(max(seq), 0), count(*) FROM revocation WHERE ca = $1",
	             DB_ARGS(DB_CSTR(ca))));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "an aggregate without a row");
	*last = db_int(q, 0);
	*count = db_int(q, 1);
	return OK;
}

RC authority_store_crl_put(struct db *db, const char *ca, const struct crl_row *row)
{
	int64_t changed = 0;

	TRY(db_run(
	        db, &changed,
	        "INSERT INTO crl (ca, number, this_update, next_update, last_seq, entries, sm3, signature) "
	        "SELECT $1, $2, $3, $4, $5, $6, $7, $8 "
	        "WHERE NOT EXISTS (SELECT 1 FROM crl WHERE ca = $1 AND number >= $2)",
	        DB_ARGS(DB_CSTR(ca), DB_INT(row->number), DB_INT(row->this_update), DB_INT(row->next_update),
	                DB_INT(row->last_seq), DB_INT(row->entries), DB_BLOB(SLICE_ARR(row->sm3)),
	                DB_BLOB(slice_of(row->signature, row->signature_len)))));
	NEED(changed == 1, RC_CONFLICT, "CRL number %lld of %s is not higher than the last",
	     (long long)row->number, ca);
	return OK;
}

RC authority_store_crl_last(struct db *db, const char *ca, struct crl_row *ret)
{
	AUTO(db_rows, q, NULL);
	struct slice signature;
	bool row;

	TRY(db_query(db, &q,
	             "SELECT number, this_update, next_update, last_seq, entries, sm3, signature FROM crl "
	             "WHERE ca = $1 ORDER BY number DESC LIMIT 1",
	             DB_ARGS(DB_CSTR(ca))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no CRL of %s yet", ca);
	*ret = (struct crl_row){
	        .number = db_int(q, 0),
	        .this_update = db_int(q, 1),
	        .next_update = db_int(q, 2),
	        .last_seq = db_int(q, 3),
	        .entries = db_int(q, 4),
	};
	TRY(db_bytes(q, 5, ret->sm3, sizeof(ret->sm3)));
	signature = db_blob(q, 6);
	NEED(signature.len <= sizeof(ret->signature), RC_BUG, "stored CRL signature of %zu bytes",
	     signature.len);
	memcpy(ret->signature, signature.p, signature.len);
	ret->signature_len = signature.len;
	return OK;
}
