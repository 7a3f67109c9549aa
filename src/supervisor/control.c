#include "supervisor/control.h"

#include "base/clock.h"
#include "base/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_ROOM 512
#define LINE_ROOM 600

/* A socket's name has 107 bytes; the folder is reached through its descriptor instead. */
static RC address(const char *folder, struct sockaddr_un *ret, int *dir)
{
	*dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	NEED(*dir >= 0, RC_NOTFOUND, "cannot open %s", folder);
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/" CONTROL_NAME, *dir);
	return OK;
}

RC control_listen(const char *folder, int *ret)
{
	struct sockaddr_un a;
	int dir, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	NEED(fd >= 0, RC_BUSY, "socket: error %d", errno);
	struct rc rc = address(folder, &a, &dir);
	if (rc_ok(rc)) {
		unlinkat(dir, CONTROL_NAME, 0);
		mode_t old = umask(0177);
		if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4) != 0)
			rc = rc_fail(RC_BUSY, "cannot listen in %s: error %d", folder, errno);
		umask(old);
		close(dir);
	}
	if (!rc_ok(rc)) {
		close(fd);
		return rc;
	}
	*ret = fd;
	return OK;
}

static RC read_secrets(int fd, struct secrets **ret)
{
	__attribute__((cleanup(buf_free))) struct buf text = BUF_SECRET(SECRETS_FILE_MAX);
	TRY(frame_read(fd, SECRETS_FILE_MAX, clock_mono_ms() + 2000, &text));
	return secrets_parse(buf_slice(&text), ret);
}

RC control_accept(int listener, struct secrets **ret, int *caller)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	NEED(fd >= 0, RC_NOTFOUND, "nobody waits");
	struct rc rc = read_secrets(fd, ret);
	if (!rc_ok(rc)) {
		control_answer(fd, rc_last()->text);
		return rc;
	}
	*caller = fd;
	return OK;
}

void control_answer(int caller, const char *line)
{
	(void)rc_ok(frame_write(caller, slice_text(line), clock_mono_ms() + 2000));
	close(caller);
}

static RC ask(int fd, struct slice text, char *answer, size_t size)
{
	AUTO_BUF(line, LINE_ROOM);
	TRY(frame_write(fd, text, clock_mono_ms() + CONTROL_WAIT_MS));
	TRY(frame_read(fd, LINE_ROOM - 1, clock_mono_ms() + CONTROL_WAIT_MS, &line));
	snprintf(answer, size, "%s", buf_cstr(&line));
	return OK;
}

RC control_ask(const char *folder, struct slice text, char *answer, size_t size)
{
	struct sockaddr_un a;
	int dir, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	NEED(fd >= 0, RC_BUSY, "socket: error %d", errno);
	struct rc rc = address(folder, &a, &dir);
	if (rc_ok(rc)) {
		if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
			rc = rc_fail(RC_NOTFOUND, "no supervisor runs on %s", folder);
		else
			rc = ask(fd, text, answer, size);
		close(dir);
	}
	close(fd);
	return rc;
}

RC control_lock(const char *folder, bool shared, int *ret)
{
	char path[PATH_ROOM];
	snprintf(path, sizeof path, "%s/supervisor.lock", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	NEED(fd >= 0, RC_BUSY, "cannot open %s: error %d", path, errno);
	if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
		close(fd);
		REFUSE(SUPERVISOR_RUNNING, "%s", folder);
	}
	*ret = fd;
	return OK;
}
