#ifndef YD_BENCH_LOAD_H
#define YD_BENCH_LOAD_H
/* Many kept connections driven by this one thread: each sends a request, reads the answer, sends the next.
 * It understands answers with Content-Length only. */
#include "base/rc.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

#define LOAD_REQUEST_MAX 2048
#define LOAD_ANSWER_MAX 16384
#define LOAD_CONNECTIONS 1024

struct load {
	const char *address; /* numeric */
	uint16_t port;
	size_t connections;
	double warm, window; /* seconds before and while it counts */
	void *arg;
	/* Writes the next request, head and all; its length. */
	size_t (*next)(void *arg, uint8_t *room);
	/* NULL, or looks at an answer's body; false counts as an error. */
	bool (*judge)(void *arg, struct slice body);
};
struct load_result {
	double rate, p50_ms, p99_ms;
	size_t answers, errors;
};
RC load_run(const struct load *l, struct load_result *ret);

/* The processor this thread stays on; the others go elsewhere by load_pin_process(). */
RC load_pin(int cpu);
void load_unpin(void); /* anywhere again */
/* All threads of the process whose command line names both words; RC_NOTFOUND. */
RC load_pin_process(const char *word, const char *other, int cpu);
/* Seconds of processor time that such processes have used, or the children of one: on a machine that does
 * other things too, what a server costs says more than how fast it was. */
double load_spent(const char *word, const char *other);
double load_spent_children(long parent);

#endif
