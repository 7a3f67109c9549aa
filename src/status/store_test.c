/* The status role's SQL over SQLite and over a driver that fails at every call. */
#include "status/store.h"

#include "base/text.h"
#include "../../tests/lib/pgsql_server.h"

static const uint8_t sm3_a[32] = {1}, sm3_b[32] = {2};
static const struct status_row row = {
        .ca = {(const uint8_t *)"sm2", 3},
        .serial = {(const uint8_t *)"\x11\x22", 2},
        .not_before = 1000,
        .not_after = 2000,
        .sm3 = sm3_a,
};

struct fixture {
	char path[64], url[PGSQL_URL];
	struct db *db;
};

static int setup(void **state)
{
	static struct fixture f;

	memcpy(f.path, "/tmp/yd-status-XXXXXX", 22);
	close(mkstemp(f.path));
	pgsql_place(f.url, f.path);
	assert_true(rc_ok(db_open(f.url, false, &f.db)));
	assert_true(rc_ok(db_migrate(f.db, "status")));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	unlink(f->path);
	return 0;
}

static void issued_then_revoked(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct status_row got, other = row;
	uint8_t hold[32];

	assert_int_equal(status_store_find(db, row.ca, row.serial, &got, hold).code, RC_NOTFOUND);
	assert_int_equal(status_store_revoked(db, row.ca, row.serial, 1500, 1).code, RC_NOTFOUND);
	assert_true(rc_ok(status_store_issued(db, &row)));
	assert_true(rc_ok(status_store_issued(db, &row)));
	other.sm3 = sm3_b;
	assert_int_equal(status_store_issued(db, &other).code, RC_CONFLICT);
	assert_true(rc_ok(status_store_find(db, row.ca, row.serial, &got, hold)));
	assert_false(got.revoked);
	assert_int_equal(got.not_after, 2000);
	assert_true(rc_ok(status_store_revoked(db, row.ca, row.serial, 1500, 1)));
	assert_true(rc_ok(status_store_find(db, row.ca, row.serial, &got, hold)));
	assert_true(got.revoked);
	assert_int_equal(got.revoked_at, 1500);
	assert_int_equal(got.reason, 1);
}

static void feed_and_lists_are_kept(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct list_row list;
	struct buf der = BUF(64);
	uint64_t next;

	assert_true(rc_ok(status_store_feed(db, "shifan/ca", &next)));
	assert_int_equal(next, 0);
	assert_true(rc_ok(status_store_feed_set(db, "shifan/ca", 7, sm3_a)));
	assert_true(rc_ok(status_store_feed_set(db, "shifan/ca", 9, sm3_b)));
	assert_true(rc_ok(status_store_feed(db, "shifan/ca", &next)));
	assert_int_equal(next, 9);
	assert_int_equal(status_store_list(db, "sm2", &list, NULL).code, RC_NOTFOUND);
	assert_true(rc_ok(status_store_announce(db, slice_text("sm2"), 3, sm3_a)));
	assert_true(rc_ok(status_store_list(db, "sm2", &list, &der)));
	assert_int_equal(list.announced, 3);
	assert_int_equal(list.number, 0);
	assert_int_equal(der.len, 0);
	list.number = 3;
	list.this_update = 10;
	list.next_update = 20;
	assert_true(rc_ok(status_store_list_put(db, "sm2", &list, SLICE_LIT("crl"))));
	assert_true(rc_ok(status_store_list(db, "sm2", &list, &der)));
	assert_int_equal(list.number, 3);
	assert_int_equal(list.next_update, 20);
	assert_true(slice_is(buf_slice(&der), "crl"));
	buf_free(&der);
}

/* Each call fails once: the function says so, and without the fault it succeeds. */
static void every_failing_call_is_told(void **state)
{
	struct fixture *f = *state;
	struct db_faults faults = {.kinds = DB_CALL_PREPARE | DB_CALL_BIND | DB_CALL_STEP, .verb = -1};
	struct db *db;
	struct status_row got;
	uint8_t hold[32];
	unsigned failed = 0;

	assert_true(rc_ok(status_store_issued(f->db, &row)));
	for (unsigned long at = 1; at < 100; at++) {
		assert_true(rc_ok(db_open_faulty(f->url, &faults, &db)));
		faults.at = at;
		struct rc rc = status_store_find(db, row.ca, row.serial, &got, hold);
		faults.at = 0;
		db_close(db);
		if (rc_ok(rc))
			break;
		assert_int_not_equal(rc.code, RC_NOTFOUND);
		failed++;
	}
	assert_in_range(failed, 3, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(issued_then_revoked, setup, teardown),
	        cmocka_unit_test_setup_teardown(feed_and_lists_are_kept, setup, teardown),
	        cmocka_unit_test_setup_teardown(every_failing_call_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
