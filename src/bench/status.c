/* The status store alone: bytes and start of ten million certificates, look-ups beside a small one; with
 * BENCH_FULL a hundred million. */
#include "base/clock.h"
#include "base/mem.h"
#include "bench/filled.h"
#include "bench/measure.h"
#include "bench/private.h"
#include "status/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES "sm2 "
#define SMALL 1000u
#define MILLION 1000000u
#define LOOKUPS 4000000u
#define PATH_LEN 4096

static RC build(const char *path, size_t n)
{
	AUTO(segment_builder, b, NULL);
	struct table_entry e = {.len = FILLED_SERIAL};

	TRY(segment_begin(path, &b));
	for (size_t i = 0; i < n; i++) {
		filled_serial(i, n, e.serial);
		e.revoked = i % 50 == 0;
		TRY(segment_add(b, &e));
	}
	return segment_end(b, NAMES, n);
}

/* Resident bytes of this process. */
static double resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long all = 0, here = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &all, &here) != 2)
		here = 0;
	(void)fclose(f);
	return (double)here * (double)sysconf(_SC_PAGESIZE);
}

/* Half of them were issued. */
static RC look_up(struct table *t, size_t n, double *rate)
{
	uint64_t state = 88172645463325252u;
	size_t wrong = 0;
	double from = seconds_now();

	for (size_t k = 0; k < LOOKUPS; k++) {
		uint8_t serial[FILLED_SERIAL];
		struct table_entry e;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		filled_serial((state >> 16) % n, n, serial);
		serial[15] ^= (uint8_t)(k & 1);
		wrong += table_find(t, 0, SLICE_ARR(serial), &e) != ((k & 1) == 0);
	}
	*rate = LOOKUPS / (seconds_now() - from);
	NEED(wrong == 0, RC_BUG, "bench: %zu wrong look-ups", wrong);
	return OK;
}

struct size_result {
	double build, start, bytes, rate;
};

static RC open_and_ask(const char *path, size_t n, struct table *t, struct size_result *r)
{
	struct segment *s = NULL;
	double from = seconds_now(), before = resident();

	TRY(segment_open(path, NAMES, &s));
	TRY(table_restart(t, s));
	r->start = seconds_now() - from;
	TRY(look_up(t, n, &r->rate));
	r->bytes = (resident() - before) / (double)n;
	return OK;
}

static RC measure(struct bench *b, size_t n, struct size_result *r)
{
	char path[PATH_LEN];
	double from = seconds_now();
	struct table t;
	struct rc rc;

	(void)snprintf(path, sizeof(path), "%.4000s-segment", b->options->data);
	TRY(build(path, n));
	r->build = seconds_now() - from;
	TRY(table_init(&t));
	rc = open_and_ask(path, n, &t, r);
	table_wipe(&t);
	(void)unlink(path);
	return rc;
}

static RC add(struct bench *b, const char *name, const char *size, double value, const char *unit)
{
	struct bench_row row = {.value = value, .unit = unit};

	(void)snprintf(row.name, sizeof(row.name), "status.%s%s", name, size);
	return rows_add(&b->rows, &row);
}

static RC add_all(struct bench *b, const char *size, const struct size_result *r)
{
	TRY(add(b, "build_seconds", size, r->build, "s"));
	TRY(add(b, "start_seconds", size, r->start, "s"));
	return add(b, "lookup", size, r->rate, "1/s");
}

RC bench_status(struct bench *b)
{
	struct size_result r;

	TRY(measure(b, SMALL, &r));
	TRY(add(b, "lookup", "_1k", r.rate, "1/s"));
	TRY(measure(b, 10 * MILLION, &r));
	TRY(add_all(b, "_10m", &r));
	TRY(add(b, "bytes_per_certificate", "", r.bytes, "bytes"));
	if (getenv("BENCH_FULL") == NULL)
		return OK;
	TRY(measure(b, 100 * (size_t)MILLION, &r));
	TRY(add_all(b, "_100m", &r));
	return add(b, "mib", "_100m", r.bytes * 100 * MILLION / (1 << 20), "MiB");
}
