#ifndef YD_CA_RESTORATION_H
#define YD_CA_RESTORATION_H
/* A CA that came from a backup issues nothing until two persons of the institution have said that what
 * happened since was replayed (R12.5).  Revocation and status do not ask. */
#include "ca/ca.h"

/* RC_BUSY (restored) until then. */
RC ca_restoration_settled(struct ca *c);
/* POST /v1/restoration: statement restoration.  *ret {"restored","persons","accepted"}. */
RC ca_restoration_accept(struct ca *c, const struct request *q, json_t **ret);
/* GET /v1/restoration: the same; RC_NOTFOUND when the folder was never restored. */
RC ca_restoration_show(struct ca *c, json_t **ret);

/* ---- store_restoration.c ---- */
/* RC_CONFLICT when that person has accepted it before. */
RC ca_store_restoration_put(struct db *db, int64_t restored, struct slice person, struct slice statement,
                            int64_t at);
RC ca_store_restoration_each(struct db *db, int64_t restored,
                             struct rc (*each)(void *arg, struct slice statement), void *arg);

#endif
