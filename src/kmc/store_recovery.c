/* Recovery cases (migrations/kmc/002_recovery.sql). */
#include "kmc/recovery.h"

#define CASE_COLUMNS "id, organisation, ca, spki, at, statement, review"

static RC copy_text(struct slice s, char *ret, size_t size)
{
	NEED(s.len < size, RC_BUG, "a stored text of %zu bytes", s.len);
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC case_read(struct db_rows *q, struct kmc_case *c)
{
	*c = (struct kmc_case){.at = db_int(q, 4), .statement = db_blob(q, 5), .review = db_blob(q, 6)};
	TRY(copy_text(db_text(q, 0), c->id, sizeof(c->id)));
	TRY(copy_text(db_text(q, 1), c->organisation, sizeof(c->organisation)));
	TRY(db_bytes(q, 2, c->ca, sizeof(c->ca)));
	return db_bytes(q, 3, c->spki, sizeof(c->spki));
}

RC kmc_store_case_put(struct db *db, const struct kmc_case *c)
{
	return db_run(db, NULL,
	              "INSERT INTO recovery (id, organisation, ca, spki, at, statement, review) "
	              "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
	              DB_ARGS(DB_CSTR(c->id), DB_CSTR(c->organisation), DB_BLOB(SLICE_ARR(c->ca)),
	                      DB_BLOB(SLICE_ARR(c->spki)), DB_INT(c->at), DB_BLOB(c->statement),
	                      DB_BLOB(c->review)));
}

RC kmc_store_case(struct db *db, const char *id, struct kmc_case *ret, struct buf *statement,
                  struct buf *review)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " CASE_COLUMNS " FROM recovery WHERE id = $1", DB_ARGS(DB_CSTR(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such recovery case");
	TRY(case_read(q, ret));
	if (statement != NULL) {
		buf_add(statement, ret->statement);
		buf_add(review, ret->review);
		TRY(buf_done(statement));
		TRY(buf_done(review));
	}
	ret->statement = ret->review = SLICE_NONE;
	return OK;
}

RC kmc_store_case_each(struct db *db, size_t limit, struct rc (*each)(void *arg, const struct kmc_case *c),
                       void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " CASE_COLUMNS " FROM recovery ORDER BY at DESC, id LIMIT $1",
	             DB_ARGS(DB_INT(limit))));
	for (;;) {
		struct kmc_case c;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(case_read(q, &c));
		TRY(each(arg, &c));
	}
}

RC kmc_store_case_for(struct db *db, const uint8_t ca[32], const uint8_t spki[32],
                      struct rc (*each)(void *arg, const char *id), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT id FROM recovery WHERE ca = $1 AND spki = $2 ORDER BY at DESC, id",
	             DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(slice_of(spki, 32)))));
	for (;;) {
		char id[RECOVERY_ID + 1];

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(copy_text(db_text(q, 0), id, sizeof(id)));
		TRY(each(arg, id));
	}
}

RC kmc_store_decision_put(struct db *db, const char *id, const struct kmc_decision *d)
{
	int64_t same, changed = 0;

	TRY(db_run(db, &changed,
	           "INSERT INTO recovery_decision (recovery, person, approve, statement, at) "
	           "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (recovery, person) DO NOTHING",
	           DB_ARGS(DB_CSTR(id), DB_CSTR(d->person), DB_INT(d->approve), DB_BLOB(d->statement),
	                   DB_INT(d->at))));
	if (changed == 1)
		return OK;
	TRY(db_scalar(
	        db, &same,
	        "SELECT count(*) FROM recovery_decision WHERE recovery = $1 AND person = $2 AND approve = $3",
	        DB_ARGS(DB_CSTR(id), DB_CSTR(d->person), DB_INT(d->approve))));
	NEED(same == 1, RC_CONFLICT, "this person has decided otherwise on the case");
	return OK;
}

RC kmc_store_decision_each(struct db *db, const char *id,
                           struct rc (*each)(void *arg, const struct kmc_decision *d), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT person, approve, at, statement FROM recovery_decision WHERE recovery = $1 "
	             "ORDER BY at, person",
	             DB_ARGS(DB_CSTR(id))));
	for (;;) {
		struct kmc_decision d;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		d = (struct kmc_decision){
		        .approve = db_int(q, 1) != 0, .at = db_int(q, 2), .statement = db_blob(q, 3)};
		TRY(copy_text(db_text(q, 0), d.person, sizeof(d.person)));
		TRY(each(arg, &d));
	}
}

RC kmc_store_recovered(struct db *db, const uint8_t ca[32], struct slice serial, const char *id, int64_t at)
{
	return db_run(db, NULL,
	              "INSERT INTO recovered (ca, serial, recovery, at) VALUES ($1, $2, $3, $4) "
	              "ON CONFLICT (ca, serial, recovery) DO NOTHING",
	              DB_ARGS(DB_BLOB(slice_of(ca, 32)), DB_BLOB(serial), DB_CSTR(id), DB_INT(at)));
}

RC kmc_store_recovered_count(struct db *db, int64_t *ret)
{
	return db_scalar(db, ret, "SELECT count(*) FROM recovered", DB_NOARGS);
}
