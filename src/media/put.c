/* Appending.  Sealing is each caller's own; the order in the segment and the wait for the disks are shared.
 */
#include "base/mem.h"
#include "base/rand.h"
#include "media/pack.h"
#include "media/private.h"
#include "sm/sm3.h"

#include <stdio.h>
#include <unistd.h>

struct media_waiter {
	struct media_waiter *next;
	bool done;
	struct rc_text result; /* travels to the thread that waits */
};

struct putting {
	const struct slice *contents;
	size_t n;
	const uint8_t (*ids)[32];
	struct media_at *at;
	struct buf frames, slots, packed;
	struct libdeflate_compressor *packer;
	uint8_t (*keys)[16], (*wrapped)[MEDIA_WRAPPED];
};

static void putting_free(struct putting *u)
{
	buf_free(&u->frames);
	buf_free(&u->slots);
	buf_free(&u->packed);
	media_packer_free(u->packer);
	mem_free(u->keys);
	mem_free(u->wrapped);
}

/* ---- segments ---- */

RC media_sync_place(struct media *m, size_t p)
{
	if (m->place[p].segment >= 0 &&
	    (fdatasync(m->place[p].segment) != 0 || fdatasync(m->place[p].keys) != 0))
		return media_failure(m, p, "sync");
	return OK;
}

RC media_use_segment(struct media *m, uint32_t segment)
{
	int data[MEDIA_PLACES] = {-1, -1}, keys[MEDIA_PLACES] = {-1, -1};
	struct rc rc = OK;

	for (size_t p = 0; p < MEDIA_PLACES && rc_ok(rc); p++) {
		rc = media_open_file(m, p, segment, "seg", true, &data[p]);
		if (rc_ok(rc))
			rc = media_open_file(m, p, segment, "key", true, &keys[p]);
		atomic_store(&m->place[p].works, rc_ok(rc));
	}
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (rc_ok(rc)) {
			media_close_fd(&m->place[p].segment);
			media_close_fd(&m->place[p].keys);
			m->place[p].segment = data[p];
			m->place[p].keys = keys[p];
		} else {
			media_close_fd(&data[p]);
			media_close_fd(&keys[p]);
		}
	}
	if (rc_ok(rc))
		m->segment = segment;
	return rc;
}

/* ---- before anybody is kept waiting: keys, sealing ---- */

static RC seal_one(struct putting *u, size_t i)
{
	struct slice content = u->contents[i], packed;

	TRY(media_pack(u->packer, content, &u->packed));
	packed = u->packed.len > 0 ? buf_slice(&u->packed) : content;
	TRY(media_frame_seal(u->keys[i], u->ids[i], content.len, packed, u->frames.p + u->frames.len));
	u->frames.len += media_frame_size((uint32_t)packed.len);
	return OK;
}

static RC seal_all(struct media *m, struct putting *u)
{
	size_t total = 0;

	for (size_t i = 0; i < u->n; i++)
		total += media_frame_size((uint32_t)u->contents[i].len);
	u->frames.max = total;
	NEED(buf_room(&u->frames, total) != NULL, RC_NOMEM, "no memory for %zu items", u->n);
	TRY(rand_bytes(u->keys, u->n * 16));
	TRY(m->keys.wrap(m->keys.arg, (const uint8_t(*)[16])u->keys, u->n, u->wrapped));
	for (size_t i = 0; i < u->n; i++)
		TRY(seal_one(u, i));
	return OK;
}

static RC seal(struct media *m, struct putting *u)
{
	struct rc rc;

	u->slots.max = MEDIA_BATCH * SLOT_LEN;
	u->packed = BUF_SECRET(MEDIA_PACK_MOST);
	u->packer = media_packer_new();
	u->keys = mem_new(u->n, 16);
	u->wrapped = mem_new(u->n, MEDIA_WRAPPED);
	NEED(u->packer != NULL && u->keys != NULL && u->wrapped != NULL &&
	             buf_room(&u->slots, u->n * SLOT_LEN) != NULL,
	     RC_NOMEM, "no memory for %zu items", u->n);
	rc = seal_all(m, u);
	wipe(u->keys, u->n * 16);
	return rc;
}

/* ---- with the lock ---- */

/* Places and slots for all of them. */
static void arrange(struct media *m, struct putting *u)
{
	uint8_t *frame = u->frames.p;

	for (size_t i = 0; i < u->n; i++) {
		struct media_at at = {m->segment, m->slot + (uint32_t)i,
		                      m->end + (uint64_t)(frame - u->frames.p), (uint32_t)u->contents[i].len};

		media_frame_place(frame, at.segment, at.slot, m->durable);
		media_slot_write(u->slots.p + u->slots.len, at.segment, at.slot, u->wrapped[i]);
		u->slots.len += SLOT_LEN;
		u->at[i] = at;
		frame += media_frame_whole(frame);
	}
}

static RC write_both(struct media *m, const struct putting *u)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		const struct place *to = &m->place[p];
		struct rc rc =
		        media_write(m, p, to->keys, buf_slice(&u->slots), (uint64_t)m->slot * SLOT_LEN);

		if (rc_ok(rc))
			rc = media_write(m, p, to->segment, buf_slice(&u->frames), m->end);
		atomic_store(&m->place[p].works, rc_ok(rc));
		TRY(rc);
	}
	return OK;
}

static bool cut(int fd, uint64_t end)
{
	return media_size(fd) <= end || ftruncate(fd, (off_t)end) == 0;
}

/* What a failed write has left must not stand behind later items: it would look like damage. */
static RC append(struct media *m, const struct putting *u)
{
	struct rc rc = write_both(m, u);

	if (rc_ok(rc)) {
		m->end += u->frames.len;
		m->slot += (uint32_t)u->n;
		return OK;
	}
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		if (!cut(m->place[p].segment, m->end) || !cut(m->place[p].keys, (uint64_t)m->slot * SLOT_LEN))
			m->roll = true;
	return rc;
}

struct syncing {
	struct media *m;
	struct rc_text why;
};

static void *sync_second(void *arg)
{
	struct syncing *s = arg;

	s->why = (struct rc_text){.code = RC_OK};
	if (!rc_ok(media_sync_place(s->m, 1)))
		s->why = *rc_last();
	return NULL;
}

/* Both places at once; the lock is not held. */
static RC sync_both(struct media *m)
{
	struct syncing second = {.m = m};
	pthread_t thread;
	bool apart = pthread_create(&thread, NULL, sync_second, &second) == 0;
	struct rc rc;

	if (!apart)
		(void)sync_second(&second);
	rc = media_sync_place(m, 0);
	if (apart)
		(void)pthread_join(thread, NULL);
	atomic_store(&m->place[0].works, rc_ok(rc));
	atomic_store(&m->place[1].works, second.why.code == RC_OK);
	TRY(rc);
	return second.why.code == RC_OK ? OK : rc_restore(&second.why);
}

/* Whoever is done may return, and his entry with him, as soon as the lock is free. */
static void answer(struct media_waiter *w, struct rc rc)
{
	struct media_waiter *next;

	for (; w != NULL; w = next) {
		next = w->next;
		w->done = true;
		w->result = (struct rc_text){.code = RC_OK};
		if (!rc_ok(rc))
			w->result = *rc_last();
	}
}

/* One of the waiters syncs for all who wait by then.  What a failed sync has left on the disks is not known:
 * nothing is built upon it, also not what was written in the meantime. */
static void lead(struct media *m)
{
	struct media_waiter *group = m->waiting;
	uint64_t upto = m->end;
	struct rc rc;

	m->waiting = NULL;
	m->syncing = true;
	(void)pthread_mutex_unlock(&m->lock);
	rc = sync_both(m);
	(void)pthread_mutex_lock(&m->lock);
	m->syncing = false;
	answer(group, rc);
	if (rc_ok(rc)) {
		m->durable = upto;
	} else {
		answer(m->waiting, rc);
		m->waiting = NULL;
		m->roll = true;
	}
	(void)pthread_cond_broadcast(&m->changed);
}

static void wait_or_lead(struct media *m)
{
	if (m->syncing)
		(void)pthread_cond_wait(&m->changed, &m->lock);
	else
		lead(m);
}

/* An empty segment takes an item of any size. */
static bool must_roll(const struct media *m, const struct putting *u)
{
	return m->roll || (m->end > 0 && m->end + u->frames.len > MEDIA_SEGMENT);
}

static RC put_locked(struct media *m, struct putting *u)
{
	struct media_waiter w = {0};

	/* a segment is not left while something in it waits to be durable */
	while (must_roll(m, u) && (m->syncing || m->waiting != NULL))
		wait_or_lead(m);
	if (must_roll(m, u)) {
		TRY(media_use_segment(m, m->segment + 1));
		m->end = m->durable = m->slot = 0;
		m->roll = false;
	}
	arrange(m, u);
	TRY(append(m, u));
	w.next = m->waiting;
	m->waiting = &w;
	while (!w.done)
		wait_or_lead(m);
	return w.result.code == RC_OK ? OK : rc_restore(&w.result);
}

RC media_put_as(struct media *m, const struct slice *contents, const uint8_t (*ids)[32], size_t n,
                struct media_at *at)
{
	__attribute__((cleanup(putting_free))) struct putting u = {
	        .contents = contents, .n = n, .ids = ids, .at = at};
	struct rc rc;

	if (n == 0)
		return OK;
	NEED(n <= MEDIA_BATCH, RC_BUG, "more than %d items at once", MEDIA_BATCH);
	for (size_t i = 0; i < n; i++) {
		NEED(contents[i].len > 0, RC_INPUT, "an item is empty");
		REQUIRE(contents[i].len <= MEDIA_ITEM_MAX, TOO_LARGE, "an item of %zu bytes, limit %u",
		        contents[i].len, MEDIA_ITEM_MAX);
	}
	TRY(seal(m, &u));
	(void)pthread_mutex_lock(&m->lock);
	rc = put_locked(m, &u);
	(void)pthread_mutex_unlock(&m->lock);
	return rc;
}

RC media_put(struct media *m, const struct slice *contents, size_t n, uint8_t (*ids)[32], struct media_at *at)
{
	NEED(n <= MEDIA_BATCH, RC_BUG, "more than %d items at once", MEDIA_BATCH);
	for (size_t i = 0; i < n; i++)
		sm3_hash(contents[i], ids[i]);
	return media_put_as(m, contents, (const uint8_t(*)[32])ids, n, at);
}
