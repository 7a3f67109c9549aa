/* The directory's SQL: what waits, what is good, and every database call failing once (R21.8). */
#include "directory/store.h"

#include "../../tests/lib/fault_walk.h"

#define SERIAL SLICE_LIT("\x11\x22")
#define CA SLICE_LIT("sm2")

static const uint8_t sm3[32] = {1};
static const struct directory_row row = {
        .ca = {(const uint8_t *)"sm2", 3},
        .serial = {(const uint8_t *)"\x11\x22", 2},
        .der = {(const uint8_t *)"der", 3},
        .entry = "one",
        .not_after = 2000,
};

/* What status has taken from the log. */
static RC known(struct db *db, const char *serial, int64_t end)
{
	return db_run(db, NULL,
	              "INSERT INTO certificate (ca, serial, not_before, not_after, sm3) VALUES ($1, $2, $3, "
	              "$4, $5)",
	              DB_ARGS(DB_CSTR("sm2"), DB_BLOB(slice_of(serial, 2)), DB_INT(1000), DB_INT(end),
	                      DB_BLOB(SLICE_ARR(sm3))));
}

static struct rc prepare(struct db *db)
{
	TRY(known(db, "\x11\x22", 2000));
	TRY(directory_store_put(db, &row));
	return directory_store_wait(db, "one", 100);
}

/* ---- what it means ---- */

static size_t good(struct db *db, const char *entry, int64_t now)
{
	static struct link_values v;
	size_t n;

	walk_ok(directory_store_good(db, entry, now, &v));
	n = v.count;
	link_values_free(&v);
	return n;
}

static RC ended(struct db *db, const struct db_value *at)
{
	return db_run(db, NULL, "UPDATE certificate SET revoked_at = $1 WHERE ca = $2",
	              DB_ARGS(*at, DB_TEXT(CA)));
}

static void only_what_is_good_is_shown(void **state)
{
	AUTO(db, db, walk_database("status"));

	(void)state;
	walk_ok(prepare(db));
	assert_int_equal(good(db, "one", 1500), 1);
	assert_int_equal(good(db, "one", 2001), 0);
	assert_int_equal(good(db, "two", 1500), 0);
	walk_ok(ended(db, &DB_INT(1200)));
	assert_int_equal(good(db, "one", 1500), 0);
	walk_ok(ended(db, &DB_NULL));
	assert_int_equal(good(db, "one", 1500), 1);
	/* the CA hands over a certificate that its log does not tell of */
	walk_refused(directory_store_known(db, CA, SERIAL, (const uint8_t[32]){2}), FEED_BROKEN);
	walk_ok(directory_store_known(db, CA, SERIAL, sm3));
}

static size_t due(struct db *db, int64_t now, struct directory_waiting *w)
{
	size_t n = 1;

	walk_ok(directory_store_due(db, now, w, &n));
	return n;
}

static void a_change_while_it_is_written_waits_on(void **state)
{
	AUTO(db, db, walk_database("status"));
	struct directory_waiting w;
	int64_t waiting, since;

	(void)state;
	walk_ok(prepare(db));
	assert_int_equal(due(db, 99, &w), 0);
	assert_int_equal(due(db, 100, &w), 1);
	assert_string_equal(w.entry, "one");
	walk_ok(directory_store_wait(db, "one", 110));
	walk_ok(directory_store_done(db, &w, 110));
	assert_int_equal(due(db, 110, &w), 1);
	walk_ok(directory_store_again(db, &w, 170));
	assert_int_equal(due(db, 169, &w), 0);
	walk_ok(directory_store_count(db, &waiting, &since));
	assert_int_equal(waiting, 1);
	assert_int_equal(since, 100);
	assert_int_equal(due(db, 170, &w), 1);
	assert_int_equal(w.tries, 1);
	walk_ok(directory_store_done(db, &w, 170));
	walk_ok(directory_store_count(db, &waiting, &since));
	assert_int_equal(waiting, 0);
}

static void what_has_ended_waits_once_and_is_forgotten(void **state)
{
	AUTO(db, db, walk_database("status"));
	struct directory_waiting w;
	char name[2][DIRECTORY_NAME_MAX + 1];
	size_t n = 2;

	(void)state;
	walk_ok(prepare(db));
	assert_int_equal(due(db, 100, &w), 1);
	walk_ok(directory_store_done(db, &w, 100));
	walk_ok(directory_store_expired(db, 2000));
	assert_int_equal(due(db, 3000, &w), 0);
	walk_ok(directory_store_expired(db, 2001));
	assert_int_equal(due(db, 3000, &w), 1);
	walk_ok(directory_store_names(db, "", name, &n));
	assert_int_equal(n, 1);
	walk_ok(directory_store_done(db, &w, 2001));
	n = 2;
	walk_ok(directory_store_names(db, "", name, &n));
	assert_int_equal(n, 0);
	walk_ok(directory_store_expired(db, 2001));
	assert_int_equal(due(db, 3000, &w), 0);
}

/* ---- every call fails once ---- */

static struct rc put(struct db *db)
{
	struct directory_row other = row;

	other.serial = SLICE_LIT("\x11\x23");
	return directory_store_put(db, &other);
}

static struct rc feed(struct db *db)
{
	uint64_t next;

	TRY(directory_store_feed(db, &next));
	return directory_store_feed_set(db, next + 5);
}

static struct rc entry(struct db *db)
{
	char name[DIRECTORY_NAME_MAX + 1];

	TRY(directory_store_known(db, CA, SERIAL, sm3));
	return directory_store_entry(db, CA, SERIAL, name);
}

static struct rc waiting_again(struct db *db)
{
	return directory_store_wait(db, "one", 120);
}

static struct rc round_trip(struct db *db)
{
	struct directory_waiting w;
	size_t n = 1;

	TRY(directory_store_due(db, 500, &w, &n));
	NEED(n == 1, RC_BUG, "one waits");
	TRY(directory_store_again(db, &w, 600));
	return directory_store_done(db, &w, 2500);
}

static struct rc expired(struct db *db)
{
	return directory_store_expired(db, 2500);
}

static struct rc reading(struct db *db)
{
	static struct link_values v;
	char name[2][DIRECTORY_NAME_MAX + 1];
	size_t n = 2;
	int64_t waiting, since;
	AUTO_BUF(der, 64);
	bool current;
	struct rc rc = directory_store_good(db, "one", 1500, &v);

	link_values_free(&v);
	TRY(rc);
	TRY(directory_store_names(db, "", name, &n));
	TRY(directory_store_count(db, &waiting, &since));
	return directory_store_list(db, "sm2", &der, &current);
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"put", put},
	        {"feed", feed},
	        {"entry", entry},
	        {"waiting_again", waiting_again},
	        {"round_trip", round_trip},
	        {"expired", expired},
	        {"reading", reading},
	};

	(void)state;
	walk_faults(&(struct walk){"status", prepare, cases, sizeof(cases) / sizeof(cases[0])});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, walk_open_folder, walk_remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(only_what_is_good_is_shown),
	        TEST(a_change_while_it_is_written_waits_on),
	        TEST(what_has_ended_waits_once_and_is_forgotten),
	        TEST(every_failing_call_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
