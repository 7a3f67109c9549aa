#ifndef YD_RA_RA_H
#define YD_RA_RA_H
/* The registration authority: two persons between an application and the CA.
 *   routes.c   doors              application.c  what an application must hold  identity.c  marks of holders
 *   entry.c    what speaks against it             source.c   authoritative source    blacklist.c  black list
 *   review.c   the second person  forward.c      durable way to the CA            deliver.c   what is fetched
 *   accept.c   the circle closes  lapse.c        what time alone ends    notice.c  what people hear
 *   batch*.c   lists              revoke.c       never waits for anything else */
#include "base/mem.h"
#include "http/client.h"
#include "http/server.h"
#include "instance/instance.h"
#include "pki/envelope.h"
#include "ra/store.h"
#include "statement/statement.h"

#include <pthread.h>
#include <stdatomic.h>

#define RA_AGREEMENT "1"            /* present edition of the subscriber agreement */
#define RA_NOTICE "1"               /* … of the notice shown on acceptance */
#define RA_EVIDENCE_MAX (10u << 20) /* one piece */
#define RA_EVIDENCE_COUNT 32        /* pieces of one application */
#define RA_LIST_MAX 500             /* applications in one answer */
#define RA_CHAIN_MAX 6

struct ra {
	struct instance *in;
	struct http_client *ca;  /* NULL: no CA configured */
	struct http_client *vault;  /* NULL: no vault configured */
	struct http_client *source; /* NULL: no authoritative source */
	struct secret *registry; /* key of the marks of entities (design 9.4) */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t forwarder;
	bool forwarding, ending, work; /* ending, work: under lock */
	bool alarmed;                  /* the forwarder's own: "ca-unreachable" stands */
	atomic_ulong counts[APPLICATION_EVENTS];
	atomic_ulong forward_failures, revocations, revocations_queued;
};

/* ---- routes.c ---- */
#define RA_ROUTES 45
extern const struct route ra_routes[RA_ROUTES];

/* ---- keep.c: what the vault gets (R24.2) ---- */
/* The evidence of these applications, in the vault before the CA hears of them.  OK when there is none. */
RC ra_keep_evidence(struct ra *ra, struct db *db, const int64_t *applications, size_t n);
/* To the vault, with an entry of the log: "record", and the statement behind it. */
RC ra_log_entry(struct instance *in, struct db *db, const struct peer *by, json_t *entry);

/* ---- a statement that came in (statement.c) ---- */
#define RA_KIND(k) (1u << STATEMENT_##k)
/* Opened, of one of these kinds, of this organisation, by the person of the connection, verified now. */
RC ra_statement(struct ra *ra, const struct request *q, unsigned kinds, struct statement **ret);
/* May the caller see or act for this application?  Clerks their own cases, every other duty all of them,
 * subscribers what is about them (matrix: own cases, own). */
RC ra_may_see(const struct peer *p, const struct ra_application *a);
/* The application of the path's {id}. */
RC ra_application_of(struct ra *ra, const struct request *q, struct db *db, struct ra_application *ret);
uint64_t ra_wake_key(const char *id);

/* ---- application.c ---- */
RC ra_evidence_take(struct ra *ra, const struct request *q, json_t **ret);
RC ra_enter(struct ra *ra, const struct request *q, json_t **ret);
/* {"id","state",…} as every answer about an application begins. */
json_t *ra_brief(const struct ra_application *a);
/* With statement, certificates and history. */
RC ra_full(struct db *db, const struct ra_application *a, json_t **ret);

/* ---- identity.c: pure ---- */
/* What identifies the holder, under the key; *kind "document", "code" or "dns". */
RC ra_identity_mark(const json_t *identity, struct slice key, uint8_t mark[32], const char **kind);

/* ---- the others ---- */
RC ra_review(struct ra *ra, const struct request *q, json_t **ret);
/* Sets *wait when the certificates are on their way. */
RC ra_deliver(struct ra *ra, const struct request *q, json_t **ret, bool *wait);
/* Certificates, chain, envelope and answer of GM/T 0092 of an application that has them. */
RC ra_delivery(struct db *db, const struct trust *t, const struct ra_application *a, enum envelope_form form,
               json_t *o);
RC ra_accept(struct ra *ra, const struct request *q, json_t **ret);
/* POST /v1/holder/acceptances: signed with the very certificate that is accepted. */
RC ra_accept_holder(struct ra *ra, const struct request *q, json_t **ret);
/* *queued: the CA was not reached; the revocation is durable and will be sent. */
RC ra_revoke(struct ra *ra, const struct request *q, json_t **ret, bool *queued);
/* The authority that certifies keys of that kind; NULL when there is none. */
const struct trust_authority *ra_authority(const struct trust *t, enum pubkey_kind kind);
/* Certificates above an authority, itself first, as base64 texts. */
RC ra_chain(const struct trust *t, const char *authority, json_t **ret);

/* ---- forward.c ---- */
RC ra_forward_start(struct ra *ra);
void ra_forward_end(struct ra *ra); /* asks the thread to leave */
void ra_forward_stop(struct ra *ra);
void ra_forward_wake(struct ra *ra);
/* One revocation statement to the CA; *ret its answer. */
RC ra_forward_revocation(struct ra *ra, struct slice statement, json_t **ret);
/* When the CA took it, from its answer. */
RC ra_revocation_time(const json_t *answer, int64_t *ret);
/* Was this failure the way to the CA, not its answer?  Then trying again may help. */
bool ra_forward_again(const struct rc_text *why);

#endif
