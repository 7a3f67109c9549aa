/* The tree over the rows of a log (R12.4): with and without tiles the same nodes as a tree that grew leaf by
 * leaf; past 65,536 entries tiles of the second height are in use. */
#include "evidence/log_tree.h"
#include "../../tests/lib/pgsql_server.h"
#include "base/text.h"
#include "evidence/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES (65536 + 256 + 77)
#define MUST(call) assert_true(rc_ok(call))

static char dir[32];
static struct db *db;
static struct tree_edge edge;
static struct tree_head middle; /* of 65,536 + 3 */

static void leaf_of(uint64_t i, tree_hash ret)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)i);

	log_leaf(slice_of(text, (size_t)n), ret);
}

static RC put(uint64_t i)
{
	tree_hash leaf;

	leaf_of(i, leaf);
	TRY(db_run(
	        db, NULL,
	        "INSERT INTO log (idx, at, kind, entry, sealed, leaf) VALUES ($1, 0, 'test', $2, NULL, $2)",
	        DB_ARGS(DB_INT(i), DB_BLOB(SLICE_ARR(leaf)))));
	tree_add(&edge, leaf);
	if (edge.size == 65536 + 3) {
		middle.size = edge.size;
		tree_root(&edge, middle.root);
	}
	return log_tree_grow(db, i);
}

static int setup(void **state)
{
	char file[64], path[PGSQL_URL];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/yd-tree-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/data.db", dir);
	pgsql_place(path, file);
	if (!rc_ok(db_open(path, false, &db)) || !rc_ok(db_migrate(db, NULL)) ||
	    !rc_ok(db_verb(db, DB_BEGIN)))
		return -1;
	for (uint64_t i = 0; i < ENTRIES; i++) {
		if (!rc_ok(put(i)))
			return -1;
	}
	return rc_ok(db_verb(db, DB_COMMIT)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	db_close(db);
	return 0;
}

static void check_proofs(void)
{
	static const uint64_t places[] = {0,     1,     255,   256,          257,          4711,
	                                  65535, 65536, 65537, ENTRIES - 78, ENTRIES - 77, ENTRIES - 1};
	AUTO(log_tree, t, NULL);
	struct tree_head head = {.size = ENTRIES};
	struct tree_reader r;
	struct tree_proof p;
	tree_hash root, leaf;

	MUST(log_tree_open(db, &t));
	r = log_tree_reader(t);
	tree_root(&edge, head.root);
	MUST(tree_read_root(&r, ENTRIES, root));
	assert_memory_equal(root, head.root, TREE_HASH);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		leaf_of(places[i], leaf);
		MUST(tree_inclusion(&r, places[i], ENTRIES, &p));
		MUST(tree_included(&head, places[i], leaf, &p));
	}
	MUST(tree_read_root(&r, middle.size, root));
	assert_memory_equal(root, middle.root, TREE_HASH);
	MUST(tree_consistency(&r, middle.size, ENTRIES, &p));
	MUST(tree_continues(&middle, &head, &p));
	assert_int_equal(tree_read_root(&r, ENTRIES + 1, root).code, RC_NOTFOUND);
}

static int64_t tiles(void)
{
	int64_t n = -1;

	MUST(db_scalar(db, &n, "SELECT count(*) FROM log_tile", DB_NOARGS));
	return n;
}

static void tiles_agree_with_the_leaves(void **state)
{
	(void)state;
	assert_int_equal(tiles(), ENTRIES / 256 + ENTRIES / 65536);
	check_proofs();
}

/* A log that began before there were tiles. */
static void a_log_without_tiles_has_the_same_tree(void **state)
{
	(void)state;
	MUST(db_run(db, NULL, "DELETE FROM log_tile WHERE height = 2 OR idx < 10 OR idx > 250", DB_NOARGS));
	check_proofs();
	MUST(db_run(db, NULL, "DELETE FROM log_tile", DB_NOARGS));
	check_proofs();
	assert_int_equal(tiles(), 0);
}

/* A leaf that is gone is told, not passed over. */
static void a_missing_leaf_is_found(void **state)
{
	AUTO(log_tree, t, NULL);
	struct tree_reader r;
	tree_hash root;

	(void)state;
	MUST(db_run(db, NULL, "DELETE FROM log WHERE idx = 300", DB_NOARGS));
	MUST(log_tree_open(db, &t));
	r = log_tree_reader(t);
	assert_int_equal(tree_read_root(&r, ENTRIES, root).code, RC_NOTFOUND);
	MUST(tree_read_root(&r, 300, root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tiles_agree_with_the_leaves),
	        cmocka_unit_test(a_log_without_tiles_has_the_same_tree),
	        cmocka_unit_test(a_missing_leaf_is_found),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
