#ifndef YD_STATUS_SEGMENT_FORM_H
#define YD_STATUS_SEGMENT_FORM_H
/* How a segment lies in its file: head, entries, where each bucket begins, SM3 of the blocks of both. */
#include "sm/sm3.h"
#include "status/segment.h"

#define SEGMENT_MAGIC "YDSTATU1"
#define SEGMENT_BLOCK ((size_t)64 << 10)
#define SEGMENT_BATCH 64 /* blocks hashed side by side */
#define SEGMENT_BUCKET 8 /* entries, about */
#define SEGMENT_BITS_MIN 4
#define SEGMENT_BITS_MAX 28
#define SEGMENT_MAX ((size_t)1 << 31) /* entries */

struct segment_head {
	char magic[8];
	uint64_t count, position;
	uint32_t bits, zero;
	char names[SEGMENT_NAMES];
	uint8_t root[SM3_LEN]; /* of the digests */
	uint8_t sm3[SM3_LEN];  /* of the above */
};

struct segment_places {
	size_t entries, fan, digests, end, blocks;
};
static inline struct segment_places segment_places(size_t count, uint32_t bits)
{
	struct segment_places p = {.entries = 4096};

	p.fan = p.entries + count * sizeof(struct table_entry);
	p.digests = p.fan + (((size_t)1 << (bits & 31)) + 1) * sizeof(uint32_t);
	p.blocks = (p.digests - p.entries + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK;
	p.end = p.digests + p.blocks * SM3_LEN;
	return p;
}
void segment_digests(const uint8_t *from, size_t bytes, uint8_t (*ret)[SM3_LEN]);

#endif
