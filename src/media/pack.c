#include "media/pack.h"

#include "base/mem.h"

#define ZLIB_CONST
#include <zlib.h>

#define LEVEL 6
#define WINDOW (-13) /* 8 KiB, no header: a record is not longer, and a smaller window is sooner set up */
#define MEMORY 6
#define WINDOW_ANY (-15)

static voidpf take(voidpf arg, uInt count, uInt size)
{
	(void)arg;
	return mem_new(count, size);
}

static void give_back(voidpf arg, voidpf p)
{
	(void)arg;
	mem_free(p);
}

RC media_pack(struct slice content, struct buf *ret)
{
	z_stream z = {.zalloc = take, .zfree = give_back};
	uint8_t *to;
	int end;

	buf_clear(ret);
	if (content.len < MEDIA_PACK_LEAST || content.len > MEDIA_PACK_MOST)
		return OK;
	to = buf_room(ret, content.len);
	NEED(to != NULL && deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK,
	     RC_NOMEM, "no memory to pack an item");
	z.next_in = content.p;
	z.avail_in = (uInt)content.len;
	z.next_out = to;
	z.avail_out = (uInt)content.len - 1; /* what does not become shorter is not packed */
	end = deflate(&z, Z_FINISH);
	if (end == Z_STREAM_END)
		ret->len = content.len - 1 - z.avail_out;
	(void)deflateEnd(&z);
	return OK;
}

RC media_unpack(struct slice packed, uint8_t *to, size_t len)
{
	z_stream z = {.zalloc = take, .zfree = give_back};
	bool whole;

	NEED(inflateInit2(&z, WINDOW_ANY) == Z_OK, RC_NOMEM, "no memory to unpack an item");
	z.next_in = packed.p;
	z.avail_in = (uInt)packed.len;
	z.next_out = to;
	z.avail_out = (uInt)len;
	whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
	(void)inflateEnd(&z);
	REQUIRE(whole, RECORD_DAMAGED, "an item cannot be unpacked");
	return OK;
}
