/* The disk of a test.  Linked into a second program, yuandian_disk, before libc: it stands between every
 * process of a platform and its data folder.  It notes what each write has replaced and what a sync has made
 * durable, so that a power cut can be played afterwards (disk.py), and lets calls fail as a full, read-only
 * or broken disk does.  The notes are in the file DIR.disk, shared by all processes; without that file
 * nothing happens. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FIRST 4096
#define KEPT_MAX (8u << 20) /* content of a replaced or removed file */
#define FDS 65536
#define NAME_MAX_HERE 512
#define MARK 0x59444b31u

enum event { EV_WRITE = 1, EV_TRUNCATE, EV_SYNC, EV_CREATE, EV_RENAME, EV_UNLINK };

/* Offsets are known to disk.py. */
struct head {
	_Atomic uint64_t used;
	_Atomic uint32_t frozen;   /* no call changes anything any more */
	_Atomic int32_t fault;     /* errno of the calls that fail; 0 = none */
	_Atomic int64_t after;     /* so many changes go well first */
	_Atomic uint64_t hits;     /* calls that failed */
	_Atomic uint64_t changes;  /* calls counted */
	_Atomic uint32_t overflow; /* notes were lost: the file is too small */
	uint32_t unused;
	char only[64]; /* fail only where the path has this in it */
};
struct note {
	uint32_t mark, size;
	_Atomic uint32_t kind;
	uint32_t payload;
	uint64_t inode, at, old_size;
};
_Static_assert(sizeof(struct note) == 40, "disk.py reads it");

static struct head *disk;
static size_t disk_size;
static char folder[NAME_MAX_HERE];
static _Atomic(char *) paths[FDS];

__attribute__((constructor)) static void disk_begin(int argc, char **argv)
{
	char name[NAME_MAX_HERE + 8];
	struct stat st;
	int fd;

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--data") == 0)
			snprintf(folder, sizeof(folder), "%s/", argv[i + 1]);
	if (folder[0] != '/')
		return;
	snprintf(name, sizeof(name), "%.*s.disk", (int)strlen(folder) - 1, folder);
	fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		disk_size = (size_t)st.st_size;
		disk = p == MAP_FAILED ? NULL : p;
	}
	syscall(SYS_close, fd);
}

/* ---- what is watched ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* SQLite's index of its log is made anew after a crash; it and the clock page are memory, not records. */
static bool watched_path(const char *path)
{
	return disk != NULL && strncmp(path, folder, strlen(folder)) == 0 && !ends_with(path, "-shm");
}

static char *watched(int fd, struct stat *st)
{
	char *path = disk == NULL || fd < 0 || fd >= FDS ? NULL : atomic_load(&paths[fd]);

	return path != NULL && fstat(fd, st) == 0 ? path : NULL;
}

/* Before every change: waits in a power cut, fails when that is planned. */
static bool allowed(const char *path)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int fault;

	while (atomic_load(&disk->frozen) != 0)
		nanosleep(&moment, NULL);
	if (disk->only[0] != 0 && strstr(path, disk->only) == NULL)
		return true;
	atomic_fetch_add(&disk->changes, 1);
	fault = atomic_load(&disk->fault);
	if (fault == 0 || atomic_fetch_sub(&disk->after, 1) > 0)
		return true;
	atomic_fetch_add(&disk->hits, 1);
	errno = fault;
	return false;
}

/* ---- notes ---- */

static struct note *note_new(uint64_t inode, uint64_t at, uint64_t old_size, size_t payload)
{
	uint64_t size = (sizeof(struct note) + payload + 7) & ~7ull,
	         pos = atomic_fetch_add(&disk->used, size);
	struct note *n;

	if (pos + size > disk_size) {
		atomic_store(&disk->overflow, 1);
		return NULL;
	}
	n = (struct note *)((char *)disk + pos);
	n->mark = MARK;
	n->size = (uint32_t)size;
	n->payload = (uint32_t)payload;
	n->inode = inode;
	n->at = at;
	n->old_size = old_size;
	return n;
}

static void note_end(struct note *n, enum event kind)
{
	if (n != NULL)
		atomic_store(&n->kind, kind);
}

/* The bytes that a write to [at, at + len) is going to replace. */
static void note_old(int fd, const struct stat *st, uint64_t at, size_t len, enum event kind)
{
	uint64_t size = (uint64_t)st->st_size;
	size_t old = at >= size ? 0 : size - at < len ? (size_t)(size - at) : len;
	struct note *n = note_new(st->st_ino, at, size, old);

	if (n != NULL && old > 0 && pread(fd, n + 1, old, (off_t)at) != (ssize_t)old)
		atomic_store(&disk->overflow, 2);
	note_end(n, kind);
}

static uint64_t inode_of_parent(const char *path)
{
	char name[NAME_MAX_HERE];
	struct stat st;

	snprintf(name, sizeof(name), "%s", path);
	*strrchr(name, '/') = 0;
	return stat(name, &st) == 0 ? st.st_ino : 0;
}

/* A name that leads elsewhere from now on; its old content if it had one.  at: the inode there was. */
static void note_name(enum event kind, const char *path, uint64_t inode)
{
	struct stat st = {0};
	bool was = stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= KEPT_MAX;
	int fd = was ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
	size_t name = strlen(path) + 1, old = fd >= 0 ? (size_t)st.st_size : 0;
	struct note *n = note_new(inode, was ? st.st_ino : 0, inode_of_parent(path), name + old);

	if (n != NULL) {
		memcpy(n + 1, path, name);
		if (old > 0 && pread(fd, (char *)(n + 1) + name, old, 0) != (ssize_t)old)
			atomic_store(&disk->overflow, 3);
	}
	note_end(n, kind);
	if (fd >= 0)
		syscall(SYS_close, fd);
}

static int synced(int fd, long call, uint64_t inode)
{
	uint64_t before = atomic_load(&disk->used);
	int r = (int)syscall(call, fd);

	if (r == 0)
		note_end(note_new(inode, before, 0, 0), EV_SYNC);
	return r;
}

/* ---- libc's names ---- */

int open64(const char *path, int flags, ...);
int openat64(int at, const char *path, int flags, ...);
int mkostemp64(char *path, int flags);
ssize_t pwrite64(int fd, const void *p, size_t len, off64_t at);
int ftruncate64(int fd, off64_t len);

static int opened(int fd, const char *path, bool fresh)
{
	struct stat st;

	if (fd < 0 || fd >= FDS || fstat(fd, &st) != 0)
		return fd;
	if (fresh)
		note_name(EV_CREATE, path, st.st_ino);
	free(atomic_exchange(&paths[fd], strdup(path)));
	return fd;
}

static int open_watched(int at, const char *path, int flags, mode_t mode)
{
	bool there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
	bool fresh = (flags & O_CREAT) != 0 && !there;

	if (fresh && !allowed(path))
		return -1;
	if ((flags & O_ACCMODE) != O_RDONLY && atomic_load(&disk->fault) == EROFS && !allowed(path))
		return -1;
	if ((flags & O_ACCMODE) == O_WRONLY)
		flags = (flags & ~O_ACCMODE) | O_RDWR; /* what is replaced will be read */
	return opened((int)syscall(SYS_openat, at, path, flags, mode), path, fresh);
}

static int open_any(int at, const char *path, int flags, mode_t mode)
{
	if (watched_path(path))
		return open_watched(at, path, flags, mode);
	return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define OPENER(name, ...)                                                                                    \
	{                                                                                                    \
		mode_t mode = 0;                                                                             \
		va_list l;                                                                                   \
		va_start(l, flags);                                                                          \
		if ((flags & (O_CREAT | O_TMPFILE)) != 0)                                                    \
			mode = (mode_t)va_arg(l, int);                                                       \
		va_end(l);                                                                                   \
		return open_any(__VA_ARGS__, flags, mode);                                                   \
	}
int open(const char *path, int flags, ...)
        OPENER(open, AT_FDCWD, path) int open64(const char *path, int flags, ...)
                OPENER(open64, AT_FDCWD, path) int openat(int at, const char *path, int flags, ...)
                        OPENER(openat, at, path) int openat64(int at, const char *path, int flags, ...)
                                OPENER(openat64, at, path)

                                        int mkostemp(char *path, int flags)
{
	char *end = path + strlen(path) - 6;

	for (;;) {
		struct timespec now;
		int fd;

		clock_gettime(CLOCK_MONOTONIC, &now);
		uint64_t r = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)syscall(SYS_gettid)
		                                                                   << 20;
		for (int i = 0; i < 6; i++, r /= 26)
			end[i] = (char)('a' + r % 26);
		fd = open_any(AT_FDCWD, path, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
}

int close(int fd)
{
	if (disk != NULL && fd >= 0 && fd < FDS)
		free(atomic_exchange(&paths[fd], NULL));
	return (int)syscall(SYS_close, fd);
}

ssize_t pwrite64(int fd, const void *p, size_t len, off64_t at)
{
	struct stat st;
	char *path = watched(fd, &st);

	if (path == NULL || !S_ISREG(st.st_mode))
		return syscall(SYS_pwrite64, fd, p, len, at);
	if (!allowed(path)) {
		/* a full disk takes a part first */
		if (errno != ENOSPC || len < 2048 || atomic_load(&disk->hits) % 2 == 0)
			return -1;
		len /= 2;
	}
	note_old(fd, &st, (uint64_t)at, len, EV_WRITE);
	return syscall(SYS_pwrite64, fd, p, len, at);
}

ssize_t pwrite(int fd, const void *p, size_t len, off_t at)
{
	return pwrite64(fd, p, len, at);
}

ssize_t write(int fd, const void *p, size_t len)
{
	struct stat st;

	if (watched(fd, &st) == NULL || !S_ISREG(st.st_mode))
		return syscall(SYS_write, fd, p, len);
	off_t at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
	ssize_t n = pwrite64(fd, p, len, at);
	if (n > 0)
		syscall(SYS_lseek, fd, at + n, SEEK_SET);
	return n;
}

int ftruncate64(int fd, off64_t len)
{
	struct stat st;
	char *path = watched(fd, &st);

	if (path == NULL)
		return (int)syscall(SYS_ftruncate, fd, len);
	if (!allowed(path))
		return -1;
	note_old(fd, &st, (uint64_t)len, len < st.st_size ? (size_t)(st.st_size - len) : 0, EV_TRUNCATE);
	return (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

static int sync_any(int fd, long call)
{
	struct stat st;
	char *path = watched(fd, &st);

	if (path == NULL)
		return (int)syscall(call, fd);
	if (!allowed(path)) {
		if (errno == EIO || errno == ENOSPC)
			return -1;
	}
	return synced(fd, call, st.st_ino);
}

int fsync(int fd)
{
	return sync_any(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_any(fd, SYS_fdatasync);
}

/* Inode 0: all. */
int syncfs(int fd)
{
	struct stat st;
	char *path = watched(fd, &st);

	if (path == NULL)
		return (int)syscall(SYS_syncfs, fd);
	if (!allowed(path) && (errno == EIO || errno == ENOSPC))
		return -1;
	return synced(fd, SYS_syncfs, 0);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
	struct stat st = {0};

	if (!watched_path(to))
		return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
	if (!allowed(to))
		return -1;
	if ((flags & RENAME_NOREPLACE) != 0 && syscall(SYS_faccessat, AT_FDCWD, to, F_OK) == 0) {
		errno = EEXIST;
		return -1;
	}
	if (stat(from, &st) == 0)
		note_name(EV_RENAME, to, st.st_ino);
	return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	if (watched_path(path)) {
		if (!allowed(path) && errno == EROFS)
			return -1;
		note_name(EV_UNLINK, path, 0);
	}
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
	if (watched_path(path) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0 && !allowed(path))
		return -1;
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
