#include "media/private.h"

#include "base/mem.h"
#include "base/rand.h"
#include "sm/sm3.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- opening ---- */

/* What one place lacks of a frame that the other has whole. */
static RC complete(struct walk *w, uint64_t offset, struct slice frame, const bool good[MEDIA_PLACES])
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (good[p])
			continue;
		if (w->data[p] < 0)
			TRY(media_open_file(w->m, p, w->segment, "seg", true, &w->data[p]));
		TRY(media_write(w->m, p, w->data[p], frame, offset));
	}
	return OK;
}

static RC complete_slot(struct walk *w, uint32_t slot)
{
	uint8_t s[MEDIA_PLACES][SLOT_LEN];
	enum slot_state state[MEDIA_PLACES];

	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		state[p] = media_read(w->keys[p], s[p], SLOT_LEN, (uint64_t)slot * SLOT_LEN)
		                   ? media_slot_read(s[p], w->segment, slot)
		                   : SLOT_DAMAGED;
	}
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (state[p] != SLOT_DAMAGED || state[1 - p] == SLOT_DAMAGED)
			continue;
		if (w->keys[p] < 0)
			TRY(media_open_file(w->m, p, w->segment, "key", true, &w->keys[p]));
		TRY(media_write(w->m, p, w->keys[p], SLICE_ARR(s[1 - p]), (uint64_t)slot * SLOT_LEN));
	}
	return OK;
}

/* The last segment to its end: frames that stand behind damage are still frames; only what nothing whole
 * follows is a torn end. */
static RC find_end(struct media *m, struct walk *w)
{
	AUTO_BUF(bytes, MEDIA_ITEM_MAX + FRAME_OVER);
	uint64_t at = 0;

	while (at < w->size) {
		bool good[MEDIA_PLACES], found;
		struct media_frame f;

		TRY(walk_frame(w, at, &bytes, good, &found));
		if (!found) {
			TRY(walk_seek(w, at, &at));
			continue;
		}
		(void)media_frame_read(buf_slice(&bytes), w->segment, &f);
		TRY(complete(w, at, buf_slice(&bytes), good));
		TRY(complete_slot(w, f.slot));
		at += bytes.len;
		m->end = at;
		if (f.slot >= m->slot)
			m->slot = f.slot + 1;
	}
	return OK;
}

static RC sync_place(struct media *m, size_t p)
{
	if (m->place[p].segment >= 0 &&
	    (fdatasync(m->place[p].segment) != 0 || fdatasync(m->place[p].keys) != 0))
		return media_failure(m, p, "sync");
	return OK;
}

/* A segment to append to, in both places. */
static RC use_segment(struct media *m, uint32_t segment)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		int data = -1, keys = -1;
		struct rc rc = media_open_file(m, p, segment, "seg", true, &data);

		if (rc_ok(rc))
			rc = media_open_file(m, p, segment, "key", true, &keys);
		if (rc_ok(rc))
			rc = media_sync_folder(m, p);
		if (!rc_ok(rc)) {
			media_close_fd(&data);
			media_close_fd(&keys);
			m->place[p].works = false;
			return rc;
		}
		media_close_fd(&m->place[p].segment);
		media_close_fd(&m->place[p].keys);
		m->place[p].segment = data;
		m->place[p].keys = keys;
	}
	m->segment = segment;
	return OK;
}

static RC open_last(struct media *m)
{
	struct walk w;
	struct rc rc;

	TRY(media_last_segment(m, &m->segment));
	if (m->segment == 0)
		return use_segment(m, 1);
	TRY(walk_open(m, m->segment, &w));
	rc = find_end(m, &w);
	walk_close(&w);
	TRY(rc);
	TRY(use_segment(m, m->segment));
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (ftruncate(m->place[p].segment, (off_t)m->end) != 0)
			return media_failure(m, p, "cut a torn end");
		TRY(sync_place(m, p));
	}
	return OK;
}

RC media_open(const char *const places[MEDIA_PLACES], const struct media_keys *keys, struct media **ret)
{
	AUTO(media, m, mem_new(1, sizeof(*m)));

	NEED(m != NULL, RC_NOMEM, "no memory");
	m->keys = *keys;
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)pthread_mutex_init(&m->mending, NULL);
	(void)pthread_cond_init(&m->changed, NULL);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		m->place[p].segment = m->place[p].keys = -1;
		m->place[p].works = true;
		NEED(strlen(places[p]) < MEDIA_PATH, RC_INPUT, "the name of a place is too long");
		(void)snprintf(m->place[p].path, MEDIA_PATH, "%s", places[p]);
	}
	TRY(media_identify(m));
	TRY(open_last(m));
	*ret = MOVE(m);
	return OK;
}

void media_close(struct media *m)
{
	if (m == NULL)
		return;
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		media_close_fd(&m->place[p].segment);
		media_close_fd(&m->place[p].keys);
	}
	(void)pthread_cond_destroy(&m->changed);
	(void)pthread_mutex_destroy(&m->mending);
	(void)pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

/* ---- putting ---- */

struct putting {
	struct buf frames, slots;
	uint8_t (*keys)[16], (*wrapped)[MEDIA_WRAPPED];
};

static void putting_free(struct putting *u)
{
	if (u == NULL)
		return;
	buf_free(&u->frames);
	buf_free(&u->slots);
	mem_free(u->keys);
	mem_free(u->wrapped);
	mem_free(u);
}
DROP(putting, putting_free);

/* Before anybody is kept waiting: keys, sealing. */
static RC seal(struct media *m, const struct slice *contents, size_t n, struct putting *u)
{
	struct rc rc;

	u->frames.max = SIZE_MAX / 2;
	u->slots.max = MEDIA_BATCH * SLOT_LEN;
	u->keys = mem_new(n, 16);
	u->wrapped = mem_new(n, MEDIA_WRAPPED);
	NEED(u->keys != NULL && u->wrapped != NULL, RC_NOMEM, "no memory");
	TRY(rand_bytes(u->keys, n * 16));
	rc = m->keys.wrap(m->keys.arg, (const uint8_t(*)[16])u->keys, n, u->wrapped);
	for (size_t i = 0; i < n && rc_ok(rc); i++) {
		size_t size = media_frame_size((uint32_t)contents[i].len);
		uint8_t *to = buf_room(&u->frames, size);

		if (to == NULL)
			rc = rc_fail(RC_NOMEM, "no memory for %zu items", n);
		else
			rc = media_frame_seal(u->keys[i], contents[i], to);
		u->frames.len += rc_ok(rc) ? size : 0;
	}
	wipe(u->keys, n * 16);
	return rc;
}

/* Under the lock: places and slots for all of them. */
static RC arrange(struct media *m, const struct slice *contents, size_t n, struct putting *u,
                  uint8_t (*ids)[32], struct media_at *at)
{
	uint8_t *frame = u->frames.p;

	if (m->roll || m->end + u->frames.len > MEDIA_SEGMENT) {
		/* an empty segment takes an item of any size */
		if (m->end > 0 || m->roll) {
			TRY(use_segment(m, m->segment + 1));
			m->end = m->slot = 0;
			m->roll = false;
		}
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t *slot = buf_room(&u->slots, SLOT_LEN);

		NEED(slot != NULL, RC_NOMEM, "no memory");
		at[i] = (struct media_at){m->segment, m->slot + (uint32_t)i,
		                          m->end + (uint64_t)(frame - u->frames.p),
		                          (uint32_t)contents[i].len};
		media_frame_place(frame, at[i].segment, at[i].slot);
		media_slot_write(slot, at[i].segment, at[i].slot, u->wrapped[i]);
		u->slots.len += SLOT_LEN;
		memcpy(ids[i], frame + 16, 32);
		frame += media_frame_size(at[i].length);
	}
	return OK;
}

static RC append(struct media *m, const struct putting *u)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		struct place *to = &m->place[p];
		struct rc rc = media_write(m, p, to->segment, buf_slice(&u->frames), m->end);

		if (rc_ok(rc))
			rc = media_write(m, p, to->keys, buf_slice(&u->slots), (uint64_t)m->slot * SLOT_LEN);
		to->works = rc_ok(rc);
		if (!rc_ok(rc))
			return rc; /* what was written is written over by the next */
	}
	return OK;
}

struct syncing {
	struct media *m;
	struct rc_text why;
};

static void *sync_second(void *arg)
{
	struct syncing *s = arg;

	s->why = (struct rc_text){.code = RC_OK};
	if (!rc_ok(sync_place(s->m, 1)))
		s->why = *rc_last();
	return NULL;
}

/* Both places at once; the lock is not held. */
static RC sync_both(struct media *m)
{
	struct syncing second = {.m = m};
	pthread_t thread;
	struct rc rc;

	if (pthread_create(&thread, NULL, sync_second, &second) != 0) {
		sync_second(&second);
		rc = sync_place(m, 0);
	} else {
		rc = sync_place(m, 0);
		pthread_join(thread, NULL);
	}
	m->place[0].works = rc_ok(rc);
	m->place[1].works = second.why.code == RC_OK;
	TRY(rc);
	return second.why.code == RC_OK ? OK : rc_restore(&second.why);
}

/* With the lock: until the ticket is durable.  One of the waiters syncs for all. */
static RC settle(struct media *m, uint64_t ticket)
{
	while (m->synced < ticket && m->failed < ticket) {
		if (m->syncing) {
			pthread_cond_wait(&m->changed, &m->lock);
			continue;
		}
		uint64_t upto = m->written;
		struct rc rc;

		m->syncing = true;
		pthread_mutex_unlock(&m->lock);
		rc = sync_both(m);
		pthread_mutex_lock(&m->lock);
		m->syncing = false;
		if (rc_ok(rc)) {
			m->synced = upto;
		} else {
			/* what a failed sync left on the disk is not known: nothing is built upon it */
			m->why = *rc_last();
			m->failed = m->written;
			m->roll = true;
		}
		pthread_cond_broadcast(&m->changed);
	}
	return m->synced >= ticket ? OK : rc_restore(&m->why);
}

static RC put_locked(struct media *m, const struct slice *contents, size_t n, struct putting *u,
                     uint8_t (*ids)[32], struct media_at *at)
{
	/* a segment is not left while something in it waits to be durable */
	while ((m->roll || m->end + u->frames.len > MEDIA_SEGMENT) &&
	       (m->syncing || (m->written > m->synced && m->written > m->failed))) {
		if (m->syncing)
			pthread_cond_wait(&m->changed, &m->lock);
		else
			(void)rc_ok(settle(m, m->written));
	}
	TRY(arrange(m, contents, n, u, ids, at));
	TRY(append(m, u));
	m->end += u->frames.len;
	m->slot += (uint32_t)n;
	return settle(m, ++m->written);
}

RC media_put(struct media *m, const struct slice *contents, size_t n, uint8_t (*ids)[32], struct media_at *at)
{
	AUTO(putting, u, mem_new(1, sizeof(*u)));
	struct rc rc;

	if (n == 0)
		return OK;
	NEED(u != NULL, RC_NOMEM, "no memory");
	NEED(n <= MEDIA_BATCH, RC_BUG, "more than %d items at once", MEDIA_BATCH);
	for (size_t i = 0; i < n; i++)
		NEED(contents[i].len > 0 && contents[i].len <= MEDIA_ITEM_MAX, RC_INPUT,
		     "an item is empty or too large");
	TRY(seal(m, contents, n, u));
	pthread_mutex_lock(&m->lock);
	rc = put_locked(m, contents, n, u, ids, at);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

/* ---- getting ---- */

/* The key may come from one place and the frame from the other. */
static RC find_slot(struct walk *w, const struct media_at *at, size_t p, uint8_t slot[SLOT_LEN])
{
	enum slot_state state = media_read(w->keys[p], slot, SLOT_LEN, (uint64_t)at->slot * SLOT_LEN)
	                                ? media_slot_read(slot, at->segment, at->slot)
	                                : SLOT_DAMAGED;

	REQUIRE(state != SLOT_DESTROYED, RECORD_DISPOSED, "its key was destroyed");
	REQUIRE(state == SLOT_LIVE, RECORD_DAMAGED, "%s: a key is damaged", w->m->place[p].path);
	return OK;
}

static RC find_frame(struct walk *w, const uint8_t id[32], const struct media_at *at, size_t p,
                     struct buf *bytes, struct media_frame *ret)
{
	uint8_t *to;

	buf_clear(bytes);
	to = buf_room(bytes, media_frame_size(at->length));
	NEED(to != NULL, RC_NOMEM, "no memory for an item");
	REQUIRE(media_read(w->data[p], to, media_frame_size(at->length), at->offset) &&
	                media_frame_read(slice_of(to, media_frame_size(at->length)), at->segment, ret) &&
	                ret->slot == at->slot && memcmp(ret->id, id, 32) == 0,
	        RECORD_DAMAGED, "%s: an item is damaged", w->m->place[p].path);
	return OK;
}

static RC open_with(struct walk *w, const struct media_frame *f, const uint8_t slot[SLOT_LEN],
                    struct buf *ret)
{
	uint8_t wrapped[1][MEDIA_WRAPPED], key[1][16];
	struct rc rc;

	memcpy(wrapped[0], slot + SLOT_KEY, MEDIA_WRAPPED);
	TRY(w->m->keys.unwrap(w->m->keys.arg, (const uint8_t(*)[MEDIA_WRAPPED])wrapped, 1, key));
	rc = media_frame_open(f, key[0], ret);
	wipe(key, sizeof(key));
	return rc;
}

/* A failure that another copy may not have. */
static bool elsewhere(struct rc rc)
{
	enum err err = rc_last()->err;

	return !rc_ok(rc) &&
	       (err == ERR_RECORD_DAMAGED || err == ERR_RECORD_DISPOSED || err == ERR_SIGNER_CONTENT);
}

static RC open_item(struct walk *w, const uint8_t id[32], const struct media_at *at, struct buf *ret)
{
	AUTO_BUF(bytes, MEDIA_ITEM_MAX + FRAME_OVER);
	uint8_t slot[SLOT_LEN];
	struct rc rc = OK;

	for (size_t n = 0; n < MEDIA_PLACES * MEDIA_PLACES; n++) {
		struct media_frame f;

		rc = find_slot(w, at, n / MEDIA_PLACES, slot);
		if (rc_ok(rc))
			rc = find_frame(w, id, at, n % MEDIA_PLACES, &bytes, &f);
		if (rc_ok(rc))
			rc = open_with(w, &f, slot, ret);
		if (!elsewhere(rc))
			break;
	}
	return rc;
}

RC media_get(struct media *m, const uint8_t id[32], const struct media_at *at, struct buf *ret)
{
	struct walk w;
	struct rc rc;

	NEED(at->length > 0 && at->length <= MEDIA_ITEM_MAX, RC_INPUT, "there is no such item");
	TRY(walk_open(m, at->segment, &w));
	rc = open_item(&w, id, at, ret);
	walk_close(&w);
	return rc;
}

void media_state(struct media *m, struct media_state *ret)
{
	pthread_mutex_lock(&m->lock);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		struct statvfs fs;

		ret->place[p].path = m->place[p].path;
		ret->place[p].works = m->place[p].works;
		ret->place[p].bytes = (uint64_t)(m->segment - 1) * MEDIA_SEGMENT + m->end;
		ret->place[p].free =
		        statvfs(m->place[p].path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
	}
	pthread_mutex_unlock(&m->lock);
}
