#ifndef YD_BASE_FRAME_H
#define YD_BASE_FRAME_H
/* Framed messages over stream sockets: u32 length (big endian), then that many bytes.  The first two
 * functions are pure; the others block until done or until the deadline, whichever comes first.
 * Deadlines are instants of clock_mono_ms(); FRAME_FOREVER waits without end. */
#include "base/buf.h"

#define FRAME_MAX (4u << 20)
#define FRAME_HEADER 4
#define FRAME_FOREVER UINT64_MAX

/* Appends length and body; a body over FRAME_MAX makes the buffer fail. */
void frame_put(struct buf *b, struct slice body);
/* The first whole frame of the bytes: *body borrows from them, *used is what it took.  *used = 0 when
 * more bytes are needed.  RC_INPUT as soon as the announced length is over max. */
RC frame_take(struct slice bytes, size_t max, struct slice *body, size_t *used);

/* RC_NOTFOUND when the other side closed before the first byte (a clean end), RC_BUSY when the time
 * ran out ("deadline"), RC_INPUT when it closed or broke inside. */
RC frame_read(int fd, size_t max, uint64_t deadline_ms, struct buf *ret);
RC frame_write(int fd, struct slice body, uint64_t deadline_ms);
/* The same for plain bytes; work on blocking and non-blocking descriptors, never raise SIGPIPE on
 * sockets. */
RC fd_read_exact(int fd, void *p, size_t len, uint64_t deadline_ms);
RC fd_write_all(int fd, struct slice s, uint64_t deadline_ms);

#endif
