/* Files of the two places. */
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "media/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDENTITY "media"
#define IDENTITY_MAX 256

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

RC media_file(const struct media *m, size_t place, uint32_t segment, const char *kind,
              char ret[MEDIA_PATH + 32])
{
	(void)snprintf(ret, MEDIA_PATH + 32, "%s/%08u.%s", m->place[place].path, segment, kind);
	return OK;
}

RC media_open_file(const struct media *m, size_t place, uint32_t segment, const char *kind, bool make,
                   int *fd)
{
	char path[MEDIA_PATH + 32];

	TRY(media_file(m, place, segment, kind, path));
	*fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
	if (*fd >= 0 || (errno == ENOENT && !make))
		return OK;
	return media_failure(m, place, "open a segment");
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

RC media_sync_folder(const struct media *m, size_t place)
{
	int fd = open(m->place[place].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rc rc = fd >= 0 && fsync(fd) == 0 ? OK : media_failure(m, place, "sync the folder");

	media_close_fd(&fd);
	return rc;
}

static RC last_of(const struct media *m, size_t place, uint32_t *ret)
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

RC media_last_segment(const struct media *m, uint32_t *ret)
{
	*ret = 0;
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		TRY(last_of(m, p, ret));
	return OK;
}

/* ---- which vault, which place ---- */

static RC write_identity(const struct media *m, size_t place)
{
	char path[MEDIA_PATH + 32];
	AUTO_BUF(text, IDENTITY_MAX);

	buf_printf(&text, "yuandian media 1\nvault ");
	buf_hex(&text, SLICE_ARR(m->id));
	buf_printf(&text, "\nplace %zu\n", place + 1);
	TRY(buf_done(&text));
	(void)snprintf(path, sizeof(path), "%s/" IDENTITY, m->place[place].path);
	return file_write(path, buf_slice(&text), 0600);
}

static RC read_identity(struct media *m, size_t place, uint8_t id[16], bool *there)
{
	char path[MEDIA_PATH + 32], hex[33] = "";
	AUTO_BUF(text, IDENTITY_MAX);
	unsigned number = 0;
	struct rc rc;

	(void)snprintf(path, sizeof(path), "%s/" IDENTITY, m->place[place].path);
	rc = file_read(path, IDENTITY_MAX, &text);
	*there = rc_ok(rc);
	if (rc.code == RC_NOTFOUND)
		return OK;
	TRY(rc);
	REQUIRE(sscanf(buf_cstr(&text), "yuandian media 1\nvault %32[0-9a-f]\nplace %u", hex, &number) == 2 &&
	                rc_ok(text_hex(slice_text(hex), id, 16)),
	        MEDIA_PLACE, "%s: its file `media` cannot be read", m->place[place].path);
	REQUIRE(number == place + 1, MEDIA_PLACE, "%s is place %u, not %zu", m->place[place].path, number,
	        place + 1);
	return OK;
}

RC media_identify(struct media *m)
{
	uint8_t id[MEDIA_PLACES][16];
	bool there[MEDIA_PLACES];

	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		if (mkdir(m->place[p].path, 0700) != 0 && errno != EEXIST)
			return media_failure(m, p, "make the folder");
		TRY(read_identity(m, p, id[p], &there[p]));
	}
	REQUIRE(!there[0] || !there[1] || memcmp(id[0], id[1], 16) == 0, MEDIA_PLACE,
	        "%s and %s belong to different vaults", m->place[0].path, m->place[1].path);
	if (there[0] || there[1])
		memcpy(m->id, id[there[0] ? 0 : 1], 16);
	else
		TRY(rand_bytes(m->id, sizeof(m->id)));
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		if (!there[p])
			TRY(write_identity(m, p));
	return OK;
}
