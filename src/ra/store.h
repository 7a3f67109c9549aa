#ifndef YD_RA_STORE_H
#define YD_RA_STORE_H
/* The RA's tables (migrations/ra).  Functions that write run inside writer closures. */
#include "base/buf.h"
#include "db/db.h"
#include "ra/state.h"

#define RA_ID 16 /* characters of an application's id */
#define RA_UUID 36
#define RA_NAME 48 /* profile, authority, evidence type */
#define RA_SUBJECT_MAX 1024
#define RA_SERIAL_MAX 20
#define RA_STATEMENT_MAX (256u << 10)
#define RA_CERTIFICATE_MAX 16384
#define RA_ENVELOPE_MAX 8192

/* ---- who certificates are for ---- */
/* The entity with that mark; a new one takes the id proposed.  *id is the one that counts. */
RC ra_store_entity(struct db *db, const uint8_t mark[32], const char *kind, int64_t at, const char *proposed,
                   char id[RA_UUID + 1]);

/* ---- evidence ---- */
struct ra_evidence {
	uint8_t sm3[32];
	char type[RA_NAME + 1];
	int64_t size;
};
RC ra_store_evidence_put(struct db *db, const struct ra_evidence *e, const char *by, int64_t at);
RC ra_store_evidence_has(struct db *db, const struct ra_evidence *e, bool *ret);

/* ---- applications ---- */
struct ra_application {
	int64_t seq, at;
	char id[RA_ID + 1];
	uint8_t hash[32], spki[32], decision[32];
	enum application_state state;
	char profile[RA_NAME + 1], class[8], authority[RA_NAME + 1];
	char entity[RA_UUID + 1], entry[RA_UUID + 1], review[RA_UUID + 1]; /* review "": undecided */
	char subject[RA_SUBJECT_MAX + 1];
	int possession, days, days_max;
	bool decided; /* decision is set */
	int source;   /* enum source_result */
	int64_t corrects; /* seq of the application whose place it takes; 0: none */
	char batch[RA_ID + 1];
};
/* With its statement and the first line of its history; sets seq. */
RC ra_store_enter(struct db *db, struct ra_application *a, struct slice statement);
RC ra_store_find(struct db *db, const char *id, struct ra_application *ret); /* RC_NOTFOUND */
RC ra_store_find_hash(struct db *db, const uint8_t hash[32], struct ra_application *ret);
/* Is that key named by an application that is still in the field? */
RC ra_store_key_used(struct db *db, const uint8_t spki[32], bool *ret);
/* In order of entry, after `after`; state APPLICATION_NONE: all; entry: of that clerk, or NULL. */
struct ra_filter {
	enum application_state state;
	int64_t after;
	size_t limit;
	const char *entry;
	const char *batch; /* of that batch, or NULL */
};
RC ra_store_each(struct db *db, const struct ra_filter *f,
                 struct rc (*each)(void *arg, const struct ra_application *a), void *arg);
RC ra_store_counts(struct db *db, int64_t counts[APPLICATION_STATES]);

/* What happened: state from → to, and a line of history.  RC_CONFLICT when the row is not in `from`. */
struct ra_step {
	int64_t seq, at;
	enum application_state from;
	enum application_event event;
	const char *by;          /* person or instance */
	const char *code, *text; /* of a refusal; "" otherwise */
};
RC ra_store_step(struct db *db, const struct ra_step *s);
RC ra_store_decision(struct db *db, int64_t seq, const char *review, const uint8_t hash[32],
                     struct slice statement);
/* The whole pair is there since `at`; not_after of its signing certificate. */
RC ra_store_issued(struct db *db, int64_t seq, int64_t at, int64_t not_after);
/* Is there an application in that state? */
RC ra_store_any(struct db *db, enum application_state state, bool *ret);
RC ra_store_source(struct db *db, int64_t seq, int source);
/* Ids of applications of the same holder, profile and class that are in work or in force at `now`. */
RC ra_store_same(struct db *db, const struct ra_application *a, int64_t now,
                 struct rc (*each)(void *arg, struct slice id), void *arg);
RC ra_store_id(struct db *db, int64_t seq, char id[RA_ID + 1]);
RC ra_store_acceptance(struct db *db, int64_t seq, struct slice statement);
RC ra_store_envelope(struct db *db, int64_t seq, struct slice envelope);
/* application, decision, acceptance, envelope; those that are not there stay empty; any may be NULL. */
struct ra_bodies {
	struct buf *statement, *decision, *acceptance, *envelope;
};
RC ra_store_bodies(struct db *db, int64_t seq, const struct ra_bodies *ret);

struct ra_event {
	int64_t at;
	enum application_state state;
	struct slice event, by, code, text;
};
RC ra_store_history(struct db *db, int64_t seq, struct rc (*each)(void *arg, const struct ra_event *e),
                    void *arg);

/* ---- certificates ---- */
enum ra_part { RA_SIGN, RA_ENCRYPT, RA_PARTS };
struct ra_certificate {
	char ca[RA_NAME + 1];
	struct slice serial, der;
	enum ra_part part;
};
/* The same one twice is fine. */
RC ra_store_certificate_put(struct db *db, int64_t seq, const struct ra_certificate *c);
/* RC_NOTFOUND.  serial of ret is not set. */
RC ra_store_certificate(struct db *db, int64_t seq, enum ra_part part, struct buf *serial, struct buf *der);
/* Whose application that certificate came from.  RC_NOTFOUND. */
RC ra_store_owner(struct db *db, const char *ca, struct slice serial, char entity[RA_UUID + 1]);

/* ---- revocations on their way ---- */
enum ra_revocation_state { RA_REVOCATION_QUEUED, RA_REVOCATION_DONE, RA_REVOCATION_REFUSED };
struct ra_revocation {
	int64_t seq, at, revoked_at;
	uint8_t hash[32];
	enum ra_revocation_state state;
	char ca[RA_NAME + 1], by[65]; /* by: person or instance */
	struct slice serial, statement;
};
RC ra_store_revocation_put(struct db *db, const struct ra_revocation *r);
/* The oldest queued one; RC_NOTFOUND when none is.  The statement is added to the buffer; r's slices are
 * empty. */
RC ra_store_revocation_next(struct db *db, struct ra_revocation *r, struct buf *statement);
/* state; 0 and "" unless refused or done.  RC_NOTFOUND. */
RC ra_store_revocation_end(struct db *db, const uint8_t hash[32], enum ra_revocation_state state,
                           int64_t revoked_at, const char *code, const char *text);
RC ra_store_revocations_queued(struct db *db, int64_t *ret);

#endif
