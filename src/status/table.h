#ifndef YD_STATUS_TABLE_H
#define YD_STATUS_TABLE_H
/* Status of every certificate: (issuer index, serial) to good or revoked.  Most lie in a mapped segment; what
 * came since lies in a hash in memory and goes before it.  Many readers, one writer. */
#include "status/segment.h"

#include <pthread.h>

#define TABLE_SERIAL SEGMENT_SERIAL

struct table_hash {
	size_t count, slots; /* slots: power of two, at most 70 % full */
	struct table_entry *at;
};
struct table {
	pthread_rwlock_t lock;
	size_t count;
	struct table_hash fresh;
	struct table_hash frozen; /* on its way into the next segment */
	struct segment *base;     /* NULL: none yet */
};
RC table_init(struct table *t);
void table_wipe(struct table *t);
/* Adds or replaces. */
RC table_put(struct table *t, const struct table_entry *e);
/* False for one that was never issued. */
bool table_find(struct table *t, uint8_t issuer, struct slice serial, struct table_entry *ret);
size_t table_count(struct table *t);

/* ---- the writer's side ---- */
size_t table_fresh(struct table *t);
/* What is in the hash stands still, what comes goes into a new one; only when nothing is frozen. */
RC table_freeze(struct table *t);
/* Base and frozen as one. */
RC table_write(struct table *t, struct segment_builder *b);
/* The segment takes the place of base and frozen. */
void table_settle(struct table *t, struct segment *take);
/* The segment takes the place of all. */
RC table_restart(struct table *t, struct segment *take);

#endif
