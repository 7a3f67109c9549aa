#include "media/pack.h"

#include <libdeflate.h>

#define LEVEL 5 /* the tenth that higher levels gain costs as much again */

struct libdeflate_compressor *media_packer_new(void)
{
	return libdeflate_alloc_compressor(LEVEL);
}

void media_packer_free(struct libdeflate_compressor *c)
{
	libdeflate_free_compressor(c);
}

RC media_pack(struct libdeflate_compressor *c, struct slice content, struct buf *ret)
{
	uint8_t *to;

	buf_clear(ret);
	if (content.len < MEDIA_PACK_LEAST || content.len > MEDIA_PACK_MOST)
		return OK;
	to = buf_room(ret, content.len);
	NEED(to != NULL, RC_NOMEM, "no memory to pack an item");
	/* what does not become shorter is not packed: 0 */
	ret->len = libdeflate_deflate_compress(c, content.p, content.len, to, content.len - 1);
	return OK;
}

RC media_unpack(struct slice packed, uint8_t *to, size_t len)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	enum libdeflate_result got;
	size_t read = 0;

	NEED(d != NULL, RC_NOMEM, "no memory to unpack an item");
	/* without a place for the length, less than len is refused */
	got = libdeflate_deflate_decompress_ex(d, packed.p, packed.len, to, len, &read, NULL);
	libdeflate_free_decompressor(d);
	REQUIRE(got == LIBDEFLATE_SUCCESS && read == packed.len, RECORD_DAMAGED,
	        "an item cannot be unpacked");
	return OK;
}
