#include "backup/container.h"

#include "base/mem.h"
#include "sm/sm3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TAG 16
#define CHUNK_HEAD 5 /* length, last */
#define AAD (32 + 8 + 1 + 4)

/* ---- the file ---- */

static RC failure(const char *what)
{
	int error = errno;

	REQUIRE(error != ENOSPC && error != EDQUOT, STORAGE_FULL, "backup: cannot %s", what);
	REFUSE(STORAGE_FAILED, "backup: cannot %s: error %d", what, error);
}

static RC put(struct container *c, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t done = write(c->fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return failure("write");
		at += done;
		n -= (size_t)done;
		c->bytes += (uint64_t)done;
	}
	return OK;
}

static RC get(struct container *c, void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t done = read(c->fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return failure("read");
		REQUIRE(done > 0, BACKUP_DAMAGED, "the file ends too early");
		at += done;
		n -= (size_t)done;
		c->bytes += (uint64_t)done;
	}
	return OK;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static RC container_new(struct container **ret)
{
	AUTO(container, c, mem_new(1, sizeof(*c)));

	NEED(c != NULL, RC_NOMEM, "no memory");
	c->fd = -1;
	c->plain = mem_new(1, CONTAINER_CHUNK);
	c->sealed = mem_new(1, CONTAINER_CHUNK + TAG);
	NEED(c->plain != NULL && c->sealed != NULL, RC_NOMEM, "no memory");
	*ret = MOVE(c);
	return OK;
}

void container_close(struct container *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		(void)close(c->fd);
	if (c->plain != NULL)
		wipe(c->plain, CONTAINER_CHUNK);
	mem_free(c->plain);
	mem_free(c->sealed);
	sm4_wipe(&c->key);
	mem_free(c);
}

void container_unlock(struct container *c, const uint8_t secret[SHAMIR_KEY])
{
	uint8_t key[SM4_KEY];

	sm3_hkdf(slice_of(c->head, sizeof(c->head)), slice_of(secret, SHAMIR_KEY),
	         SLICE_LIT("yuandian backup"), key, sizeof(key));
	sm4_init(&c->key, key);
	wipe(key, sizeof(key));
}

/* ---- chunks ---- */

static void names(const struct container *c, uint32_t length, uint8_t last, uint8_t nonce[12],
                  uint8_t aad[AAD])
{
	memcpy(aad, c->head, 32);
	put32(aad + 32, (uint32_t)(c->number >> 32));
	put32(aad + 36, (uint32_t)c->number);
	aad[40] = last;
	put32(aad + 41, length);
	memset(nonce, 0, 4);
	memcpy(nonce + 4, aad + 32, 8);
}

static RC seal(struct container *c, bool last)
{
	uint8_t head[CHUNK_HEAD], nonce[12], aad[AAD];

	put32(head, (uint32_t)c->filled);
	head[4] = last;
	names(c, (uint32_t)c->filled, last, nonce, aad);
	sm4_gcm_seal(&c->key, nonce, SLICE_ARR(aad), slice_of(c->plain, c->filled), c->sealed,
	             c->sealed + c->filled);
	TRY(put(c, head, sizeof(head)));
	TRY(put(c, c->sealed, c->filled + TAG));
	c->number++;
	c->filled = 0;
	return OK;
}

static RC unseal(struct container *c)
{
	uint8_t head[CHUNK_HEAD], nonce[12], aad[AAD];
	uint32_t length;

	REQUIRE(!c->ended, BACKUP_DAMAGED, "there is nothing behind the last chunk");
	TRY(get(c, head, sizeof(head)));
	length = get32(head);
	REQUIRE(length <= CONTAINER_CHUNK && head[4] <= 1, BACKUP_DAMAGED, "chunk %llu is malformed",
	        (unsigned long long)c->number);
	TRY(get(c, c->sealed, length + TAG));
	names(c, length, head[4], nonce, aad);
	REQUIRE(rc_ok(sm4_gcm_open(&c->key, nonce, SLICE_ARR(aad), slice_of(c->sealed, length), c->plain,
	                           c->sealed + length)),
	        BACKUP_DAMAGED, "chunk %llu was changed, or the key is another",
	        (unsigned long long)c->number);
	c->number++;
	c->filled = length;
	c->taken = 0;
	c->ended = head[4] == 1;
	return OK;
}

/* ---- writing ---- */

static RC put_start(struct container *c, struct slice head)
{
	uint8_t length[4];

	put32(length, (uint32_t)head.len);
	TRY(put(c, CONTAINER_MAGIC, sizeof(CONTAINER_MAGIC) - 1));
	TRY(put(c, length, sizeof(length)));
	return put(c, head.p, head.len);
}

RC container_create(const char *path, const json_t *head, const uint8_t secret[SHAMIR_KEY],
                    struct container **ret)
{
	AUTO(container, c, NULL);
	AUTO_BUF(text, CONTAINER_HEAD_MAX);
	struct rc rc;

	TRY(container_new(&c));
	TRY(json_canonical(head, &text));
	sm3_hash(buf_slice(&text), c->head);
	container_unlock(c, secret);
	c->writing = true;
	c->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	NEED(c->fd >= 0 || errno != EEXIST, RC_CONFLICT, "%s is there already", path);
	if (c->fd < 0)
		return failure("make the file");
	rc = put_start(c, buf_slice(&text));
	if (!rc_ok(rc)) {
		(void)unlink(path);
		return rc;
	}
	*ret = MOVE(c);
	return OK;
}

RC container_write(struct container *c, struct slice s)
{
	while (s.len > 0) {
		size_t n = CONTAINER_CHUNK - c->filled < s.len ? CONTAINER_CHUNK - c->filled : s.len;

		memcpy(c->plain + c->filled, s.p, n);
		c->filled += n;
		s.p += n;
		s.len -= n;
		if (c->filled == CONTAINER_CHUNK)
			TRY(seal(c, false));
	}
	return OK;
}

RC container_end(struct container *c)
{
	TRY(seal(c, true));
	c->ended = true;
	if (fsync(c->fd) != 0)
		return failure("sync");
	return OK;
}

/* ---- reading ---- */

RC container_open(const char *path, json_t **head, struct container **ret)
{
	AUTO(container, c, NULL);
	AUTO_BUF(text, CONTAINER_HEAD_MAX);
	uint8_t start[sizeof(CONTAINER_MAGIC) - 1 + 4], *to;
	uint32_t length;

	TRY(container_new(&c));
	c->fd = open(path, O_RDONLY | O_CLOEXEC);
	NEED(c->fd >= 0, RC_NOTFOUND, "cannot open %s", path);
	TRY(get(c, start, sizeof(start)));
	length = get32(start + sizeof(CONTAINER_MAGIC) - 1);
	REQUIRE(memcmp(start, CONTAINER_MAGIC, sizeof(CONTAINER_MAGIC) - 1) == 0 && length > 0 &&
	                length <= CONTAINER_HEAD_MAX,
	        BACKUP_DAMAGED, "%s is no backup", path);
	to = buf_room(&text, length);
	NEED(to != NULL, RC_NOMEM, "no memory");
	TRY(get(c, to, length));
	text.len = length;
	sm3_hash(buf_slice(&text), c->head);
	REQUIRE(rc_ok(json_read(buf_slice(&text), CONTAINER_HEAD_MAX, head)), BACKUP_DAMAGED,
	        "its head cannot be read");
	*ret = MOVE(c);
	return OK;
}

RC container_read(struct container *c, void *to, size_t n)
{
	uint8_t *at = to;

	while (n > 0) {
		size_t some = c->filled - c->taken < n ? c->filled - c->taken : n;

		memcpy(at, c->plain + c->taken, some);
		c->taken += some;
		at += some;
		n -= some;
		if (n > 0)
			TRY(unseal(c));
	}
	return OK;
}

RC container_finished(struct container *c)
{
	uint8_t one;

	while (!c->ended && c->taken == c->filled)
		TRY(unseal(c));
	REQUIRE(c->ended && c->taken == c->filled, BACKUP_DAMAGED, "there is more than was said");
	REQUIRE(read(c->fd, &one, 1) == 0, BACKUP_DAMAGED, "there is something behind the last chunk");
	return OK;
}
