#include "evidence/record.h"
#include "evidence/record_commit.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* File: magic, nonce, ciphertext, tag.  Additional data: magic and id. */
#define MAGIC "YDR1"
#define MAGIC_LEN 4
#define NONCE_LEN 12
#define TAG_LEN 16
#define OVERHEAD (MAGIC_LEN + NONCE_LEN + TAG_LEN)
#define FOLDERS 256

struct record_store {
	char *dir;
	struct secret *key;
	struct record_commit *commit;
};

_Static_assert(RECORD_BATCH <= RECORD_COMMIT_MAX, "a batch is one commit");

static RC set_path(char ret[PATH_MAX], const struct record_store *s, const uint8_t *id, const char *end)
{
	char hex[2 * RECORD_ID + 1];
	size_t i;
	int n;

	for (i = 0; i < RECORD_ID; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id[i]);
	n = snprintf(ret, PATH_MAX, "%s/%.2s/%s%s", s->dir, hex, hex, end);
	NEED(n > 0 && (size_t)n < PATH_MAX, RC_INPUT, "record store: path too long");
	return OK;
}

/* All folders exist from the start, so that a put has one folder to sync. */
static RC make_folders(const struct record_store *s)
{
	char path[PATH_MAX];
	unsigned i;

	TRY(dir_make(s->dir, 0700));
	for (i = 0; i < FOLDERS; i++) {
		int n = snprintf(path, sizeof(path), "%s/%02x", s->dir, i);

		NEED(n > 0 && (size_t)n < sizeof(path), RC_INPUT, "record store: path too long");
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return record_failure("make a folder");
	}
	return record_sync_folder(s->dir);
}

RC record_open(const char *dir, const uint8_t key[RECORD_KEY], struct record_store **ret)
{
	AUTO(record_store, s, mem_new(1, sizeof(*s)));

	NEED(s != NULL, RC_NOMEM, "record store: out of memory");
	s->dir = mem_text(dir);
	s->key = secret_new(RECORD_KEY);
	NEED(s->dir != NULL && s->key != NULL, RC_NOMEM, "record store: out of memory");
	memcpy(s->key->p, key, RECORD_KEY);
	TRY(make_folders(s));
	TRY(record_commit_open(s->dir, &s->commit));
	*ret = MOVE(s);
	return OK;
}

void record_close(struct record_store *s)
{
	if (s == NULL)
		return;
	record_commit_close(s->commit);
	secret_free(s->key);
	mem_free(s->dir);
	mem_free(s);
}

/* ---- sealing ---- */

static void additional(const uint8_t *id, uint8_t ret[MAGIC_LEN + RECORD_ID])
{
	memcpy(ret, MAGIC, MAGIC_LEN);
	memcpy(ret + MAGIC_LEN, id, RECORD_ID);
}

static RC seal(const struct record_store *s, const uint8_t *id, struct slice content, struct buf *ret)
{
	uint8_t *p = buf_room(ret, content.len + OVERHEAD), aad[MAGIC_LEN + RECORD_ID];
	struct sm4 cipher;

	if (p == NULL)
		return buf_done(ret);
	additional(id, aad);
	memcpy(p, MAGIC, MAGIC_LEN);
	TRY(rand_bytes(p + MAGIC_LEN, NONCE_LEN));
	sm4_init(&cipher, s->key->p);
	sm4_gcm_seal(&cipher, p + MAGIC_LEN, SLICE_ARR(aad), content, p + MAGIC_LEN + NONCE_LEN,
	             p + MAGIC_LEN + NONCE_LEN + content.len);
	sm4_wipe(&cipher);
	ret->len += content.len + OVERHEAD;
	return OK;
}

static RC unseal(const struct record_store *s, const uint8_t *id, struct slice file, struct buf *ret)
{
	uint8_t aad[MAGIC_LEN + RECORD_ID], digest[RECORD_ID], *p;
	struct slice body;
	struct sm4 cipher;
	struct rc rc;

	NEED(file.len >= OVERHEAD && memcmp(file.p, MAGIC, MAGIC_LEN) == 0, RC_CRYPTO, "record: damaged");
	body = slice_of(file.p + MAGIC_LEN + NONCE_LEN, file.len - OVERHEAD);
	p = buf_room(ret, body.len);
	if (p == NULL)
		return buf_done(ret);
	additional(id, aad);
	sm4_init(&cipher, s->key->p);
	rc = sm4_gcm_open(&cipher, file.p + MAGIC_LEN, SLICE_ARR(aad), body, p, body.p + body.len);
	sm4_wipe(&cipher);
	NEED(rc_ok(rc), RC_CRYPTO, "record: its bytes were changed, or another key sealed it");
	sm3_hash(slice_of(p, body.len), digest);
	NEED(ct_equal(digest, id, RECORD_ID), RC_CRYPTO, "record: not the content of its name");
	ret->len += body.len;
	return OK;
}

/* ---- putting ---- */

static RC write_all(int fd, struct slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.p, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return record_failure("write");
		s = slice_of(s.p + n, s.len - (size_t)n);
	}
	return OK;
}

/* Also what is there already is written anew: it may be torn, or come from a put whose sync failed. */
static RC write_temporary(struct record_store *s, struct slice content, uint8_t id[RECORD_ID],
                          struct record_file *ret)
{
	AUTO_BUF(sealed, RECORD_MAX + OVERHEAD);

	REQUIRE(content.len <= RECORD_MAX, TOO_LARGE, "record: %zu bytes, limit %u", content.len, RECORD_MAX);
	sm3_hash(content, id);
	TRY(seal(s, id, content, &sealed));
	TRY(set_path(ret->temporary, s, id, RECORD_TEMPORARY));
	ret->fd = mkostemp(ret->temporary, O_CLOEXEC);
	if (ret->fd < 0)
		return record_failure("create a file");
	return write_all(ret->fd, buf_slice(&sealed));
}

/* Hashing, sealing and writing are each caller's own, on its own thread; only the wait for the disk
 * is shared. */
static RC put_all(struct record_store *s, const struct slice *contents, size_t n, uint8_t (*ids)[RECORD_ID],
                  struct record_file *files)
{
	size_t i;

	for (i = 0; i < n; i++)
		TRY(write_temporary(s, contents[i], ids[i], &files[i]));
	return record_commit(s->commit, files, n);
}

RC record_put_batch(struct record_store *s, const struct slice *contents, size_t n, uint8_t (*ids)[RECORD_ID])
{
	AUTO_MEM(struct record_file, files, NULL);
	struct rc rc;
	size_t i;

	NEED(n <= RECORD_BATCH, RC_INPUT, "record store: at most %d records at once", RECORD_BATCH);
	files = mem_new(n, sizeof(*files));
	NEED(files != NULL, RC_NOMEM, "record store: out of memory");
	for (i = 0; i < n; i++)
		files[i].fd = -1;
	rc = put_all(s, contents, n, ids, files);
	for (i = 0; i < n; i++) {
		if (files[i].fd < 0)
			continue;
		(void)close(files[i].fd);
		(void)unlink(files[i].temporary);
	}
	return rc;
}

RC record_put(struct record_store *s, struct slice content, uint8_t id[RECORD_ID])
{
	uint8_t ids[1][RECORD_ID];

	TRY(record_put_batch(s, &content, 1, ids));
	memcpy(id, ids[0], RECORD_ID);
	return OK;
}

/* ---- getting ---- */

RC record_get(struct record_store *s, const uint8_t id[RECORD_ID], struct buf *ret)
{
	AUTO_BUF(file, RECORD_MAX + OVERHEAD);
	char path[PATH_MAX];
	struct rc rc;

	TRY(set_path(path, s, id, ""));
	rc = file_read(path, RECORD_MAX + OVERHEAD, &file);
	NEED(rc.code != RC_NOTFOUND, RC_NOTFOUND, "record: there is none with this id");
	NEED(rc.code != RC_INPUT, RC_CRYPTO, "record: damaged");
	TRY(rc);
	return unseal(s, id, buf_slice(&file), ret);
}

/* Blocks that a file system keeps aside hold only sealed bytes. */
static RC overwrite(const char *path)
{
	static const uint8_t zeros[4096];
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	bool done;

	if (fd < 0)
		return record_failure("open a record");
	done = fstat(fd, &st) == 0;
	for (off_t at = 0; done && at < st.st_size; at += (off_t)sizeof(zeros)) {
		size_t n = st.st_size - at < (off_t)sizeof(zeros) ? (size_t)(st.st_size - at) : sizeof(zeros);

		done = pwrite(fd, zeros, n, at) == (ssize_t)n;
	}
	done = done && fdatasync(fd) == 0;
	(void)close(fd);
	return done ? OK : record_failure("overwrite a record");
}

RC record_remove(struct record_store *s, const uint8_t id[RECORD_ID])
{
	char path[PATH_MAX];
	bool here;

	TRY(record_has(s, id, &here));
	if (!here)
		return OK;
	TRY(set_path(path, s, id, ""));
	TRY(overwrite(path));
	if (unlink(path) != 0)
		return record_failure("remove a record");
	*strrchr(path, '/') = '\0';
	return record_sync_folder(path);
}

RC record_has(struct record_store *s, const uint8_t id[RECORD_ID], bool *ret)
{
	char path[PATH_MAX];

	TRY(set_path(path, s, id, ""));
	*ret = access(path, F_OK) == 0;
	if (!*ret && errno != ENOENT)
		return record_failure("look for a record");
	return OK;
}
