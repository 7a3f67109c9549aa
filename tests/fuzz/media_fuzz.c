/* Two places of any content: opening ends, whatever was whole stays, and one scrub makes them alike.  Input:
 * lengths of the first three files (u32 each, big endian), then first.seg, first.key, other.seg, other.key.
 */
#include "base/mem.h"
#include "media/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static char folder[] = "/dev/shm/yd-media-fuzz-XXXXXX";
static char place[MEDIA_PLACES][64];

static void must(struct rc rc)
{
	if (!rc_ok(rc))
		abort();
}

static void clean(void)
{
	static const char *const names[] = {"media", "00000001.seg", "00000001.key", "00000002.seg",
	                                    "00000002.key"};
	char path[128];

	for (size_t i = 0; i < MEDIA_PLACES; i++) {
		for (size_t k = 0; k < 5; k++) {
			(void)snprintf(path, sizeof(path), "%s/%s", place[i], names[k]);
			(void)unlink(path);
		}
		(void)rmdir(place[i]);
	}
}

static void end(void)
{
	clean();
	(void)rmdir(folder);
}

static void begin(void)
{
	if (place[0][0] != 0)
		return;
	if (mkdtemp(folder) == NULL)
		abort();
	(void)snprintf(place[0], sizeof(place[0]), "%s/first", folder);
	(void)snprintf(place[1], sizeof(place[1]), "%s/other", folder);
	(void)atexit(end);
}

static void make(size_t i, const char *name, struct slice content)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", place[i], name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(content.p, 1, content.len, f) != content.len || fclose(f) != 0)
		abort();
}

/* A signer of its own kind: the key stands there, unless the first byte is odd. */
static struct rc wrap(void *arg, const uint8_t (*keys)[16], size_t n, uint8_t (*wrapped)[MEDIA_WRAPPED])
{
	(void)arg;
	memset(wrapped, 0, n * MEDIA_WRAPPED);
	for (size_t i = 0; i < n; i++)
		memcpy(wrapped[i] + 12, keys[i], 16);
	return OK;
}

static struct rc unwrap(void *arg, const uint8_t (*wrapped)[MEDIA_WRAPPED], size_t n, uint8_t (*keys)[16])
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		NEED((wrapped[i][0] & 1) == 0, RC_CRYPTO, "odd");
		memcpy(keys[i], wrapped[i] + 12, 16);
	}
	return OK;
}

static struct rc destroyed(void *arg, uint32_t segment, uint32_t slot, bool *ret)
{
	(void)arg;
	*ret = ((segment + slot) & 1) == 0;
	return OK;
}

static struct rc get(void *arg, const uint8_t id[32], const struct media_at *at)
{
	struct buf content = BUF_SECRET(MEDIA_ITEM_MAX);

	(void)rc_ok(media_get(arg, id, at, &content));
	buf_free(&content);
	return OK;
}

static void use(struct media *m)
{
	const struct media_judge judge = {.destroyed = destroyed};
	uint8_t ids[1][32];
	struct media_at at[1];
	struct media_scrub cursor = {0};
	struct media_report r;
	struct buf content = BUF(100);

	must(media_each(m, get, m));
	must(media_put(m, &SLICE_LIT("one more"), 1, ids, at));
	must(media_scrub(m, &judge, &cursor, SIZE_MAX, &r));
	must(media_scrub(m, &judge, &cursor, SIZE_MAX, &r));
	if (!r.end || r.repaired + r.missing != 0)
		abort();
	must(media_get(m, ids[0], &at[0], &content));
	if (!slice_is(buf_slice(&content), "one more"))
		abort();
	buf_free(&content);
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* All that looks like a frame or a slot of segment 1 becomes whole. */
static void make_whole(uint8_t *p, size_t len, bool slots)
{
	uint32_t length;

	for (size_t at = 0; slots && at + SLOT_LEN <= len; at += SLOT_LEN) {
		uint8_t wrapped[MEDIA_WRAPPED];

		memcpy(wrapped, p + at + SLOT_KEY, sizeof(wrapped));
		if (p[at] == SLOT_LIVE || p[at] == SLOT_DESTROYED)
			media_slot_write(p + at, 1, (uint32_t)(at / SLOT_LEN),
			                 p[at] == SLOT_LIVE ? wrapped : NULL);
	}
	for (size_t at = 0; !slots && at + FRAME_OVER <= len; at++)
		if (media_frame_head(p + at, 1, &length) && media_frame_size(length) <= len - at)
			media_frame_place(p + at, 1, number(p + at + 8),
			                  (uint64_t)number(p + at + 16) << 32 | number(p + at + 20));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	const char *const places[MEDIA_PLACES] = {place[0], place[1]};
	const struct media_keys keys = {.wrap = wrap, .unwrap = unwrap};
	static const char *const names[4] = {"00000001.seg", "00000001.key", "00000001.seg", "00000001.key"};
	size_t at = 12;
	struct media *m = NULL;

	if (len < at)
		return 0;
	begin();
	clean();
	must(media_open(places, &keys, &m)); /* makes the files that say whose they are */
	media_close(m);
	for (size_t i = 0; i < 4; i++) {
		size_t n = i < 3 ? number(p + 4 * i) & INT32_MAX : len - at;
		AUTO_MEM(uint8_t, content, NULL);

		n = n < len - at ? n : len - at;
		content = mem_copy(slice_of(p + at, n));
		if (content == NULL)
			abort();
		if ((p[0] & 0x80) != 0)
			make_whole(content, n, i % 2 == 1);
		make(i / 2, names[i], slice_of(content, n));
		at += n;
	}
	must(media_open(places, &keys, &m));
	use(m);
	media_close(m);
	return 0;
}
