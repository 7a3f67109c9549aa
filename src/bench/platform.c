#include "bench/platform.h"

#include "base/mem.h"
#include "base/text.h"
#include "bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENDPOINTS_MAX (256u << 10)
#define LOG_MAX (16u << 20)
#define POLL_NS 2000000

static RC beside(const char *dir, const char *suffix, char ret[PLATFORM_PATH_MAX])
{
	int n = snprintf(ret, PLATFORM_PATH_MAX, "%s%s", dir, suffix);

	NEED(n > 0 && n < PLATFORM_PATH_MAX, RC_INPUT, "bench: the path is too long");
	return OK;
}

/* In the child: only calls that are safe after fork. */
static void run_up(const char *dir, int out, int err)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(err, STDERR_FILENO);
	(void)execl("/proc/self/exe", "yuandian", "up", "--data", dir, "--demo", "--base-port", "0",
	            (char *)NULL);
	_exit(127);
}

static RC spawn(const char *dir, pid_t *ret)
{
	char path[PLATFORM_PATH_MAX];
	int out, err;

	TRY(beside(dir, ".out", path));
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	TRY(beside(dir, ".log", path));
	err = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	*ret = out >= 0 && err >= 0 ? fork() : -1;
	if (*ret == 0)
		run_up(dir, out, err);
	if (out >= 0)
		(void)close(out);
	if (err >= 0)
		(void)close(err);
	NEED(*ret > 0, RC_BUSY, "bench: cannot start the platform: %s", strerror(errno));
	return OK;
}

static bool says_ready(const char *path)
{
	AUTO_BUF(text, LOG_MAX);

	if (!rc_ok(file_read(path, LOG_MAX, &text)))
		return false;
	return strncmp(buf_cstr(&text), "ready", 5) == 0 || strstr(buf_cstr(&text), "\nready") != NULL;
}

static void doze(void)
{
	struct timespec t = {.tv_nsec = POLL_NS};

	(void)nanosleep(&t, NULL);
}

static RC wait_ready(struct platform *p, double from)
{
	char path[PLATFORM_PATH_MAX];

	TRY(beside(p->dir, ".out", path));
	while (!says_ready(path)) {
		if (waitpid(p->pid, NULL, WNOHANG) != 0) {
			p->pid = 0;
			FAIL(RC_BUSY, "bench: the platform ended before it was ready; see %s.log", p->dir);
		}
		NEED(seconds_now() - from < PLATFORM_READY_SECONDS, RC_BUSY,
		     "bench: the platform was not ready in %d s; see %s.log", PLATFORM_READY_SECONDS, p->dir);
		doze();
	}
	return OK;
}

static RC read_endpoints(struct platform *p)
{
	char path[PLATFORM_PATH_MAX];
	AUTO_BUF(text, ENDPOINTS_MAX);

	TRY(platform_path(p, "endpoints.json", path));
	TRY(file_read(path, ENDPOINTS_MAX, &text));
	return json_read(buf_slice(&text), ENDPOINTS_MAX, &p->endpoints);
}

RC platform_start(const char *dir, struct platform **ret, double *seconds)
{
	struct platform *p = mem_new(1, sizeof(*p));
	double from = seconds_now();
	struct rc rc;

	NEED(p != NULL, RC_NOMEM, "bench: no memory");
	rc = beside(dir, "", p->dir);
	if (rc_ok(rc))
		rc = spawn(dir, &p->pid);
	if (rc_ok(rc))
		rc = wait_ready(p, from);
	*seconds = seconds_now() - from;
	if (rc_ok(rc))
		rc = read_endpoints(p);
	if (!rc_ok(rc)) {
		platform_stop(p);
		return rc;
	}
	*ret = p;
	return OK;
}

void platform_stop(struct platform *p)
{
	double until = seconds_now() + PLATFORM_END_SECONDS;

	if (p == NULL)
		return;
	if (p->pid > 0)
		(void)kill(p->pid, SIGTERM);
	while (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) == 0) {
		if (seconds_now() > until)
			(void)kill(p->pid, SIGKILL);
		doze();
	}
	json_decref(p->endpoints);
	mem_free(p);
}

RC platform_get(struct bench *b, struct platform **ret)
{
	double seconds;

	if (b->platform == NULL)
		TRY(platform_start(b->options->data, &b->platform, &seconds));
	*ret = b->platform;
	return OK;
}

RC platform_path(const struct platform *p, const char *name, char ret[PLATFORM_PATH_MAX])
{
	int n = snprintf(ret, PLATFORM_PATH_MAX, "%s/%s", p->dir, name);

	NEED(n > 0 && n < PLATFORM_PATH_MAX, RC_INPUT, "bench: the path is too long");
	return OK;
}

static RC text_of(const json_t *o, const char *key, const char **ret)
{
	*ret = json_string_value(json_object_get(o, key));
	NEED(*ret != NULL, RC_NOTFOUND, "bench: endpoints.json names no %s", key);
	return OK;
}

RC platform_url(const struct platform *p, const char *instance, const char *which, const char **ret)
{
	return text_of(json_object_get(json_object_get(p->endpoints, "instances"), instance), which, ret);
}

RC platform_public(const struct platform *p, const char *which, const char **ret)
{
	return text_of(json_object_get(p->endpoints, "public"), which, ret);
}
