#include "db/lease.h"

#include <stdio.h>

struct row {
	bool found, mine, free;
	int64_t epoch, beat;
};

RC lease_init(struct lease *l, const char *place)
{
	*l = (struct lease){0};
	NEED(*place != 0 && strlen(place) <= LEASE_PLACE_MAX, RC_INPUT, "lease: name of the place");
	(void)snprintf(l->place, sizeof(l->place), "%s", place);
	return OK;
}

static RC look(struct db *db, const struct lease *l, struct row *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, "SELECT holder, epoch, beat FROM lease WHERE name = 'writer'", DB_NOARGS));
	TRY(db_next(q, &ret->found));
	if (!ret->found)
		return OK;
	ret->free = db_text(q, 0).len == 0;
	ret->mine = slice_is(db_text(q, 0), l->place);
	ret->epoch = db_int(q, 1);
	ret->beat = db_int(q, 2);
	return OK;
}

static RC taken(struct lease *l, int64_t changed, int64_t epoch)
{
	NEED(changed == 1, RC_BUSY, "lease: another writer was faster");
	l->epoch = epoch;
	return OK;
}

RC lease_take(struct db *db, struct lease *l, uint64_t now_ms)
{
	struct row row = {0};
	int64_t changed = 0;

	TRY(look(db, l, &row));
	if (!row.found) {
		TRY(db_run(db, &changed,
		           "INSERT INTO lease (name, holder, epoch, beat) VALUES ('writer', $1, 1, 0) "
		           "ON CONFLICT (name) DO NOTHING",
		           DB_ARGS(DB_CSTR(l->place))));
		return taken(l, changed, 1);
	}
	if (row.epoch != l->seen_epoch || row.beat != l->seen_beat) {
		l->seen_epoch = row.epoch;
		l->seen_beat = row.beat;
		l->seen_at = now_ms;
	}
	NEED(row.free || row.mine || now_ms - l->seen_at >= LEASE_TTL_MS, RC_BUSY,
	     "lease: another writer has it (epoch %lld)", (long long)row.epoch);
	TRY(db_run(db, &changed,
	           "UPDATE lease SET holder = $1, epoch = epoch + 1, beat = beat + 1 "
	           "WHERE name = 'writer' AND epoch = $2 AND beat = $3",
	           DB_ARGS(DB_CSTR(l->place), DB_INT(row.epoch), DB_INT(row.beat))));
	return taken(l, changed, row.epoch + 1);
}

RC lease_touch(struct db *db, struct lease *l)
{
	int64_t changed = 0;

	NEED(l->epoch > 0, RC_BUSY, "lease: another writer has taken over");
	TRY(db_run(db, &changed, "UPDATE lease SET beat = beat + 1 WHERE name = 'writer' AND epoch = $1",
	           DB_ARGS(DB_INT(l->epoch))));
	if (changed == 1)
		return OK;
	l->epoch = 0;
	FAIL(RC_BUSY, "lease: another writer has taken over");
}

RC lease_give_back(struct db *db, struct lease *l)
{
	int64_t epoch = l->epoch;

	if (epoch == 0)
		return OK;
	l->epoch = 0;
	return db_run(db, NULL, "UPDATE lease SET holder = '' WHERE name = 'writer' AND epoch = $1",
	              DB_ARGS(DB_INT(epoch)));
}
