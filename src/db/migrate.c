#include "base/buf.h"
#include "base/clock.h"
#include "base/embed.h"
#include "base/text.h"
#include "db/db.h"

#include "embed_migrations.h"

#include <stdio.h>

#define FOLDER "migrations/"
#define NAME_MAX_LEN 128

/* FNV-1a: finds a file that was edited after it had been applied, not an attacker. */
static int64_t checksum(struct slice s)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 0x100000001b3ULL;
	return (int64_t)(h >> 1);
}

struct applied {
	bool found;
	int64_t size, sum;
};

static RC look_up(struct db *db, const char *name, struct applied *ret)
{
	AUTO(db_rows, q, NULL);

	TRY(db_query(db, &q, "SELECT size, checksum FROM migration WHERE name = $1", DB_ARGS(DB_CSTR(name))));
	TRY(db_next(q, &ret->found));
	ret->size = ret->found ? db_int(q, 0) : 0;
	ret->sum = ret->found ? db_int(q, 1) : 0;
	return OK;
}

/* The row goes first: where two hosts start at once, the second waits for it and then finds it done. */
static RC apply_in_transaction(struct db *db, const struct embedded *f, bool *mine)
{
	AUTO_BUF(text, DB_MAX_VALUE);
	int64_t changed = 0;

	TRY(db_verb(db, DB_BEGIN));
	TRY(db_run(db, &changed,
	           "INSERT INTO migration (name, size, checksum, at) VALUES ($1, $2, $3, $4) "
	           "ON CONFLICT (name) DO NOTHING",
	           DB_ARGS(DB_CSTR(f->name), DB_INT(f->content.len), DB_INT(checksum(f->content)),
	                   DB_INT(clock_real()))));
	*mine = changed == 1;
	if (!*mine)
		return db_verb(db, DB_ROLLBACK);
	buf_add(&text, f->content);
	(void)buf_cstr(&text);
	TRY(buf_done(&text));
	TRY(db_script(db, buf_cstr(&text)));
	return db_verb(db, DB_COMMIT);
}

static RC apply(struct db *db, const struct embedded *f)
{
	struct applied a = {0};
	bool mine = true;
	struct rc rc;

	TRY(look_up(db, f->name, &a));
	if (a.found) {
		NEED(a.size == (int64_t)f->content.len && a.sum == checksum(f->content), RC_CONFLICT,
		     "migration %s: its text is not the one that was applied", f->name);
		return OK;
	}
	rc = apply_in_transaction(db, f, &mine);
	if (!rc_ok(rc)) {
		struct rc_text why = *rc_last();

		(void)rc_ok(db_verb(db, DB_ROLLBACK));
		return rc_note(rc_restore(&why), "migration %s", f->name);
	}
	return mine ? OK : apply(db, f);
}

/* The table is sorted by name, so the numbers of a folder come in order. */
static RC apply_folder(struct db *db, const struct embedded *files, const char *role)
{
	char prefix[NAME_MAX_LEN];
	int n = snprintf(prefix, sizeof(prefix), FOLDER "%s/", role);

	NEED(n > 0 && (size_t)n < sizeof(prefix), RC_BUG, "migration: role name too long");
	for (; files->name != NULL; files++)
		if (strncmp(files->name, prefix, (size_t)n) == 0)
			TRY(apply(db, files));
	return OK;
}

/* What a newer program did to this database, an older one does not understand. */
static RC all_known(struct db *db, const struct embedded *files)
{
	AUTO(db_rows, q, NULL);
	bool row;

	TRY(db_query(db, &q, "SELECT name FROM migration ORDER BY name", DB_NOARGS));
	for (;;) {
		const struct embedded *f = files;
		struct slice name;

		TRY(db_next(q, &row));
		if (!row)
			return OK;
		name = db_text(q, 0);
		while (f->name != NULL && !slice_is(name, f->name))
			f++;
		REQUIRE(f->name != NULL, DATA_NEWER, "migration %.*s is not known here", (int)name.len,
		        (const char *)name.p);
	}
}

RC db_migrate_from(struct db *db, const struct embedded *files, const char *role)
{
	TRY(db_script(db, "CREATE TABLE IF NOT EXISTS migration ("
	                  "name TEXT PRIMARY KEY, size INTEGER NOT NULL, checksum INTEGER NOT NULL, at "
	                  "INTEGER NOT NULL)"));
	TRY(all_known(db, files));
	TRY(apply_folder(db, files, "common"));
	return role == NULL ? OK : apply_folder(db, files, role);
}

RC db_migrate(struct db *db, const char *role)
{
	return db_migrate_from(db, embed_migrations, role);
}
