#ifndef YD_TESTS_CLI_RUN_H
#define YD_TESTS_CLI_RUN_H
/* For tests only: one run of the whole program inside the test, its outputs in memory. */
#include "base/check.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define RUN_ARGUMENTS 32

struct run {
	int status;
	char *out, *err;
};

static inline void run_free(struct run *r)
{
	free(r->out);
	free(r->err);
	*r = (struct run){0};
}

/* Arguments behind the program's name, closed by NULL. */
static inline struct run run_program(const char *const *arguments)
{
	char *argv[RUN_ARGUMENTS + 2];
	int argc = 0;
	size_t n;
	struct run r = {0};
	FILE *out = open_memstream(&r.out, &n), *err = open_memstream(&r.err, &n);

	argv[argc++] = strdup("yuandian");
	for (; *arguments != NULL && argc <= RUN_ARGUMENTS; arguments++)
		argv[argc++] = strdup(*arguments);
	argv[argc] = NULL;
	r.status = cli_main(argc, argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	while (argc > 0)
		free(argv[--argc]);
	return r;
}
#define RUN(...) run_program((const char *const[]){__VA_ARGS__, NULL})

/* Runs and compares the exit status; what was said is shown when it differs. */
static inline void run_expect(int status, const char *const *arguments)
{
	struct run r = run_program(arguments);

	if (r.status != status)
		fail_msg("%s: exit %d, want %d: %s%s", arguments[0] != NULL ? arguments[0] : "", r.status,
		         status, r.out, r.err);
	run_free(&r);
}
#define EXPECT(status, ...) run_expect((status), (const char *const[]){__VA_ARGS__, NULL})

#endif
