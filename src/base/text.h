#ifndef YD_BASE_TEXT_H
#define YD_BASE_TEXT_H
/* Text at the edge: UTF-8, hex, base64, decimal numbers. */
#include "base/buf.h"

/* Valid UTF-8 without NUL, C0/C1 controls, bidirectional controls or non-characters. */
bool text_clean(struct slice s);
/* Code point at s.p + *at, which must be below s.len; moves *at.  False on anything RFC 3629 forbids. */
bool text_next(struct slice s, size_t *at, uint32_t *ret);
bool text_utf8(struct slice s);                             /* RFC 3629, nothing else asked */
RC text_hex(struct slice s, uint8_t *ret, size_t len);      /* exactly 2*len digits */
RC text_hex_any(struct slice s, struct buf *ret);
RC text_base64(struct slice s, struct buf *ret);            /* strict RFC 4648 4, no white space */
RC text_base64url(struct slice s, struct buf *ret);         /* RFC 4648 5, padding optional */
RC text_u64(struct slice s, uint64_t max, uint64_t *ret);   /* digits only */
/* PEM (RFC 7468): the first block with that label; label NULL = any.  Also accepts plain DER. */
RC text_pem(struct slice s, const char *label, struct buf *ret);
void text_to_pem(struct buf *b, const char *label, struct slice der);

/* Whole file, at most max bytes. */
RC file_read(const char *path, size_t max, struct buf *ret);
/* Written to a temporary name, synced, renamed, directory synced. */
/* Of an open regular file; RC_INPUT when it is none, or ends before len bytes are read. */
RC file_size(int fd, uint64_t *ret);
RC file_at(int fd, uint64_t at, uint8_t *ret, size_t len);
RC file_write(const char *path, struct slice content, unsigned mode);
RC file_rename(const char *from, const char *to);           /* and makes it durable; the content is already */
RC dir_make(const char *path, unsigned mode);               /* with parents; existing is fine */

#endif
