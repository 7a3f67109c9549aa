/* Files of the two places. */
#include "base/text.h"
#include "media/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

RC media_failure(const struct media *m, size_t place, const char *what)
{
	char text[128];
	int error = errno;
	const char *why = strerror_r(error, text, sizeof(text));

	REQUIRE(error != ENOSPC && error != EDQUOT, STORAGE_FULL, "%s: cannot %s: %s", m->place[place].path,
	        what, why);
	REFUSE(STORAGE_FAILED, "%s: cannot %s: %s", m->place[place].path, what, why);
}

void media_close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* *made: its name is not durable yet */
static int open_or_make(const char *path, bool make, bool *made)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	*made = fd < 0 && errno == ENOENT && make;
	return *made ? open(path, O_RDWR | O_CLOEXEC | O_CREAT, 0600) : fd;
}

static RC sync_folder(const struct media *m, size_t place)
{
	int fd = open(m->place[place].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rc rc = fd >= 0 && fsync(fd) == 0 ? OK : media_failure(m, place, "sync the folder");

	media_close_fd(&fd);
	return rc;
}

RC media_open_file(const struct media *m, size_t place, uint32_t segment, const char *kind, bool make,
                   int *fd)
{
	char path[MEDIA_FILE];
	bool made;
	struct rc rc;

	(void)snprintf(path, sizeof(path), "%s/%08u.%s", m->place[place].path, segment, kind);
	*fd = open_or_make(path, make, &made);
	if (*fd < 0 && errno == ENOENT && !make)
		return OK;
	if (*fd < 0)
		return media_failure(m, place, "open a segment");
	rc = made ? sync_folder(m, place) : OK;
	if (!rc_ok(rc))
		media_close_fd(fd);
	return rc;
}

RC media_write(const struct media *m, size_t place, int fd, struct slice bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < bytes.len) {
		ssize_t n = pwrite(fd, bytes.p + done, bytes.len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return media_failure(m, place, "write");
		done += (size_t)n;
	}
	return OK;
}

bool media_read(int fd, uint8_t *to, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (fd >= 0 && done < n) {
		ssize_t got = pread(fd, to + done, n - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return fd >= 0;
}

uint64_t media_size(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

RC media_last_in(const struct media *m, size_t place, uint32_t *ret)
{
	DIR *d = opendir(m->place[place].path);
	struct dirent *e;

	if (d == NULL)
		return media_failure(m, place, "read the folder");
	while ((e = readdir(d)) != NULL) {
		uint64_t n;

		if (strlen(e->d_name) == 12 && strcmp(e->d_name + 8, ".seg") == 0 &&
		    rc_ok(text_u64(slice_of(e->d_name, strspn(e->d_name, "0") == 8 ? 1 : 8), UINT32_MAX,
		                   &n)) &&
		    n > *ret)
			*ret = (uint32_t)n;
	}
	(void)closedir(d);
	return OK;
}
