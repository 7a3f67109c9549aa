/* A backup opened: only looked at, or put into a data folder. */
#include "backup/backup.h"
#include "backup/container.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"
#include "db/db.h"
#include "pki/cert.h"
#include "sm/sm2.h"
#include "sm/sm3.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1u << 18)

struct opening {
	struct container *c;
	json_t *head;
	const char *dir; /* where files go */
	uint8_t *piece;
	uint64_t files, bytes;
	char database[64][BACKUP_PATH];
	size_t databases;
};

static void opening_free(struct opening *o)
{
	if (o == NULL)
		return;
	container_close(o->c);
	json_decref(o->head);
	mem_free(o->piece);
	mem_free(o);
}
DROP(opening, opening_free);

/* ---- the key from its custodians ---- */

static RC open_share(const json_t *custodian, const struct sm2_key *key, struct shamir_share *ret)
{
	AUTO_BUF(cipher, 512);
	__attribute__((cleanup(buf_free))) struct buf plain = BUF_SECRET(64);
	struct sm2_cipher parts;

	TRY(json_get_base64(custodian, "share", 512, &cipher));
	TRY(sm2_cipher_from_raw(buf_slice(&cipher), &parts));
	TRY(sm2_decrypt(key, &parts, &plain));
	NEED(plain.len == 2 + SHAMIR_KEY, RC_INPUT, "a share of another length");
	ret->number = plain.p[0];
	ret->needed = plain.p[1];
	memcpy(ret->value, plain.p + 2, SHAMIR_KEY);
	return OK;
}

/* The custodian whose certificate has that key. */
static RC find_share(const json_t *list, const struct sm2_key *key, struct shamir_share *ret)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		AUTO_BUF(der, CERT_DER_MAX);
		struct cert cert;

		TRY(json_get_base64(json_array_get(list, i), "certificate", CERT_DER_MAX, &der));
		TRY(cert_parse(buf_slice(&der), &cert));
		if (cert.key.kind == PUBKEY_SM2 && memcmp(&cert.key.sm2, &key->pub, sizeof(key->pub)) == 0)
			return open_share(json_array_get(list, i), key, ret);
	}
	REFUSE(BACKUP_KEY, "a key that is no custodian's of this backup");
}

static RC join(const json_t *head, const struct backup_keys *k, uint8_t secret[SHAMIR_KEY])
{
	struct shamir_share shares[SHAMIR_MAX];
	uint8_t digests[SHAMIR_MAX][SM3_LEN];
	json_t *list;
	int64_t needed;
	struct rc rc = OK;

	TRY(json_get_array(head, "custodians", SHAMIR_MAX, &list));
	TRY(json_get_int(head, "needed", 2, SHAMIR_MAX, &needed));
	REQUIRE((int64_t)k->count >= needed && k->count <= SHAMIR_MAX, BACKUP_KEY,
	        "%lld custodians are needed, %zu are here", (long long)needed, k->count);
	for (size_t i = 0; i < json_array_size(list); i++)
		TRY(json_get_hex(json_array_get(list, i), "digest", digests[i], SM3_LEN));
	for (size_t i = 0; i < k->count && rc_ok(rc); i++)
		rc = find_share(list, &k->keys[i], &shares[i]);
	if (rc_ok(rc) && !rc_ok(shamir_join(shares, k->count, (const uint8_t(*)[SM3_LEN])digests,
	                                    (uint8_t)json_array_size(list), secret)))
		rc = rc_refuse(ERR_BACKUP_KEY, "the shares do not give the key");
	wipe(shares, sizeof(shares));
	return rc;
}

/* ---- files ---- */

static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

struct entry {
	char path[BACKUP_PATH];
	uint32_t mode, uid, gid;
	uint64_t size;
};

/* Names lead nowhere but into the folder. */
static RC check_name(const char *name)
{
	REQUIRE(name[0] != '/' && name[0] != '\0' && strstr(name, "//") == NULL, BACKUP_DAMAGED, "a name %s",
	        name);
	for (const char *p = name; p != NULL; p = strchr(p, '/') != NULL ? strchr(p, '/') + 1 : NULL)
		REQUIRE(strncmp(p, "../", 3) != 0 && strcmp(p, "..") != 0 && strncmp(p, "./", 2) != 0 &&
		                strcmp(p, ".") != 0,
		        BACKUP_DAMAGED, "a name %s", name);
	return OK;
}

static RC read_head(struct opening *o, struct entry *e)
{
	uint8_t length[2], rest[20];
	size_t n;

	TRY(container_read(o->c, length, sizeof(length)));
	n = (size_t)number(length, 2);
	REQUIRE(n < sizeof(e->path), BACKUP_DAMAGED, "a name of %zu bytes", n);
	TRY(container_read(o->c, e->path, n));
	e->path[n] = '\0';
	REQUIRE(strlen(e->path) == n, BACKUP_DAMAGED, "a name with a zero byte");
	TRY(check_name(e->path));
	TRY(container_read(o->c, rest, sizeof(rest)));
	e->mode = (uint32_t)number(rest, 4) & 07777;
	e->uid = (uint32_t)number(rest + 4, 4);
	e->gid = (uint32_t)number(rest + 8, 4);
	e->size = number(rest + 12, 8);
	return OK;
}

static RC write_piece(int fd, const uint8_t *p, size_t n)
{
	while (fd >= 0 && n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		REQUIRE(done > 0, STORAGE_FULL, "cannot write what is restored");
		p += done;
		n -= (size_t)done;
	}
	return OK;
}

static RC read_content(struct opening *o, const struct entry *e, int fd)
{
	uint8_t told[SM3_LEN], sm3[SM3_LEN];
	uint64_t left = e->size;
	struct sm3 hash;

	sm3_init(&hash);
	while (left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		TRY(container_read(o->c, o->piece, n));
		sm3_update(&hash, slice_of(o->piece, n));
		TRY(write_piece(fd, o->piece, n));
		left -= n;
	}
	sm3_final(&hash, sm3);
	TRY(container_read(o->c, told, sizeof(told)));
	REQUIRE(memcmp(sm3, told, sizeof(sm3)) == 0, BACKUP_DAMAGED, "%s is not what was backed up", e->path);
	o->files++;
	o->bytes += e->size;
	return OK;
}

static RC note_database(struct opening *o, const char *path)
{
	size_t n = strlen(path);

	if (n < 8 || strcmp(path + n - 8, "/data.db") != 0)
		return OK;
	NEED(o->databases < sizeof(o->database) / sizeof(o->database[0]), RC_INPUT, "too many databases");
	(void)snprintf(o->database[o->databases++], BACKUP_PATH, "%s", path);
	return OK;
}

static RC take_file(struct opening *o)
{
	struct entry e;
	char path[BACKUP_PATH + BACKUP_PATH];
	bool folder;
	struct rc rc;
	int fd;

	TRY(read_head(o, &e));
	folder = e.path[strlen(e.path) - 1] == '/';
	(void)snprintf(path, sizeof(path), "%s/%s", o->dir, e.path);
	if (folder) {
		NEED(mkdir(path, 0700) == 0 || errno == EEXIST, RC_BUSY, "cannot make %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	} else {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	REQUIRE(fd >= 0, STORAGE_FAILED, "cannot make %s", path);
	rc = read_content(o, &e, folder ? -1 : fd);
	if (rc_ok(rc) && ((geteuid() == 0 && fchown(fd, e.uid, e.gid) != 0) || fchmod(fd, e.mode) != 0 ||
	                  (!folder && fsync(fd) != 0)))
		rc = rc_refuse(ERR_STORAGE_FAILED, "cannot finish %s", path);
	(void)close(fd);
	TRY(rc);
	return note_database(o, path);
}

static RC take_all(struct opening *o, json_t **summary)
{
	for (;;) {
		AUTO_BUF(text, 1u << 20);
		uint8_t kind, length[4], *to;

		TRY(container_read(o->c, &kind, 1));
		if (kind == 1) {
			TRY(take_file(o));
			continue;
		}
		REQUIRE(kind == 2, BACKUP_DAMAGED, "an entry of kind %u", kind);
		TRY(container_read(o->c, length, sizeof(length)));
		to = buf_room(&text, (size_t)number(length, 4));
		REQUIRE(to != NULL, BACKUP_DAMAGED, "a summary that is too long");
		TRY(container_read(o->c, to, (size_t)number(length, 4)));
		text.len = (size_t)number(length, 4);
		TRY(container_finished(o->c));
		return json_read(buf_slice(&text), 1u << 20, summary);
	}
}

/* Counts, and each database as a whole. */
static RC judge(struct opening *o, const json_t *summary)
{
	int64_t files, bytes;

	TRY(json_get_int(summary, "files", 0, INT64_MAX, &files));
	TRY(json_get_int(summary, "bytes", 0, INT64_MAX, &bytes));
	REQUIRE((uint64_t)files == o->files && (uint64_t)bytes == o->bytes, BACKUP_DAMAGED,
	        "%llu files were said, %llu are there", (unsigned long long)files,
	        (unsigned long long)o->files);
	for (size_t i = 0; i < o->databases; i++) {
		AUTO(db, db, NULL);

		TRY(db_open(o->database[i], true, &db));
		TRY(db_check(db, o->database[i]));
	}
	return OK;
}

static RC open_all(const char *file, const struct backup_keys *k, const char *dir, json_t **summary)
{
	AUTO(opening, o, mem_new(1, sizeof(*o)));
	uint8_t secret[SHAMIR_KEY];
	int64_t version;

	NEED(o != NULL, RC_NOMEM, "no memory");
	o->dir = dir;
	o->piece = mem_new(1, PIECE);
	NEED(o->piece != NULL, RC_NOMEM, "no memory");
	TRY(container_open(file, &o->head, &o->c));
	TRY(json_get_int(o->head, "version", 1, INT64_MAX, &version));
	REQUIRE(version <= BACKUP_VERSION, DATA_NEWER, "a backup of version %lld; this program knows %d",
	        (long long)version, BACKUP_VERSION);
	TRY(join(o->head, k, secret));
	container_unlock(o->c, secret);
	wipe(secret, sizeof(secret));
	TRY(take_all(o, summary));
	return judge(o, *summary);
}

/* ---- folders ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void remove_folder(const char *path)
{
	(void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

RC backup_head(const char *file, json_t **ret)
{
	AUTO(container, c, NULL);

	return container_open(file, ret, &c);
}

RC backup_verify(const char *file, const struct backup_keys *k, json_t **summary)
{
	char dir[BACKUP_PATH];
	struct rc rc;

	(void)snprintf(dir, sizeof(dir), "%s.verify.XXXXXX", file);
	NEED(mkdtemp(dir) != NULL, RC_BUSY, "cannot make a folder beside %s", file);
	rc = open_all(file, k, dir, summary);
	if (!rc_ok(rc)) {
		struct rc_text why = *rc_last();

		remove_folder(dir);
		return rc_restore(&why);
	}
	remove_folder(dir);
	return OK;
}

static RC write_mark(const char *dir, const json_t *summary)
{
	AUTO_JSON(o, json_object());
	AUTO_BUF(text, 4096);
	char path[BACKUP_PATH];

	(void)snprintf(path, sizeof(path), "%s/clock", dir);
	TRY(clock_open(path));
	json_put_cstr(o, "schema", "yuandian/restored/v1");
	json_put_take(o, "backup", json_incref(json_object_get(summary, "at")));
	json_put_time(o, "at", clock_now());
	TRY(json_canonical(o, &text));
	(void)snprintf(path, sizeof(path), "%s/" BACKUP_MARK, dir);
	return file_write(path, buf_slice(&text), 0644);
}

static RC put_in_place(const char *from, const char *data)
{
	(void)rmdir(data); /* an empty one */
	NEED(rename(from, data) == 0, RC_CONFLICT, "%s is not empty", data);
	return OK;
}

RC backup_restore(const char *file, const struct backup_keys *k, const char *data, json_t **summary)
{
	char dir[BACKUP_PATH];
	struct stat st;
	struct rc rc;

	(void)snprintf(dir, sizeof(dir), "%s.restoring", data);
	NEED(stat(data, &st) != 0 || rmdir(data) == 0, RC_CONFLICT, "%s is not empty", data);
	NEED(mkdir(dir, 0755) == 0, RC_CONFLICT, "%s is there already", dir);
	rc = open_all(file, k, dir, summary);
	if (rc_ok(rc))
		rc = write_mark(dir, *summary);
	if (rc_ok(rc))
		rc = put_in_place(dir, data);
	if (!rc_ok(rc)) {
		struct rc_text why = *rc_last();

		remove_folder(dir);
		return rc_restore(&why);
	}
	return OK;
}
