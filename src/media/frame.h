#ifndef YD_MEDIA_FRAME_H
#define YD_MEDIA_FRAME_H
/* Bytes of frames and slots (media.h); pure. */
#include "media/media.h"

#define FRAME_HEAD 72
#define FRAME_TAIL 48 /* tag, SM3 */
#define FRAME_OVER (FRAME_HEAD + FRAME_TAIL)
#define FRAME_ID 24 /* where it stands */
#define FRAME_NONCE 56
#define SLOT_LEN 64
#define SLOT_KEY 8 /* where the wrapped key stands */

struct media_frame {
	uint32_t segment, slot;
	uint32_t length;  /* of what is sealed */
	uint32_t content; /* of the content; more than length: it was packed (pack.h) */
	uint64_t durable; /* when it was written, the segment was durable in both places up to here */
	const uint8_t *id, *nonce, *sealed, *tag;
};
/* Whole length of a frame with so much sealed. */
static inline uint64_t media_frame_size(uint32_t length)
{
	return (uint64_t)length + FRAME_OVER;
}
/* Seals packed, which is a content of that SM3 and length or the packed form of it, into to (media_frame_size
 * bytes); media_frame_place() makes it whole. */
RC media_frame_seal(const uint8_t key[16], const uint8_t id[32], size_t content, struct slice packed,
                    uint8_t *to);
void media_frame_place(uint8_t *frame, uint32_t segment, uint32_t slot, uint64_t durable);
/* Its length, as its head says. */
uint64_t media_frame_whole(const uint8_t *frame);
/* The length that a head tells; false: not the head of a frame of that segment. */
bool media_frame_head(const uint8_t head[FRAME_HEAD], uint32_t segment, uint32_t *length);
/* A whole frame; false when a byte is not as it was written. */
bool media_frame_read(struct slice bytes, uint32_t segment, struct media_frame *ret);
RC media_frame_open(const struct media_frame *f, const uint8_t key[16], struct buf *ret);

enum slot_state { SLOT_DAMAGED, SLOT_LIVE, SLOT_DESTROYED };
void media_slot_write(uint8_t ret[SLOT_LEN], uint32_t segment, uint32_t slot,
                      const uint8_t *wrapped); /* NULL: destroyed */
enum slot_state media_slot_read(const uint8_t s[SLOT_LEN], uint32_t segment, uint32_t slot);

#endif
