#ifndef YD_MEDIA_PACK_H
#define YD_MEDIA_PACK_H
/* Deflate (RFC 1951) without a dictionary.  Statements and certificates of one record share names,
 * certificates and field names: it takes two fifths off them. */
#include "base/buf.h"

#define MEDIA_PACK_LEAST 128       /* shorter content is left as it is */
#define MEDIA_PACK_MOST (1u << 20) /* as is longer: pictures and scans, which are packed already */

/* ret stays empty when packing gains nothing. */
RC media_pack(struct slice content, struct buf *ret);
/* Exactly len bytes, else RECORD_DAMAGED. */
RC media_unpack(struct slice packed, uint8_t *to, size_t len);

#endif
