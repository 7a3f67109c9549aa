#ifndef YD_DB_WAL_H
#define YD_DB_WAL_H
/* Damage to SQLite's write-ahead log that SQLite itself takes for the end of it. */
#include "base/rc.h"
#include "base/slice.h"

/* Of the database in that file, before it is opened: DATABASE_DAMAGED.  No log is fine. */
RC   wal_check(const char *database);
bool wal_is_spoilt(struct slice bytes);

#endif
