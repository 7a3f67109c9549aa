/* The copy in files: a segment, and the journal of what came since.  Both can be made again from the
 * database; that is done at the start when one of them is damaged, cut off, or does not end where the
 * database does. */
#include "status/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "status/journal.h"

#include <errno.h>
#include <unistd.h>

#define FRESH_MIN 65536   /* a next segment is made when more came, */
#define FRESH_SHARE 8     /* and more than an eighth of the last, */
#define FRESH_MAX 2000000 /* or this much */
#define AGAIN_MS 60000    /* after a failure */

struct copy {
	char segment[4096], journal[4096], old[4096]; /* old: of what is frozen */
	char names[SEGMENT_NAMES];
	pthread_t merger;
	bool merging;
	atomic_bool done;
	uint64_t position; /* of the segment that is made */
	struct status *s;
	uint64_t again_ms;
	bool torn; /* the journal lacks something: no more is written */
};

static RC start_names(struct status *s, struct copy *c)
{
	size_t at = 0;

	for (size_t i = 0; i < s->issuers; i++) {
		int n = snprintf(c->names + at, sizeof(c->names) - at, "%s ", s->issuer[i].id);

		NEED(n > 0 && at + (size_t)n < sizeof(c->names), RC_INPUT, "too many authorities");
		at += (size_t)n;
	}
	(void)snprintf(c->segment, sizeof(c->segment), "%.4000s/status.segment", instance_dir(s->in));
	(void)snprintf(c->journal, sizeof(c->journal), "%.4000s/status.journal", instance_dir(s->in));
	(void)snprintf(c->old, sizeof(c->old), "%.4000s/status.journal.old", instance_dir(s->in));
	return OK;
}

/* ---- from the database ---- */

struct building {
	struct status *s;
	struct segment_builder *b;
};

static struct rc add_row(void *arg, const struct status_row *row)
{
	struct building *g = arg;
	struct table_entry e;

	return status_entry(g->s, row, &e) ? segment_add(g->b, &e) : OK;
}

static RC rebuild(struct status *s, struct db *db, uint64_t position)
{
	struct copy *c = s->copy;
	AUTO(segment_builder, b, NULL);
	struct segment *made = NULL;

	TRY(segment_begin(c->segment, &b));
	TRY(status_store_each(db, add_row, &(struct building){s, b}));
	TRY(segment_end(b, c->names, position));
	(void)unlink(c->journal);
	(void)unlink(c->old);
	TRY(segment_open(c->segment, c->names, &made));
	c->torn = false;
	return table_restart(&s->table, made);
}

/* ---- at the start ---- */

static struct rc put(void *arg, const struct table_entry *e)
{
	struct status *s = arg;

	return e->issuer < s->issuers ? table_put(&s->table, e) : OK;
}

/* RC_NOTFOUND: it is not what the database is. */
static RC load(struct status *s, uint64_t end)
{
	struct copy *c = s->copy;
	struct segment *found = NULL;
	uint64_t position;

	TRY(segment_open(c->segment, c->names, &found));
	position = segment_position(found);
	TRY(table_restart(&s->table, found));
	TRY(journal_read(c->old, &position, end, put, s));
	TRY(journal_read(c->journal, &position, end, put, s));
	NEED(position == end, RC_NOTFOUND, "the segment ends at entry %llu, the database at %llu",
	     (unsigned long long)position, (unsigned long long)end);
	/* two journals: a next segment was being made; from here on there is one */
	NEED(access(c->old, F_OK) != 0, RC_NOTFOUND, "a segment was being made");
	return OK;
}

RC copy_start(struct status *s, struct db *db, uint64_t next)
{
	struct rc rc;

	s->copy = mem_new(1, sizeof(*s->copy));
	NEED(s->copy != NULL, RC_NOMEM, "no memory");
	s->copy->s = s;
	TRY(start_names(s, s->copy));
	rc = load(s, next);
	if (rc_ok(rc))
		return OK;
	if (rc.code == RC_CRYPTO) {
		log_failure("status-store", NULL);
		instance_alarm(s->in, "status-store", slice_text("segment"), rc_last()->text);
	} else if (next > 0)
		log_line(LOG_INFO, "status-store", rc_last()->text, NULL);
	return rc_note(rebuild(s, db, next), "status segment");
}

/* ---- while serving ---- */

void copy_took(struct status *s, uint64_t from, uint64_t to, const struct table_entry *e, size_t n)
{
	struct copy *c = s->copy;

	if (c->torn || rc_ok(journal_add(c->journal, from, to, e, n)))
		return;
	/* the next start makes it again from the database */
	log_failure("status-journal", NULL);
	c->torn = true;
	(void)unlink(c->journal);
}

static RC make_next(struct copy *c)
{
	AUTO(segment_builder, b, NULL);
	struct segment *made = NULL;

	TRY(segment_begin(c->segment, &b));
	TRY(table_write(&c->s->table, b));
	TRY(segment_end(b, c->names, c->position));
	(void)unlink(c->old);
	TRY(segment_open(c->segment, c->names, &made));
	table_settle(&c->s->table, made);
	return OK;
}

static void *merge(void *arg)
{
	struct copy *c = arg;

	if (!rc_ok(make_next(c)))
		log_failure("status-segment", NULL);
	atomic_store(&c->done, true);
	return NULL;
}

static bool worth_it(struct status *s)
{
	size_t fresh = table_fresh(&s->table), all = table_count(&s->table);

	return fresh >= FRESH_MIN && (fresh >= all / FRESH_SHARE || fresh >= FRESH_MAX);
}

static void join(struct copy *c)
{
	if (c->merging)
		pthread_join(c->merger, NULL);
	c->merging = false;
}

/* From here on what comes has a journal of its own. */
static RC freeze(struct status *s)
{
	struct copy *c = s->copy;

	TRY(table_freeze(&s->table));
	if (!c->torn)
		(void)rename(c->journal, c->old);
	/* one that lacked something is as if it were not there: the database knows it */
	c->torn = false;
	c->position = atomic_load(&s->next);
	return OK;
}

void copy_tend(struct status *s)
{
	struct copy *c = s->copy;
	uint64_t now = clock_mono_ms();

	if (c->merging && !atomic_load(&c->done))
		return;
	join(c);
	/* still frozen: there was no room for the segment */
	if (s->table.frozen.at == NULL ? !worth_it(s) : now < c->again_ms)
		return;
	if (s->table.frozen.at == NULL && !rc_ok(freeze(s))) {
		log_failure("status-segment", NULL);
		return;
	}
	c->again_ms = now + AGAIN_MS;
	atomic_store(&c->done, false);
	c->merging = pthread_create(&c->merger, NULL, merge, c) == 0;
}

RC copy_replace(struct status *s, struct table *from, uint64_t next)
{
	struct copy *c = s->copy;
	AUTO(segment_builder, b, NULL);
	struct segment *made = NULL;

	join(c);
	TRY(table_freeze(from));
	TRY(segment_begin(c->segment, &b));
	TRY(table_write(from, b));
	TRY(segment_end(b, c->names, next));
	(void)unlink(c->journal);
	(void)unlink(c->old);
	TRY(segment_open(c->segment, c->names, &made));
	c->torn = false;
	TRY(table_restart(&s->table, made));
	cache_clear(s->cache);
	return OK;
}

void copy_stop(struct status *s)
{
	if (s->copy == NULL)
		return;
	join(s->copy);
	mem_free(s->copy);
	s->copy = NULL;
}
