#include "authority/store.h"

#include "sm/sm3.h"

#define EVENT_COLUMNS "seq, event, at, since, reason, invalidity, reported, ground"
/* Nothing up to $2 follows it, and it is not a release. */
#define LISTED                                                                                               \
	"ca = $1 AND seq <= $2 AND event <> 2 AND seq NOT IN "                                               \
	"(SELECT follows FROM revocation WHERE follows IS NOT NULL AND seq <= $2)"

/* Columns of EVENT_COLUMNS from n on. */
static void event_read(struct db_rows *q, unsigned n, struct revocation *ret)
{
	*ret = (struct revocation){
	        .serial = ret->serial,
	        .seq = db_int(q, n),
	        .event = (enum order_event)db_int(q, n + 1),
	        .at = db_int(q, n + 2),
	        .since = db_int(q, n + 3),
	        .reason = (int)db_int(q, n + 4),
	        .has_invalidity = !db_is_null(q, n + 5),
	        .invalidity = db_int(q, n + 5),
	        .has_reported = !db_is_null(q, n + 6),
	        .reported = db_int(q, n + 6),
	        .has_ground = !db_is_null(q, n + 7),
	        .ground = (enum order_ground)db_int(q, n + 7),
	};
}

static RC event_one(struct db_rows *q, struct slice serial, struct revocation *ret)
{
	bool row;

	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "nothing ended or stopped that certificate");
	ret->serial = serial;
	event_read(q, 0, ret);
	return OK;
}

RC authority_store_last_event(struct db *db, const char *ca, struct slice serial, struct revocation *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q,
	             "SELECT " EVENT_COLUMNS
	             " FROM revocation WHERE ca = $1 AND serial = $2 ORDER BY seq DESC LIMIT 1",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	return event_one(q, serial, ret);
}

RC authority_store_made_by(struct db *db, const char *ca, struct slice serial, struct slice statement,
                           struct revocation *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q,
	             "SELECT " EVENT_COLUMNS
	             " FROM revocation WHERE ca = $1 AND serial = $2 AND statement = $3",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial), DB_BLOB(statement))));
	return event_one(q, serial, ret);
}

RC authority_store_statement(struct db *db, const char *ca, struct slice serial, struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(
	        db, &q,
	        "SELECT statement FROM revocation WHERE ca = $1 AND serial = $2 ORDER BY seq DESC LIMIT 1",
	        DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "nothing ended or stopped that certificate");
	buf_add(ret, db_blob(q, 0));
	return buf_done(ret);
}

RC authority_store_statement_of(struct db *db, const char *ca, struct slice serial, const uint8_t sm3[32],
                                struct buf *ret)
{
	AUTO(db_rows, q, NULL);
	uint8_t hash[32];
	bool row;

	TRY(db_query(db, &q,
	             "SELECT statement FROM revocation WHERE ca = $1 AND serial = $2 ORDER BY seq DESC",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	for (;;) {
		TRY(db_next(q, &row));
		NEED(row, RC_NOTFOUND, "no such statement ended or stopped that certificate");
		sm3_hash(db_blob(q, 0), hash);
		if (memcmp(hash, sm3, sizeof(hash)) == 0)
			break;
	}
	buf_add(ret, db_blob(q, 0));
	return buf_done(ret);
}

/* May r come after what was last?  Sets the date that is shown. */
static RC event_follows(const struct revocation *last, struct revocation *r)
{
	bool held = last != NULL && last->event == ORDER_HOLD;

	REQUIRE(last == NULL || last->event != ORDER_REVOKE, ALREADY_REVOKED,
	        "the certificate is revoked already");
	REQUIRE(r->event != ORDER_HOLD || !held, CERTIFICATE_STATE, "the certificate is on hold already");
	REQUIRE(r->event != ORDER_RELEASE || held, CERTIFICATE_STATE, "the certificate is not on hold");
	r->since = r->event == ORDER_REVOKE && held ? last->since : r->at;
	return OK;
}

RC authority_store_event(struct db *db, const char *ca, struct revocation *r, struct slice statement)
{
	AUTO(db_rows, q, NULL);
	struct revocation last;
	struct rc rc = authority_store_last_event(db, ca, r->serial, &last);
	bool first = rc.code == RC_NOTFOUND, row;

	if (!first)
		TRY(rc);
	TRY(event_follows(first ? NULL : &last, r));
	TRY(db_query(db, &q,
	             "INSERT INTO revocation (ca, serial, event, follows, at, since, reason, invalidity, "
	             "reported, ground, statement, expires) "
	             "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING seq",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(r->serial), DB_INT(r->event),
	                     first ? DB_NULL : DB_INT(last.seq), DB_INT(r->at), DB_INT(r->since),
	                     DB_INT(r->reason), r->has_invalidity ? DB_INT(r->invalidity) : DB_NULL,
	                     r->has_reported ? DB_INT(r->reported) : DB_NULL,
	                     r->has_ground ? DB_INT(r->ground) : DB_NULL, DB_BLOB(statement),
	                     r->expires != 0 ? DB_INT(r->expires) : DB_NULL)));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "an insert without a row");
	r->seq = db_int(q, 0);
	return OK;
}

RC authority_store_fill(struct db *db, const char *ca, struct slice serial, int64_t at)
{
	return db_run(db, NULL,
	              "INSERT INTO revocation (ca, serial, event, at, since, reason, statement) "
	              "VALUES ($1, $2, 0, $3, $3, 4, $2)",
	              DB_ARGS(DB_CSTR(ca), DB_BLOB(serial), DB_INT(at)));
}

RC authority_store_walk(struct db *db, const char *ca, int64_t last, struct db_rows **ret)
{
	return db_query(db, ret,
	                "SELECT serial, " EVENT_COLUMNS " FROM revocation WHERE " LISTED " ORDER BY seq",
	                DB_ARGS(DB_CSTR(ca), DB_INT(last)));
}

RC authority_store_walk_range(struct db *db, const char *ca, const struct list_range *r, struct db_rows **ret)
{
	return db_query(db, ret,
	                "SELECT serial, " EVENT_COLUMNS " FROM revocation "
	                "WHERE ca = $1 AND seq > $2 AND seq <= $3 AND (event <> 2 OR $4 = 1) "
	                "AND NOT EXISTS (SELECT 1 FROM revocation f WHERE f.follows = revocation.seq "
	                "AND f.seq <= $3) "
	                "AND (expires IS NULL OR expires >= $5 OR seq > $6) ORDER BY seq",
	                DB_ARGS(DB_CSTR(ca), DB_INT(r->from), DB_INT(r->last), DB_INT(r->releases ? 1 : 0),
	                        DB_INT(r->ended), DB_INT(r->shown)));
}

RC authority_store_step(struct db_rows *q, struct revocation *ret, bool *more)
{
	TRY(db_next(q, more));
	if (!*more)
		return OK;
	ret->serial = db_blob(q, 0);
	event_read(q, 1, ret);
	return OK;
}

RC authority_store_last(struct db *db, const char *ca, int64_t *last, int64_t *count)
{
	TRY(db_scalar(db, last, "SELECT coalesce(max(seq), 0) FROM revocation WHERE ca = $1",
	              DB_ARGS(DB_CSTR(ca))));
	return db_scalar(db, count, "SELECT count(*) FROM revocation WHERE " LISTED,
	                 DB_ARGS(DB_CSTR(ca), DB_INT(*last)));
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

static RC crl_read(struct db_rows *q, struct crl_row *ret)
{
	struct slice signature;

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

RC authority_store_crl_pair(struct db *db, const char *ca, struct crl_row *last, struct crl_row *before)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT number, this_update, next_update, last_seq, entries, sm3, signature FROM crl "
	             "WHERE ca = $1 ORDER BY number DESC LIMIT 2",
	             DB_ARGS(DB_CSTR(ca))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no CRL of %s yet", ca);
	TRY(crl_read(q, last));
	TRY(db_next(q, &row));
	*before = (struct crl_row){0};
	return row ? crl_read(q, before) : OK;
}

RC authority_store_crl_last(struct db *db, const char *ca, struct crl_row *ret)
{
	struct crl_row before;

	return authority_store_crl_pair(db, ca, ret, &before);
}

RC authority_store_last_seq(struct db *db, const char *ca, int64_t *last)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT seq FROM revocation WHERE ca = $1 ORDER BY seq DESC LIMIT 1",
	             DB_ARGS(DB_CSTR(ca))));
	TRY(db_next(q, &row));
	*last = row ? db_int(q, 0) : 0;
	return OK;
}

static RC each_serial(struct db_rows *q, struct rc (*each)(void *arg, struct slice serial), void *arg)
{
	bool row;

	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_blob(q, 0)));
	}
}

#define NOT_FOLLOWED "NOT EXISTS (SELECT 1 FROM revocation f WHERE f.follows = r.seq AND f.seq <= $2)"

/* Those that ended between the two lists, and those that were taken between them and had ended before. */
static RC each_ended(struct db *db, const char *ca, const struct crl_row *base, const struct crl_row *before,
                     struct rc (*each)(void *arg, struct slice serial), void *arg)
{
	AUTO(db_rows, ended, NULL);
	AUTO(db_rows, late, NULL);

	TRY(db_query(db, &ended,
	             "SELECT serial FROM revocation r WHERE ca = $1 AND seq <= $2 AND event <> 2 "
	             "AND expires IS NOT NULL AND expires >= $3 AND expires < $4 AND " NOT_FOLLOWED,
	             DB_ARGS(DB_CSTR(ca), DB_INT(base->last_seq), DB_INT(before->this_update),
	                     DB_INT(base->this_update))));
	TRY(each_serial(ended, each, arg));
	TRY(db_query(db, &late,
	             "SELECT serial FROM revocation r WHERE ca = $1 AND seq <= $2 AND seq > $3 "
	             "AND event <> 2 AND expires IS NOT NULL AND expires < $4 AND " NOT_FOLLOWED,
	             DB_ARGS(DB_CSTR(ca), DB_INT(base->last_seq), DB_INT(before->last_seq),
	                     DB_INT(before->this_update))));
	return each_serial(late, each, arg);
}

RC authority_store_gone(struct db *db, const char *ca, int64_t last, const struct crl_row *base,
                        const struct crl_row *before, struct rc (*each)(void *arg, struct slice serial),
                        void *arg)
{
	AUTO(db_rows, followed, NULL);

	TRY(db_query(db, &followed,
	             "SELECT o.serial FROM revocation n JOIN revocation o ON o.seq = n.follows "
	             "WHERE n.ca = $1 AND n.seq > $2 AND n.seq <= $3 AND o.seq <= $2 AND o.event <> 2 "
	             "AND (o.expires IS NULL OR o.expires >= $4 OR o.seq > $5)",
	             DB_ARGS(DB_CSTR(ca), DB_INT(base->last_seq), DB_INT(last), DB_INT(before->this_update),
	                     DB_INT(before->last_seq))));
	TRY(each_serial(followed, each, arg));
	return each_ended(db, ca, base, before, each, arg);
}
