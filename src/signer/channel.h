#ifndef YD_SIGNER_CHANNEL_H
#define YD_SIGNER_CHANNEL_H
/* Frames on a connected stream socket, blocking, with at most one descriptor beside them. */
#include "signer/protocol.h"

#define CHANNEL_FOREVER (-1)

/* RC_NOTFOUND at a clean end; RC_BUSY when timeout_ms passed before the first byte.  *fd is the
 * descriptor that came along, or -1; more than one is refused. body: a fresh buffer of
 * SIGNER_FRAME_MAX. */
RC channel_read(int socket, int timeout_ms, struct signer_header *h, struct buf *body, int *fd);
/* fd -1: none. */
RC channel_write(int socket, struct signer_header h, struct slice body, int fd);

#endif
