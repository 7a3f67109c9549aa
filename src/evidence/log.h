#ifndef YD_EVIDENCE_LOG_H
#define YD_EVIDENCE_LOG_H
/* The append-only log of an instance (design 4).  An entry is the canonical JSON
 * {"at":RFC3339,"data":{...},"kind":K,"sealed":"hex"|null}; its leaf is SM3(0x00 || those bytes)
 * (RFC 9162, 2.1.1 with SM3).  Written in the transaction of the change it tells of; indices start
 * at 0 and have no gaps.  The table comes with migrations/common. */
#include "base/json.h"
#include "db/writer.h"

#define LOG_LEAF 32
#define LOG_ENTRY_MAX (64u << 10)
#define LOG_KIND_MAX 64
#define LOG_READ_MAX 1000
#define LOG_WAITERS 64                  /* more get RC_BUSY */

struct log;
RC   log_open(struct writer *w, struct db *reader, struct log **ret);     /* reader used in the call only */
/* After the writer has been closed. */
void log_close(struct log *l);
DROP(log, log_close);

/* Inside a writer closure.  sealed: 32 bytes or NULL.  index may be NULL. */
RC   log_append(struct log *l, struct db_tx *tx, const char *kind, const json_t *data,
                const uint8_t *sealed, uint64_t *index);
/* Many at once, hashed side by side.  first may be NULL. */
struct log_item {
	const char *kind;
	const json_t *data;
	const uint8_t *sealed;
};
RC   log_append_all(struct log *l, struct db_tx *tx, const struct log_item *items, size_t n, uint64_t *first);
/* Entries that are committed. */
uint64_t log_size(const struct log *l);
/* Waits until log_size() > n, the time is over or log_stop(); *size is the size then. */
RC   log_wait(struct log *l, uint64_t n, unsigned timeout_ms, uint64_t *size);
/* Ends all waits, now and later. */
void log_stop(struct log *l);

struct log_entry {
	uint64_t index;
	int64_t at;
	struct slice kind, entry;       /* entry: the canonical bytes */
	const uint8_t *sealed;          /* 32 bytes or NULL */
	const uint8_t *leaf;            /* 32 bytes */
};
/* In order, at most limit (<= LOG_READ_MAX).  Stops at the first result that is not OK. */
RC   log_each(struct db *db, uint64_t from, size_t limit,
              struct rc (*each)(const struct log_entry *e, void *arg), void *arg);
/* Those of one kind, at most limit (0: all), from that index on: the whole log is read for it. */
RC   log_each_of(struct db *db, const char *kind, uint64_t from, size_t limit,
                 struct rc (*each)(const struct log_entry *e, void *arg), void *arg);
/* The same as a JSON array of {"index","entry":{...},"sealed","leaf"}. */
RC   log_read(struct db *db, uint64_t from, size_t limit, json_t **ret);
/* One element of such an array as it came from another instance: its index must be `index`, its leaf that of
 * the entry; FEED_BROKEN otherwise. */
RC   log_entry_check(const json_t *e, uint64_t index, uint8_t leaf[LOG_LEAF]);
/* SM3(0x00 || entry). */
void log_leaf(struct slice entry, uint8_t ret[LOG_LEAF]);

#endif
