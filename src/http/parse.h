#ifndef YD_HTTP_PARSE_H
#define YD_HTTP_PARSE_H
/* The request parser: pure functions over slices, no sockets.  A head is accepted only when both our
 * own reading of its lines and llhttp (strict mode) accept it: llhttp alone joins folded lines and lets an
 * empty field name, two spaces, HTTP/0.9 and "identity, chunked" pass. */
#include "http/server.h"

#include <llhttp/llhttp.h>

struct http_head {
	enum method method; /* GET for HEAD */
	bool head_only;     /* HEAD */
	bool http10, keep_alive, chunked, expects_continue;
	uint64_t length;                  /* Content-Length; 0 without */
	struct slice target, path, query; /* as sent; the query without '?' */
	size_t header_count;
	struct http_param headers[HTTP_HEADERS_MAX];
};

struct http_parser {
	llhttp_t llhttp;
	bool head_done, done;
	const char *refused; /* by a callback */
	uint8_t last[4];     /* end of the chunked body so far */
	uint64_t left;       /* of a body with a length */
	uint64_t raw, max;
	struct buf *body;
};

/* *len: bytes of the head with its empty line, 0 when more are needed.  *scanned: where to go on
 * looking; 0 at first. */
RC http_head_find(struct slice bytes, size_t *scanned, size_t *len);
/* Everything in *ret borrows from head. */
RC http_parse_head(struct http_parser *p, struct slice head, struct http_head *ret);
/* Takes what belongs to the body and appends it to *body (at most max bytes in all). */
RC http_parse_body(struct http_parser *p, const struct http_head *h, struct slice bytes, size_t max,
                   struct buf *body, size_t *used, bool *done);
/* The only field of that name, any case; empty when absent. */
struct slice http_field(const struct http_param *headers, size_t count, const char *name);
bool http_same(struct slice a, const char *lower); /* ASCII, any case */

#endif
