#ifndef YD_BENCH_CREW_H
#define YD_BENCH_CREW_H
/* Threads that do the same step again and again, each with a lane (connections, buffers) of its own. */
#include "base/rc.h"

#include <stddef.h>

#define CREW_MAX 1024

struct crew {
	size_t threads;
	double warm, window; /* seconds before and while it counts */
	void *arg;
	struct rc (*open)(void *arg, void **lane); /* before the clock runs */
	void (*close)(void *lane);
	/* *units: what was done.  RC_NOTFOUND: nothing left to do, all end. */
	struct rc (*step)(void *lane, size_t *units);
};
struct crew_result {
	double rate;           /* units finished in the window per second */
	double p50_ms, p99_ms; /* of steps begun in the window */
	size_t steps, errors;
	struct rc_text why; /* of the first error */
};
RC crew_run(const struct crew *c, struct crew_result *ret);

#endif
