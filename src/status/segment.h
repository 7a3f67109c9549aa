#ifndef YD_STATUS_SEGMENT_H
#define YD_STATUS_SEGMENT_H
/* The status of many certificates as one file that is mapped, never read in: entries of 32 bytes in the order
 * of their hash, a table that says where each beginning of a hash starts, SM3 of every block.  It is written
 * once, checked whole when it is opened, and replaced by the next.  The format is this machine's own: a copy
 * that can be made again from the database. */
#include "base/auto.h"
#include "base/rc.h"
#include "base/slice.h"

#include <stdint.h>

#define SEGMENT_SERIAL 20
#define SEGMENT_NAMES 1024 /* "sm2 ecdsa": whom the numbers of issuers mean */

struct table_entry {
	uint8_t serial[SEGMENT_SERIAL];
	uint8_t len, issuer; /* len 0 = free slot */
	uint8_t revoked, reason;
	int64_t revoked_at;
};
_Static_assert(sizeof(struct table_entry) == 32, "an entry of the file");
uint64_t segment_hash(uint8_t issuer, struct slice serial);

struct segment;
/* RC_CRYPTO when a checksum is wrong or it is cut off; RC_NOTFOUND when there is none, or one for other
 * names. */
RC segment_open(const char *path, const char *names, struct segment **ret);
void segment_free(struct segment *s);
DROP(segment, segment_free);
uint64_t segment_position(const struct segment *s); /* entry of the log that comes next */
size_t segment_count(const struct segment *s);
const struct table_entry *segment_at(const struct segment *s, size_t i);
/* NULL when it is not there. */
const struct table_entry *segment_find(const struct segment *s, uint8_t issuer, struct slice serial);

/* Entries in any order, each (issuer, serial) once. */
struct segment_builder;
RC segment_begin(const char *path, struct segment_builder **ret);
RC segment_add(struct segment_builder *b, const struct table_entry *e);
/* Durable, in the place of the one before. */
RC segment_end(struct segment_builder *b, const char *names, uint64_t position);
void segment_abandon(struct segment_builder *b); /* also after the end */
DROP(segment_builder, segment_abandon);

#endif
