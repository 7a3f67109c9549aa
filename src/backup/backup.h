#ifndef YD_BACKUP_BACKUP_H
#define YD_BACKUP_BACKUP_H
/* Backup of a data folder while it serves, and its restoration elsewhere (R12.5; docs/backup.md).
 *
 * All databases are held at one instant (a cut): no instance has seen more of another's log than that
 * other's database holds, so nobody finds a rollback afterwards; the CA is held before the vault and the
 * KMC, so each certificate has its record and its escrowed key.  A cut that is not consistent is taken
 * again.  Files that are only ever appended to or never change (records, media, keys, trust) follow; what
 * they hold beyond the cut does no harm.
 *
 * Inside the container: for each file {kind u8 = 1, length of its path u16, path, mode u32, uid u32, gid u32,
 * size u64, content, SM3 of the content}, then {2, length u32, summary as canonical JSON}. */
#include "backup/shamir.h"
#include "base/buf.h"
#include "base/json.h"

#define BACKUP_VERSION 1 /* of the container's content */
#define BACKUP_CUTS 1000 /* until one is consistent */
#define BACKUP_PATH 1024
#define BACKUP_MARK "restored" /* DIR/restored: what a restoration leaves */

struct backup_custodian {
	struct buf certificate; /* DER, SM2 */
	char name[128];
};
struct backup_options {
	const char *data, *out;
	const struct backup_custodian *custodians;
	uint8_t count, threshold;
};
/* *summary: {"at","files","bytes","instances":[…]}. */
RC backup_create(const struct backup_options *o, json_t **summary);

/* What m custodians bring: their private keys (SM2). */
struct sm2_key;
struct backup_keys {
	const struct sm2_key *keys;
	size_t count;
};
/* The head alone: who the custodians are, how many are needed. */
RC backup_head(const char *file, json_t **ret);
/* Everything is opened and hashed, the databases are checked in a temporary folder; nothing else stays. */
RC backup_verify(const char *file, const struct backup_keys *k, json_t **summary);
/* Into data, which must not be there or be empty; on failure nothing is there.  Leaves DIR/restored. */
RC backup_restore(const char *file, const struct backup_keys *k, const char *data, json_t **summary);

/* ---- store.c ---- */
struct db;
RC backup_store_size(struct db *db, int64_t *entries); /* of the own log */
/* What it has seen of others' logs: heads and feeds. */
RC backup_store_seen(struct db *db, struct rc (*each)(void *arg, const char *log, int64_t size), void *arg);

/* Of a status instance's database: what is revoked, since when, why. */
typedef struct rc backup_revoked(void *arg, const char *ca, struct slice serial, int64_t at, int reason);
RC backup_store_revoked(struct db *db, backup_revoked *each, void *arg);

#endif
