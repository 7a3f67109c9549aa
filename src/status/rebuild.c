/* From nothing, while serving: a second table is filled from the first entry of the CA's log on, the rows of
 * the database are corrected beside it.  When it has caught up, what differs in the database is set right,
 * and the table takes the place of the one that is served. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/writer.h"
#include "status/entry.h"

#include <unistd.h>

#define PAGE 1000
#define PAGES 16         /* of one step */
#define HASH_MAX 1000000 /* then what was read moves to a file */
#define WRONG_MAX 4096   /* rows set right in one transaction */
#define ASK_MS 30000
#define AGAIN_MS 5000 /* after a CA that did not answer */

struct rebuild {
	struct table table;
	struct tree_edge edge;
	uint64_t next, corrected, again_ms;
	char path[4096], wish[4096];
	uint8_t leaf[LOG_LEAF];
	bool ready; /* the table */
};

static void drop(struct rebuild *r)
{
	if (r == NULL)
		return;
	if (r->ready)
		table_wipe(&r->table);
	(void)unlink(r->path);
	mem_free(r);
}

void rebuild_stop(struct status *s)
{
	drop(s->rebuild);
	s->rebuild = NULL;
}

static RC begin(struct status *s)
{
	char wish[4096];

	(void)snprintf(wish, sizeof(wish), "%.4000s/" REBUILD_FILE, instance_dir(s->in));
	if (access(wish, F_OK) != 0)
		return OK;
	s->rebuild = mem_new(1, sizeof(*s->rebuild));
	NEED(s->rebuild != NULL, RC_NOMEM, "no memory for a rebuild");
	memcpy(s->rebuild->wish, wish, sizeof(wish));
	(void)snprintf(s->rebuild->path, sizeof(s->rebuild->path), "%.4000s/status.rebuild",
	               instance_dir(s->in));
	TRY(table_init(&s->rebuild->table));
	s->rebuild->ready = true;
	log_line(LOG_INFO, "status-rebuild", "begins", NULL);
	return OK;
}

/* ---- a page ---- */

static struct rc apply(struct db_tx *tx, void *arg)
{
	struct applying *a = arg;

	for (size_t i = 0; i < json_array_size(a->entries); i++, a->next++) {
		const json_t *e = json_array_get(a->entries, i);

		TRY(log_entry_check(e, a->next, a->leaf));
		tree_add(&a->edge, a->leaf);
		TRY(entry_take(a, tx->db, e));
	}
	return OK;
}

/* Memory stays bounded: what the hash holds becomes a file that is mapped. */
static RC move_out(struct rebuild *r)
{
	AUTO(segment_builder, b, NULL);
	struct segment *made = NULL;

	if (table_fresh(&r->table) < HASH_MAX)
		return OK;
	TRY(table_freeze(&r->table));
	TRY(segment_begin(r->path, &b));
	TRY(table_write(&r->table, b));
	TRY(segment_end(b, "", 0));
	TRY(segment_open(r->path, "", &made));
	table_settle(&r->table, made);
	return OK;
}

/* A broken copy is left behind; a sound one is never overtaken, so that both meet at one entry. */
static uint64_t target(const struct status *s, uint64_t size)
{
	return atomic_load(&s->broken) ? size : atomic_load(&s->next);
}

/* *size: of the log. */
static RC page(struct status *s, uint64_t *size)
{
	struct rebuild *r = s->rebuild;
	struct applying a = {.s = s, .into = &r->table, .edge = r->edge, .next = r->next, .again = true};
	uint64_t left = target(s, UINT64_MAX) - r->next;
	AUTO_JSON(answer, NULL);
	char path[128];
	int64_t told;

	(void)snprintf(path, sizeof(path), "/v1/log/entries?from=%llu&limit=%u", (unsigned long long)r->next,
	               (unsigned)(left < PAGE ? left : PAGE));
	TRY(http_call_json(s->ca, &(struct http_call){.path = path, .deadline_ms = ASK_MS}, NULL, &answer));
	TRY(json_get_array(answer, "entries", LOG_READ_MAX, &a.entries));
	TRY(json_get_int(answer, "size", 0, INT64_MAX, &told));
	*size = (uint64_t)told;
	NEED(*size >= target(s, *size) && *size >= r->next, RC_CRYPTO,
	     "the log is shorter than what it has shown");
	if (json_array_size(a.entries) == 0)
		return OK;
	NEED(json_array_size(a.entries) <= left, RC_CRYPTO, "more entries than asked for");
	TRY(writer_run(instance_writer(s->in), apply, &a));
	for (size_t i = 0; i < json_array_size(a.entries); i++)
		TRY(entry_take(&a, NULL, json_array_get(a.entries, i)));
	r->edge = a.edge;
	r->next = a.next;
	memcpy(r->leaf, a.leaf, sizeof(r->leaf));
	return move_out(r);
}

/* ---- what differs in the database ---- */

struct wrong {
	char ca[TRUST_ID_MAX + 1];
	struct table_entry e;
	bool gone; /* the log does not know it */
};
struct wrongs {
	struct status *s;
	struct wrong *at;
	size_t n;
};

static struct rc compare(void *arg, const struct status_row *row)
{
	struct wrongs *w = arg;
	struct table_entry have, want;
	struct wrong *to = &w->at[w->n];

	if (w->n == WRONG_MAX || !status_entry(w->s, row, &have))
		return OK;
	to->gone = !table_find(&w->s->rebuild->table, have.issuer, row->serial, &want);
	if (!to->gone && have.revoked == want.revoked &&
	    (!have.revoked || (have.reason == want.reason && have.revoked_at == want.revoked_at)))
		return OK;
	to->e = to->gone ? have : want;
	memcpy(to->ca, w->s->issuer[have.issuer].id, sizeof(to->ca));
	w->n++;
	return OK;
}

static struct rc set_right(struct db_tx *tx, void *arg)
{
	const struct wrongs *w = arg;

	for (size_t i = 0; i < w->n; i++) {
		const struct table_entry *e = &w->at[i].e;
		struct status_row row = {.ca = slice_text(w->at[i].ca),
		                         .serial = slice_of(e->serial, e->len),
		                         .revoked = e->revoked != 0,
		                         .revoked_at = e->revoked_at,
		                         .reason = e->reason};

		TRY(w->at[i].gone ? status_store_forget(tx->db, row.ca, row.serial)
		                  : status_store_set(tx->db, &row));
	}
	return OK;
}

static RC correct(struct status *s)
{
	AUTO_MEM(struct wrong, at, mem_new(WRONG_MAX + 1, sizeof(*at)));
	struct wrongs w = {.s = s, .at = at};

	NEED(at != NULL, RC_NOMEM, "no memory for a rebuild");
	do {
		AUTO(db_lease, lease, NULL);

		w.n = 0;
		TRY(db_pool_lease(instance_readers(s->in), &lease));
		TRY(status_store_each(lease->db, compare, &w));
		db_lease_free(lease);
		lease = NULL;
		TRY(writer_run(instance_writer(s->in), set_right, &w));
		s->rebuild->corrected += w.n;
	} while (w.n == WRONG_MAX);
	return OK;
}

/* ---- the end ---- */

static struct rc settle_feed(struct db_tx *tx, void *arg)
{
	struct status *s = arg;

	TRY(fork_store(tx->db, s, &s->rebuild->edge));
	return status_store_feed_set(tx->db, instance_config(s->in)->ca_name, s->rebuild->next,
	                             s->rebuild->leaf);
}

/* The copy is where the rebuild is; from here on it is the rebuild. */
static RC finish(struct status *s)
{
	struct rebuild *r = s->rebuild;
	char text[80];

	TRY(correct(s));
	TRY(writer_run(instance_writer(s->in), settle_feed, s));
	TRY(copy_replace(s, &r->table, r->next));
	s->edge = r->edge;
	atomic_store(&s->next, r->next);
	atomic_store(&s->broken, false);
	(void)snprintf(text, sizeof(text), "ends after %llu entries, %llu rows set right",
	               (unsigned long long)r->next, (unsigned long long)r->corrected);
	log_line(LOG_INFO, "status-rebuild", text, NULL);
	NEED(unlink(r->wish) == 0, RC_BUSY, "cannot remove %s", r->wish);
	return OK;
}

static RC some_pages(struct status *s, bool *busy)
{
	struct rebuild *r = s->rebuild;
	uint64_t size = UINT64_MAX;

	*busy = true;
	for (int i = 0; i < PAGES && r->next < target(s, size); i++)
		TRY(page(s, &size));
	if (r->next < target(s, size))
		return OK;
	TRY(finish(s));
	rebuild_stop(s);
	return OK;
}

RC rebuild_step(struct status *s, bool *busy)
{
	struct rc rc;

	*busy = false;
	if (s->rebuild == NULL)
		TRY(begin(s));
	if (s->rebuild == NULL || clock_mono_ms() < s->rebuild->again_ms)
		return OK;
	rc = some_pages(s, busy);
	if (rc_ok(rc))
		return OK;
	*busy = false;
	if (rc.code == RC_BUSY) {
		s->rebuild->again_ms = clock_mono_ms() + AGAIN_MS;
		return OK;
	}
	/* what is served stays */
	(void)unlink(s->rebuild->wish);
	rebuild_stop(s);
	return rc;
}
