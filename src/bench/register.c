/* register.recompute_seconds: 100,000 open clocks of the register, counted anew after an amendment of the
 * calendar in one durable transaction, history and notices included.  BENCH_REGISTER names a database other
 * than an SQLite file of its own. */
#include "base/clock.h"
#include "base/mem.h"
#include "bench/private.h"
#include "deadline/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CASES 25000 /* of four clocks each */
#define DAYS 150
#define FIRST "2026-06-01"

struct desk {
	struct db *db;
	struct calendar *calendar;
	struct deadline_rules *rules;
	int64_t set, now;
};

static void desk_free(struct desk *d)
{
	db_close(d->db);
	calendar_free(d->calendar);
	deadline_rules_free(d->rules);
}

static json_t *event(const char *type, int64_t at, const char *on)
{
	json_t *o = json_object();

	json_put_cstr(o, "type", type);
	json_put_time(o, "at", at);
	if (on != NULL)
		json_put_cstr(o, "on", on);
	return o;
}

/* Received, started in another region, an end planned: D06, D10, D21 and D22 run. */
static RC one_case(const struct desk *d, int i, int32_t day)
{
	AUTO(deadline_case, k, NULL);
	AUTO_JSON(file, json_object());
	json_t *events = json_array();
	int64_t at = day_begin(day + i % DAYS) + 10 * 3600;
	char name[24], end[DAY_TEXT];

	(void)snprintf(name, sizeof(name), "case-%d", i);
	day_text(day + i % DAYS + 90, end);
	(void)json_array_append_new(events, event("received", at, NULL));
	(void)json_array_append_new(events, event("service-started", at, NULL));
	(void)json_array_append_new(events, event("end-planned", at, end));
	json_put_cstr(file, "case", name);
	json_put_take(file, "events", events);
	TRY(json_put_result());
	TRY(deadline_case_read(file, d->rules, d->calendar, &k));
	return deadline_store_case(d->db, k, d->set, d->now);
}

static RC fill(struct desk *d)
{
	int32_t day;

	TRY(day_parse(SLICE_LIT(FIRST), &day));
	d->now = day_begin(day);
	TRY(db_verb(d->db, DB_BEGIN));
	TRY(deadline_store_set(d->db, d->calendar, d->now, &d->set));
	for (int i = 0; i < CASES; i++)
		TRY(one_case(d, i, day));
	return db_verb(d->db, DB_COMMIT);
}

/* One more day off in the middle of what runs: the edition after the newest of 2026. */
static RC amend(struct desk *d)
{
	static const char text[] =
	        "{\"year\":2026,\"edition\":2,\"title\":\"t\",\"date\":\"2026-08-01\",\"reason\":\"r\","
	        "\"off\":["
	        "{\"name\":\"a\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"},"
	        "{\"name\":\"b\",\"from\":\"2026-02-15\",\"to\":\"2026-02-23\"},"
	        "{\"name\":\"c\",\"from\":\"2026-04-04\",\"to\":\"2026-04-06\"},"
	        "{\"name\":\"d\",\"from\":\"2026-05-01\",\"to\":\"2026-05-05\"},"
	        "{\"name\":\"e\",\"from\":\"2026-06-19\",\"to\":\"2026-06-21\"},"
	        "{\"name\":\"f\",\"from\":\"2026-09-03\",\"to\":\"2026-09-03\"},"
	        "{\"name\":\"g\",\"from\":\"2026-09-25\",\"to\":\"2026-09-27\"},"
	        "{\"name\":\"h\",\"from\":\"2026-10-01\",\"to\":\"2026-10-07\"}],\"work\":[\"2026-01-04\","
	        "\"2026-02-14\",\"2026-02-28\",\"2026-05-09\",\"2026-09-20\",\"2026-10-10\"]}";
	AUTO_JSON(body, NULL);

	TRY(json_read(slice_text(text), EDITION_JSON_MAX, &body));
	return calendar_add(d->calendar, body);
}

static RC measure(struct desk *d, double *seconds, struct deadline_change *change)
{
	uint64_t start;

	TRY(amend(d));
	start = clock_mono_us();
	TRY(db_verb(d->db, DB_BEGIN));
	TRY(deadline_store_set(d->db, d->calendar, d->now, &d->set));
	TRY(deadline_store_recompute(d->db, d->calendar, d->set, d->now, change));
	TRY(db_verb(d->db, DB_COMMIT));
	*seconds = (double)(clock_mono_us() - start) / 1e6;
	return OK;
}

static RC run(struct bench *b, const char *url)
{
	__attribute__((cleanup(desk_free))) struct desk d = {0};
	struct bench_row row = {.name = "register.recompute_seconds", .unit = "s"};
	struct deadline_change change = {0};

	TRY(db_open(url, false, &d.db));
	TRY(db_migrate(d.db, "register"));
	TRY(calendar_builtin(&d.calendar));
	TRY(deadline_rules_load("2009", &d.rules));
	TRY(fill(&d));
	TRY(measure(&d, &row.value, &change));
	NEED(change.looked == 4 * CASES && change.moved > 0, RC_BUG, "bench: %lld clocks, %lld moved",
	     (long long)change.looked, (long long)change.moved);
	fprintf(stderr, "bench: %lld of %lld clocks moved\n", (long long)change.moved,
	        (long long)change.looked);
	return rows_add(&b->rows, &row);
}

RC bench_register(struct bench *b)
{
	char folder[] = "/var/tmp/yuandian-register-XXXXXX", path[64];
	static const char *const tails[] = {"", "-wal", "-shm"};
	const char *url = getenv("BENCH_REGISTER");
	struct rc rc;

	if (url != NULL)
		return run(b, url);
	NEED(mkdtemp(folder) != NULL, RC_BUSY, "bench: no folder");
	(void)snprintf(path, sizeof(path), "%s/data.db", folder);
	rc = run(b, path);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/data.db%s", folder, tails[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
	return rc;
}
