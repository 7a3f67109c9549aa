/* A segment is built without sorting: entries are laid down as they come, counted by bucket, then moved to
 * their buckets.  All of it is mapped files, which the kernel may write out: memory stays bounded. */
#include "base/mem.h"
#include "base/text.h"
#include "status/segment_form.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define GATHER 4096 /* entries written at once */
#define PATH_LEN 4096

struct segment_builder {
	char path[PATH_LEN], heap[PATH_LEN], next[PATH_LEN];
	int fd;
	size_t count, waiting;
	struct table_entry wait[GATHER];
};

static RC flush(struct segment_builder *b)
{
	const uint8_t *p = (const uint8_t *)b->wait;
	size_t left = b->waiting * sizeof(b->wait[0]);

	while (left > 0) {
		ssize_t n = write(b->fd, p, left);

		NEED(n > 0, RC_BUSY, "cannot write %s: error %d", b->heap, errno);
		p += n;
		left -= (size_t)n;
	}
	b->waiting = 0;
	return OK;
}

RC segment_begin(const char *path, struct segment_builder **ret)
{
	AUTO(segment_builder, b, mem_new(1, sizeof(*b)));

	NEED(b != NULL, RC_NOMEM, "no memory");
	b->fd = -1;
	NEED(strlen(path) + 8 < PATH_LEN, RC_INPUT, "the path of the status segment is too long");
	(void)snprintf(b->path, PATH_LEN, "%s", path);
	(void)snprintf(b->heap, PATH_LEN, "%.4080s.heap", path);
	(void)snprintf(b->next, PATH_LEN, "%.4080s.next", path);
	b->fd = open(b->heap, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	NEED(b->fd >= 0, RC_BUSY, "cannot make %s: error %d", b->heap, errno);
	*ret = MOVE(b);
	return OK;
}

RC segment_add(struct segment_builder *b, const struct table_entry *e)
{
	NEED(b->count < SEGMENT_MAX, RC_INPUT, "more than %zu certificates in a segment", SEGMENT_MAX);
	b->wait[b->waiting++] = *e;
	b->count++;
	return b->waiting == GATHER ? flush(b) : OK;
}

void segment_abandon(struct segment_builder *b)
{
	if (b == NULL)
		return;
	if (b->fd >= 0)
		(void)close(b->fd);
	(void)unlink(b->heap);
	(void)unlink(b->next);
	mem_free(b);
}

/* ---- the end ---- */

struct mapped {
	uint8_t *at;
	size_t bytes;
};
static void unmap(struct mapped *m)
{
	if (m->at != NULL)
		(void)munmap(m->at, m->bytes);
}
#define AUTO_MAPPED(name) __attribute__((cleanup(unmap))) struct mapped name = {.at = NULL}

static RC map(int fd, size_t bytes, int how, struct mapped *ret)
{
	void *at;

	if (bytes == 0)
		return OK;
	at = mmap(NULL, bytes, how, MAP_SHARED, fd, 0);
	NEED(at != MAP_FAILED, RC_NOMEM, "cannot map a status segment: error %d", errno);
	ret->at = at;
	ret->bytes = bytes;
	return OK;
}

static uint32_t bits_for(size_t count)
{
	uint32_t bits = SEGMENT_BITS_MIN;

	while (bits < SEGMENT_BITS_MAX && ((size_t)SEGMENT_BUCKET << bits) < count)
		bits++;
	return bits;
}

static size_t bucket_of(const struct table_entry *e, uint32_t bits)
{
	return (size_t)(segment_hash(e->issuer, slice_of(e->serial, e->len)) >> (64 - bits));
}

/* fan[i] ends as the first place of bucket i: counted one further, summed up, used as pen, set back. */
static void place(const struct table_entry *from, size_t count, uint32_t bits, struct table_entry *to,
                  uint32_t *fan)
{
	size_t buckets = (size_t)1 << bits;

	memset(fan, 0, (buckets + 1) * sizeof(*fan));
	for (size_t i = 0; i < count; i++)
		fan[bucket_of(&from[i], bits) + 1]++;
	for (size_t i = 0; i < buckets; i++)
		fan[i + 1] += fan[i];
	for (size_t i = 0; i < count; i++)
		to[fan[bucket_of(&from[i], bits)]++] = from[i];
	memmove(fan + 1, fan, buckets * sizeof(*fan));
	fan[0] = 0;
}

static RC fill(const struct segment_builder *b, const struct segment_head *head, int fd)
{
	struct segment_places p = segment_places(b->count, head->bits);
	struct segment_head h = *head;
	AUTO_MAPPED(from);
	AUTO_MAPPED(to);

	TRY(map(b->fd, b->count * sizeof(struct table_entry), PROT_READ, &from));
	TRY(map(fd, p.end, PROT_READ | PROT_WRITE, &to));
	place((const struct table_entry *)(const void *)from.at, b->count, h.bits,
	      (struct table_entry *)(void *)(to.at + p.entries), (uint32_t *)(void *)(to.at + p.fan));
	segment_digests(to.at + p.entries, p.digests - p.entries,
	                (uint8_t(*)[SM3_LEN])(void *)(to.at + p.digests));
	sm3_hash(slice_of(to.at + p.digests, p.blocks * SM3_LEN), h.root);
	sm3_hash(slice_of(&h, offsetof(struct segment_head, sm3)), h.sm3);
	memcpy(to.at, &h, sizeof(h));
	NEED(msync(to.at, to.bytes, MS_SYNC) == 0, RC_BUSY, "cannot write %s: error %d", b->next, errno);
	return OK;
}

/* The space is taken first: a full disk is an error here and no fault while writing to the map. */
static RC make_file(const struct segment_builder *b, const struct segment_head *h)
{
	int fd = open(b->next, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err;
	struct rc rc = OK;

	NEED(fd >= 0, RC_BUSY, "cannot make %s: error %d", b->next, errno);
	err = posix_fallocate(fd, 0, (off_t)segment_places(b->count, h->bits).end);
	if (err != 0)
		rc = rc_fail(RC_BUSY, "no room for %s: error %d", b->next, err);
	if (rc_ok(rc))
		rc = fill(b, h, fd);
	if (rc_ok(rc) && fsync(fd) != 0)
		rc = rc_fail(RC_BUSY, "cannot write %s: error %d", b->next, errno);
	(void)close(fd);
	return rc;
}

RC segment_end(struct segment_builder *b, const char *names, uint64_t position)
{
	struct segment_head h = {.position = position};

	NEED(strlen(names) < sizeof(h.names), RC_INPUT, "too many authorities for a status segment");
	TRY(flush(b));
	memcpy(h.magic, SEGMENT_MAGIC, sizeof(h.magic));
	h.count = b->count;
	h.bits = bits_for(b->count);
	memcpy(h.names, names, strlen(names));
	TRY(make_file(b, &h));
	NEED(rename(b->next, b->path) == 0, RC_BUSY, "cannot place %s: error %d", b->path, errno);
	return OK;
}
