#ifndef YD_TESTS_PGSQL_SERVER_H
#define YD_TESTS_PGSQL_SERVER_H
/* The PostgreSQL server of a test program (tests/lib/pgsql.sh), and a schema of its own for each case;
 * programs run in the source tree.  Tests that run over one database take the place that pgsql_place()
 * gives: PostgreSQL when YD_TEST_DB holds what `pgsql.sh start` printed. */
#include "base/check.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PGSQL_URL 256

static inline char *pgsql_info(void) /* "host=FOLDER user=postgres dbname=postgres" */
{
	static char info[128];

	return info;
}

/* False, with the reason on stderr, when PostgreSQL is not installed. */
static inline bool pgsql_start(void)
{
	char command[64];
	FILE *f;
	int status;
	bool line;

	(void)snprintf(command, sizeof(command), "tests/lib/pgsql.sh start %d", (int)getpid());
	f = popen(command, "r");
	if (f == NULL)
		return false;
	line = fgets(pgsql_info(), 128, f) != NULL;
	status = pclose(f);
	if (!line || status != 0)
		return false;
	pgsql_info()[strcspn(pgsql_info(), "\n")] = 0;
	return true;
}

static inline void pgsql_stop(void)
{
	char command[192];

	(void)snprintf(command, sizeof(command), "tests/lib/pgsql.sh stop %.*s",
	               (int)strcspn(pgsql_info() + 5, " "), pgsql_info() + 5);
	if (system(command) != 0)
		(void)fputs("the server was not stopped\n", stderr);
}

/* url: a new empty schema. */
static inline void pgsql_fresh(char url[PGSQL_URL])
{
	static int n;
	AUTO(db, db, NULL);
	char sql[64];

	(void)snprintf(url, PGSQL_URL, "pgsql:%s", pgsql_info());
	assert_ok(db_open(url, false, &db));
	(void)snprintf(sql, sizeof(sql), "CREATE SCHEMA c%d_%d", (int)getpid(), ++n);
	assert_ok(db_run(db, NULL, sql, DB_NOARGS));
	(void)snprintf(url, PGSQL_URL, "pgsql:%s options=-csearch_path=c%d_%d", pgsql_info(), (int)getpid(),
	               n);
}

/* url: the path, or a new empty schema. */
static inline void pgsql_place(char url[PGSQL_URL], const char *path)
{
	const char *info = getenv("YD_TEST_DB");

	if (info == NULL || *info == 0) {
		(void)snprintf(url, PGSQL_URL, "%s", path);
		return;
	}
	(void)snprintf(pgsql_info(), 128, "%s", info);
	pgsql_fresh(url);
}

#endif
