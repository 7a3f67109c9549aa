#include "supervisor/loop.h"

#include "base/clock.h"
#include "base/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TLS_RENEW_MS (24u * 3600 * 1000)
#define TLS_RETRY_MS 10000
#define TLS_ENOUGH 3600 /* seconds left: good enough to start with while the authority is locked */
#define POLL_MOST_MS 1000

/* ---- unlocking ---- */
static void unlock_unit(struct unit *u, const struct secrets *secrets)
{
	struct slice secret = secrets_find(secrets, u->it->org);
	if (u->control == NULL || u->unlocked || secret.len == 0)
		return;
	if (rc_ok(signer_unlock(u->control, secret)))
		u->unlocked = true;
	else
		log_failure("supervisor.unlock", u->it->name);
}

/* The secrets that may be used at a start of a signer: the file is read again each time. */
static void unlock_started(struct supervisor *s, struct unit *u)
{
	AUTO(secrets, fresh, NULL);
	if (s->unlock[0] != 0 && !rc_ok(secrets_read(s->unlock, &fresh)))
		log_failure("supervisor.unlock", s->unlock);
	unlock_unit(u, s->unlock[0] != 0 ? fresh : s->once);
	unlock_unit(u, s->given);
	if (!u->unlocked)
		log_line(LOG_WARN, "signer.locked", "waits for `yuandian unlock`", "unit", u->it->name, NULL);
}

/* ---- transport certificates ---- */
/* The unlocked signer here that holds the TLS authority of the organisation: the first of that organisation
 * which says so. */
static struct signer_client *tls_authority(struct supervisor *s, const char *org)
{
	char name[PLAT_NAME + 8];
	snprintf(name, sizeof name, "%s-tls.key", org);
	for (size_t i = 0; i < s->count; i++) {
		char path[PLAT_PATH + 192];
		struct unit *u = &s->unit[i];
		snprintf(path, sizeof path, "%s/%s/signer/keys/%s", s->plat.dir, u->it->name, name);
		if (u->unlocked && u->control != NULL && strcmp(u->it->org, org) == 0 &&
		    access(path, F_OK) == 0)
			return u->control;
	}
	return NULL;
}

static bool tls_renew(struct supervisor *s, struct unit *u)
{
	struct signer_client *authority = tls_authority(s, u->it->org);
	if (authority == NULL)
		return false;
	if (!rc_ok(tls_issue(&s->plat, u, authority, s->launch.users))) {
		log_failure("supervisor.tls", u->it->name);
		return false;
	}
	u->tls_due = clock_mono_ms() + TLS_RENEW_MS;
	return true;
}

/* ---- a unit's life ---- */
static void failed(struct unit *u, const char *event)
{
	log_failure(event, u->it->name);
	unit_stop(u);
	unit_kill(u);
}

static void start_signer(struct supervisor *s, struct unit *u)
{
	if (rc_ok(unit_start_signer(u, &s->launch)))
		unlock_started(s, u);
	else
		failed(u, "supervisor.start");
}

/* The role follows once it has a certificate that is good for a while. */
static void start_role(struct supervisor *s, struct unit *u)
{
	bool fresh = tls_renew(s, u);
	if (!fresh && tls_left(&s->plat, u) < TLS_ENOUGH) {
		u->due = clock_mono_ms() + TLS_RETRY_MS;
		return;
	}
	if (!fresh)
		u->tls_due = clock_mono_ms() + TLS_RETRY_MS;
	if (!rc_ok(unit_start_role(u, &s->launch)))
		failed(u, "supervisor.start");
}

static void renew_running(struct supervisor *s, struct unit *u, uint64_t now)
{
	if (now < u->tls_due)
		return;
	u->tls_due = now + TLS_RETRY_MS;
	if (tls_renew(s, u))
		kill(u->role, SIGHUP);
}

static void step(struct supervisor *s, struct unit *u, uint64_t now)
{
	switch (u->state) {
	case UNIT_DOWN:
		if (!s->ending && now >= u->due)
			start_signer(s, u);
		break;
	case UNIT_SIGNER:
		if (!s->ending && now >= u->due)
			start_role(s, u);
		break;
	case UNIT_UP:
		renew_running(s, u, now);
		break;
	case UNIT_ENDING:
		if (u->role == 0 && u->signer == 0)
			unit_settle(u);
		else if (now >= u->due)
			unit_kill(u);
		break;
	}
}

static void announce(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!s->unit[i].ready)
			return;
	if (s->announced)
		return;
	s->announced = true;
	s->ready(s);
}

/* ---- events ---- */
static void end_begins(struct supervisor *s)
{
	if (s->ending)
		return;
	s->ending = true;
	for (size_t i = 0; i < s->count; i++)
		if (s->unit[i].state != UNIT_DOWN && s->unit[i].state != UNIT_ENDING)
			unit_stop(&s->unit[i]);
}

/* While all end, only an end that was not asked for is told. */
static void report_end(const struct supervisor *s, const struct unit *u, const char *what, int status)
{
	bool crashed = WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGKILL;
	bool failed_itself = WIFEXITED(status) && WEXITSTATUS(status) != 0;
	char how[64];
	if (WIFEXITED(status))
		snprintf(how, sizeof how, "exit %d", WEXITSTATUS(status));
	else
		snprintf(how, sizeof how, "%s", strsignal(WTERMSIG(status)));
	if (!s->ending || crashed || failed_itself)
		log_line(LOG_WARN, "child.ended", how, "process", what, "unit", u->it->name, NULL);
}

static void reap(struct supervisor *s)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		for (size_t i = 0; i < s->count; i++) {
			struct unit *u = &s->unit[i];
			const char *what = pid == u->role ? "instance" : "signer";
			if (!unit_gone(u, pid))
				continue;
			report_end(s, u, what, status);
		}
	}
}

static void on_signals(struct supervisor *s)
{
	struct signalfd_siginfo i;
	while (read(s->signals, &i, sizeof i) == (ssize_t)sizeof i) {
		if (i.ssi_signo == SIGCHLD)
			reap(s);
		else
			end_begins(s);
	}
}

/* Ends an unlocking: the secrets go, the caller learns how it stands. */
static void door_answer(struct supervisor *s)
{
	char line[256];
	size_t open = 0;
	const char *locked = NULL;
	for (size_t i = 0; i < s->count; i++) {
		open += s->unit[i].unlocked;
		if (!s->unit[i].unlocked && locked == NULL)
			locked = s->unit[i].it->name;
	}
	if (locked != NULL)
		snprintf(line, sizeof line, "%zu of %zu signers are open; still locked: %s", open, s->count,
		         locked);
	else
		snprintf(line, sizeof line, "ok %zu signers are open", open);
	control_answer(s->caller, line);
	secrets_free(s->given);
	s->given = NULL;
}

/* Waits for those that are starting; a signer that runs and did not open never will. */
static void door_step(struct supervisor *s)
{
	bool all = true, refused = false;
	if (s->given == NULL)
		return;
	for (size_t i = 0; i < s->count; i++) {
		const struct unit *u = &s->unit[i];
		bool runs = u->state == UNIT_SIGNER || u->state == UNIT_UP;
		all = all && u->unlocked && u->ready;
		refused = refused || (runs && !u->unlocked);
	}
	if (all || refused || s->ending || clock_mono_ms() >= s->given_until)
		door_answer(s);
}

static void on_door(struct supervisor *s)
{
	struct secrets *given = NULL;
	int caller;
	if (!rc_ok(control_accept(s->door, &given, &caller)))
		return;
	if (s->given != NULL)
		door_answer(s);
	s->given = given;
	s->caller = caller;
	s->given_until = clock_mono_ms() + CONTROL_HOLD_MS;
	for (size_t i = 0; i < s->count; i++)
		unlock_unit(&s->unit[i], given);
}

static void wait_events(struct supervisor *s, int timeout)
{
	struct pollfd p[PLAT_INSTANCES + 2];
	struct unit *of[PLAT_INSTANCES + 2];
	nfds_t n = 0;
	p[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = s->door, .events = POLLIN};
	for (size_t i = 0; i < s->count; i++) {
		if (s->unit[i].channel < 0)
			continue;
		of[n] = &s->unit[i];
		p[n++] = (struct pollfd){.fd = s->unit[i].channel, .events = POLLIN};
	}
	if (poll(p, n, timeout) <= 0)
		return;
	for (nfds_t i = 2; i < n; i++)
		if (p[i].revents != 0)
			unit_listen(of[i]);
	if (p[0].revents != 0)
		on_signals(s);
	if (p[1].revents != 0)
		on_door(s);
}

static int next_due(const struct supervisor *s, uint64_t now)
{
	uint64_t least = now + POLL_MOST_MS;
	for (size_t i = 0; i < s->count; i++)
		if (s->unit[i].state != UNIT_UP && s->unit[i].due < least)
			least = s->unit[i].due;
	return least <= now ? 0 : (int)(least - now);
}

static bool all_down(const struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->unit[i].state != UNIT_DOWN)
			return false;
	return true;
}

/* Every signer first, so that each organisation's TLS authority is there when the roles need it. */
static void first_start(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++)
		start_signer(s, &s->unit[i]);
	secrets_free(s->once);
	s->once = NULL;
}

RC loop_run(struct supervisor *s)
{
	first_start(s);
	while (!s->ending || !all_down(s)) {
		uint64_t now = clock_mono_ms();
		for (size_t i = 0; i < s->count; i++)
			step(s, &s->unit[i], now);
		announce(s);
		door_step(s);
		wait_events(s, next_due(s, clock_mono_ms()));
	}
	return OK;
}
