#ifndef YD_MEDIA_PRIVATE_H
#define YD_MEDIA_PRIVATE_H
/* What the files of the module share. */
#include "media/frame.h"

#include <pthread.h>
#include <stdatomic.h>

struct place {
	char path[MEDIA_PATH];
	atomic_bool works; /* what was written there last was taken */
	int segment, keys; /* of the last segment, for writing; -1: not open */
};

struct media {
	struct place place[MEDIA_PLACES];
	struct media_keys keys;
	uint8_t id[16];
	pthread_mutex_t lock; /* appending */
	pthread_cond_t changed;
	uint32_t segment, slot; /* the last segment, the next slot in it */
	uint64_t end;           /* of the last segment */
	uint64_t written, synced,
	        failed;          /* tickets: of the last write, up to where they are durable, or lost */
	struct rc_text why;      /* of failed */
	bool syncing, roll;      /* roll: go on in a fresh segment */
	pthread_mutex_t mending; /* one scrub, one destruction at a time */
};

/* ---- files.c ---- */
RC media_failure(const struct media *m, size_t place, const char *what); /* from errno */
RC media_file(const struct media *m, size_t place, uint32_t segment, const char *kind,
              char ret[MEDIA_PATH + 32]);
/* *fd -1 when the file is not there and is not to be made. */
RC media_open_file(const struct media *m, size_t place, uint32_t segment, const char *kind, bool make,
                   int *fd);
RC media_write(const struct media *m, size_t place, int fd, struct slice bytes, uint64_t offset);
/* True when all n bytes were read. */
bool media_read(int fd, uint8_t *to, size_t n, uint64_t offset);
RC media_sync_folder(const struct media *m, size_t place);
/* Largest number of a segment in either place; 0: there is none. */
RC media_last_segment(const struct media *m, uint32_t *ret);
RC media_identify(struct media *m);
void media_close_fd(int *fd);

/* ---- walk.c ---- */
/* One segment in both places. */
struct walk {
	struct media *m;
	uint32_t segment;
	int data[MEDIA_PLACES], keys[MEDIA_PLACES]; /* -1: missing */
	uint64_t size;                              /* the longer one */
};
RC walk_open(struct media *m, uint32_t segment, struct walk *ret);
void walk_close(struct walk *w);
/* What stands at offset: good[p] says in which places it is whole; buf holds one good copy.  *found false: in
 * neither. */
RC walk_frame(struct walk *w, uint64_t offset, struct buf *ret, bool good[MEDIA_PLACES], bool *found);
/* The next offset after `offset` where a whole frame begins in some place; w->size when there is none. */
RC walk_seek(struct walk *w, uint64_t offset, uint64_t *ret);

#endif
