#ifndef YD_STATUS_STATUS_H
#define YD_STATUS_STATUS_H
/* The role that answers the public (R05.4, R21.6, R21.9): OCSP, revocation lists, certificates of
 * authorities, certificate query.  It holds responder keys only, follows the CA's log into its own database,
 * and can be rebuilt from nothing. */
#include "evidence/tree.h"
#include "directory/directory.h"
#include "http/client.h"
#include "http/server.h"
#include "instance/instance.h"
#include "pki/ocsp.h"
#include "status/cache.h"
#include "status/store.h"
#include "status/table.h"

#include <pthread.h>
#include <stdatomic.h>

#define STATUS_ISSUERS 16
#define STATUS_CRL_MAX (64u << 20)
#define STATUS_FEED_PAGE 256
#define STATUS_FEED_WAIT 2 /* seconds of one long poll; bounds how long an end takes */
/* An OCSP answer tells of what the CA last confirmed, and holds so long from then on: cut off from the CA for
 * longer, this copy says tryLater instead of good (R21.9). */
#define STATUS_ANSWER_SECONDS 600

/* A list as it is served; counted, because an answer may outlive its successor's arrival. */
struct list {
	atomic_uint holds;
	uint64_t number;
	int64_t this_update, next_update;
	struct buf der;
};

enum list_kind { LIST_FULL, LIST_DELTA, LIST_KINDS };
#define LIST_DELTA_SUFFIX "-delta" /* behind the id of the authority */

/* A responder's certificate; those that were followed by another live on, for answers under way. */
struct responder {
	struct buf der;
	int64_t not_after;
	struct responder *before;
};

/* An authority we answer for: it certified one of our responder keys. */
struct issuer {
	char id[TRUST_ID_MAX + 1], key[TRUST_ID_MAX + 8]; /* "sm2", "ocsp-sm2" */
	struct ocsp_issuer hashes;
	_Atomic(struct responder *) responder; /* its certificate now */
	uint8_t responder_key[PUBKEY_SKI];
	struct sigalg alg;
	struct list *list[LIST_KINDS]; /* under status.lists; NULL before the first */
};

/* What the configuration says of answers. */
enum signed_requests { SIGNED_IGNORED, SIGNED_CHECKED, SIGNED_REQUIRED };
struct ocsp_rules {
	int64_t again, hold, archive; /* seconds; hold 0: as the others, archive 0: none */
	enum signed_requests asking;
	bool extended[STATUS_ISSUERS];
};

enum answer { ANSWER_GOOD, ANSWER_REVOKED, ANSWER_UNKNOWN, ANSWER_FAILED, ANSWER_KINDS };

struct status {
	struct instance *in;
	struct trust *trust; /* of the start: certificates of authorities */
	struct table table;
	struct copy *copy;
	struct rebuild *rebuild; /* of the tail's thread; NULL: none runs */
	struct cache *cache;
	struct ocsp_rules rules;
	size_t issuers;
	struct issuer issuer[STATUS_ISSUERS];
	pthread_mutex_t lists;
	struct directory *directory; /* NULL: none is configured */
	struct http_client *ca;
	pthread_t tail;
	bool tailing;
	pthread_t lister;
	atomic_bool listing;
	atomic_bool announced; /* a list that is not here yet */
	atomic_ullong heard; /* clock_mono_ms() when the CA last said that nothing is missing here */
	atomic_llong relied; /* until when the CA's newest head may be relied on */
	atomic_ullong head_size; /* entries that it covers */
	atomic_llong signer; /* until when its signer's certificate is valid; 0: nobody signs heads there */
	atomic_bool told;    /* that it has ended */
	atomic_bool broken;  /* gap or wrong leaf: nothing is answered from this copy */
	atomic_ullong next;  /* entry that comes next */
	atomic_ullong answers[ANSWER_KINDS];
	/* of the tail's thread alone */
	struct tree_edge edge; /* over the first entries; of another size than next: not known */
	struct tree_head head; /* the newest that was signed; size 0: none, or compared already */
	uint64_t look_ms;      /* for a newer one */
};

/* Seconds since the CA confirmed this copy; INT64_MAX: not since the start. */
int64_t status_age(struct status *s);
/* NULL when we do not answer for it. */
struct issuer *status_issuer(struct status *s, const char *id);

/* tail.c */
RC tail_start(struct status *s);
void tail_stop(struct status *s);
/* One answer of GET /v1/log/entries: checked, stored, shown.  *n entries were in it. */
RC tail_apply(struct status *s, const json_t *answer, size_t *n);

/* fork.c: whether what was followed is what the CA's heads are over. */
RC fork_load(struct db *db, struct status *s, uint64_t next);
RC fork_store(struct db *db, struct status *s, const struct tree_edge *e);
/* RC_CRYPTO (log-fork): it is not. */
RC fork_check(struct status *s);

/* What a row is in the table; false for an authority that we do not answer for. */
bool status_entry(struct status *s, const struct status_row *row, struct table_entry *ret);

/* copy.c: the table in files.  Fills it: what the database knows up to `next`. */
RC copy_start(struct status *s, struct db *db, uint64_t next);
/* The tail's thread: n changes by entries from..to of the log, which the table has. */
void copy_took(struct status *s, uint64_t from, uint64_t to, const struct table_entry *e, size_t n);
/* Makes the next segment when it is time, on a thread of its own. */
void copy_tend(struct status *s);
void copy_stop(struct status *s);
/* The tail's thread: what was rebuilt up to `next` takes the place of all. */
RC copy_replace(struct status *s, struct table *from, uint64_t next);

/* rebuild.c: the log is read again from its first entry, beside what is served, when the file REBUILD_FILE
 * lies in the instance's folder; at the end what was read takes the place of the copy, and the file goes. */
#define REBUILD_FILE "rebuild"
/* The tail's thread, again and again: a page at a time.  *busy: there is more. */
RC rebuild_step(struct status *s, bool *busy);
void rebuild_stop(struct status *s);

/* head.c: no answer goes beyond the head of the CA's log that was seen last. */
RC head_start(struct status *s);
/* Asks for another head when the last one gets old. */
RC head_follow(struct status *s);
/* INT64_MAX where nobody signs heads, or nobody can any more. */
int64_t head_relied(struct status *s);
/* When the head that holds was made, if this copy reaches it; 0: none. */
int64_t head_taken(struct status *s);

/* list.c */
RC list_load(struct status *s);
/* Fetches every list that the log announced and we do not have; a failure is told by alarm and tried again.
 */
void list_refresh(struct status *s);
/* Seconds until the first full list that is served is out of date; 0 without one. */
int64_t list_left(struct status *s);
/* Checks against issuer, announcement and the one before (R21.9). */
RC list_check(struct status *s, struct issuer *i, enum list_kind kind, struct slice der,
              struct list_row *row);
struct list *list_hold(struct status *s, struct issuer *i, enum list_kind kind);
void list_drop(void *list);

/* responder.c: the certificate of the ceremony, or the one that followed it. */
RC responder_load(struct status *s, struct issuer *i, const struct trust_authority *a);
void responder_free(struct responder *r);
struct slice responder_der(const struct issuer *i);
/* Job: asks the CA for the next certificate of each responder that ends soon (R06.13). */
struct rc responder_run(void *in, int64_t due);

/* The instant for which this copy speaks: when the CA last confirmed it, or what its head covers; 0: none. */
int64_t status_known(struct status *s);

/* rules.c: reads the configuration, makes the cache. */
RC ocsp_start(struct status *s);

/* ocsp.c */
/* An answer up to its certificate is so much longer than the signature, at most. */
#define OCSP_KEPT_BESIDE 368
/* The status of one has changed: nobody gets the answer of before. */
void ocsp_changed(struct status *s, uint8_t issuer, struct slice serial);
void ocsp_post(void *ctx, const struct request *const *q, struct response *const *r, size_t n);
void ocsp_get(void *ctx, const struct request *const *q, struct response *const *r, size_t n);

#endif
