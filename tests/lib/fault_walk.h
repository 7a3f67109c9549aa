#ifndef YD_TESTS_FAULT_WALK_H
#define YD_TESTS_FAULT_WALK_H
/* Walks a table of store functions with the faulty driver: whichever database call fails, or loses
 * its answer, the function must say so and leave nothing behind after the rollback. */
#include "pgsql_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

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
	faults.kinds = 0;
	walk_ok(db_verb(db, DB_ROLLBACK));
	db_close(db);
	return reached;
}

static inline void walk_faults(const struct walk *w)
{
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
}

#endif
