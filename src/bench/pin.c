/* Who runs where: servers on one processor, their client on another, so that neither takes from the other. */
#include "base/buf.h"
#include "base/text.h"
#include "bench/load.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MAX 4096

static RC pin_thread(pid_t id, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	NEED(sched_setaffinity(id, sizeof(set), &set) == 0, RC_BUSY, "bench: no processor %d", cpu);
	return OK;
}

RC load_pin(int cpu)
{
	return pin_thread(0, cpu);
}

void load_unpin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static bool names(long pid, const char *word, const char *other)
{
	char path[64], text[COMMAND_MAX];
	ssize_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = (ssize_t)fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	return n > 0 && memmem(text, (size_t)n, word, strlen(word)) != NULL &&
	       memmem(text, (size_t)n, other, strlen(other)) != NULL;
}

static RC pin_all_threads(long pid, int cpu)
{
	char path[64];
	struct dirent *e;
	struct rc rc = OK;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	d = opendir(path);
	NEED(d != NULL, RC_BUSY, "bench: process %ld has ended", pid);
	while (rc_ok(rc) && (e = readdir(d)) != NULL) {
		long id = strtol(e->d_name, NULL, 10);

		if (id > 0)
			rc = pin_thread((pid_t)id, cpu);
	}
	(void)closedir(d);
	return rc;
}

/* proc(5): ppid is the 4th word of stat, utime and stime the 14th and 15th. */
static double spent(long pid, long *parent)
{
	char path[64], text[1024];
	unsigned long user = 0, kernel = 0;
	const char *rest;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	*parent = 0;
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	rest = strrchr(text, ')');
	if (rest == NULL || sscanf(rest + 1, " %*c %ld %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", parent,
	                           &user, &kernel) != 3)
		return 0;
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double spent_by(const char *word, const char *other, long of)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	double sum = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		long pid = strtol(e->d_name, NULL, 10), parent;
		double s = pid > 0 ? spent(pid, &parent) : 0;

		if (s > 0 && (word != NULL ? pid != getpid() && names(pid, word, other) : parent == of))
			sum += s;
	}
	if (d != NULL)
		(void)closedir(d);
	return sum;
}

double load_spent(const char *word, const char *other)
{
	return spent_by(word, other, 0);
}

double load_spent_children(long parent)
{
	return spent_by(NULL, NULL, parent);
}

RC load_pin_process(const char *word, const char *other, int cpu)
{
	DIR *d = opendir("/proc");
	struct rc rc = OK;
	struct dirent *e;
	size_t found = 0;

	NEED(d != NULL, RC_BUSY, "bench: no /proc");
	while (rc_ok(rc) && (e = readdir(d)) != NULL) {
		long pid = strtol(e->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && names(pid, word, other)) {
			rc = pin_all_threads(pid, cpu);
			found++;
		}
	}
	(void)closedir(d);
	TRY(rc);
	NEED(found > 0, RC_NOTFOUND, "bench: no process of %s", word);
	return OK;
}
