#include "ra/batch.h"

static RC take(struct db_rows *q, unsigned n, char *ret, size_t size)
{
	struct slice s = db_text(q, n);

	NEED(s.len < size, RC_BUG, "ra: column %u holds %zu bytes", n, s.len);
	if (s.len > 0)
		memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

#define COLUMNS "id, sm3, name, lines, state, by, at"

static RC read_batch(struct db_rows *q, struct batch *b)
{
	*b = (struct batch){
	        .lines = db_int(q, 3), .state = (enum batch_state)db_int(q, 4), .at = db_int(q, 6)};
	TRY(take(q, 0, b->id, sizeof(b->id)));
	TRY(db_bytes(q, 1, b->sm3, sizeof(b->sm3)));
	TRY(take(q, 2, b->name, sizeof(b->name)));
	return take(q, 5, b->by, sizeof(b->by));
}

RC ra_store_batch_put(struct db *db, const struct batch *b)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO batch(id, sm3, name, lines, state, by, at) VALUES($1, $2, $3, $4, $5, $6, $7)",
	        DB_ARGS(DB_CSTR(b->id), DB_BLOB(SLICE_ARR(b->sm3)), DB_CSTR(b->name), DB_INT(b->lines),
	                DB_INT(b->state), DB_CSTR(b->by), DB_INT(b->at)));
}

RC ra_store_batch(struct db *db, const char *id, struct batch *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " COLUMNS " FROM batch WHERE id = $1", DB_ARGS(DB_CSTR(id))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such batch");
	return read_batch(q, ret);
}

RC ra_store_batch_file(struct db *db, const uint8_t sm3[32], const char *by, struct batch *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT " COLUMNS " FROM batch WHERE sm3 = $1 AND by = $2 AND state = $3",
	             DB_ARGS(DB_BLOB(slice_of(sm3, 32)), DB_CSTR(by), DB_INT(BATCH_OPEN))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such batch");
	return read_batch(q, ret);
}

/* ---- lines ---- */

RC ra_store_line_put(struct db *db, const char *batch, const struct batch_line *l)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO batch_line(batch, line, application, code, text) VALUES($1, $2, $3, $4, $5) "
	        "ON CONFLICT DO NOTHING",
	        DB_ARGS(DB_CSTR(batch), DB_INT(l->line),
	                l->application != 0 ? DB_INT(l->application) : DB_NULL,
	                l->application != 0 ? DB_NULL : DB_CSTR(l->code),
	                l->application != 0 ? DB_NULL : DB_CSTR(l->text)));
}

RC ra_store_line(struct db *db, const char *batch, int64_t line, char id[RA_ID + 1], struct buf *code)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT a.id, l.code FROM batch_line l LEFT JOIN application a ON a.seq = l.application "
	             "WHERE l.batch = $1 AND l.line = $2",
	             DB_ARGS(DB_CSTR(batch), DB_INT(line))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "line %lld was not sent yet", (long long)line);
	TRY(take(q, 0, id, RA_ID + 1));
	buf_add(code, db_text(q, 1));
	return buf_done(code);
}

RC ra_store_batch_progress(struct db *db, const char *batch, int64_t *done, int64_t *errors, int64_t *next)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_scalar(db, done, "SELECT count(*) FROM batch_line WHERE batch = $1", DB_ARGS(DB_CSTR(batch))));
	TRY(db_scalar(db, errors, "SELECT count(*) FROM batch_line WHERE batch = $1 AND application IS NULL",
	              DB_ARGS(DB_CSTR(batch))));
	/* the first gap; lines come nearly in order, so the walk is short */
	TRY(db_query(db, &q,
	             "SELECT l.line FROM batch_line l WHERE l.batch = $1 AND NOT EXISTS (SELECT 1 FROM "
	             "batch_line n "
	             "WHERE n.batch = $1 AND n.line = l.line + 1) ORDER BY l.line LIMIT 1",
	             DB_ARGS(DB_CSTR(batch))));
	TRY(db_next(q, &row));
	*next = row ? db_int(q, 0) + 1 : 1;
	return OK;
}

RC ra_store_batch_counts(struct db *db, const char *batch, int64_t counts[APPLICATION_STATES])
{
	AUTO(db_rows, q, NULL);
	bool row;

	memset(counts, 0, APPLICATION_STATES * sizeof(counts[0]));
	TRY(db_query(db, &q, "SELECT state, count(*) FROM application WHERE batch = $1 GROUP BY state",
	             DB_ARGS(DB_CSTR(batch))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		if (db_int(q, 0) > 0 && db_int(q, 0) < APPLICATION_STATES)
			counts[db_int(q, 0)] = db_int(q, 1);
	}
}

RC ra_store_batch_errors(struct db *db, const char *batch, int64_t after, size_t limit,
                         struct rc (*each)(void *arg, const struct batch_error *e), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT line, code, text FROM batch_line WHERE batch = $1 AND application IS NULL AND "
	             "line > $2 ORDER BY line LIMIT $3",
	             DB_ARGS(DB_CSTR(batch), DB_INT(after), DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct batch_error){db_int(q, 0), db_text(q, 1), db_text(q, 2)}));
	}
}

/* ---- cancelling ---- */

RC ra_store_batch_cancel(struct db *db, const char *batch, const char *by, int64_t at, int64_t *ret)
{
	static const enum application_state from[] = {APPLICATION_ENTERED, APPLICATION_HELD,
	                                              APPLICATION_RETURNED};
	enum application_state to;

	*ret = 0;
	TRY(db_run(db, NULL, "UPDATE batch SET state = $1 WHERE id = $2",
	           DB_ARGS(DB_INT(BATCH_CANCELLED), DB_CSTR(batch))));
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		int64_t n;

		TRY(application_next(from[i], APPLICATION_CANCEL, &to));
		TRY(db_run(db, NULL,
		           "INSERT INTO history(application, n, at, event, state, by, code, text) "
		           "SELECT a.seq, (SELECT count(*) FROM history h WHERE h.application = a.seq), $1, "
		           "$2, $3, "
		           "$4, '', '' FROM application a WHERE a.batch = $5 AND a.state = $6",
		           DB_ARGS(DB_INT(at), DB_CSTR(application_event_name(APPLICATION_CANCEL)),
		                   DB_INT(to), DB_CSTR(by), DB_CSTR(batch), DB_INT(from[i]))));
		TRY(db_run(db, &n, "UPDATE application SET state = $1 WHERE batch = $2 AND state = $3",
		           DB_ARGS(DB_INT(to), DB_CSTR(batch), DB_INT(from[i]))));
		*ret += n;
	}
	return OK;
}
