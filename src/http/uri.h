#ifndef YD_HTTP_URI_H
#define YD_HTTP_URI_H
/* Percent-encoding and queries (RFC 3986); pure. */
#include "base/buf.h"
#include "http/server.h"

#define URI_QUERY_NAME_MAX 64

/* Appends the decoded text.  Refuses broken escapes, NUL, control characters and bytes that are not UTF-8;
 * plus: '+' stands for a space (queries). */
RC uri_decode(struct slice s, bool plus, struct buf *ret);
/* "a=b&c": decoded into names and values that borrow from *text; a name twice is refused. */
RC uri_query(struct slice query, struct buf *text, struct http_param *ret, size_t *count);

#endif
