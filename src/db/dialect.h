#ifndef YD_DB_DIALECT_H
#define YD_DB_DIALECT_H
/* Schemas are written once, in a small subset of SQLite's DDL; this puts them into PostgreSQL's words.
 *
 *	INTEGER                 bigint
 *	INTEGER PRIMARY KEY     bigint, numbered by the database when no value is given
 *	TEXT                    text in the order of its bytes (COLLATE "C"), as SQLite compares
 *	BLOB                    bytea
 *	STRICT, WITHOUT ROWID   nothing: PostgreSQL is always strict
 *	ifnull                  coalesce
 *
 * Words of SQL are in capitals, names are not.  Every word in capitals outside the list in dialect.c,
 * quoted names and x'' literals are refused (RC_BUG), so a migration cannot leave the subset unseen. */
#include "base/buf.h"

RC dialect_pgsql(struct slice script, struct buf *ret);

#endif
