#include "evidence/log.h"
#include "../../tests/lib/pgsql_server.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[32];
static struct db_faults faults;
static struct writer *writer;
static struct db *reader;
static struct log *events;

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/yd-log-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int start(void **state)
{
	static int n;
	char file[64], path[PGSQL_URL];
	struct db *db = NULL;

	(void)state;
	faults = (struct db_faults){0};
	(void)snprintf(file, sizeof(file), "%s/%d.db", dir, n++);
	pgsql_place(path, file);
	if (!rc_ok(db_open_faulty(path, &faults, &db)) || !rc_ok(db_migrate(db, NULL)) ||
	    !rc_ok(db_open(path, true, &reader)) || !rc_ok(writer_open(db, &writer)) ||
	    !rc_ok(log_open(writer, reader, &events)))
		return -1;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	writer_close(writer);
	log_close(events);
	db_close(reader);
	return 0;
}

/* What one closure does: some entries, then perhaps a refusal. */
struct work {
	int entries;
	bool fails;
	const char *kind;
	const uint8_t *sealed;
	uint64_t first;
};

static RC append(struct db_tx *tx, void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < w->entries; i++) {
		AUTO_JSON(data, json_object());

		json_put_cstr(data, "ca", "sm2");
		json_put_int(data, "n", i);
		TRY(log_append(events, tx, w->kind == NULL ? "issued" : w->kind, data, w->sealed,
		               i == 0 ? &w->first : NULL));
	}
	REQUIRE(!w->fails, UTF8, "refused after its entries");
	return OK;
}

static RC check_entry(const struct log_entry *e, void *arg)
{
	uint64_t *next = arg;
	uint8_t leaf[LOG_LEAF];
	AUTO_JSON(v, NULL);
	AUTO_BUF(again, LOG_ENTRY_MAX);
	int64_t at = 0;

	assert_true(e->index == *next);
	(*next)++;
	log_leaf(e->entry, leaf);
	assert_memory_equal(leaf, e->leaf, LOG_LEAF);
	assert_ok(json_read(e->entry, LOG_ENTRY_MAX, &v));
	assert_ok(json_only(v, "at", "kind", "data", "sealed", NULL));
	assert_ok(json_get_time(v, "at", &at));
	assert_true(at == e->at);
	assert_ok(json_canonical(v, &again));
	assert_true(slice_equal(buf_slice(&again), e->entry));
	return OK;
}

/* Indices from 0 without gaps, and the size in memory is the size on disk. */
static void whole(uint64_t want)
{
	uint64_t next = 0, before;

	do {
		before = next;
		assert_ok(log_each(reader, next, 100, check_entry, &next));
	} while (next > before);
	assert_true(next == want);
	assert_true(log_size(events) == want);
}

/* The judge is another SM3. */
static void the_leaf_of_rfc9162(void **state)
{
	static const char golden[] = "262a4f410d3b5e71d736965173513a898fdf5526cbefd21e99c37c9a33cc63aa";
	uint8_t leaf[LOG_LEAF];
	AUTO_BUF(hex, 100);

	(void)state;
	log_leaf(SLICE_LIT("{\"at\":\"2026-11-22T08:00:00Z\",\"data\":{\"ca\":\"sm2\",\"n\":1},\"kind\":"
	                   "\"issued\","
	                   "\"sealed\":null}"),
	         leaf);
	buf_hex(&hex, SLICE_ARR(leaf));
	assert_string_equal(buf_cstr(&hex), golden);
}

static void appends_in_order(void **state)
{
	struct work three = {.entries = 3}, one = {.entries = 1, .kind = "revoked"}, none = {0};
	AUTO_JSON(list, NULL);
	uint8_t sealed[LOG_LEAF] = {0xab};
	const json_t *o;

	(void)state;
	whole(0);
	assert_ok(writer_run(writer, append, &three));
	assert_true(three.first == 0);
	one.sealed = sealed;
	assert_ok(writer_run(writer, append, &one));
	assert_true(one.first == 3);
	assert_ok(writer_run(writer, append, &none));
	whole(4);
	assert_ok(log_read(reader, 2, 10, &list));
	assert_int_equal(json_array_size(list), 2);
	o = json_array_get(list, 1);
	assert_int_equal(json_integer_value(json_object_get(o, "index")), 3);
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "entry"), "kind")),
	                    "revoked");
	assert_int_equal(strncmp(json_string_value(json_object_get(o, "sealed")), "ab00", 4), 0);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "sealed")));
	assert_rc(log_read(reader, 0, LOG_READ_MAX + 1, &list), RC_INPUT);
}

static void a_refused_closure_leaves_no_gap(void **state)
{
	struct work good = {.entries = 2}, bad = {.entries = 3, .fails = true};
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		assert_refused(writer_run(writer, append, &bad), UTF8);
		assert_ok(writer_run(writer, append, &good));
		assert_true(good.first == (uint64_t)(2 * i));
	}
	whole(40);
}

/* Neighbours of one batch: the refused one in the middle gave its indices back. */
static struct work batch[30];

static void neighbours(void **state)
{
	uint64_t want = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 30; i++) {
		batch[i] = (struct work){.entries = (int)(i % 4), .fails = i % 3 == 1};
		assert_ok(writer_submit(writer, append, NULL, &batch[i]));
	}
	assert_ok(writer_run(writer, append, &(struct work){.entries = 1}));
	for (i = 0; i < 30; i++) {
		if (batch[i].fails)
			continue;
		if (batch[i].entries > 0)
			assert_true(batch[i].first == want);
		want += (uint64_t)batch[i].entries;
	}
	whole(want + 1);
}

/* Each database call fails once, or does its work and loses the answer. */
static void continuity_under_failures(void **state)
{
	unsigned long n;
	int uncertain;
	uint64_t size = 0;

	(void)state;
	for (uncertain = 0; uncertain < 2; uncertain++) {
		struct rc rc = {RC_BUG};

		for (n = 1; !rc_ok(rc); n++) {
			struct work w = {.entries = 2}, after = {.entries = 1};

			faults = (struct db_faults){
			        .kinds = DB_CALL_ALL, .verb = -1, .at = n, .uncertain = uncertain != 0};
			rc = writer_run(writer, append, &w);
			faults.at = 0;
			if (rc_ok(rc))
				size += 2;
			else
				assert_true(rc.code == RC_BUSY || rc.code == RC_UNCERTAIN);
			assert_ok(writer_run(writer, append, &after));
			/* an uncertain COMMIT did commit: then two entries stand before this one */
			assert_true(after.first == size ||
			            (after.first == size + 2 && rc.code == RC_UNCERTAIN));
			size = after.first + 1;
			whole(size);
		}
		assert_true(n > 15);
	}
}

/* The size in memory follows a COMMIT whose answer was lost, without another append. */
static void an_uncertain_commit_is_read_again(void **state)
{
	struct work w = {.entries = 2};
	uint64_t size = 0;

	(void)state;
	faults = (struct db_faults){.kinds = DB_CALL_VERB, .verb = DB_COMMIT, .at = 1, .uncertain = true};
	assert_rc(writer_run(writer, append, &w), RC_UNCERTAIN);
	assert_ok(writer_run(writer, append, &(struct work){0}));
	assert_ok(log_wait(events, 1, 0, &size));
	assert_true(size == 2);
	whole(2);
}

static RC append_short_of_memory(struct db_tx *tx, void *arg)
{
	size_t *n = arg;
	struct work w = {.entries = 2};
	struct rc rc;

	(void)mem_fail_after(*n);
	rc = append(tx, &w);
	if (mem_fail_after(0) < *n)
		*n = 0;
	return rc;
}

static void torture(void **state)
{
	uint64_t size = 0;
	size_t n, left = 1;

	(void)state;
	for (n = 1; left > 0 && n < 200; n++) {
		struct rc rc;

		left = n;
		rc = writer_run(writer, append_short_of_memory, &left);
		if (!rc_ok(rc) && rc.code != RC_NOMEM)
			fail_msg("%zu: %s", n, rc_last()->text);
		size += rc_ok(rc) ? 2 : 0;
		whole(size);
	}
	assert_true(n > 10 && n < 200 && size > 0);
}

static void limits(void **state)
{
	char kind[LOG_KIND_MAX + 2];
	struct work w = {.entries = 1, .kind = kind};

	(void)state;
	memset(kind, 'k', sizeof(kind) - 1);
	kind[sizeof(kind) - 1] = '\0';
	assert_rc(writer_run(writer, append, &w), RC_BUG);
	kind[LOG_KIND_MAX] = '\0';
	assert_ok(writer_run(writer, append, &w));
	whole(1);
}

static RC append_big(struct db_tx *tx, void *arg)
{
	AUTO_JSON(data, json_object());
	AUTO_MEM(char, text, mem_new(LOG_ENTRY_MAX, 1));

	(void)arg;
	memset(text, 'x', LOG_ENTRY_MAX - 1);
	json_put_cstr(data, "text", text);
	return log_append(events, tx, "big", data, NULL, NULL);
}

static void an_entry_has_a_limit(void **state)
{
	(void)state;
	assert_refused(writer_run(writer, append_big, NULL), TOO_LARGE);
	whole(0);
}

static RC stop_at_two(const struct log_entry *e, void *arg)
{
	int *calls = arg;

	(*calls)++;
	NEED(e->index < 2, RC_CONFLICT, "enough");
	return OK;
}

static void reading_stops_when_told(void **state)
{
	int calls = 0;

	(void)state;
	assert_ok(writer_run(writer, append, &(struct work){.entries = 9}));
	assert_rc(log_each(reader, 0, 9, stop_at_two, &calls), RC_CONFLICT);
	assert_int_equal(calls, 3);
	calls = 0;
	assert_ok(log_each(reader, 9, 10, stop_at_two, &calls));
	assert_int_equal(calls, 0);
}

/* ---- waiting ---- */

static void *wait_for_more(void *arg)
{
	uint64_t *size = arg;

	return rc_ok(log_wait(events, *size, 60000, size)) ? arg : NULL;
}

static void waiters_wake(void **state)
{
	pthread_t t[2];
	uint64_t sizes[2] = {0, 1}, now = 0;
	void *done;

	(void)state;
	assert_ok(log_wait(events, 0, 1, &now)); /* time is over */
	assert_true(now == 0);
	assert_int_equal(pthread_create(&t[0], NULL, wait_for_more, &sizes[0]), 0);
	assert_int_equal(pthread_create(&t[1], NULL, wait_for_more, &sizes[1]), 0);
	assert_ok(writer_run(writer, append, &(struct work){.entries = 1}));
	assert_int_equal(pthread_join(t[0], &done), 0);
	assert_non_null(done);
	assert_true(sizes[0] == 1);
	log_stop(events);
	assert_int_equal(pthread_join(t[1], &done), 0);
	assert_non_null(done);
	assert_true(sizes[1] == 1);
	assert_ok(log_wait(events, 100, 60000, &now)); /* stopped: at once */
	assert_true(now == 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
	        CASE(the_leaf_of_rfc9162),
	        CASE(appends_in_order),
	        CASE(a_refused_closure_leaves_no_gap),
	        CASE(neighbours),
	        CASE(continuity_under_failures),
	        CASE(an_uncertain_commit_is_read_again),
	        CASE(torture),
	        CASE(limits),
	        CASE(an_entry_has_a_limit),
	        CASE(reading_stops_when_told),
	        CASE(waiters_wake),
	};

	return cmocka_run_group_tests(tests, make_dir, NULL);
}
