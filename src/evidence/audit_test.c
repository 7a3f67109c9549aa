/* R12.4: a copy of a log longer than some tiles of 256, and each thing that can be done to it by its name. */
#include "evidence/audit.h"
#include "../../tests/lib/pgsql_server.h"
#include "base/check.h"
#include "evidence/log_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENTRIES 1300

static char dir[] = "/tmp/yd-audit-XXXXXX";
static struct db *db;
static struct tree_edge edge;
static struct audit_head head;

static RC put(uint64_t i)
{
	uint8_t leaf[LOG_LEAF];
	char text[96];
	int n = snprintf(text, sizeof(text), "{\"at\":\"x\",\"data\":%llu,\"kind\":\"test\",\"sealed\":null}",
	                 (unsigned long long)i);

	log_leaf(slice_of(text, (size_t)n), leaf);
	tree_add(&edge, leaf);
	TRY(db_run(
	        db, NULL,
	        "INSERT INTO log (idx, at, kind, entry, sealed, leaf) VALUES ($1, 0, 'test', $2, NULL, $3)",
	        DB_ARGS(DB_INT(i), DB_BLOB(slice_of(text, (size_t)n)), DB_BLOB(SLICE_ARR(leaf)))));
	return log_tree_grow(db, i);
}

static int setup(void **state)
{
	char file[64], path[PGSQL_URL];

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/data.db", dir);
	pgsql_place(path, file);
	assert_ok(db_open(path, false, &db));
	assert_ok(db_migrate(db, NULL));
	assert_ok(db_verb(db, DB_BEGIN));
	for (uint64_t i = 0; i < ENTRIES; i++)
		assert_ok(put(i));
	assert_ok(db_verb(db, DB_COMMIT));
	head = (struct audit_head){.head.size = ENTRIES, .witnessed = true};
	tree_root(&edge, head.head.root);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	db_close(db);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct rc judge(struct audit *a)
{
	audit_open(a, &head, 1);
	return audit_database(a, db);
}

static void a_whole_log_holds(void **state)
{
	struct audit a = {0};

	(void)state;
	assert_ok(judge(&a));
	assert_int_equal(a.edge.size, ENTRIES);
	assert_int_equal(a.witnessed, 1);
}

/* What is done to it, in a transaction that is then dropped. */
static void attack(const char *sql, const char *more, enum err want)
{
	struct audit a = {0};
	struct rc rc;

	assert_ok(db_verb(db, DB_BEGIN));
	assert_ok(db_run(db, NULL, sql, DB_NOARGS));
	if (more != NULL)
		assert_ok(db_run(db, NULL, more, DB_NOARGS));
	rc = judge(&a);
	if (rc_ok(rc) || rc_last()->err != want)
		fail_msg("%s: %s, want %s", sql, rc_ok(rc) ? "nothing found" : rc_last()->text,
		         err_info(want)->name);
	assert_ok(db_verb(db, DB_ROLLBACK));
}

static void each_attack_has_its_name(void **state)
{
	(void)state;
	for (unsigned tile = 0; tile < ENTRIES / LOG_TILE; tile++) {
		char sql[160];

		(void)snprintf(sql, sizeof(sql),
		               "UPDATE log_tile SET node = (SELECT leaf FROM log WHERE idx = 7)"
		               " WHERE height = 1 AND idx = %u",
		               tile);
		attack(sql, NULL, ERR_LOG_FORK);
	}
	attack("DELETE FROM log WHERE idx = 600", NULL, ERR_LOG_GAP);
	attack("DELETE FROM log WHERE idx = 0", NULL, ERR_LOG_GAP);
	attack("DELETE FROM log WHERE idx >= 1290", NULL, ERR_LOG_ROLLBACK);
	attack("UPDATE log SET entry = (SELECT entry FROM log WHERE idx = 3) WHERE idx = 700", NULL,
	       ERR_LOG_ENTRY);
	attack("UPDATE log SET sealed = leaf WHERE idx = 700", NULL, ERR_LOG_ENTRY);
	/* with its leaf made anew: first the tile above it, without tiles the head */
	attack("UPDATE log SET entry = (SELECT entry FROM log WHERE idx = 3), leaf ="
	       " (SELECT leaf FROM log WHERE idx = 3) WHERE idx = 700",
	       NULL, ERR_LOG_FORK);
	attack("UPDATE log SET entry = (SELECT entry FROM log WHERE idx = 3), leaf ="
	       " (SELECT leaf FROM log WHERE idx = 3) WHERE idx = 1299",
	       "DELETE FROM log_tile", ERR_LOG_FORK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_whole_log_holds),
	        cmocka_unit_test(each_attack_has_its_name),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
