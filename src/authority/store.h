#ifndef YD_AUTHORITY_STORE_H
#define YD_AUTHORITY_STORE_H
/* Revocations and lists in the database of an instance that holds an authority (migrations/ca,
 * migrations/source).  Write functions run inside writer closures. */
#include "base/buf.h"
#include "db/db.h"
#include "statement/order.h"

#include <stdint.h>

#define AUTHORITY_ID_MAX 48
#define AUTHORITY_SERIAL_MAX 20 /* RFC 5280 4.1.2.2 */
#define AUTHORITY_STATEMENT_MAX (256u << 10)

/* One event in the life of a certificate: revoked, put on hold, released. */
struct revocation {
	int64_t seq;         /* set by reading and writing */
	struct slice serial; /* magnitude */
	enum order_event event;
	int64_t at, since; /* since: what lists show; of a hold that was revoked, the date of the hold
	                    * (X.509 8.5.2.2; RFC 5280 5.3.1 is silent) */
	int64_t invalidity, reported;
	int reason; /* CRLReason */
	bool has_invalidity, has_reported, has_ground;
	int64_t expires; /* end of the certificate, for writing; 0: not known */
	enum order_ground ground;
};
/* Adds the event and fills seq and since.  There is no way back from revoked (already-revoked, R21.6); held
 * twice or released without a hold: certificate-state. */
RC authority_store_event(struct db *db, const char *ca, struct revocation *r, struct slice statement);
/* Revocations of certificates that nobody issued, without a look at what was before: for measurements. */
RC authority_store_fill(struct db *db, const char *ca, struct slice serial, int64_t at);
/* The last event of that serial; RC_NOTFOUND when there is none.  serial of ret borrows the argument. */
RC authority_store_last_event(struct db *db, const char *ca, struct slice serial, struct revocation *ret);
/* The event that this statement made; RC_NOTFOUND. */
RC authority_store_made_by(struct db *db, const char *ca, struct slice serial, struct slice statement,
                           struct revocation *ret);
/* The statement of that certificate's events that has this SM3; RC_NOTFOUND. */
RC authority_store_statement_of(struct db *db, const char *ca, struct slice serial, const uint8_t sm3[32],
                                struct buf *ret);
/* The statement of the last event. */
RC authority_store_statement(struct db *db, const char *ca, struct slice serial, struct buf *ret);
/* Entries of a list, in the order taken, up to and with `last`: opens the walk; each step fills ret (serial
 * borrowed until the next step) or sets *more false. */
RC authority_store_walk(struct db *db, const char *ca, int64_t last, struct db_rows **ret);
/* What a list is made of: events behind `from`, up to `last`, that nothing up to there follows; with releases
 * for a delta list; without those whose certificate ended before `ended`, if a list up to `shown` had them
 * (RFC 5280 3.3). */
struct list_range {
	int64_t from, last, ended, shown;
	bool releases;
};
RC authority_store_walk_range(struct db *db, const char *ca, const struct list_range *range,
                              struct db_rows **ret);
RC authority_store_step(struct db_rows *q, struct revocation *ret, bool *more);
/* Highest sequence number of that CA and how many entries its list has; 0 and 0 for none. */
RC authority_store_last(struct db *db, const char *ca, int64_t *last, int64_t *count);

RC authority_store_last_seq(struct db *db, const char *ca, int64_t *last);

struct crl_row {
	int64_t number, this_update, next_update, last_seq, entries;
	uint8_t sm3[32];
	uint8_t signature[512];
	size_t signature_len;
};
/* RC_CONFLICT unless the number is higher than every one of that CA. */
RC authority_store_crl_put(struct db *db, const char *ca, const struct crl_row *row);
/* The newest; RC_NOTFOUND before the first. */
RC authority_store_crl_last(struct db *db, const char *ca, struct crl_row *ret);
/* The newest and the one before it (number 0: none). */
RC authority_store_crl_pair(struct db *db, const char *ca, struct crl_row *last, struct crl_row *before);
/* Serial numbers of entries of the list `base` (`before` came before it) that the next, up to `last`, does
 * not repeat: something followed, or they were shown past the end of their certificates. */
RC authority_store_gone(struct db *db, const char *ca, int64_t last, const struct crl_row *base,
                        const struct crl_row *before, struct rc (*each)(void *arg, struct slice serial),
                        void *arg);

#endif
