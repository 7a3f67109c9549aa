#include "bench/measure.h"

#include <stdlib.h>
#include <time.h>

static double read_clock(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double seconds_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double one_round(struct work w)
{
	double from = read_clock(CLOCK_THREAD_CPUTIME_ID), spent = 0;
	size_t units = 0, n;

	do {
		n = w.run(w.arg);
		if (n == 0)
			return 0;
		units += n;
		spent = read_clock(CLOCK_THREAD_CPUTIME_ID) - from;
	} while (spent < MEASURE_ROUND_SECONDS);
	return (double)units / spent;
}

struct rates measure_both(struct work ours, struct work theirs)
{
	double a[MEASURE_ROUNDS], b[MEASURE_ROUNDS] = {0};
	size_t i;

	(void)ours.run(ours.arg); /* caches, tables made at first use */
	for (i = 0; i < MEASURE_ROUNDS; i++) {
		a[i] = one_round(ours);
		if (theirs.run != NULL)
			b[i] = one_round(theirs);
	}
	return (struct rates){median(a, MEASURE_ROUNDS), median(b, MEASURE_ROUNDS)};
}
