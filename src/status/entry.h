#ifndef YD_STATUS_ENTRY_H
#define YD_STATUS_ENTRY_H
#include "evidence/log.h"
#include "evidence/tree.h"
#include "status/status.h"

/* A page of the CA's log on its way. */
struct applying {
	struct status *s;
	json_t *entries;
	uint64_t next;
	uint8_t leaf[LOG_LEAF];
	struct tree_edge edge;
	struct table *into;
	struct table_entry *shown; /* what has changed in the table; NULL: nobody asks */
	size_t count;
	/* rebuilding: rows that are there are corrected, and what became of them comes at the end */
	bool again;
};
/* With db inside the transaction, without it after the commit, for the table. */
RC entry_take(struct applying *a, struct db *db, const json_t *e);

#endif
