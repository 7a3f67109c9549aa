#include "ra/erase.h"

RC ra_store_erase(struct db *db, const uint8_t application[32])
{
	return db_run(
	        db, NULL,
	        "UPDATE application_body SET statement = $2, decision = NULL, acceptance = NULL, envelope = "
	        "NULL WHERE application = (SELECT seq FROM application WHERE hash = $1)",
	        DB_ARGS(DB_BLOB(slice_of(application, 32)), DB_BLOB(SLICE_LIT(""))));
}
