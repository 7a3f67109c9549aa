/* Counting all open clocks anew (C06).  Clocks that are counted alike (same term, same first day, same
 * reading) move together, so the work is in groups, not in clocks. */
#include "deadline/store.h"
#include "deadline/store_parts.h"

#include "base/mem.h"

#define GROUPS 200000
#define CLEAR_DAYS 1
#define ROLL 2
#define START_OF_ART20 4
#define CLOSE_SHIFT 3

int64_t store_reading(const struct deadline_switches *w)
{
	return (w->clear_days ? CLEAR_DAYS : 0) | (w->roll_fixed_dates ? ROLL : 0) |
	       (w->conclude ? 0 : START_OF_ART20) | ((int64_t)w->close_of_business << CLOSE_SHIFT);
}

struct deadline_switches store_switches(int64_t reading)
{
	return (struct deadline_switches){.clear_days = (reading & CLEAR_DAYS) != 0,
	                                  .roll_fixed_dates = (reading & ROLL) != 0,
	                                  .conclude = (reading & START_OF_ART20) == 0,
	                                  .close_of_business = (int)(reading >> CLOSE_SHIFT)};
}

/* What of a group does not change while its statements run. */
struct counting {
	struct db *db;
	const struct calendar *calendar;
	int64_t set, now, believed;
	struct deadline_change *change;
};

struct key {
	char unit[24], direction[24];
	int64_t n, start_day, reading, due_at, provisional;
};

static void key_read(struct db_rows *q, struct key *k)
{
	struct slice unit = db_text(q, 0), direction = db_text(q, 1);

	(void)snprintf(k->unit, sizeof(k->unit), "%.*s", (int)unit.len, (const char *)unit.p);
	(void)snprintf(k->direction, sizeof(k->direction), "%.*s", (int)direction.len,
	               (const char *)direction.p);
	k->n = db_int(q, 2);
	k->start_day = db_int(q, 3);
	k->reading = db_int(q, 4);
	k->due_at = db_int(q, 5);
	k->provisional = db_int(q, 6);
}

/* Which clocks the statements below are about: $1 to $7. */
#define GROUP                                                                                                \
	"open = 1 AND unit = $1 AND direction = $2 AND n = $3 AND start_day = $4 AND reading = $5 AND "      \
	"due_at = $6 AND provisional = $7"
#define GROUP_ARGS(k)                                                                                        \
	DB_CSTR((k)->unit), DB_CSTR((k)->direction), DB_INT((k)->n), DB_INT((k)->start_day),                 \
	        DB_INT((k)->reading), DB_INT((k)->due_at), DB_INT((k)->provisional)
/* The new state: $8 due_at, $9 provisional, $10 the believed time.  What was overdue and still is stays so;
 * the next look at the time judges the rest. */
#define NEW_STATE                                                                                            \
	"CASE WHEN $9 = 1 THEN 'provisional' "                                                               \
	"WHEN stop_at IS NOT NULL AND stop_at < $8 THEN 'met' WHEN stop_at IS NOT NULL THEN 'met-late' "     \
	"WHEN state = 'overdue' AND $8 <= $10 THEN 'overdue' ELSE 'running' END"

static RC group_due(const struct counting *c, const struct key *k, struct deadline *ret)
{
	struct deadline_switches w = store_switches(k->reading);
	struct deadline_rule rule = {.direction = strcmp(k->direction, "before") == 0 ? DIRECTION_BEFORE
	                                                                              : DIRECTION_AFTER};
	struct deadline d = {.rule = &rule, .n = k->n, .start_day = (int32_t)k->start_day};

	d.unit = strcmp(k->unit, "working-days") == 0 ? UNIT_WORKING_DAYS : UNIT_FIXED_DATE;
	TRY(deadline_due(c->calendar, &w, &d));
	d.rule = NULL;
	*ret = d;
	return OK;
}

/* One notice to each party that a clock concerns. */
static RC tell(const struct counting *c, const struct key *k, const struct deadline *d, const char *kind)
{
	return db_run(c->db, NULL,
	              "INSERT INTO deadline_notice (deadline, kind, party, at, due_at) "
	              "SELECT p.id, $8, p.party, $9, $10 FROM (SELECT id, obliged AS party FROM deadline "
	              "WHERE " GROUP " UNION SELECT id, superior FROM deadline WHERE " GROUP
	              " UNION SELECT id, towards FROM deadline WHERE towards <> '' AND " GROUP
	              ") p WHERE p.party <> '' ON CONFLICT DO NOTHING",
	              DB_ARGS(GROUP_ARGS(k), DB_CSTR(kind), DB_INT(c->now), DB_INT(d->due_at)));
}

static RC move_group(const struct counting *c, const struct key *k, const struct deadline *d)
{
	char kind[40];
	int64_t changed = 0;

	(void)snprintf(kind, sizeof(kind), "moved:%lld", (long long)c->set);
	TRY(db_run(
	        c->db, NULL,
	        "INSERT INTO deadline_history (deadline, at, reason, old_due_at, new_due_at, old_calendar, "
	        "new_calendar, old_state, new_state) "
	        "SELECT id, $11, 'calendar', due_at, $8, calendar, $12, state, " NEW_STATE
	        " FROM deadline WHERE " GROUP,
	        DB_ARGS(GROUP_ARGS(k), DB_INT(d->due_at), DB_INT(d->provisional), DB_INT(c->believed),
	                DB_INT(c->now), DB_INT(c->set))));
	TRY(tell(c, k, d, kind));
	TRY(db_run(c->db, &changed,
	           "UPDATE deadline SET state = " NEW_STATE
	           ", open = CASE WHEN stop_at IS NOT NULL AND $9 = 0 THEN 0 ELSE 1 END, due_at = $8, "
	           "provisional = $9, due_day = $11, calendar = $12, "
	           "next_warning = CASE WHEN stop_at IS NULL THEN 0 ELSE NULL END WHERE " GROUP,
	           DB_ARGS(GROUP_ARGS(k), DB_INT(d->due_at), DB_INT(d->provisional), DB_INT(c->believed),
	                   DB_INT(d->due_day), DB_INT(c->set))));
	c->change->moved += changed;
	return OK;
}

struct groups {
	struct key *key;
	size_t count, room;
};

static void groups_free(struct groups *g)
{
	mem_free(g->key);
}

/* Read first, changed afterwards: the statements change what is read. */
static RC groups_read(struct db *db, struct groups *g)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(
	        db, &q,
	        "SELECT DISTINCT unit, direction, n, start_day, reading, due_at, provisional FROM deadline "
	        "WHERE open = 1 AND unit IN ('working-days', 'fixed-date')",
	        DB_NOARGS));
	for (;;) {
		TRY(db_next(q, &row));
		if (!row)
			return OK;
		if (g->count == g->room) {
			struct key *more;

			NEED(g->count < GROUPS, RC_INPUT, "deadlines: more than %d groups", GROUPS);
			g->room = g->room == 0 ? 256 : 2 * g->room;
			more = mem_grow(g->key, g->room, sizeof(*more));
			NEED(more != NULL, RC_NOMEM, "no memory");
			g->key = more;
		}
		key_read(q, &g->key[g->count++]);
	}
}

RC deadline_store_recompute(struct db *db, const struct calendar *calendar, int64_t set, int64_t now,
                            struct deadline_change *ret)
{
	struct counting c = {.db = db, .calendar = calendar, .set = set, .now = now, .change = ret};
	__attribute__((cleanup(groups_free))) struct groups g = {0};

	ret->set = set;
	ret->moved = 0;
	TRY(store_believed(db, now, &c.believed));
	TRY(groups_read(db, &g));
	for (size_t i = 0; i < g.count; i++) {
		const struct key *k = &g.key[i];
		struct deadline d;

		TRY(group_due(&c, k, &d));
		if (d.due_at != k->due_at || d.provisional != (k->provisional != 0))
			TRY(move_group(&c, k, &d));
	}
	return db_scalar(db, &ret->looked, "SELECT count(*) FROM deadline WHERE open = 1", DB_NOARGS);
}
