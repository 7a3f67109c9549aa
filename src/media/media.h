#ifndef YD_MEDIA_MEDIA_H
#define YD_MEDIA_MEDIA_H
/* Items of any content, sealed, in two places (R24.1, R24.3, R24.4).  A place is a folder, best on a disk of
 * its own.  Both hold the same files: media          what this is: the vault's random id and which of the two
 * places it is NNNNNNNN.seg   frames, only ever appended      NNNNNNNN.key   a slot for the key of each frame
 * Frame (numbers big endian): "YDF1", segment u32, slot u32, length u32, SM3 of the content, nonce (12),
 * SM4-GCM of the content (length bytes, the hash as additional data), tag (16), SM3 of all this.  Slot (64
 * bytes): state u8 (1 live, 2 destroyed), 3 zero bytes, slot u32, wrapped key (44), first 12 bytes of the SM3
 * of the segment's number and what is before.  Every item has a key of its own; destroying the key in both
 * places destroys the item (R24.10), and nothing else ever overwrites a frame but its repair from the other
 * place.
 *
 * A put returns when both places have it, synced; callers share the wait.  Thread-safe.  Results: RC_BUSY
 * (storage-full, storage-failed) when a place does not take it, and nothing was promised. */
#include "base/auto.h"
#include "base/buf.h"

#define MEDIA_PLACES 2
#define MEDIA_ITEM_MAX (16u << 20)
#define MEDIA_WRAPPED 44          /* nonce, key, tag */
#define MEDIA_BATCH 1024          /* items of one put */
#define MEDIA_SEGMENT (64u << 20) /* a longer one is followed by another */
#define MEDIA_PATH 1024

/* Wraps and opens the items' keys; may block. */
struct media_keys {
	struct rc (*wrap)(void *arg, const uint8_t (*keys)[16], size_t n, uint8_t (*wrapped)[MEDIA_WRAPPED]);
	struct rc (*unwrap)(void *arg, const uint8_t (*wrapped)[MEDIA_WRAPPED], size_t n,
	                    uint8_t (*keys)[16]);
	void *arg;
};

/* Where an item lies; the same in both places. */
struct media_at {
	uint32_t segment, slot;
	uint64_t offset;
	uint32_t length; /* of the content */
};

struct media;
/* Folders are made if missing; both empty: a new vault.  One empty: it is filled by the scrub.  MEDIA_PLACE
 * when a folder belongs to another vault, or is the other of the two.  What only one place has of the last
 * segment is copied, a torn end is cut. */
RC media_open(const char *const places[MEDIA_PLACES], const struct media_keys *keys, struct media **ret);
void media_close(struct media *m);
DROP(media, media_close);

/* n <= MEDIA_BATCH. */
RC media_put(struct media *m, const struct slice *contents, size_t n, uint8_t (*ids)[32],
             struct media_at *at);
/* From the first place that has it whole.  RECORD_DISPOSED when its key was destroyed, RECORD_DAMAGED when no
 * place has it. */
RC media_get(struct media *m, const uint8_t id[32], const struct media_at *at, struct buf *ret);
/* In both places, synced; again is fine. */
RC media_destroy(struct media *m, const struct media_at *at, size_t n);

/* Where a scrub goes on; zero: at the beginning. */
struct media_scrub {
	uint32_t segment;
	uint64_t offset;
};
struct media_report {
	uint64_t checked, damaged, missing, repaired, lost; /* frames and slots; lost: in no place */
	bool end;                                           /* all segments were seen; the next begins anew */
};
/* Looks at `frames` frames and their slots without any key, and mends each from the other place.  destroyed
 * tells, where one place has a key and the other says it was destroyed, which is right. */
struct media_judge {
	bool (*destroyed)(void *arg, uint32_t segment, uint32_t slot);
	void *arg;
};
RC media_scrub(struct media *m, const struct media_judge *judge, struct media_scrub *at, size_t frames,
               struct media_report *ret);

/* Every frame that is whole in some place, in order: to make an index anew. */
RC media_each(struct media *m, struct rc (*each)(void *arg, const uint8_t id[32], const struct media_at *at),
              void *arg);

struct media_state {
	struct {
		const char *path;
		bool works; /* the last thing written there succeeded */
		uint64_t bytes, free;
	} place[MEDIA_PLACES];
};
void media_state(struct media *m, struct media_state *ret);

#endif
