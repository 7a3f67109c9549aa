/* Every SQL text of the roles is one that PostgreSQL takes: each is prepared and run once with NULLs, in
 * the tables of its role. */
#include "../../tests/lib/pgsql_server.h"

#define TEXT_MAX 4096

static struct db *db; /* of the schema in use */
static char schema[32];

static void use_schema(const char *name)
{
	char url[PGSQL_URL];

	if (db != NULL && strcmp(schema, name) == 0)
		return;
	db_close(db);
	db = NULL;
	(void)snprintf(schema, sizeof(schema), "%s", name);
	pgsql_fresh(url);
	assert_ok(db_open(url, false, &db));
	assert_ok(db_migrate(db, strcmp(name, "common") == 0 ? NULL : name));
}

static struct rc run(const char *sql)
{
	struct rc rc;

	assert_ok(db_verb(db, DB_BEGIN));
	rc = db_run(db, NULL, sql, DB_NOARGS);
	if (!rc_ok(rc)) {
		struct rc_text why = *rc_last();

		assert_ok(db_verb(db, DB_ROLLBACK));
		return rc_restore(&why);
	}
	assert_ok(db_verb(db, DB_ROLLBACK));
	return rc;
}

static void postgresql_takes_every_statement(void **state)
{
	FILE *f = popen("tests/lib/statements.py", "r");
	char line[TEXT_MAX];
	unsigned statements = 0, bad = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *place = strchr(line, '\t'), *sql = strchr(place + 1, '\t');

		*place++ = *sql++ = 0;
		sql[strcspn(sql, "\n")] = 0;
		use_schema(line);
		statements++;
		/* a NULL where none may be is a conflict, found after the statement was understood */
		if (run(sql).code == RC_BUG) {
			(void)fprintf(stderr, "%s (%s): %s\n", place, line, rc_last()->text);
			bad++;
		}
	}
	assert_int_equal(pclose(f), 0);
	db_close(db);
	assert_true(statements > 150);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(postgresql_takes_every_statement),
	};
	int failed;

	if (!pgsql_start()) {
		(void)fputs("skipped\n", stderr);
		return 0;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgsql_stop();
	return failed;
}
