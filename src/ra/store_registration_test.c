/* The tables of registration: no failing database call goes unnoticed, and nothing is left of what failed
 * (R30.2, R30.3, R30.6, R21.2). */
#include "../../tests/lib/fault_walk.h"

#include "ra/batch.h"
#include "ra/blacklist.h"
#include "ra/lapse.h"
#include "ra/notice.h"
#include "ra/source.h"

static const uint8_t mark[32] = {1};
static const char *const holder = "00000000-0000-0000-0000-00000000000a";
static const char *const clerk = "11111111-0000-0000-0000-000000000001";
static const char batch_id[] = "batch00000000001";

static struct ra_application application(uint8_t n)
{
	struct ra_application a = {.at = 1000,
	                           .hash = {n},
	                           .spki = {n, n},
	                           .profile = "person",
	                           .class = "GOV",
	                           .authority = "sm2",
	                           .subject = "CN=a",
	                           .days = 1,
	                           .days_max = 1};

	snprintf(a.id, sizeof(a.id), "application%05u", n);
	memcpy(a.entity, holder, RA_UUID);
	memcpy(a.entry, clerk, RA_UUID);
	memcpy(a.batch, batch_id, RA_ID);
	return a;
}

static struct batch batch_of_two(void)
{
	struct batch b = {.sm3 = {5}, .lines = 2, .at = 1};

	memcpy(b.id, batch_id, RA_ID);
	memcpy(b.by, clerk, RA_UUID);
	memcpy(b.name, "list.csv", 8);
	return b;
}

static struct rc prepare(struct db *db)
{
	struct ra_application a = application(1);
	struct batch b = batch_of_two();
	char id[RA_UUID + 1];

	TRY(ra_store_entity(db, mark, "document", 1, holder, id));
	TRY(ra_store_enter(db, &a, SLICE_LIT("statement")));
	return ra_store_batch_put(db, &b);
}

struct seen_notices {
	int n;
	int64_t last;
};

static struct rc count_notice(void *arg, const struct notice_row *r)
{
	struct seen_notices *seen = arg;

	seen->n++;
	seen->last = r->id;
	return OK;
}

static struct rc walk_notice(struct db *db)
{
	struct db_tx tx = {db};
	AUTO_BUF(b, 64);
	bool waiting;
	struct seen_notices seen = {0};

	TRY(ra_notice(&tx, &(struct notice){"kind", NOTICE_ENTITY, holder, "application/1", "中", "en"}));
	TRY(ra_store_notices(db, &(struct notice_filter){.limit = 5, .waiting = true}, count_notice, &seen));
	TRY(ra_store_mail_note(db, seen.last, MAIL_SENT, 7)); /* PostgreSQL gives no number twice */
	TRY(ra_store_mail_waiting(db, &waiting));
	TRY(ra_store_newest_statement(db, holder, &b));
	NEED(seen.n == 1 && !waiting && b.len == 9, RC_BUG, "lost");
	return OK;
}

static struct rc count_entry(void *arg, const struct blacklist_row *r)
{
	(void)r;
	++*(int *)arg;
	return OK;
}

static struct rc walk_blacklist(struct db *db)
{
	struct blacklist_entry e = {.mark = {4},
	                            .record = {6},
	                            .kind = "number",
	                            .reason = "r",
	                            .by = clerk,
	                            .now = 5,
	                            .since = 5};
	uint8_t got[BLACKLIST_MARK];
	bool before, listed, after;
	int n = 0;

	TRY(ra_store_list(db, &e));
	TRY(ra_store_listed(db, e.mark, 4, &before));
	TRY(ra_store_listed(db, e.mark, 5, &listed));
	TRY(ra_store_unlist(db, &e));
	TRY(ra_store_listed(db, e.mark, 5, &after));
	TRY(ra_store_blacklist(db, 0, count_entry, &n));
	TRY(ra_store_entity_mark(db, holder, got));
	NEED(!before && listed && !after && n == 1 && memcmp(got, mark, 32) == 0, RC_BUG, "lost");
	return OK;
}

static struct rc see_id(void *arg, struct slice id)
{
	(void)id;
	++*(int *)arg;
	return OK;
}

static struct rc walk_application(struct db *db)
{
	struct source_answer answer = {.result = SOURCE_MATCH, .at = 3, .record = {9}};
	struct ra_application other = application(2);
	char id[RA_ID + 1];
	bool any;
	int same = 0;

	TRY(ra_store_source(db, 1, SOURCE_MATCH));
	TRY(ra_store_source_answer(db, 1, &answer));
	TRY(ra_store_any(db, APPLICATION_ENTERED, &any));
	TRY(ra_store_same(db, &other, 5, see_id, &same));
	TRY(ra_store_id(db, 1, id));
	NEED(any && same == 1 && strcmp(id, "application00001") == 0, RC_BUG, "lost");
	return OK;
}

static struct rc count_error(void *arg, const struct batch_error *e)
{
	(void)e;
	++*(int *)arg;
	return OK;
}

static struct rc walk_batch(struct db *db)
{
	int64_t done, errors, next, cancelled, counts[APPLICATION_STATES];
	AUTO_BUF(code, 64);
	struct batch b;
	char id[RA_ID + 1];
	int n = 0;

	TRY(ra_store_batch_file(db, batch_of_two().sm3, clerk, &b));
	TRY(ra_store_line_put(db, b.id, &(struct batch_line){.line = 1, .application = 1}));
	TRY(ra_store_line_put(db, b.id, &(struct batch_line){.line = 2, .code = "csv", .text = "t"}));
	TRY(ra_store_line(db, b.id, 2, id, &code));
	TRY(ra_store_batch_progress(db, b.id, &done, &errors, &next));
	TRY(ra_store_batch_errors(db, b.id, 0, 5, count_error, &n));
	TRY(ra_store_batch_cancel(db, b.id, clerk, 9, &cancelled));
	TRY(ra_store_batch_counts(db, b.id, counts));
	TRY(ra_store_batch(db, b.id, &b));
	NEED(done == 2 && errors == 1 && next == 3 && n == 1 && cancelled == 1 && id[0] == '\0' &&
	             counts[APPLICATION_CANCELLED] == 1 && b.state == BATCH_CANCELLED,
	     RC_BUG, "lost");
	return OK;
}

static struct rc count_unaccepted(void *arg, const struct ra_application *a)
{
	(void)a;
	++*(int *)arg;
	return OK;
}

static struct rc walk_lapse(struct db *db)
{
	struct ra_step steps[] = {
	        {1, 2, APPLICATION_ENTERED, APPLICATION_APPROVE, clerk, "", ""},
	        {1, 2, APPLICATION_APPROVED, APPLICATION_WHOLE, clerk, "", ""},
	};
	int64_t first, forgotten;
	bool known;
	int n = 0;

	for (size_t i = 0; i < 2; i++)
		TRY(ra_store_step(db, &steps[i]));
	TRY(ra_store_issued(db, 1, 50, 500));
	TRY(ra_store_first_unaccepted(db, &first));
	TRY(ra_store_unaccepted(db, 50, 4, count_unaccepted, &n));
	NEED(n == 0, RC_BUG, "too early");
	TRY(ra_store_unaccepted(db, 51, 4, count_unaccepted, &n));
	TRY(ra_store_revocation_known(db, "sm2", SLICE_LIT("9"), &known));
	TRY(ra_store_forget_refused(db, 100, &forgotten));
	NEED(first == 50 && n == 1 && !known && forgotten == 0, RC_BUG, "lost");
	return OK;
}

static void every_call_may_fail(void **state)
{
	static const struct walk_case cases[] = {
	        {"notice", walk_notice}, {"blacklist", walk_blacklist}, {"application", walk_application},
	        {"batch", walk_batch},   {"lapse", walk_lapse},
	};

	(void)state;
	walk_faults(&(struct walk){"ra", prepare, cases, sizeof(cases) / sizeof(cases[0])});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_call_may_fail, walk_open_folder, walk_remove_folder)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
