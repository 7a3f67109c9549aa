#include "evidence/alarm.h"
#include "base/clock.h"

static const char *const levels[] = {"notice", "warning", "critical"};

static RC log_alarm(struct log *l, struct db_tx *tx, const char *kind, json_t *data)
{
	NEED(data != NULL, RC_NOMEM, "alarm: out of memory");
	return log_append(l, tx, kind, data, NULL, NULL);
}

/* Counts up the open one; *id stays 0 when there is none. */
static RC count_up(struct db *db, const struct alarm *a, int64_t *id)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "UPDATE alarm SET count = count + 1, last_at = $3, text = $4"
	             " WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL RETURNING id",
	             DB_ARGS(DB_CSTR(a->kind), DB_CSTR(a->subject), DB_INT(clock_now()), DB_CSTR(a->text))));
	TRY(db_next(q, &row));
	while (row) {
		*id = db_int(q, 0);
		TRY(db_next(q, &row));
	}
	return OK;
}

static RC insert(struct db *db, const struct alarm *a, int64_t *id)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q,
	             "INSERT INTO alarm (kind, subject, level, text, raised_at, last_at)"
	             " VALUES ($1, $2, $3, $4, $5, $5) RETURNING id",
	             DB_ARGS(DB_CSTR(a->kind), DB_CSTR(a->subject), DB_INT(a->level), DB_CSTR(a->text),
	                     DB_INT(clock_now()))));
	TRY(db_next(q, &row));
	while (row) {
		*id = db_int(q, 0);
		TRY(db_next(q, &row));
	}
	return OK;
}

RC alarm_raise(struct log *l, struct db_tx *tx, const struct alarm *a, int64_t *id)
{
	AUTO_JSON(data, NULL);
	int64_t n = 0;

	NEED(strlen(a->text) <= ALARM_TEXT_MAX, RC_BUG, "alarm: text too long");
	TRY(count_up(tx->db, a, &n));
	if (n == 0) {
		TRY(insert(tx->db, a, &n));
		data = json_object();
		json_put_int(data, "id", n);
		json_put_cstr(data, "kind", a->kind);
		json_put_cstr(data, "subject", a->subject);
		json_put_cstr(data, "level", levels[a->level]);
		json_put_cstr(data, "text", a->text);
		TRY(log_alarm(l, tx, "alarm-raised", data));
	}
	if (id != NULL)
		*id = n;
	return OK;
}

RC alarm_clear(struct log *l, struct db_tx *tx, const char *kind, const char *subject)
{
	AUTO_JSON(data, NULL);
	int64_t changed;

	TRY(db_run(tx->db, &changed,
	           "UPDATE alarm SET cleared_at = $3 WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL",
	           DB_ARGS(DB_CSTR(kind), DB_CSTR(subject), DB_INT(clock_now()))));
	if (changed == 0)
		return OK;
	data = json_object();
	json_put_cstr(data, "kind", kind);
	json_put_cstr(data, "subject", subject);
	return log_alarm(l, tx, "alarm-cleared", data);
}

RC alarm_acknowledge(struct log *l, struct db_tx *tx, int64_t id, const char *by)
{
	AUTO_JSON(data, NULL);
	int64_t changed, exists;

	TRY(db_run(tx->db, &changed,
	           "UPDATE alarm SET acknowledged_at = $2, acknowledged_by = $3"
	           " WHERE id = $1 AND acknowledged_at IS NULL",
	           DB_ARGS(DB_INT(id), DB_INT(clock_now()), DB_CSTR(by))));
	if (changed == 0) {
		TRY(db_scalar(tx->db, &exists, "SELECT COUNT(*) FROM alarm WHERE id = $1",
		              DB_ARGS(DB_INT(id))));
		NEED(exists > 0, RC_NOTFOUND, "alarm %lld: there is none", (long long)id);
		FAIL(RC_CONFLICT, "alarm %lld: acknowledged already", (long long)id);
	}
	data = json_object();
	json_put_int(data, "id", id);
	json_put_cstr(data, "by", by);
	return log_alarm(l, tx, "alarm-acknowledged", data);
}

/* ---- listing ---- */

static void put_optional_time(json_t *o, const char *key, struct db_rows *q, unsigned n)
{
	if (!db_is_null(q, n))
		json_put_time(o, key, db_int(q, n));
}

static RC row_to_json(struct db_rows *q, json_t *array)
{
	AUTO_JSON(o, json_object());
	int64_t level = db_int(q, 3);

	json_put_int(o, "id", db_int(q, 0));
	json_put_text(o, "kind", db_text(q, 1));
	json_put_text(o, "subject", db_text(q, 2));
	json_put_cstr(o, "level", levels[level < 0 || level > ALARM_CRITICAL ? ALARM_CRITICAL : level]);
	json_put_text(o, "text", db_text(q, 4));
	json_put_int(o, "count", db_int(q, 5));
	json_put_time(o, "raised_at", db_int(q, 6));
	json_put_time(o, "last_at", db_int(q, 7));
	put_optional_time(o, "cleared_at", q, 8);
	put_optional_time(o, "acknowledged_at", q, 9);
	if (!db_is_null(q, 10))
		json_put_text(o, "acknowledged_by", db_text(q, 10));
	TRY(json_put_result());
	NEED(o != NULL && json_array_append_new(array, MOVE(o)) == 0, RC_NOMEM, "alarm: out of memory");
	return OK;
}

RC alarm_list(struct db *db, bool open_only, int64_t before, size_t limit, json_t **ret)
{
	AUTO_JSON(array, json_array());
	AUTO(db_rows, q, NULL);
	bool row;

	NEED(array != NULL, RC_NOMEM, "alarm: out of memory");
	NEED(limit <= ALARM_LIST_MAX, RC_INPUT, "alarm: at most %d at once", ALARM_LIST_MAX);
	TRY(db_query(db, &q,
	             "SELECT id, kind, subject, level, text, count, raised_at, last_at, cleared_at,"
	             " acknowledged_at, acknowledged_by FROM alarm"
	             " WHERE id < $1 AND (cleared_at IS NULL OR $2 = 0) ORDER BY id DESC LIMIT $3",
	             DB_ARGS(DB_INT(before <= 0 ? INT64_MAX : before), DB_INT(open_only), DB_INT(limit))));
	TRY(db_next(q, &row));
	while (row) {
		TRY(row_to_json(q, array));
		TRY(db_next(q, &row));
	}
	*ret = MOVE(array);
	return OK;
}

RC alarm_since(struct db *db, const char *kind, const char *subject, int64_t since, bool *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM alarm WHERE kind = $1 AND subject = $2 AND raised_at >= $3",
	              DB_ARGS(DB_CSTR(kind), DB_CSTR(subject), DB_INT(since))));
	*ret = n > 0;
	return OK;
}

RC alarm_count(struct db *db, int64_t *open)
{
	return db_scalar(db, open, "SELECT COUNT(*) FROM alarm WHERE cleared_at IS NULL", DB_NOARGS);
}
