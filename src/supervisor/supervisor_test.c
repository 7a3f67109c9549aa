/* Supervision with real signers and a stand-in for the roles: this program started again as `instance` says
 * that it is ready and waits; as `signer` it is the real one.  Start, restart, unlocking, ports, locks, end.
 */
#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/text.h"
#include "ceremony/ceremony.h"
#include "signer/signer.h"
#include "supervisor/control.h"
#include "supervisor/ports.h"
#include "supervisor/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MUST(call)                                                                                           \
	do {                                                                                                 \
		struct rc must__ = (call);                                                                   \
		if (!rc_ok(must__))                                                                          \
			fail_msg("%s: %s", #call, rc_last()->text);                                          \
	} while (0)
#define WAIT_MS 60000
#define INSTANCES 6 /* of the demonstration plan */

static char root[64], data[96];

/* ---- the children ---- */
static int stand_in(void)
{
	char byte;
	/* Both descriptors must be there, and nothing else of the supervisor's. */
	for (int fd = 5; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 3;
	if (write(UNIT_FD_SUPERVISOR, "ready\n", 6) != 6)
		return 4;
	/* A signer that ends closes this; SIGTERM ends us before. */
	while (read(UNIT_FD_SIGNER, &byte, 1) > 0)
		;
	pause();
	return 0;
}

static int be_signer(const char *name, const char *dir)
{
	struct signer_options o = {name, dir, UNIT_FD_SIGNER, UNIT_FD_SUPERVISOR, true};
	return rc_ok(signer_main(&o)) ? 0 : 1;
}

/* ---- looking at processes ---- */
struct seen {
	char what[16], name[64];
	pid_t pid;
};

static size_t processes(struct seen *ret, size_t max)
{
	size_t n = 0;
	DIR *d = opendir("/proc");
	for (const struct dirent *e = readdir(d); e != NULL && n < max; e = readdir(d)) {
		char path[300], line[1024] = {0};
		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%.20s/cmdline", e->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t len = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
		if (fd >= 0)
			close(fd);
		/* Anybody's process may be seen here: a line may be cut, or hold fewer words. */
		const char *argv[5] = {line}, *end = line + (len > 0 ? len : 0);
		int words = 1;
		for (; words < 5 && argv[words - 1] < end; words++)
			argv[words] = argv[words - 1] + strlen(argv[words - 1]) + 1;
		if (words < 5 || argv[4] >= end || strcmp(argv[4], data) != 0)
			continue;
		snprintf(ret[n].what, sizeof ret[n].what, "%.15s", argv[1]);
		snprintf(ret[n].name, sizeof ret[n].name, "%.63s", argv[2]);
		ret[n++].pid = (pid_t)strtol(e->d_name, NULL, 10);
	}
	closedir(d);
	return n;
}

static pid_t find(const char *what, const char *name)
{
	struct seen all[32];
	size_t n = processes(all, 32);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].what, what) == 0 && strcmp(all[i].name, name) == 0)
			return all[i].pid;
	return 0;
}

static bool wait_until(bool (*done)(void *arg), void *arg)
{
	for (uint64_t end = clock_mono_ms() + WAIT_MS; clock_mono_ms() < end;) {
		if (done(arg))
			return true;
		poll(NULL, 0, 20);
	}
	return false;
}

/* ---- a supervisor in a child ---- */
struct up {
	pid_t pid;
	int out;
};

static struct up start(const struct up_options *o, const char *only)
{
	int p[2];
	struct up u;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	u.pid = fork();
	assert_true(u.pid >= 0);
	if (u.pid == 0) {
		/* Not even a test that crashes leaves processes behind: they would hold its output open. */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		dup2(p[1], STDOUT_FILENO);
		struct rc rc = only != NULL ? supervisor_serve(only, o) : supervisor_up(o);
		if (!rc_ok(rc))
			dprintf(STDOUT_FILENO, "failed %s: %s\n", err_info(rc_last()->err)->name,
			        rc_last()->text);
		_exit(rc_ok(rc) ? 0 : 1);
	}
	close(p[1]);
	u.out = p[0];
	return u;
}

static void read_line(const struct up *u, char *line, size_t size)
{
	size_t n = 0;
	struct pollfd p = {.fd = u->out, .events = POLLIN};
	while (n + 1 < size && poll(&p, 1, WAIT_MS) > 0 && read(u->out, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
}

static void expect_ready(const struct up *u)
{
	char line[300];
	read_line(u, line, sizeof line);
	if (strncmp(line, "ready", 5) != 0)
		fail_msg("not ready: %s", line);
}

static int finish(struct up *u, int sig)
{
	int status;
	kill(u->pid, sig);
	assert_int_equal(waitpid(u->pid, &status, 0), u->pid);
	close(u->out);
	assert_true(WIFEXITED(status));
	struct seen left[32];
	assert_int_equal(processes(left, 32), 0);
	return WEXITSTATUS(status);
}

/* ---- tests ---- */
static void an_empty_folder_is_not_started(void **state)
{
	char empty[96];
	struct stat st;
	(void)state;
	snprintf(empty, sizeof empty, "%s/empty", root);
	assert_int_equal(mkdir(empty, 0755), 0);
	struct up_options o = {.data = empty, .base_port = -1};
	assert_int_equal(supervisor_up(&o).code, RC_CONFLICT);
	assert_int_equal(rc_last()->err, ERR_CEREMONY_STATE);
	char lock[128];
	snprintf(lock, sizeof lock, "%s/supervisor.lock", empty);
	assert_int_equal(stat(lock, &st), -1);
}

static void all_start_and_all_end(void **state)
{
	struct up_options o = {.data = data, .base_port = -1};
	struct seen all[32];
	struct stat st;
	char path[160];
	(void)state;
	struct up u = start(&o, NULL);
	expect_ready(&u);
	assert_int_equal(processes(all, 32), 2 * INSTANCES);
	snprintf(path, sizeof path, "%s/endpoints.json", data);
	assert_int_equal(stat(path, &st), 0);
	/* A second one on the same folder is refused, the first goes on. */
	assert_int_equal(supervisor_up(&o).code, RC_CONFLICT);
	assert_int_equal(rc_last()->err, ERR_SUPERVISOR_RUNNING);
	assert_int_equal(processes(all, 32), 2 * INSTANCES);
	assert_int_equal(finish(&u, SIGINT), 0);
	u = start(&o, NULL);
	expect_ready(&u);
	assert_int_equal(finish(&u, SIGTERM), 0);
}

static void each_process_has_a_user_of_its_own(void **state)
{
	struct up_options o = {.data = data, .base_port = -1};
	struct seen all[32];
	unsigned uids[32];
	(void)state;
	if (geteuid() != 0)
		skip();
	struct up u = start(&o, NULL);
	expect_ready(&u);
	size_t n = processes(all, 32);
	for (size_t i = 0; i < n; i++) {
		char path[64];
		FILE *f;
		char line[256];
		snprintf(path, sizeof path, "/proc/%d/status", (int)all[i].pid);
		f = fopen(path, "r");
		assert_non_null(f);
		while (fgets(line, sizeof line, f) != NULL)
			if (strncmp(line, "Uid:", 4) == 0)
				uids[i] = (unsigned)strtoul(line + 4, NULL, 10);
		fclose(f);
		assert_int_not_equal(uids[i], 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(uids[i], uids[k]);
	}
	assert_int_equal(finish(&u, SIGINT), 0);
}

struct change {
	const char *name;
	pid_t role, signer;
};

static bool both_are_new(void *arg)
{
	const struct change *c = arg;
	pid_t role = find("instance", c->name), signer = find("signer", c->name);
	return role != 0 && signer != 0 && role != c->role && signer != c->signer;
}

/* A role restarts together with its signer, whichever of them died. */
static void what_dies_comes_back_with_its_partner(void **state)
{
	struct up_options o = {.data = data, .base_port = -1};
	(void)state;
	struct up u = start(&o, NULL);
	expect_ready(&u);
	for (int i = 0; i < 2; i++) {
		struct change c = {"shifan/ca", find("instance", "shifan/ca"), find("signer", "shifan/ca")};
		pid_t other = find("instance", "shifan/ra");
		kill(i == 0 ? c.role : c.signer, SIGKILL);
		assert_true(wait_until(both_are_new, &c));
		assert_int_equal(find("instance", "shifan/ra"), other);
	}
	assert_int_equal(finish(&u, SIGINT), 0);
}

/* Nothing is left behind when the supervisor itself is killed. */
static bool none_is_left(void *arg)
{
	struct seen all[32];
	(void)arg;
	return processes(all, 32) == 0;
}

static void children_do_not_outlive_a_killed_supervisor(void **state)
{
	struct up_options o = {.data = data, .base_port = -1};
	int status;
	(void)state;
	struct up u = start(&o, NULL);
	expect_ready(&u);
	kill(u.pid, SIGKILL);
	waitpid(u.pid, &status, 0);
	close(u.out);
	assert_true(wait_until(none_is_left, NULL));
}

static void unlocking_by_command_opens_what_was_locked(void **state)
{
	struct up_options o = {.data = data, .base_port = -1};
	char kept[160], place[160], wrong[160];
	(void)state;
	snprintf(place, sizeof place, "%s/demo/unlock", data);
	snprintf(kept, sizeof kept, "%s/kept", root);
	snprintf(wrong, sizeof wrong, "%s/wrong", root);
	assert_int_equal(supervisor_unlock(data, place).code, RC_NOTFOUND);
	assert_int_equal(rename(place, kept), 0);
	struct up u = start(&o, NULL);
	expect_ready(&u); /* our stand-ins do not ask whether their signer is open */
	AUTO_BUF(text, 4096);
	buf_text(&text, "{\"schema\":\"yuandian/unlock/v1\",\"secrets\":{");
	for (int i = 0; i < 3; i++)
		buf_printf(&text, "%s\"%s\":\"%064d\"", i > 0 ? "," : "",
		           (const char *[]){"national", "keycentre", "shifan"}[i], 0);
	buf_text(&text, "}}");
	MUST(file_write(wrong, buf_slice(&text), 0600));
	assert_int_equal(supervisor_unlock(data, wrong).code, RC_DENIED);
	MUST(supervisor_unlock(data, kept));
	assert_int_equal(finish(&u, SIGINT), 0);
	assert_int_equal(rename(kept, place), 0);
}

static void one_instance_can_be_served_alone(void **state)
{
	struct up_options o = {.data = data, .base_port = -1};
	struct seen all[32];
	(void)state;
	struct up u = start(&o, "keycentre/kmc"), v = start(&o, "national/source");
	expect_ready(&u);
	expect_ready(&v);
	assert_int_equal(processes(all, 32), 4);
	assert_int_equal(supervisor_up(&o).code, RC_CONFLICT);
	kill(v.pid, SIGTERM);
	int status;
	waitpid(v.pid, &status, 0);
	close(v.out);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(finish(&u, SIGINT), 0);
	assert_int_equal(supervisor_serve("shifan/nobody", &o).code, RC_NOTFOUND);
}

/* ---- ports ---- */
static int occupy(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons((uint16_t)port),
	                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void a_taken_port_is_named(void **state)
{
	struct plat p = {.count = 1, .instance = {{.name = "a/source", .role = "source"}}};
	unsigned base;
	char text[16];
	(void)state;
	MUST(ports_choose(1, &base));
	plat_ports(&p, base);
	assert_int_equal(p.instance[0].public, base + 1);
	for (unsigned i = 0; i < 3; i++) {
		int fd = occupy(base + i);
		assert_int_equal(ports_free(&p, 0).code, RC_CONFLICT);
		assert_int_equal(rc_last()->err, ERR_PORT_TAKEN);
		snprintf(text, sizeof text, "%u", base + i);
		assert_non_null(strstr(rc_last()->text, text));
		close(fd);
	}
	MUST(ports_free(&p, 0));
}

static void *let_go(void *arg)
{
	const struct timespec later = {.tv_nsec = 200000000L};
	nanosleep(&later, NULL);
	close(*(int *)arg);
	return NULL;
}

/* What a killed supervisor leaves behind drains for a while (tests (f) 3). */
static void a_port_about_to_be_free_is_waited_for(void **state)
{
	struct plat p = {.count = 1, .instance = {{.name = "a/source", .role = "source"}}};
	unsigned base;
	pthread_t owner;
	(void)state;
	MUST(ports_choose(1, &base));
	plat_ports(&p, base);
	int fd = occupy(base);
	assert_int_equal(pthread_create(&owner, NULL, let_go, &fd), 0);
	MUST(ports_free(&p, 60000));
	pthread_join(owner, NULL);
}

/* ---- the door ---- */
static void *asker(void *arg)
{
	char answer[100];
	struct rc rc = control_ask(arg, SLICE_LIT("{\"schema\":\"yuandian/unlock/v1\",\"secrets\":{}}"),
	                           answer, sizeof answer);
	return (void *)(uintptr_t)(rc_ok(rc) && strcmp(answer, "ok") == 0);
}

static void the_door_works_in_deep_folders(void **state)
{
	char deep[400];
	int door, caller;
	struct secrets *given = NULL;
	pthread_t t;
	void *fine;
	struct stat st;
	(void)state;
	snprintf(deep, sizeof deep, "%s/%0100d/%0100d", root, 1, 2);
	MUST(dir_make(deep, 0755));
	assert_int_equal(control_ask(deep, SLICE_LIT("x"), (char[8]){0}, 8).code, RC_NOTFOUND);
	MUST(control_listen(deep, &door));
	assert_int_equal(pthread_create(&t, NULL, asker, deep), 0);
	struct pollfd p = {.fd = door, .events = POLLIN};
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	MUST(control_accept(door, &given, &caller));
	control_answer(caller, "ok");
	pthread_join(t, &fine);
	assert_non_null(fine);
	secrets_free(given);
	close(door);
	char name[440];
	snprintf(name, sizeof name, "%s/" CONTROL_NAME, deep);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void locks_keep_up_and_serve_apart(void **state)
{
	char folder[96];
	int a, b, c;
	(void)state;
	snprintf(folder, sizeof folder, "%s/locks", root);
	assert_int_equal(mkdir(folder, 0755), 0);
	MUST(control_lock(folder, true, &a));
	MUST(control_lock(folder, true, &b));
	assert_int_equal(control_lock(folder, false, &c).code, RC_CONFLICT);
	close(a);
	close(b);
	MUST(control_lock(folder, false, &a));
	assert_int_equal(control_lock(folder, true, &b).code, RC_CONFLICT);
	close(a);
}

static int setup(void **state)
{
	enum ceremony_state s;
	unsigned base;
	(void)state;
	snprintf(root, sizeof root, "/tmp/yd-supervisor-XXXXXX");
	if (mkdtemp(root) == NULL || chmod(root, 0755) != 0 || !rc_ok(ports_choose(INSTANCES, &base)))
		return -1;
	snprintf(data, sizeof data, "%s/data", root);
	struct ceremony_options o = {.data = data, .base_port = (int)base};
	return rc_ok(ceremony_run(&o, &s)) && s == CEREMONY_DONE ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", root);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_empty_folder_is_not_started),
	        cmocka_unit_test(all_start_and_all_end),
	        cmocka_unit_test(each_process_has_a_user_of_its_own),
	        cmocka_unit_test(what_dies_comes_back_with_its_partner),
	        cmocka_unit_test(children_do_not_outlive_a_killed_supervisor),
	        cmocka_unit_test(unlocking_by_command_opens_what_was_locked),
	        cmocka_unit_test(one_instance_can_be_served_alone),
	        cmocka_unit_test(a_taken_port_is_named),
	        cmocka_unit_test(a_port_about_to_be_free_is_waited_for),
	        cmocka_unit_test(the_door_works_in_deep_folders),
	        cmocka_unit_test(locks_keep_up_and_serve_apart),
	};
	if (argc == 5 && strcmp(argv[1], "signer") == 0)
		return be_signer(argv[2], argv[4]);
	if (argc == 5 && strcmp(argv[1], "instance") == 0)
		return stand_in();
	return cmocka_run_group_tests(tests, setup, teardown);
}
