#ifndef YD_EVIDENCE_RECORD_H
#define YD_EVIDENCE_RECORD_H
/* Record store, local back end: one file per record under DIR/records/xx/, named by the SM3 of the
 * content, stored sealed (SM4-GCM under the caller's key, the id as additional data), synced before
 * the call returns.  Putting the same content again is no error: it is written anew, which mends a
 * damaged record.  Many threads may use one store; their puts share the wait for the disk.  After a
 * power cut there may be damaged records that no call had acknowledged. */
#include "base/auto.h"
#include "base/buf.h"

#define RECORD_ID 32
#define RECORD_KEY 16
#define RECORD_MAX (16u << 20)
#define RECORD_BATCH 1024

struct record_store;
/* dir is made (0700) if missing; its parent must exist.  The key is copied. */
RC   record_open(const char *dir, const uint8_t key[RECORD_KEY], struct record_store **ret);
void record_close(struct record_store *s);
static inline void record_store_free(struct record_store *s) { record_close(s); }
DROP(record_store, record_store_free);

RC   record_put(struct record_store *s, struct slice content, uint8_t id[RECORD_ID]);
/* All are durable on OK; on failure any of them may be there. */
RC   record_put_batch(struct record_store *s, const struct slice *contents, size_t n,
                      uint8_t (*ids)[RECORD_ID]);
/* RC_NOTFOUND; RC_CRYPTO when the stored bytes were changed. */
RC   record_get(struct record_store *s, const uint8_t id[RECORD_ID], struct buf *ret);
/* Overwritten and gone; one that is not there is fine. */
RC   record_remove(struct record_store *s, const uint8_t id[RECORD_ID]);
RC   record_has(struct record_store *s, const uint8_t id[RECORD_ID], bool *ret);

#endif
