#include "evidence/record.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t key[RECORD_KEY] = "an example key!";
static char dir[64];
static struct record_store *store;

static int start(void **state)
{
	char made[] = "/tmp/yd-record-XXXXXX";

	(void)state;
	if (mkdtemp(made) == NULL)
		return -1;
	(void)snprintf(dir, sizeof(dir), "%s/records", made);
	return rc_ok(record_open(dir, key, &store)) ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	record_close(store);
	store = NULL;
	return 0;
}

static void path_of(const uint8_t id[RECORD_ID], char ret[256])
{
	AUTO_BUF(hex, 100);

	buf_hex(&hex, slice_of(id, RECORD_ID));
	(void)snprintf(ret, 256, "%s/%.2s/%s", dir, buf_cstr(&hex), buf_cstr(&hex));
}

/* Files under the store, temporary ones included. */
static size_t files(void)
{
	char pattern[80];
	glob_t found;
	size_t n;

	(void)snprintf(pattern, sizeof(pattern), "%s/*/*", dir);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

/* The id is judged by another SM3. */
static void puts_and_gets(void **state)
{
	AUTO_BUF(b, RECORD_MAX);
	AUTO_BUF(raw, RECORD_MAX + 100);
	AUTO_BUF(hex, 100);
	uint8_t id[RECORD_ID], again[RECORD_ID];
	char path[256];
	struct stat st;
	bool has = false;

	(void)state;
	assert_ok(record_put(store, SLICE_LIT("源点"), id));
	buf_hex(&hex, SLICE_ARR(id));
	assert_string_equal(buf_cstr(&hex),
	                    "3e6995c36efa3221fe70f91b860be94db2bc26dd4535e23326b158d21eedbbab");
	assert_ok(record_get(store, id, &b));
	assert_string_equal(buf_cstr(&b), "源点");
	assert_ok(record_has(store, id, &has));
	assert_true(has);
	assert_ok(record_put(store, SLICE_LIT("源点"), again));
	assert_memory_equal(id, again, RECORD_ID);
	assert_int_equal(files(), 1);
	path_of(id, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(file_read(path, 1000, &raw));
	assert_null(memmem(raw.p, raw.len, "源点", 6)); /* sealed */
	id[5] ^= 1;
	assert_rc(record_get(store, id, &b), RC_NOTFOUND);
	assert_ok(record_has(store, id, &has));
	assert_false(has);
}

static void sizes(void **state)
{
	AUTO_BUF(b, RECORD_MAX);
	AUTO_MEM(uint8_t, big, mem_new(RECORD_MAX + 1, 1));
	uint8_t id[RECORD_ID];

	(void)state;
	assert_non_null(big);
	big[RECORD_MAX - 1] = 7;
	assert_ok(record_put(store, SLICE_NONE, id));
	assert_ok(record_get(store, id, &b));
	assert_int_equal(b.len, 0);
	assert_ok(record_put(store, slice_of(big, RECORD_MAX), id));
	assert_ok(record_get(store, id, &b));
	assert_int_equal(b.len, RECORD_MAX);
	assert_memory_equal(b.p, big, RECORD_MAX);
	assert_refused(record_put(store, slice_of(big, RECORD_MAX + 1), id), TOO_LARGE);
}

/* R06.13's rule for stored keys, here for all records: one flipped bit is found, wherever it is. */
static void every_bit_counts(void **state)
{
	uint8_t id[RECORD_ID];
	char path[256];
	size_t i;

	(void)state;
	assert_ok(record_put(store, SLICE_LIT("evidence"), id));
	path_of(id, path);
	AUTO_BUF(good, 100);
	assert_ok(file_read(path, 100, &good));
	for (i = 0; i < good.len * 8; i++) {
		AUTO_BUF(b, 100);

		good.p[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_ok(file_write(path, buf_slice(&good), 0600));
		assert_rc(record_get(store, id, &b), RC_CRYPTO);
		assert_int_equal(b.len, 0);
		good.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (i = 0; i < good.len; i++) {
		AUTO_BUF(b, 100);

		assert_ok(file_write(path, slice_of(good.p, i), 0600));
		assert_rc(record_get(store, id, &b), RC_CRYPTO);
	}
	assert_ok(record_put(store, SLICE_LIT("evidence"), id)); /* a cut file is written anew */
	AUTO_BUF(b, 100);
	assert_ok(record_get(store, id, &b));
	assert_string_equal(buf_cstr(&b), "evidence");
}

static void another_key_or_name_is_found(void **state)
{
	static const uint8_t other_key[RECORD_KEY] = "another key.....";
	AUTO(record_store, other, NULL);
	AUTO_BUF(b, 100);
	uint8_t a_id[RECORD_ID], b_id[RECORD_ID];
	char a_path[256], b_path[256];

	(void)state;
	assert_ok(record_put(store, SLICE_LIT("a"), a_id));
	assert_ok(record_put(store, SLICE_LIT("b"), b_id));
	assert_ok(record_open(dir, other_key, &other));
	assert_rc(record_get(other, a_id, &b), RC_CRYPTO);
	path_of(a_id, a_path);
	path_of(b_id, b_path);
	assert_int_equal(rename(a_path, b_path), 0);
	assert_rc(record_get(store, b_id, &b), RC_CRYPTO);
	assert_rc(record_get(store, a_id, &b), RC_NOTFOUND);
}

#define MANY 300

static void batches(void **state)
{
	static char texts[MANY][16];
	static struct slice contents[MANY];
	static uint8_t ids[MANY][RECORD_ID];
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "record %zu", i % (MANY - 10)); /* some twice */
		contents[i] = slice_text(texts[i]);
	}
	assert_ok(record_put_batch(store, contents, MANY, ids));
	assert_ok(record_put_batch(store, contents, 0, ids));
	assert_int_equal(files(), MANY - 10);
	for (i = 0; i < MANY; i++) {
		AUTO_BUF(b, 100);

		assert_ok(record_get(store, ids[i], &b));
		assert_string_equal(buf_cstr(&b), texts[i]);
	}
	assert_rc(record_put_batch(store, contents, RECORD_BATCH + 1, ids), RC_INPUT);
}

/* A full disk, as seen by write(): the caller learns it, and nothing is left behind. */
static void the_disk_is_full(void **state)
{
	const struct rlimit limit = {1000, 1000};
	uint8_t id[RECORD_ID], big[2000] = {0};
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool good = signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0;
		struct rc rc = record_put(store, SLICE_ARR(big), id);

		_exit(good && rc.code == RC_NOMEM ? 1 : rc.code == RC_BUSY ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(files(), 0);
}

static RC stuck(void *p, size_t len)
{
	memset(p, 0, len);
	return OK;
}

/* R06.11: no sealing without random bytes. */
static void no_random_no_record(void **state)
{
	uint8_t id[RECORD_ID];

	(void)state;
	rand_test_source(stuck);
	assert_refused(record_put(store, SLICE_LIT("x"), id), RANDOM_UNHEALTHY);
	rand_test_source(NULL);
	assert_int_equal(files(), 0);
	assert_ok(record_put(store, SLICE_LIT("x"), id));
}

static void torture(void **state)
{
	size_t n;

	(void)state;
	for (n = 1; n < 100; n++) {
		AUTO_BUF(b, 100);
		uint8_t id[RECORD_ID];
		char text[16];
		struct rc rc;

		(void)snprintf(text, sizeof(text), "%zu", n);
		(void)mem_fail_after(n);
		rc = record_put(store, slice_text(text), id);
		if (rc_ok(rc))
			rc = record_get(store, id, &b);
		if (mem_fail_after(0) < n)
			break;
		assert_int_equal(rc.code, RC_NOMEM);
		assert_ok(record_put(store, slice_text(text), id));
		assert_int_equal(files(), n);
	}
	assert_true(n > 4 && n < 100);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
	        CASE(puts_and_gets),
	        CASE(sizes),
	        CASE(every_bit_counts),
	        CASE(another_key_or_name_is_found),
	        CASE(batches),
	        CASE(the_disk_is_full),
	        CASE(no_random_no_record),
	        CASE(torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
