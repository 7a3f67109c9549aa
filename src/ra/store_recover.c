/* Recovery cases at the RA (migrations/ra/021_recovery.sql). */
#include "ra/recover.h"

#define RECOVERY_COLUMNS "id, state, entity, ca, spki, entry, review, at, statement, decision"

static RC copy_text(struct slice s, char *ret, size_t size)
{
	NEED(s.len < size, RC_BUG, "ra: a stored text of %zu bytes", s.len);
	if (s.len > 0)
		memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC recovery_row(struct db_rows *q, struct ra_recovery *r)
{
	*r = (struct ra_recovery){.state = (enum ra_recovery_state)db_int(q, 1), .at = db_int(q, 7)};
	TRY(copy_text(db_text(q, 0), r->id, sizeof(r->id)));
	TRY(copy_text(db_text(q, 2), r->entity, sizeof(r->entity)));
	TRY(copy_text(db_text(q, 3), r->ca, sizeof(r->ca)));
	TRY(copy_text(db_text(q, 5), r->entry, sizeof(r->entry)));
	TRY(copy_text(db_text(q, 6), r->review, sizeof(r->review)));
	return db_bytes(q, 4, r->spki, sizeof(r->spki));
}

RC ra_store_recovery_put(struct db *db, const struct ra_recovery *r, struct slice statement)
{
	return db_run(db, NULL,
	              "INSERT INTO recovery(id, state, entity, ca, spki, entry, statement, at) "
	              "VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT(id) DO NOTHING",
	              DB_ARGS(DB_CSTR(r->id), DB_INT(r->state), DB_CSTR(r->entity), DB_CSTR(r->ca),
	                      DB_BLOB(SLICE_ARR(r->spki)), DB_CSTR(r->entry), DB_SEALED(statement),
	                      DB_INT(r->at)));
}

RC ra_store_recovery(struct db *db, const char *id, struct ra_recovery *ret, struct buf *statement,
                     struct buf *decision)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " RECOVERY_COLUMNS " FROM recovery WHERE id = $1",
	             DB_ARGS(DB_CSTR(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such recovery case");
	TRY(recovery_row(q, ret));
	if (statement == NULL)
		return OK;
	TRY(db_sealed(q, 8, statement));
	return db_sealed(q, 9, decision);
}

RC ra_store_recovery_each(struct db *db, size_t limit,
                          struct rc (*each)(void *arg, const struct ra_recovery *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " RECOVERY_COLUMNS " FROM recovery ORDER BY at DESC, id LIMIT $1",
	             DB_ARGS(DB_INT(limit))));
	for (;;) {
		struct ra_recovery r;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(recovery_row(q, &r));
		TRY(each(arg, &r));
	}
}

RC ra_store_recovery_decide(struct db *db, const char *id, enum ra_recovery_state to, const char *review,
                            struct slice decision)
{
	int64_t changed = 0;

	TRY(db_run(db, &changed,
	           "UPDATE recovery SET state = $2, review = $3, decision = $4 WHERE id = $1 AND state = $5",
	           DB_ARGS(DB_CSTR(id), DB_INT(to), DB_CSTR(review), DB_BLOB(decision),
	                   DB_INT(RECOVERY_REQUESTED))));
	NEED(changed == 1, RC_CONFLICT, "the case is decided already");
	return OK;
}

RC ra_store_recovery_release(struct db *db, const char *id)
{
	return db_run(db, NULL, "UPDATE recovery SET state = $2 WHERE id = $1 AND state = $3",
	              DB_ARGS(DB_CSTR(id), DB_INT(RECOVERY_RELEASED), DB_INT(RECOVERY_APPROVED)));
}

RC ra_store_recovered_put(struct db *db, const char *id, struct slice serial, struct slice envelope)
{
	return db_run(db, NULL,
	              "INSERT INTO recovered_key(recovery, serial, envelope) VALUES($1, $2, $3) ON CONFLICT "
	              "DO NOTHING",
	              DB_ARGS(DB_CSTR(id), DB_BLOB(serial), DB_BLOB(envelope)));
}

RC ra_store_recovered_each(struct db *db, const char *id,
                           struct rc (*each)(void *arg, struct slice serial, struct slice envelope),
                           void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT serial, envelope FROM recovered_key WHERE recovery = $1 ORDER BY serial",
	             DB_ARGS(DB_CSTR(id))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_blob(q, 0), db_blob(q, 1)));
	}
}

RC ra_store_recovered_for(struct db *db, const uint8_t spki[32], struct rc (*each)(void *arg, const char *id),
                          void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT id FROM recovery WHERE spki = $1 AND state = $2 ORDER BY at, id",
	             DB_ARGS(DB_BLOB(slice_of(spki, 32)), DB_INT(RECOVERY_RELEASED))));
	for (;;) {
		char id[RECOVERY_ID + 1];

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(copy_text(db_text(q, 0), id, sizeof(id)));
		TRY(each(arg, id));
	}
}

RC ra_store_encryption_each(struct db *db, const char *ca, const char *entity,
                            struct rc (*each)(void *arg, struct slice serial, struct slice der), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT c.serial, c.der FROM certificate c JOIN application a ON a.seq = c.application "
	             "WHERE c.ca = $1 AND a.entity = $2 AND c.part = $3 ORDER BY a.seq",
	             DB_ARGS(DB_CSTR(ca), DB_CSTR(entity), DB_INT(RA_ENCRYPT))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_blob(q, 0), db_blob(q, 1)));
	}
}

RC ra_store_encryption(struct db *db, const char *ca, struct slice serial, struct buf *der)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT der FROM certificate WHERE ca = $1 AND serial = $2 AND part = $3",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial), DB_INT(RA_ENCRYPT))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such encryption certificate");
	buf_add(der, db_blob(q, 0));
	return buf_done(der);
}
