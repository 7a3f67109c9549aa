#include "backup/shamir.h"
#include "base/check.h"
#include "base/rand.h"

#include <stdio.h>

/* Judge: the field by tables of powers of 3. */
static uint8_t power[255], log_of[256];

static void tables(void)
{
	unsigned x = 1, i;

	for (i = 0; i < 255; i++) {
		power[i] = (uint8_t)x;
		log_of[x] = (uint8_t)i;
		x ^= (x << 1) ^ (x & 0x80 ? 0x11bu : 0);
	}
}

static uint8_t judge_at_zero(const struct shamir_share *s, size_t count, size_t byte)
{
	unsigned ret = 0;
	size_t i, j;

	for (i = 0; i < count; i++) {
		unsigned e = log_of[s[i].value[byte]];

		for (j = 0; j < count; j++)
			if (j != i)
				e += log_of[s[j].number] + 255u - log_of[s[j].number ^ s[i].number];
		ret ^= s[i].value[byte] == 0 ? 0u : power[e % 255];
	}
	return (uint8_t)ret;
}

struct split {
	uint8_t key[SHAMIR_KEY], digests[SHAMIR_MAX][SM3_LEN];
	struct shamir_share s[SHAMIR_MAX];
};

static void one_subset(struct split *x, uint8_t m, uint8_t n, unsigned subset)
{
	struct shamir_share some[SHAMIR_MAX];
	uint8_t got[SHAMIR_KEY];
	size_t count = 0, i;

	for (i = 0; i < n; i++)
		if ((subset >> i) & 1u)
			some[count++] = x->s[i];
	if (count < m) {
		assert_rc(shamir_join(some, count, x->digests, n, got), RC_INPUT);
		return;
	}
	assert_ok(shamir_join(some, count, x->digests, n, got));
	assert_memory_equal(got, x->key, SHAMIR_KEY);
	for (i = 0; i < SHAMIR_KEY; i++)
		assert_int_equal(judge_at_zero(some, count, i), x->key[i]);
	some[count - 1].value[7] ^= 1;
	assert_rc(shamir_join(some, count, x->digests, n, got), RC_INPUT);
	(void)snprintf((char *)got, sizeof(got), "share %u is altered", some[count - 1].number);
	assert_non_null(strstr(rc_last()->text, (char *)got));
}

/* R12.5 */
static void each_subset(void **state)
{
	struct split x;
	uint8_t m, n;
	unsigned subset;

	(void)state;
	tables();
	for (n = 2; n <= 6; n++)
		for (m = 2; m <= n; m++) {
			assert_ok(rand_bytes(x.key, sizeof(x.key)));
			assert_ok(shamir_split(x.key, m, n, x.s, x.digests));
			for (subset = 0; subset < 1u << n; subset++)
				one_subset(&x, m, n, subset);
		}
	assert_rc(shamir_split(x.key, 1, 3, x.s, x.digests), RC_INPUT);
	assert_rc(shamir_split(x.key, 4, 3, x.s, x.digests), RC_INPUT);
	assert_rc(shamir_split(x.key, 2, 17, x.s, x.digests), RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_subset)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
