#ifndef YD_RA_BLACKLIST_H
#define YD_RA_BLACKLIST_H
/* The black list (R30.2): a reviewer's statement puts somebody on it or takes him off.  Kept is the mark
 * (design 9.4); the number in clear stands only in the sealed statement. */
#include "ra/ra.h"

#define BLACKLIST_MARK 32
#define BLACKLIST_MAX 500 /* entries of one answer */

/* RC_DENIED "blacklisted" when the holder, a document number or a code of the identity is listed then. */
RC blacklist_check(const struct ra *ra, struct db *db, const json_t *identity, const uint8_t mark[32],
                   int64_t at);
/* POST /v1/blacklist: a statement of kind "blacklist". */
RC blacklist_change(struct ra *ra, const struct request *q, json_t **ret);
/* GET /v1/blacklist */
RC blacklist_list(struct ra *ra, const struct request *q, json_t **ret);

/* ---- store_blacklist.c ---- */
struct blacklist_entry {
	uint8_t mark[BLACKLIST_MARK], record[32];
	const char *kind, *reason, *by;
	int64_t now, since, until; /* until 0: without end */
};
struct blacklist_row {
	int64_t id, since, until, added_at, removed_at; /* 0: none */
	struct slice kind, reason, added_by, removed_by, removed_reason;
};
RC ra_store_listed(struct db *db, const uint8_t mark[BLACKLIST_MARK], int64_t at, bool *ret);
RC ra_store_entity_mark(struct db *db, const char *entity, uint8_t ret[BLACKLIST_MARK]); /* RC_NOTFOUND */
RC ra_store_list(struct db *db, const struct blacklist_entry *e);
RC ra_store_unlist(struct db *db, const struct blacklist_entry *e); /* RC_NOTFOUND */
RC ra_store_blacklist(struct db *db, int64_t after,
                      struct rc (*each)(void *arg, const struct blacklist_row *r), void *arg);

#endif
