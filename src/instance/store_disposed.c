#include "instance/disposed.h"

RC disposed_next(struct db *db, int64_t *position)
{
	return db_scalar(db, position, "SELECT coalesce(max(position), -1) + 1 FROM disposed", DB_NOARGS);
}

RC disposed_put(struct db *db, const struct disposed *d, int64_t at)
{
	return db_run(
	        db, NULL,
	        "INSERT INTO disposed (record, position, at) VALUES ($1, $2, $3) ON CONFLICT (record) DO "
	        "NOTHING",
	        DB_ARGS(DB_BLOB(SLICE_ARR(d->record)), DB_INT(d->position), DB_INT(at)));
}
