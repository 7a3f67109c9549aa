#ifndef YD_MEDIA_PRIVATE_H
#define YD_MEDIA_PRIVATE_H
/* What the files of the module share. */
#include "media/frame.h"

#include <pthread.h>
#include <stdatomic.h>

#define MEDIA_FILE (MEDIA_PATH + 32)

struct place {
	char path[MEDIA_PATH];
	atomic_bool works;            /* what was written there last was taken */
	atomic_uint_fast64_t damaged; /* copies found damaged since the start */
	int segment, keys;            /* of the last segment, for writing; -1: not open */
	int identity;                 /* locked while this process uses the place */
};

struct media_waiter; /* put.c */
struct media {
	struct place place[MEDIA_PLACES];
	struct media_keys keys;
	uint8_t id[16];
	pthread_mutex_t lock; /* appending */
	pthread_cond_t changed;
	uint32_t segment, slot; /* the last segment, the next slot in it */
	uint64_t end, durable;  /* of the last segment: what is written, what is synced in both places */
	struct media_waiter *waiting; /* for their items to become durable */
	bool syncing, roll;           /* roll: go on in a fresh segment */
	pthread_mutex_t mending;      /* one scrub, one destruction at a time */
};

/* ---- files.c ---- */
RC media_failure(const struct media *m, size_t place, const char *what); /* from errno */
/* *fd is -1 when the file is not there and is not to be made.  The name of a file made is durable. */
RC media_open_file(const struct media *m, size_t place, uint32_t segment, const char *kind, bool make,
                   int *fd);
RC media_write(const struct media *m, size_t place, int fd, struct slice bytes, uint64_t offset);
/* True when all n bytes were read. */
bool media_read(int fd, uint8_t *to, size_t n, uint64_t offset);
uint64_t media_size(int fd);
/* Largest number of a segment in that place, if larger than *ret. */
RC media_last_in(const struct media *m, size_t place, uint32_t *ret);
void media_close_fd(int *fd);

/* ---- identity.c ---- */
RC media_identify(struct media *m);

/* ---- put.c ---- */
/* Opens a segment to append to in both places, or leaves everything as it is. */
RC media_use_segment(struct media *m, uint32_t segment);
RC media_sync_place(struct media *m, size_t place);

/* ---- get.c ---- */
/* Opens a whole frame with the key of a slot.  RECORD_DAMAGED: they do not belong together. */
RC media_unseal(struct media *m, const struct media_frame *f, const uint8_t slot[SLOT_LEN], struct buf *ret);

/* ---- walk.c ---- */
/* One segment in both places. */
struct walk {
	struct media *m;
	uint32_t segment;
	int data[MEDIA_PLACES], keys[MEDIA_PLACES]; /* -1: missing */
	uint64_t size;                              /* the longer one */
};
/* The whole frame at offset of one file, if there is one. */
bool walk_one(int fd, uint32_t segment, uint64_t offset, struct buf *ret, struct media_frame *f);
/* What stands at one offset. */
struct copies {
	struct buf bytes[MEDIA_PLACES];
	struct media_frame frame[MEDIA_PLACES];
	bool good[MEDIA_PLACES]; /* whole */
	bool differ;             /* both are whole, and not alike: somebody made one of them */
	size_t from;             /* a whole one */
};
#define COPIES()                                                                                             \
	{                                                                                                    \
		.bytes = { BUF(MEDIA_ITEM_MAX + FRAME_OVER), BUF(MEDIA_ITEM_MAX + FRAME_OVER) }              \
	}
void copies_free(struct copies *c);
#define AUTO_COPIES(name) __attribute__((cleanup(copies_free))) struct copies name = COPIES()
struct slots {
	uint8_t bytes[MEDIA_PLACES][SLOT_LEN];
	enum slot_state state[MEDIA_PLACES];
};
RC walk_open(struct media *m, uint32_t segment, struct walk *ret);
void walk_close(struct walk *w);
/* *found false: a whole frame is in neither place. */
RC walk_frame(struct walk *w, uint64_t offset, struct copies *ret, bool *found);
void walk_slots(const struct walk *w, uint32_t slot, struct slots *ret);
/* The next offset after `offset` where a whole frame begins in some place; w->size when there is none. */
RC walk_seek(struct walk *w, uint64_t offset, uint64_t *ret);
/* Whether a later frame tells that the bytes at offset had been durable; else no put has acknowledged them.
 */
RC walk_was_durable(struct walk *w, uint64_t offset, bool *ret);

#endif
