#ifndef YD_DIRECTORY_STORE_H
#define YD_DIRECTORY_STORE_H
/* SQL of the directory, in the status role's database (migrations/status).  Write functions run inside writer
 * closures. */
#include "base/buf.h"
#include "db/db.h"
#include "directory/link.h"

/* How far the CA's log was followed for the directory. */
RC directory_store_feed(struct db *db, uint64_t *next);
RC directory_store_feed_set(struct db *db, uint64_t next);

struct directory_row {
	struct slice ca, serial, der;
	const char *entry;
	int64_t not_after;
};
RC directory_store_put(struct db *db, const struct directory_row *row);
/* The entry of a certificate; RC_NOTFOUND: it has none. */
RC directory_store_entry(struct db *db, struct slice ca, struct slice serial,
                         char ret[DIRECTORY_NAME_MAX + 1]);
/* The certificate that status knows under that serial is this one. */
RC directory_store_known(struct db *db, struct slice ca, struct slice serial, const uint8_t sm3[32]);

/* The entry waits, or waits for one change more. */
RC directory_store_wait(struct db *db, const char *entry, int64_t now);
struct directory_waiting {
	char entry[DIRECTORY_NAME_MAX + 1];
	int64_t change, tries;
};
/* Those that are due, at most n. */
RC directory_store_due(struct db *db, int64_t now, struct directory_waiting *ret, size_t *n);
/* It was written; what has ended by then is forgotten.  Nothing when it has changed meanwhile. */
RC directory_store_done(struct db *db, const struct directory_waiting *w, int64_t now);
RC directory_store_again(struct db *db, const struct directory_waiting *w, int64_t due);
RC directory_store_count(struct db *db, int64_t *waiting, int64_t *since);
/* Entries with a certificate that has ended wait. */
RC directory_store_expired(struct db *db, int64_t now);

/* Certificates under the entry that are good at `now`: neither ended, revoked nor on hold. */
RC directory_store_good(struct db *db, const char *entry, int64_t now, struct link_values *ret);
/* The list that was fetched; empty: none.  current: it is the one that was announced last. */
RC directory_store_list(struct db *db, const char *ca, struct buf *der, bool *current);
/* Names of entries after that one, in order. */
RC directory_store_names(struct db *db, const char *after, char (*ret)[DIRECTORY_NAME_MAX + 1], size_t *n);

#endif
