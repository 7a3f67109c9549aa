#ifndef YD_SANDBOX_SANDBOX_H
#define YD_SANDBOX_SANDBOX_H
/* What a process may still touch once it has opened what it needs: Landlock for files and TCP
 * ports, seccomp for system calls (style.md 5.11).  Landlock binds the calling thread and those it
 * makes later, so sandbox_enter comes BEFORE the first thread is started. */
#include "base/rc.h"
#include <stdint.h>

#define SANDBOX_PATHS 64
#define SANDBOX_PORTS 32

enum sandbox_kind {
	SANDBOX_SIGNER, /* files and two sockets that are open already */
	SANDBOX_ROLE,   /* plus TCP listeners, clients, threads */
};

struct sandbox {
	enum sandbox_kind kind;
	const char *const *read;          /* NULL-closed; files or folders; absent ones skipped */
	const char *const *write;         /* folders: read, write, make, rename, remove */
	const uint16_t *listen, *connect; /* 0-closed lists of TCP ports */
};
struct sandbox_report {
	int landlock;        /* ABI in force; 0 = kernel has none */
	bool ports, seccomp; /* port rules and call filter in force */
	char note[160];      /* what is missing, for the log; "" when nothing */
};

/* Early, as soon as the process starts: non-dumpable, no core, no new privileges. */
RC sandbox_harden(void);
/* A kernel without Landlock or port rules is reported in ret, not refused. */
RC sandbox_enter(const struct sandbox *s, struct sandbox_report *ret);

#endif
