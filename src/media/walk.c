/* One segment in both places, frame by frame. */
#include "base/mem.h"
#include "media/private.h"

#define SEEK_CHUNK (1u << 16)

RC walk_open(struct media *m, uint32_t segment, struct walk *ret)
{
	struct rc rc = OK;

	*ret = (struct walk){.m = m, .segment = segment, .data = {-1, -1}, .keys = {-1, -1}};
	for (size_t p = 0; p < MEDIA_PLACES && rc_ok(rc); p++) {
		rc = media_open_file(m, p, segment, "seg", false, &ret->data[p]);
		if (rc_ok(rc))
			rc = media_open_file(m, p, segment, "key", false, &ret->keys[p]);
		if (media_size(ret->data[p]) > ret->size)
			ret->size = media_size(ret->data[p]);
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

void copies_free(struct copies *c)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		buf_free(&c->bytes[p]);
}

/* A frame takes more room than a slot's number counts, so a number beyond that was never given. */
bool walk_one(int fd, uint32_t segment, uint64_t offset, struct buf *ret, struct media_frame *f)
{
	uint8_t head[FRAME_HEAD], *to;
	uint32_t length;

	buf_clear(ret);
	if (!media_read(fd, head, sizeof(head), offset) || !media_frame_head(head, segment, &length))
		return false;
	to = buf_room(ret, media_frame_size(length));
	if (to == NULL || !media_read(fd, to, media_frame_size(length), offset) ||
	    !media_frame_read(slice_of(to, media_frame_size(length)), segment, f) ||
	    f->slot > offset / FRAME_OVER)
		return false;
	ret->len += media_frame_size(length);
	return true;
}

RC walk_frame(struct walk *w, uint64_t offset, struct copies *ret, bool *found)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		ret->good[p] = walk_one(w->data[p], w->segment, offset, &ret->bytes[p], &ret->frame[p]);
		NEED(!ret->bytes[p].nomem, RC_NOMEM, "no memory for a frame");
	}
	*found = ret->good[0] || ret->good[1];
	ret->differ = ret->good[0] && ret->good[1] &&
	              !slice_equal(buf_slice(&ret->bytes[0]), buf_slice(&ret->bytes[1]));
	ret->from = ret->good[0] ? 0 : 1;
	return OK;
}

void walk_slots(const struct walk *w, uint32_t slot, struct slots *ret)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (!media_read(w->keys[p], ret->bytes[p], SLOT_LEN, (uint64_t)slot * SLOT_LEN))
			memset(ret->bytes[p], 0, SLOT_LEN);
		ret->state[p] = media_slot_read(ret->bytes[p], w->segment, slot);
	}
}

/* Where the four letters of a frame stand next in one place. */
static uint64_t next_magic(const struct walk *w, size_t place, uint64_t from)
{
	uint8_t chunk[SEEK_CHUNK + 3];
	uint64_t end = media_size(w->data[place]);

	while (from + FRAME_OVER <= end) {
		size_t n = end - from < sizeof(chunk) ? (size_t)(end - from) : sizeof(chunk);
		const uint8_t *hit =
		        media_read(w->data[place], chunk, n, from) ? memmem(chunk, n, "YDF1", 4) : NULL;

		if (hit != NULL)
			return from + (uint64_t)(hit - chunk);
		from += n - 3; /* also over what cannot be read */
	}
	return w->size;
}

RC walk_seek(struct walk *w, uint64_t offset, uint64_t *ret)
{
	AUTO_COPIES(c);
	uint64_t at = offset;
	bool found;

	for (;;) {
		uint64_t a = next_magic(w, 0, at + 1), b = next_magic(w, 1, at + 1);

		at = a < b ? a : b;
		*ret = at;
		if (at >= w->size)
			return OK;
		TRY(walk_frame(w, at, &c, &found));
		if (found)
			return OK;
	}
}

RC walk_was_durable(struct walk *w, uint64_t offset, bool *ret)
{
	AUTO_COPIES(c);
	uint64_t at = offset;

	*ret = false;
	while (at < w->size && !*ret) {
		bool found;

		TRY(walk_frame(w, at, &c, &found));
		if (!found) {
			TRY(walk_seek(w, at, &at));
			continue;
		}
		*ret = c.frame[c.from].durable > offset;
		at += c.bytes[c.from].len;
	}
	return OK;
}
