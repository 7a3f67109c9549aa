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

void measure_all(const struct work *w, double *rates, size_t n)
{
	double got[MEASURE_SIDES][MEASURE_ROUNDS];
	size_t i, round;

	for (i = 0; i < n; i++)
		(void)w[i].run(w[i].arg); /* caches, tables made at first use */
	for (round = 0; round < MEASURE_ROUNDS; round++) {
		for (i = 0; i < n; i++)
			got[i][round] = one_round(w[i]);
	}
	for (i = 0; i < n; i++)
		rates[i] = median(got[i], MEASURE_ROUNDS);
}
