#ifndef YD_STATUS_STORE_H
#define YD_STATUS_STORE_H
/* SQL of the status role (migrations/status): a copy of what the CA's log says.  Write functions run inside
 * writer closures. */
#include "base/buf.h"
#include "db/db.h"

#include <stdint.h>

struct status_row {
	struct slice ca, serial; /* serial: magnitude */
	int64_t not_before, not_after;
	const uint8_t *sm3; /* of the certificate, 32 bytes */
	bool revoked;
	int64_t revoked_at;
	int reason;
};
/* The same entry again changes nothing; other facts under that serial: RC_CONFLICT. */
RC status_store_issued(struct db *db, const struct status_row *row);
/* As the log says it, whatever stands there. */
RC status_store_correct(struct db *db, const struct status_row *row);
/* RC_NOTFOUND for a serial that was never issued. */
RC status_store_revoked(struct db *db, struct slice ca, struct slice serial, int64_t at, int reason);
/* What became of it, whatever stands there; revoked false: nothing. */
RC status_store_set(struct db *db, const struct status_row *row);
RC status_store_forget(struct db *db, struct slice ca, struct slice serial);
/* RC_NOTFOUND for one that is not on hold. */
RC status_store_released(struct db *db, struct slice ca, struct slice serial);
/* RC_NOTFOUND.  Slices of ret borrow the arguments; sm3 points into hold. */
RC status_store_find(struct db *db, struct slice ca, struct slice serial, struct status_row *ret,
                     uint8_t hold[32]);
/* All rows; what each() gets lives for its call. */
RC status_store_each(struct db *db, struct rc (*each)(void *arg, const struct status_row *row), void *arg);

/* How far the log of `name` was followed; 0 for a new one. */
RC status_store_feed(struct db *db, const char *name, uint64_t *next);
RC status_store_feed_set(struct db *db, const char *name, uint64_t next, const uint8_t leaf[32]);

/* The edge of the tree over it; stays empty when it is not known. */
RC status_store_edge(struct db *db, const char *name, struct buf *ret);
RC status_store_edge_set(struct db *db, const char *name, struct slice edge);

/* Responder certificates that followed the ceremony's. */
RC status_store_responder_put(struct db *db, const char *key, int64_t not_after, struct slice der);
/* The one that ends last; RC_NOTFOUND. */
RC status_store_responder(struct db *db, const char *key, struct buf *der);

struct list_row {
	uint64_t announced, number; /* number 0 = none fetched */
	uint8_t announced_sm3[32];
	int64_t this_update, next_update;
};
RC status_store_announce(struct db *db, struct slice ca, uint64_t number, const uint8_t sm3[32]);
RC status_store_list_put(struct db *db, const char *ca, const struct list_row *row, struct slice der);
/* RC_NOTFOUND before the first announcement; der (may be NULL) stays empty when none was fetched. */
RC status_store_list(struct db *db, const char *ca, struct list_row *ret, struct buf *der);

#endif
