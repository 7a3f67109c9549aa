#ifndef YD_BENCH_PLATFORM_H
#define YD_BENCH_PLATFORM_H
/* A platform of our own: `yuandian up --data DIR --demo --base-port 0` as a child of this process. */
#include "bench/private.h"
#include "base/json.h"

#include <sys/types.h>

#define PLATFORM_PATH_MAX 4096
#define PLATFORM_READY_SECONDS 180
#define PLATFORM_END_SECONDS 60

struct platform {
	pid_t pid;
	char dir[PLATFORM_PATH_MAX];
	json_t *endpoints;
};
/* Until the line "ready" has come; *seconds from the start of the program to it. */
RC platform_start(const char *dir, struct platform **ret, double *seconds);
void platform_stop(struct platform *p); /* NULL is fine */
/* The one of this run, started when it is not there. */
RC platform_get(struct bench *b, struct platform **ret);

/* A file below the data folder. */
RC platform_path(const struct platform *p, const char *name, char ret[PLATFORM_PATH_MAX]);
/* "shifan/ra", "api" … borrowed. */
RC platform_url(const struct platform *p, const char *instance, const char *which, const char **ret);
RC platform_public(const struct platform *p, const char *which, const char **ret);

#endif
