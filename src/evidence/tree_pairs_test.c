/* Every pair: all heads, inclusion proofs and consistency proofs of trees of 0 to 1,000 leaves (R12.4).  Each
 * proof holds, and together they are what tests/lib/tree_pairs.py makes of the definition in another
 * language. */
#include "base/check.h"
#include "base/text.h"
#include "evidence/tree.h"

#include <openssl/evp.h>
#include <stdio.h>

#define SIZE 1000
#define LEVELS 10
#define PAIRS "adb54c77ff3200e43fc12c437e560aea2130f991ffdf2f8d48b6eff0073aaa82"

static tree_hash full[LEVELS][SIZE]; /* nodes above whole powers of two */
static EVP_MD_CTX *digest;

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZE; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "leaf %u", i);

		assert_int_equal(EVP_Digest(text, (size_t)n, full[0][i], NULL, EVP_sm3(), NULL), 1);
	}
	for (unsigned level = 1; level < LEVELS; level++)
		for (unsigned i = 0; (i + 1) << level <= SIZE; i++)
			tree_node(full[level - 1][2 * i], full[level - 1][2 * i + 1], full[level][i]);
	digest = EVP_MD_CTX_new();
	return EVP_DigestInit_ex(digest, EVP_sm3(), NULL) == 1 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	EVP_MD_CTX_free(digest);
	return 0;
}

static struct rc node(void *arg, unsigned level, uint64_t index, tree_hash ret)
{
	(void)arg;
	assert_true(level < LEVELS && (index + 1) << level <= SIZE);
	memcpy(ret, full[level][index], TREE_HASH);
	return OK;
}

static const struct tree_reader reader = {.node = node};

static void count(const struct tree_proof *p)
{
	assert_int_equal(EVP_DigestUpdate(digest, p->hash, p->count * TREE_HASH), 1);
}

static void of_one_size(struct tree_head *heads, uint64_t n)
{
	struct tree_proof p;

	assert_int_equal(EVP_DigestUpdate(digest, heads[n].root, TREE_HASH), 1);
	for (uint64_t m = 0; m < n; m++) {
		assert_ok(tree_inclusion(&reader, m, n, &p));
		assert_ok(tree_included(&heads[n], m, full[0][m], &p));
		count(&p);
	}
	for (uint64_t m = 1; m <= n; m++) {
		assert_ok(tree_consistency(&reader, m, n, &p));
		assert_ok(tree_continues(&heads[m], &heads[n], &p));
		count(&p);
	}
}

static void all_pairs(void **state)
{
	static struct tree_head heads[SIZE + 1];
	struct tree_edge edge = {.size = 0};
	uint8_t got[TREE_HASH], want[TREE_HASH];

	(void)state;
	for (uint64_t n = 0; n <= SIZE; n++) {
		heads[n].size = n;
		tree_root(&edge, heads[n].root);
		of_one_size(heads, n);
		if (n < SIZE)
			tree_add(&edge, full[0][n]);
	}
	assert_int_equal(EVP_DigestFinal_ex(digest, got, NULL), 1);
	assert_ok(text_hex(SLICE_LIT(PAIRS), want, sizeof(want)));
	assert_memory_equal(got, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_pairs)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
