#include "ra/notice.h"

#include "base/clock.h"
#include "base/text.h"
#include "http/mail.h"
#include "pki/identity_number.h"

#define ADDRESS_MAX 255

enum mail_state { MAIL_WAITING, MAIL_SENT, MAIL_FAILED };

RC ra_notice(struct db_tx *tx, const struct notice *n)
{
	return db_run(tx->db, NULL,
	              "INSERT INTO notice(kind, addressee, recipient, subject, zh, en, at, mail) "
	              "VALUES($1, $2, $3, $4, $5, $6, $7, $8)",
	              DB_ARGS(DB_CSTR(n->kind), DB_INT(n->to), DB_CSTR(n->recipient), DB_CSTR(n->subject),
	                      DB_CSTR(n->zh), DB_CSTR(n->en), DB_INT(clock_now()), DB_INT(MAIL_WAITING)));
}

/* ---- reading them ---- */

static const char *const addressees[NOTICE_TOS] = {
        [NOTICE_ENTITY] = "entity", [NOTICE_PERSON] = "person", [NOTICE_DEPARTMENT] = "department"};
static const char *const mails[] = {
        [MAIL_WAITING] = "waiting", [MAIL_SENT] = "sent", [MAIL_FAILED] = "undeliverable"};

static RC add_row(struct db_rows *r, bool english, json_t *list)
{
	json_t *o = json_object();
	int64_t to = db_int(r, 2), mail = db_int(r, 7);

	json_put_int(o, "id", db_int(r, 0));
	json_put_text(o, "kind", db_text(r, 1));
	json_put_cstr(o, "to", to >= 0 && to < NOTICE_TOS ? addressees[to] : "?");
	json_put_text(o, "recipient", db_text(r, 3));
	json_put_text(o, "subject", db_text(r, 4));
	json_put_text(o, "text", db_text(r, english ? 9 : 5));
	json_put_time(o, "at", db_int(r, 6));
	json_put_cstr(o, "mail", mail >= MAIL_WAITING && mail <= MAIL_FAILED ? mails[mail] : "?");
	if (!db_is_null(r, 8))
		json_put_time(o, "sent_at", db_int(r, 8));
	NEED(o != NULL && json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

struct reading {
	int64_t after, limit, last;
	struct slice to;
};

static RC read_rows(struct db *db, struct reading *v, bool english, json_t *list)
{
	AUTO(db_rows, r, NULL);
	bool row;

	TRY(db_query(db, &r,
	             "SELECT id, kind, addressee, recipient, subject, zh, at, mail, sent_at, en FROM notice "
	             "WHERE id > $1 AND ($2 IS NULL OR recipient = $2) ORDER BY id LIMIT $3",
	             DB_ARGS(DB_INT(v->after), v->to.len > 0 ? DB_TEXT(v->to) : DB_NULL, DB_INT(v->limit))));
	for (;;) {
		TRY(db_next(r, &row));
		if (!row)
			return OK;
		v->last = db_int(r, 0);
		TRY(add_row(r, english, list));
	}
}

#define SEES_ALL                                                                                             \
	(OFFICER(ENTRY) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(CA_OPERATOR) | OFFICER(INSTITUTION))

RC ra_notices(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct reading v = {.limit = 100};
	json_t *list = json_array();

	json_put_take(o, "notices", list);
	TRY(request_query_only(q, "to", "after", "limit", NULL));
	TRY(request_query_int(q, "after", 0, INT64_MAX, &v.after));
	TRY(request_query_int(q, "limit", 1, NOTICE_LIST_MAX, &v.limit));
	(void)request_query(q, "to", &v.to);
	if (!(q->peer->roles & SEES_ALL)) {
		NEED(q->peer->person[0] != '\0', RC_DENIED, "notices are read by persons");
		REQUIRE(v.to.len == 0 || slice_is(v.to, q->peer->person), NOT_YOURS, "notices to another");
		v.to = slice_text(q->peer->person);
	}
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(read_rows(lease->db, &v, q->english, list));
	if ((int64_t)json_array_size(list) == v.limit)
		json_put_int(o, "cursor", v.last);
	*ret = MOVE(o);
	return OK;
}

/* ---- mail ---- */

struct mailing {
	struct ra *ra;
	int64_t id;
	enum notice_to to;
	char recipient[128], address[ADDRESS_MAX + 1];
	struct buf subject, text;
	enum mail_state state;
};

static void mailing_free(struct mailing *m)
{
	if (m == NULL)
		return;
	buf_free(&m->subject);
	buf_free(&m->text);
	mem_free(m);
}
DROP(mailing, mailing_free);

int64_t ra_mail_due(void *arg, int64_t last)
{
	struct instance *in = arg;
	AUTO(db_lease, lease, NULL);
	int64_t n = 0;

	(void)last;
	if (instance_config(in)->mail_url == NULL || !rc_ok(db_pool_lease(instance_readers(in), &lease)) ||
	    !rc_ok(db_scalar(lease->db, &n,
	                     "SELECT count(*) FROM (SELECT 1 FROM notice WHERE mail = 0 LIMIT 1)",
	                     DB_NOARGS)))
		return INT64_MAX;
	return n > 0 ? clock_now() : INT64_MAX;
}

/* The address in the newest application that has one. */
static RC holder_address(struct db *db, struct mailing *m)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	AUTO(db_rows, r, NULL);
	const char *mail;
	bool row;

	TRY(db_query(db, &r,
	             "SELECT b.statement FROM application a JOIN application_body b ON b.application = a.seq "
	             "WHERE a.entity = $1 ORDER BY a.seq DESC LIMIT 1",
	             DB_ARGS(DB_CSTR(m->recipient))));
	TRY(db_next(r, &row));
	if (!row || db_blob(r, 0).len == 0)
		return OK;
	buf_add(&der, db_blob(r, 0));
	TRY(buf_done(&der));
	TRY(statement_open(buf_slice(&der), &s));
	mail = json_string_value(json_object_get(json_object_get(s->body, "identity"), "email"));
	if (mail != NULL && mail_sound(slice_text(mail)))
		(void)snprintf(m->address, sizeof(m->address), "%s", mail);
	return OK;
}

/* Who has no address of his own is told by the office. */
static RC find_address(struct db *db, struct mailing *m)
{
	const char *office = instance_config(m->ra->in)->mail_office;

	if (m->to == NOTICE_ENTITY)
		TRY(holder_address(db, m));
	if (m->address[0] == '\0' && office != NULL)
		(void)snprintf(m->address, sizeof(m->address), "%s", office);
	return OK;
}

static RC next_mail(struct db *db, struct mailing *m, bool *found)
{
	AUTO(db_rows, r, NULL);

	TRY(db_query(
	        db, &r,
	        "SELECT id, addressee, recipient, subject, zh, en FROM notice WHERE mail = 0 AND id > $1 "
	        "ORDER BY id LIMIT 1",
	        DB_ARGS(DB_INT(m->id))));
	TRY(db_next(r, found));
	if (!*found)
		return OK;
	m->id = db_int(r, 0);
	m->to = (enum notice_to)db_int(r, 1);
	m->address[0] = '\0';
	(void)snprintf(m->recipient, sizeof(m->recipient), "%.*s", (int)db_text(r, 2).len,
	               (const char *)db_text(r, 2).p);
	buf_clear(&m->subject);
	buf_clear(&m->text);
	buf_printf(&m->subject, "%.*s", (int)db_text(r, 3).len, (const char *)db_text(r, 3).p);
	buf_add(&m->text, db_text(r, 4));
	buf_text(&m->text, "\r\n\r\n");
	buf_add(&m->text, db_text(r, 5));
	buf_text(&m->text, "\r\n");
	return buf_done(&m->text);
}

static struct rc mail_note(struct db_tx *tx, void *arg)
{
	struct mailing *m = arg;

	return db_run(tx->db, NULL, "UPDATE notice SET mail = $1, sent_at = $2 WHERE id = $3 AND mail = 0",
	              DB_ARGS(DB_INT(m->state), m->state == MAIL_SENT ? DB_INT(clock_now()) : DB_NULL,
	                      DB_INT(m->id)));
}

/* One that nobody will ever take is marked and told of; the others go on. */
static RC send_one(struct mailing *m)
{
	const struct instance_config *c = instance_config(m->ra->in);
	struct rc rc;

	m->state = MAIL_SENT;
	if (m->address[0] == '\0')
		rc = rc_fail(RC_INPUT, "the recipient has no address");
	else
		rc = mail_send(&(struct mail){.url = c->mail_url,
		                              .from = c->mail_from,
		                              .to = m->address,
		                              .subject = buf_cstr(&m->subject),
		                              .text = buf_cstr(&m->text)});
	if (rc.code == RC_INPUT) {
		m->state = MAIL_FAILED;
		instance_alarm(m->ra->in, "notice-undeliverable", slice_text(m->recipient), rc_last()->text);
		rc = OK;
	}
	TRY(rc);
	return writer_run(instance_writer(m->ra->in), mail_note, m);
}

/* Mail is sent at least once: a stop between sending and the note repeats it. */
struct rc ra_mail_run(void *arg, int64_t due)
{
	AUTO(mailing, m, mem_new(1, sizeof(*m)));
	bool found = true;

	(void)due;
	NEED(m != NULL, RC_NOMEM, "no memory");
	m->ra = instance_state(arg);
	m->subject = BUF(256);
	m->text = BUF(2 * NOTICE_TEXT_MAX + 64);
	for (size_t i = 0; i < NOTICE_MAILS && found && !instance_ending(arg); i++) {
		AUTO(db_lease, lease, NULL);

		TRY(db_pool_lease(instance_readers(arg), &lease));
		TRY(next_mail(lease->db, m, &found));
		if (found)
			TRY(find_address(lease->db, m));
		db_lease_free(MOVE(lease));
		if (found)
			TRY(send_one(m));
	}
	return OK;
}
