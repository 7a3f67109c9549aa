#ifndef YD_CA_FLIGHT_H
#define YD_CA_FLIGHT_H
/* Requests on their way through the CA.  A key is in flight at most once: a second caller with the same
 * key waits for the first.  Two queues feed the two stages of the issuer (issue.c). */
#include "base/rc.h"
#include "ca/store.h"
#include "statement/basis.h"

#include <pthread.h>
#include <stdatomic.h>

#define CA_BATCH 256
#define CA_FLIGHTS 8192 /* more are told to come back */
#define CA_FLIGHT_TABLE 4096

/* A KMRespond that answers several requests of one batch. */
struct km_answer {
	atomic_uint refs;
	int64_t id; /* row of km_respond; 0 = not stored yet */
	struct buf request, der; /* CARequest; KMRespond */
};
struct km_answer *km_answer_new(void);
struct km_answer *km_answer_hold(struct km_answer *a);
void km_answer_drop(struct km_answer *a);
DROP(km_answer, km_answer_drop);

struct issue {
	struct issue *chain, *next; /* in the table, in a queue */
	unsigned refs;              /* under the lock of flights */
	struct ca_request row;
	struct statement *application, *approval;
	struct buf spki; /* of the CSR */
	struct buf tbs[CA_PARTS];
	uint8_t signature[CA_PARTS][512];
	size_t signature_len[CA_PARTS];
	struct basis basis;
	struct ca_request old;        /* what the application follows; basis.kind tells whether it is set */
	struct buf old_der[CA_PARTS]; /* its certificates: the signing one, for extensions both */
	struct km_answer *km;
	uint8_t encrypt_spki[32]; /* SM3 of the key that came with km; for the first stage */
	struct buf envelope;      /* bare SignedAndEnvelopedData for the subscriber */
	bool stored;              /* under the lock: finished long ago, answered from its row */
	bool done;                /* under the lock; then why and row.state are final */
	struct rc_text why;       /* code RC_OK unless refused or failed */
};

struct issue_queue {
	struct issue *first, *last;
	size_t count;
};

struct flights {
	pthread_mutex_t lock;
	pthread_cond_t done, work; /* an issue ended; a queue was filled or emptied */
	struct issue *table[CA_FLIGHT_TABLE];
	size_t count;
	struct issue_queue prepare, sign;
	bool ending;
};

void flights_open(struct flights *f);
void flights_close(struct flights *f); /* all stages have ended */

/* The issue with that key: found, or a fresh one that the caller must now finish or queue.  The reference
 * is the caller's. */
RC flight_join(struct flights *f, const uint8_t key[32], struct issue **ret, bool *fresh);
void flight_leave(struct flights *f, struct issue *i);
/* Into a queue for the first time: a reference more stays with it until flight_finish(). */
void flight_launch(struct flights *f, struct issue_queue *q, struct issue *const *i, size_t n);
/* From one queue to the next. */
void flight_queue(struct flights *f, struct issue_queue *q, struct issue *const *i, size_t n);
/* At most CA_BATCH; waits up to ms for the first.  0 when there is none or the stages end. */
size_t flight_take(struct flights *f, struct issue_queue *q, struct issue **ret, unsigned ms);
/* Waits until the queue has fewer than `most`. */
void flight_room(struct flights *f, struct issue_queue *q, size_t most);
/* The outcome is in i (row.state) or in why; the key is free again.  queued: the queue's reference ends. */
void flight_finish(struct flights *f, struct issue *const *i, size_t n, bool queued);
/* False when it is not done at the end of the time. */
bool flight_wait(struct flights *f, struct issue *i, uint64_t until_ms);
/* Is that key on its way; how many are. */
bool flight_known(struct flights *f, const uint8_t key[32]);
size_t flight_count(struct flights *f);
void flight_end(struct flights *f); /* stages and waiters leave */
bool flight_ending(struct flights *f);

#endif
