/* The KMC's three stores and its tasks (R06.13, R06.5). */
#include "../../tests/lib/fault_walk.h"

#include "kmc/store.h"

static const struct kmc_mac mac = {{9, 9, 9}};
static const uint8_t ca[32] = {1}, other_ca[32] = {2}, hash_a[32] = {3}, hash_b[32] = {4};
static const uint8_t serial_a[16] = {0x21}, serial_b[16] = {0x22};

static struct kmc_key key_of(uint8_t n)
{
	return (struct kmc_key){.pub = {n}, .wrapped = {n, n}, .wrapped_len = 100};
}

static struct kmc_user user_of(const uint8_t serial[16])
{
	return (struct kmc_user){.serial = slice_of(serial, 16),
	                         .sign_key = {5},
	                         .not_before = 1,
	                         .not_after = 2,
	                         .name = SLICE_LIT("name"),
	                         .region = SLICE_LIT("110000")};
}

static RC put_keys(struct db *db)
{
	for (uint8_t n = 1; n <= 3; n++) {
		struct kmc_key k = key_of(n);

		TRY(kmc_store_standby_add(db, &mac, &k, n));
	}
	return OK;
}

/* standby → in use → history, each key once. */
static void keys_move_one_way(void **state)
{
	struct db *db = walk_database("kmc");
	struct kmc_user a = user_of(serial_a), b = user_of(serial_b);
	int64_t standby, in_use, history, tasks;
	struct kmc_key first, second, again;
	enum kmc_shelf shelf;
	uint8_t sign_key[32];
	bool moved;

	(void)state;
	walk_ok(put_keys(db));
	walk_ok(kmc_store_assign(db, &mac, ca, &a, 10, &first));
	walk_ok(kmc_store_assign(db, &mac, ca, &b, 10, &second));
	assert_int_equal(first.pub[0], 1);
	assert_int_equal(second.pub[0], 2);
	walk_ok(kmc_store_find(db, &mac, ca, a.serial, &shelf, sign_key, &again));
	assert_int_equal(shelf, KMC_IN_USE);
	assert_int_equal(sign_key[0], 5);
	assert_memory_equal(again.pub, first.pub, sizeof(first.pub));
	assert_int_equal(again.wrapped_len, first.wrapped_len);
	walk_ok(kmc_store_find(db, &mac, other_ca, a.serial, &shelf, sign_key, &again));
	assert_int_equal(shelf, KMC_NOWHERE);
	walk_ok(kmc_store_retire(db, &mac, ca, a.serial, 20, &moved));
	assert_true(moved);
	walk_ok(kmc_store_retire(db, &mac, ca, a.serial, 21, &moved));
	assert_false(moved);
	walk_ok(kmc_store_find(db, &mac, ca, a.serial, &shelf, sign_key, &again));
	assert_int_equal(shelf, KMC_HISTORY);
	assert_memory_equal(again.wrapped, first.wrapped, first.wrapped_len);
	walk_refused(kmc_store_retire(db, &mac, other_ca, a.serial, 22, &moved), KM_UNKNOWN);
	walk_ok(kmc_store_counts(db, &standby, &in_use, &history, &tasks));
	assert_int_equal(standby, 1);
	assert_int_equal(in_use, 1);
	assert_int_equal(history, 1);
	assert_int_equal(tasks, 0);
	db_close(db);
}

static void an_empty_stock_says_so(void **state)
{
	struct db *db = walk_database("kmc");
	struct kmc_user a = user_of(serial_a);
	struct kmc_key k;

	(void)state;
	walk_refused(kmc_store_assign(db, &mac, ca, &a, 10, &k), KM_STOCK);
	db_close(db);
}

/* The changes are made in SQLite's words; what finds them is the same over both. */
static bool on_pgsql(void)
{
	return strncmp(walk_url, "pgsql:", 6) == 0;
}

/* R06.13: whichever column is changed, by one bit or by exchange with a neighbour, it is seen. */
static void a_changed_row_is_found(void **state)
{
	static const char *const changes[] = {
	        "UPDATE in_use SET pub = CAST(X'02' || substr(pub, 2) AS BLOB)",
	        "UPDATE in_use SET wrapped = CAST(X'02' || substr(wrapped, 2) AS BLOB)",
	        "UPDATE in_use SET sign_key = CAST(X'04' || substr(sign_key, 2) AS BLOB)",
	        "UPDATE in_use SET sign_key = X''",
	        "UPDATE in_use SET not_after = not_after + 1",
	        "UPDATE in_use SET not_before = 0",
	        "UPDATE in_use SET user_name = NULL",
	        "UPDATE in_use SET region = X'31'",
	        "UPDATE in_use SET extend = X'31'",
	        "UPDATE in_use SET user_name = CAST(user_name || region AS BLOB), region = NULL",
	        "UPDATE in_use SET mac = X''",
	        "UPDATE in_use SET ca = X'0200000000000000000000000000000000000000000000000000000000000000'",
	        "UPDATE in_use SET wrapped = zeroblob(300)",
	};

	(void)state;
	if (on_pgsql())
		skip();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct db *db = walk_database("kmc");
		struct kmc_user a = user_of(serial_a);
		enum kmc_shelf shelf;
		uint8_t sign_key[32];
		struct kmc_key k;
		bool moved;

		walk_ok(db_script(db, "DELETE FROM standby; DELETE FROM in_use"));
		walk_ok(put_keys(db));
		walk_ok(kmc_store_assign(db, &mac, ca, &a, 10, &k));
		walk_ok(db_script(db, changes[i]));
		walk_refused(
		        kmc_store_find(db, &mac, i == 11 ? other_ca : ca, a.serial, &shelf, sign_key, &k),
		        KM_TAMPERED);
		walk_refused(kmc_store_retire(db, &mac, i == 11 ? other_ca : ca, a.serial, 3, &moved),
		             KM_TAMPERED);
		db_close(db);
	}
}

static void a_changed_standby_key_is_found(void **state)
{
	struct db *db;
	struct kmc_user a = user_of(serial_a);
	struct kmc_mac foreign = {{8}};
	struct kmc_key k;

	(void)state;
	if (on_pgsql())
		skip();
	db = walk_database("kmc");
	walk_ok(put_keys(db));
	walk_ok(db_script(
	        db, "UPDATE standby SET wrapped = CAST(X'ff' || substr(wrapped, 2) AS BLOB) WHERE id = 1"));
	walk_refused(kmc_store_assign(db, &mac, ca, &a, 10, &k), KM_TAMPERED);
	walk_refused(kmc_store_assign(db, &foreign, ca, &a, 10, &k), KM_TAMPERED);
	walk_ok(kmc_store_assign(db, &mac, ca, &a, 10, &k));
	assert_int_equal(k.pub[0], 3);
	db_close(db);
}

/* Design 9.6: same taskNO and bytes, same answer; other bytes are refused; for ever. */
static void a_task_is_answered_once(void **state)
{
	struct db *db = walk_database("kmc");
	AUTO_BUF(b, 100);
	bool answered;

	(void)state;
	walk_ok(kmc_store_task(db, ca, SLICE_LIT("\x01"), hash_a, 1, &answered, &b));
	assert_false(answered);
	walk_ok(kmc_store_task(db, ca, SLICE_LIT("\x01"), hash_a, 2, &answered, &b));
	assert_false(answered);
	walk_refused(kmc_store_task(db, ca, SLICE_LIT("\x01"), hash_b, 2, &answered, &b), KM_TASK);
	walk_ok(kmc_store_answer(db, ca, SLICE_LIT("\x01"), SLICE_LIT("first"), &b));
	buf_clear(&b);
	walk_ok(kmc_store_answer(db, ca, SLICE_LIT("\x01"), SLICE_LIT("second"), &b));
	assert_true(slice_is(buf_slice(&b), "first"));
	buf_clear(&b);
	walk_ok(kmc_store_task(db, ca, SLICE_LIT("\x01"), hash_a, 3, &answered, &b));
	assert_true(answered);
	assert_true(slice_is(buf_slice(&b), "first"));
	walk_refused(kmc_store_task(db, ca, SLICE_LIT("\x01"), hash_b, 2, &answered, &b), KM_TASK);
	walk_ok(kmc_store_task(db, other_ca, SLICE_LIT("\x01"), hash_b, 2, &answered, &b));
	assert_false(answered);
	assert_int_equal(kmc_store_answer(db, ca, SLICE_LIT("\x02"), SLICE_LIT("x"), &b).code, RC_BUG);
	db_close(db);
}

/* ---- the walk ---- */

static RC fault_setup(struct db *db)
{
	struct kmc_user a = user_of(serial_a);
	AUTO_BUF(b, 100);
	struct kmc_key k;
	bool answered;

	TRY(put_keys(db));
	TRY(kmc_store_assign(db, &mac, ca, &a, 10, &k));
	return kmc_store_task(db, ca, SLICE_LIT("\x01"), hash_a, 1, &answered, &b);
}

static RC fault_standby(struct db *db)
{
	struct kmc_key k = key_of(9);

	return kmc_store_standby_add(db, &mac, &k, 1);
}

static RC fault_count(struct db *db)
{
	int64_t n;

	return kmc_store_standby_count(db, &n);
}

static RC fault_assign(struct db *db)
{
	struct kmc_user b = user_of(serial_b);
	struct kmc_key k;

	return kmc_store_assign(db, &mac, ca, &b, 1, &k);
}

static RC fault_find(struct db *db)
{
	enum kmc_shelf shelf;
	uint8_t sign_key[32];
	struct kmc_key k;

	return kmc_store_find(db, &mac, ca, SLICE_ARR(serial_a), &shelf, sign_key, &k);
}

static RC fault_retire(struct db *db)
{
	bool moved;

	return kmc_store_retire(db, &mac, ca, SLICE_ARR(serial_a), 1, &moved);
}

static RC fault_task(struct db *db)
{
	AUTO_BUF(b, 100);
	bool answered;

	return kmc_store_task(db, ca, SLICE_LIT("\x07"), hash_a, 1, &answered, &b);
}

static RC fault_answer(struct db *db)
{
	AUTO_BUF(b, 100);

	return kmc_store_answer(db, ca, SLICE_LIT("\x01"), SLICE_LIT("x"), &b);
}

static RC fault_counts(struct db *db)
{
	int64_t n;

	return kmc_store_counts(db, &n, &n, &n, &n);
}

static void every_failing_call_is_noticed(void **state)
{
	static const struct walk_case cases[] = {
	        {"standby_add", fault_standby}, {"standby_count", fault_count}, {"assign", fault_assign},
	        {"find", fault_find},           {"retire", fault_retire},       {"task", fault_task},
	        {"answer", fault_answer},       {"counts", fault_counts},
	};

	(void)state;
	walk_faults(&(struct walk){"kmc", fault_setup, cases, sizeof(cases) / sizeof(cases[0])});
}

int main(void)
{
#define FRESH(f) cmocka_unit_test_setup_teardown(f, walk_open_folder, walk_remove_folder)
	const struct CMUnitTest tests[] = {
	        FRESH(keys_move_one_way),       FRESH(an_empty_stock_says_so),
	        FRESH(a_changed_row_is_found),  FRESH(a_changed_standby_key_is_found),
	        FRESH(a_task_is_answered_once), FRESH(every_failing_call_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
