#ifndef YD_RA_BASIS_H
#define YD_RA_BASIS_H
/* Update, extension, replacement (R21.3 to R21.5): an application that follows a certificate of the same
 * holder. The holder may sign it himself, with the old key, over a door that asks for no client certificate:
 * the statement's own signature says who it is. */
#include "pki/profile.h"
#include "ra/ra.h"
#include "statement/basis.h"

struct ra_basis {
	struct basis b;
	int64_t old; /* application that the certificate came from */
};
/* Inside the closure that enters the application, once the holder is known: fills a->days for an extension.
 */
RC ra_basis_check(struct db *db, const struct statement *s, const struct profile *p, struct ra_application *a,
                  struct ra_basis *ret);
RC ra_basis_put(struct db *db, int64_t application, const struct ra_basis *b);

/* A statement that a holder signed: of one of these kinds, of this organisation, verified, fresh. */
RC ra_holder_statement(struct ra *ra, const struct request *q, unsigned kinds, struct statement **ret);

/* POST /v1/holder/applications (application.c) */
RC ra_enter_holder(struct ra *ra, const struct request *q, json_t **ret);

/* ---- store_basis.c ---- */
/* The application that a signing certificate came from; RC_NOTFOUND.  The certificate is added to der. */
RC ra_store_find_certificate(struct db *db, const char *ca, struct slice serial, struct ra_application *ret,
                             struct buf *der);
RC ra_store_basis_put(struct db *db, int64_t application, const struct ra_basis *b);
/* BASIS_NONE for a first issue. */
RC ra_store_basis(struct db *db, int64_t application, struct ra_basis *ret);
/* An extension keeps its keys: the envelope of the application it follows opens it. */
RC ra_store_envelope_kept(struct db *db, int64_t application);

#endif
