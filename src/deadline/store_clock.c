/* Clocks of cases: taken over, shown, listed. */
#include "deadline/store.h"
#include "deadline/store_parts.h"

#define CLOCK_NAME (CASE_NAME + 32)

struct put {
	struct db *db;
	const struct deadline_case *k;
	int64_t set, now, believed;
};

/* The row that there is. */
struct known {
	int64_t id, start_day, due_at, calendar, stop_at;
	char state[16];
	bool open;
};

static const char *unit_of(const struct deadline *d)
{
	if (d->unit != UNIT_STATED)
		return deadline_unit_name(d->unit);
	return d->stated_days ? "days" : "seconds";
}

static RC find(struct db *db, const char *name, struct known *ret, bool *row)
{
	AUTO(db_rows, q, NULL);
	struct slice state;

	TRY(db_query(
	        db, &q,
	        "SELECT id, start_day, due_at, calendar, stop_at, state, open FROM deadline WHERE name = $1",
	        DB_ARGS(DB_CSTR(name))));
	TRY(db_next(q, row));
	if (!*row)
		return OK;
	state = db_text(q, 5);
	*ret = (struct known){.id = db_int(q, 0),
	                      .start_day = db_int(q, 1),
	                      .due_at = db_int(q, 2),
	                      .calendar = db_int(q, 3),
	                      .stop_at = db_int(q, 4),
	                      .open = db_int(q, 6) != 0};
	(void)snprintf(ret->state, sizeof(ret->state), "%.*s", (int)state.len, (const char *)state.p);
	return OK;
}

/* A deadline that runs becomes overdue when time is judged (store_tick.c), not here. */
static const char *state_of(const struct put *p, const struct deadline *d, const char *before)
{
	enum deadline_state s = deadline_state_at(d, d->start_at < d->due_at ? d->start_at : d->due_at - 1);

	if (s == DEADLINE_RUNS && strcmp(before, "overdue") == 0 && d->due_at <= p->believed)
		return before;
	return deadline_state_name(s);
}

static bool is_open(const struct deadline *d)
{
	return !d->ended && (d->stop_at == 0 || d->provisional);
}

static RC history(const struct put *p, int64_t id, const struct known *was, const struct deadline *d,
                  const char *reason)
{
	const char *state = state_of(p, d, was != NULL ? was->state : "");

	return db_run(
	        p->db, NULL,
	        "INSERT INTO deadline_history (deadline, at, reason, old_due_at, new_due_at, old_calendar, "
	        "new_calendar, old_state, new_state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	        DB_ARGS(DB_INT(id), DB_INT(p->now), DB_CSTR(reason),
	                was != NULL ? DB_INT(was->due_at) : DB_NULL, DB_INT(d->due_at),
	                was != NULL ? DB_INT(was->calendar) : DB_NULL, DB_INT(p->set),
	                was != NULL ? DB_CSTR(was->state) : DB_NULL, DB_CSTR(state)));
}

static struct db_value evidence(bool has, const uint8_t *hash)
{
	return has ? DB_BLOB(slice_of(hash, 32)) : DB_NULL;
}

static RC insert(const struct put *p, const char *name, const struct deadline *d)
{
	const struct deadline_rule *r = d->rule;
	bool warns = is_open(d) && d->stop_at == 0 && r->direction != DIRECTION_AT_LEAST;
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(
	        p->db, &q,
	        "INSERT INTO deadline (name, rules, rule, article, obliged, towards, superior, start_event, "
	        "start_evidence, start_at, start_day, unit, n, direction, reading, due_day, due_at, "
	        "provisional, "
	        "calendar, state, open, stop_event, stop_evidence, stop_at, next_warning) VALUES ($1, $2, "
	        "$3, $4, "
	        "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
	        "$24, "
	        "$25) RETURNING id",
	        DB_ARGS(DB_CSTR(name), DB_CSTR(r->set), DB_CSTR(r->id), DB_CSTR(r->article),
	                DB_CSTR(deadline_party(p->k, r->obliged)), DB_CSTR(deadline_party(p->k, r->towards)),
	                DB_CSTR(deadline_party(p->k, r->superior)), DB_CSTR(d->start_event),
	                evidence(d->has_start_evidence, d->start_evidence), DB_INT(d->start_at),
	                DB_INT(d->start_day), DB_CSTR(unit_of(d)), DB_INT(d->n),
	                DB_CSTR(deadline_direction_name(r->direction)),
	                DB_INT(store_reading(&p->k->switches)), DB_INT(d->due_day), DB_INT(d->due_at),
	                DB_INT(d->provisional), DB_INT(p->set), DB_CSTR(state_of(p, d, "")),
	                DB_INT(is_open(d)), d->stop_at != 0 ? DB_CSTR(d->stop_event) : DB_NULL,
	                evidence(d->has_stop_evidence, d->stop_evidence),
	                d->stop_at != 0 ? DB_INT(d->stop_at) : DB_NULL, warns ? DB_INT(0) : DB_NULL)));
	TRY(db_next(q, &row));
	NEED(row, RC_BUG, "an insert without a row");
	return history(p, db_int(q, 0), NULL, d, "started");
}

static RC update(const struct put *p, const struct known *was, const struct deadline *d)
{
	bool stopped = d->stop_at != 0, warns = is_open(d) && !stopped;
	const char *reason = d->ended ? "void" : stopped ? "stopped" : "moved";

	TRY(history(p, was->id, was, d, reason));
	return db_run(
	        p->db, NULL,
	        "UPDATE deadline SET start_event = $1, start_evidence = $2, start_at = $3, start_day = $4, "
	        "due_day = $5, due_at = $6, provisional = $7, calendar = $8, state = $9, open = $10, "
	        "stop_event = $11, stop_evidence = $12, stop_at = $13, next_warning = $14 WHERE id = $15",
	        DB_ARGS(DB_CSTR(d->start_event), evidence(d->has_start_evidence, d->start_evidence),
	                DB_INT(d->start_at), DB_INT(d->start_day), DB_INT(d->due_day), DB_INT(d->due_at),
	                DB_INT(d->provisional), DB_INT(p->set), DB_CSTR(state_of(p, d, was->state)),
	                DB_INT(is_open(d)), stopped ? DB_CSTR(d->stop_event) : DB_NULL,
	                evidence(d->has_stop_evidence, d->stop_evidence),
	                stopped ? DB_INT(d->stop_at) : DB_NULL, warns ? DB_INT(0) : DB_NULL,
	                DB_INT(was->id)));
}

static RC put_clock(const struct put *p, const struct deadline *d)
{
	char name[CLOCK_NAME];
	struct known was;
	bool row;

	(void)snprintf(name, sizeof(name), "%s/%s/%u", p->k->name, d->rule->id, d->round);
	TRY(find(p->db, name, &was, &row));
	if (!row)
		return insert(p, name, d);
	if (!was.open || (was.stop_at == d->stop_at && was.start_day == d->start_day && !d->ended))
		return OK;
	return update(p, &was, d);
}

RC deadline_store_case(struct db *db, const struct deadline_case *k, int64_t set, int64_t now)
{
	struct put p = {db, k, set, now, now};

	TRY(store_believed(db, now, &p.believed));
	for (size_t i = 0; i < k->count; i++)
		TRY(put_clock(&p, &k->clock[i]));
	return OK;
}

/* ---- reading ---- */

#define COLUMNS                                                                                              \
	"id, name, rules, rule, article, obliged, towards, superior, start_event, start_evidence, "          \
	"start_at, start_day, unit, n, direction, due_day, due_at, provisional, state, stop_event, "         \
	"stop_evidence, stop_at, (SELECT hash FROM calendar_set s WHERE s.id = "                             \
	"CASE WHEN open = 1 THEN (SELECT max(id) FROM calendar_set) ELSE deadline.calendar END)"

static void put_event(json_t *o, const char *key, struct db_rows *q, unsigned event)
{
	json_t *v = json_object();
	bool start = event == 8;

	json_put_text(v, "event", db_text(q, event));
	if (!db_is_null(q, event + 1))
		json_put_hex(v, "evidence", db_blob(q, event + 1));
	json_put_time(v, "at", db_int(q, start ? 10 : 21));
	json_put_take(o, key, v);
}

static void put_day(json_t *o, const char *key, int64_t day)
{
	char text[DAY_TEXT];

	day_text((int32_t)day, text);
	json_put_cstr(o, key, text);
}

static json_t *row_json(struct db_rows *q)
{
	json_t *o = json_object();

	json_put_text(o, "id", db_text(q, 1));
	json_put_text(o, "rules", db_text(q, 2));
	json_put_text(o, "rule", db_text(q, 3));
	json_put_text(o, "article", db_text(q, 4));
	put_event(o, "start", q, 8);
	put_day(o, "from", db_int(q, 11));
	json_put_text(o, "unit", db_text(q, 12));
	json_put_int(o, "n", db_int(q, 13));
	json_put_text(o, "direction", db_text(q, 14));
	put_day(o, "due", db_int(q, 15));
	json_put_time(o, "until", db_int(q, 16));
	json_put_bool(o, "provisional", db_int(q, 17) != 0);
	json_put_hex(o, "edition_set", db_blob(q, 22));
	json_put_text(o, "state", db_text(q, 18));
	if (!db_is_null(q, 21))
		put_event(o, "stop", q, 19);
	json_put_text(o, "obliged", db_text(q, 5));
	json_put_text(o, "towards", db_text(q, 6));
	json_put_text(o, "superior", db_text(q, 7));
	return o;
}

static RC put_history(struct db *db, int64_t id, json_t *o)
{
	AUTO(db_rows, q, NULL);
	AUTO_JSON(list, json_array());
	bool row;

	TRY(db_query(db, &q,
	             "SELECT at, reason, old_due_at, new_due_at, old_state, new_state, "
	             "(SELECT hash FROM calendar_set s WHERE s.id = h.new_calendar) "
	             "FROM deadline_history h WHERE deadline = $1 ORDER BY id",
	             DB_ARGS(DB_INT(id))));
	for (;;) {
		json_t *v;

		TRY(db_next(q, &row));
		if (!row)
			break;
		v = json_object();
		json_put_time(v, "at", db_int(q, 0));
		json_put_text(v, "reason", db_text(q, 1));
		if (!db_is_null(q, 2)) {
			json_put_time(v, "old_until", db_int(q, 2));
			json_put_text(v, "old_state", db_text(q, 4));
		}
		json_put_time(v, "new_until", db_int(q, 3));
		json_put_text(v, "new_state", db_text(q, 5));
		json_put_hex(v, "edition_set", db_blob(q, 6));
		NEED(v != NULL && json_array_append_new(list, v) == 0, RC_NOMEM, "no memory");
	}
	json_put_take(o, "history", json_incref(list));
	return OK;
}

static RC put_notices(struct db *db, int64_t id, json_t *o)
{
	AUTO(db_rows, q, NULL);
	AUTO_JSON(list, json_array());
	bool row;

	TRY(db_query(db, &q,
	             "SELECT kind, party, at, due_at FROM deadline_notice WHERE deadline = $1 ORDER BY id",
	             DB_ARGS(DB_INT(id))));
	for (;;) {
		json_t *v;

		TRY(db_next(q, &row));
		if (!row)
			break;
		v = json_object();
		json_put_text(v, "kind", db_text(q, 0));
		json_put_text(v, "party", db_text(q, 1));
		json_put_time(v, "at", db_int(q, 2));
		json_put_time(v, "until", db_int(q, 3));
		NEED(v != NULL && json_array_append_new(list, v) == 0, RC_NOMEM, "no memory");
	}
	json_put_take(o, "notices", json_incref(list));
	return OK;
}

RC deadline_store_show(struct db *db, const char *name, json_t **ret)
{
	AUTO(db_rows, q, NULL);
	AUTO_JSON(o, NULL);
	int64_t id;
	bool row;

	TRY(db_query(db, &q, "SELECT " COLUMNS " FROM deadline WHERE name = $1", DB_ARGS(DB_CSTR(name))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "there is no clock %.100s", name);
	id = db_int(q, 0);
	o = row_json(q);
	db_rows_free(MOVE(q));
	TRY(put_history(db, id, o));
	TRY(put_notices(db, id, o));
	TRY(json_put_result());
	NEED(o != NULL, RC_NOMEM, "no memory");
	*ret = json_incref(o);
	return OK;
}

RC deadline_store_list(struct db *db, const struct deadline_filter *f, json_t **ret)
{
	AUTO(db_rows, q, NULL);
	AUTO_JSON(list, json_array());
	const char *party = f->party != NULL ? f->party : "", *state = f->state != NULL ? f->state : "";
	bool row;

	NEED(f->limit > 0 && f->limit <= DEADLINE_LIST_MAX, RC_INPUT, "at most %d rows", DEADLINE_LIST_MAX);
	TRY(db_query(db, &q,
	             "SELECT " COLUMNS " FROM deadline WHERE (due_at > $1 OR (due_at = $1 AND id > $2)) AND "
	             "($3 = '' OR obliged = $3 OR towards = $3 OR superior = $3) AND ($4 = '' OR state = $4) "
	             "ORDER BY due_at, id LIMIT $5",
	             DB_ARGS(DB_INT(f->after_due), DB_INT(f->after_id), DB_CSTR(party), DB_CSTR(state),
	                     DB_INT(f->limit))));
	for (;;) {
		json_t *o;

		TRY(db_next(q, &row));
		if (!row)
			break;
		o = row_json(q);
		json_put_int(o, "row", db_int(q, 0));
		NEED(o != NULL && json_array_append_new(list, o) == 0, RC_NOMEM, "no memory");
	}
	*ret = json_incref(list);
	return OK;
}
