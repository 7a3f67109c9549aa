/* R06.11 from the outside, with the real generator: a source that is stuck from the start or gets stuck later
 * stops keys, signatures and envelopes for good, also those that were prepared; and after fork() no two
 * processes make the same key or use the same nonce. */
#include "base/rand.h"
#include "sm/judge_test.h"

#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 4
#define DRAWS (CHILDREN + 1)

static struct sm2_key key;
static const uint8_t e[32] = {1};

static int setup(void **state)
{
	(void)state;
	random_key(&key);
	return 0;
}

static void assert_unhealthy(struct rc rc)
{
	assert_int_equal(rc.code, RC_CRYPTO);
	assert_int_equal(rc_last()->err, ERR_RANDOM_UNHEALTHY);
}

/* Everything that needs a random number. */
static void assert_stopped(struct sm2_nonces *n)
{
	static const uint8_t keys[9][16];
	struct sm2_pub pubs[9] = {key.pub, key.pub, key.pub, key.pub, key.pub,
	                          key.pub, key.pub, key.pub, key.pub};
	struct slice msg[9] = {SLICE_LIT("a")};
	struct sm2_key many[9];
	struct sm2_sig sig[9];
	uint8_t out[9][112];
	AUTO_BUF(raw, 300);

	assert_unhealthy(sm2_key_new(many));
	assert_unhealthy(sm2_key_new_batch(many, 9));
	assert_unhealthy(sm2_sign(&key, SM2_ID, msg[0], sig));
	assert_unhealthy(sm2_sign_digest(&key, e, sig));
	assert_unhealthy(sm2_sign_batch(&key, SM2_ID, msg, sig, 9));
	assert_unhealthy(sm2_sign_prepared(&key, n, SM2_ID, msg[0], sig));
	assert_unhealthy(sm2_sign_digest_prepared(&key, n, e, sig));
	assert_unhealthy(sm2_nonces_fill(n));
	assert_int_equal(sm2_nonces_ready(n), 0);
	assert_unhealthy(sm2_encrypt(&key.pub, msg[0], &raw));
	assert_unhealthy(sm2_encrypt_keys(pubs, keys, out, 9));
	assert_false(rand_healthy());
}

static RC stuck(void *p, size_t len)
{
	memset(p, 0x17, len);
	return OK;
}

static RC unplugged(void *p, size_t len)
{
	(void)p;
	(void)len;
	FAIL(RC_CRYPTO, "unplugged");
}

static RC one_bit(void *p, size_t len)
{
	uint8_t *out = p;

	while (len-- > 0)
		*out++ = (uint8_t)next_below(2);
	return OK;
}

static void from_the_start(void **state)
{
	static struct rc (*const sources[])(void *, size_t) = {stuck, unplugged, one_bit};
	struct sm2_sig sig;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct sm2_nonces *n = NULL;

		assert_true(rc_ok(sm2_nonces_new(&n)));
		assert_true(rc_ok(sm2_nonces_fill(n)));
		rand_test_source(sources[i]);
		assert_unhealthy(sm2_sign_digest(&key, e, &sig)); /* the first who notices */
		assert_stopped(n);
		rand_test_source(NULL);
		assert_true(rc_ok(sm2_sign_digest_prepared(&key, n, e, &sig)));
		sm2_nonces_free(n);
	}
}

static unsigned blocks_left;

static RC gets_stuck(void *p, size_t len)
{
	if (blocks_left == 0)
		return stuck(p, len);
	blocks_left--;
	fill(p, len);
	return OK;
}

/* Passes its start-up test and gives the first seed; found out when the generator seeds again. */
static void later(void **state)
{
	struct sm2_nonces *n = NULL;
	struct sm2_sig sig;
	struct rc rc = OK;
	size_t made = 0;

	(void)state;
	assert_true(rc_ok(sm2_nonces_new(&n)));
	blocks_left = 17;
	rand_test_source(gets_stuck);
	assert_true(rc_ok(sm2_nonces_fill(n)));
	while (made < 100000 && rc_ok(rc)) {
		uint8_t byte;

		rc = rand_bytes(&byte, 1);
		made++;
	}
	assert_int_equal(made, 65536); /* the preparing was the first of 2^16 */
	assert_unhealthy(rc);
	assert_stopped(n);
	blocks_left = 1000; /* it recovers: nobody trusts it */
	assert_unhealthy(sm2_sign_digest(&key, e, &sig));
	rand_test_source(NULL);
	sm2_nonces_free(n);
}

/* What one process makes first after the fork. */
struct first {
	struct sm2_key key;
	struct sm2_sig one, prepared, many[9];
};

static void make_first(struct sm2_nonces *n, struct first *f)
{
	struct slice msg[9] = {SLICE_LIT("a"), SLICE_LIT("a"), SLICE_LIT("a")};

	memset(f, 0, sizeof(*f));
	assert_true(rc_ok(sm2_key_new(&f->key)));
	assert_true(rc_ok(sm2_sign_digest(&key, e, &f->one)));
	assert_true(rc_ok(sm2_sign_digest_prepared(&key, n, e, &f->prepared)));
	assert_true(rc_ok(sm2_sign_batch(&key, SM2_ID, msg, f->many, 9)));
}

static void expect_different(const struct first *a, const struct first *b)
{
	size_t i;

	assert_memory_not_equal(a->key.d, b->key.d, SM2_LEN);
	assert_memory_not_equal(a->one.r, b->one.r, SM2_LEN);
	assert_memory_not_equal(a->prepared.r, b->prepared.r, SM2_LEN);
	assert_memory_not_equal(a->one.r, b->prepared.r, SM2_LEN);
	for (i = 0; i < 9; i++)
		assert_memory_not_equal(a->many[i].r, b->many[i].r, SM2_LEN);
}

/* One parent, whose generator is in use and whose nonces are prepared, and its children and theirs. */
static void forks(void **state)
{
	struct first made[DRAWS];
	struct sm2_nonces *n = NULL;
	int ends[2], status;
	size_t i, j;

	(void)state;
	assert_true(rc_ok(sm2_nonces_new(&n)));
	assert_true(rc_ok(sm2_nonces_fill(n)));
	assert_int_equal(pipe(ends), 0);
	for (i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid > 0) {
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_int_equal(status, 0);
			continue;
		}
		if (i % 2 != 0 && fork() != 0) { /* a grandchild, straight away */
			(void)wait(&status);
			_exit(status != 0);
		}
		make_first(n, &made[0]);
		_exit(write(ends[1], &made[0], sizeof(made[0])) != (ssize_t)sizeof(made[0]));
	}
	make_first(n, &made[CHILDREN]);
	for (i = 0; i < CHILDREN; i++)
		assert_int_equal(read(ends[0], &made[i], sizeof(made[i])), sizeof(made[i]));
	for (i = 0; i < DRAWS; i++) {
		for (j = i + 1; j < DRAWS; j++)
			expect_different(&made[i], &made[j]);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
	sm2_nonces_free(n);
}

/* A child of a process whose source failed does not start afresh either. */
static void fork_of_the_unhealthy(void **state)
{
	struct sm2_sig sig;
	int status;
	pid_t pid;

	(void)state;
	rand_test_source(stuck);
	assert_unhealthy(sm2_sign_digest(&key, e, &sig));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(rc_ok(sm2_sign_digest(&key, e, &sig)) || rand_healthy());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	rand_test_source(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(from_the_start),
	        cmocka_unit_test(later),
	        cmocka_unit_test(forks),
	        cmocka_unit_test(fork_of_the_unhealthy),
	};

	return RUN_UNDER_EACH(tests, setup, NULL);
}
