/* Damage to SQLite's write-ahead log (its file format, 4).  SQLite reads the log up to the first frame that
 * does not fit its checksum and forgets the rest: right after a power cut, where that is what no sync had
 * covered, and silent loss when the disk has spoilt a frame that was acknowledged.  The two can be told
 * apart: a transaction's frames are written after the commit before them was synced.  So a frame that does
 * not fit, in a transaction that another one follows, was spoilt. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "db/wal.h"

#include <string.h>

#define HEADER 32
#define FRAME 24
#define MAGIC 0x377f0682u /* or 1 more: words of checksums are big-endian */
#define SIZE_MAX_READ (512u << 20)

struct sum {
	uint32_t a, b;
};
struct wal {
	struct slice bytes;
	bool big;
	size_t page;
};

static uint32_t word(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
	           : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static struct sum add(struct sum s, const struct wal *w, size_t at, size_t len)
{
	const uint8_t *p = w->bytes.p + at;

	for (size_t i = 0; i < len; i += 8) {
		s.a += word(p + i, w->big) + s.b;
		s.b += word(p + i + 4, w->big) + s.a;
	}
	return s;
}

static struct sum stored(const struct wal *w, size_t at)
{
	return (struct sum){word(w->bytes.p + at, true), word(w->bytes.p + at + 4, true)};
}

static bool same(struct sum x, struct sum y)
{
	return x.a == y.a && x.b == y.b;
}

/* The frame at that place was written since the log began anew, and follows from the sum before it. */
static bool fits(const struct wal *w, size_t at, struct sum before)
{
	struct sum s = add(add(before, w, at, 8), w, at + FRAME, w->page);

	return memcmp(w->bytes.p + at + 8, w->bytes.p + 16, 8) == 0 && same(s, stored(w, at + 16));
}

/* From the first frame that does not fit: a commit, and right behind it the first frame of another
 * transaction. What torn transactions of earlier power cuts have left behind never continues a later one's
 * commit. */
static bool goes_on(const struct wal *w, size_t first)
{
	const size_t step = FRAME + w->page;

	for (size_t at = first + step; at + step <= w->bytes.len; at += step) {
		size_t last = at - step;
		struct sum before = stored(w, last + 16);
		struct sum old = stored(w, last == HEADER ? HEADER - 8 : last - step + 16);

		if (word(w->bytes.p + last + 4, true) == 0)
			continue;
		/* by its stored sum, or by its content if that sum is what was spoilt */
		if (fits(w, at, before) || fits(w, at, add(add(old, w, last, 8), w, last + FRAME, w->page)))
			return true;
	}
	return false;
}

bool wal_is_spoilt(struct slice bytes)
{
	struct wal w = {.bytes = bytes};
	struct sum s = {0, 0};
	uint32_t magic;
	size_t at = HEADER;

	if (bytes.len < HEADER + FRAME)
		return false;
	magic = word(bytes.p, true);
	w.big = (magic & 1) != 0;
	w.page = word(bytes.p + 8, true);
	/* synced before the first frame, and too small to be written by half */
	if ((magic & ~1u) != MAGIC || w.page < 512 || w.page > 65536 || (w.page & (w.page - 1)) != 0)
		return true;
	s = add(s, &w, 0, HEADER - 8);
	if (!same(s, stored(&w, HEADER - 8)))
		return true;
	for (; at + FRAME + w.page <= bytes.len && fits(&w, at, s); at += FRAME + w.page)
		s = stored(&w, at + 16);
	return goes_on(&w, at);
}

RC wal_check(const char *database)
{
	AUTO_BUF(path, 4096);
	AUTO_BUF(bytes, SIZE_MAX_READ);
	struct rc rc;

	buf_printf(&path, "%s-wal", database);
	(void)buf_cstr(&path);
	TRY(buf_done(&path));
	rc = file_read(buf_cstr(&path), SIZE_MAX_READ, &bytes);
	if (rc.code == RC_NOTFOUND || rc.code == RC_INPUT) /* none, or too large to look at */
		return OK;
	TRY(rc);
	REQUIRE(!wal_is_spoilt(buf_slice(&bytes)), DATABASE_DAMAGED, "%s: a frame in the middle is damaged",
	        buf_cstr(&path));
	return OK;
}
