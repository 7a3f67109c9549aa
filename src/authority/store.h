#ifndef YD_AUTHORITY_STORE_H
#define YD_AUTHORITY_STORE_H
/* Revocations and lists in the database of an instance that holds an authority (migrations/ca,
 * migrations/source).  Write functions run inside writer closures. */
#include "base/buf.h"
#include "db/db.h"

#include <stdint.h>

#define AUTHORITY_ID_MAX 48
#define AUTHORITY_SERIAL_MAX 20 /* RFC 5280 4.1.2.2 */
#define AUTHORITY_STATEMENT_MAX (256u << 10)

struct revocation {
	struct slice serial; /* magnitude */
	int64_t at, invalidity;
	int reason; /* CRLReason */
	bool has_invalidity;
};
/* RC_CONFLICT (already-revoked) when that serial is revoked: there is no way back (R21.6). */
RC authority_store_revoke(struct db *db, const char *ca, const struct revocation *r, struct slice statement);
/* RC_NOTFOUND when not revoked.  serial of ret borrows the argument. */
RC authority_store_revoked(struct db *db, const char *ca, struct slice serial, struct revocation *ret);
/* The statement that revoked it. */
RC authority_store_statement(struct db *db, const char *ca, struct slice serial, struct buf *ret);
/* In the order taken, up to and with `last`: opens the walk; each step fills ret (serial borrowed until
 * the next step) or sets *more false. */
RC authority_store_walk(struct db *db, const char *ca, int64_t last, struct db_rows **ret);
RC authority_store_step(struct db_rows *q, struct revocation *ret, bool *more);
/* Highest sequence number of that CA and how many there are; 0 and 0 for none. */
RC authority_store_last(struct db *db, const char *ca, int64_t *last, int64_t *count);

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

#endif
