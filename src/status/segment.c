#include "status/segment.h"

#include "base/mem.h"
#include "status/segment_form.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct segment {
	uint8_t *at;
	size_t bytes;
	const struct segment_head *head;
	const struct table_entry *entry;
	const uint32_t *fan;
};

/* FNV-1a, stirred: serials are random already, an attacker cannot choose those that were issued. */
uint64_t segment_hash(uint8_t issuer, struct slice serial)
{
	uint64_t h = 1469598103934665603u;

	h = (h ^ issuer) * 1099511628211u;
	for (size_t i = 0; i < serial.len; i++)
		h = (h ^ serial.p[i]) * 1099511628211u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

void segment_digests(const uint8_t *from, size_t bytes, uint8_t (*ret)[SM3_LEN])
{
	struct slice s[SEGMENT_BATCH];

	for (size_t i = 0, at = 0; at < bytes;) {
		size_t n = 0;

		for (; n < SEGMENT_BATCH && at < bytes; n++) {
			size_t len = bytes - at < SEGMENT_BLOCK ? bytes - at : SEGMENT_BLOCK;

			s[n] = slice_of(from + at, len);
			at += len;
		}
		sm3_hash_batch(s, ret + i, n);
		i += n;
	}
}

/* ---- opening ---- */

static RC map(const char *path, struct segment *s)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = errno;
	void *at = MAP_FAILED;

	NEED(fd >= 0 || err != ENOENT, RC_NOTFOUND, "no status segment");
	NEED(fd >= 0, RC_BUSY, "cannot open %s: error %d", path, err);
	if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct segment_head)) {
		s->bytes = (size_t)st.st_size;
		at = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, fd, 0);
	}
	(void)close(fd);
	NEED(at != MAP_FAILED, RC_CRYPTO, "%s is cut off", path);
	s->at = at;
	return OK;
}

static RC check_head(struct segment *s)
{
	const struct segment_head *h = (const struct segment_head *)(const void *)s->at;
	struct segment_places p;
	uint8_t sm3[SM3_LEN];

	sm3_hash(slice_of(h, offsetof(struct segment_head, sm3)), sm3);
	NEED(memcmp(h->magic, SEGMENT_MAGIC, sizeof(h->magic)) == 0 && memcmp(sm3, h->sm3, SM3_LEN) == 0,
	     RC_CRYPTO, "the head of the status segment is damaged");
	p = segment_places(h->count, h->bits);
	NEED(p.end == s->bytes, RC_CRYPTO, "the status segment is cut off");
	s->head = h;
	s->entry = (const struct table_entry *)(const void *)(s->at + p.entries);
	s->fan = (const uint32_t *)(const void *)(s->at + p.fan);
	return OK;
}

/* Everything is read once, so that nothing is found wrong later. */
static RC check_blocks(struct segment *s)
{
	struct segment_places p = segment_places(s->head->count, s->head->bits);
	AUTO_MEM(uint8_t, all, mem_new(p.blocks, SM3_LEN));
	uint8_t(*digest)[SM3_LEN] = (uint8_t(*)[SM3_LEN])(void *)all;
	uint8_t sm3[SM3_LEN];

	NEED(all != NULL, RC_NOMEM, "no memory to check the status segment");
	(void)madvise(s->at, s->bytes, MADV_SEQUENTIAL);
	segment_digests(s->at + p.entries, p.digests - p.entries, digest);
	(void)madvise(s->at, s->bytes, MADV_RANDOM);
	sm3_hash(slice_of(all, p.blocks * SM3_LEN), sm3);
	NEED(memcmp(all, s->at + p.digests, p.blocks * SM3_LEN) == 0 &&
	             memcmp(sm3, s->head->root, SM3_LEN) == 0,
	     RC_CRYPTO, "a block of the status segment is damaged");
	return OK;
}

RC segment_open(const char *path, const char *names, struct segment **ret)
{
	AUTO(segment, s, mem_new(1, sizeof(*s)));

	NEED(s != NULL, RC_NOMEM, "no memory");
	TRY(map(path, s));
	TRY(check_head(s));
	TRY(check_blocks(s));
	NEED(strncmp(s->head->names, names, sizeof(s->head->names)) == 0, RC_NOTFOUND,
	     "the status segment is for other authorities");
	*ret = MOVE(s);
	return OK;
}

void segment_free(struct segment *s)
{
	if (s == NULL)
		return;
	if (s->at != NULL)
		(void)munmap(s->at, s->bytes);
	mem_free(s);
}

uint64_t segment_position(const struct segment *s)
{
	return s->head->position;
}

size_t segment_count(const struct segment *s)
{
	return s->head->count;
}

const struct table_entry *segment_at(const struct segment *s, size_t i)
{
	return &s->entry[i];
}

const struct table_entry *segment_find(const struct segment *s, uint8_t issuer, struct slice serial)
{
	size_t bucket = (size_t)(segment_hash(issuer, serial) >> (64 - s->head->bits));

	for (uint32_t i = s->fan[bucket]; i < s->fan[bucket + 1]; i++) {
		const struct table_entry *e = &s->entry[i];

		if (e->issuer == issuer && slice_equal(slice_of(e->serial, e->len), serial))
			return e;
	}
	return NULL;
}
