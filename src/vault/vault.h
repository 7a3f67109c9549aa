#ifndef YD_VAULT_VAULT_H
#define YD_VAULT_VAULT_H
/* The role that keeps the records of an institution (R24.1–R24.11): one complete record for each certificate,
 * in two copies, sealed, for as long as the law says and no shorter.
 *   keep.c     what CA and RA hand over before anything is signed
 *   tail.c     what follows, from their logs
 *   read.c     with a reason, logged, masked
 *   lock.c     until when a record stays
 *   hold.c     legal holds
 *   dispose.c  list, second person, end
 *   disposed.c what is gone, for CA and RA
 *   believe.c  is the clock what it says (C13)
 *   scrub.c    fixity, and rows against what the copies say
 *   index.c    rows made anew from the copies
 *   store*.c   tables */
#include "evidence/bundle.h"
#include "http/client.h"
#include "http/server.h"
#include "instance/instance.h"
#include "media/media.h"
#include "statement/statement.h"
#include "vault/store.h"

#include <pthread.h>
#include <stdatomic.h>

#define VAULT_FEEDS 2 /* CA and RA */
#define VAULT_FEED_PAGE 256
#define VAULT_FEED_WAIT 2 /* seconds of one long poll */
#define VAULT_EVIDENCE_MAX (10u << 20)
#define VAULT_LIST_MAX 500
#define VAULT_HASHES_MAX 8192

struct feed {
	struct vault *v;
	const char *name; /* "shifan/ca" */
	struct http_client *client;
	pthread_t thread;
	bool running;
	uint64_t next;       /* the thread's own */
	atomic_bool broken;  /* gap or wrong leaf: not followed any more */
	atomic_ullong heard; /* clock_mono_ms() when nothing was missing */
};

struct vault {
	struct instance *in;
	struct media *media;
	struct feed feed[VAULT_FEEDS];
	size_t feeds;
	struct media_scrub scrub; /* the job thread's own: where it goes on */
	int64_t scrubbed;         /* … and with which record */
	uint64_t believed_mono;   /* under the clock's lock: clock_mono_ms() when it was believed last */
	pthread_mutex_t clock, disposing;
	atomic_ulong records, repaired, lost;
};

/* ---- service.c ---- */
#define VAULT_ROUTES 14
extern const struct route vault_routes[VAULT_ROUTES];

/* ---- keep.c ---- */
/* POST /v1/records: bundles of the CA, answered when both copies are durable. */
RC vault_take_records(struct vault *v, const struct request *q, json_t **ret);
/* POST /v1/originals/missing and /v1/originals: originals of the RA. */
RC vault_missing_evidence(struct vault *v, const struct request *q, json_t **ret);
RC vault_take_evidence(struct vault *v, const struct request *q, json_t **ret);
/* The item that is kept of a record's pieces; it names the record itself, so that an index can be made anew.
 */
#define VAULT_KIND_RECORD "record"
RC vault_bundle(const uint8_t key[32], const struct bundle_piece *pieces, size_t n, struct buf *ret);
/* Content of those SM3 onto both places, unless it is there; items get rows by vault_store_item_put(). */
RC vault_put_items(struct vault *v, struct db *db, const struct slice *contents, const uint8_t (*ids)[32],
                   size_t n, struct vault_item *ret);

/* The rows of an item that lost them, and of the record that it belongs to. */
RC vault_keep_again(struct vault *v, struct db *db, struct vault_item *item, struct slice content);

/* ---- index.c ---- */
/* Gives every item its rows again that has none: after a restoration, or when somebody deleted them.  An item
 * that is being put may be without rows for a moment: what is still so after `grace_ms` counts. */
RC vault_index(struct vault *v, unsigned grace_ms, size_t *added);

/* ---- tail.c ---- */
RC vault_tail_start(struct vault *v);
void vault_tail_stop(struct vault *v);
/* One answer of GET /v1/log/entries. */
RC vault_tail_apply(struct feed *f, const json_t *answer, size_t *n);

/* ---- read.c ---- */
RC vault_record_of(struct vault *v, const struct request *q, struct db *db, struct vault_record *ret);
RC vault_show(struct vault *v, const struct request *q, json_t **ret);
RC vault_list(struct vault *v, const struct request *q, json_t **ret);
/* Records that lack what belongs to their kind (R24.2). */
RC vault_exceptions(struct vault *v, const struct request *q, json_t **ret);
RC vault_places(struct vault *v, json_t **ret);
/* Opens an item; RC_CONFLICT (record-disposed) once it was destroyed. */
RC vault_item_read(struct vault *v, const struct vault_item *i, struct buf *ret);

/* ---- lock.c ---- */
struct vault_lock {
	bool bound;          /* a certificate was issued: legal and lock count from it */
	int64_t legal, lock; /* with all that follow (R24.8) */
	bool held;
};
RC vault_lock_of(struct db *db, const struct vault_record *r, struct vault_lock *ret);

/* ---- hold.c, dispose.c, believe.c ---- */
RC vault_statement(struct vault *v, const struct request *q, enum statement_kind kind,
                   struct statement **ret);
RC vault_hold(struct vault *v, const struct request *q, json_t **ret);
/* The log knows which holds are in force: rows that say less are restored, an alarm tells of it (R24.9). */
RC vault_holds_check(struct vault *v, struct db *db, size_t *restored);
RC vault_dispose(struct vault *v, const struct request *q, json_t **ret);
RC vault_decide(struct vault *v, const struct request *q, json_t **ret);
/* disposed.c */
RC vault_disposed(struct vault *v, const struct request *q, json_t **ret);
RC vault_disposal_show(struct vault *v, const struct request *q, json_t **ret);
/* What was approved and not finished: at start, and after each decision. */
RC vault_dispose_resume(struct vault *v);
/* Key files of a backup may hold what was destroyed since: at each start of a restored vault. */
RC vault_destroy_again(struct vault *v);
/* RC_BUSY (clock-doubted) when the clock made a jump that nobody has attested. */
RC vault_clock(struct vault *v);
RC vault_attest(struct vault *v, const struct request *q, json_t **ret);

/* ---- facts.c ---- */
/* What the kept content itself says of a record's class, certificates and their ends, against its rows; rows
 * that say otherwise are written anew and an alarm tells of it (R24.7). */
RC vault_record_check(struct vault *v, struct db *db, const struct vault_record *r, bool *altered);

/* ---- scrub.c: jobs, and POST /v1/scrub ---- */
RC vault_scrub_now(struct vault *v, json_t **ret);
struct rc vault_scrub_run(void *in, int64_t due);
struct rc vault_clock_run(void *in, int64_t due);

#endif
