/* yuandian status rebuild: a status instance reads the CA's log again from its first entry, beside what it
 * serves. Asked by a file in its folder, so by the owner of the data folder; there is no door for it. */
#include "base/text.h"
#include "cli/cli.h"
#include "status/status.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PATH_LEN 4096
#define LOOK_NS 200000000

static RC wish_in(const char *folder, bool wait)
{
	char path[PATH_LEN];
	int n = snprintf(path, sizeof(path), "%s/" REBUILD_FILE, folder), fd;

	NEED(n > 0 && (size_t)n < sizeof(path), RC_INPUT, "%s is too long", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	NEED(fd >= 0, RC_NOTFOUND, "cannot make %s", path);
	(void)close(fd);
	while (wait && access(path, F_OK) == 0) {
		struct timespec t = {.tv_nsec = LOOK_NS};

		(void)nanosleep(&t, NULL);
	}
	return OK;
}

static RC wish_in_all(const char *pattern, bool wait, json_t *list)
{
	glob_t found = {0};
	struct rc rc = OK;

	if (glob(pattern, 0, NULL, &found) != 0)
		rc = rc_fail(RC_NOTFOUND, "no status instance below %s", pattern);
	for (size_t i = 0; rc_ok(rc) && i < found.gl_pathc; i++) {
		rc = wish_in(found.gl_pathv[i], wait);
		(void)json_array_append_new(list, json_string(found.gl_pathv[i]));
	}
	globfree(&found);
	return rc;
}

struct rc cmd_status_rebuild(struct cli *c)
{
	const char *instance = cli_get(c, "instance");
	AUTO_JSON(list, json_array());
	char pattern[PATH_LEN];
	int n = snprintf(pattern, sizeof(pattern), "%s/%s", cli_get(c, "data"),
	                 instance != NULL ? instance : "*/status");

	NEED(n > 0 && (size_t)n < sizeof(pattern), RC_INPUT, "--data is too long");
	TRY(wish_in_all(pattern, cli_get(c, "wait") != NULL, list));
	if (c->json)
		return cli_json(c, "rebuild", MOVE(list));
	return OK;
}
