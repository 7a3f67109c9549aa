/* The log: appending with durable commits, and with BENCH_FULL what a log of ten million entries costs. */
#include "bench/measure.h"
#include "bench/private.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "evidence/audit.h"
#include "evidence/log.h"
#include "evidence/log_tree.h"

#include <stdlib.h>
#include <unistd.h>

#define MILLION 1000000u
#define STEP 1000u /* entries of one closure */
#define PROOFS 2000
#define PATH_LEN 4096
#define HEX_SM3 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct bench_log {
	char path[PATH_LEN];
	struct writer *writer;
	struct log *log;
	struct db *reader;
	uint64_t n; /* of the entry to come; the writer's thread alone */
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

static struct rc append(struct db_tx *tx, void *arg)
{
	struct bench_log *l = arg;

	for (unsigned i = 0; i < STEP; i++) {
		AUTO_JSON(data, issued(l->n));

		NEED(data != NULL, RC_NOMEM, "bench: no memory");
		TRY(log_append(l->log, tx, "issued", data, NULL, NULL));
		l->n++;
	}
	return OK;
}

static RC fill(struct bench_log *l, uint64_t size)
{
	while (log_size(l->log) < size)
		TRY(writer_run(l->writer, append, l));
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
	struct audit a;
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
	TRY(fill(l, STEP));
	from = seconds_now();
	TRY(fill(l, MILLION));
	TRY(add(b, "log.append", (MILLION - STEP) / (seconds_now() - from), "1/s"));
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
