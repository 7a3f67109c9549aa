#ifndef YD_BENCH_MEASURE_H
#define YD_BENCH_MEASURE_H
/* Rates on one core, by processor time of this thread, so that other programs on the machine count for
 * little; medians of rounds in which all sides take turns. */
#include <stddef.h>

#define MEASURE_ROUNDS 7
#define MEASURE_ROUND_SECONDS 0.15

/* Does some work and says how many units it was; 0 = it failed. */
struct work {
	size_t (*run)(void *arg);
	void *arg;
};
/* Units per second of each; 0 when it failed.  n <= MEASURE_SIDES. */
#define MEASURE_SIDES 12
void measure_all(const struct work *w, double *rates, size_t n);

double median(double *v, size_t n); /* sorts */
double seconds_now(void);           /* monotonic */

#endif
