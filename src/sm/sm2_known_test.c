/* The tables kept of public keys seen often: beside busy threads, in forked children, and when there are more
 * keys than places (R06.8).  A verification that waits for ever ends with the alarm. */
#include "sm/judge_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS 40    /* more than there are tables */
#define READERS 16 /* many for each core: most are interrupted in the middle of a verification */
#define BUSY_KEYS 2
#define TIMES 20 /* enough for a table to be made, and used */
#define CHILDREN 10
#define PATIENCE 120 /* seconds */

static struct sm2_key keys[KEYS];
static struct sm2_sig sigs[KEYS];
static const uint8_t digest[32] = {1, 2, 3};
static pthread_t readers[READERS];
static atomic_bool stop;
static atomic_uint wrong;

static bool verifies(size_t i)
{
	return rc_ok(sm2_verify_digest(&keys[i].pub, digest, &sigs[i]));
}

static void *read_on(void *key)
{
	while (!atomic_load(&stop)) {
		if (!verifies(*(const size_t *)key))
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static int setup(void **state)
{
	static size_t key[READERS];
	size_t i;

	(void)state;
	if (!rc_ok(sm2_key_new_batch(keys, KEYS)))
		return 1;
	for (i = 0; i < KEYS; i++) {
		if (!rc_ok(sm2_sign_digest(&keys[i], digest, &sigs[i])))
			return 1;
	}
	for (i = 0; i < READERS; i++) {
		key[i] = i % BUSY_KEYS;
		if (pthread_create(&readers[i], NULL, read_on, &key[i]) != 0)
			return 1;
	}
	(void)alarm(PATIENCE);
	return 0;
}

static int teardown(void **state)
{
	size_t i;

	(void)state;
	atomic_store(&stop, true);
	for (i = 0; i < READERS; i++) {
		if (pthread_join(readers[i], NULL) != 0)
			return 1;
	}
	(void)alarm(0);
	return atomic_load(&wrong) > 0;
}

/* Tables are made and thrown out while others are in use all the time. */
static void new_keys_beside_busy_readers(void **state)
{
	struct sm2_sig other;
	size_t i, j;

	(void)state;
	for (i = BUSY_KEYS; i < KEYS; i++) {
		for (j = 0; j < TIMES; j++)
			assert_true(verifies(i));
		other = sigs[i];
		other.s[31] ^= 1;
		assert_false(rc_ok(sm2_verify_digest(&keys[i].pub, digest, &other)));
	}
	assert_int_equal(atomic_load(&wrong), 0);
}

/* What other threads held when the process was forked is nobody's in the child. */
static void forked_beside_busy_readers(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			bool good = true;

			(void)alarm(PATIENCE);
			for (j = 0; j < TIMES * KEYS; j++)
				good &= verifies(j / TIMES);
			_exit(good ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(forked_beside_busy_readers),
	        cmocka_unit_test(new_keys_beside_busy_readers),
	};

	return cmocka_run_group_tests_name("known keys", tests, setup, teardown);
}
