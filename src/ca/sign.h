#ifndef YD_CA_SIGN_H
#define YD_CA_SIGN_H
/* Second stage of the issuer. */
#include "ca/ca.h"

/* Signs what each issue lacks, makes it durable, finishes all of them.  Waits while the signer or the
 * database is away. */
struct signing;
struct signing *ca_signing_new(void); /* room for one batch after the other; NULL: no memory */
void ca_signing_free(struct signing *s);
void ca_sign(struct ca *c, struct signing *s, struct issue **items, size_t n);
/* The refusal of an issue (its why) as a log entry; by may be NULL. */
struct peer;
struct rc ca_note_refused(struct ca *c, const struct issue *i, const struct peer *by);
/* Key under which GET /v1/requests/{key}?wait waits. */
uint64_t ca_wait_key(const uint8_t key[32]);

#endif
