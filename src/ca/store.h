#ifndef YD_CA_STORE_H
#define YD_CA_STORE_H
/* The CA's tables (migrations/ca/001_issue.sql).  Functions that write run inside writer closures. */
#include "base/buf.h"
#include "ca/request.h"
#include "db/db.h"

#include <stdint.h>

#define CA_SERIAL 16 /* of certificates made here */
#define CA_ID_MAX 48
#define CA_CERTIFICATE_MAX 8192

enum ca_part { CA_SIGN, CA_ENCRYPT, CA_PARTS };

struct ca_request {
	int64_t id; /* set by ca_store_put */
	uint8_t key[32], application[32], spki[32];
	enum request_state state;
	char ca[CA_ID_MAX + 1], profile[CA_ID_MAX + 1], class[8], entity[37];
	bool pair; /* an encryption certificate belongs to it */
	uint8_t serial[CA_PARTS][CA_SERIAL];
	int64_t not_before, not_after, at;
};

/* What is kept to the letter. */
struct ca_bytes {
	struct slice application, approval; /* statements */
	struct slice tbs[CA_PARTS];
	int64_t km; /* row of km_respond; 0 = none */
};

/* RC_NOTFOUND. */
RC ca_store_find(struct db *db, const uint8_t key[32], struct ca_request *ret);
/* SAME_KEY when the subscriber's key was certified before (design 9.8); who is told in the text. */
RC ca_store_key_free(struct db *db, const uint8_t spki[32], const char *entity);
/* The KMC's key for the request with that key (which may be new) was never certified for another: else G07.
 */
RC ca_store_encrypt_key_free(struct db *db, const uint8_t spki[32], const uint8_t key[32]);
/* The same again for the same request is fine. */
RC ca_store_encrypt_key_put(struct db *db, const uint8_t spki[32], int64_t request);
RC ca_store_put(struct db *db, struct ca_request *r, const struct ca_bytes *b);
RC ca_store_km_put(struct db *db, struct slice request, struct slice der, int64_t at, int64_t *id);
/* The encryption half of a request that was partial. */
RC ca_store_encrypt(struct db *db, int64_t id, struct slice tbs, int64_t km);
/* RC_CONFLICT unless the row is in state from. */
RC ca_store_move(struct db *db, int64_t id, enum request_state from, enum request_state to);
/* Forgets a request that the signer refused; only while nothing of it is issued. */
RC ca_store_drop(struct db *db, int64_t id);
RC ca_store_certificate_put(struct db *db, const struct ca_request *r, enum ca_part part,
                            struct slice signature);

/* Unfinished requests in one state in order of id, after `after`. */
RC ca_store_each(struct db *db, enum request_state state, int64_t after, size_t limit,
                 struct rc (*each)(void *arg, const struct ca_request *r), void *arg);
/* The bytes of a request, into buffers of the caller's. */
struct ca_load {
	struct buf *application, *approval, *tbs[CA_PARTS];
	int64_t km;
};
RC ca_store_load(struct db *db, int64_t id, struct ca_load *ret);
/* request stays empty for one from before it was kept. */
RC ca_store_km(struct db *db, int64_t id, struct buf *request, struct buf *der);
/* KMRespond that answers this request; RC_NOTFOUND when it has none. */
RC ca_store_km_of(struct db *db, int64_t request, struct buf *ret);

struct ca_certificate {
	struct ca_request request;
	enum ca_part part;
	bool revoked;
	uint8_t signature[512];
	size_t signature_len;
};
/* RC_NOTFOUND.  The TBS bytes are added to tbs. */
RC ca_store_certificate(struct db *db, const char *ca, struct slice serial, struct ca_certificate *ret,
                        struct buf *tbs);
/* Marks the row and says what it was; RC_NOTFOUND. */
RC ca_store_revoke(struct db *db, const char *ca, struct slice serial, struct ca_certificate *ret);
/* The encryption certificate's key is to move to the KMC's history. */
RC ca_store_notice_put(struct db *db, struct slice serial, int64_t at);
RC ca_store_notice_each(struct db *db, size_t limit, struct rc (*each)(void *arg, struct slice serial),
                        void *arg);
RC ca_store_notice_drop(struct db *db, struct slice serial);
/* Numbers for /metrics. */
RC ca_store_counts(struct db *db, int64_t *open, int64_t *requests);

#endif
