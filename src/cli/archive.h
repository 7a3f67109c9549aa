#ifndef YD_CLI_ARCHIVE_H
#define YD_CLI_ARCHIVE_H
/* What the archive's command finds in an exported log. */
#include "archive/archive.h"

/* PATH: what `audit export` wrote.  Adds the entries that say the archive's certificates were issued, their
 * proofs and the newest head above them. */
RC archive_add_log(struct archive *a, const char *path);

#endif
