/* Rows of reports of loss, and who is told. */
#include "base/clock.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/cert.h"
#include "ra/loss.h"
#include "ra/notice.h"

struct report {
	int64_t id, application, reported;
	enum loss_state state;
	char entity[RA_UUID + 1];
};

static RC entity_of(struct db_rows *q, unsigned n, char ret[RA_UUID + 1])
{
	struct slice s = db_text(q, n);

	NEED(s.len <= RA_UUID, RC_BUG, "a stored entity of %zu bytes", s.len);
	memcpy(ret, s.p, s.len);
	ret[s.len] = '\0';
	return OK;
}

/* The open report of that certificate's pair; id 0: none.  RC_NOTFOUND: not a certificate of this RA. */
static RC find(struct db *db, const char *ca, struct slice serial, struct report *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	*ret = (struct report){.id = 0};
	TRY(db_query(db, &q,
	             "SELECT a.seq, a.entity, l.id, l.state, l.reported FROM certificate c "
	             "JOIN application a ON a.seq = c.application "
	             "LEFT JOIN loss l ON l.application = a.seq AND l.state < 20 "
	             "WHERE c.ca = $1 AND c.serial = $2",
	             DB_ARGS(DB_CSTR(ca), DB_BLOB(serial))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no such certificate here");
	ret->application = db_int(q, 0);
	TRY(entity_of(q, 1, ret->entity));
	ret->id = db_is_null(q, 2) ? 0 : db_int(q, 2);
	ret->state = (enum loss_state)db_int(q, 3);
	ret->reported = db_int(q, 4);
	return OK;
}

struct step {
	enum loss_event event;
	const char *by;
	const uint8_t *statement; /* NULL: none */
};

static RC step(struct db *db, struct report *r, const struct step *s)
{
	enum loss_state to;

	TRY(loss_next(r->state, s->event, &to));
	TRY(db_run(db, NULL, "UPDATE loss SET state = $2 WHERE id = $1", DB_ARGS(DB_INT(r->id), DB_INT(to))));
	r->state = to;
	return db_run(db, NULL,
	              "INSERT INTO loss_history(loss, n, at, event, state, by, statement) "
	              "SELECT $1, count(*), $2, $3, $4, $5, $6 FROM loss_history WHERE loss = $1",
	              DB_ARGS(DB_INT(r->id), DB_INT(clock_now()), DB_CSTR(loss_event_name(s->event)),
	                      DB_INT(to), DB_CSTR(s->by),
	                      s->statement != NULL ? DB_BLOB(slice_of(s->statement, 32)) : DB_NULL));
}

static RC open_report(struct db *db, const struct revoking *v, struct report *r)
{
	AUTO(db_rows, q, NULL);
	bool row;

	r->state = LOSS_NONE;
	r->reported = v->order.has_reported ? v->order.reported : v->r.at;
	TRY(db_query(db, &q,
	             "INSERT INTO loss(application, ca, serial, state, way, reported, by) "
	             "VALUES($1, $2, $3, $4, $5, $6, $7) RETURNING id",
	             DB_ARGS(DB_INT(r->application), DB_CSTR(v->r.ca), DB_BLOB(v->r.serial),
	                     DB_INT(LOSS_NONE), DB_CSTR(v->way), DB_INT(r->reported), DB_CSTR(v->by))));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "ra: no row was made");
	r->id = db_int(q, 0);
	TRY(db_next(q, &row));
	TRY(step(db, r, &(struct step){LOSS_RECEIVE, v->by, v->s->sm3}));
	/* a hold that an officer asks for says that the reporter is not known for certain (R31.2) */
	return step(db, r,
	            &(struct step){v->order.event == ORDER_HOLD && strcmp(v->way, RA_WAY_OFFICER) == 0
	                                   ? LOSS_DOUBT
	                                   : LOSS_AUTHENTICATE,
	                           v->by, v->s->sm3});
}

/* A report never stands in the way of what it reports: a move that is not in the table is left out. */
static RC step_if(struct db *db, struct report *r, const struct step *s)
{
	enum loss_state to;

	return rc_ok(loss_next(r->state, s->event, &to)) ? step(db, r, s) : OK;
}

/* By whom certificates are ended for reasons of their own is no report of loss. */
static bool is_loss(const struct revoking *v)
{
	if (v->order.event == ORDER_RELEASE || strcmp(v->way, RA_WAY_RULE) == 0)
		return false;
	return v->order.has_reported || strcmp(v->way, RA_WAY_CODE) == 0 ||
	       (strcmp(v->way, RA_WAY_KEY) == 0 &&
	        (v->order.event == ORDER_HOLD || v->order.reason == REASON_KEY_COMPROMISE));
}

RC ra_loss_said(struct db_tx *tx, const struct revoking *v)
{
	struct report r;
	struct rc rc = find(tx->db, v->r.ca, v->r.serial, &r);

	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	if (r.id == 0)
		return is_loss(v) ? open_report(tx->db, v, &r) : OK;
	if (v->order.event == ORDER_HOLD)
		return OK;
	return step_if(tx->db, &r,
	               &(struct step){v->order.event == ORDER_REVOKE ? LOSS_CONFIRM : LOSS_REFUTE, v->by,
	                              v->s->sm3});
}

/* ---- everybody concerned is told (R31.5) ---- */

struct telling {
	const struct ra_revocation *r;
	const struct report *report;
	enum order_event event;
	int64_t at;
};

static RC purpose_of(struct db *db, int64_t application, struct buf *ret)
{
	AUTO_BUF(der, RA_STATEMENT_MAX);
	AUTO(statement, s, NULL);
	struct slice purpose;

	TRY(ra_store_bodies(db, application, &(struct ra_bodies){.statement = &der}));
	TRY(statement_open(buf_slice(&der), &s));
	TRY(json_get_text(s->body, "purpose", 512, &purpose));
	buf_add(ret, purpose);
	return buf_done(ret);
}

static RC texts(const struct telling *t, const char *name, struct buf *zh, struct buf *en)
{
	static const char *const zh_done[ORDER_EVENTS] = {"撤销", "挂起", "解除挂起"};
	static const char *const en_done[ORDER_EVENTS] = {"revoked", "suspended", "released from suspension"};
	char at[21], reported[21];

	time_text(t->at, at);
	buf_printf(zh, "证书 %s 已于 %s %s。", name, at, zh_done[t->event]);
	buf_printf(en, "Certificate %s was %s at %s.", name, en_done[t->event], at);
	if (t->report->id != 0) {
		time_text(t->report->reported, reported);
		buf_printf(zh, "报失受理时间：%s。", reported);
		buf_printf(en, " The report of loss was received at %s.", reported);
	}
	buf_text(zh, t->event == ORDER_REVOKE ? "如需继续使用，请重新申请证书。"
	             : t->event == ORDER_HOLD ? "请尽快到受理点确认；逾期将被撤销。"
	                                      : "证书恢复有效。");
	buf_text(en, t->event == ORDER_REVOKE ? " Apply for a new certificate if you need one."
	             : t->event == ORDER_HOLD ? " Confirm it at a counter soon; otherwise it will be revoked."
	                                      : " It is valid again.");
	TRY(buf_done(zh));
	return buf_done(en);
}

static RC tell(struct db_tx *tx, const struct telling *t)
{
	static const char *const kinds[ORDER_EVENTS] = {"certificate-revoked", "certificate-held",
	                                                "certificate-released"};
	char serial[CERT_SERIAL_TEXT], name[RA_NAME + CERT_SERIAL_TEXT + 1];
	AUTO_BUF(zh, NOTICE_TEXT_MAX);
	AUTO_BUF(en, NOTICE_TEXT_MAX);
	AUTO_BUF(purpose, 1024);
	struct notice n = {.kind = kinds[t->event], .to = NOTICE_ENTITY, .recipient = t->report->entity};

	cert_serial_text(t->r->serial, serial);
	snprintf(name, sizeof(name), "%s/%s", t->r->ca, serial);
	TRY(texts(t, name, &zh, &en));
	n.subject = name;
	n.zh = buf_cstr(&zh);
	n.en = buf_cstr(&en);
	TRY(ra_notice(tx, &n));
	if (t->report->id == 0)
		return OK;
	/* the activity that the certificate was first wanted for names who uses it (R02.4) */
	TRY(purpose_of(tx->db, t->report->application, &purpose));
	n.to = NOTICE_DEPARTMENT;
	n.recipient = buf_cstr(&purpose);
	return ra_notice(tx, &n);
}

RC ra_loss_done(struct db_tx *tx, const struct ra_revocation *r, enum order_event event, int64_t at)
{
	static const enum loss_event events[ORDER_EVENTS] = {LOSS_REVOKE, LOSS_HOLD, LOSS_RELEASE};
	static const uint8_t none[32]; /* no statement of ours: the CA ended it by rule */
	struct report report;
	struct telling t = {.r = r, .report = &report, .event = event, .at = at};
	struct rc rc = find(tx->db, r->ca, r->serial, &report);

	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	if (report.id != 0) {
		TRY(step_if(tx->db, &report,
		            &(struct step){events[event], r->by,
		                           memcmp(r->hash, none, 32) != 0 ? r->hash : NULL}));
		if (event != ORDER_RELEASE)
			TRY(db_run(tx->db, NULL,
			           "UPDATE loss SET effect = coalesce(effect, $2) WHERE id = $1",
			           DB_ARGS(DB_INT(report.id), DB_INT(at))));
	}
	TRY(tell(tx, &t));
	if (report.id == 0 || report.state < LOSS_REVOKED)
		return OK;
	TRY(step(tx->db, &report, &(struct step){LOSS_NOTIFY, "", NULL}));
	return step(tx->db, &report, &(struct step){LOSS_CLOSE, "", NULL});
}

RC ra_store_losses_held(struct db *db, int64_t after, size_t limit,
                        struct rc (*each)(void *arg, int64_t id, const struct ra_revocation *r), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct ra_revocation r = {.by = ""};
	bool row;

	TRY(db_query(db, &q,
	             "SELECT id, ca, serial FROM loss WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3",
	             DB_ARGS(DB_INT(LOSS_ON_HOLD), DB_INT(after), DB_INT(limit))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		NEED(db_text(q, 1).len <= RA_NAME, RC_BUG, "ra: a stored name is too long");
		memset(r.ca, 0, sizeof(r.ca));
		memcpy(r.ca, db_text(q, 1).p, db_text(q, 1).len);
		r.serial = db_blob(q, 2);
		TRY(each(arg, db_int(q, 0), &r));
	}
}

/* ---- doors ---- */

#define COLUMNS "l.id, l.ca, l.serial, l.state, l.way, l.reported, l.effect, l.by, a.entity"
#define TABLES " FROM loss l JOIN application a ON a.seq = l.application "

static json_t *brief(struct db_rows *q)
{
	json_t *o = json_object();
	char serial[CERT_SERIAL_TEXT];

	cert_serial_text(db_blob(q, 2), serial);
	json_put_int(o, "id", db_int(q, 0));
	json_put_text(o, "ca", db_text(q, 1));
	json_put_cstr(o, "serial", serial);
	json_put_cstr(o, "state", loss_state_name((enum loss_state)db_int(q, 3)));
	json_put_text(o, "way", db_text(q, 4));
	json_put_time(o, "reported", db_int(q, 5));
	if (!db_is_null(q, 6))
		json_put_time(o, "effect", db_int(q, 6));
	json_put_text(o, "by", db_text(q, 7));
	json_put_text(o, "entity", db_text(q, 8));
	return o;
}

RC ra_losses(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO(db_rows, rows, NULL);
	AUTO_JSON(list, json_array());
	int64_t after = 0, limit = 50;
	bool row;

	TRY(request_query_only(q, "cursor", "limit", NULL));
	TRY(request_query_int(q, "cursor", 0, INT64_MAX, &after));
	TRY(request_query_int(q, "limit", 1, RA_LIST_MAX, &limit));
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(db_query(lease->db, &rows, "SELECT " COLUMNS TABLES "WHERE l.id > $1 ORDER BY l.id LIMIT $2",
	             DB_ARGS(DB_INT(after), DB_INT(limit))));
	*ret = json_object();
	for (;;) {
		TRY(db_next(rows, &row));
		if (!row)
			break;
		after = db_int(rows, 0);
		NEED(json_array_append_new(list, brief(rows)) == 0, RC_NOMEM, "no memory");
	}
	json_put_take(*ret, "losses", json_incref(list));
	if (json_array_size(list) == (size_t)limit)
		json_put_int(*ret, "cursor", after);
	return json_put_result();
}

static RC history(struct db *db, int64_t id, json_t *o)
{
	AUTO(db_rows, q, NULL);
	json_t *list = json_array();
	bool row;

	json_put_take(o, "history", list);
	TRY(db_query(db, &q,
	             "SELECT at, event, state, by, statement FROM loss_history WHERE loss = $1 ORDER BY n",
	             DB_ARGS(DB_INT(id))));
	for (;;) {
		json_t *one;

		TRY(db_next(q, &row));
		if (!row)
			return json_put_result();
		one = json_object();
		json_put_time(one, "at", db_int(q, 0));
		json_put_text(one, "event", db_text(q, 1));
		json_put_cstr(one, "state", loss_state_name((enum loss_state)db_int(q, 2)));
		json_put_text(one, "by", db_text(q, 3));
		if (!db_is_null(q, 4))
			json_put_hex(one, "statement", db_blob(q, 4));
		NEED(json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
}

RC ra_loss_show(struct ra *ra, const struct request *q, json_t **ret)
{
	AUTO(db_lease, lease, NULL);
	AUTO(db_rows, rows, NULL);
	AUTO_JSON(o, NULL);
	uint64_t id;
	bool row;

	TRY(request_query_only(q, NULL));
	NEED(rc_ok(text_u64(request_param(q, "id"), INT64_MAX, &id)), RC_NOTFOUND, "there is no such report");
	TRY(db_pool_lease(instance_readers(ra->in), &lease));
	TRY(db_query(lease->db, &rows, "SELECT " COLUMNS TABLES "WHERE l.id = $1", DB_ARGS(DB_INT(id))));
	TRY(db_next(rows, &row));
	NEED(row, RC_NOTFOUND, "there is no such report");
	o = brief(rows);
	TRY(history(lease->db, (int64_t)id, o));
	*ret = MOVE(o);
	return OK;
}
