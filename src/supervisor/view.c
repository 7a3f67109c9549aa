/* Where other users find DIR.  Home folders are closed to others on Debian 12, and a clone usually lies in
 * one: then DIR is mounted once more at /run/yuandian-NUMBER, in a mount namespace of the supervisor's own
 * that its children inherit.  Nobody else sees it, and no folder's mode is changed. */
#include "supervisor/unit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

RC view_open(const char *dir, struct view *ret)
{
	struct stat st;

	*ret = (struct view){0};
	if (owner_possible(dir)) {
		snprintf(ret->path, sizeof ret->path, "%s", dir);
		return OK;
	}
	NEED(stat(dir, &st) == 0, RC_NOTFOUND, "%s: error %d", dir, errno);
	snprintf(ret->path, sizeof ret->path, "/run/yuandian-%llx", (unsigned long long)st.st_ino);
	NEED(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, RC_DENIED,
	     "no mount namespace: error %d", errno);
	NEED(mkdir(ret->path, 0711) == 0 || errno == EEXIST, RC_BUSY, "%s: error %d", ret->path, errno);
	NEED(mount(dir, ret->path, NULL, MS_BIND | MS_REC, NULL) == 0, RC_DENIED, "mounting %s: error %d",
	     ret->path, errno);
	ret->mounted = true;
	return OK;
}

void view_close(struct view *v)
{
	if (!v->mounted)
		return;
	umount2(v->path, MNT_DETACH);
	rmdir(v->path);
	v->mounted = false;
}
