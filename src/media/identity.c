/* Which vault, which place: the file `media` in each. */
#include "base/rand.h"
#include "base/text.h"
#include "media/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDENTITY_MAX 256

struct found {
	uint8_t id[16];
	bool there;
	uint32_t last; /* segment in this place */
};

static void name_of(const struct media *m, size_t place, char ret[MEDIA_FILE])
{
	(void)snprintf(ret, MEDIA_FILE, "%s/media", m->place[place].path);
}

static RC write_identity(const struct media *m, size_t place)
{
	char path[MEDIA_FILE];
	AUTO_BUF(text, IDENTITY_MAX);

	buf_printf(&text, "yuandian media 1\nvault ");
	buf_hex(&text, SLICE_ARR(m->id));
	buf_printf(&text, "\nplace %zu\n", place + 1);
	TRY(buf_done(&text));
	name_of(m, place, path);
	return rc_note(file_write(path, buf_slice(&text), 0600), "%s", m->place[place].path);
}

static RC read_identity(struct media *m, size_t place, struct found *ret)
{
	char path[MEDIA_FILE], hex[33] = "";
	AUTO_BUF(text, IDENTITY_MAX);
	unsigned number = 0;
	struct rc rc;

	name_of(m, place, path);
	rc = file_read(path, IDENTITY_MAX, &text);
	ret->there = rc_ok(rc);
	if (rc.code == RC_NOTFOUND)
		return OK;
	REQUIRE(rc_ok(rc) || rc_last()->err != ERR_TOO_LARGE, MEDIA_PLACE, "%s: its file `media` is damaged",
	        m->place[place].path);
	TRY(rc);
	REQUIRE(sscanf(buf_cstr(&text), "yuandian media 1\nvault %32[0-9a-f]\nplace %u", hex, &number) == 2 &&
	                rc_ok(text_hex(slice_text(hex), ret->id, 16)),
	        MEDIA_PLACE, "%s: its file `media` is damaged", m->place[place].path);
	REQUIRE(number == place + 1, MEDIA_PLACE, "%s is place %u, not %zu", m->place[place].path, number,
	        place + 1);
	return OK;
}

/* A new folder's name is durable, too. */
static RC make_folder(const struct media *m, size_t p)
{
	char parent[MEDIA_FILE];
	int fd;
	bool good;

	if (mkdir(m->place[p].path, 0700) != 0)
		return errno == EEXIST ? OK : media_failure(m, p, "make the folder");
	(void)snprintf(parent, sizeof(parent), "%s/..", m->place[p].path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && fsync(fd) == 0;
	if (!good) {
		struct rc rc = media_failure(m, p, "sync the parent folder");

		media_close_fd(&fd);
		return rc;
	}
	media_close_fd(&fd);
	return OK;
}

static RC apart(const struct media *m)
{
	struct stat st[MEDIA_PLACES];

	for (size_t p = 0; p < MEDIA_PLACES; p++)
		if (stat(m->place[p].path, &st[p]) != 0)
			return media_failure(m, p, "look at the folder");
	REQUIRE(st[0].st_dev != st[1].st_dev || st[0].st_ino != st[1].st_ino, MEDIA_PLACE,
	        "%s and %s are the same folder", m->place[0].path, m->place[1].path);
	return OK;
}

/* Whether some segment begins alike in both places. */
static RC same_frames(struct media *m, uint32_t last, bool *ret)
{
	AUTO_COPIES(c);

	*ret = false;
	for (uint32_t n = 1; n <= last && !*ret; n++) {
		struct walk w;
		bool found = false;
		struct rc rc;

		TRY(walk_open(m, n, &w));
		rc = walk_frame(&w, 0, &c, &found);
		walk_close(&w);
		TRY(rc);
		*ret = c.good[0] && c.good[1] && !c.differ;
	}
	return OK;
}

/* A place that holds segments but has lost its file is taken back when it holds what the other holds; without
 * any such file nobody can say whose the segments are. */
static RC adopt(struct media *m, size_t p, const struct found f[MEDIA_PLACES])
{
	bool ours = false;

	if (f[p].there)
		return OK;
	if (f[p].last > 0) {
		if (f[1 - p].there)
			TRY(same_frames(m, f[p].last, &ours));
		REQUIRE(ours, MEDIA_PLACE, "%s holds segments, but not the file `media` that tells whose",
		        m->place[p].path);
		atomic_fetch_add(&m->place[p].damaged, 1);
	}
	return write_identity(m, p);
}

static RC lock(struct media *m, size_t p)
{
	char path[MEDIA_FILE];

	name_of(m, p, path);
	m->place[p].identity = open(path, O_RDONLY | O_CLOEXEC);
	if (m->place[p].identity < 0)
		return media_failure(m, p, "open its file `media`");
	if (flock(m->place[p].identity, LOCK_EX | LOCK_NB) == 0)
		return OK;
	REQUIRE(errno != EWOULDBLOCK, MEDIA_PLACE, "%s: another process uses it", m->place[p].path);
	return media_failure(m, p, "lock");
}

RC media_identify(struct media *m)
{
	struct found f[MEDIA_PLACES] = {{.last = 0}, {.last = 0}};

	for (size_t p = 0; p < MEDIA_PLACES; p++)
		TRY(make_folder(m, p));
	TRY(apart(m));
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		TRY(read_identity(m, p, &f[p]));
		TRY(media_last_in(m, p, &f[p].last));
	}
	REQUIRE(!f[0].there || !f[1].there || memcmp(f[0].id, f[1].id, 16) == 0, MEDIA_PLACE,
	        "%s and %s belong to different vaults", m->place[0].path, m->place[1].path);
	if (f[0].there || f[1].there)
		memcpy(m->id, f[f[0].there ? 0 : 1].id, 16);
	else
		TRY(rand_bytes(m->id, sizeof(m->id)));
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		TRY(adopt(m, p, f));
		TRY(lock(m, p));
	}
	return OK;
}
