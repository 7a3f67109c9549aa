#ifndef YD_SUPERVISOR_CONTROL_H
#define YD_SUPERVISOR_CONTROL_H
/* The supervisor's own door: DIR/supervisor.sock (or DIR/INSTANCE/supervisor.sock under serve), mode
 * 0600.  One message: an unlock file; one answer: a line "ok …" or the refusal. */
#include "ceremony/secrets.h"

#define CONTROL_NAME "supervisor.sock"
#define CONTROL_WAIT_MS 30000
#define CONTROL_HOLD_MS 15000

/* Replaces what an ended supervisor left behind. */
RC control_listen(const char *folder, int *ret);
/* Takes one waiting caller; *caller is open until control_answer. RC_NOTFOUND when nobody waits. */
RC control_accept(int listener, struct secrets **ret, int *caller);
void control_answer(int caller, const char *line);
/* The caller's side; RC_NOTFOUND when no supervisor listens there. */
RC control_ask(const char *folder, struct slice text, char *answer, size_t size);

/* One supervisor for a folder: an exclusive lock for up; serve takes a shared one on DIR and an exclusive
 * one on its instance.  RC_CONFLICT (already-running). */
RC control_lock(const char *folder, bool shared, int *ret);

#endif
