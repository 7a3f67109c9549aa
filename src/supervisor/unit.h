#ifndef YD_SUPERVISOR_UNIT_H
#define YD_SUPERVISOR_UNIT_H
/* One instance under supervision: its role process, its signer process, and the sockets between. */
#include "ceremony/platform.h"
#include "signer/client.h"

#include <sys/types.h>

#define UNIT_FD_SIGNER 3
#define UNIT_FD_SUPERVISOR 4
#define UNIT_FD_FREE 16 /* above every descriptor a child is given */
#define UNIT_STOP_ROLE_MS 15000
#define UNIT_STOP_SIGNER_MS 3000
#define UNIT_RETRY_LEAST_MS 200
#define UNIT_RETRY_MOST_MS 30000
#define UNIT_STEADY_MS 60000 /* ran this long: the next failure starts with the least delay */

enum unit_state {
	UNIT_DOWN,   /* starts when due */
	UNIT_SIGNER, /* signer runs; the role waits for its TLS certificate */
	UNIT_UP,     /* both run */
	UNIT_ENDING, /* asked to end; killed when due */
};
struct unit {
	const struct plat_instance *it;
	enum unit_state state;
	pid_t role, signer; /* 0: not running */
	int role_end;       /* the role's end of the signer's socket, until the role has it */
	int channel;        /* our end of the role's supervisor channel; -1 */
	struct signer_client *control;
	bool unlocked, ready;
	uint64_t due, started, tls_due;
	unsigned retry_ms;
};

/* How children are made. */
struct launch {
	const char *dir; /* DIR, absolute */
	int exe;         /* this program, open for execution */
	bool users;      /* give each process its own user */
};
RC unit_start_signer(struct unit *u, const struct launch *l);
RC unit_start_role(struct unit *u, const struct launch *l);
/* Asks both to end; a due time is set after which unit_kill is in order. */
void unit_stop(struct unit *u);
void unit_kill(struct unit *u);
/* Notes that a child ended; true when it was one of this unit. */
bool unit_gone(struct unit *u, pid_t pid);
/* Both processes have ended: closes sockets, plans the next start. */
void unit_settle(struct unit *u);
/* Reads what the role says on its channel; sets ready. */
void unit_listen(struct unit *u);

/* ---- files and users (owner.c) ---- */
/* False when DIR lies under a folder that other users cannot pass. */
/* view.c: DIR under a name that the instances' users can reach. */
struct view {
	char path[PLAT_PATH];
	bool mounted;
};
RC view_open(const char *dir, struct view *ret);
void view_close(struct view *v);

bool owner_possible(const char *dir);
/* Hands new files of DIR to the users of their instances, demo/ to the caller of sudo. */
RC owner_apply(const struct plat *p, bool users);
RC owner_give(const char *path, unsigned uid, bool users);

/* ---- transport certificates (tls.c) ---- */
/* A fresh P-256 key and a certificate from the organisation's TLS authority, written to tls/. */
RC tls_issue(const struct plat *p, const struct unit *u, struct signer_client *authority, bool users);
/* Seconds the certificate on disk is still good for; 0 when there is none. */
int64_t tls_left(const struct plat *p, const struct unit *u);

#endif
