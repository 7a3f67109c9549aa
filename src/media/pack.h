#ifndef YD_MEDIA_PACK_H
#define YD_MEDIA_PACK_H
/* Deflate (RFC 1951) without a dictionary.  Statements and certificates of one record share names,
 * certificates and field names: it takes two fifths off them. */
#include "base/buf.h"

#define MEDIA_PACK_LEAST 128       /* shorter content is left as it is */
#define MEDIA_PACK_MOST (1u << 20) /* as is longer: pictures and scans, which are packed already */

/* What packing works in, a quarter of a megabyte: made once for the items that are put together.  One thread
 * at a time; NULL when there is no memory. */
struct libdeflate_compressor;
struct libdeflate_compressor *media_packer_new(void);
void media_packer_free(struct libdeflate_compressor *c);

/* ret stays empty when packing gains nothing. */
RC media_pack(struct libdeflate_compressor *c, struct slice content, struct buf *ret);
/* Exactly len bytes, else RECORD_DAMAGED. */
RC media_unpack(struct slice packed, uint8_t *to, size_t len);

#endif
