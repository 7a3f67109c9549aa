#ifndef YD_MEDIA_MEDIA_H
#define YD_MEDIA_MEDIA_H
/* Items of any content, sealed, in two places (R24.1, R24.3, R24.4).  A place is a folder, best on a disk of
 * its own.  Both hold the same files: `media` (which vault, which place), NNNNNNNN.seg (frames, only ever
 * appended), NNNNNNNN.key (a slot for the key of each frame); docs/evidence.md describes their bytes.  Every
 * item has a key of its own; destroying the key in both places destroys the item (R24.10), and nothing else
 * ever overwrites a frame but its repair from the other place.
 *
 * A put returns when both places have it, synced; callers share the wait.  Thread-safe; one process at a
 * time. Results: RC_BUSY (storage-full, storage-failed) when a place does not take it, and nothing was
 * promised. */
#include "base/auto.h"
#include "base/buf.h"

#define MEDIA_PLACES 2
#define MEDIA_ITEM_MAX (16u << 20)
#define MEDIA_WRAPPED 44          /* nonce, key, tag */
#define MEDIA_BATCH 1024          /* items of one put */
#define MEDIA_SEGMENT (64u << 20) /* a longer one is followed by another */
#define MEDIA_PATH 1024

/* Wraps and opens the items' keys, once for each put and get; may block.  RC_INPUT, RC_DENIED or RC_CRYPTO
 * from unwrap: that wrapped key was altered; any other failure ends the get. */
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
 * when a folder belongs to another vault or is the other of the two, when both are one, or another process
 * has it.  What only one place has of the last segment is copied, a torn end is cut.  A place that takes no
 * writes does not keep it from opening: what is there can be read. */
RC media_open(const char *const places[MEDIA_PLACES], const struct media_keys *keys, struct media **ret);
void media_close(struct media *m);
DROP(media, media_close);

/* n <= MEDIA_BATCH. */
RC media_put(struct media *m, const struct slice *contents, size_t n, uint8_t (*ids)[32],
             struct media_at *at);
/* The same with their ids, the SM3 of each, from a caller who has them; what has a wrong one never opens. */
RC media_put_as(struct media *m, const struct slice *contents, const uint8_t (*ids)[32], size_t n,
                struct media_at *at);
/* From the first place that has it whole.  RECORD_DISPOSED when its key was destroyed, RECORD_DAMAGED when no
 * place has it. */
RC media_get(struct media *m, const uint8_t id[32], const struct media_at *at, struct buf *ret);
/* Whether some place has it whole, without any key; the failures of media_get() otherwise.  For what a scrub
 * cannot see: an item that nothing in the segment speaks of any more. */
RC media_has(struct media *m, const uint8_t id[32], const struct media_at *at);
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
/* Looks at `frames` frames and their slots without any key, and mends each from the other place.  What cannot
 * be written is left damaged and does not stop it. The judge knows what was decided.  destroyed: whether that
 * item's key was destroyed by a decision; asked where a slot says so.  known (may be NULL): whether that item
 * lies there; asked where both places have a whole frame and they differ, which no fault of a disk does.
 * Where they alone do not tell who is right, the keys do. */
struct media_judge {
	struct rc (*destroyed)(void *arg, uint32_t segment, uint32_t slot, bool *ret);
	void *arg;
	struct rc (*known)(void *arg, const uint8_t id[32], const struct media_at *at, bool *ret);
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
		uint64_t damaged; /* copies found damaged since the start, but for the scrub */
		uint64_t missing; /* files that only the other place has: not filled yet */
	} place[MEDIA_PLACES];
};
void media_state(struct media *m, struct media_state *ret);

#endif
