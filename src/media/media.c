/* Opening: what a crash has left in the last segment is put in order. */
#include "base/mem.h"
#include "media/private.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Where it is not sure that all of the segment was acknowledged, a fresh one is begun: what is appended would
 * say that all before it had been durable. */
struct ending {
	struct media *m;
	struct walk w;
	uint64_t size[MEDIA_PLACES]; /* of the segment, as it was found */
};

/* A place that takes nothing now does not keep the vault from starting: scrub mends later what is left. */
static void mend(struct ending *e, size_t p, const char *kind, int *fd, struct slice bytes, uint64_t offset)
{
	struct rc rc = *fd < 0 ? media_open_file(e->m, p, e->w.segment, kind, true, fd) : OK;

	if (rc_ok(rc))
		rc = media_write(e->m, p, *fd, bytes, offset);
	if (!rc_ok(rc)) {
		atomic_store(&e->m->place[p].works, false);
		e->m->roll = true;
	}
}

/* What one place lacks of what the other has whole.  Two whole copies that differ are scrub's to judge. */
static void complete(struct ending *e, uint64_t offset, const struct copies *c)
{
	uint32_t slot = c->frame[c->from].slot;
	struct slots s;

	walk_slots(&e->w, slot, &s);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (!c->good[p] && offset < e->size[p])
			atomic_fetch_add(&e->m->place[p].damaged, 1);
		if (!c->good[p])
			mend(e, p, "seg", &e->w.data[p], buf_slice(&c->bytes[c->from]), offset);
		if (s.state[p] == SLOT_DAMAGED && s.state[1 - p] != SLOT_DAMAGED)
			mend(e, p, "key", &e->w.keys[p], SLICE_ARR(s.bytes[1 - p]),
			     (uint64_t)slot * SLOT_LEN);
	}
	/* no key that both places can agree on: perhaps no put has acknowledged it */
	if (s.state[0] == s.state[1] &&
	    (s.state[0] == SLOT_DAMAGED || memcmp(s.bytes[0], s.bytes[1], SLOT_LEN) != 0))
		e->m->roll = true;
}

/* Frames that stand behind damage are still frames; only what nothing whole follows is a torn end. */
static RC find_end(struct ending *e)
{
	AUTO_COPIES(c);
	uint64_t at = 0;

	while (at < e->w.size) {
		uint64_t before = at;
		bool found;

		TRY(walk_frame(&e->w, at, &c, &found));
		if (!found) {
			TRY(walk_seek(&e->w, at, &at));
			if (at < e->w.size)
				e->m->roll = true;
			continue;
		}
		complete(e, at, &c);
		at += c.bytes[c.from].len;
		if (c.differ)
			at = before + (c.bytes[0].len < c.bytes[1].len ? c.bytes[0].len : c.bytes[1].len);
		e->m->end = at;
		if (c.frame[c.from].slot >= e->m->slot)
			e->m->slot = c.frame[c.from].slot + 1;
	}
	return OK;
}

static RC cut(struct ending *e, size_t p, int fd, uint64_t end)
{
	if ((media_size(fd) > end && ftruncate(fd, (off_t)end) != 0) || (fd >= 0 && fdatasync(fd) != 0))
		return media_failure(e->m, p, "cut a torn end");
	return OK;
}

static void settle(struct ending *e)
{
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		struct rc rc = cut(e, p, e->w.data[p], e->m->end);

		if (rc_ok(rc))
			rc = cut(e, p, e->w.keys[p], (uint64_t)e->m->slot * SLOT_LEN);
		if (rc_ok(rc))
			continue;
		atomic_store(&e->m->place[p].works, false);
		e->m->roll = true;
	}
}

static RC open_last(struct media *m)
{
	struct ending e = {.m = m};
	struct rc rc;

	for (size_t p = 0; p < MEDIA_PLACES; p++)
		TRY(media_last_in(m, p, &m->segment));
	if (m->segment == 0)
		return media_use_segment(m, 1);
	TRY(walk_open(m, m->segment, &e.w));
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		e.size[p] = media_size(e.w.data[p]);
	rc = find_end(&e);
	if (rc_ok(rc))
		settle(&e);
	walk_close(&e.w);
	TRY(rc);
	m->durable = m->end;
	if (!m->roll && !rc_ok(media_use_segment(m, m->segment)))
		m->roll = true; /* puts will say why */
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
		m->place[p].segment = m->place[p].keys = m->place[p].identity = -1;
		atomic_store(&m->place[p].works, true);
	}
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
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
		media_close_fd(&m->place[p].identity);
	}
	(void)pthread_cond_destroy(&m->changed);
	(void)pthread_mutex_destroy(&m->mending);
	(void)pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

/* Files that only the other place has. */
static uint64_t missing_in(const struct media *m, size_t p, uint32_t last)
{
	char path[MEDIA_FILE];
	uint64_t n = 0;

	for (uint32_t i = 1; i <= last; i++)
		for (size_t kind = 0; kind < 2; kind++) {
			const char *end = kind == 0 ? "seg" : "key";

			(void)snprintf(path, sizeof(path), "%s/%08u.%s", m->place[p].path, i, end);
			if (access(path, F_OK) == 0)
				continue;
			(void)snprintf(path, sizeof(path), "%s/%08u.%s", m->place[1 - p].path, i, end);
			n += access(path, F_OK) == 0;
		}
	return n;
}

void media_state(struct media *m, struct media_state *ret)
{
	uint32_t last;
	uint64_t end;

	(void)pthread_mutex_lock(&m->lock);
	last = m->segment;
	end = m->end;
	(void)pthread_mutex_unlock(&m->lock);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		struct statvfs fs;

		ret->place[p].path = m->place[p].path;
		ret->place[p].works = atomic_load(&m->place[p].works);
		ret->place[p].bytes = last > 0 ? (uint64_t)(last - 1) * MEDIA_SEGMENT + end : 0;
		ret->place[p].free =
		        statvfs(m->place[p].path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
		ret->place[p].damaged = atomic_load(&m->place[p].damaged);
		ret->place[p].missing = missing_in(m, p, last);
	}
}
