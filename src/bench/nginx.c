#include "bench/nginx.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "bench/measure.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/nginx"
#define READY_SECONDS 20
#define PATH_MAX_HERE 4096

struct nginx {
	pid_t pid;
	uint16_t port;
	char name[48];
};

/* A port that nobody listens at now. */
static RC free_port(uint16_t *ret)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 &&
	          getsockname(fd, (struct sockaddr *)&a, &len) == 0;

	if (fd >= 0)
		(void)close(fd);
	NEED(ok, RC_BUSY, "bench: no free port");
	*ret = ntohs(a.sin_port);
	return OK;
}

static RC write_files(const char *dir, size_t size, int cpu, uint16_t port)
{
	AUTO_BUF(file, 1 << 20);
	AUTO_BUF(conf, 8192);
	char path[PATH_MAX_HERE];

	for (size_t i = 0; i < size; i++)
		buf_u8(&file, (uint8_t)i);
	(void)snprintf(path, sizeof(path), "%s/answer", dir);
	TRY(file_write(path, buf_slice(&file), 0644));
	/* a mask with the processor's bit alone */
	buf_printf(&conf,
	           "daemon off;\nuser root;\nworker_processes 1;\nworker_cpu_affinity 1%0*d;\n"
	           "pid %s/pid;\nerror_log %s/error.log;\n"
	           "events { worker_connections 2048; }\n"
	           "http {\n  access_log off;\n  sendfile on;\n  tcp_nodelay on;\n"
	           "  keepalive_requests 1000000000;\n  keepalive_timeout 300s;\n"
	           "  open_file_cache max=100;\n  open_file_cache_valid 300s;\n"
	           "  default_type application/ocsp-response;\n",
	           cpu, 0, dir, dir);
	static const char *const places[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		buf_printf(&conf, "  %s_temp_path %s/%s;\n", places[i], dir, places[i]);
	buf_printf(&conf, "  server { listen 127.0.0.1:%u; root %s; }\n}\n", port, dir);
	TRY(buf_done(&conf));
	(void)snprintf(path, sizeof(path), "%s/nginx.conf", dir);
	return file_write(path, buf_slice(&conf), 0644);
}

static void read_name(struct nginx *n)
{
	FILE *f = popen(PROGRAM " -v 2>&1", "re");
	char text[80] = "", *slash;

	(void)snprintf(n->name, sizeof(n->name), "nginx");
	if (f == NULL)
		return;
	if (fgets(text, sizeof(text), f) != NULL && (slash = strchr(text, '/')) != NULL)
		(void)snprintf(n->name, sizeof(n->name), "nginx %.*s", (int)strcspn(slash + 1, " \n"),
		               slash + 1);
	(void)pclose(f);
}

static bool listens(uint16_t port)
{
	struct sockaddr_in a = {
	        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static RC run(struct nginx *n, const char *dir)
{
	char conf[PATH_MAX_HERE];
	double until = seconds_now() + READY_SECONDS;

	(void)snprintf(conf, sizeof(conf), "%s/nginx.conf", dir);
	n->pid = fork();
	if (n->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)execl(PROGRAM, "nginx", "-c", conf, "-p", dir, (char *)NULL);
		_exit(127);
	}
	NEED(n->pid > 0, RC_BUSY, "bench: cannot start nginx");
	while (!listens(n->port)) {
		struct timespec t = {.tv_nsec = 5000000};

		NEED(waitpid(n->pid, NULL, WNOHANG) == 0 && seconds_now() < until, RC_BUSY,
		     "bench: nginx does not start; see %s/error.log", dir);
		(void)nanosleep(&t, NULL);
	}
	return OK;
}

RC nginx_start(const char *dir, size_t size, int cpu, struct nginx **ret)
{
	AUTO(nginx, n, mem_new(1, sizeof(*n)));

	NEED(access(PROGRAM, X_OK) == 0, RC_NOTFOUND, "bench: nginx is not installed");
	NEED(n != NULL, RC_NOMEM, "bench: no memory");
	NEED(mkdir(dir, 0755) == 0, RC_BUSY, "bench: cannot make %s", dir);
	TRY(free_port(&n->port));
	TRY(write_files(dir, size, cpu, n->port));
	read_name(n);
	TRY(run(n, dir));
	*ret = MOVE(n);
	return OK;
}

void nginx_stop(struct nginx *n)
{
	if (n == NULL)
		return;
	if (n->pid > 0) {
		(void)kill(n->pid, SIGTERM);
		(void)waitpid(n->pid, NULL, 0);
	}
	mem_free(n);
}

const char *nginx_name(const struct nginx *n)
{
	return n->name;
}

double nginx_spent(const struct nginx *n)
{
	return load_spent_children(n->pid);
}

static size_t get(void *arg, uint8_t *room)
{
	struct slice q = SLICE_LIT("GET /answer HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");

	(void)arg;
	memcpy(room, q.p, q.len);
	return q.len;
}

RC nginx_load(const struct nginx *n, size_t connections, double window, struct load_result *ret)
{
	return load_run(&(struct load){.address = "127.0.0.1",
	                               .port = n->port,
	                               .connections = connections,
	                               .warm = 0,
	                               .window = window,
	                               .next = get},
	                ret);
}
