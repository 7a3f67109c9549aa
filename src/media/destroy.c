/* Destruction: the key of an item is overwritten in both places. */
#include "media/private.h"

#include <unistd.h>

struct destroying {
	struct media *m;
	size_t place;
	uint32_t segment; /* of fd */
	int fd;
};

static RC settle(struct destroying *d)
{
	struct rc rc = d->fd >= 0 && fdatasync(d->fd) != 0 ? media_failure(d->m, d->place, "sync") : OK;

	media_close_fd(&d->fd);
	return rc;
}

static RC destroy_one(struct destroying *d, const struct media_at *at)
{
	uint8_t slot[SLOT_LEN];

	if (d->fd >= 0 && d->segment != at->segment)
		TRY(settle(d));
	if (d->fd < 0)
		TRY(media_open_file(d->m, d->place, at->segment, "key", true, &d->fd));
	d->segment = at->segment;
	media_slot_write(slot, at->segment, at->slot, NULL);
	return media_write(d->m, d->place, d->fd, SLICE_ARR(slot), (uint64_t)at->slot * SLOT_LEN);
}

static RC destroy_in(struct media *m, size_t p, const struct media_at *at, size_t n)
{
	struct destroying d = {.m = m, .place = p, .fd = -1};
	struct rc rc = OK;

	for (size_t i = 0; i < n && rc_ok(rc); i++)
		rc = destroy_one(&d, &at[i]);
	if (rc_ok(rc))
		rc = settle(&d);
	media_close_fd(&d.fd);
	return rc;
}

RC media_destroy(struct media *m, const struct media_at *at, size_t n)
{
	struct rc rc = OK;

	(void)pthread_mutex_lock(&m->mending);
	for (size_t p = 0; p < MEDIA_PLACES && rc_ok(rc); p++) {
		rc = destroy_in(m, p, at, n);
		atomic_store(&m->place[p].works, rc_ok(rc));
	}
	(void)pthread_mutex_unlock(&m->mending);
	return rc;
}
