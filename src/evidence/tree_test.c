/* The tree of RFC 9162 with SM3 (R12.4): heads and proofs of all sizes against the definition, written here
 * as the recursion of the document over SM3 of libcrypto; wrong proofs are refused. */
#include "evidence/tree.h"
#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/evp.h>

#define SIZES 130 /* tree_pairs_test.c goes on to 1,000 */

static tree_hash leaf[SIZES];

/* ---- the definition ---- */

static void judge_hash(const uint8_t *prefix, const uint8_t *a, const uint8_t *b, tree_hash ret)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestInit_ex(c, EVP_sm3(), NULL), 1);
	if (prefix != NULL)
		assert_int_equal(EVP_DigestUpdate(c, prefix, 1), 1);
	if (a != NULL)
		assert_int_equal(EVP_DigestUpdate(c, a, TREE_HASH), 1);
	if (b != NULL)
		assert_int_equal(EVP_DigestUpdate(c, b, TREE_HASH), 1);
	assert_int_equal(EVP_DigestFinal_ex(c, ret, NULL), 1);
	EVP_MD_CTX_free(c);
}

static size_t largest_power_below(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

/* MTH(D[from:from + n]) */
static void judge_root(size_t from, size_t n, tree_hash ret)
{
	static const uint8_t one[1] = {1};
	tree_hash a, b;

	if (n == 0) {
		judge_hash(NULL, NULL, NULL, ret);
	} else if (n == 1) {
		memcpy(ret, leaf[from], TREE_HASH);
	} else {
		size_t k = largest_power_below(n);

		judge_root(from, k, a);
		judge_root(from + k, n - k, b);
		judge_hash(one, a, b, ret);
	}
}

/* PATH(m, D[from:from + n]) */
static void judge_path(size_t m, size_t from, size_t n, struct tree_proof *p)
{
	if (n < 2)
		return;
	size_t k = largest_power_below(n);

	if (m < k) {
		judge_path(m, from, k, p);
		judge_root(from + k, n - k, p->hash[p->count++]);
	} else {
		judge_path(m - k, from + k, n - k, p);
		judge_root(from, k, p->hash[p->count++]);
	}
}

/* SUBPROOF(m, D[from:from + n], b) */
static void judge_subproof(size_t m, size_t from, size_t n, bool b, struct tree_proof *p)
{
	if (m == n) {
		if (!b)
			judge_root(from, n, p->hash[p->count++]);
		return;
	}
	size_t k = largest_power_below(n);

	if (m <= k) {
		judge_subproof(m, from, k, b, p);
		judge_root(from + k, n - k, p->hash[p->count++]);
	} else {
		judge_subproof(m - k, from + k, n - k, false, p);
		judge_root(from, k, p->hash[p->count++]);
	}
}

/* ---- the code under test ---- */

static struct rc node(void *arg, unsigned level, uint64_t index, tree_hash ret)
{
	(void)arg;
	assert_true((index + 1) << level <= SIZES);
	judge_root(index << level, (size_t)1 << level, ret);
	return OK;
}

static const struct tree_reader reader = {.node = node};

static void same_proof(const struct tree_proof *a, const struct tree_proof *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->hash, b->hash, a->count * TREE_HASH);
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		tree_hash seed = {(uint8_t)i, (uint8_t)(i >> 8)};

		judge_hash(NULL, seed, NULL, leaf[i]);
	}
	return 0;
}

static void heads_are_those_of_the_definition(void **state)
{
	struct tree_edge edge = {.size = 0};
	tree_hash a, b, c;

	(void)state;
	for (size_t n = 0; n <= SIZES; n++) {
		judge_root(0, n, a);
		tree_root(&edge, b);
		assert_memory_equal(a, b, TREE_HASH);
		assert_true(rc_ok(tree_read_root(&reader, n, c)));
		assert_memory_equal(a, c, TREE_HASH);
		if (n < SIZES)
			tree_add(&edge, leaf[n]);
	}
}

static void inclusion(void **state)
{
	(void)state;
	for (size_t n = 1; n <= SIZES; n++) {
		struct tree_head head = {.size = n};

		judge_root(0, n, head.root);
		for (size_t i = 0; i < n; i++) {
			struct tree_proof want = {0}, p;

			judge_path(i, 0, n, &want);
			assert_true(rc_ok(tree_inclusion(&reader, i, n, &p)));
			same_proof(&p, &want);
			assert_true(rc_ok(tree_included(&head, i, leaf[i], &p)));
			assert_false(rc_ok(tree_included(&head, i, leaf[(i + 1) % SIZES], &p)));
			assert_false(rc_ok(tree_included(&head, n, leaf[i], &p)));
		}
	}
}

static void consistency(void **state)
{
	(void)state;
	for (size_t n = 1; n <= SIZES; n++) {
		for (size_t m = 1; m <= n; m++) {
			struct tree_head from = {.size = m}, to = {.size = n};
			struct tree_proof want = {0}, p;

			judge_root(0, m, from.root);
			judge_root(0, n, to.root);
			judge_subproof(m, 0, n, true, &want);
			assert_true(rc_ok(tree_consistency(&reader, m, n, &p)));
			same_proof(&p, &want);
			assert_true(rc_ok(tree_continues(&from, &to, &p)));
		}
	}
}

/* Each hash altered, one taken away, one added: none holds. */
static void altered_proofs_are_refused(void **state)
{
	(void)state;
	for (size_t n = 2; n <= 40; n++) {
		for (size_t m = 1; m < n; m++) {
			struct tree_head from = {.size = m}, to = {.size = n};
			struct tree_proof p, bad;

			judge_root(0, m, from.root);
			judge_root(0, n, to.root);
			assert_true(rc_ok(tree_consistency(&reader, m, n, &p)));
			for (size_t i = 0; i < p.count; i++) {
				bad = p;
				bad.hash[i][n % TREE_HASH] ^= 1;
				assert_int_equal(tree_continues(&from, &to, &bad).code, RC_CRYPTO);
			}
			bad = p;
			bad.count--;
			assert_false(rc_ok(tree_continues(&from, &to, &bad)));
			bad = p;
			memcpy(bad.hash[bad.count++], leaf[0], TREE_HASH);
			assert_false(rc_ok(tree_continues(&from, &to, &bad)));
			bad = p;
			from.root[0] ^= 1;
			assert_false(rc_ok(tree_continues(&from, &to, &p)));
		}
	}
}

static void rollback_and_fork_have_names(void **state)
{
	struct tree_head five = {.size = 5}, nine = {.size = 9}, other;
	struct tree_proof p;

	(void)state;
	judge_root(0, 5, five.root);
	judge_root(0, 9, nine.root);
	assert_true(rc_ok(tree_consistency(&reader, 5, 9, &p)));
	assert_false(rc_ok(tree_continues(&nine, &five, &p)));
	assert_int_equal(rc_last()->err, ERR_LOG_ROLLBACK);
	other = nine;
	other.root[31] ^= 1;
	assert_false(rc_ok(tree_continues(&five, &other, &p)));
	assert_int_equal(rc_last()->err, ERR_LOG_FORK);
	p.count = 0;
	assert_false(rc_ok(tree_continues(&nine, &other, &p)));
	assert_int_equal(rc_last()->err, ERR_LOG_FORK);
	assert_true(rc_ok(tree_continues(&nine, &nine, &p)));
}

static void impossible_proofs_are_not_made(void **state)
{
	struct tree_proof p;

	(void)state;
	assert_int_equal(tree_inclusion(&reader, 5, 5, &p).code, RC_INPUT);
	assert_int_equal(tree_inclusion(&reader, 0, 0, &p).code, RC_INPUT);
	assert_int_equal(tree_consistency(&reader, 0, 5, &p).code, RC_INPUT);
	assert_int_equal(tree_consistency(&reader, 6, 5, &p).code, RC_INPUT);
	assert_int_equal(tree_inclusion(&reader, 1, (uint64_t)1 << 63, &p).code, RC_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(heads_are_those_of_the_definition),
	        cmocka_unit_test(inclusion),
	        cmocka_unit_test(consistency),
	        cmocka_unit_test(altered_proofs_are_refused),
	        cmocka_unit_test(rollback_and_fork_have_names),
	        cmocka_unit_test(impossible_proofs_are_not_made),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
