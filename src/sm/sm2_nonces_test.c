/* Prepared nonces: used once, never on both sides of a fork, and only while the random source is healthy
 * (R06.8, R06.11); libcrypto judges the signatures. */
#include "sm/judge_test.h"

#include "base/rand.h"

#include <sys/wait.h>
#include <unistd.h>

#define MANY (3 * SM2_NONCES + 5)

static struct sm2_key key;
static EVP_PKEY *judge;

static int setup(void **state)
{
	(void)state;
	random_key(&key);
	judge = judge_key(&key.pub, NULL);
	return judge == NULL;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(judge);
	return 0;
}

static struct sm2_nonces *new_nonces(void)
{
	struct sm2_nonces *n = NULL;

	assert_true(rc_ok(sm2_nonces_new(&n)));
	assert_int_equal(sm2_nonces_ready(n), 0);
	return n;
}

static void signs(void **state)
{
	struct sm2_nonces *n = new_nonces();
	struct sm2_sig sig;
	uint8_t msg[MANY];
	size_t i;

	(void)state;
	fill(msg, sizeof(msg));
	for (i = 0; i < MANY; i++) {
		assert_true(rc_ok(sm2_sign_prepared(&key, n, SM2_ID, slice_of(msg, i), &sig)));
		assert_true(judge_verify(judge, SM2_ID, slice_of(msg, i), &sig));
		assert_int_equal(sm2_nonces_ready(n), SM2_NONCES - 1 - i % SM2_NONCES);
	}
	assert_true(rc_ok(sm2_nonces_fill(n)));
	assert_int_equal(sm2_nonces_ready(n), SM2_NONCES);
	sm2_nonces_free(n);
	sm2_nonces_free(NULL);
}

static void sign_same(struct sm2_nonces *n, struct sm2_sig *sig, size_t count)
{
	static const uint8_t e[32] = {1, 2, 3};
	size_t i;

	for (i = 0; i < count; i++)
		assert_true(rc_ok(sm2_sign_digest_prepared(&key, n, e, &sig[i])));
}

static int by_r(const void *a, const void *b)
{
	return memcmp(((const struct sm2_sig *)a)->r, ((const struct sm2_sig *)b)->r, SM2_LEN);
}

/* For one digest r says which nonce it was. */
static void assert_distinct(struct sm2_sig *sig, size_t n)
{
	size_t i;

	qsort(sig, n, sizeof(*sig), by_r);
	for (i = 1; i < n; i++)
		assert_int_not_equal(by_r(&sig[i - 1], &sig[i]), 0);
}

static void each_once(void **state)
{
	static struct sm2_sig sig[MANY];
	struct sm2_nonces *n = new_nonces();

	(void)state;
	sign_same(n, sig, MANY);
	assert_distinct(sig, MANY);
	sm2_nonces_free(n);
}

static void in_child(struct sm2_nonces *n, int to)
{
	static struct sm2_sig sig[SM2_NONCES];
	size_t ready = sm2_nonces_ready(n);

	sign_same(n, sig, SM2_NONCES);
	if (write(to, &ready, sizeof(ready)) == (ssize_t)sizeof(ready) &&
	    write(to, sig, sizeof(sig)) == (ssize_t)sizeof(sig))
		_exit(0);
	_exit(1);
}

/* The child finds nothing prepared and makes its own; the parent's stay where they are. */
static void fork_drops(void **state)
{
	static struct sm2_sig sig[2 * SM2_NONCES];
	struct sm2_nonces *n = new_nonces();
	size_t ready = 1;
	int ends[2], status;
	pid_t child;

	(void)state;
	assert_true(rc_ok(sm2_nonces_fill(n)));
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		in_child(n, ends[1]);
	assert_int_equal(sm2_nonces_ready(n), SM2_NONCES);
	sign_same(n, sig, SM2_NONCES);
	assert_int_equal(read(ends[0], &ready, sizeof(ready)), sizeof(ready));
	assert_int_equal(ready, 0);
	assert_int_equal(read(ends[0], sig + SM2_NONCES, sizeof(sig) / 2), sizeof(sig) / 2);
	assert_distinct(sig, 2 * SM2_NONCES);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
	sm2_nonces_free(n);
}

static RC stuck(void *p, size_t len)
{
	memset(p, 0x5a, len);
	return OK;
}

/* Neither a new nor a prepared nonce, nor a key. */
static void stuck_source(void **state)
{
	static const uint8_t keys[3][16] = {{1}}, e[32] = {1};
	struct sm2_pub pubs[3] = {key.pub, key.pub, key.pub};
	struct slice msg[3] = {SLICE_LIT("a"), SLICE_LIT("b"), SLICE_LIT("c")};
	struct sm2_nonces *n = new_nonces();
	struct sm2_key many[3];
	struct sm2_sig sig[3];
	uint8_t out[3][112];

	(void)state;
	assert_true(rc_ok(sm2_nonces_fill(n)));
	rand_test_source(stuck);
	assert_false(rc_ok(sm2_key_new(many)));
	assert_false(rc_ok(sm2_sign_digest_prepared(&key, n, e, sig)));
	assert_int_equal(sm2_nonces_ready(n), 0);
	assert_false(rc_ok(sm2_nonces_fill(n)));
	assert_false(rc_ok(sm2_key_new_batch(many, 3)));
	assert_false(rc_ok(sm2_sign(&key, SM2_ID, msg[0], sig)));
	assert_false(rc_ok(sm2_sign_batch(&key, SM2_ID, msg, sig, 3)));
	assert_false(rc_ok(sm2_encrypt_keys(pubs, keys, out, 3)));
	rand_test_source(NULL);
	assert_true(rc_ok(sm2_sign_digest_prepared(&key, n, e, sig)));
	assert_true(rc_ok(sm2_verify_digest(&key.pub, e, sig)));
	sm2_nonces_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(signs),
	        cmocka_unit_test(each_once),
	        cmocka_unit_test(fork_drops),
	        cmocka_unit_test(stuck_source),
	};

	return RUN_UNDER_EACH(tests, setup, teardown);
}
