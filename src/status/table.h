#ifndef YD_STATUS_TABLE_H
#define YD_STATUS_TABLE_H
/* Status of every certificate in memory: (issuer index, serial) to good or revoked.  Many readers, one
 * writer. */
#include "base/rc.h"
#include "base/slice.h"

#include <pthread.h>

#define TABLE_SERIAL 20

struct table_entry {
	uint8_t serial[TABLE_SERIAL];
	uint8_t len, issuer; /* len 0 = free slot */
	uint8_t revoked, reason;
	int64_t revoked_at;
};
struct table {
	pthread_rwlock_t lock;
	size_t count, slots; /* slots: power of two, at most 70 % full */
	struct table_entry *at;
};
RC table_init(struct table *t);
void table_wipe(struct table *t);
/* Adds or replaces. */
RC table_put(struct table *t, const struct table_entry *e);
/* False for one that was never issued. */
bool table_find(struct table *t, uint8_t issuer, struct slice serial, struct table_entry *ret);
size_t table_count(struct table *t);

#endif
