#ifndef YD_DIRECTORY_INNER_H
#define YD_DIRECTORY_INNER_H
/* Shared by the files of the publisher. */
#include "directory/directory.h"
#include "directory/store.h"
#include "instance/instance.h"

#include <pthread.h>

struct directory {
	struct instance *in;
	struct http_client *ca;
	const atomic_ullong *taken;
	struct link_setup setup;
	char ca_file[512], secret[512], certificate[512], key[512]; /* setup points here */
	struct link *link; /* the thread's; NULL: none now */
	unsigned failures; /* in a row */
	pthread_t thread;
	bool running;
	atomic_bool ended;
	uint64_t next;     /* entry of the CA's log */
	atomic_ullong written, asked, repaired, compared, mended, strangers;
};

/* entry.c: the name of the entry that a certificate belongs to; empty: it must not be shown. */
RC entry_name(const struct trust *t, struct slice profile, struct slice der,
              char ret[DIRECTORY_NAME_MAX + 1]);
/* Writes one entry as it shall be now. current: nothing newer is on its way. */
RC entry_write(struct directory *d, struct db *db, const char *name, bool *current);
RC entry_dn(const struct directory *d, const char *name, struct buf *ret);

/* publish.c: the thread leaves its loops. */
bool publish_ending(const struct directory *d);

/* follow.c: what the log tells up to where status is. */
RC follow_log(struct directory *d);
/* repair.c */
RC repair_run(struct directory *d);
/* publish.c: these entries wait. */
RC publish_wait(struct directory *d, const char *entry);

#endif
