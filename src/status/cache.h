#ifndef YD_STATUS_CACHE_H
#define YD_STATUS_CACHE_H
/* Signed OCSP answers, kept as bytes for everybody who asks without a nonce (RFC 5019).  Memory is bounded
 * and taken once; finding one allocates nothing.  A change of a certificate's status takes its answers away:
 * what was looked up before the change and signed after it is not kept either.  Thread-safe. */
#include "base/auto.h"
#include "base/rc.h"
#include "base/slice.h"

#include <stdint.h>

#define CACHE_TAG 8

/* A certificate, as it is asked for. */
struct cache_name {
	uint8_t issuer;
	struct slice serial; /* magnitude */
	struct slice id;     /* DER of the CertID; stands in the answer too */
};
struct cache_answer {
	struct slice der; /* up to the responder's certificate, which is the same for all and follows it */
	const void *by;   /* whose certificate follows */
	int64_t this_update, until, next_update; /* kept for who asks before until */
	uint8_t kind;
	uint8_t tag[CACHE_TAG]; /* of the content: ETag */
};

struct cache;
/* bytes: at most in use; answer_max: longest der. */
RC cache_new(size_t bytes, size_t answer_max, struct cache **ret);
void cache_free(struct cache *c);
DROP(cache, cache_free);

/* The answer in force at that instant; der is copied to room, which takes answer_max. */
bool cache_find(struct cache *c, const struct cache_name *n, int64_t now, uint8_t *room,
                struct cache_answer *ret);
/* Asked before the status is looked up, given to cache_put(). */
uint32_t cache_mark(struct cache *c, const struct cache_name *n);
/* False: too long, or the status has changed since the mark. */
bool cache_put(struct cache *c, const struct cache_name *n, uint32_t mark, const struct cache_answer *a);
/* After the status has changed: all answers about the certificate go. */
void cache_drop(struct cache *c, uint8_t issuer, struct slice serial);
void cache_clear(struct cache *c);

#endif
