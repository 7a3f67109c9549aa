/* Destruction, and what keeps two places alike. */
#include "base/mem.h"
#include "media/private.h"

#include <unistd.h>

/* ---- destruction ---- */

static RC destroy_one(struct media *m, size_t p, const struct media_at *at, int *fd, uint32_t *open)
{
	uint8_t slot[SLOT_LEN];

	if (*fd >= 0 && *open != at->segment) {
		if (fdatasync(*fd) != 0)
			return media_failure(m, p, "sync");
		media_close_fd(fd);
	}
	if (*fd < 0)
		TRY(media_open_file(m, p, at->segment, "key", true, fd));
	*open = at->segment;
	media_slot_write(slot, at->segment, at->slot, NULL);
	return media_write(m, p, *fd, SLICE_ARR(slot), (uint64_t)at->slot * SLOT_LEN);
}

static RC destroy_in(struct media *m, size_t p, const struct media_at *at, size_t n)
{
	uint32_t open = 0;
	int fd = -1;
	struct rc rc = OK;

	for (size_t i = 0; i < n && rc_ok(rc); i++)
		rc = destroy_one(m, p, &at[i], &fd, &open);
	if (rc_ok(rc) && fd >= 0 && fdatasync(fd) != 0)
		rc = media_failure(m, p, "sync");
	media_close_fd(&fd);
	return rc;
}

RC media_destroy(struct media *m, const struct media_at *at, size_t n)
{
	struct rc rc = OK;

	pthread_mutex_lock(&m->mending);
	for (size_t p = 0; p < MEDIA_PLACES && rc_ok(rc); p++)
		rc = destroy_in(m, p, at, n);
	pthread_mutex_unlock(&m->mending);
	return rc;
}

/* ---- scrub ---- */

struct scrubbing {
	struct walk w;
	const struct media_judge *judge;
	struct media_report *report;
};

static RC mend_frame(struct scrubbing *s, uint64_t offset, struct slice frame, const bool good[MEDIA_PLACES])
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (good[p])
			continue;
		if (s->w.data[p] < 0) {
			s->report->missing++;
			TRY(media_open_file(s->w.m, p, s->w.segment, "seg", true, &s->w.data[p]));
		}
		s->report->damaged++;
		TRY(media_write(s->w.m, p, s->w.data[p], frame, offset));
		s->report->repaired++;
	}
	return OK;
}

static RC mend_slot(struct scrubbing *s, uint32_t slot)
{
	uint8_t bytes[MEDIA_PLACES][SLOT_LEN];
	enum slot_state state[MEDIA_PLACES];
	size_t from = 0;

	for (size_t p = 0; p < MEDIA_PLACES; p++)
		state[p] = media_read(s->w.keys[p], bytes[p], SLOT_LEN, (uint64_t)slot * SLOT_LEN)
		                   ? media_slot_read(bytes[p], s->w.segment, slot)
		                   : SLOT_DAMAGED;
	if (state[0] == state[1]) {
		if (state[0] == SLOT_DAMAGED) {
			s->report->damaged += 2;
			s->report->lost++;
		}
		return OK;
	}
	if (state[0] == SLOT_DAMAGED || state[1] == SLOT_DAMAGED)
		from = state[0] == SLOT_DAMAGED ? 1 : 0;
	else /* one says destroyed, the other not: whoever decided on it knows */
		from = s->judge->destroyed(s->judge->arg, s->w.segment, slot) == (state[0] == SLOT_DESTROYED)
		               ? 0
		               : 1;
	s->report->damaged++;
	if (s->w.keys[1 - from] < 0)
		TRY(media_open_file(s->w.m, 1 - from, s->w.segment, "key", true, &s->w.keys[1 - from]));
	TRY(media_write(s->w.m, 1 - from, s->w.keys[1 - from], SLICE_ARR(bytes[from]),
	                (uint64_t)slot * SLOT_LEN));
	s->report->repaired++;
	return OK;
}

/* One frame, or the damage up to the next whole one. */
static RC scrub_one(struct scrubbing *s, struct buf *bytes, uint64_t *offset)
{
	bool good[MEDIA_PLACES], found;
	struct media_frame f;

	TRY(walk_frame(&s->w, *offset, bytes, good, &found));
	if (!found) {
		s->report->damaged += 2;
		s->report->lost++;
		return walk_seek(&s->w, *offset, offset);
	}
	(void)media_frame_read(buf_slice(bytes), s->w.segment, &f);
	s->report->checked++;
	TRY(mend_frame(s, *offset, buf_slice(bytes), good));
	TRY(mend_slot(s, f.slot));
	*offset += bytes->len;
	return OK;
}

/* What is being appended now is not looked at. */
static uint64_t settled_end(struct media *m, uint32_t segment, uint64_t size)
{
	uint64_t end = size;

	pthread_mutex_lock(&m->lock);
	if (segment == m->segment && m->end < end)
		end = m->end;
	if (segment == m->segment && (m->syncing || m->written > m->synced))
		end = 0;
	pthread_mutex_unlock(&m->lock);
	return end;
}

static RC scrub_segment(struct scrubbing *s, struct media_scrub *at, size_t *left)
{
	AUTO_BUF(bytes, MEDIA_ITEM_MAX + FRAME_OVER);
	uint64_t end = settled_end(s->w.m, at->segment, s->w.size), before = s->report->repaired;

	while (at->offset<end && * left> 0) {
		TRY(scrub_one(s, &bytes, &at->offset));
		--*left;
	}
	if (s->report->repaired > before)
		for (size_t p = 0; p < MEDIA_PLACES; p++)
			if ((s->w.data[p] >= 0 && fdatasync(s->w.data[p]) != 0) ||
			    (s->w.keys[p] >= 0 && fdatasync(s->w.keys[p]) != 0))
				return media_failure(s->w.m, p, "sync");
	if (*left > 0)
		*at = (struct media_scrub){at->segment + 1, 0};
	return OK;
}

RC media_scrub(struct media *m, const struct media_judge *judge, struct media_scrub *at, size_t frames,
               struct media_report *ret)
{
	struct scrubbing s = {.judge = judge, .report = ret};
	uint32_t last;
	struct rc rc = OK;

	*ret = (struct media_report){0};
	if (at->segment == 0)
		*at = (struct media_scrub){1, 0};
	pthread_mutex_lock(&m->lock);
	last = m->segment;
	pthread_mutex_unlock(&m->lock);
	pthread_mutex_lock(&m->mending);
	while (rc_ok(rc) && frames > 0 && at->segment <= last) {
		rc = walk_open(m, at->segment, &s.w);
		if (!rc_ok(rc))
			break;
		if (s.w.data[0] < 0 &&
		    s.w.data[1] < 0) { /* a number that was never used, or all of it is gone */
			ret->missing += 2;
			ret->lost++;
			*at = (struct media_scrub){at->segment + 1, 0};
		} else {
			rc = scrub_segment(&s, at, &frames);
		}
		walk_close(&s.w);
	}
	pthread_mutex_unlock(&m->mending);
	ret->end = rc_ok(rc) && at->segment > last;
	if (ret->end)
		*at = (struct media_scrub){0};
	return rc;
}

/* ---- all there is ---- */

static RC each_of(struct walk *w,
                  struct rc (*each)(void *arg, const uint8_t id[32], const struct media_at *at), void *arg)
{
	AUTO_BUF(bytes, MEDIA_ITEM_MAX + FRAME_OVER);
	uint64_t at = 0, end = settled_end(w->m, w->segment, w->size);

	while (at < end) {
		bool good[MEDIA_PLACES], found;
		struct media_frame f;

		TRY(walk_frame(w, at, &bytes, good, &found));
		if (!found) {
			TRY(walk_seek(w, at, &at));
			continue;
		}
		(void)media_frame_read(buf_slice(&bytes), w->segment, &f);
		TRY(each(arg, f.id, &(struct media_at){w->segment, f.slot, at, f.length}));
		at += bytes.len;
	}
	return OK;
}

RC media_each(struct media *m, struct rc (*each)(void *arg, const uint8_t id[32], const struct media_at *at),
              void *arg)
{
	uint32_t last;

	TRY(media_last_segment(m, &last));
	for (uint32_t n = 1; n <= last; n++) {
		struct walk w;
		struct rc rc;

		TRY(walk_open(m, n, &w));
		rc = each_of(&w, each, arg);
		walk_close(&w);
		TRY(rc);
	}
	return OK;
}
