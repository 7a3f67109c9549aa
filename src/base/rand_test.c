#include "base/rand.h"
#include "base/check.h"
#include "base/slice.h"
#include "base/sm3_core.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/* GB/T 32905-2016, A.1: "abc" */
static void sm3_vector(void **state)
{
	uint8_t block[64] = {'a', 'b', 'c', 0x80, [63] = 24};
	uint32_t h[8] = SM3_CORE_IV;
	static const uint32_t want[8] = {0x66c7f0f4, 0x62eeedd9, 0xd1f2d46b, 0xdc10e4e2,
	                                 0x4167c487, 0x5cf2f7a2, 0x297da02b, 0x8f4ba8e0};

	(void)state;
	sm3_core(h, block, 1);
	assert_memory_equal(h, want, sizeof(want));
}

static uint32_t lcg;

static RC known_source(void *p, size_t len)
{
	uint8_t *out = p;

	for (; len > 0; len--) {
		lcg = lcg * 1103515245 + 12345;
		*out++ = (uint8_t)(lcg >> 16);
	}
	return OK;
}

static void *known_answer(void *arg)
{
	/* From an independent program over another SM3 (OpenSSL's), after SP 800-90A, 10.1.1. */
	static const uint8_t first[40] = {0x5e, 0xc9, 0x7e, 0x9b, 0xe9, 0xd5, 0xdb, 0xe3, 0x5b, 0xd9,
	                                  0x86, 0x0a, 0x61, 0xe9, 0x9f, 0xdc, 0x19, 0xa1, 0x2d, 0xe5,
	                                  0xfb, 0xc4, 0x62, 0xc3, 0x86, 0x9f, 0x7f, 0x11, 0xd2, 0x2e,
	                                  0xb6, 0xdd, 0xbc, 0x37, 0x0f, 0xa4, 0xaf, 0x86, 0x93, 0x56};
	static const uint8_t second[7] = {0x41, 0x36, 0x3f, 0x62, 0x75, 0xc2, 0x19};
	static const uint8_t reseeded[16] = {0x29, 0xaa, 0x41, 0x1c, 0x7a, 0xf5, 0x2b, 0x6b,
	                                     0xa6, 0xa5, 0xc3, 0x98, 0x21, 0x21, 0x20, 0x06};
	uint8_t out[40];
	bool *good = arg;
	unsigned i;

	*good = rc_ok(rand_bytes(out, sizeof(out))) && memcmp(out, first, 40) == 0;
	*good = rc_ok(rand_bytes(out, 7)) && memcmp(out, second, 7) == 0 && *good;
	for (i = 2; i < 65536; i++)
		*good = rc_ok(rand_bytes(out, 1)) && *good;
	*good = rc_ok(rand_bytes(out, 16)) && memcmp(out, reseeded, 16) == 0 && *good;
	return NULL;
}

static void in_new_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, fn, arg), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
}

/* Also: reseeded after 2^16 requests, and every thread starts with a state of its own. */
static void hash_drbg(void **state)
{
	bool good = false;

	(void)state;
	rand_test_source(known_source);
	lcg = 0;
	in_new_thread(known_answer, &good);
	assert_true(good);
	lcg = 0;
	good = false;
	in_new_thread(known_answer, &good);
	assert_true(good);
	rand_test_source(NULL);
}

static RC stuck_source(void *p, size_t len)
{
	memset(p, 0x5a, len);
	return OK;
}

static RC no_source(void *p, size_t len)
{
	(void)p;
	(void)len;
	FAIL(RC_CRYPTO, "unplugged");
}

/* Good bytes, but the same in each block. */
static RC repeating_source(void *p, size_t len)
{
	lcg = 42;
	return known_source(p, len);
}

/* One value comes far too often, never many times in a row. */
static RC biased_source(void *p, size_t len)
{
	uint8_t *out = p;
	size_t i;

	TRY(known_source(p, len));
	for (i = 0; i < len; i += 4)
		out[i] = 7;
	return OK;
}

/* Passes start-up, then gets stuck: the continuous test must see it. */
static unsigned blocks_left;
static RC dying_source(void *p, size_t len)
{
	if (blocks_left == 0)
		return stuck_source(p, len);
	blocks_left--;
	return known_source(p, len);
}

static void *must_fail(void *arg)
{
	uint8_t out[16];
	unsigned *refused = arg;

	if (!rc_ok(rand_bytes(out, sizeof(out))) && rc_last()->err == ERR_RANDOM_UNHEALTHY)
		(*refused)++;
	return NULL;
}

/* R06.11 */
static void an_unhealthy_source_stops_everything(void **state)
{
	static struct rc (*const sources[])(void *, size_t) = {stuck_source, no_source, repeating_source,
	                                                       biased_source};
	uint8_t out[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		unsigned refused = 0;

		assert_ok(rand_bytes(out, sizeof(out)));
		rand_test_source(sources[i]);
		assert_refused(rand_bytes(out, sizeof(out)), RANDOM_UNHEALTHY);
		assert_false(rand_healthy());
		assert_refused(rand_bytes(out, 1), RANDOM_UNHEALTHY);
		in_new_thread(must_fail, &refused); /* other threads, too */
		assert_int_equal(refused, 1);
		rand_test_source(NULL);
		assert_true(rand_healthy());
		assert_ok(rand_bytes(out, sizeof(out)));
	}
}

static void the_test_is_continuous(void **state)
{
	uint8_t out[1];
	unsigned i;
	struct rc rc = OK;

	(void)state;
	lcg = 1;
	blocks_left = 17; /* start-up test and first seed */
	rand_test_source(dying_source);
	for (i = 0; i < 65536; i++)
		assert_ok(rand_bytes(out, 1));
	rc = rand_bytes(out, 1); /* the first that must seed again */
	assert_rc(rc, RC_CRYPTO);
	assert_false(rand_healthy());
	rand_test_source(NULL);
}

/* A healthy source passes, whatever its bytes: a million of them. */
static void no_false_alarm(void **state)
{
	uint8_t out[4096];
	unsigned i, seen[256] = {0}, j;

	(void)state;
	for (i = 0; i < 256; i++) {
		rand_test_source(NULL); /* forces start-up test and seed */
		assert_ok(rand_bytes(out, sizeof(out)));
		for (j = 0; j < sizeof(out); j++)
			seen[out[j]]++;
	}
	for (i = 0; i < 256; i++) /* mean 4096, standard deviation 64 */
		assert_true(seen[i] > 3500 && seen[i] < 4700);
	assert_rc(rand_bytes(out, 1u << 20), RC_BUG);
}

static void a_forked_child_seeds_anew(void **state)
{
	uint8_t mine[32], child[32];
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_ok(rand_bytes(mine, sizeof(mine)));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool good = rc_ok(rand_bytes(child, sizeof(child))) &&
		            write(fds[1], child, sizeof(child)) == (ssize_t)sizeof(child);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(read(fds[0], child, sizeof(child)), sizeof(child));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_ok(rand_bytes(mine, sizeof(mine)));
	assert_memory_not_equal(mine, child, sizeof(mine));
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sm3_vector),
	        cmocka_unit_test(hash_drbg),
	        cmocka_unit_test(an_unhealthy_source_stops_everything),
	        cmocka_unit_test(the_test_is_continuous),
	        cmocka_unit_test(no_false_alarm),
	        cmocka_unit_test(a_forked_child_seeds_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
