#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CHUNK 65536

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
#define AUTO_FD(name, init) __attribute__((cleanup(close_fd))) int name = (init)

static enum rc_code code_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return RC_NOTFOUND;
	case EACCES:
	case EPERM:
		return RC_DENIED;
	case ENOMEM:
		return RC_NOMEM;
	default:
		return RC_BUSY;
	}
}

static RC system_failure(const char *what, const char *path)
{
	int error = errno;
	char text[128];

	const char *why = strerror_r(error, text, sizeof(text));

	REQUIRE(error != ENOSPC && error != EDQUOT, STORAGE_FULL, "%s: %s: %s", path, what, why);
	REQUIRE(error != EROFS && error != EIO, STORAGE_FAILED, "%s: %s: %s", path, what, why);
	FAIL(code_of(error), "%s: %s: %s", path, what, why);
}

/* One read of at most limit bytes; with limit 0 one byte more shows an oversize file. */
static RC read_some(int fd, const char *path, size_t limit, struct buf *ret, bool *end)
{
	size_t want = limit < FILE_CHUNK ? limit : FILE_CHUNK;
	uint8_t over, *p = want == 0 ? &over : buf_room(ret, want);
	ssize_t n;

	if (p == NULL)
		return buf_done(ret);
	do
		n = read(fd, p, want == 0 ? 1 : want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return system_failure("cannot read", path);
	*end = n == 0;
	REQUIRE(want > 0 || *end, TOO_LARGE, "%s: larger than the limit", path);
	ret->len += (size_t)n;
	return OK;
}

RC file_read(const char *path, size_t max, struct buf *ret)
{
	AUTO_FD(fd, open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
	size_t start = ret->len, room = ret->max - ret->len;
	bool end = false;

	if (fd < 0)
		return system_failure("cannot open", path);
	if (room > max)
		room = max;
	while (!end)
		TRY(read_some(fd, path, room - (ret->len - start), ret, &end));
	return OK;
}

RC file_size(int fd, uint64_t *ret)
{
	struct stat st;

	NEED(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), RC_INPUT, "not a file");
	*ret = (uint64_t)st.st_size;
	return OK;
}

RC file_at(int fd, uint64_t at, uint8_t *ret, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, ret + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		NEED(n > 0, RC_INPUT, "the file ends at %llu", (unsigned long long)(at + done));
		done += (size_t)n;
	}
	return OK;
}

static RC write_all(int fd, struct slice s, const char *path)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.p, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return system_failure("cannot write", path);
		s = slice_of(s.p + n, s.len - (size_t)n);
	}
	return OK;
}

static RC sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_MEM(char, dir,
	         slash == NULL ? mem_text(".") : mem_copy(slice_of(path, (size_t)(slash - path) + 1)));
	AUTO_FD(fd, -1);

	NEED(dir != NULL, RC_NOMEM, "out of memory");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return system_failure("cannot sync the directory", dir);
	return OK;
}

static RC write_temporary(int fd, const char *temporary, struct slice content, unsigned mode)
{
	if (fd < 0 || fchmod(fd, (mode_t)mode) != 0)
		return system_failure("cannot create", temporary);
	TRY(write_all(fd, content, temporary));
	if (fsync(fd) != 0)
		return system_failure("cannot sync", temporary);
	return OK;
}

RC file_write(const char *path, struct slice content, unsigned mode)
{
	AUTO_BUF(temporary, PATH_MAX);
	AUTO_FD(fd, -1);
	struct rc rc;

	buf_printf(&temporary, "%s.XXXXXX", path);
	(void)buf_cstr(&temporary);
	TRY(buf_done(&temporary));
	fd = mkostemp((char *)temporary.p, O_CLOEXEC);
	rc = write_temporary(fd, buf_cstr(&temporary), content, mode);
	if (rc_ok(rc) && rename(buf_cstr(&temporary), path) != 0)
		rc = system_failure("cannot rename to it", path);
	if (!rc_ok(rc)) {
		if (fd >= 0)
			(void)unlink(buf_cstr(&temporary));
		return rc;
	}
	return sync_parent(path);
}

RC file_rename(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		return system_failure("cannot rename to it", to);
	return sync_parent(to);
}

static RC make_one(const char *path, unsigned mode)
{
	struct stat st;

	if (mkdir(path, (mode_t)mode) == 0)
		return sync_parent(path);
	if (errno != EEXIST)
		return system_failure("cannot make the directory", path);
	NEED(stat(path, &st) == 0 && S_ISDIR(st.st_mode), RC_CONFLICT, "%s: exists and is no directory",
	     path);
	return OK;
}

RC dir_make(const char *path, unsigned mode)
{
	AUTO_MEM(char, copy, mem_text(path));
	size_t n, i;

	NEED(copy != NULL, RC_NOMEM, "out of memory");
	n = strlen(copy);
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	for (i = 1; i < n; i++) {
		if (copy[i] != '/')
			continue;
		copy[i] = '\0';
		TRY(make_one(copy, mode));
		copy[i] = '/';
	}
	return make_one(copy, mode);
}
