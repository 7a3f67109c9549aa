#ifndef YD_BACKUP_CONTAINER_H
#define YD_BACKUP_CONTAINER_H
/* The file of a backup (docs/backup.md): "YDBACKUP1\n", length of the head (u32), head, chunks.  The head is
 * canonical JSON and holds, for each custodian, a share of the key under the custodian's SM2 key.  A chunk is
 * its length (u32), 1 for the last one or 0, SM4-GCM of that many bytes, tag (16): nonce = number of the
 * chunk (12 bytes), additional data = SM3 of the head, number (u64), last, length.  So no chunk can be
 * changed, moved, left out or taken from another backup, and the end is known.  Numbers are big endian. */
#include "backup/shamir.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/json.h"
#include "sm/sm4.h"

#define CONTAINER_MAGIC "YDBACKUP1\n"
#define CONTAINER_HEAD_MAX (1u << 20)
#define CONTAINER_CHUNK (1u << 20)

struct container {
	int fd;
	bool writing, ended; /* ended: the last chunk was written or read */
	struct sm4 key;
	uint8_t head[32]; /* SM3 */
	uint64_t number;  /* of the next chunk */
	uint8_t *plain, *sealed;
	size_t filled, taken; /* of plain */
	uint64_t bytes;       /* of the file */
};
void container_close(struct container *c);
DROP(container, container_close);

/* path must not be there yet.  secret: SHAMIR_KEY bytes. */
RC container_create(const char *path, const json_t *head, const uint8_t secret[SHAMIR_KEY],
                    struct container **ret);
RC container_write(struct container *c, struct slice s);
/* The last chunk; synced. */
RC container_end(struct container *c);

/* Head only; the container cannot be read before container_unlock(). */
RC container_open(const char *path, json_t **head, struct container **ret);
void container_unlock(struct container *c, const uint8_t secret[SHAMIR_KEY]);
/* Exactly n bytes; BACKUP_DAMAGED for anything that is not what was written. */
RC container_read(struct container *c, void *to, size_t n);
/* OK only at the very end of the last chunk, with nothing behind it. */
RC container_finished(struct container *c);

#endif
