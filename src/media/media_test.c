#include "media/media.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"
#include "media/private.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the disks as the module sees them ---- */

static atomic_int fault;   /* errno of the calls that fail; 0: none */
static atomic_long budget; /* so many calls go well first */
static atomic_long calls;  /* that change something */
static char only[8];       /* in the path of a file that a failing call is about */

static bool allowed(int fd)
{
	char link[40], path[256] = "";

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0 || (only[0] != 0 && strstr(path, only) == NULL))
		return true;
	atomic_fetch_add(&calls, 1);
	if (atomic_load(&fault) == 0 || atomic_fetch_sub(&budget, 1) > 0)
		return true;
	errno = atomic_load(&fault);
	return false;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (allowed(fd))
		return syscall(SYS_pwrite64, fd, p, n, at);
	if (errno == ENOSPC && n > 100) /* some of it still fits */
		return syscall(SYS_pwrite64, fd, p, n / 2, at);
	return -1;
}

static atomic_bool held;    /* syncs wait */
static atomic_uint waiting; /* so many do */

int fdatasync(int fd)
{
	atomic_fetch_add(&waiting, 1);
	while (atomic_load(&held))
		(void)usleep(1000);
	atomic_fetch_sub(&waiting, 1);
	return allowed(fd) ? (int)syscall(SYS_fdatasync, fd) : -1;
}

int fsync(int fd)
{
	return allowed(fd) ? (int)syscall(SYS_fsync, fd) : -1;
}

int ftruncate(int fd, off_t n)
{
	return allowed(fd) ? (int)syscall(SYS_ftruncate, fd, n) : -1;
}

static void break_disk(int error, long after, const char *where)
{
	(void)snprintf(only, sizeof(only), "%s", where);
	atomic_store(&budget, after);
	atomic_store(&calls, 0);
	atomic_store(&fault, error);
}

static void heal_disk(void)
{
	atomic_store(&fault, 0);
	only[0] = 0;
}

/* ---- keys, as a signer would keep them ---- */

static const uint8_t top[16] = "a key elsewhere";
static atomic_uint wraps;
static atomic_bool away; /* the signer does not answer */

static struct rc wrap(void *arg, const uint8_t (*keys)[16], size_t n, uint8_t (*wrapped)[MEDIA_WRAPPED])
{
	struct sm4 c;

	(void)arg;
	NEED(!atomic_load(&away), RC_BUSY, "away");
	atomic_fetch_add(&wraps, 1);
	sm4_init(&c, top);
	for (size_t i = 0; i < n; i++) {
		TRY(rand_bytes(wrapped[i], 12));
		sm4_gcm_seal(&c, wrapped[i], SLICE_NONE, slice_of(keys[i], 16), wrapped[i] + 12,
		             wrapped[i] + 28);
	}
	return OK;
}

static struct rc unwrap(void *arg, const uint8_t (*wrapped)[MEDIA_WRAPPED], size_t n, uint8_t (*keys)[16])
{
	struct sm4 c;

	(void)arg;
	NEED(!atomic_load(&away), RC_BUSY, "away");
	sm4_init(&c, top);
	for (size_t i = 0; i < n; i++)
		TRY(sm4_gcm_open(&c, wrapped[i], SLICE_NONE, slice_of(wrapped[i] + 12, 16), keys[i],
		                 wrapped[i] + 28));
	return OK;
}

static const struct media_keys keys = {.wrap = wrap, .unwrap = unwrap};

/* ---- the places of a test ---- */

static char base[64], one[80], two[80];
static const char *const places[MEDIA_PLACES] = {one, two};
static struct media *m;

static int start(void **state)
{
	(void)state;
	(void)snprintf(base, sizeof(base), "/tmp/yd-media-XXXXXX");
	if (mkdtemp(base) == NULL)
		return -1;
	(void)snprintf(one, sizeof(one), "%s/first", base);
	(void)snprintf(two, sizeof(two), "%s/other", base);
	return rc_ok(media_open(places, &keys, &m)) ? 0 : -1;
}

static int stop(void **state)
{
	char command[128];

	(void)state;
	heal_disk();
	atomic_store(&away, false);
	media_close(m);
	m = NULL;
	(void)snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

static void reopen(void)
{
	media_close(m);
	m = NULL;
	assert_ok(media_open(places, &keys, &m));
}

struct item {
	uint8_t id[32];
	struct media_at at;
	char text[64];
};

static void put(struct item *i, const char *text)
{
	struct slice content = slice_text(text);

	(void)snprintf(i->text, sizeof(i->text), "%s", text);
	assert_ok(media_put(m, &content, 1, &i->id, &i->at));
}

static void assert_there(const struct item *i)
{
	AUTO_BUF(b, MEDIA_ITEM_MAX);

	assert_ok(media_get(m, i->id, &i->at, &b));
	assert_true(slice_is(buf_slice(&b), i->text));
}

static void put_many(struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "item %zu, 11010119900307%04zu", i, i);
		put(&items[i], text);
	}
}

static void assert_all(const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_there(&items[i]);
}

static void path_of(const char *place, uint32_t segment, const char *kind, char ret[128])
{
	(void)snprintf(ret, 128, "%s/%08u.%s", place, segment, kind);
}

static void read_whole(const char *path, struct buf *ret)
{
	assert_ok(file_read(path, 128u << 20, ret));
}

static void write_at(const char *path, const void *p, size_t n, uint64_t at)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(syscall(SYS_pwrite64, fd, p, n, at), n);
	(void)close(fd);
}

static void flip(const char *path, uint64_t at)
{
	AUTO_BUF(b, 128u << 20);
	uint8_t v;

	read_whole(path, &b);
	assert_true(at < b.len);
	v = b.p[at] ^ 0x40;
	write_at(path, &v, 1, at);
}

/* Judged by the bytes themselves. */
static bool same_file(const char *name)
{
	AUTO_BUF(a, 128u << 20);
	AUTO_BUF(b, 128u << 20);
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", one, name);
	read_whole(path, &a);
	(void)snprintf(path, sizeof(path), "%s/%s", two, name);
	read_whole(path, &b);
	return slice_equal(buf_slice(&a), buf_slice(&b));
}

static bool on_disk(const void *p, size_t n)
{
	bool found = false;

	for (size_t i = 0; i < MEDIA_PLACES; i++) {
		DIR *d = opendir(places[i]);
		struct dirent *e;

		assert_non_null(d);
		while ((e = readdir(d)) != NULL) {
			AUTO_BUF(b, 128u << 20);
			char path[512];

			if (e->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof(path), "%s/%s", places[i], e->d_name);
			read_whole(path, &b);
			found = found || memmem(b.p, b.len, p, n) != NULL;
		}
		(void)closedir(d);
	}
	return found;
}

/* ---- what was decided ---- */

static bool gone[64]; /* by slot */
static struct item items_known[3];
static size_t items_count;

static struct rc destroyed(void *arg, uint32_t segment, uint32_t slot, bool *ret)
{
	(void)arg;
	*ret = segment == 1 && slot < 64 && gone[slot];
	return OK;
}

static struct rc known(void *arg, const uint8_t id[32], const struct media_at *at, bool *ret)
{
	(void)arg;
	*ret = false;
	for (size_t i = 0; i < items_count; i++)
		*ret = *ret || (memcmp(items_known[i].id, id, 32) == 0 &&
		                items_known[i].at.slot == at->slot && items_known[i].at.offset == at->offset);
	return OK;
}

static struct media_report scrub_with(const struct media_judge *j)
{
	struct media_report sum = {0}, r;
	struct media_scrub at = {0};

	for (size_t i = 0; i < 100000; i++) {
		assert_ok(media_scrub(m, j, &at, 3, &r));
		sum.checked += r.checked;
		sum.damaged += r.damaged;
		sum.missing += r.missing;
		sum.repaired += r.repaired;
		sum.lost += r.lost;
		if (r.end)
			return sum;
	}
	fail_msg("the scrub does not end");
	return sum;
}

static struct media_report scrub(void)
{
	return scrub_with(&(struct media_judge){.destroyed = destroyed});
}

#define assert_clean(n)                                                                                      \
	do {                                                                                                 \
		struct media_report r_ = scrub();                                                            \
		assert_int_equal(r_.checked, n);                                                             \
		assert_int_equal(r_.damaged + r_.missing + r_.repaired + r_.lost, 0);                        \
	} while (0)

/* ---- putting and getting ---- */

/* R24.4: nothing of the content on either place; the id is another SM3's. */
static void puts_and_gets(void **state)
{
	static const char person[] = "110101199003078515";
	AUTO_BUF(b, 100);
	AUTO_BUF(hex, 100);
	struct item i;

	(void)state;
	put(&i, "源点");
	buf_hex(&hex, SLICE_ARR(i.id));
	assert_string_equal(buf_cstr(&hex),
	                    "3e6995c36efa3221fe70f91b860be94db2bc26dd4535e23326b158d21eedbbab");
	assert_there(&i);
	put(&i, person);
	assert_there(&i);
	assert_false(on_disk(person, sizeof(person) - 1));
	i.id[3] ^= 1;
	assert_refused(media_get(m, i.id, &i.at, &b), RECORD_DAMAGED);
	i.id[3] ^= 1;
	i.at.offset++;
	assert_refused(media_get(m, i.id, &i.at, &b), RECORD_DAMAGED);
	assert_int_equal(b.len, 0);
	assert_true(same_file("00000001.seg"));
	assert_true(same_file("00000001.key"));
	assert_clean(2);
}

static void batches(void **state)
{
	AUTO_MEM(struct slice, contents, mem_new(MEDIA_BATCH + 1, sizeof(struct slice)));
	AUTO_MEM(struct media_at, at, mem_new(MEDIA_BATCH + 1, sizeof(struct media_at)));
	uint8_t(*ids)[32] = mem_new(MEDIA_BATCH + 1, 32);
	uint8_t *big = mem_new(MEDIA_ITEM_MAX + 1, 1);
	struct slice s = slice_of(big, MEDIA_ITEM_MAX + 1);

	(void)state;
	for (size_t i = 0; i <= MEDIA_BATCH; i++) {
		big[i] = (uint8_t)i;
		contents[i] = slice_of(big, i + 1);
	}
	atomic_store(&wraps, 0);
	assert_ok(media_put(m, contents, 0, ids, at));
	assert_ok(media_put(m, contents, MEDIA_BATCH, ids, at));
	assert_int_equal(atomic_load(&wraps), 1);
	assert_rc(media_put(m, contents, MEDIA_BATCH + 1, ids, at), RC_BUG);
	for (size_t i = 0; i < MEDIA_BATCH; i += 93) {
		AUTO_BUF(b, MEDIA_ITEM_MAX);

		assert_ok(media_get(m, ids[i], &at[i], &b));
		assert_true(slice_equal(buf_slice(&b), contents[i]));
	}
	assert_refused(media_put(m, &s, 1, ids, at), TOO_LARGE);
	assert_rc(media_put(m, &SLICE_NONE, 1, ids, at), RC_INPUT);
	s.len--;
	for (size_t i = 0; i < 5; i++) { /* into the next segment */
		AUTO_BUF(b, MEDIA_ITEM_MAX);

		big[7] = (uint8_t)i;
		assert_ok(media_put(m, &s, 1, ids, at));
		assert_ok(media_get(m, ids[0], &at[0], &b));
		assert_true(slice_equal(buf_slice(&b), s));
	}
	assert_int_equal(at[0].segment, 2);
	reopen();
	assert_clean(MEDIA_BATCH + 5);
	mem_free(ids);
	mem_free(big);
}

/* What repeats itself takes less room, what does not takes none more; both come back as they were. */
static void packed(void **state)
{
	static const size_t sizes[] = {1, 127, 128, 129, 4096, 9000, 70000, 1u << 20, (1u << 20) + 1};
	uint8_t *bytes = mem_new(MEDIA_ITEM_MAX, 1);
	uint64_t before = 0, end;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int kind = 0; kind < 3; kind++) {
			AUTO_BUF(b, MEDIA_ITEM_MAX);
			struct slice s = slice_of(bytes, sizes[i]);
			uint8_t id[32];
			struct media_at at;
			bool less;

			for (size_t k = 0; k < sizes[i]; k++)
				bytes[k] = (uint8_t)(kind == 0 ? 0 : "0123456789abcdef"[k % 16]);
			if (kind == 2)
				for (size_t k = 0; k < sizes[i]; k += 4096)
					assert_ok(rand_bytes(bytes + k,
					                     sizes[i] - k < 4096 ? sizes[i] - k : 4096));
			assert_ok(media_put(m, &s, 1, &id, &at));
			end = m->end;
			less = end - before < media_frame_size((uint32_t)sizes[i]);
			assert_int_equal(less, kind < 2 && sizes[i] >= 128 && sizes[i] <= 1u << 20);
			assert_true(end - before <= media_frame_size((uint32_t)sizes[i]));
			before = end;
			assert_int_equal(at.length, sizes[i]);
			assert_ok(media_get(m, id, &at, &b));
			assert_true(slice_equal(buf_slice(&b), s));
		}
	reopen();
	assert_clean(27);
	mem_free(bytes);
}

struct putter {
	pthread_t thread;
	size_t number;
	struct item items[50];
};

static void *put_some(void *arg)
{
	struct putter *p = arg;

	for (size_t i = 0; i < 50; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "putter %zu, item %zu", p->number, i);
		put(&p->items[i], text);
		assert_there(&p->items[i]);
	}
	return NULL;
}

static void many_threads(void **state)
{
	static struct putter p[8];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		p[i].number = i;
		assert_int_equal(pthread_create(&p[i].thread, NULL, put_some, &p[i]), 0);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(scrub().damaged, 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_join(p[i].thread, NULL), 0);
	reopen();
	for (size_t i = 0; i < 8; i++)
		assert_all(p[i].items, 50);
	assert_clean(400);
}

/* A signer that is away is no damage. */
static void keys_away(void **state)
{
	AUTO_BUF(b, 100);
	struct item i;
	struct slice s = SLICE_LIT("more");

	(void)state;
	put(&i, "text");
	atomic_store(&away, true);
	assert_rc(media_get(m, i.id, &i.at, &b), RC_BUSY);
	assert_rc(media_put(m, &s, 1, &i.id, &i.at), RC_BUSY);
	assert_clean(1); /* R24.3: fixity needs no key */
	atomic_store(&away, false);
}

/* ---- destruction ---- */

/* R24.10: neither the content nor its key is anywhere, whatever else is kept. */
static void destroys(void **state)
{
	AUTO_BUF(b, 100);
	AUTO_BUF(key, 1000);
	struct item i[3];
	char path[128];

	(void)state;
	put_many(i, 3);
	path_of(one, 1, "key", path);
	read_whole(path, &key);
	assert_int_equal(key.len, 3 * SLOT_LEN);
	assert_true(on_disk(key.p + SLOT_LEN + SLOT_KEY, MEDIA_WRAPPED));
	assert_ok(media_destroy(m, &i[1].at, 1));
	assert_ok(media_destroy(m, &i[1].at, 1));
	gone[1] = true;
	assert_refused(media_get(m, i[1].id, &i[1].at, &b), RECORD_DISPOSED);
	assert_false(on_disk(key.p + SLOT_LEN + SLOT_KEY, MEDIA_WRAPPED));
	assert_false(on_disk(key.p + SLOT_LEN + SLOT_KEY + 12, 16));
	assert_false(on_disk(i[1].text, strlen(i[1].text)));
	assert_clean(3);
	reopen();
	assert_refused(media_get(m, i[1].id, &i[1].at, &b), RECORD_DISPOSED);
	assert_there(&i[0]);
	assert_there(&i[2]);
	gone[1] = false;
}

/* R24.7: a slot that says so in one place alone is put back; a destruction cut in half is finished. */
static void destroyed_in_one_place(void **state)
{
	struct item i[2];
	uint8_t slot[SLOT_LEN];
	AUTO_BUF(b, 100);
	char path[128];

	(void)state;
	put_many(i, 2);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		struct media_report r;

		media_slot_write(slot, 1, 0, NULL);
		path_of(places[p], 1, "key", path);
		write_at(path, slot, SLOT_LEN, 0);
		assert_there(&i[0]);
		r = scrub();
		assert_int_equal(r.repaired, 1);
		assert_int_equal(r.lost, 0);
		assert_clean(2);
	}
	gone[0] = true;
	write_at(path, slot, SLOT_LEN, 0);
	assert_int_equal(scrub().repaired, 1);
	assert_refused(media_get(m, i[0].id, &i[0].at, &b), RECORD_DISPOSED);
	assert_clean(2);
	gone[0] = false; /* nobody decided it, both places say it */
	assert_int_equal(scrub().lost, 1);
}

/* ---- damage ---- */

/* R24.3: any byte of one place: read from the other, found, mended. */
static void each_byte(void **state)
{
	static const char *const kinds[] = {"seg", "key"};
	struct item i[3];

	(void)state;
	put_many(i, 3);
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		for (size_t k = 0; k < 2; k++) {
			AUTO_BUF(b, 10000);
			char path[128];

			path_of(places[p], 1, kinds[k], path);
			read_whole(path, &b);
			for (uint64_t at = 0; at < b.len; at++) {
				struct media_report r;

				flip(path, at);
				assert_all(i, 3);
				r = scrub();
				assert_int_equal(r.repaired, 1);
				assert_int_equal(r.damaged, 1);
				assert_int_equal(r.lost + r.missing, 0);
				assert_true(same_file("00000001.seg"));
				assert_true(same_file("00000001.key"));
			}
		}
	assert_clean(3);
}

/* The start finds it as well, and the state tells. */
static void each_byte_at_start(void **state)
{
	struct item i[3];
	struct media_state s;
	char path[128];

	(void)state;
	put_many(i, 3);
	path_of(two, 1, "seg", path);
	for (uint64_t at = 0; at < 3 * media_frame_size(10); at += 5) {
		flip(path, at);
		reopen();
		assert_all(i, 3);
		assert_true(same_file("00000001.seg"));
	}
	flip(path, 20);
	reopen();
	media_state(m, &s);
	assert_int_equal(s.place[1].damaged, 1);
	assert_clean(3);
}

static void both_damaged(void **state)
{
	AUTO_BUF(b, 100);
	struct item i[4];
	char path[128];

	(void)state;
	put_many(i, 4);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		path_of(places[p], 1, "seg", path);
		flip(path, i[1].at.offset + 90);
		path_of(places[p], 1, "key", path);
		flip(path, 2 * SLOT_LEN + 20);
	}
	assert_refused(media_get(m, i[1].id, &i[1].at, &b), RECORD_DAMAGED);
	assert_refused(media_get(m, i[2].id, &i[2].at, &b), RECORD_DAMAGED);
	assert_there(&i[0]);
	assert_there(&i[3]);
	for (int again = 0; again < 3; again++) { /* told until somebody mends it */
		assert_int_equal(scrub().lost, 2);
		reopen();
		assert_there(&i[3]);
		put(&i[0], "life goes on");
	}
	/* one half in each place is a whole */
	path_of(one, 1, "seg", path);
	flip(path, i[1].at.offset + 90);
	path_of(two, 1, "key", path);
	flip(path, 2 * SLOT_LEN + 20);
	assert_there(&i[2]);
	path_of(two, 1, "key", path);
	flip(path, 1 * SLOT_LEN + 20);
	assert_there(&i[1]);
	path_of(one, 1, "key", path);
	flip(path, 1 * SLOT_LEN + 20);
	assert_refused(media_get(m, i[1].id, &i[1].at, &b), RECORD_DAMAGED);
}

static void truncated_and_deleted(void **state)
{
	struct item i[6];
	char path[128];

	(void)state;
	put_many(i, 6);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		path_of(places[p], 1, "seg", path);
		for (off_t size = 0; size < (off_t)i[5].at.offset + 100; size += 77) {
			assert_int_equal(truncate(path, size), 0);
			if (size % 2 == 0)
				reopen();
			assert_all(i, 6);
			assert_int_equal(scrub().lost, 0);
			assert_true(same_file("00000001.seg"));
		}
		assert_int_equal(unlink(path), 0);
		path_of(places[p], 1, "key", path);
		assert_int_equal(unlink(path), 0);
		assert_all(i, 6);
		assert_true(scrub().missing > 0);
		assert_true(same_file("00000001.seg"));
		assert_true(same_file("00000001.key"));
		reopen();
		assert_clean(6);
	}
}

/* Bytes that no put has acknowledged are cut, whatever they are. */
static void torn_tail(void **state)
{
	struct item i[3];
	uint8_t junk[300];
	char path[128];

	(void)state;
	put_many(i, 2);
	for (size_t p = 0; p < 3; p++) {
		memset(junk, 'Y', sizeof(junk));
		memcpy(junk + 40, "YDF1\0\0\0\1\0\0\0\2\0\0\0\5", 16);
		for (size_t q = 0; q < MEDIA_PLACES; q++) {
			path_of(places[q], 1, "seg", path);
			if (p == q || p == 2)
				write_at(path, junk, sizeof(junk),
				         i[1].at.offset + media_frame_size(i[1].at.length));
		}
		reopen();
		assert_true(same_file("00000001.seg"));
		assert_clean(2);
	}
	put(&i[2], "after it");
	assert_int_equal(i[2].at.offset, i[1].at.offset + media_frame_size(i[1].at.length));
	assert_all(i, 3);
}

/* The last item, taken from both places: no frame speaks of it any more, but who keeps an index finds it. */
static void taken_from_both(void **state)
{
	uint8_t slot[SLOT_LEN];
	struct item i[3];
	char path[128];

	(void)state;
	put_many(i, 3);
	assert_ok(media_has(m, i[2].id, &i[2].at));
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		path_of(places[p], 1, "seg", path);
		assert_int_equal(truncate(path, (off_t)i[2].at.offset), 0);
		assert_refused(p == 0 ? media_has(m, i[1].id, &i[2].at) : media_has(m, i[2].id, &i[2].at),
		               RECORD_DAMAGED);
		if (p == 0)
			assert_ok(media_has(m, i[2].id, &i[2].at));
	}
	media_slot_write(slot, 1, 1, NULL);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		path_of(places[p], 1, "key", path);
		write_at(path, slot, SLOT_LEN, SLOT_LEN);
		if (p == 0)
			assert_ok(media_has(m, i[1].id, &i[1].at));
	}
	assert_refused(media_has(m, i[1].id, &i[1].at), RECORD_DISPOSED);
	atomic_store(&away, true);
	assert_ok(media_has(m, i[0].id, &i[0].at)); /* no key is asked for */
}

/* ---- somebody who makes frames and slots that are whole ---- */

static void forged_frame(void **state)
{
	static const uint8_t other[16] = "another key ...";
	struct item i[3];
	char path[128];

	(void)state;
	put_many(i, 3);
	memcpy(items_known, i, sizeof(i));
	items_count = 3;
	for (size_t p = 0; p < MEDIA_PLACES; p++)
		for (int exact = 0; exact < 2; exact++) {
			AUTO_BUF(forged, 1000);
			struct media_report r;

			/* of the same length; with the true id, or of another content */
			struct slice text = slice_of("nothing of what was there before", i[1].at.length);
			uint8_t id[SM3_LEN];

			sm3_hash(text, id);
			assert_ok(media_frame_seal(other, id, text.len, text, buf_room(&forged, 1000)));
			if (exact)
				memcpy(forged.p + FRAME_ID, i[1].id, 32);
			media_frame_place(forged.p, 1, 1, i[1].at.offset);
			path_of(places[p], 1, "seg", path);
			write_at(path, forged.p, media_frame_size(i[1].at.length), i[1].at.offset);
			assert_there(&i[1]);
			reopen();
			assert_there(&i[1]);
			r = scrub_with(&(struct media_judge){.destroyed = destroyed, .known = known});
			assert_int_equal(r.repaired, 1);
			assert_int_equal(r.lost, 0);
			assert_true(same_file("00000001.seg"));
			assert_all(i, 3);
			assert_clean(3);
		}
}

/* A true item in the place of another: only who knows what lay there can tell. */
static void moved_item(void **state)
{
	AUTO_BUF(seg, 10000);
	AUTO_BUF(key, 1000);
	uint8_t slot[SLOT_LEN];
	struct item i[2];
	char path[128];

	(void)state;
	put_many(i, 2);
	memcpy(items_known, i, sizeof(i));
	items_count = 2;
	assert_int_equal(i[0].at.length, i[1].at.length);
	path_of(one, 1, "seg", path);
	read_whole(path, &seg);
	media_frame_place(seg.p, 1, 1, i[1].at.offset);
	write_at(path, seg.p, i[1].at.offset, i[1].at.offset);
	path_of(one, 1, "key", path);
	read_whole(path, &key);
	media_slot_write(slot, 1, 1, key.p + SLOT_KEY);
	write_at(path, slot, SLOT_LEN, SLOT_LEN);
	assert_all(i, 2);
	assert_int_equal(scrub_with(&(struct media_judge){.destroyed = destroyed, .known = known}).repaired,
	                 2);
	assert_true(same_file("00000001.seg"));
	assert_true(same_file("00000001.key"));
	assert_all(i, 2);
}

static void forged_slot(void **state)
{
	static const uint8_t nothing[MEDIA_WRAPPED] = {1, 2, 3};
	uint8_t slot[SLOT_LEN];
	struct item i[2];
	char path[128];

	(void)state;
	put_many(i, 2);
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		media_slot_write(slot, 1, 1, nothing);
		path_of(places[p], 1, "key", path);
		write_at(path, slot, SLOT_LEN, SLOT_LEN);
		assert_all(i, 2);
		assert_int_equal(scrub().repaired, 1);
		assert_true(same_file("00000001.key"));
		assert_clean(2);
	}
}

/* ---- places ---- */

/* R24.1: one good copy is told (missing), and becomes two. */
static void replaced_place(void **state)
{
	struct item i[8];
	struct media_state s;
	char command[200];

	(void)state;
	put_many(i, 8);
	m->roll = true; /* two segments */
	put(&i[7], "in the second segment");
	for (size_t p = 0; p < MEDIA_PLACES; p++) {
		media_close(m);
		m = NULL;
		(void)snprintf(command, sizeof(command), "rm -rf %s", places[p]);
		assert_int_equal(system(command), 0);
		assert_ok(media_open(places, &keys, &m));
		assert_all(i, 8);
		media_state(m, &s);
		assert_int_equal(s.place[p].missing, 2); /* the last one is there already */
		assert_int_equal(s.place[1 - p].missing, 0);
		assert_int_equal(scrub().lost, 0);
		media_state(m, &s);
		assert_int_equal(s.place[p].missing, 0);
		assert_true(same_file("00000001.seg"));
		assert_true(same_file("00000002.key"));
		assert_clean(9);
	}
}

static void wrong_places(void **state)
{
	const char *exchanged[] = {two, one}, *same[] = {one, one}, *mixed[] = {one, NULL}, *fresh[2];
	char third[80], fourth[80], path[128];
	struct media *n = NULL;
	struct item i;

	(void)state;
	put(&i, "ours");
	assert_refused(media_open(places, &keys, &n), MEDIA_PLACE); /* in use */
	media_close(m);
	m = NULL;
	assert_refused(media_open(exchanged, &keys, &n), MEDIA_PLACE);
	assert_refused(media_open(same, &keys, &n), MEDIA_PLACE);
	(void)snprintf(third, sizeof(third), "%s/third", base);
	(void)snprintf(fourth, sizeof(fourth), "%s/fourth", base);
	fresh[0] = fresh[1] = third;
	assert_refused(media_open(fresh, &keys, &n), MEDIA_PLACE);
	fresh[1] = fourth;
	assert_ok(media_open(fresh, &keys, &n)); /* another vault */
	media_close(n);
	n = NULL;
	mixed[1] = fourth;
	assert_refused(media_open(mixed, &keys, &n), MEDIA_PLACE);
	/* segments without a name on them: taken back when they are the other's, else not */
	(void)snprintf(path, sizeof(path), "%s/media", two);
	assert_int_equal(unlink(path), 0);
	assert_ok(media_open(places, &keys, &m));
	assert_there(&i);
	media_close(m);
	m = NULL;
	(void)snprintf(path, sizeof(path), "%s/media", fourth);
	assert_int_equal(unlink(path), 0);
	assert_refused(media_open(mixed, &keys, &n), MEDIA_PLACE);
	(void)snprintf(path, sizeof(path), "%s/media", one);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path), "%s/media", two);
	assert_int_equal(unlink(path), 0);
	assert_refused(media_open(places, &keys, &n), MEDIA_PLACE);
	assert_null(n);
}

/* ---- disks that fail ---- */

/* Whichever call fails, on whichever place: the put says so, what was acknowledged stays, and all is well
 * when the disk is. */
static void failing_disk(void **state)
{
	static const int errors[] = {ENOSPC, EIO, EROFS};
	static const char *const where[] = {"/first", "/other"};
	struct item kept[200];
	size_t n = 0;

	(void)state;
	put(&kept[n++], "before");
	for (size_t e = 0; e < 3; e++)
		for (size_t p = 0; p < MEDIA_PLACES; p++)
			for (long after = 0;; after++) {
				struct slice s =
				        SLICE_LIT("an item that does not come to rest, of some length, so "
				                  "that half of its frame may be written");
				struct item i;
				struct rc rc;

				break_disk(errors[e], after, where[p]);
				rc = media_put(m, &s, 1, &i.id, &i.at);
				heal_disk();
				if (rc_ok(rc))
					break;
				assert_int_equal(rc_last()->err,
				                 errors[e] == ENOSPC ? ERR_STORAGE_FULL : ERR_STORAGE_FAILED);
				assert_non_null(strstr(rc_last()->text, places[p]));
				if (after % 2 == 1)
					reopen();
				put(&kept[n++], "in between");
				assert_all(kept, n);
				assert_true(after < 20);
			}
	reopen();
	assert_all(kept, n);
	assert_int_equal(scrub().lost, 0); /* what nobody was promised may be in one place; now in both */
	assert_int_equal(scrub().damaged, 0);
}

/* One waits for a sync that fails, another for the next, which succeeds. */
static void no_false_acknowledgement(void **state)
{
	static struct putter p[4];
	struct item i;

	(void)state;
	put(&i, "before");
	for (int round = 0; round < 20; round++) {
		struct slice s = SLICE_LIT("x");
		struct item j;

		break_disk(EIO, round % 5, "/other");
		(void)rc_ok(media_put(m, &s, 1, &j.id, &j.at));
		heal_disk();
	}
	for (size_t k = 0; k < 4; k++) {
		p[k].number = k;
		assert_int_equal(pthread_create(&p[k].thread, NULL, put_some, &p[k]), 0);
	}
	for (size_t k = 0; k < 4; k++)
		assert_int_equal(pthread_join(p[k].thread, NULL), 0);
	reopen();
	for (size_t k = 0; k < 4; k++)
		assert_all(p[k].items, 50);
	assert_there(&i);
	assert_int_equal(scrub().lost, 0);
}

struct lonely {
	pthread_t thread;
	struct item item;
	struct rc rc;
};

static void *put_one(void *arg)
{
	struct lonely *l = arg;
	struct slice s = SLICE_LIT("waits for a sync that fails");

	l->rc = media_put(m, &s, 1, &l->item.id, &l->item.at);
	return NULL;
}

static uint64_t end_now(void)
{
	uint64_t end;

	(void)pthread_mutex_lock(&m->lock);
	end = m->end;
	(void)pthread_mutex_unlock(&m->lock);
	return end;
}

static void start_and_wait(struct lonely *l)
{
	uint64_t before = end_now();

	assert_int_equal(pthread_create(&l->thread, NULL, put_one, l), 0);
	while (end_now() == before || atomic_load(&waiting) < 1)
		(void)usleep(1000);
}

/* Whoever was written behind what a failed sync was to cover is told so too, and the next begins afresh. */
static void failed_sync_fails_all(void **state)
{
	struct lonely l[3];
	struct item i;

	(void)state;
	put(&i, "before");
	atomic_store(&held, true);
	for (size_t k = 0; k < 3; k++)
		start_and_wait(&l[k]);
	break_disk(EIO, 0, "/other");
	atomic_store(&held, false);
	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(pthread_join(l[k].thread, NULL), 0);
		assert_rc(l[k].rc, RC_BUSY);
	}
	heal_disk();
	assert_there(&i);
	put(&i, "after");
	assert_int_equal(i.at.segment, 2);
	reopen();
	assert_there(&i);
	assert_int_equal(scrub().lost, 0);
}

/* A place that takes nothing: what is there can be read, also after a start; the scrub says what is left. */
static void read_only_place(void **state)
{
	struct item i[3];
	struct media_state s;
	struct media_report r;
	char path[128];

	(void)state;
	put_many(i, 3);
	path_of(two, 1, "seg", path);
	flip(path, i[1].at.offset + 80);
	break_disk(EROFS, 0, "/other");
	reopen();
	assert_all(i, 3);
	media_state(m, &s);
	assert_true(s.place[0].works);
	assert_false(s.place[1].works);
	r = scrub();
	assert_int_equal(r.damaged, 1);
	assert_int_equal(r.repaired + r.lost, 0);
	assert_rc(media_destroy(m, &i[0].at, 1), RC_BUSY);
	heal_disk();
	assert_int_equal(scrub().repaired, 2); /* and the half destruction, which nobody decided */
	put(&i[0], "again");
	assert_all(i, 3);
	media_state(m, &s);
	assert_true(s.place[1].works);
	assert_int_equal(scrub().damaged, 0);
}

/* Whichever allocation fails: an error, or it is done. */
static void short_of_memory(void **state)
{
	struct item i[3];
	char path[128];
	bool done = false;

	(void)state;
	put_many(i, 3);
	path_of(two, 1, "seg", path);
	for (size_t n = 1; !done; n++) {
		AUTO_BUF(b, MEDIA_ITEM_MAX);
		struct slice s = SLICE_LIT("more");
		struct media_scrub at = {0};
		struct media_report r;
		struct item j;
		struct rc rc[4];

		flip(path, i[1].at.offset + 30);
		(void)mem_fail_after(n);
		rc[0] = media_put(m, &s, 1, &j.id, &j.at);
		(void)mem_fail_after(n);
		rc[1] = media_get(m, i[0].id, &i[0].at, &b);
		(void)mem_fail_after(n);
		rc[2] = media_scrub(m, &(struct media_judge){.destroyed = destroyed}, &at, 100, &r);
		media_close(m);
		m = NULL;
		(void)mem_fail_after(n);
		rc[3] = media_open(places, &keys, &m);
		(void)mem_fail_after(0);
		done = true;
		for (size_t k = 0; k < 4; k++) {
			assert_true(rc_ok(rc[k]) || rc[k].code == RC_NOMEM);
			done = done && rc_ok(rc[k]);
		}
		if (m == NULL)
			assert_ok(media_open(places, &keys, &m));
		assert_int_equal(scrub().lost, 0);
		assert_all(i, 3);
		assert_true(n < 200);
	}
}

/* ---- an index made anew ---- */

static size_t seen;

static struct rc see(void *arg, const uint8_t id[32], const struct media_at *at)
{
	const struct item *items = arg;

	for (size_t i = 0; i < 9; i++)
		if (memcmp(items[i].id, id, 32) == 0) {
			assert_int_equal(items[i].at.segment, at->segment);
			assert_int_equal(items[i].at.slot, at->slot);
			assert_int_equal(items[i].at.offset, at->offset);
			assert_int_equal(items[i].at.length, at->length);
			seen++;
		}
	return OK;
}

static void walks_all(void **state)
{
	struct item i[9];
	char path[128];

	(void)state;
	put_many(i, 8);
	m->roll = true;
	put(&i[8], "in the second segment");
	path_of(one, 1, "seg", path);
	flip(path, i[3].at.offset + 10);
	path_of(two, 1, "seg", path);
	assert_int_equal(truncate(path, (off_t)i[6].at.offset + 9), 0);
	seen = 0;
	assert_ok(media_each(m, see, i));
	assert_int_equal(seen, 9);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(puts_and_gets),
	        T(batches),
	        T(packed),
	        T(many_threads),
	        T(keys_away),
	        T(destroys),
	        T(destroyed_in_one_place),
	        T(each_byte),
	        T(each_byte_at_start),
	        T(both_damaged),
	        T(truncated_and_deleted),
	        T(torn_tail),
	        T(taken_from_both),
	        T(forged_frame),
	        T(moved_item),
	        T(forged_slot),
	        T(replaced_place),
	        T(wrong_places),
	        T(failing_disk),
	        T(no_false_acknowledgement),
	        T(failed_sync_fails_all),
	        T(read_only_place),
	        T(walks_all),
	        T(short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
