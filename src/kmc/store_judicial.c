/* Judicial orders (migrations/kmc/003_judicial.sql). */
#include "kmc/judicial.h"

static RC order_text(struct slice s, char *ret, size_t size)
{
	NEED(s.len < size, RC_BUG, "a stored text of %zu bytes", s.len);
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

RC kmc_store_order_put(struct db *db, const struct kmc_order *o)
{
	return db_run(db, NULL,
	              "INSERT INTO judicial (id, ca, person, statement, at) VALUES ($1, $2, $3, $4, $5) "
	              "ON CONFLICT (id) DO NOTHING",
	              DB_ARGS(DB_CSTR(o->id), DB_BLOB(SLICE_ARR(o->ca)), DB_CSTR(o->person),
	                      DB_BLOB(o->statement), DB_INT(o->at)));
}

RC kmc_store_order(struct db *db, const char *id, struct kmc_order *ret, struct buf *statement)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT ca, person, at, statement FROM judicial WHERE id = $1",
	             DB_ARGS(DB_CSTR(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such judicial order");
	*ret = (struct kmc_order){.at = db_int(q, 2)};
	memcpy(ret->id, id, sizeof(ret->id));
	TRY(db_bytes(q, 0, ret->ca, sizeof(ret->ca)));
	TRY(order_text(db_text(q, 1), ret->person, sizeof(ret->person)));
	buf_add(statement, db_blob(q, 3));
	return buf_done(statement);
}

RC kmc_store_order_decision_put(struct db *db, const char *id, const struct kmc_decision *d)
{
	int64_t same, changed = 0;

	TRY(db_run(db, &changed,
	           "INSERT INTO judicial_decision (judicial, person, approve, statement, at) "
	           "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (judicial, person) DO NOTHING",
	           DB_ARGS(DB_CSTR(id), DB_CSTR(d->person), DB_INT(d->approve), DB_BLOB(d->statement),
	                   DB_INT(d->at))));
	if (changed == 1)
		return OK;
	TRY(db_scalar(
	        db, &same,
	        "SELECT count(*) FROM judicial_decision WHERE judicial = $1 AND person = $2 AND approve = $3",
	        DB_ARGS(DB_CSTR(id), DB_CSTR(d->person), DB_INT(d->approve))));
	NEED(same == 1, RC_CONFLICT, "this person has decided otherwise on the order");
	return OK;
}

RC kmc_store_order_decision_each(struct db *db, const char *id,
                                 struct rc (*each)(void *arg, const struct kmc_decision *d), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT person, approve, at, statement FROM judicial_decision WHERE judicial = $1 "
	             "ORDER BY at, person",
	             DB_ARGS(DB_CSTR(id))));
	for (;;) {
		struct kmc_decision d;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		d = (struct kmc_decision){
		        .approve = db_int(q, 1) != 0, .at = db_int(q, 2), .statement = db_blob(q, 3)};
		TRY(order_text(db_text(q, 0), d.person, sizeof(d.person)));
		TRY(each(arg, &d));
	}
}
