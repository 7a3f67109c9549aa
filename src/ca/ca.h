#ifndef YD_CA_CA_H
#define YD_CA_CA_H
/* The certification authority's service: requests in, certificates and revocations out.
 *   routes.c   doors          gate.c   what must hold before anything is issued (requirements d.1)
 *   issue.c    two stages     km.c     CA <-> KMC         revoke.c   never waits for any of them
 *   recover.c  work found in the database: after a crash, half pairs, notices to the KMC */
#include "authority/crl_maker.h"
#include "authority/store.h"
#include "ca/flight.h"
#include "instance/instance.h"

#define CA_POST_MS 20000 /* how long POST /v1/requests waits for the issuer */
#define CA_KM_DEADLINE_MS 5000
#define CA_KM_PAUSE_MIN_MS 500 /* after a failure of the KMC: doubled each time */
#define CA_KM_PAUSE_MAX_MS 15000
#define CA_COMM_KEY "ca-comm" /* name of the communication key in the signer */

struct ca {
	struct instance *in;
	struct crl_maker *lists; /* the authorities whose keys are here */
	struct flights flights;
	pthread_t preparer, signer;
	bool preparing, signing;
	struct http_client *kmc; /* NULL: no KMC configured */
	struct http_client *vault; /* NULL: none, as in data folders from before there was one */
	/* the preparer's own */
	uint64_t partial_after;            /* clock_mono_ms(): half pairs rest until then */
	uint64_t km_pause_until, km_pause; /* clock_mono_ms(); 0 = the KMC answers */
	atomic_bool partial_waiting, notices_waiting;
	atomic_bool restoration_settled; /* two persons have accepted it */
	atomic_llong latest;             /* business time of the newest thing written (G17) */
	_Atomic uint64_t records_failed; /* clock_mono_ms() of the last failed write; 0 = none (G14) */
	atomic_ulong issued, partial, refused, revoked;
};

/* ---- recover.c ---- */
/* What a crash or a late KMC left: queued again by state (start only). */
RC ca_recover(struct ca *c);
/* Statements, TBS and KMRespond of an unfinished row into an issue in flight.  cache: last KMRespond
 * loaded, for the next call; may be NULL. */
RC ca_resume(struct ca *c, struct db *db, const struct ca_request *row, struct issue *i,
             struct km_answer **cache);
/* Half pairs that wait for the KMC, at most CA_BATCH, as issues in flight with a queue's reference. */
size_t ca_partials(struct ca *c, struct issue **ret);

/* ---- issue.c ---- */
RC ca_issuer_start(struct ca *c);
void ca_issuer_stop(struct ca *c);
/* The work that follows from the state of an issue. */
struct issue_queue *ca_queue_for(struct ca *c, const struct issue *i);

/* ---- km.c ---- */
/* One CARequest for all items that are a pair and have no encryption key yet.  What came is in
 * km, envelope and tbs; who got nothing keeps km NULL.  Never fails as a whole: the KMC's silence makes
 * half pairs (design 9.7). */
void ca_km_apply(struct ca *c, struct issue *const *items, size_t n);
/* Tells the KMC of revoked encryption certificates. */
void ca_km_notices(struct ca *c);
bool ca_km_answers(struct ca *c); /* not pausing after a failure */

/* ---- revoke.c ---- */
/* A revocation statement; *ret {"ca","serial","at","revoked_at"?,"state","ground","reported"?,"pair"?} once
 * it is durable (revoke.h). */
/* The certificate that follows that of a status responder: {"certificate"} in and out (responder.c). */
RC ca_responder(struct ca *c, struct slice body, const struct peer *by, json_t **ret);
RC ca_revoke(struct ca *c, struct slice statement, json_t **ret);

/* ---- door.c: POST /v1/requests ---- */
/* Answers in the order of the requests, each with its own outcome. */
struct peer;
RC ca_door(struct ca *c, const json_t *requests, const struct peer *by, bool english, json_t **ret);

/* ---- answer.c ---- */
/* The result object of a finished issue, or of a row. */
RC ca_result(const struct issue *i, bool english, json_t **ret);
/* {"key","state":"accepted"}: nothing to fetch yet. */
RC ca_pending(const struct ca_request *r, json_t **ret);
RC ca_result_row(struct db *db, const struct ca_request *row, json_t **ret);

#endif
