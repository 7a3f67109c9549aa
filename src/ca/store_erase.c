#include "ca/erase.h"

RC ca_store_erase(struct db *db, const uint8_t key[32])
{
	return db_run(
	        db, NULL,
	        "UPDATE request_body SET application = $2, approval = $2 WHERE request = (SELECT id FROM "
	        "request WHERE key = $1)",
	        DB_ARGS(DB_BLOB(slice_of(key, 32)), DB_BLOB(SLICE_LIT(""))));
}
