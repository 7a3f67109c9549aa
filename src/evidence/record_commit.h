#ifndef YD_EVIDENCE_RECORD_COMMIT_H
#define YD_EVIDENCE_RECORD_COMMIT_H
/* The record store's way to the disk: gives written temporary files their names and makes them
 * durable, for many callers at once.  Part of record.c; nobody else calls it. */
#include "base/auto.h"
#include "base/rc.h"

#include <limits.h>
#include <stddef.h>

#define RECORD_TEMPORARY ".XXXXXX" /* mkostemp()'s; what is before it is the name to be */
#define RECORD_COMMIT_MAX 1024     /* files that share one commit */

struct record_file {
	int fd; /* -1: there is no temporary file, or no more */
	char temporary[PATH_MAX];
};

struct record_commit;
RC   record_commit_open(const char *dir, struct record_commit **ret);
void record_commit_close(struct record_commit *c);
DROP(record_commit, record_commit_close);

/* On OK each file has its name and survives a power cut, the name with it.  On failure some may have
 * got theirs; a file that has not keeps its fd and its temporary name, for the caller to remove. */
RC record_commit(struct record_commit *c, struct record_file *files, size_t n);

RC record_sync_folder(const char *path);
RC record_failure(const char *what); /* from errno */

#endif
