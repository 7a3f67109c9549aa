#ifndef YD_DEADLINE_STORE_PARTS_H
#define YD_DEADLINE_STORE_PARTS_H
/* What the store's files share. */
#include "deadline/store.h"

/* Switches as one number, and back. */
int64_t store_reading(const struct deadline_switches *w);
struct deadline_switches store_switches(int64_t reading);
/* The believed time; now when there is none yet. */
RC store_believed(struct db *db, int64_t now, int64_t *ret);

#endif
