#ifndef YD_TESTS_PGSQL_SERVER_H
#define YD_TESTS_PGSQL_SERVER_H
/* The PostgreSQL server of a test program (tests/lib/pgsql.sh), and a schema of its own for each case.
 * Include in one file only; programs run in the source tree. */
#include "base/check.h"
#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PGSQL_URL 256
static char pgsql_info[128]; /* "host=FOLDER user=postgres dbname=postgres" */

/* False, with the reason on stderr, when PostgreSQL is not installed. */
static bool pgsql_start(void)
{
	char command[64];
	FILE *f;
	int status;
	bool line;

	(void)snprintf(command, sizeof(command), "tests/lib/pgsql.sh start %d", (int)getpid());
	f = popen(command, "r");
	if (f == NULL)
		return false;
	line = fgets(pgsql_info, sizeof(pgsql_info), f) != NULL;
	status = pclose(f);
	if (!line || status != 0)
		return false;
	pgsql_info[strcspn(pgsql_info, "\n")] = 0;
	return true;
}

static void pgsql_stop(void)
{
	char command[192];

	(void)snprintf(command, sizeof(command), "tests/lib/pgsql.sh stop %.*s",
	               (int)strcspn(pgsql_info + 5, " "), pgsql_info + 5);
	if (system(command) != 0)
		(void)fputs("the server was not stopped\n", stderr);
}

/* url: a new empty schema. */
static void pgsql_fresh(char url[PGSQL_URL])
{
	static int n;
	AUTO(db, db, NULL);
	char sql[64];

	(void)snprintf(url, PGSQL_URL, "pgsql:%s", pgsql_info);
	assert_ok(db_open(url, false, &db));
	(void)snprintf(sql, sizeof(sql), "CREATE SCHEMA c%d", ++n);
	assert_ok(db_run(db, NULL, sql, DB_NOARGS));
	(void)snprintf(url, PGSQL_URL, "pgsql:%s options=-csearch_path=c%d", pgsql_info, n);
}

#endif
