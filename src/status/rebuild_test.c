/* A copy that tells something else than the CA's log is found and made anew from the first entry, while it
 * serves (R21.9, R12.4): rows that were changed, a broken feed, a head over other entries. */
#include "../../tests/lib/status_world.h"

#include "status/store.h"

#include <fcntl.h>

static const uint8_t good[] = {GOOD >> 8, GOOD & 255}, revoked[] = {REVOKED >> 8, REVOKED & 255},
                     never[] = {NEVER >> 8, NEVER & 255};

static void wish(char ret[160])
{
	(void)snprintf(ret, 160, "%.100s/shifan/status/" REBUILD_FILE, world.dir);
}

static void ask_for_rebuild(void)
{
	char path[160];
	int fd;

	wish(path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static bool rebuilt(void)
{
	char path[160];

	wish(path);
	return access(path, F_OK) != 0;
}

static bool says(struct slice serial, bool is_revoked)
{
	struct table_entry e;

	return table_find(&status_of()->table, 0, serial, &e) && (e.revoked != 0) == is_revoked;
}

static void change_rows(void)
{
	const uint8_t sm3[32] = {7};
	struct status_row forged = {
	        .ca = SLICE_LIT("sm2"), .serial = SLICE_ARR(never), .sm3 = sm3, .not_after = 9};
	AUTO(db, db, NULL);
	char path[160];

	(void)snprintf(path, sizeof(path), "%.100s/shifan/status/data.db", world.dir);
	assert_ok(db_open(path, false, &db));
	assert_ok(status_store_revoked(db, SLICE_LIT("sm2"), SLICE_ARR(good), 1000, 1));
	assert_ok(status_store_forget(db, SLICE_LIT("sm2"), SLICE_ARR(revoked)));
	assert_ok(status_store_issued(db, &forged));
	(void)snprintf(path, sizeof(path), "%.100s/shifan/status/status.segment", world.dir);
	assert_int_equal(unlink(path), 0);
}

static void changed_rows_are_set_right_while_it_serves(void **state)
{
	AUTO_BUF(answer, 1 << 16);

	(void)state;
	stop_status();
	change_rows();
	start_status();
	world_until(status_age(status_of()) < 5);
	assert_true(says(SLICE_ARR(good), true));
	assert_true(says(SLICE_ARR(never), false));
	ask_for_rebuild();
	while (!rebuilt())
		assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	assert_true(says(SLICE_ARR(good), false));
	assert_true(says(SLICE_ARR(revoked), true));
	assert_int_equal(table_count(&status_of()->table), 2);
	assert_int_equal(ask_bytes("GET", "/v1/certificates/sm2/2103", SLICE_NONE, &answer), 404);
	buf_clear(&answer);
	assert_int_equal(ask_bytes("GET", "/v1/certificates/sm2/2101", SLICE_NONE, &answer), 200);
	assert_non_null(strstr(buf_cstr(&answer), "\"good\""));
	buf_clear(&answer);
	assert_int_equal(ask_bytes("GET", "/v1/certificates/sm2/2102", SLICE_NONE, &answer), 200);
	assert_non_null(strstr(buf_cstr(&answer), "\"revoked\""));
	/* and follows on from there, over a restart too */
	issue(NEVER);
	world_until(says(SLICE_ARR(never), false));
	stop_status();
	start_status();
	assert_int_equal(table_count(&status_of()->table), 3);
}

/* The log was wrong for a while, as over a damaged disk of the CA: a rebuild believes it again when all of it
 * is sound. */
static void a_broken_copy_comes_back(void **state)
{
	json_t *e;

	(void)state;
	pthread_mutex_lock(&ca.lock);
	e = entry_of("refused", json_object(), json_array_size(ca.entries) + 1);
	json_array_append_new(ca.entries, e);
	pthread_mutex_unlock(&ca.lock);
	world_until(atomic_load(&status_of()->broken));
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
	ask_for_rebuild();
	world_until(rebuilt()); /* it fails, too: */
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
	pthread_mutex_lock(&ca.lock);
	json_array_remove(ca.entries, json_array_size(ca.entries) - 1);
	pthread_mutex_unlock(&ca.lock);
	issue(NEVER);
	ask_for_rebuild();
	world_until(rebuilt());
	world_until(status_of_good() == OCSP_RESPONSE_STATUS_SUCCESSFUL);
	assert_true(says(SLICE_ARR(never), false));
	assert_true(says(SLICE_ARR(revoked), true));
}

/* R12.4: leaves are sound, but the head that the CA signed is over others. */
static void another_history_is_found(void **state)
{
	struct status *s = status_of();
	struct tree_head head;

	(void)state;
	set_down(true);
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	head.size = atomic_load(&s->next);
	assert_int_equal(s->edge.size, head.size);
	tree_root(&s->edge, head.root);
	s->head = head;
	assert_ok(fork_check(s));
	assert_int_equal(s->head.size, 0); /* compared */
	/* more entries than we have: not to be told yet */
	head.size++;
	s->head = head;
	assert_ok(fork_check(s));
	assert_int_equal(s->head.size, head.size);
	head.size--;
	head.root[5] ^= 1;
	s->head = head;
	assert_refused(fork_check(s), LOG_FORK);
	set_down(false);
	world_until(atomic_load(&s->broken));
	assert_int_equal(status_of_good(), OCSP_RESPONSE_STATUS_TRYLATER);
}

/* The edge of the tree outlives a restart. */
static void what_is_compared_is_kept(void **state)
{
	struct tree_edge before = status_of()->edge;
	tree_hash a, b;

	(void)state;
	assert_int_equal(before.size, 3);
	stop_status();
	set_down(true);
	start_status();
	tree_root(&before, a);
	tree_root(&status_of()->edge, b);
	assert_int_equal(status_of()->edge.size, 3);
	assert_memory_equal(a, b, sizeof(a));
	set_down(false);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(changed_rows_are_set_right_while_it_serves),
	        CASE(a_broken_copy_comes_back),
	        CASE(another_history_is_found),
	        CASE(what_is_compared_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
