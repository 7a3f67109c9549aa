#include "base/clock.h"
#include "ra/notice.h"

RC ra_notice(struct db_tx *tx, const struct notice *n)
{
	return db_run(tx->db, NULL,
	              "INSERT INTO notice(kind, addressee, recipient, subject, zh, en, at, mail) "
	              "VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
	              DB_ARGS(DB_CSTR(n->kind), DB_INT(n->to), DB_CSTR(n->recipient), DB_CSTR(n->subject),
	                      DB_CSTR(n->zh), DB_CSTR(n->en), DB_INT(clock_now()), DB_INT(MAIL_WAITING)));
}

RC ra_store_notices(struct db *db, const struct notice_filter *f,
                    struct rc (*each)(void *arg, const struct notice_row *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "SELECT id, kind, addressee, recipient, subject, zh, en, at, mail, sent_at FROM notice "
	             "WHERE id > $1 AND (recipient = $2 OR $2 IS NULL) AND ($3 = 0 OR mail = 0) "
	             "ORDER BY id LIMIT $4",
	             DB_ARGS(DB_INT(f->after), f->to.len > 0 ? DB_TEXT(f->to) : DB_NULL, DB_INT(f->waiting),
	                     DB_INT(f->limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		TRY(each(arg, &(struct notice_row){.id = db_int(q, 0),
		                                   .kind = db_text(q, 1),
		                                   .to = (enum notice_to)db_int(q, 2),
		                                   .recipient = db_text(q, 3),
		                                   .subject = db_text(q, 4),
		                                   .zh = db_text(q, 5),
		                                   .en = db_text(q, 6),
		                                   .at = db_int(q, 7),
		                                   .mail = (enum mail_state)db_int(q, 8),
		                                   .sent_at = db_int(q, 9)}));
	}
}

RC ra_store_mail_waiting(struct db *db, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT count(*) FROM (SELECT 1 FROM notice WHERE mail = 0 LIMIT 1) AS w",
	              DB_NOARGS));
	*ret = n > 0;
	return OK;
}

RC ra_store_mail_note(struct db *db, int64_t id, enum mail_state state, int64_t at)
{
	return db_run(db, NULL, "UPDATE notice SET mail = $1, sent_at = $2 WHERE id = $3 AND mail = 0",
	              DB_ARGS(DB_INT(state), state == MAIL_SENT ? DB_INT(at) : DB_NULL, DB_INT(id)));
}

RC ra_store_newest_statement(struct db *db, const char *entity, struct buf *ret)
{
	AUTO(db_rows, r, NULL);
	bool row;

	TRY(db_query(db, &r,
	             "SELECT b.statement FROM application a JOIN application_body b ON b.application = a.seq "
	             "WHERE a.entity = $1 ORDER BY a.seq DESC LIMIT 1",
	             DB_ARGS(DB_CSTR(entity))));
	TRY(db_next(r, &row));
	return row ? db_sealed(r, 0, ret) : OK;
}
