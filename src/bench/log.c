/* The log: appending with durable commits, and with BENCH_FULL what a log of ten million entries costs. */
#include "bench/measure.h"
#include "bench/private.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "evidence/audit.h"
#include "evidence/log.h"
#include "evidence/log_tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MILLION 1000000u
#define STEP 1000u /* entries of one closure */
#define CALLERS 2
#define PROOFS 2000
#define PATH_LEN 4096
#define HEX_SM3 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct bench_log {
	char path[PATH_LEN];
	struct writer *writer;
	struct log *log;
	struct db *reader;
	atomic_ullong n; /* entries that were begun */
};

static void close_log(struct bench_log *l)
{
	writer_close(l->writer);
	log_close(l->log);
	db_close(l->reader);
	l->writer = NULL;
	l->log = NULL;
	l->reader = NULL;
}

/* As an instance opens it. */
static RC open_log(struct bench_log *l)
{
	AUTO(db, db, NULL);

	TRY(db_open(l->path, false, &db));
	TRY(db_migrate(db, NULL));
	TRY(db_check(db, l->path));
	TRY(writer_open(MOVE(db), &l->writer));
	TRY(db_open(l->path, true, &l->reader));
	return log_open(l->writer, l->reader, &l->log);
}

/* What a CA says of a certificate. */
static json_t *issued(uint64_t n)
{
	char serial[33];

	(void)snprintf(serial, sizeof(serial), "5a%030llx", (unsigned long long)n);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "ca", "sm2", "serial", serial, "not_before",
	                 "2026-01-01T00:00:00Z", "not_after", "2028-01-01T00:00:00Z", "profile", "person",
	                 "class", "GOV", "part", "sign", "certificate", HEX_SM3, "request", HEX_SM3);
}

/* What one caller brings to the writer at once. */
struct load {
	struct bench_log *l;
	struct log_item items[STEP];
	uint64_t until;
	struct rc_text why;
};

static struct rc append(struct db_tx *tx, void *arg)
{
	struct load *w = arg;

	return log_append_all(w->l->log, tx, w->items, STEP, NULL);
}

static RC one_step(struct load *w)
{
	uint64_t from = atomic_fetch_add(&w->l->n, STEP);
	struct rc rc = OK;
	unsigned n;

	for (n = 0; n < STEP && rc_ok(rc); n++) {
		w->items[n] = (struct log_item){.kind = "issued", .data = issued(from + n)};
		if (w->items[n].data == NULL)
			rc = rc_fail(RC_NOMEM, "bench: no memory");
	}
	if (rc_ok(rc))
		rc = writer_run(w->l->writer, append, w);
	while (n > 0)
		json_decref((json_t *)(uintptr_t)w->items[--n].data);
	return rc;
}

static void *caller(void *arg)
{
	struct load *w = arg;

	while (atomic_load(&w->l->n) < w->until) {
		struct rc rc = one_step(w);

		if (rc_ok(rc))
			continue;
		w->why = *rc_last();
		break;
	}
	return NULL;
}

/* Two callers, so that the writer need not wait for what it is to write. */
static RC fill(struct bench_log *l, uint64_t size)
{
	AUTO_MEM(struct load, w, mem_new(CALLERS, sizeof(*w)));
	pthread_t thread[CALLERS];
	size_t n = 0;

	NEED(w != NULL, RC_NOMEM, "bench: no memory");
	for (; n < CALLERS; n++) {
		w[n].l = l;
		w[n].until = size;
		if (pthread_create(&thread[n], NULL, caller, &w[n]) != 0)
			break;
	}
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(thread[i], NULL);
	NEED(n == CALLERS, RC_NOMEM, "bench: no threads");
	for (size_t i = 0; i < CALLERS; i++)
		if (w[i].why.code != RC_OK)
			return rc_restore(&w[i].why);
	return OK;
}

static RC add(struct bench *b, const char *name, double value, const char *unit)
{
	struct bench_row row = {.value = value, .unit = unit};

	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	return rows_add(&b->rows, &row);
}

static RC root_of(struct bench_log *l, uint64_t size, tree_hash ret)
{
	AUTO(log_tree, t, NULL);

	TRY(log_tree_open(l->reader, &t));
	struct tree_reader r = log_tree_reader(t);

	return tree_read_root(&r, size, ret);
}

/* Leaves, tree and a head, as `audit verify` walks a copy. */
static RC verify(struct bench *b, struct bench_log *l)
{
	struct audit_head head = {.head.size = log_size(l->log), .witnessed = true};
	struct audit a = {0};
	double from;

	TRY(root_of(l, head.head.size, head.head.root));
	from = seconds_now();
	audit_open(&a, &head, 1);
	TRY(audit_database(&a, l->reader));
	NEED(a.witnessed == 1, RC_BUG, "bench: the head was not met");
	return add(b, "log.verify_seconds_1m", seconds_now() - from, "s");
}

/* Database, size, and the root that a head needs at the start. */
static RC start(struct bench *b, struct bench_log *l)
{
	double from = seconds_now();
	tree_hash root;

	close_log(l);
	from = seconds_now();
	TRY(open_log(l));
	TRY(root_of(l, log_size(l->log), root));
	return add(b, "log.start_seconds_10m", seconds_now() - from, "s");
}

/* Each proof from a fresh reader, as a request finds it. */
static RC proofs(struct bench *b, struct bench_log *l)
{
	double spent = 0, worst = 0;

	for (unsigned i = 0; i < PROOFS; i++) {
		AUTO(log_tree, t, NULL);
		struct tree_proof proof;
		uint64_t index;
		double from;

		TRY(rand_bytes((uint8_t *)&index, sizeof(index)));
		from = seconds_now();
		TRY(log_tree_open(l->reader, &t));
		struct tree_reader r = log_tree_reader(t);
		TRY(tree_inclusion(&r, index % log_size(l->log), log_size(l->log), &proof));
		from = seconds_now() - from;
		spent += from;
		worst = from > worst ? from : worst;
	}
	fprintf(stderr, "bench: slowest proof %.3f ms\n", worst * 1e3);
	return add(b, "log.proof_ms_10m", spent * 1e3 / PROOFS, "ms");
}

static RC run(struct bench *b, struct bench_log *l)
{
	double from;

	TRY(open_log(l));
	from = seconds_now();
	TRY(fill(l, MILLION));
	TRY(add(b, "log.append", (double)log_size(l->log) / (seconds_now() - from), "1/s"));
	TRY(verify(b, l));
	if (getenv("BENCH_FULL") == NULL)
		return OK;
	TRY(fill(l, 10 * (uint64_t)MILLION));
	TRY(start(b, l));
	return proofs(b, l);
}

RC bench_log(struct bench *b)
{
	AUTO_MEM(struct bench_log, l, mem_new(1, sizeof(*l)));
	static const char *const ends[] = {"", "-wal", "-shm"};
	struct rc rc;

	NEED(l != NULL, RC_NOMEM, "bench: no memory");
	NEED(snprintf(l->path, sizeof(l->path), "%s.log.db", b->options->data) < PATH_LEN, RC_INPUT,
	     "bench: the path is too long");
	rc = run(b, l);
	close_log(l);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char path[PATH_LEN + 8];

		(void)snprintf(path, sizeof(path), "%s%s", l->path, ends[i]);
		(void)unlink(path);
	}
	return rc;
}
