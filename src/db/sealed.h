#ifndef YD_DB_SEALED_H
#define YD_DB_SEALED_H
/* One value of a sealed column: "YDC1", nonce (12), SM4-GCM ciphertext, tag (16); "YDC1" is the additional
 * data.  db.c calls these for DB_SEALED() and db_sealed(). */
#include "base/buf.h"
#include "db/db.h"

RC seal_column(const struct db_seal *seal, struct slice content, struct buf *ret);
/* Bytes without the magic come back as they are. */
RC unseal_column(const struct db_seal *seal, struct slice stored, struct buf *ret);

#endif
