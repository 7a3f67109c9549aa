#ifndef YD_RA_FORWARD_H
#define YD_RA_FORWARD_H
/* What forward.c and answer.c share: one batch on its way to the CA, and what came back for it. */
#include "ra/ra.h"

#define FORWARD_BATCH 256
#define FORWARD_WALK 8           /* batches until the queue is walked from its start again */
#define FORWARD_BYTES (3u << 20) /* of one request body; a larger single one goes alone */
#define FORWARD_DEADLINE_MS 40000
#define FORWARD_ANSWER_MAX (32u << 20)
#define FORWARD_PAUSE_MIN_MS 250 /* after a failure; doubled each time */
#define FORWARD_PAUSE_MAX_MS 5000
#define FORWARD_PARTIAL_MS 1000 /* half pairs are asked for again */
#define FORWARD_ALARM 4         /* failures in a row before an alarm */

struct forward_item {
	int64_t seq;
	char id[RA_ID + 1], authority[RA_NAME + 1];
	enum application_state state;
	uint8_t key[32]; /* SM3 of the approval */
};
struct forward_batch {
	size_t count;
	struct forward_item at[FORWARD_BATCH];
	int64_t last;     /* seq of the last one looked at */
	json_t *requests; /* array for the CA */
	size_t bytes;
	size_t unfinished; /* items the answer did not bring to their end */
};

/* answer.c: writes what the CA says in one transaction and wakes who waits. */
RC forward_take(struct ra *ra, struct forward_batch *b, const json_t *answer);

#endif
