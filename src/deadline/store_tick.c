/* What time brings: overdue clocks, warnings; and whether the time is to be believed (C13). */
#include "deadline/store.h"
#include "deadline/store_parts.h"

#define BACK 300         /* seconds a clock may be set back */
#define ATTEST_NEAR 3600 /* the attested time and the clock's may differ by so much */
#define DUES 4096        /* due days with a warning in one run; the rest come in the next */

const struct deadline_policy deadline_policy_default = {.threshold = {5, 2, 0}, .thresholds = 3};

struct belief {
	int64_t at, doubted_at;
	char by[64];
};

static RC belief_read(struct db *db, struct belief *ret)
{
	AUTO(db_rows, q, NULL);
	struct slice by;
	bool row;

	*ret = (struct belief){0};
	TRY(db_query(db, &q, "SELECT at, doubted_at, attested_by FROM deadline_time WHERE id = 1",
	             DB_NOARGS));
	TRY(db_next(q, &row));
	if (!row)
		return OK;
	ret->at = db_int(q, 0);
	ret->doubted_at = db_int(q, 1);
	by = db_text(q, 2);
	(void)snprintf(ret->by, sizeof(ret->by), "%.*s", (int)by.len, by.p != NULL ? (const char *)by.p : "");
	return OK;
}

static RC belief_write(struct db *db, const struct belief *b, struct slice attestation)
{
	return db_run(db, NULL,
	              "INSERT INTO deadline_time (id, at, doubted_at, attestation, attested_by) "
	              "VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET at = $1, doubted_at = $2, "
	              "attestation = $3, attested_by = $4",
	              DB_ARGS(DB_INT(b->at), b->doubted_at != 0 ? DB_INT(b->doubted_at) : DB_NULL,
	                      DB_BLOB_OPT(attestation), b->by[0] != '\0' ? DB_CSTR(b->by) : DB_NULL));
}

RC store_believed(struct db *db, int64_t now, int64_t *ret)
{
	struct belief b;

	TRY(belief_read(db, &b));
	*ret = b.at != 0 ? b.at : now;
	return OK;
}

/* ---- overdue ---- */

#define PASSED "open = 1 AND state = 'running' AND due_at <= $1"
/* "at least" has ended: what was locked may go.  Everything else that passed is late. */
#define AFTERWARDS "CASE WHEN direction = 'at-least' THEN 'met' ELSE 'overdue' END"

struct judging {
	struct db *db;
	const struct deadline_policy *policy;
	struct calendar *calendar;
	int64_t at;
	struct deadline_tick *ret;
};

struct days {
	int32_t day[DUES];
	size_t count;
};

static RC days_read(struct db *db, const char *sql, int64_t arg, struct days *ret)
{
	AUTO(db_rows, q, NULL);
	bool row;

	ret->count = 0;
	TRY(db_query(db, &q, sql, DB_ARGS(DB_INT(arg))));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row || ret->count == DUES)
			return OK;
		ret->day[ret->count++] = (int32_t)db_int(q, 0);
	}
}

/* Each due day has a notice of its own: a clock that was given more time may be late again. */
static RC judge_overdue(struct judging *j)
{
	int64_t told = 0;

	TRY(db_run(j->db, &told,
	           "INSERT INTO deadline_notice (deadline, kind, party, at, due_at) "
	           "SELECT id, 'overdue:' || due_day, obliged, $1, due_at "
	           "FROM deadline WHERE direction <> 'at-least' AND " PASSED " ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_INT(j->at))));
	j->ret->notices += told;
	TRY(db_run(j->db, &told,
	           "INSERT INTO deadline_notice (deadline, kind, party, at, due_at) "
	           "SELECT id, 'overdue:' || due_day, superior, $1, due_at "
	           "FROM deadline WHERE direction <> 'at-least' AND " PASSED " ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_INT(j->at))));
	j->ret->notices += told;
	TRY(db_run(
	        j->db, NULL,
	        "INSERT INTO deadline_history (deadline, at, reason, old_due_at, new_due_at, old_calendar, "
	        "new_calendar, old_state, new_state) SELECT id, $1, 'time', due_at, due_at, calendar, "
	        "calendar, state, " AFTERWARDS " FROM deadline WHERE " PASSED,
	        DB_ARGS(DB_INT(j->at))));
	return db_run(j->db, &j->ret->overdue,
	              "UPDATE deadline SET state = " AFTERWARDS
	              ", open = CASE WHEN direction = 'at-least' THEN 0 ELSE 1 END WHERE " PASSED,
	              DB_ARGS(DB_INT(j->at)));
}

/* ---- warnings ---- */

#define WARNED "next_warning <= $2 AND due_day = $3"

static RC warn(struct judging *j, int32_t today, int32_t due_day, int threshold)
{
	int64_t told = 0;
	char kind[16];

	(void)snprintf(kind, sizeof(kind), "%d", threshold);
	TRY(db_run(j->db, &told,
	           "INSERT INTO deadline_notice (deadline, kind, party, at, due_at) SELECT id, $4, obliged, "
	           "$1, due_at "
	           "FROM deadline WHERE " WARNED " ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_INT(j->at), DB_INT(today), DB_INT(due_day), DB_CSTR(kind))));
	j->ret->notices += told;
	TRY(db_run(j->db, &told,
	           "INSERT INTO deadline_notice (deadline, kind, party, at, due_at) SELECT id, $4, superior, "
	           "$1, due_at "
	           "FROM deadline WHERE " WARNED " ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_INT(j->at), DB_INT(today), DB_INT(due_day), DB_CSTR(kind))));
	j->ret->notices += told;
	return OK;
}

/* All thresholds that have come for that due day, then the day of the next. */
static RC warn_due(struct judging *j, int32_t today, int32_t due_day)
{
	struct db_value next = DB_NULL;

	for (size_t i = 0; i < j->policy->thresholds; i++) {
		struct day_count on;

		TRY(calendar_count(j->calendar, due_day, -j->policy->threshold[i], &on));
		if (on.day <= today)
			TRY(warn(j, today, due_day, j->policy->threshold[i]));
		else if (next.kind == DB_KIND_NULL || on.day < next.i)
			next = DB_INT(on.day);
	}
	return db_run(j->db, NULL,
	              "UPDATE deadline SET next_warning = $1 WHERE next_warning <= $2 AND due_day = $3",
	              DB_ARGS(next, DB_INT(today), DB_INT(due_day)));
}

static RC judge_warnings(struct judging *j)
{
	int32_t today = day_of(j->at);
	struct days d;

	TRY(days_read(j->db, "SELECT DISTINCT due_day FROM deadline WHERE next_warning <= $1", today, &d));
	for (size_t i = 0; i < d.count; i++)
		TRY(warn_due(j, today, d.day[i]));
	return OK;
}

RC deadline_store_tick(struct db *db, const struct deadline_policy *p, int64_t now, int64_t allowed,
                       struct deadline_tick *ret)
{
	AUTO(calendar, c, NULL);
	struct judging j = {.db = db, .policy = p, .ret = ret};
	struct belief b;
	int64_t set;

	TRY(belief_read(db, &b));
	*ret = (struct deadline_tick){.then = b.at, .doubted = b.doubted_at != 0};
	if (ret->doubted)
		return OK;
	if (b.at != 0 && (now < b.at - BACK || now > b.at + allowed)) {
		ret->doubted = ret->newly = true;
		b.doubted_at = now;
		return belief_write(db, &b, SLICE_NONE);
	}
	if (now > b.at)
		b.at = now;
	j.at = b.at;
	TRY(belief_write(db, &b, SLICE_NONE));
	TRY(deadline_store_calendar(db, &c, &set));
	j.calendar = c;
	TRY(judge_warnings(&j));
	return judge_overdue(&j);
}

/* ---- two persons ---- */

RC deadline_store_attest(struct db *db, const struct statement *s, int64_t now, bool *believed)
{
	struct belief b;
	int64_t time;

	*believed = false;
	TRY(json_get_time(s->body, "time", &time));
	TRY(belief_read(db, &b));
	NEED(b.doubted_at != 0, RC_CONFLICT, "the clock is believed; nothing is to be attested");
	REQUIRE(time <= now + ATTEST_NEAR && time >= now - ATTEST_NEAR, CLOCK_DOUBTED,
	        "the attested time is not what the clock says");
	REQUIRE(b.by[0] == '\0' || !slice_is(s->person, b.by), SECOND_PERSON,
	        "the same person attested already");
	if (b.by[0] == '\0') {
		(void)snprintf(b.by, sizeof(b.by), "%.*s", (int)s->person.len, (const char *)s->person.p);
		return belief_write(db, &b, buf_slice(&s->der));
	}
	*believed = true;
	return belief_write(db, &(struct belief){.at = now}, SLICE_NONE);
}
