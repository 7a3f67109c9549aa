#ifndef YD_EVIDENCE_BUNDLE_H
#define YD_EVIDENCE_BUNDLE_H
/* What an instance hands to the vault about records, and what the vault keeps of it (docs/evidence.md).
 *   Records ::= SEQUENCE { shared SEQUENCE OF OCTET STRING, records SEQUENCE OF Record }
 *   Record  ::= SEQUENCE { key OCTET STRING (SIZE (32)), pieces SEQUENCE OF Piece }
 *   Piece   ::= SEQUENCE { kind UTF8String, CHOICE { content OCTET STRING, shared [0] IMPLICIT INTEGER } }
 * The key of a record is the SM3 of the approval; shared is what several records have in common, such as one
 * KMRespond.  Kept is
 *   Bundle  ::= SEQUENCE OF SEQUENCE { kind UTF8String, CHOICE { content OCTET STRING,
 *                                      elsewhere [0] IMPLICIT OCTET STRING (SIZE (32)) } }
 * where `elsewhere` is the SM3 of an item of its own.  Pure: bytes in, bytes out. */
#include "base/auto.h"
#include "base/buf.h"

#define BUNDLE_KEY 32
#define BUNDLE_RECORDS 256
#define BUNDLE_SHARED 256
#define BUNDLE_PIECES 64 /* of one record, in one message */
#define BUNDLE_KIND_MAX 32
#define BUNDLE_MAX (15u << 20) /* one message */
#define BUNDLE_MEDIA "application/vnd.yuandian.records"

struct bundle_piece {
	struct slice kind;
	struct slice content; /* of a shared piece: the shared bytes; of one kept elsewhere: its SM3 */
	unsigned shared;      /* 0: stands here; n: shared n - 1 */
	bool elsewhere;       /* in kept items only */
};
struct bundle_record {
	uint8_t key[BUNDLE_KEY];
	struct bundle_piece *pieces;
	size_t count;
};

/* content of shared pieces is not looked at. */
RC bundle_write(const struct slice *shared, size_t shared_count, const struct bundle_record *records,
                size_t count, struct buf *ret);

struct bundle {
	struct slice shared[BUNDLE_SHARED];
	size_t shared_count;
	struct bundle_record records[BUNDLE_RECORDS];
	size_t count;
	struct bundle_piece *pieces; /* of all records */
	size_t piece_count;
};
/* Borrows the bytes. */
RC bundle_read(struct slice der, struct bundle **ret);
void bundle_free(struct bundle *b);
DROP(bundle, bundle_free);

/* The item that is kept of one record's pieces. */
RC bundle_item(const struct bundle_piece *pieces, size_t count, struct buf *ret);
/* Calls each with the pieces of a kept item, in order; stops at the first result that is not OK. */
RC bundle_item_each(struct slice item, struct rc (*each)(const struct bundle_piece *p, void *arg), void *arg);

#endif
