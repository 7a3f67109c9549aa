#include "evidence/record_commit.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whoever finds nobody committing commits for all who wait by then, and so on: while one group is on
 * its way to the disk, the next gathers.
 *
 * Why nothing is lost by a power cut, with one wait for the disk per group:
 * - A record is acknowledged only after a sync of its content and its name, begun after both were
 *   written, has succeeded; it never rests on what an earlier call has written.
 * - A group's files get their names before their content is synced, so a power cut can leave a torn
 *   file under a name.  RENAME_NOREPLACE sees to it that such a name was free: it was not
 *   acknowledged, the file does not unseal, and the next put of that content replaces it.
 * - A name that is taken may be an acknowledged record's.  It is replaced only after the new content
 *   was synced on its own, so that the name leads to one whole file or the other.
 * A caller alone takes the second way too: fsync() of one file and its folder does not wait for what
 * others write to the file system, as syncfs() does.  That syncfs() tells of failed writes needs
 * Linux 5.8; the sandbox's Landlock needs a later one. */

struct waiting {
	struct record_file *files;
	size_t n;
	struct waiting *next;
	sem_t turn; /* his group is done, or he leads the next */
	bool leads;
	struct rc_text result; /* travels to the thread that waits */
};

struct record_commit {
	int fd; /* the store's folder; open all the time, so that no failed write goes unseen */
	pthread_mutex_t lock;
	bool committing;
	struct waiting *first, **end;
};

RC record_failure(const char *what)
{
	char text[128];
	int error = errno;

	const char *why = strerror_r(error, text, sizeof(text));

	REQUIRE(error != ENOSPC && error != EDQUOT, STORAGE_FULL, "record store: cannot %s: %s", what, why);
	REQUIRE(error != EROFS && error != EIO, STORAGE_FAILED, "record store: cannot %s: %s", what, why);
	FAIL(error == ENOMEM ? RC_NOMEM : RC_BUSY, "record store: cannot %s: %s", what, why);
}

RC record_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	struct rc rc = good ? OK : record_failure("sync a folder");

	if (fd >= 0)
		(void)close(fd);
	return rc;
}

RC record_commit_open(const char *dir, struct record_commit **ret)
{
	struct record_commit *c = mem_new(1, sizeof(*c));

	NEED(c != NULL, RC_NOMEM, "record store: out of memory");
	c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0) {
		struct rc rc = record_failure("open its folder");

		mem_free(c);
		return rc;
	}
	(void)pthread_mutex_init(&c->lock, NULL);
	c->end = &c->first;
	*ret = c;
	return OK;
}

void record_commit_close(struct record_commit *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_destroy(&c->lock);
	(void)close(c->fd);
	mem_free(c);
}

/* ---- one group ---- */

static void set_name(char ret[PATH_MAX], const struct record_file *f)
{
	size_t n = strlen(f->temporary) - strlen(RECORD_TEMPORARY);

	memcpy(ret, f->temporary, n);
	ret[n] = '\0';
}

static RC give_name(struct record_file *f, bool alone)
{
	char name[PATH_MAX];

	set_name(name, f);
	/* Whatever speaks against the short way, a taken name or a file system that does not know the
	 * flag: the long way does or says it. */
	if (alone || renameat2(AT_FDCWD, f->temporary, AT_FDCWD, name, RENAME_NOREPLACE) != 0) {
		if (fsync(f->fd) != 0)
			return record_failure("sync");
		if (rename(f->temporary, name) != 0)
			return record_failure("rename");
	}
	(void)close(f->fd);
	f->fd = -1;
	return OK;
}

static RC give_names(struct waiting *w, bool alone)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		TRY(give_name(&w->files[i], alone));
	return OK;
}

static RC sync_group(const struct record_commit *c, const struct waiting *group, bool alone)
{
	char folder[PATH_MAX];

	if (alone) {
		set_name(folder, &group->files[0]);
		*strrchr(folder, '/') = '\0';
		return record_sync_folder(folder);
	}
	if (syncfs(c->fd) != 0)
		return record_failure("sync the file system");
	return OK;
}

static void keep(struct waiting *w, struct rc rc)
{
	if (!rc_ok(rc))
		w->result = *rc_last();
}

/* One caller's failure is his own, until it is the sync that fails. */
static void commit_group(const struct record_commit *c, struct waiting *group)
{
	bool alone = group->next == NULL && group->n == 1, any = false;
	struct waiting *w;
	struct rc rc;

	for (w = group; w != NULL; w = w->next) {
		keep(w, give_names(w, alone));
		any = any || w->result.code == RC_OK;
	}
	rc = any ? sync_group(c, group, alone) : OK;
	for (w = group; w != NULL && !rc_ok(rc); w = w->next)
		if (w->result.code == RC_OK)
			keep(w, rc);
}

/* ---- gathering ---- */

/* In the order they came, so that nobody waits for ever. */
static struct waiting *take_group(struct record_commit *c)
{
	struct waiting *group = c->first, **end = &c->first;
	size_t n = 0;

	while (*end != NULL && n + (*end)->n <= RECORD_COMMIT_MAX) {
		n += (*end)->n;
		end = &(*end)->next;
	}
	c->first = *end;
	*end = NULL;
	if (c->first == NULL)
		c->end = &c->first;
	return group;
}

/* For the group that comes first, his own among it.  Each is woken alone: whoever is woken for nothing, or
 * all at once, stands in the way of the others.  Who is woken may be gone at once, and his entry with him. */
static void lead(struct record_commit *c)
{
	struct waiting *group, *w, *next;

	(void)pthread_mutex_lock(&c->lock);
	group = take_group(c);
	(void)pthread_mutex_unlock(&c->lock);
	commit_group(c, group);
	(void)pthread_mutex_lock(&c->lock);
	next = c->first;
	c->committing = next != NULL;
	(void)pthread_mutex_unlock(&c->lock);
	if (next != NULL) {
		next->leads = true;
		(void)sem_post(&next->turn);
	}
	for (w = group->next; w != NULL; w = next) {
		next = w->next;
		(void)sem_post(&w->turn);
	}
}

/* Whether the caller is to lead. */
static bool enqueue(struct record_commit *c, struct waiting *w)
{
	bool first;

	(void)pthread_mutex_lock(&c->lock);
	first = !c->committing;
	c->committing = true;
	*c->end = w;
	c->end = &w->next;
	(void)pthread_mutex_unlock(&c->lock);
	return first;
}

RC record_commit(struct record_commit *c, struct record_file *files, size_t n)
{
	struct waiting w = {.files = files, .n = n};

	NEED(n <= RECORD_COMMIT_MAX, RC_BUG, "record store: %zu files in one commit", n);
	if (n == 0)
		return OK;
	NEED(sem_init(&w.turn, 0, 0) == 0, RC_BUSY, "record store: no semaphore");
	if (enqueue(c, &w)) {
		w.leads = true;
	} else {
		while (sem_wait(&w.turn) != 0)
			;
	}
	if (w.leads)
		lead(c);
	(void)sem_destroy(&w.turn);
	return w.result.code == RC_OK ? OK : rc_restore(&w.result);
}
