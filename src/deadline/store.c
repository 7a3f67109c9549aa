/* Editions of the calendar: drafts, decisions, sets. */
#include "deadline/store.h"

#include "deadline/store_parts.h"

#define EDITIONS_MAX (128u << 10)

RC deadline_store_calendar(struct db *db, struct calendar **ret, int64_t *set)
{
	AUTO(calendar, c, NULL);
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(calendar_new(&c));
	TRY(db_query(
	        db, &q,
	        "SELECT statement FROM calendar_edition WHERE state = 'confirmed' ORDER BY year, edition",
	        DB_NOARGS));
	for (;;) {
		AUTO(statement, s, NULL);

		TRY(db_next(q, &row));
		if (!row)
			break;
		TRY(statement_open(db_blob(q, 0), &s));
		TRY(calendar_add(c, s->body));
	}
	TRY(db_scalar(db, set, "SELECT coalesce(max(id), 0) FROM calendar_set", DB_NOARGS));
	*ret = MOVE(c);
	return OK;
}

RC deadline_store_set(struct db *db, const struct calendar *c, int64_t now, int64_t *ret)
{
	AUTO_JSON(list, calendar_json(c));
	AUTO_BUF(text, EDITIONS_MAX);
	uint8_t hash[32];

	calendar_print(c, hash);
	TRY(json_canonical(list, &text));
	TRY(db_run(db, NULL,
	           "INSERT INTO calendar_set (hash, editions, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_BLOB(SLICE_ARR(hash)), DB_BLOB(buf_slice(&text)), DB_INT(now))));
	return db_scalar(db, ret, "SELECT id FROM calendar_set WHERE hash = $1",
	                 DB_ARGS(DB_BLOB(SLICE_ARR(hash))));
}

/* An amendment that names the edition before it must mean the confirmed one. */
static RC check_previous(struct db *db, const struct statement *s, const struct calendar_edition *e)
{
	uint8_t previous[32];
	int64_t n;

	if (json_object_get(s->body, "previous") == NULL)
		return OK;
	TRY(json_get_hex(s->body, "previous", previous, sizeof(previous)));
	TRY(db_scalar(db, &n,
	              "SELECT count(*) FROM calendar_edition WHERE state = 'confirmed' AND year = $1 AND "
	              "edition = $2 "
	              "AND hash = $3",
	              DB_ARGS(DB_INT(e->year), DB_INT(e->number - 1), DB_BLOB(SLICE_ARR(previous)))));
	REQUIRE(n == 1, STATEMENT_FORK, "edition %d of %d names another edition before it than the known one",
	        e->number, e->year);
	return OK;
}

RC deadline_store_enter(struct db *db, const struct statement *s, int64_t now)
{
	AUTO(calendar, c, NULL);
	struct calendar_edition e;
	int64_t set, changed = 0, known;

	TRY(edition_read(s->body, &e));
	TRY(db_scalar(db, &known, "SELECT count(*) FROM calendar_edition WHERE hash = $1",
	              DB_ARGS(DB_BLOB(SLICE_ARR(s->sm3)))));
	if (known > 0)
		return OK;
	TRY(deadline_store_calendar(db, &c, &set));
	TRY(calendar_add(c, s->body));
	TRY(check_previous(db, s, &e));
	TRY(db_run(db, &changed,
	           "INSERT INTO calendar_edition (year, edition, hash, statement, entered_by, entered_at, "
	           "state) "
	           "VALUES ($1, $2, $3, $4, $5, $6, 'draft') ON CONFLICT DO NOTHING",
	           DB_ARGS(DB_INT(e.year), DB_INT(e.number), DB_BLOB(SLICE_ARR(s->sm3)),
	                   DB_BLOB(buf_slice(&s->der)), DB_TEXT(s->person), DB_INT(now))));
	REQUIRE(changed == 1, STATEMENT_FORK, "another edition %d of %d waits for its decision", e.number,
	        e.year);
	return OK;
}

/* The draft that a decision names. */
struct draft {
	int64_t id;
	char by[64];
};

static RC find_draft(struct db *db, const uint8_t hash[32], struct draft *ret)
{
	AUTO(db_rows, q, NULL);
	struct slice by;
	bool row;

	TRY(db_query(db, &q, "SELECT id, entered_by, state FROM calendar_edition WHERE hash = $1",
	             DB_ARGS(DB_BLOB(slice_of(hash, 32)))));
	TRY(db_next(q, &row));
	NEED(row, RC_NOTFOUND, "no such edition was entered");
	NEED(slice_is(db_text(q, 2), "draft"), RC_CONFLICT, "that edition is decided already");
	by = db_text(q, 1);
	ret->id = db_int(q, 0);
	(void)snprintf(ret->by, sizeof(ret->by), "%.*s", (int)by.len, (const char *)by.p);
	return OK;
}

RC deadline_store_decide(struct db *db, const struct statement *s, int64_t now, struct deadline_change *ret)
{
	AUTO(calendar, c, NULL);
	struct draft draft;
	uint8_t hash[32];
	bool approve;

	*ret = (struct deadline_change){0};
	TRY(json_get_hex(s->body, "calendar", hash, sizeof(hash)));
	TRY(json_get_bool(s->body, "approve", &approve));
	TRY(find_draft(db, hash, &draft));
	REQUIRE(!slice_is(s->person, draft.by), SECOND_PERSON, "who entered an edition does not confirm it");
	TRY(db_run(db, NULL,
	           "UPDATE calendar_edition SET state = $1, decision = $2, decided_by = $3, decided_at = $4 "
	           "WHERE id = $5",
	           DB_ARGS(DB_CSTR(approve ? "confirmed" : "refused"), DB_BLOB(buf_slice(&s->der)),
	                   DB_TEXT(s->person), DB_INT(now), DB_INT(draft.id))));
	ret->confirmed = approve;
	if (!approve)
		return OK;
	TRY(deadline_store_calendar(db, &c, &ret->set));
	TRY(deadline_store_set(db, c, now, &ret->set));
	return deadline_store_recompute(db, c, ret->set, now, ret);
}
