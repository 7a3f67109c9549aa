#ifndef YD_STATUS_JOURNAL_H
#define YD_STATUS_JOURNAL_H
/* What came after a segment, in the order of the log: one frame for each page that was applied.  Not
 * durable by itself: where it ends early, the database knows more, and the segment is made again. */
#include "base/rc.h"
#include "status/segment.h"

#define JOURNAL_PAGE 65536 /* entries of a frame, at most */

/* Adds a frame: entries of the log from..to changed so many. */
RC journal_add(const char *path, uint64_t from, uint64_t to, const struct table_entry *e, size_t n);
/* All sound frames from *position on, up to `end`; *position moves along.  What does not fit is left out. */
RC journal_read(const char *path, uint64_t *position, uint64_t end,
                struct rc (*each)(void *arg, const struct table_entry *e), void *arg);

#endif
