#ifndef YD_AUTHORITY_LIST_PRIVATE_H
#define YD_AUTHORITY_LIST_PRIVATE_H
/* The making of one list, step by step: write (what the last list had and what came since, straight into the
 * file), sign and check side by side, hash, publish.  Memory: two windows and the serials that leave. */
#include "authority/list.h"
#include "pki/crl_scan.h"

#define LIST_WINDOW (256u << 10)
#define LIST_GONE_MAX (1u << 20) /* more of them at once: the list is made from the rows */

struct gone {
	uint8_t len, serial[AUTHORITY_SERIAL_MAX];
	bool found;
};

struct making {
	struct instance *in;
	const struct trust_authority *a;
	bool delta;
	char id[LIST_ID_MAX + 1], url[LIST_URL_MAX], freshest[LIST_URL_MAX], part[LIST_PATH_MAX];
	struct crl_row row, base, before; /* this one; the full list before it; and before that */
	bool grows;                       /* out of the file of base; else from rows alone */
	int64_t from;                     /* rows up to here are in that file */
	int64_t kept, added;              /* entries of that file, and rows behind them */
	/* the walk over the rows, one read transaction */
	struct db *db;
	struct db_rows *rows;
	struct gone *gone; /* in order of serial numbers: entries that leave */
	size_t gone_count;
	struct crl_scan old;
	int fd, old_fd;
	uint64_t at;    /* where writing goes on */
	uint8_t outer;  /* bytes in front of the TBS */
	uint64_t length; /* of the TBS */
};

/* list_write.c */
RC list_write(struct making *m, int64_t validity);
/* Opens the walk over rows behind `from`. */
RC list_rows(struct making *m);
RC list_row_next(struct making *m, struct crl_entry *ret, bool *more);
bool list_is_gone(struct making *m, struct slice serial);
RC list_put(struct making *m, struct slice s);

/* list_check.c: signs and looks at what is signed; the file is whole and durable afterwards. */
RC list_finish(struct making *m);
/* SM3 of a file. */
RC list_hash(int fd, uint8_t ret[32]);

#endif
