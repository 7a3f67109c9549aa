#ifndef YD_INSTANCE_DISPOSED_H
#define YD_INSTANCE_DISPOSED_H
/* What the vault destroyed (R24.10) is erased where CA and RA keep it too.  Both ask the vault once an hour
 * for what came since, in the order of its log; each record is erased once and leaves a row `disposed`. */
#include "base/json.h"
#include "db/writer.h"
#include "http/client.h"
#include "instance/instance.h"

#define DISPOSED_PAGE 256
#define DISPOSED_ORIGINALS 1024
#define DISPOSED_PERIOD 3600

struct disposed {
	int64_t position;
	uint8_t record[32], application[32]; /* application: zeros when the vault knew of none */
	const json_t *originals;             /* SM3 in hex of those that no other record needs */
};
/* files runs first and again after a crash; rows in the transaction that notes the record.  Either may be
 * NULL. */
struct disposed_eraser {
	struct rc (*files)(void *arg, const struct disposed *d);
	struct rc (*rows)(void *arg, struct db_tx *tx, const struct disposed *d);
	void *arg;
};
RC   instance_erase_disposed(struct instance *in, struct http_client *vault, const struct disposed_eraser *e);
/* One answer of the vault; *more: another may follow. */
RC   disposed_apply(struct instance *in, const json_t *answer, const struct disposed_eraser *e, bool *more);

/* ---- store_disposed.c ---- */
RC   disposed_next(struct db *db, int64_t *position);
RC   disposed_put(struct db *db, const struct disposed *d, int64_t at);

#endif
