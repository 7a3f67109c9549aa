#include "ra/store.h"

#include "base/text.h"
#include "ra/source.h"

/* Text column into an array; what does not fit was never written here. */
static RC take_text(struct db_rows *q, unsigned n, char *ret, size_t size)
{
	struct slice s = db_text(q, n);

	NEED(s.len < size, RC_BUG, "ra: column %u holds %zu bytes", n, s.len);
	if (s.len > 0)
		memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

static RC row_wanted(bool row, const char *what)
{
	NEED(row, RC_NOTFOUND, "there is no such %s", what);
	return OK;
}

/* ---- entities ---- */

RC ra_store_entity(struct db *db, const uint8_t mark[32], const char *kind, int64_t at, const char *proposed,
                   char id[RA_UUID + 1])
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_run(db, NULL,
	           "INSERT INTO entity(id, mark, kind, at) VALUES($1, $2, $3, $4) ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_CSTR(proposed), DB_BLOB(slice_of(mark, 32)), DB_CSTR(kind), DB_INT(at))));
	TRY(db_query(db, &q, "SELECT id FROM entity WHERE mark = $1", DB_ARGS(DB_BLOB(slice_of(mark, 32)))));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "ra: the entity is not there");
	return take_text(q, 0, id, RA_UUID + 1);
}

/* ---- evidence ---- */

RC ra_store_evidence_put(struct db *db, const struct ra_evidence *e, const char *by, int64_t at)
{
	return db_run(db, NULL,
	              "INSERT INTO evidence(sm3, type, size, by, at) VALUES($1, $2, $3, $4, $5) ON CONFLICT "
	              "DO NOTHING",
	              DB_ARGS(DB_BLOB(SLICE_ARR(e->sm3)), DB_CSTR(e->type), DB_INT(e->size), DB_CSTR(by),
	                      DB_INT(at)));
}

RC ra_store_evidence_has(struct db *db, const struct ra_evidence *e, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT count(*) FROM evidence WHERE sm3 = $1 AND type = $2 AND size = $3",
	              DB_ARGS(DB_BLOB(SLICE_ARR(e->sm3)), DB_CSTR(e->type), DB_INT(e->size))));
	*ret = n > 0;
	return OK;
}

/* ---- applications ---- */

#define COLUMNS                                                                                              \
	"seq, id, hash, state, profile, class, authority, entity, subject, spki, possession, days, "         \
	"days_max, "                                                                                         \
	"entry, review, decision, at, source, corrects, batch"

static RC read_application(struct db_rows *q, struct ra_application *a)
{
	*a = (struct ra_application){.seq = db_int(q, 0), .state = (enum application_state)db_int(q, 3)};
	TRY(take_text(q, 1, a->id, sizeof(a->id)));
	TRY(db_bytes(q, 2, a->hash, sizeof(a->hash)));
	TRY(take_text(q, 4, a->profile, sizeof(a->profile)));
	TRY(take_text(q, 5, a->class, sizeof(a->class)));
	TRY(take_text(q, 6, a->authority, sizeof(a->authority)));
	TRY(take_text(q, 7, a->entity, sizeof(a->entity)));
	TRY(take_text(q, 8, a->subject, sizeof(a->subject)));
	TRY(db_bytes(q, 9, a->spki, sizeof(a->spki)));
	a->possession = (int)db_int(q, 10);
	a->days = (int)db_int(q, 11);
	a->days_max = (int)db_int(q, 12);
	TRY(take_text(q, 13, a->entry, sizeof(a->entry)));
	TRY(take_text(q, 14, a->review, sizeof(a->review)));
	a->decided = !db_is_null(q, 15);
	if (a->decided)
		TRY(db_bytes(q, 15, a->decision, sizeof(a->decision)));
	a->at = db_int(q, 16);
	a->source = (int)db_int(q, 17);
	a->corrects = db_int(q, 18);
	return take_text(q, 19, a->batch, sizeof(a->batch));
}

static RC history_add(struct db *db, int64_t seq, int64_t at, enum application_event event,
                      enum application_state state, const struct ra_step *s)
{
	return db_run(db, NULL,
	              "INSERT INTO history(application, n, at, event, state, by, code, text) "
	              "SELECT $1, count(*), $2, $3, $4, $5, $6, $7 FROM history WHERE application = $1",
	              DB_ARGS(DB_INT(seq), DB_INT(at), DB_CSTR(application_event_name(event)), DB_INT(state),
	                      DB_CSTR(s->by), DB_CSTR(s->code), DB_CSTR(s->text)));
}

RC ra_store_enter(struct db *db, struct ra_application *a, struct slice statement)
{
	struct ra_step s = {.by = a->entry, .code = "", .text = ""};
	enum application_event event = a->state == APPLICATION_HELD ? APPLICATION_HOLD : APPLICATION_ENTER;
	enum application_state state;
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(application_next(APPLICATION_NONE, event, &state));
	TRY(db_query(
	        db, &q,
	        "INSERT INTO application(id, hash, state, profile, class, authority, entity, subject, spki, "
	        "possession, days, days_max, entry, at, source, corrects, batch) "
	        "VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
	        "RETURNING seq",
	        DB_ARGS(DB_CSTR(a->id), DB_BLOB(SLICE_ARR(a->hash)), DB_INT(state), DB_CSTR(a->profile),
	                DB_CSTR(a->class), DB_CSTR(a->authority), DB_CSTR(a->entity), DB_CSTR(a->subject),
	                DB_BLOB(SLICE_ARR(a->spki)), DB_INT(a->possession), DB_INT(a->days),
	                DB_INT(a->days_max), DB_CSTR(a->entry), DB_INT(a->at), DB_INT(a->source),
	                a->corrects != 0 ? DB_INT(a->corrects) : DB_NULL,
	                a->batch[0] != '\0' ? DB_CSTR(a->batch) : DB_NULL)));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "ra: no row was made");
	a->seq = db_int(q, 0);
	a->state = state;
	TRY(db_next(q, &row));
	TRY(db_run(db, NULL, "INSERT INTO application_body(application, statement) VALUES($1, $2)",
	           DB_ARGS(DB_INT(a->seq), DB_SEALED(statement))));
	return history_add(db, a->seq, a->at, event, state, &s);
}

RC ra_store_find(struct db *db, const char *id, struct ra_application *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " COLUMNS " FROM application WHERE id = $1", DB_ARGS(DB_CSTR(id))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "application"));
	return read_application(q, ret);
}

RC ra_store_find_hash(struct db *db, const uint8_t hash[32], struct ra_application *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " COLUMNS " FROM application WHERE hash = $1",
	             DB_ARGS(DB_BLOB(slice_of(hash, 32)))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "application"));
	return read_application(q, ret);
}

RC ra_store_key_used(struct db *db, const uint8_t spki[32], bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM application WHERE spki = $1 AND state NOT IN ($2, $3, $4)",
	              DB_ARGS(DB_BLOB(slice_of(spki, 32)), DB_INT(APPLICATION_REFUSED),
	                      DB_INT(APPLICATION_CORRECTED), DB_INT(APPLICATION_CANCELLED))));
	*ret = n > 0;
	return OK;
}

RC ra_store_each(struct db *db, const struct ra_filter *f,
                 struct rc (*each)(void *arg, const struct ra_application *a), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct ra_application a;
	bool row;

	if (f->state == APPLICATION_NONE)
		TRY(db_query(db, &q,
		             "SELECT " COLUMNS
		             " FROM application WHERE seq > $1 AND (entry = $2 OR $2 IS NULL) "
		             "ORDER BY seq LIMIT $3",
		             DB_ARGS(DB_INT(f->after), f->entry != NULL ? DB_CSTR(f->entry) : DB_NULL,
		                     DB_INT(f->limit))));
	else if (f->batch != NULL)
		TRY(db_query(
		        db, &q,
		        "SELECT " COLUMNS " FROM application WHERE batch = $1 AND state = $2 AND seq > $3 "
		        "ORDER BY seq LIMIT $4",
		        DB_ARGS(DB_CSTR(f->batch), DB_INT(f->state), DB_INT(f->after), DB_INT(f->limit))));
	else
		TRY(db_query(db, &q,
		             "SELECT " COLUMNS " FROM application WHERE state = $4 AND seq > $1 "
		             "AND (entry = $2 OR $2 IS NULL) ORDER BY seq LIMIT $3",
		             DB_ARGS(DB_INT(f->after), f->entry != NULL ? DB_CSTR(f->entry) : DB_NULL,
		                     DB_INT(f->limit), DB_INT(f->state))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(read_application(q, &a));
		TRY(each(arg, &a));
	}
}

RC ra_store_counts(struct db *db, int64_t counts[APPLICATION_STATES])
{
	AUTO(db_rows, q, NULL);
	bool row;

	memset(counts, 0, APPLICATION_STATES * sizeof(counts[0]));
	TRY(db_query(db, &q, "SELECT state, count(*) FROM application GROUP BY state", DB_NOARGS));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		if (db_int(q, 0) > 0 && db_int(q, 0) < APPLICATION_STATES)
			counts[db_int(q, 0)] = db_int(q, 1);
	}
}

RC ra_store_step(struct db *db, const struct ra_step *s)
{
	enum application_state to;
	int64_t changed;

	TRY(application_next(s->from, s->event, &to));
	TRY(db_run(db, &changed, "UPDATE application SET state = $1 WHERE seq = $2 AND state = $3",
	           DB_ARGS(DB_INT(to), DB_INT(s->seq), DB_INT(s->from))));
	REQUIRE(changed == 1, APPLICATION_STATE, "the application is not %s any more",
	        application_state_name(s->from));
	return history_add(db, s->seq, s->at, s->event, to, s);
}

RC ra_store_decision(struct db *db, int64_t seq, const char *review, const uint8_t hash[32],
                     struct slice statement)
{
	TRY(db_run(db, NULL, "UPDATE application SET review = $1, decision = $2 WHERE seq = $3",
	           DB_ARGS(DB_CSTR(review), DB_BLOB(slice_of(hash, 32)), DB_INT(seq))));
	return db_run(db, NULL, "UPDATE application_body SET decision = $1 WHERE application = $2",
	              DB_ARGS(DB_BLOB(statement), DB_INT(seq)));
}

RC ra_store_issued(struct db *db, int64_t seq, int64_t at, int64_t not_after)
{
	return db_run(db, NULL, "UPDATE application SET issued_at = $1, not_after = $2 WHERE seq = $3",
	              DB_ARGS(DB_INT(at), DB_INT(not_after), DB_INT(seq)));
}

RC ra_store_any(struct db *db, enum application_state state, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM (SELECT 1 FROM application WHERE state = $1 LIMIT 1) AS w",
	              DB_ARGS(DB_INT(state))));
	*ret = n > 0;
	return OK;
}

RC ra_store_source_answer(struct db *db, int64_t application, const struct source_answer *a)
{
	return db_run(db, NULL,
	              "INSERT INTO source_answer(application, at, result, record) VALUES($1, $2, $3, $4)",
	              DB_ARGS(DB_INT(application), DB_INT(a->at), DB_INT(a->result),
	                      DB_BLOB(SLICE_ARR(a->record))));
}

RC ra_store_source(struct db *db, int64_t seq, int source)
{
	return db_run(db, NULL, "UPDATE application SET source = $1 WHERE seq = $2",
	              DB_ARGS(DB_INT(source), DB_INT(seq)));
}

RC ra_store_same(struct db *db, const struct ra_application *a, int64_t now,
                 struct rc (*each)(void *arg, struct slice id), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT id FROM application a WHERE entity = $1 AND profile = $2 AND class = $3 AND "
	             "seq <> $4 AND (state IN ($5, $6, $7, $8, $9) OR (state IN ($10, $11) AND "
	             "(not_after IS NULL OR not_after > $12) AND NOT EXISTS (SELECT 1 FROM certificate c "
	             "JOIN revocation r ON r.ca = c.ca AND r.serial = c.serial "
	             "WHERE c.application = a.seq AND r.state < $13))) ORDER BY seq LIMIT 8",
	             DB_ARGS(DB_CSTR(a->entity), DB_CSTR(a->profile), DB_CSTR(a->class), DB_INT(a->corrects),
	                     DB_INT(APPLICATION_ENTERED), DB_INT(APPLICATION_HELD),
	                     DB_INT(APPLICATION_APPROVED), DB_INT(APPLICATION_PARTIAL),
	                     DB_INT(APPLICATION_RETURNED), DB_INT(APPLICATION_ISSUED),
	                     DB_INT(APPLICATION_ACCEPTED), DB_INT(now), DB_INT(RA_REVOCATION_REFUSED))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, db_text(q, 0)));
	}
}

RC ra_store_id(struct db *db, int64_t seq, char id[RA_ID + 1])
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT id FROM application WHERE seq = $1", DB_ARGS(DB_INT(seq))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "application"));
	return take_text(q, 0, id, RA_ID + 1);
}

RC ra_store_acceptance(struct db *db, int64_t seq, struct slice statement)
{
	return db_run(db, NULL, "UPDATE application_body SET acceptance = $1 WHERE application = $2",
	              DB_ARGS(DB_BLOB(statement), DB_INT(seq)));
}

RC ra_store_envelope(struct db *db, int64_t seq, struct slice envelope)
{
	return db_run(db, NULL, "UPDATE application_body SET envelope = $1 WHERE application = $2",
	              DB_ARGS(DB_BLOB(envelope), DB_INT(seq)));
}

RC ra_store_bodies(struct db *db, int64_t seq, const struct ra_bodies *ret)
{
	struct buf *const to[] = {ret->statement, ret->decision, ret->acceptance, ret->envelope};
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT statement, decision, acceptance, envelope FROM application_body WHERE "
	             "application = $1",
	             DB_ARGS(DB_INT(seq))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "application"));
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		if (to[i] != NULL)
			TRY(db_sealed(q, i, to[i]));
	}
	return OK;
}

RC ra_store_history(struct db *db, int64_t seq, struct rc (*each)(void *arg, const struct ra_event *e),
                    void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT at, state, event, by, code, text FROM history WHERE application = $1 ORDER BY n",
	             DB_ARGS(DB_INT(seq))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct ra_event){.at = db_int(q, 0),
		                                 .state = (enum application_state)db_int(q, 1),
		                                 .event = db_text(q, 2),
		                                 .by = db_text(q, 3),
		                                 .code = db_text(q, 4),
		                                 .text = db_text(q, 5)}));
	}
}

/* ---- certificates ---- */

RC ra_store_certificate_put(struct db *db, int64_t seq, const struct ra_certificate *c)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO certificate(ca, serial, application, part, der) VALUES($1, $2, $3, $4, $5) "
	        "ON CONFLICT(application, part) DO NOTHING",
	        DB_ARGS(DB_CSTR(c->ca), DB_BLOB(c->serial), DB_INT(seq), DB_INT(c->part), DB_BLOB(c->der)));
}

RC ra_store_certificate(struct db *db, int64_t seq, enum ra_part part, struct buf *serial, struct buf *der)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT serial, der FROM certificate WHERE application = $1 AND part = $2",
	             DB_ARGS(DB_INT(seq), DB_INT(part))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "certificate"));
	buf_add(serial, db_blob(q, 0));
	buf_add(der, db_blob(q, 1));
	TRY(buf_done(serial));
	return buf_done(der);
}

RC ra_store_owner(struct db *db, const char *ca, struct slice serial, char entity[RA_UUID + 1])
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT a.entity FROM certificate c JOIN application a ON a.seq = c.application "
	             "WHERE c.ca = $1 AND c.serial = $2",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "certificate"));
	return take_text(q, 0, entity, RA_UUID + 1);
}

/* ---- revocations ---- */

RC ra_store_revocation_put(struct db *db, const struct ra_revocation *r)
{
	return db_run(db, NULL,
	              "INSERT INTO revocation(hash, state, ca, serial, statement, by, at, revoked_at) "
	              "VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT(hash) DO NOTHING",
	              DB_ARGS(DB_BLOB(SLICE_ARR(r->hash)), DB_INT(r->state), DB_CSTR(r->ca),
	                      DB_BLOB(r->serial), DB_BLOB(r->statement), DB_CSTR(r->by), DB_INT(r->at),
	                      r->state == RA_REVOCATION_DONE ? DB_INT(r->revoked_at) : DB_NULL));
}

RC ra_store_revocation_next(struct db *db, struct ra_revocation *r, struct buf *statement)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT seq, hash, ca, by, at, statement FROM revocation WHERE state = $1 ORDER BY seq "
	             "LIMIT 1",
	             DB_ARGS(DB_INT(RA_REVOCATION_QUEUED))));
	TRY(db_next(q, &row));
	TRY(row_wanted(row, "revocation"));
	*r = (struct ra_revocation){.seq = db_int(q, 0), .state = RA_REVOCATION_QUEUED, .at = db_int(q, 4)};
	TRY(db_bytes(q, 1, r->hash, sizeof(r->hash)));
	TRY(take_text(q, 2, r->ca, sizeof(r->ca)));
	TRY(take_text(q, 3, r->by, sizeof(r->by)));
	buf_add(statement, db_blob(q, 5));
	return buf_done(statement);
}

RC ra_store_revocation_end(struct db *db, const uint8_t hash[32], enum ra_revocation_state state,
                           int64_t revoked_at, const char *code, const char *text)
{
	int64_t changed;

	TRY(db_run(db, &changed,
	           "UPDATE revocation SET state = $1, revoked_at = $2, code = $3, text = $4 WHERE hash = $5",
	           DB_ARGS(DB_INT(state), state == RA_REVOCATION_DONE ? DB_INT(revoked_at) : DB_NULL,
	                   DB_CSTR(code), DB_CSTR(text), DB_BLOB(slice_of(hash, 32)))));
	return row_wanted(changed == 1, "revocation");
}

RC ra_store_revocations_queued(struct db *db, int64_t *ret)
{
	return db_scalar(db, ret, "SELECT count(*) FROM revocation WHERE state = $1",
	                 DB_ARGS(DB_INT(RA_REVOCATION_QUEUED)));
}
