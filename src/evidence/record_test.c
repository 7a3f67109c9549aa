#include "evidence/record.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t key[RECORD_KEY] = "an example key!";
static char dir[64];
static struct record_store *store;

/* The disk as the store sees it: its syncs are counted here, held up while `held`, and fail on demand. */
static atomic_uint file_syncs, system_syncs;
static atomic_bool held, broken;

static int sync_as_told(long call, int fd)
{
	while (atomic_load(&held))
		(void)usleep(1000);
	if (atomic_load(&broken)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(call, fd);
}

int fsync(int fd)
{
	atomic_fetch_add(&file_syncs, 1);
	return sync_as_told(SYS_fsync, fd);
}

int syncfs(int fd)
{
	atomic_fetch_add(&system_syncs, 1);
	return sync_as_told(SYS_syncfs, fd);
}

static void forget_syncs(void)
{
	atomic_store(&file_syncs, 0);
	atomic_store(&system_syncs, 0);
}

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

/* R24.10: nothing of it stays, and again is fine. */
static void removes(void **state)
{
	AUTO_BUF(b, RECORD_MAX);
	uint8_t id[RECORD_ID];
	bool has = true;

	(void)state;
	assert_ok(record_put(store, SLICE_LIT("存根"), id));
	assert_ok(record_remove(store, id));
	assert_ok(record_has(store, id, &has));
	assert_false(has);
	assert_rc(record_get(store, id, &b), RC_NOTFOUND);
	assert_ok(record_remove(store, id));
	assert_ok(record_put(store, SLICE_LIT("存根"), id));
	assert_ok(record_get(store, id, &b));
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

/* ---- many at once ---- */

#define THREADS 12
#define ROUNDS 10

struct putter {
	pthread_t thread;
	unsigned number;
	size_t bad;
	struct rc rc;
	uint8_t id[RECORD_ID];
};

/* Judged in the thread, told afterwards: cmocka's asserts belong to the main thread. */
static bool is_there(const char *text, const uint8_t id[RECORD_ID])
{
	AUTO_BUF(b, 100);

	return rc_ok(record_get(store, id, &b)) && strcmp(buf_cstr(&b), text) == 0;
}

/* Own records, records that others put as well, and small batches of both. */
static void *put_and_look(void *arg)
{
	struct putter *p = arg;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		char own[32], common[32];
		uint8_t ids[2][RECORD_ID];

		(void)snprintf(own, sizeof(own), "own %u %u", p->number, i);
		(void)snprintf(common, sizeof(common), "common %u", i);
		if (i % 2 == 0) {
			const struct slice both[] = {slice_text(own), slice_text(common)};

			p->bad += !rc_ok(record_put_batch(store, both, 2, ids));
		} else {
			p->bad += !rc_ok(record_put(store, slice_text(own), ids[0]));
			p->bad += !rc_ok(record_put(store, slice_text(common), ids[1]));
		}
		p->bad += !is_there(own, ids[0]) || !is_there(common, ids[1]);
	}
	return NULL;
}

static void many_put_at_once(void **state)
{
	struct putter p[THREADS] = {0};
	unsigned i;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		p[i].number = i;
		assert_int_equal(pthread_create(&p[i].thread, NULL, put_and_look, &p[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(p[i].thread, NULL), 0);
		assert_int_equal(p[i].bad, 0);
	}
	assert_int_equal(files(), THREADS * ROUNDS + ROUNDS);
}

/* Thread 3's record is longer than the limit that plays the full disk. */
static void *put_one(void *arg)
{
	struct putter *p = arg;
	uint8_t content[2000] = {(uint8_t)p->number};

	p->rc = record_put(store, slice_of(content, p->number == 3 ? sizeof(content) : 100), p->id);
	return NULL;
}

/* All are on their way before the first sync may end. */
static void put_together(struct putter p[THREADS])
{
	unsigned i;

	forget_syncs();
	atomic_store(&held, true);
	for (i = 0; i < THREADS; i++) {
		p[i].number = i;
		assert_int_equal(pthread_create(&p[i].thread, NULL, put_one, &p[i]), 0);
	}
	for (i = 0; i < 10000 && files() < THREADS - 1; i++)
		(void)usleep(1000);
	atomic_store(&held, false);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(p[i].thread, NULL), 0);
}

static int put_with_one_too_long(void)
{
	const struct rlimit limit = {1000, 1000};
	struct putter p[THREADS] = {0};
	unsigned i;

	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 100;
	put_together(p);
	for (i = 0; i < THREADS; i++) {
		AUTO_BUF(b, 2000);

		if (p[i].rc.code != (i == 3 ? RC_BUSY : RC_OK))
			return 1;
		if (i != 3 && (!rc_ok(record_get(store, p[i].id, &b)) || b.len != 100 || b.p[0] != i))
			return 2;
	}
	return files() == THREADS - 1 ? 0 : 3;
}

static void one_failure_is_nobody_elses(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(put_with_one_too_long());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Alone, each put would have two. */
static void those_who_wait_share_a_sync(void **state)
{
	struct putter p[THREADS] = {0};
	unsigned i;

	(void)state;
	put_together(p);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(p[i].rc.code, RC_OK);
	assert_true(system_syncs > 0);
	assert_true(file_syncs + system_syncs < 2 * THREADS);
}

/* A caller alone waits for its file and folder only; a new batch once for all of it; what replaces a
 * file has reached the disk before it does. */
static void no_more_syncs_than_needed(void **state)
{
	const struct slice three[] = {SLICE_LIT("1"), SLICE_LIT("2"), SLICE_LIT("3")};
	uint8_t ids[3][RECORD_ID];

	(void)state;
	forget_syncs();
	assert_ok(record_put(store, SLICE_LIT("1"), ids[0]));
	assert_int_equal(file_syncs, 2);
	assert_int_equal(system_syncs, 0);
	forget_syncs();
	assert_ok(record_put_batch(store, three, 3, ids));
	assert_int_equal(file_syncs, 1);
	assert_int_equal(system_syncs, 1);
}

/* Nothing is acknowledged that was not synced, whatever lies in its place by then. */
static void a_failed_sync_fails_all(void **state)
{
	const struct slice three[] = {SLICE_LIT("1"), SLICE_LIT("2"), SLICE_LIT("3")};
	struct putter p[THREADS] = {0};
	uint8_t ids[3][RECORD_ID];
	unsigned i;

	(void)state;
	atomic_store(&broken, true);
	assert_rc(record_put_batch(store, three, 3, ids), RC_BUSY);
	assert_rc(record_put_batch(store, three, 3, ids), RC_BUSY);
	assert_rc(record_put(store, three[0], ids[0]), RC_BUSY);
	put_together(p);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(p[i].rc.code, RC_BUSY);
	atomic_store(&broken, false);
	assert_ok(record_put_batch(store, three, 3, ids));
	for (i = 0; i < 3; i++) {
		AUTO_BUF(b, 100);

		assert_ok(record_get(store, ids[i], &b));
		assert_true(slice_equal(buf_slice(&b), three[i]));
	}
}

/* What a power cut may leave under a name: nothing, a part, or the right length of zeros. */
static void a_torn_file_is_replaced(void **state)
{
	static const uint8_t zeros[40] = {0};
	const struct slice two[] = {SLICE_LIT("evidence"), SLICE_LIT("more")};
	const size_t torn[] = {0, 20, sizeof(zeros)};
	uint8_t ids[2][RECORD_ID];
	char path[256];
	size_t i;

	(void)state;
	assert_ok(record_put(store, two[0], ids[0]));
	path_of(ids[0], path);
	for (i = 0; i < 6; i++) {
		AUTO_BUF(b, 100);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, sizeof(zeros));
		assert_ok(file_write(path, slice_of(zeros, torn[i % 3]), 0600));
		assert_rc(record_get(store, ids[0], &b), RC_CRYPTO);
		assert_ok(record_put_batch(store, two, 1 + i / 3, ids)); /* both ways to the disk */
		assert_ok(record_get(store, ids[0], &b));
		assert_string_equal(buf_cstr(&b), "evidence");
	}
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
	        CASE(removes),
	        CASE(sizes),
	        CASE(every_bit_counts),
	        CASE(another_key_or_name_is_found),
	        CASE(batches),
	        CASE(the_disk_is_full),
	        CASE(many_put_at_once),
	        CASE(one_failure_is_nobody_elses),
	        CASE(those_who_wait_share_a_sync),
	        CASE(no_more_syncs_than_needed),
	        CASE(a_failed_sync_fails_all),
	        CASE(a_torn_file_is_replaced),
	        CASE(no_random_no_record),
	        CASE(torture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
