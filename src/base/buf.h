#ifndef YD_BASE_BUF_H
#define YD_BASE_BUF_H
/* Owned bytes with a maximum and a sticky failure: writers need no checks, buf_done() returns the
 * one result.  A buffer marked secret wipes what it frees. */
#include "base/rc.h"
#include "base/slice.h"

struct buf {
	uint8_t *p;
	size_t len, cap, max;
	bool failed, nomem, secret;     /* failed: over max, or (nomem) no memory */
};

#define BUF(limit) ((struct buf){.max = (limit)})
#define BUF_SECRET(limit) ((struct buf){.max = (limit), .secret = true})
/* A local buffer that frees itself. */
#define AUTO_BUF(name, limit) __attribute__((cleanup(buf_free))) struct buf name = BUF(limit)

void buf_add(struct buf *b, struct slice s);
void buf_text(struct buf *b, const char *s);
void buf_u8(struct buf *b, uint8_t v);
void buf_u16be(struct buf *b, uint16_t v);
void buf_u32be(struct buf *b, uint32_t v);
void buf_u64be(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes, or NULL (and failed).  The caller writes at most n, then adds to len. */
uint8_t *buf_room(struct buf *b, size_t n);
void buf_hex(struct buf *b, struct slice s);               /* lower case */
void buf_base64(struct buf *b, struct slice s);            /* RFC 4648 4, one line */
void buf_clear(struct buf *b);                             /* keeps the memory */
void buf_free(struct buf *b);
RC   buf_done(const struct buf *b);
/* NUL-terminated view; "" when failed. */
const char *buf_cstr(struct buf *b);

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){b->p, b->failed ? 0 : b->len};
}
/* Gives the content away: *ret is the caller's, b is empty afterwards. */
static inline struct buf buf_take(struct buf *b)
{
	struct buf r = *b;
	*b = (struct buf){.max = r.max, .secret = r.secret};
	return r;
}

#endif
