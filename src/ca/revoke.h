#ifndef YD_CA_REVOKE_H
#define YD_CA_REVOKE_H
/* Revocation, suspension, release: one statement or many at the CA (revoke.c); what ends by its date
 * (hold.c). */
#include "ca/ca.h"
#include "ca/life.h"
#include "ca/store.h"
#include "db/writer.h"
#include "statement/order.h"

#define CA_REVOKE_BATCH 256
#define CA_STATES_MAX 1000

struct revoked_one {
	uint8_t serial[CA_SERIAL];
	struct revocation r; /* serial points above */
};
struct revoking {
	struct statement *s;
	struct order order;
	struct revocation r; /* as it goes to both */
	int64_t now;
	bool asked; /* the writer's: why is an outcome of a first try */
	bool known; /* the same statement was taken before */
	struct rc_text why;
	size_t n;
	struct revoked_one done[CA_PARTS]; /* the one named, then its pair */
};
/* Each with its own outcome in why; a failure concerns all.  n <= CA_REVOKE_BATCH. */
RC ca_revoke_batch(struct ca *c, const struct slice *statements, struct revoking *at, size_t n);
void ca_revoke_free(struct revoking *at, size_t n);
RC ca_revoke_answer(const struct revoking *v, json_t **ret);
/* Inside the transaction that issues the second half of a pair. */
RC ca_revoke_late(struct ca *c, struct db_tx *tx, const struct ca_request *row);
/* State from the rows; last: the last event, or a release at 0. */
RC ca_life(struct db *db, const struct ca_certificate *c, int64_t now, enum life_state *ret,
           struct revocation *last);

/* ---- store_hold.c ---- */
/* Certificates on hold that are not expired, held at or before `until`, oldest first. */
RC ca_store_holds(struct db *db, int64_t now, int64_t until, size_t limit,
                  struct rc (*each)(void *arg, struct slice ca, struct slice serial), void *arg);
/* When the oldest of them was taken; INT64_MAX when nothing is on hold. */
RC ca_store_oldest_hold(struct db *db, int64_t now, int64_t *ret);
/* ---- hold.c: for the table of due work ---- */
int64_t ca_hold_due(struct ca *c);
RC ca_hold_run(struct ca *c);

/* ---- states.c: POST /v1/certificates/states ---- */
/* {"certificates":["CA/SERIAL",…],"event":"hold"} → {"certificates":[{"ca","serial","state","code"?}]} */
RC ca_states(struct ca *c, const json_t *body, json_t **ret);

#endif
