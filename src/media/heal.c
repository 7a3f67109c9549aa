/* What keeps two places alike. */
#include "base/mem.h"
#include "media/private.h"

#include <unistd.h>

#define NOBODY MEDIA_PLACES /* neither place is right, or nobody can tell now */

struct scrubbing {
	struct walk w;
	const struct media_judge *judge;
	struct media_report *report;
	bool wrote[MEDIA_PLACES];
};

/* A place that takes no writes stays damaged; the other items are looked at all the same. */
static void put_back(struct scrubbing *s, size_t p, const char *kind, struct slice bytes, uint64_t offset)
{
	int *fd = kind[0] == 's' ? &s->w.data[p] : &s->w.keys[p];
	struct rc rc = OK;

	s->report->damaged++;
	if (*fd < 0) {
		s->report->missing++;
		rc = media_open_file(s->w.m, p, s->w.segment, kind, true, fd);
	}
	if (rc_ok(rc))
		rc = media_write(s->w.m, p, *fd, bytes, offset);
	atomic_store(&s->w.m->place[p].works, rc_ok(rc));
	if (!rc_ok(rc))
		return;
	s->wrote[p] = true;
	s->report->repaired++;
}

/* ---- who is right ---- */

/* How many of the two live keys open the frame, and the last that does. */
static RC opens(struct scrubbing *s, const struct media_frame *f, const struct slots *k,
                bool ret[MEDIA_PLACES])
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		struct buf content = BUF_SECRET(MEDIA_ITEM_MAX);
		struct rc rc;

		ret[p] = false;
		if (k->state[p] != SLOT_LIVE)
			continue;
		rc = media_unseal(s->w.m, f, k->bytes[p], &content);
		buf_free(&content);
		ret[p] = rc_ok(rc);
		if (!rc_ok(rc) && rc_last()->err != ERR_RECORD_DAMAGED)
			return rc;
	}
	return OK;
}

/* Of two whole frames that differ: the one whose item the judge knows there, and that opens. */
static RC judge_frames(struct scrubbing *s, const struct copies *c, uint64_t offset, size_t *ret)
{
	bool right[MEDIA_PLACES];

	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		const struct media_frame *f = &c->frame[p];
		const struct media_at at = {s->w.segment, f->slot, offset, f->content};
		bool open[MEDIA_PLACES];
		struct slots k;

		right[p] = true;
		if (s->judge->known != NULL)
			TRY(s->judge->known(s->judge->arg, f->id, &at, &right[p]));
		if (!right[p])
			continue;
		walk_slots(&s->w, f->slot, &k);
		TRY(opens(s, f, &k, open));
		right[p] = open[0] || open[1];
	}
	*ret = right[0] == right[1] ? NOBODY : right[0] ? 0 : 1;
	return OK;
}

static RC was_destroyed(const struct scrubbing *s, uint32_t slot, bool *ret)
{
	return s->judge->destroyed(s->judge->arg, s->w.segment, slot, ret);
}

/* Of two slots that are not alike. */
static RC judge_slots(struct scrubbing *s, const struct media_frame *f, const struct slots *k, size_t *ret)
{
	bool gone = k->state[0] == SLOT_DESTROYED || k->state[1] == SLOT_DESTROYED, decided = false;
	bool open[MEDIA_PLACES];

	if (gone) {
		TRY(was_destroyed(s, f->slot, &decided));
		for (size_t p = 0; p < MEDIA_PLACES; p++)
			if (k->state[p] == (decided ? SLOT_DESTROYED : SLOT_LIVE))
				*ret = p;
		return OK;
	}
	if (k->state[0] == SLOT_LIVE && k->state[1] == SLOT_LIVE) {
		TRY(opens(s, f, k, open));
		*ret = open[0] == open[1] ? NOBODY : open[0] ? 0 : 1;
		return OK;
	}
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		if (k->state[p] == SLOT_LIVE)
			*ret = p;
	return OK;
}

/* ---- one frame, one slot ---- */

/* Neither place has it whole.  What no put has acknowledged (a torn end) is no loss.  f: what is known of it.
 */
static RC lose(struct scrubbing *s, uint64_t offset, const struct media_frame *f)
{
	bool was = false;

	TRY(walk_was_durable(&s->w, offset, &was));
	if (!was && f != NULL && s->judge->known != NULL)
		TRY(s->judge->known(s->judge->arg, f->id,
		                    &(struct media_at){s->w.segment, f->slot, offset, f->content}, &was));
	s->report->damaged += was ? 2 : 0;
	s->report->lost += was ? 1 : 0;
	return OK;
}

/* *from: the place of the right frame, or NOBODY. */
static RC mend_frame(struct scrubbing *s, uint64_t offset, const struct copies *c, size_t *from)
{
	*from = c->from;
	if (c->differ) {
		TRY(judge_frames(s, c, offset, from));
		if (*from == NOBODY)
			return lose(s, offset, NULL);
		put_back(s, 1 - *from, "seg", buf_slice(&c->bytes[*from]), offset);
		return OK;
	}
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		if (!c->good[p])
			put_back(s, p, "seg", buf_slice(&c->bytes[c->from]), offset);
	return OK;
}

static RC mend_slot(struct scrubbing *s, uint64_t offset, const struct media_frame *f)
{
	struct slots k;
	size_t from = NOBODY;
	bool decided = true;

	walk_slots(&s->w, f->slot, &k);
	if (k.state[0] != SLOT_DAMAGED && memcmp(k.bytes[0], k.bytes[1], SLOT_LEN) == 0) {
		if (k.state[0] == SLOT_DESTROYED)
			TRY(was_destroyed(s, f->slot, &decided));
		return decided ? OK : lose(s, offset, f);
	}
	TRY(judge_slots(s, f, &k, &from));
	if (from == NOBODY)
		return lose(s, offset, f);
	put_back(s, 1 - from, "key", SLICE_ARR(k.bytes[from]), (uint64_t)f->slot * SLOT_LEN);
	return OK;
}

/* One frame, or the damage up to the next whole one. */
static RC scrub_one(struct scrubbing *s, struct copies *c, uint64_t *offset)
{
	bool found;
	size_t from;

	TRY(walk_frame(&s->w, *offset, c, &found));
	if (!found) {
		TRY(lose(s, *offset, NULL));
		return walk_seek(&s->w, *offset, offset);
	}
	s->report->checked++;
	TRY(mend_frame(s, *offset, c, &from));
	if (from == NOBODY) { /* the shorter step leaves out nothing */
		*offset += c->bytes[0].len < c->bytes[1].len ? c->bytes[0].len : c->bytes[1].len;
		return OK;
	}
	TRY(mend_slot(s, *offset, &c->frame[from]));
	*offset += c->bytes[from].len;
	return OK;
}

/* ---- segments ---- */

/* What is being appended now is not looked at. */
static uint64_t durable_end(struct media *m, uint32_t segment, uint64_t size)
{
	uint64_t end = size;

	(void)pthread_mutex_lock(&m->lock);
	if (segment == m->segment && m->durable < end)
		end = m->durable;
	(void)pthread_mutex_unlock(&m->lock);
	return end;
}

static RC settle(struct scrubbing *s)
{
	struct rc rc = OK;

	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (!s->wrote[p])
			continue;
		if ((s->w.data[p] >= 0 && fdatasync(s->w.data[p]) != 0) ||
		    (s->w.keys[p] >= 0 && fdatasync(s->w.keys[p]) != 0)) {
			rc = media_failure(s->w.m, p, "sync");
			atomic_store(&s->w.m->place[p].works, false);
		}
	}
	return rc;
}

static RC scrub_segment(struct scrubbing *s, struct media_scrub *at, size_t *left)
{
	AUTO_COPIES(c);
	uint64_t end = durable_end(s->w.m, at->segment, s->w.size);
	struct rc rc = OK;

	for (; at->offset<end && * left> 0 && rc_ok(rc); --*left)
		rc = scrub_one(s, &c, &at->offset);
	TRY(rc);
	TRY(settle(s));
	if (at->offset >= end)
		*at = (struct media_scrub){at->segment + 1, 0};
	return OK;
}

static RC scrub_next(struct media *m, const struct media_judge *judge, struct media_scrub *at, size_t *left,
                     struct media_report *ret)
{
	struct scrubbing s = {.judge = judge, .report = ret};
	struct rc rc = OK;

	TRY(walk_open(m, at->segment, &s.w));
	if (s.w.data[0] < 0 && s.w.data[1] < 0) {
		ret->missing += 2;
		ret->lost++;
		*at = (struct media_scrub){at->segment + 1, 0};
	} else {
		rc = scrub_segment(&s, at, left);
	}
	walk_close(&s.w);
	return rc;
}

RC media_scrub(struct media *m, const struct media_judge *judge, struct media_scrub *at, size_t frames,
               struct media_report *ret)
{
	uint32_t last;
	struct rc rc = OK;

	*ret = (struct media_report){0};
	if (at->segment == 0)
		*at = (struct media_scrub){1, 0};
	(void)pthread_mutex_lock(&m->lock);
	last = m->segment;
	(void)pthread_mutex_unlock(&m->lock);
	(void)pthread_mutex_lock(&m->mending);
	while (rc_ok(rc) && frames > 0 && at->segment <= last)
		rc = scrub_next(m, judge, at, &frames, ret);
	(void)pthread_mutex_unlock(&m->mending);
	ret->end = rc_ok(rc) && at->segment > last;
	if (ret->end)
		*at = (struct media_scrub){0};
	return rc;
}

/* ---- all there is ---- */

static RC each_of(struct walk *w,
                  struct rc (*each)(void *arg, const uint8_t id[32], const struct media_at *at), void *arg)
{
	AUTO_COPIES(c);
	uint64_t at = 0, end = durable_end(w->m, w->segment, w->size);

	while (at < end) {
		size_t step = 0;
		bool found;

		TRY(walk_frame(w, at, &c, &found));
		if (!found) {
			TRY(walk_seek(w, at, &at));
			continue;
		}
		for (size_t p = 0; p < MEDIA_PLACES; p++) {
			const struct media_frame *f = &c.frame[p];

			if (!c.good[p] || (p != c.from && !c.differ))
				continue;
			TRY(each(arg, f->id, &(struct media_at){w->segment, f->slot, at, f->content}));
			if (step == 0 || c.bytes[p].len < step)
				step = c.bytes[p].len;
		}
		at += step;
	}
	return OK;
}

RC media_each(struct media *m, struct rc (*each)(void *arg, const uint8_t id[32], const struct media_at *at),
              void *arg)
{
	uint32_t last;

	(void)pthread_mutex_lock(&m->lock);
	last = m->segment;
	(void)pthread_mutex_unlock(&m->lock);
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
