/* One segment in both places, frame by frame. */
#include "media/private.h"

#include "base/mem.h"

#include <sys/stat.h>

#define SEEK_CHUNK (1u << 16)

static uint64_t size_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

RC walk_open(struct media *m, uint32_t segment, struct walk *ret)
{
	struct rc rc = OK;

	*ret = (struct walk){.m = m, .segment = segment, .data = {-1, -1}, .keys = {-1, -1}};
	for (size_t p = 0; p < MEDIA_PLACES && rc_ok(rc); p++) {
		rc = media_open_file(m, p, segment, "seg", false, &ret->data[p]);
		if (rc_ok(rc))
			rc = media_open_file(m, p, segment, "key", false, &ret->keys[p]);
		if (size_of(ret->data[p]) > ret->size)
			ret->size = size_of(ret->data[p]);
	}
	if (!rc_ok(rc))
		walk_close(ret);
	return rc;
}

void walk_close(struct walk *w)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		media_close_fd(&w->data[p]);
		media_close_fd(&w->keys[p]);
	}
}

/* A whole frame of one place, added to ret. */
static bool read_one(struct walk *w, size_t place, uint64_t offset, struct buf *ret)
{
	uint8_t head[FRAME_HEAD], *to;
	struct media_frame f;
	uint32_t length;

	buf_clear(ret);
	if (!media_read(w->data[place], head, sizeof(head), offset) ||
	    !media_frame_head(head, w->segment, &length))
		return false;
	to = buf_room(ret, media_frame_size(length));
	if (to == NULL || !media_read(w->data[place], to, media_frame_size(length), offset) ||
	    !media_frame_read(slice_of(to, media_frame_size(length)), w->segment, &f))
		return false;
	ret->len += media_frame_size(length);
	return true;
}

RC walk_frame(struct walk *w, uint64_t offset, struct buf *ret, bool good[MEDIA_PLACES], bool *found)
{
	AUTO_BUF(other, MEDIA_ITEM_MAX + FRAME_OVER);

	good[0] = read_one(w, 0, offset, ret);
	good[1] = read_one(w, 1, offset, good[0] ? &other : ret);
	NEED(!ret->nomem && !other.nomem, RC_NOMEM, "no memory for a frame");
	*found = good[0] || good[1];
	/* two whole frames that differ: the first counts, since both were never written so */
	if (good[0] && good[1])
		good[1] = slice_equal(buf_slice(ret), buf_slice(&other));
	return OK;
}

/* Where the four letters of a frame stand next in one place. */
static uint64_t next_magic(const struct walk *w, size_t place, uint64_t from, uint64_t end)
{
	uint8_t chunk[SEEK_CHUNK + 3];

	while (from + FRAME_OVER <= end) {
		size_t n = end - from < sizeof(chunk) ? (size_t)(end - from) : sizeof(chunk);
		const uint8_t *hit;

		if (!media_read(w->data[place], chunk, n, from))
			return end;
		hit = memmem(chunk, n, "YDF1", 4);
		if (hit != NULL)
			return from + (uint64_t)(hit - chunk);
		from += n > 3 ? n - 3 : n;
	}
	return end;
}

RC walk_seek(struct walk *w, uint64_t offset, uint64_t *ret)
{
	AUTO_BUF(frame, MEDIA_ITEM_MAX + FRAME_OVER);
	uint64_t at = offset;
	bool good[MEDIA_PLACES], found;

	for (;;) {
		uint64_t a = next_magic(w, 0, at + 1, w->size), b = next_magic(w, 1, at + 1, w->size);

		at = a < b ? a : b;
		*ret = at;
		if (at >= w->size)
			return OK;
		TRY(walk_frame(w, at, &frame, good, &found));
		if (found)
			return OK;
	}
}
