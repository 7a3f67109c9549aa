/* What each kind of process may no longer do.  Every case runs in a child of its own: a sandbox is
 * for life. */
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static uint16_t free_port;

/* Runs in the sandbox; exit status = number of the first check that did not hold. */
static int inside(enum sandbox_kind kind, int (*checks)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const char *read[] = {folder, "/nowhere", NULL};
		char out[80];
		snprintf(out, sizeof out, "%s/out", folder);
		const char *write[] = {out, NULL};
		const uint16_t listen[] = {free_port, 0};
		struct sandbox s = {kind, read, write, listen, NULL};
		struct sandbox_report report;
		if (!rc_ok(sandbox_harden()) || !rc_ok(sandbox_enter(&s, &report)))
			_exit(100);
		if (!report.seccomp || report.landlock < 1)
			_exit(101);
		_exit(checks());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void *thread(void *arg)
{
	*(int *)arg = opens("/etc/passwd", O_RDONLY) ? 2 : 1;
	return NULL;
}

static int signer_checks(void)
{
	char path[96];
	int in_thread = 0;
	pthread_t t;
	snprintf(path, sizeof path, "%s/in", folder);
	if (!opens(path, O_RDONLY))
		return 1;
	if (opens(path, O_WRONLY))
		return 2;
	if (opens("/etc/passwd", O_RDONLY))
		return 3;
	if (opens("/proc/self/mem", O_RDONLY))
		return 4;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 5;
	if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
		return 6;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		return 7;
	if (fork() >= 0)
		return 8;
	execl("/bin/true", "true", (char *)NULL);
	if (errno != EPERM)
		return 9;
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0)
		return 10;
	if (pthread_create(&t, NULL, thread, &in_thread) != 0 || pthread_join(t, NULL) != 0)
		return 11;
	if (in_thread != 1)
		return 12;
	if (kill(getppid(), 0) == 0)
		return 13;
	return 0;
}

static int listens(uint16_t port)
{
	struct sockaddr_in a = {
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int rc = bind(fd, (struct sockaddr *)&a, sizeof a);
	close(fd);
	return rc;
}

static int connects(uint16_t port)
{
	struct sockaddr_in a = {
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
	int why = errno;
	close(fd);
	return rc == 0 ? 0 : why;
}

/* The record store's way to make many files durable at once. */
static bool syncs_its_file_system(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/out", folder);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && syncfs(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

static int role_checks(void)
{
	char path[96], other[96];
	snprintf(path, sizeof path, "%s/out/new", folder);
	snprintf(other, sizeof other, "%s/out/renamed", folder);
	if (!opens(path, O_RDWR | O_CREAT))
		return 1;
	if (rename(path, other) != 0 || unlink(other) != 0)
		return 2;
	snprintf(path, sizeof path, "%s/beside", folder);
	if (opens(path, O_RDWR | O_CREAT))
		return 3;
	if (opens("/etc/passwd", O_RDONLY))
		return 4;
	if (listens(free_port) != 0)
		return 5;
	if (listens((uint16_t)(free_port ^ 1)) == 0 || errno != EACCES)
		return 6;
	if (connects((uint16_t)(free_port ^ 1)) != EACCES)
		return 7;
	if (fork() >= 0)
		return 8;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		return 9;
	if (socket(AF_INET, SOCK_RAW, 1) >= 0 || socket(AF_PACKET, SOCK_RAW, 0) >= 0)
		return 10;
	if (!syncs_its_file_system())
		return 11;
	return 0;
}

/* design.md 2: signers open no socket, run no program and read nothing but keys and trust. */
static void a_signer_can_only_sign(void **state)
{
	(void)state;
	assert_int_equal(inside(SANDBOX_SIGNER, signer_checks), 0);
}

static void a_role_keeps_to_its_folder_and_ports(void **state)
{
	(void)state;
	assert_int_equal(inside(SANDBOX_ROLE, role_checks), 0);
}

static int free_checks(void)
{
	return 0;
}

static int setup(void **state)
{
	char path[96];
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/yd-sandbox-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/in", folder);
	close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof path, "%s/out", folder);
	mkdir(path, 0700);
	free_port = (uint16_t)(20000 + getpid() % 20000) & 0xfffe;
	return inside(SANDBOX_ROLE, free_checks);
}

static int teardown(void **state)
{
	char path[96];
	(void)state;
	snprintf(path, sizeof path, "%s/in", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/out", folder);
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_signer_can_only_sign),
	        cmocka_unit_test(a_role_keeps_to_its_folder_and_ports),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
