#ifndef YD_TESTS_FAULT_WALK_H
#define YD_TESTS_FAULT_WALK_H
/* Walks a table of store functions with the faulty driver: whichever database call fails, or loses
 * its answer, the function must say so, by the right code, and leave nothing behind after the rollback.  The
 * same through the writer, where its own calls fail too: the database is as before or as after, never
 * between. */
#include "base/time.h"
#include "db/writer.h"
#include "pgsql_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

struct walk_case {
	const char *name;
	struct rc (*run)(struct db *db);
};
struct walk {
	const char *role;
	struct rc (*setup)(struct db *db); /* committed before the walk */
	const struct walk_case *cases;
	size_t count;
};

static char walk_folder[] = "/tmp/yuandian-store-XXXXXX";
static char walk_path[sizeof(walk_folder) + 16], walk_url[PGSQL_URL];

static inline int walk_open_folder(void **state)
{
	(void)state;
	memcpy(walk_folder + sizeof(walk_folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(walk_folder));
	snprintf(walk_path, sizeof(walk_path), "%s/data.db", walk_folder);
	pgsql_place(walk_url, walk_path);
	return 0;
}

static inline int walk_remove_folder(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	char path[sizeof(walk_path) + 8];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", walk_path, tails[i]);
		(void)unlink(path);
	}
	return rmdir(walk_folder);
}

#define walk_ok(call)                                                                                        \
	do {                                                                                                 \
		struct rc walk_rc = (call);                                                                  \
		if (!rc_ok(walk_rc))                                                                         \
			fail_msg("%s: %s", #call, rc_last()->text);                                          \
	} while (0)
/* The call fails, and with this refusal. */
#define walk_refused(call, name)                                                                             \
	do {                                                                                                 \
		assert_false(rc_ok(call));                                                                   \
		assert_int_equal(rc_last()->err, ERR_##name);                                                \
	} while (0)

static inline struct db *walk_database(const char *role)
{
	struct db *db = NULL;

	walk_ok(db_open(walk_url, false, &db));
	walk_ok(db_migrate(db, role));
	return db;
}

/* One run with the n-th call in trouble; false when there was no n-th call. */
static inline bool walk_once(const struct walk_case *c, unsigned long n, bool uncertain)
{
	struct db_faults faults = {.kinds = 0, .verb = -1};
	struct db *db = NULL;
	bool reached;
	struct rc rc;

	walk_ok(db_open_faulty(walk_url, &faults, &db));
	walk_ok(db_verb(db, DB_BEGIN));
	faults = (struct db_faults){.kinds = uncertain ? DB_CALL_STEP
	                                               : DB_CALL_PREPARE | DB_CALL_BIND | DB_CALL_STEP,
	                            .verb = -1,
	                            .at = n,
	                            .uncertain = uncertain};
	rc = c->run(db);
	reached = faults.calls >= n;
	if (reached && rc_ok(rc))
		fail_msg("%s: call %lu failed and nobody noticed", c->name, n);
	if (!reached && !rc_ok(rc))
		fail_msg("%s without trouble: %s", c->name, rc_last()->text);
	if (reached && rc.code != (uncertain ? RC_UNCERTAIN : RC_BUSY))
		fail_msg("%s: call %lu: %s, %s", c->name, n, rc_name(rc.code), rc_last()->text);
	faults.kinds = 0;
	walk_ok(db_verb(db, DB_ROLLBACK));
	db_close(db);
	return reached;
}

/* ---- through the writer ---- */

struct walk_file {
	uint8_t *p;
	size_t len;
};

static inline struct walk_file walk_keep(void)
{
	FILE *f = fopen(walk_path, "rb");
	struct walk_file ret = {0};

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	ret.len = (size_t)ftell(f);
	rewind(f);
	ret.p = malloc(ret.len);
	assert_int_equal(fread(ret.p, 1, ret.len, f), ret.len);
	fclose(f);
	return ret;
}

static inline void walk_put_back(const struct walk_file *k)
{
	static const char *const tails[] = {"-wal", "-shm"};
	char path[sizeof(walk_path) + 8];
	FILE *f = fopen(walk_path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(k->p, 1, k->len, f), k->len);
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", walk_path, tails[i]);
		(void)unlink(path);
	}
}

static inline void walk_add(uint64_t *sum, const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ ((const uint8_t *)p)[i]) * 0x100000001b3u;
}

/* Every column of every row; what is a time about now counts as one value. */
static inline void walk_add_rows(uint64_t *sum, sqlite3 *db, const char *table)
{
	char sql[256];
	sqlite3_stmt *s;

	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" ORDER BY 1, 2", table);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) { /* one column */
		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" ORDER BY 1", table);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	}
	while (sqlite3_step(s) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			int64_t v = sqlite3_column_int64(s, i), now = (int64_t)time(NULL);

			walk_add(sum, &i, sizeof(i));
			if (sqlite3_column_type(s, i) == SQLITE_INTEGER && v > now - TIME_DAY &&
			    v < now + TIME_DAY)
				walk_add(sum, "now", 3);
			else
				walk_add(sum, sqlite3_column_blob(s, i), (size_t)sqlite3_column_bytes(s, i));
		}
	sqlite3_finalize(s);
}

static inline uint64_t walk_sum(void)
{
	uint64_t sum = 0xcbf29ce484222325u;
	sqlite3_stmt *s;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(walk_path, &db), SQLITE_OK);
	assert_int_equal(
	        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
	                           -1, &s, NULL),
	        SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		walk_add_rows(&sum, db, (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return sum;
}

static inline struct rc walk_closure(struct db_tx *tx, void *arg)
{
	return ((const struct walk_case *)arg)->run(tx->db);
}

/* The n-th call of the whole transaction in trouble; 0: none. */
static inline bool walk_written(struct walk_case c, unsigned long n, bool uncertain, const uint64_t sums[2])
{
	struct db_faults faults = {.kinds = 0, .verb = -1};
	struct db *db = NULL;
	struct writer *w = NULL;
	uint64_t sum;
	struct rc rc;

	walk_ok(db_open_faulty(walk_url, &faults, &db));
	walk_ok(db_script(db, "PRAGMA synchronous = OFF"));
	walk_ok(writer_open(db, &w));
	faults = (struct db_faults){.kinds = DB_CALL_ALL, .verb = -1, .at = n, .uncertain = uncertain};
	rc = writer_run(w, walk_closure, &c);
	bool reached = faults.calls >= n;
	writer_close(w);
	sum = walk_sum();
	if (n == 0 || sums[0] == sums[1])
		return reached;
	if (rc_ok(rc) ? sum != sums[1] : sum != sums[0] && (rc.code != RC_UNCERTAIN || sum != sums[1]))
		fail_msg("%s: call %lu, %s: %s", c.name, n, rc_name(rc.code),
		         sum == sums[0]   ? "acknowledged and not there"
		         : sum == sums[1] ? "refused and there"
		                          : "half there");
	return reached;
}

static inline void walk_through_writer(const struct walk_case *c, const struct walk_file *start)
{
	uint64_t sums[2];

	walk_put_back(start);
	sums[0] = walk_sum();
	(void)walk_written(*c, 0, false, sums);
	sums[1] = walk_sum();
	for (int uncertain = 0; uncertain < 2; uncertain++)
		for (unsigned long n = 1;; n++) {
			walk_put_back(start);
			if (!walk_written(*c, n, uncertain == 1, sums))
				break;
		}
}

static inline void walk_faults(const struct walk *w)
{
	struct walk_file start;
	struct db *db = walk_database(w->role);

	if (w->setup != NULL)
		walk_ok(w->setup(db));
	db_close(db);
	for (size_t i = 0; i < w->count; i++) {
		unsigned long n = 1, m = 1;

		while (walk_once(&w->cases[i], n, false))
			n++;
		while (walk_once(&w->cases[i], m, true))
			m++;
		if (n < 3 || m < 2)
			fail_msg("%s makes no database calls", w->cases[i].name);
	}
	if (strcmp(walk_url, walk_path) != 0) /* PostgreSQL: no file to look into */
		return;
	start = walk_keep();
	for (size_t i = 0; i < w->count; i++)
		walk_through_writer(&w->cases[i], &start);
	free(start.p);
}

#endif
