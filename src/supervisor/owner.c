#include "supervisor/unit.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH 16

bool owner_possible(const char *dir)
{
	char path[PLAT_PATH];
	struct stat st;
	size_t n = strlen(dir);
	if (n >= sizeof path)
		return false;
	memcpy(path, dir, n + 1);
	for (size_t i = n; i > 0; i--) {
		if (i != n && path[i] != '/')
			continue;
		path[i] = 0;
		if (stat(path, &st) != 0 || (st.st_mode & S_IXOTH) == 0)
			return false;
	}
	return true;
}

RC owner_give(const char *path, unsigned uid, bool users)
{
	NEED(!users || lchown(path, uid, uid) == 0 || errno == ENOENT, RC_BUSY,
	     "cannot give %s to user %u: error %d", path, uid, errno);
	return OK;
}

/* nftw has no argument for its callback; one walk at a time, at start. */
static struct {
	unsigned uid, gid;
	bool failed;
} walk;

/* Only what still belongs to root and has one name: whatever a process made for itself stays, and a
 * planted link changes nothing else. */
static int visit(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)where;
	if (st->st_uid != 0 || kind == FTW_SL || (kind == FTW_F && st->st_nlink > 1))
		return 0;
	if (lchown(path, walk.uid, walk.gid) != 0)
		walk.failed = true;
	return 0;
}

static RC give_tree(const char *path, unsigned uid, unsigned gid)
{
	walk.uid = uid;
	walk.gid = gid;
	walk.failed = false;
	int rc = nftw(path, visit, DEPTH, FTW_PHYS | FTW_MOUNT);
	NEED((rc == 0 || errno == ENOENT) && !walk.failed, RC_BUSY, "cannot hand over %s", path);
	return OK;
}

static RC give_instance(const struct plat *p, const struct plat_instance *it)
{
	static const char *const own[] = {"data.db", "data.db-wal", "data.db-shm", "records",
	                                  "tls",     "config.yaml", "crl"};
	char path[PLAT_PATH + 192];
	for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
		snprintf(path, sizeof path, "%s/%s/%s", p->dir, it->name, own[i]);
		struct stat st;
		if (lstat(path, &st) == 0)
			TRY(give_tree(path, it->uid, it->uid));
	}
	snprintf(path, sizeof path, "%s/%s/signer", p->dir, it->name);
	TRY(give_tree(path, it->signer_uid, it->signer_uid));
	snprintf(path, sizeof path, "%s/%s", p->dir, it->name);
	return owner_give(path, it->uid, true);
}

static unsigned number_from(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;
	unsigned long v = text != NULL ? strtoul(text, &end, 10) : 0;
	return text != NULL && *end == 0 && v < 0x7fffffff ? (unsigned)v : 0;
}

RC owner_apply(const struct plat *p, bool users)
{
	char path[PLAT_PATH + 192];
	unsigned uid = number_from("SUDO_UID"), gid = number_from("SUDO_GID");
	for (size_t i = 0; users && i < p->count; i++)
		TRY(give_instance(p, &p->instance[i]));
	snprintf(path, sizeof path, "%s/demo", p->dir);
	if (geteuid() == 0 && uid != 0)
		TRY(give_tree(path, uid, gid));
	return OK;
}
