/* crl.seconds_N, crl.mib_N: a full list of N entries by a CA that has so many revocations: from the wish to
 * the published file, and what CA and signer together needed beyond their idle memory meanwhile (the highest
 * of each).  The list grows out of the last one; crl.rows_seconds_N is the one from rows alone. */
#include "authority/store.h"
#include "base/clock.h"
#include "base/json.h"
#include "bench/approved.h"
#include "bench/filled.h"
#include "bench/measure.h"
#include "bench/platform.h"
#include "bench/wire.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MILLION 1000000
#define STEP 20000
#define ROUNDS 3
#define PROCESSES 2
#define PATH_LEN 4096
#define FRESH 100 /* revocations between two lists */

/* ---- memory of the CA and its signer ---- */

struct process {
	int pid;
	double idle;
};

static bool is_one_of_ours(int pid, int *slot)
{
	char path[64], line[PATH_LEN];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	(void)fclose(f);
	for (size_t i = 0; i < n; i++)
		line[i] = line[i] == '\0' ? ' ' : line[i];
	line[n] = '\0';
	*slot = strstr(line, "signer") != NULL;
	return strstr(line, "shifan/ca") != NULL;
}

static int parent_of(int pid)
{
	char path[64];
	int parent = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	(void)fclose(f);
	return parent;
}

static RC find(const struct platform *p, struct process *ret)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int slot;

	NEED(d != NULL, RC_BUSY, "bench: no /proc");
	ret[0] = ret[1] = (struct process){0};
	while ((e = readdir(d)) != NULL) {
		int pid = (int)strtol(e->d_name, NULL, 10);

		if (pid > 0 && parent_of(pid) == p->pid && is_one_of_ours(pid, &slot))
			ret[slot].pid = pid;
	}
	(void)closedir(d);
	NEED(ret[0].pid != 0 && ret[1].pid != 0, RC_BUSY, "bench: CA and signer are not among the processes");
	return OK;
}

/* In MiB; what: "VmRSS", or "VmHWM" since it was last reset. */
static double memory(int pid, const char *what)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, what, strlen(what)) == 0)
			kib = strtoul(line + strlen(what) + 1, NULL, 10);
	}
	(void)fclose(f);
	return (double)kib / 1024;
}

static void reset(struct process *p)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/clear_refs", p->pid);
	p->idle = memory(p->pid, "VmRSS");
	f = fopen(path, "we");
	if (f == NULL)
		return;
	(void)fputs("5", f);
	(void)fclose(f);
}

/* ---- revocations ---- */

static RC fill(const char *data, size_t from, size_t to, size_t n)
{
	AUTO(db, db, NULL);
	char path[PATH_LEN];
	uint8_t serial[FILLED_SERIAL];
	int len = snprintf(path, sizeof(path), "%s/shifan/ca/data.db", data);

	NEED(len > 0 && (size_t)len < sizeof(path), RC_INPUT, "bench: the path is too long");
	TRY(db_open(path, false, &db));
	for (size_t i = from; i < to; i += STEP) {
		TRY(db_verb(db, DB_BEGIN));
		for (size_t k = i; k < to && k < i + STEP; k++) {
			filled_serial(k, n, serial);
			TRY(authority_store_fill(db, "sm2", SLICE_ARR(serial),
			                         clock_now() - (int64_t)(to - k)));
		}
		TRY(db_verb(db, DB_COMMIT));
	}
	return OK;
}

/* ---- lists ---- */

struct desk {
	const struct platform *p;
	struct wire *w;
	struct process process[PROCESSES];
	double mib; /* the most that was needed */
};

static RC build(struct desk *d, const char *path, double *seconds, int64_t *entries)
{
	AUTO_BUF(answer, WIRE_ANSWER_MAX);
	AUTO_JSON(o, NULL);
	double mib = 0, from;
	unsigned status = 0;

	for (size_t i = 0; i < PROCESSES; i++)
		reset(&d->process[i]);
	from = seconds_now();
	TRY(wire_call(d->w, "POST", path, NULL, SLICE_NONE, &status, &answer));
	*seconds = seconds_now() - from;
	NEED(status == 200, RC_BUSY, "bench: the CA says %u %.200s", status, buf_cstr(&answer));
	TRY(json_read(buf_slice(&answer), JSON_MAX, &o));
	TRY(json_get_int(o, "entries", 0, INT64_MAX, entries));
	for (size_t i = 0; i < PROCESSES; i++)
		mib += memory(d->process[i].pid, "VmHWM") - d->process[i].idle;
	if (mib > d->mib)
		d->mib = mib;
	return OK;
}

static RC row(struct bench *b, const char *what, const char *size, double value, const char *unit)
{
	struct bench_row r = {.value = value, .unit = unit};

	(void)snprintf(r.name, sizeof(r.name), "crl.%s_%s", what, size);
	return rows_add(&b->rows, &r);
}

/* The first list after the fill has them all from rows; then each grows out of the last. */
static RC lists(struct bench *b, struct desk *d, size_t n, const char *size)
{
	double seconds[ROUNDS], rows;
	int64_t entries = 0;

	TRY(build(d, "/v1/crl/sm2?anew=1", &rows, &entries));
	NEED(entries >= (int64_t)n, RC_BUSY, "bench: %lld entries", (long long)entries);
	for (size_t i = 0; i < ROUNDS; i++) {
		TRY(fill(d->p->dir, n + i * FRESH, n + (i + 1) * FRESH, 2 * n));
		TRY(build(d, "/v1/crl/sm2", &seconds[i], &entries));
	}
	TRY(row(b, "rows_seconds", size, rows, "s"));
	TRY(row(b, "seconds", size, median(seconds, ROUNDS), "s"));
	return row(b, "mib", size, d->mib, "MiB");
}

static RC measure(struct bench *b, size_t from, size_t n, const char *size)
{
	struct wire_identity *identity = NULL;
	struct platform *p = NULL;
	struct desk d = {.w = NULL};
	const char *url;
	struct rc rc;

	TRY(platform_get(b, &p));
	platform_stop(b->platform);
	b->platform = NULL;
	TRY(fill(b->options->data, from, n, 2 * n));
	TRY(platform_get(b, &p));
	d.p = p;
	TRY(find(p, d.process));
	rc = ra_identity(p, &identity, &url);
	if (rc_ok(rc))
		rc = wire_open(url, identity, &d.w);
	if (rc_ok(rc))
		rc = lists(b, &d, n, size);
	wire_close(d.w);
	wire_identity_free(identity);
	return rc;
}

RC bench_crl(struct bench *b)
{
	TRY(measure(b, 0, MILLION, "1m"));
	if (getenv("BENCH_FULL") == NULL)
		return OK;
	return measure(b, MILLION, (size_t)10 * MILLION, "10m");
}
