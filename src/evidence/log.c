#include "evidence/log.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/time.h"
#include "evidence/log_tree.h"
#include "sm/sm3.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define LOG_TOGETHER 64 /* hashed side by side */

struct log {
	struct writer_watch watch;
	/* of the writer thread: the next index, and whether it is known; as of the last mark */
	uint64_t next, marked_next;
	bool known, marked_known;
	_Atomic uint64_t size; /* committed */
	pthread_mutex_t lock;
	pthread_cond_t grown;
	unsigned waiters; /* under lock */
	bool stopped;     /* under lock */
};

static RC read_size(struct db *db, uint64_t *ret)
{
	int64_t n;

	TRY(db_scalar(db, &n, "SELECT COALESCE(MAX(idx) + 1, 0) FROM log", DB_NOARGS));
	*ret = (uint64_t)n;
	return OK;
}

/* ---- following the transaction ---- */

static void mark(void *arg)
{
	struct log *l = arg;

	l->marked_next = l->next;
	l->marked_known = l->known;
}

static void undo(void *arg)
{
	struct log *l = arg;

	l->next = l->marked_next;
	l->known = l->marked_known;
}

static void publish(struct log *l, uint64_t size)
{
	if (size == atomic_load(&l->size))
		return;
	(void)pthread_mutex_lock(&l->lock);
	atomic_store(&l->size, size);
	(void)pthread_cond_broadcast(&l->grown);
	(void)pthread_mutex_unlock(&l->lock);
}

static void end(void *arg, bool committed)
{
	struct log *l = arg;

	if (committed && l->known)
		publish(l, l->next);
	l->known = l->known && committed;
}

/* A COMMIT whose answer was lost may have grown the log. */
static void reread(void *arg, struct db *db)
{
	struct log *l = arg;

	l->known = rc_ok(read_size(db, &l->next));
	if (l->known)
		publish(l, l->next);
}

/* ---- opening ---- */

RC log_open(struct writer *w, struct db *reader, struct log **ret)
{
	AUTO(log, l, mem_new(1, sizeof(*l)));
	pthread_condattr_t attr;
	uint64_t size;

	NEED(l != NULL, RC_NOMEM, "log: out of memory");
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&l->grown, &attr);
	(void)pthread_condattr_destroy(&attr);
	TRY(rc_note(read_size(reader, &size), "log"));
	atomic_store(&l->size, size);
	l->watch = (struct writer_watch){.mark = mark, .undo = undo, .end = end, .reread = reread, .arg = l};
	writer_watch(w, &l->watch);
	*ret = MOVE(l);
	return OK;
}

void log_close(struct log *l)
{
	if (l == NULL)
		return;
	(void)pthread_cond_destroy(&l->grown);
	(void)pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

/* ---- appending ---- */

void log_leaf(struct slice entry, uint8_t ret[LOG_LEAF])
{
	static const uint8_t prefix[1] = {0}; /* RFC 9162, 2.1.1 */
	struct sm3 c;

	sm3_init(&c);
	sm3_update(&c, SLICE_ARR(prefix));
	sm3_update(&c, entry);
	sm3_final(&c, ret);
}

/* The members stand in canonical order. */
static RC write_entry(struct buf *b, int64_t at, const char *kind, const json_t *data, const uint8_t *sealed)
{
	char time[21];

	time_text(at, time);
	buf_printf(b, "{\"at\":\"%s\",\"data\":", time);
	TRY(json_canonical(data, b));
	buf_text(b, ",\"kind\":");
	json_string_to(b, kind, strlen(kind));
	buf_text(b, ",\"sealed\":");
	if (sealed == NULL) {
		buf_text(b, "null}");
	} else {
		buf_u8(b, '"');
		buf_hex(b, slice_of(sealed, LOG_LEAF));
		buf_text(b, "\"}");
	}
	return buf_done(b);
}

/* An entry as it will stand, and its leaf. */
struct row {
	int64_t at;
	const struct log_item *item;
	struct slice entry;
	const uint8_t *leaf;
};

static RC insert(struct log *l, struct db_tx *tx, const struct row *r)
{
	const uint8_t *sealed = r->item->sealed;

	TRY(db_run(tx->db, NULL,
	           "INSERT INTO log (idx, at, kind, entry, sealed, leaf) VALUES ($1, $2, $3, $4, $5, $6)",
	           DB_ARGS(DB_INT(l->next), DB_INT(r->at), DB_CSTR(r->item->kind), DB_BLOB(r->entry),
	                   DB_BLOB_OPT(slice_of(sealed, sealed == NULL ? 0 : LOG_LEAF)),
	                   DB_BLOB(slice_of(r->leaf, LOG_LEAF)))));
	TRY(log_tree_grow(tx->db, l->next));
	l->next++;
	return OK;
}

/* The leaf's prefix and the entry behind it (RFC 9162, 2.1.1); *from is where it begins. */
static RC write_leaf(struct buf *b, int64_t at, const struct log_item *i, size_t *from)
{
	NEED(strlen(i->kind) <= LOG_KIND_MAX, RC_BUG, "log: kind too long");
	*from = b->len;
	buf_u8(b, 0);
	TRY(rc_note(write_entry(b, at, i->kind, i->data, i->sealed), "log entry %s", i->kind));
	REQUIRE(b->len - *from <= LOG_ENTRY_MAX + 1, TOO_LARGE, "log entry %s: more than %u bytes", i->kind,
	        LOG_ENTRY_MAX);
	return OK;
}

static RC append_some(struct log *l, struct db_tx *tx, const struct log_item *items, size_t n)
{
	AUTO_BUF(text, n * (LOG_ENTRY_MAX + 1));
	uint8_t leaf[LOG_TOGETHER][LOG_LEAF];
	struct slice s[LOG_TOGETHER];
	size_t from[LOG_TOGETHER];
	int64_t at = clock_now();

	for (size_t i = 0; i < n; i++)
		TRY(write_leaf(&text, at, &items[i], &from[i]));
	for (size_t i = 0; i < n; i++)
		s[i] = slice_of(text.p + from[i], (i + 1 < n ? from[i + 1] : text.len) - from[i]);
	sm3_hash_batch(s, leaf, n);
	for (size_t i = 0; i < n; i++)
		TRY(insert(l, tx, &(struct row){at, &items[i], slice_of(s[i].p + 1, s[i].len - 1), leaf[i]}));
	return OK;
}

RC log_append_all(struct log *l, struct db_tx *tx, const struct log_item *items, size_t n, uint64_t *first)
{
	if (!l->known)
		TRY(read_size(tx->db, &l->next));
	l->known = true;
	if (first != NULL)
		*first = l->next;
	for (size_t done = 0; done < n; done += LOG_TOGETHER)
		TRY(append_some(l, tx, items + done, n - done < LOG_TOGETHER ? n - done : LOG_TOGETHER));
	return OK;
}

RC log_append(struct log *l, struct db_tx *tx, const char *kind, const json_t *data, const uint8_t *sealed,
              uint64_t *index)
{
	return log_append_all(l, tx, &(struct log_item){kind, data, sealed}, 1, index);
}

/* ---- reading ---- */

uint64_t log_size(const struct log *l)
{
	return atomic_load(&l->size);
}

RC log_wait(struct log *l, uint64_t n, unsigned timeout_ms, uint64_t *size)
{
	struct timespec until;
	bool room;
	int result = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	until.tv_sec += (time_t)(timeout_ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&l->lock);
	room = l->waiters < LOG_WAITERS;
	l->waiters += room;
	while (room && log_size(l) <= n && !l->stopped && result == 0)
		result = pthread_cond_timedwait(&l->grown, &l->lock, &until);
	l->waiters -= room;
	(void)pthread_mutex_unlock(&l->lock);
	NEED(room, RC_BUSY, "log: %d callers are waiting already", LOG_WAITERS);
	*size = log_size(l);
	return OK;
}

void log_stop(struct log *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->stopped = true;
	(void)pthread_cond_broadcast(&l->grown);
	(void)pthread_mutex_unlock(&l->lock);
}

static RC entry_of(struct db_rows *q, struct log_entry *e)
{
	struct slice sealed = db_blob(q, 4), leaf = db_blob(q, 5);

	NEED((sealed.len == 0 || sealed.len == LOG_LEAF) && leaf.len == LOG_LEAF, RC_BUG, "log: damaged row");
	*e = (struct log_entry){
	        .index = (uint64_t)db_int(q, 0),
	        .at = db_int(q, 1),
	        .kind = db_text(q, 2),
	        .entry = db_blob(q, 3),
	        .sealed = sealed.len == 0 ? NULL : sealed.p,
	        .leaf = leaf.p,
	};
	return OK;
}

RC log_each(struct db *db, uint64_t from, size_t limit,
            struct rc (*each)(const struct log_entry *e, void *arg), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct log_entry e;
	bool row;

	NEED(from <= INT64_MAX && limit <= LOG_READ_MAX, RC_INPUT, "log: at most %d entries at once",
	     LOG_READ_MAX);
	TRY(db_query(
	        db, &q,
	        "SELECT idx, at, kind, entry, sealed, leaf FROM log WHERE idx >= $1 ORDER BY idx LIMIT $2",
	        DB_ARGS(DB_INT(from), DB_INT(limit))));
	TRY(db_next(q, &row));
	while (row) {
		TRY(entry_of(q, &e));
		TRY(each(&e, arg));
		TRY(db_next(q, &row));
	}
	return OK;
}

RC log_each_of(struct db *db, const char *kind, uint64_t from, size_t limit,
               struct rc (*each)(const struct log_entry *e, void *arg), void *arg)
{
	AUTO(db_rows, q, NULL);
	struct log_entry e;
	bool row;

	NEED(from <= INT64_MAX, RC_INPUT, "log: no such index");
	TRY(db_query(db, &q,
	             "SELECT idx, at, kind, entry, sealed, leaf FROM log WHERE kind = $1 AND idx >= $2 "
	             "ORDER BY idx LIMIT $3",
	             DB_ARGS(DB_CSTR(kind), DB_INT(from), DB_INT(limit > 0 ? (int64_t)limit : INT64_MAX))));
	TRY(db_next(q, &row));
	while (row) {
		TRY(entry_of(q, &e));
		TRY(each(&e, arg));
		TRY(db_next(q, &row));
	}
	return OK;
}

static RC add_to_array(const struct log_entry *e, void *arg)
{
	AUTO_JSON(o, json_object());
	AUTO_JSON(entry, NULL);

	TRY(json_read(e->entry, LOG_ENTRY_MAX, &entry));
	json_put_int(o, "index", (int64_t)e->index);
	json_put_take(o, "entry", MOVE(entry));
	if (e->sealed == NULL)
		json_put_take(o, "sealed", json_null());
	else
		json_put_hex(o, "sealed", slice_of(e->sealed, LOG_LEAF));
	json_put_hex(o, "leaf", slice_of(e->leaf, LOG_LEAF));
	TRY(json_put_result());
	NEED(o != NULL && json_array_append_new(arg, MOVE(o)) == 0, RC_NOMEM, "log: out of memory");
	return OK;
}

RC log_read(struct db *db, uint64_t from, size_t limit, json_t **ret)
{
	AUTO_JSON(array, json_array());

	NEED(array != NULL, RC_NOMEM, "log: out of memory");
	TRY(log_each(db, from, limit, add_to_array, array));
	*ret = MOVE(array);
	return OK;
}

RC log_entry_check(const json_t *e, uint64_t index, uint8_t leaf[LOG_LEAF])
{
	AUTO_BUF(bytes, LOG_ENTRY_MAX);
	uint8_t told[LOG_LEAF];
	json_t *entry;
	int64_t at;

	TRY(json_get_int(e, "index", 0, INT64_MAX, &at));
	REQUIRE((uint64_t)at == index, FEED_BROKEN, "entry %llu: the log has a gap here",
	        (unsigned long long)index);
	TRY(json_get(e, "entry", &entry));
	TRY(json_get_hex(e, "leaf", told, sizeof(told)));
	TRY(json_canonical(entry, &bytes));
	log_leaf(buf_slice(&bytes), leaf);
	REQUIRE(memcmp(leaf, told, LOG_LEAF) == 0, FEED_BROKEN,
	        "entry %llu: the leaf is not that of the entry", (unsigned long long)index);
	return OK;
}
