#include "ra/notice.h"

#include "base/clock.h"
#include "base/text.h"
#include "http/mail.h"
#include "pki/identity_number.h"

#define ADDRESS_MAX 255

/* ---- reading them ---- */

struct listing {
	json_t *list;
	bool english;
	int64_t last;
};
static const char *const addressees[NOTICE_TOS] = {
        [NOTICE_ENTITY] = "entity", [NOTICE_PERSON] = "person", [NOTICE_DEPARTMENT] = "department"};
static const char *const mails[] = {
        [MAIL_WAITING] = "waiting", [MAIL_SENT] = "sent", [MAIL_FAILED] = "undeliverable"};

static struct rc add_row(void *arg, const struct notice_row *r)
{
	json_t *o = json_object();
	struct listing *l = arg;

	l->last = r->id;
	json_put_int(o, "id", r->id);
	json_put_text(o, "kind", r->kind);
	json_put_cstr(o, "to", (size_t)r->to < NOTICE_TOS ? addressees[r->to] : "?");
	json_put_text(o, "recipient", r->recipient);
	json_put_text(o, "subject", r->subject);
	json_put_text(o, "text", l->english ? r->en : r->zh);
	json_put_time(o, "at", r->at);
	json_put_cstr(o, "mail", mails[r->mail]);
	if (r->mail == MAIL_SENT)
		json_put_time(o, "sent_at", r->sent_at);
	NEED(o != NULL && json_array_append_new(l->list, o) == 0, RC_NOMEM, "no memory");
	return json_put_result();
}

#define SEES_ALL                                                                                             \
	(OFFICER(ENTRY) | OFFICER(REVIEW) | OFFICER(AUDITOR) | OFFICER(CA_OPERATOR) | OFFICER(INSTITUTION) | \
	 OFFICER(ISSUE) | OFFICER(QUERY))

RC ra_notices(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO_JSON(o, json_object());
	struct listing l = {.list = json_array(), .english = q->english};
	struct notice_filter v = {.limit = 100};

	json_put_take(o, "notices", l.list);
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
	TRY(ra_store_notices(lease->db, &v, add_row, &l));
	if ((int64_t)json_array_size(l.list) == v.limit)
		json_put_int(o, "cursor", l.last);
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
	bool found;
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
	bool waiting = false;

	(void)last;
	if (instance_config(in)->mail_url == NULL || !rc_ok(db_pool_lease(instance_readers(in), &lease)) ||
	    !rc_ok(ra_store_mail_waiting(lease->db, &waiting)))
		return INT64_MAX;
	return waiting ? clock_now() : INT64_MAX;
}

/* The address in the newest application that has one. */
static RC holder_address(struct db *db, struct mailing *m)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	const char *mail;

	TRY(ra_store_newest_statement(db, m->recipient, &der));
	if (der.len == 0)
		return OK;
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

static struct rc take_mail(void *arg, const struct notice_row *r)
{
	struct mailing *m = arg;

	m->id = r->id;
	m->to = r->to;
	m->address[0] = '\0';
	(void)snprintf(m->recipient, sizeof(m->recipient), "%.*s", (int)r->recipient.len,
	               (const char *)r->recipient.p);
	buf_clear(&m->subject);
	buf_clear(&m->text);
	buf_add(&m->subject, r->subject);
	buf_add(&m->text, r->zh);
	buf_text(&m->text, "\r\n\r\n");
	buf_add(&m->text, r->en);
	buf_text(&m->text, "\r\n");
	m->found = true;
	return buf_done(&m->text);
}

static struct rc mail_note(struct db_tx *tx, void *arg)
{
	struct mailing *m = arg;

	return ra_store_mail_note(tx->db, m->id, m->state, clock_now());
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

	(void)due;
	NEED(m != NULL, RC_NOMEM, "no memory");
	m->ra = instance_state(arg);
	m->subject = BUF(256);
	m->text = BUF(2 * NOTICE_TEXT_MAX + 64);
	m->found = true;
	for (size_t i = 0; i < NOTICE_MAILS && m->found && !instance_ending(arg); i++) {
		struct notice_filter next = {.after = m->id, .limit = 1, .waiting = true};
		AUTO(db_lease, lease, NULL);

		TRY(db_pool_lease(instance_readers(arg), &lease));
		m->found = false;
		TRY(ra_store_notices(lease->db, &next, take_mail, m));
		if (m->found)
			TRY(find_address(lease->db, m));
		db_lease_free(MOVE(lease));
		if (m->found)
			TRY(send_one(m));
	}
	return OK;
}
