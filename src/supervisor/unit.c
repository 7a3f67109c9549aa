#include "supervisor/unit.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES_WANTED 65536
#define MEMLOCK_WANTED (64u << 20)
#define EXIT_EXEC 127

/* ---- the child's side, between fork and exec ---- */
struct spawn {
	const char *command, *name;
	int fd3, fd4;
	unsigned uid;
	pid_t parent;
};

static void raise_limits(void)
{
	struct rlimit files, lock = {MEMLOCK_WANTED, MEMLOCK_WANTED}, want = {FILES_WANTED, FILES_WANTED};
	if (setrlimit(RLIMIT_NOFILE, &want) != 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_MEMLOCK, &lock);
}

static bool place_descriptors(const struct spawn *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int a = fcntl(s->fd3, F_DUPFD_CLOEXEC, UNIT_FD_FREE),
	    b = fcntl(s->fd4, F_DUPFD_CLOEXEC, UNIT_FD_FREE);
	if (null < 0 || a < 0 || b < 0)
		return false;
	/* Standard output belongs to the supervisor's own lines. */
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(a, UNIT_FD_SIGNER) < 0 ||
	    dup2(b, UNIT_FD_SUPERVISOR) < 0)
		return false;
	/* Whatever our caller left open to us is not the children's. */
	return close_range(UNIT_FD_SUPERVISOR + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool become(unsigned uid)
{
	return setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0;
}

static bool prepare(const struct launch *l, const struct spawn *s)
{
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0);
	raise_limits();
	if (!place_descriptors(s) || (l->users && !become(s->uid)))
		return false;
	/* After the change of user, which would undo it; gone already if the parent ended meanwhile. */
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	return getppid() == s->parent && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static void child(const struct launch *l, const struct spawn *s)
{
	union {
		const char *const *in;
		char *const *out;
	} argv, env;
	const char *const words[] = {"yuandian", s->command, s->name, "--data", l->dir, NULL};
	/* SM_USE can only take the fast implementations away (sm/cpu.h): for measurements and tests. */
	const char *use = getenv("SM_USE");
	char sm_use[32];
	const char *const clean[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC",
	                             use != NULL ? sm_use : NULL, NULL};
	if (use != NULL)
		snprintf(sm_use, sizeof sm_use, "SM_USE=%.20s", use);
	argv.in = words;
	env.in = clean;
	if (prepare(l, s))
		fexecve(l->exe, argv.out, env.out);
	dprintf(STDERR_FILENO, "yuandian %s %s: cannot start: %s\n", s->command, s->name, strerror(errno));
	_exit(EXIT_EXEC);
}

static RC spawn(const struct launch *l, struct spawn *s, pid_t *ret)
{
	s->parent = getpid();
	pid_t pid = fork();
	NEED(pid >= 0, RC_BUSY, "fork: error %d", errno);
	if (pid == 0)
		child(l, s);
	*ret = pid;
	return OK;
}

/* ---- the supervisor's side ---- */
static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static RC pair(int ret[2])
{
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret) == 0, RC_BUSY, "socketpair: error %d",
	     errno);
	return OK;
}

RC unit_start_signer(struct unit *u, const struct launch *l)
{
	int role[2] = {-1, -1}, control[2] = {-1, -1};
	TRY(pair(role));
	struct rc rc = pair(control);
	struct spawn s = {"signer", u->it->name, role[1], control[1], u->it->signer_uid, 0};
	if (rc_ok(rc))
		rc = spawn(l, &s, &u->signer);
	close_fd(&role[1]);
	close_fd(&control[1]);
	if (!rc_ok(rc)) {
		close_fd(&role[0]);
		close_fd(&control[0]);
		return rc;
	}
	u->role_end = role[0];
	u->state = UNIT_SIGNER;
	u->unlocked = u->ready = false;
	u->started = clock_mono_ms();
	return signer_client_open(control[0], &u->control);
}

RC unit_start_role(struct unit *u, const struct launch *l)
{
	int channel[2];
	TRY(pair(channel));
	struct spawn s = {"instance", u->it->name, u->role_end, channel[1], u->it->uid, 0};
	struct rc rc = spawn(l, &s, &u->role);
	close_fd(&channel[1]);
	if (!rc_ok(rc)) {
		close_fd(&channel[0]);
		return rc;
	}
	close_fd(&u->role_end);
	u->channel = channel[0];
	u->state = UNIT_UP;
	return OK;
}

void unit_stop(struct unit *u)
{
	if (u->role > 0)
		kill(u->role, SIGTERM);
	else if (u->signer > 0)
		kill(u->signer, SIGTERM);
	u->due = clock_mono_ms() + (u->role > 0 ? UNIT_STOP_ROLE_MS : UNIT_STOP_SIGNER_MS);
	u->state = UNIT_ENDING;
	u->ready = false;
}

void unit_kill(struct unit *u)
{
	if (u->role > 0)
		kill(-u->role, SIGKILL);
	if (u->signer > 0)
		kill(-u->signer, SIGKILL);
	u->due = clock_mono_ms() + UNIT_STOP_SIGNER_MS;
}

bool unit_gone(struct unit *u, pid_t pid)
{
	if (pid != u->role && pid != u->signer)
		return false;
	if (pid == u->role)
		u->role = 0;
	else
		u->signer = 0;
	/* The two live and die together.  A role that lost its signer may hang in what it was doing; there is
	 * nothing to wait for that a restart does not bring. */
	bool crashed = u->state == UNIT_SIGNER || u->state == UNIT_UP;
	unit_stop(u);
	if (crashed)
		u->due = clock_mono_ms() + UNIT_STOP_SIGNER_MS;
	return true;
}

void unit_settle(struct unit *u)
{
	uint64_t now = clock_mono_ms();
	signer_client_close(u->control);
	u->control = NULL;
	close_fd(&u->role_end);
	close_fd(&u->channel);
	if (now - u->started >= UNIT_STEADY_MS || u->retry_ms == 0)
		u->retry_ms = UNIT_RETRY_LEAST_MS;
	else
		u->retry_ms = u->retry_ms * 2 < UNIT_RETRY_MOST_MS ? u->retry_ms * 2 : UNIT_RETRY_MOST_MS;
	u->state = UNIT_DOWN;
	u->ready = u->unlocked = false;
	u->due = now + u->retry_ms;
}

void unit_listen(struct unit *u)
{
	char word[64];
	ssize_t n = recv(u->channel, word, sizeof word - 1, MSG_DONTWAIT);
	if (n > 0) {
		word[n] = 0;
		u->ready = u->ready || strstr(word, "ready") != NULL;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_fd(&u->channel);
	}
}
