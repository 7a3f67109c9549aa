/* A cut through all databases, then everything that lies in the data folder. */
#include "backup/backup.h"
#include "backup/container.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/platform.h"
#include "db/db.h"
#include "pki/cert.h"
#include "sm/sm3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 16
#define PIECE (1u << 18)

/* Who follows comes before whom it follows; vault and KMC after the CA that relies on them. */
static const char *const backup_order[] = {"status", "ra", "ca", "vault", "kmc", "source"};

struct held {
	const struct plat_instance *at;
	struct db *db;
	int64_t size; /* of its log */
};
struct creating {
	const struct backup_options *o;
	struct plat plat;
	struct held held[PLAT_INSTANCES];
	size_t count;
	struct container *c;
	json_t *instances;
	uint64_t files, bytes;
	uint8_t *piece;
};

static void creating_free(struct creating *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		db_close(c->held[i].db);
	container_close(c->c);
	json_decref(c->instances);
	mem_free(c->piece);
	mem_free(c);
}
DROP(creating, creating_free);

/* ---- the cut ---- */

/* Its configuration says where the database is; a file of the folder unless it does. */
static RC database_of(const struct creating *c, const struct plat_instance *at, char *ret, size_t size)
{
	char config[BACKUP_PATH];
	AUTO_BUF(text, 64u << 10);
	const char *line;

	(void)snprintf(config, sizeof(config), "%s/%s/config.yaml", c->plat.dir, at->name);
	TRY(rc_note(file_read(config, 64u << 10, &text), "%s", config));
	line = strstr(buf_cstr(&text), "\ndatabase:");
	if (line == NULL) {
		(void)snprintf(ret, size, "%s/%s/data.db", c->plat.dir, at->name);
		return OK;
	}
	line += strlen("\ndatabase:");
	line += strspn(line, " \"");
	(void)snprintf(ret, size, "%.*s", (int)strcspn(line, "\"\n"), line);
	return OK;
}

static RC hold_one(struct creating *c, const struct plat_instance *at)
{
	struct held *h = &c->held[c->count];
	char url[BACKUP_PATH];
	AUTO(db, db, NULL);

	TRY(database_of(c, at, url, sizeof(url)));
	TRY(rc_note(db_open(url, true, &db), "%s", at->name));
	TRY(db_verb(db, DB_BEGIN));
	TRY(backup_store_size(db, &h->size)); /* a snapshot begins with the first read */
	h->at = at;
	h->db = MOVE(db);
	c->count++;
	return OK;
}

static RC hold_all(struct creating *c)
{
	for (size_t r = 0; r < sizeof(backup_order) / sizeof(backup_order[0]); r++)
		for (size_t i = 0; i < c->plat.count; i++)
			if (strcmp(c->plat.instance[i].role, backup_order[r]) == 0)
				TRY(hold_one(c, &c->plat.instance[i]));
	return OK;
}

struct judging {
	const struct creating *c;
	bool ahead;
};

static struct rc judge(void *arg, const char *log, int64_t size)
{
	struct judging *j = arg;

	for (size_t i = 0; i < j->c->count; i++)
		if (strcmp(j->c->held[i].at->name, log) == 0 && size > j->c->held[i].size)
			j->ahead = true;
	return OK;
}

static RC take_cut(struct creating *c)
{
	for (size_t n = 0; n < BACKUP_CUTS; n++) {
		struct judging j = {.c = c};

		for (; c->count > 0; c->count--)
			db_close(c->held[c->count - 1].db);
		TRY(hold_all(c));
		for (size_t i = 0; i < c->count; i++)
			TRY(backup_store_seen(c->held[i].db, judge, &j));
		if (!j.ahead)
			return OK;
	}
	FAIL(RC_BUSY, "no consistent cut in %d attempts; try again when there is less to do", BACKUP_CUTS);
}

/* ---- files ---- */

static void put(uint8_t *p, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		p[n - 1] = (uint8_t)v;
}

static RC put_head(struct creating *c, const char *name, const struct stat *st, uint64_t size)
{
	uint8_t head[3 + BACKUP_PATH + 12 + 8];
	size_t n = strlen(name);

	head[0] = 1;
	put(head + 1, n, 2);
	memcpy(head + 3, name, n);
	put(head + 3 + n, st->st_mode & 07777, 4);
	put(head + 7 + n, st->st_uid, 4);
	put(head + 11 + n, st->st_gid, 4);
	put(head + 15 + n, size, 8);
	c->files++;
	c->bytes += size;
	return container_write(c->c, slice_of(head, 23 + n));
}

/* size bytes of a file that may be growing; one that shrank is not a file of ours. */
static RC put_content(struct creating *c, int fd, const char *name, uint64_t size)
{
	struct sm3 hash;
	uint8_t sm3[SM3_LEN];

	sm3_init(&hash);
	while (size > 0) {
		ssize_t n = read(fd, c->piece, size < PIECE ? (size_t)size : PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		NEED(n > 0, RC_BUSY, "%s cannot be read to its end", name);
		sm3_update(&hash, slice_of(c->piece, (size_t)n));
		TRY(container_write(c->c, slice_of(c->piece, (size_t)n)));
		size -= (uint64_t)n;
	}
	sm3_final(&hash, sm3);
	return container_write(c->c, SLICE_ARR(sm3));
}

static RC put_file(struct creating *c, const char *path, const char *name, const struct stat *like)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	struct rc rc = OK;

	if (fd < 0 && errno == ENOENT)
		return OK; /* gone since the folder was read */
	NEED(fd >= 0 && fstat(fd, &st) == 0, RC_BUSY, "cannot read %s", name);
	rc = put_head(c, name, like != NULL ? like : &st, (uint64_t)st.st_size);
	if (rc_ok(rc))
		rc = put_content(c, fd, name, (uint64_t)st.st_size);
	(void)close(fd);
	return rc;
}

/* Whatever database it was, the backup holds a file. */
static RC copy_database(const struct held *h, const char *copy)
{
	AUTO(db, to, NULL);

	if (!db_is_pgsql(h->db))
		return db_snapshot(h->db, copy);
	TRY(db_open(copy, false, &to));
	TRY(db_migrate(to, h->at->role));
	return db_copy(h->db, to);
}

/* A copy of what is held, made beside the backup and removed again. */
static RC put_database(struct creating *c, const struct held *h)
{
	char copy[BACKUP_PATH], path[BACKUP_PATH], name[PLAT_NAME + 16];
	struct stat like;
	struct rc rc;

	(void)snprintf(copy, sizeof(copy), "%s.database", c->o->out);
	(void)snprintf(path, sizeof(path), "%s/%s/data.db", c->plat.dir, h->at->name);
	(void)snprintf(name, sizeof(name), "%s/data.db", h->at->name);
	if (db_is_pgsql(h->db))
		(void)snprintf(path, sizeof(path), "%s/%s/config.yaml", c->plat.dir, h->at->name);
	NEED(stat(path, &like) == 0, RC_BUSY, "cannot look at %s", name);
	like.st_mode = 0600;
	(void)unlink(copy);
	rc = copy_database(h, copy);
	if (rc_ok(rc))
		rc = put_file(c, copy, name, &like);
	(void)unlink(copy);
	return rc;
}

static bool left_out(const char *name, const char *entry)
{
	size_t n = strlen(entry);

	if (strcmp(entry, ".") == 0 || strcmp(entry, "..") == 0)
		return true;
	/* databases are copied from the cut; half-written files have such names */
	if (strncmp(entry, "data.db", 7) == 0 || (n > 4 && strcmp(entry + n - 4, ".tmp") == 0))
		return true;
	return *name == '\0' && (strcmp(entry, BACKUP_MARK) == 0 || strcmp(entry, "lock") == 0);
}

static RC put_folder(struct creating *c, const char *name, unsigned depth);

static RC put_entry(struct creating *c, const char *name, const char *entry, unsigned depth)
{
	char path[BACKUP_PATH], under[BACKUP_PATH];
	struct stat st;
	int n = snprintf(under, sizeof(under), "%s%s%s", name, *name != '\0' ? "/" : "", entry);

	NEED(n > 0 && (size_t)n < sizeof(under), RC_INPUT, "%s/%s: the name is too long", name, entry);
	n = snprintf(path, sizeof(path), "%s/%s", c->plat.dir, under);
	NEED(n > 0 && (size_t)n < sizeof(path), RC_INPUT, "%s: the name is too long", under);
	if (lstat(path, &st) != 0)
		return OK;
	if (S_ISDIR(st.st_mode)) {
		uint8_t sm3[SM3_LEN];

		/* a folder is an entry without content: an empty one may matter */
		(void)snprintf(path, sizeof(path), "%s/", under);
		TRY(put_head(c, path, &st, 0));
		sm3_hash(SLICE_NONE, sm3);
		TRY(container_write(c->c, SLICE_ARR(sm3)));
		return put_folder(c, under, depth + 1);
	}
	return S_ISREG(st.st_mode) ? put_file(c, path, under, NULL) : OK;
}

static RC put_folder(struct creating *c, const char *name, unsigned depth)
{
	char path[BACKUP_PATH];
	struct dirent *e;
	struct rc rc = OK;
	DIR *d;

	NEED(depth < DEPTH_MAX, RC_INPUT, "%s: folders in folders in folders", name);
	(void)snprintf(path, sizeof(path), "%s/%s", c->plat.dir, name);
	d = opendir(path);
	NEED(d != NULL, RC_BUSY, "cannot read the folder %s", path);
	while (rc_ok(rc) && (e = readdir(d)) != NULL)
		if (!left_out(name, e->d_name))
			rc = put_entry(c, name, e->d_name, depth);
	(void)closedir(d);
	return rc;
}

/* ---- the head: custodians ---- */

static RC add_custodian(const struct backup_custodian *k, const struct shamir_share *share,
                        const uint8_t digest[SM3_LEN], json_t *list)
{
	uint8_t plain[2 + SHAMIR_KEY];
	AUTO_BUF(cipher, 512);
	AUTO_JSON(o, json_object());
	struct cert cert;
	struct rc rc;

	TRY(cert_parse(buf_slice(&k->certificate), &cert));
	NEED(cert.key.kind == PUBKEY_SM2, RC_INPUT, "custodian %s has no SM2 key", k->name);
	plain[0] = share->number;
	plain[1] = share->needed;
	memcpy(plain + 2, share->value, SHAMIR_KEY);
	rc = sm2_encrypt(&cert.key.sm2, SLICE_ARR(plain), &cipher);
	wipe(plain, sizeof(plain));
	TRY(rc);
	json_put_cstr(o, "name", k->name);
	json_put_base64(o, "certificate", buf_slice(&k->certificate));
	json_put_hex(o, "digest", slice_of(digest, SM3_LEN));
	json_put_base64(o, "share", buf_slice(&cipher));
	TRY(json_put_result());
	NEED(json_array_append(list, o) == 0, RC_NOMEM, "no memory");
	return OK;
}

static RC make_head(const struct backup_options *o, const uint8_t secret[SHAMIR_KEY], json_t *head)
{
	struct shamir_share shares[SHAMIR_MAX];
	uint8_t digests[SHAMIR_MAX][SM3_LEN];
	json_t *list = json_array();
	struct rc rc;

	json_put_cstr(head, "schema", "yuandian/backup/v1");
	json_put_cstr(head, "program", YD_VERSION);
	json_put_int(head, "version", BACKUP_VERSION);
	json_put_time(head, "at", clock_now());
	json_put_int(head, "needed", o->threshold);
	json_put_take(head, "custodians", list);
	TRY(shamir_split(secret, o->threshold, o->count, shares, digests));
	rc = json_put_result();
	for (uint8_t i = 0; i < o->count && rc_ok(rc); i++)
		rc = add_custodian(&o->custodians[i], &shares[i], digests[i], list);
	wipe(shares, sizeof(shares));
	return rc;
}

/* ---- all of it ---- */

static RC summary_of(struct creating *c, json_t **ret)
{
	json_t *o = json_object(), *list = json_array();

	json_put_time(o, "at", clock_now());
	json_put_int(o, "files", (int64_t)c->files);
	json_put_int(o, "bytes", (int64_t)c->bytes);
	json_put_take(o, "instances", list);
	for (size_t i = 0; i < c->count; i++) {
		json_t *one = json_object();

		json_put_cstr(one, "name", c->held[i].at->name);
		json_put_int(one, "log", c->held[i].size);
		NEED(json_array_append_new(list, one) == 0, RC_NOMEM, "no memory");
	}
	*ret = o;
	return json_put_result();
}

static RC put_summary(struct creating *c, const json_t *summary)
{
	AUTO_BUF(text, 1u << 20);
	uint8_t head[5] = {2};

	TRY(json_canonical(summary, &text));
	put(head + 1, text.len, 4);
	TRY(container_write(c->c, SLICE_ARR(head)));
	TRY(container_write(c->c, buf_slice(&text)));
	return container_end(c->c);
}

static RC write_all(struct creating *c, json_t **summary)
{
	AUTO_JSON(head, json_object());
	uint8_t secret[SHAMIR_KEY];
	struct rc rc;

	TRY(rand_bytes(secret, sizeof(secret)));
	rc = make_head(c->o, secret, head);
	if (rc_ok(rc))
		rc = container_create(c->o->out, head, secret, &c->c);
	wipe(secret, sizeof(secret));
	TRY(rc);
	TRY(take_cut(c));
	TRY(put_folder(c, "", 0));
	for (size_t i = 0; i < c->count; i++)
		TRY(put_database(c, &c->held[i]));
	TRY(summary_of(c, summary));
	return put_summary(c, *summary);
}

RC backup_create(const struct backup_options *o, json_t **summary)
{
	AUTO(creating, c, mem_new(1, sizeof(*c)));
	char path[BACKUP_PATH];
	struct rc rc;

	NEED(c != NULL, RC_NOMEM, "no memory");
	c->o = o;
	c->piece = mem_new(1, PIECE);
	NEED(c->piece != NULL, RC_NOMEM, "no memory");
	TRY(plat_load(o->data, &c->plat));
	(void)snprintf(path, sizeof(path), "%s/clock", c->plat.dir);
	TRY(clock_open(path));
	rc = write_all(c, summary);
	/* half a backup is none */
	if (!rc_ok(rc) && c->c != NULL) {
		struct rc_text why = *rc_last();

		(void)unlink(o->out);
		return rc_restore(&why);
	}
	return rc;
}
