#ifndef YD_STATEMENT_TRUST_H
#define YD_STATEMENT_TRUST_H
/* The inside of struct statement_trust, shared by trust.c and verify.c. */
#include "statement/holder.h"
#include "statement/kinds.h"

#include <pthread.h>

#define TRUST_ANCHORS 64
#define TRUST_GRANTS 4096
#define TRUST_CACHE 1024 /* verified certificates remembered; a power of two */

struct anchor {
	enum statement_proof proof;                /* GRANT = operator CA */
	char organisation[STATEMENT_NAME_MAX + 1]; /* "" = any */
	char role[STATEMENT_NAME_MAX + 1];         /* pins only */
	uint8_t sm3[32];
	struct buf der;
	struct holder holder; /* borrows der */
};

struct grant {
	char person[37];
	char organisation[STATEMENT_NAME_MAX + 1];
	char role[STATEMENT_NAME_MAX + 1];
	uint8_t certificate[32];
	int64_t from, until;
};

/* Behind a pointer, so that a const trust can lock and remember. */
struct trust_state {
	pthread_rwlock_t lock; /* anchors and grants */
	struct anchor anchors[TRUST_ANCHORS];
	size_t anchor_count;
	struct grant *grants; /* sorted by person */
	size_t grant_count, grant_room;
	pthread_mutex_t cache_lock;
	uint8_t cache[TRUST_CACHE][32]; /* SM3(certificate hash || CA hash); zero = free */
};
struct statement_trust {
	struct trust_state *state;
};

/* The signature of a certificate under an anchor, remembered once it verified. */
RC trust_verify_certificate(struct trust_state *t, const struct anchor *ca, struct slice certificate,
                            const uint8_t sm3[32]);
/* A grant in force when it was issued gives the statement's role to its person with its certificate. */
bool trust_grants(struct trust_state *t, const struct statement *s);

#endif
