/* Puts, destroys and scrubs on two storage places until it is killed, and tells what was promised: a line is
 * written only after the call has returned.  Then, with "check": everything told is true.
 *
 *   media_power --data DIR put SEED FILE      adds lines to FILE
 *   media_power --data DIR check FILE
 *
 * Linked with disk.c: 24_media_power.py plays the power cuts and the failing disks in between. */
#include "base/mem.h"
#include "base/rand.h"
#include "media/media.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 4
#define SIZE_MOST 20000
#define ITEMS_MOST (1u << 20)

struct told {
	uint64_t seed;
	uint32_t length, segment, slot;
	uint64_t offset;
	bool decided, destroyed;
};

static struct media *m;
static int out = -1;
static uint64_t seed;
static struct told *told;
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
	printf("%s: %s\n", what, rc_last()->text);
	exit(1);
}

/* ---- keys ---- */

static const uint8_t top[16] = "a key elsewhere";

static struct rc wrap(void *arg, const uint8_t (*keys)[16], size_t n, uint8_t (*wrapped)[MEDIA_WRAPPED])
{
	struct sm4 c;

	(void)arg;
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
	sm4_init(&c, top);
	for (size_t i = 0; i < n; i++)
		TRY(sm4_gcm_open(&c, wrapped[i], SLICE_NONE, slice_of(wrapped[i] + 12, 16), keys[i],
		                 wrapped[i] + 28));
	return OK;
}

static void open_places(const char *folder)
{
	char one[1024], two[1024];
	const char *const places[MEDIA_PLACES] = {one, two};
	const struct media_keys keys = {.wrap = wrap, .unwrap = unwrap};

	snprintf(one, sizeof(one), "%s/first", folder);
	snprintf(two, sizeof(two), "%s/other", folder);
	if (!rc_ok(media_open(places, &keys, &m)))
		die("open");
}

/* ---- what was told ---- */

static uint64_t next(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1du;
}

static void fill(uint64_t s, uint8_t *to, size_t n)
{
	bool dull = s % 3 == 0; /* will be packed */

	for (size_t i = 0; i < n; i++)
		to[i] = dull ? (uint8_t)(next(&s) >> 62) : (uint8_t)(next(&s) >> 40);
}

__attribute__((format(printf, 1, 2))) static void tell(const char *form, ...)
{
	char line[200];
	va_list l;
	int n;

	va_start(l, form);
	n = vsnprintf(line, sizeof(line), form, l);
	va_end(l);
	if (write(out, line, (size_t)n) != n)
		abort();
}

static void read_told(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned long long s, offset;
	unsigned length, segment, slot;
	char kind, line[200];

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%c %llu %u %u %u %llu", &kind, &s, &length, &segment, &slot, &offset) != 6)
			continue;
		if (kind == 'p') {
			told[count++] = (struct told){s, length, segment, slot, offset, false, false};
			continue;
		}
		for (size_t i = 0; i < count; i++)
			if (told[i].segment == segment && told[i].slot == slot) {
				told[i].decided = true;
				told[i].destroyed = told[i].destroyed || kind == 'd';
			}
	}
	fclose(f);
}

static struct rc destroyed(void *arg, uint32_t segment, uint32_t slot, bool *ret)
{
	(void)arg;
	*ret = false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++)
		*ret = *ret || (told[i].segment == segment && told[i].slot == slot && told[i].decided);
	pthread_mutex_unlock(&lock);
	return OK;
}

/* ---- putting ---- */

static void put_some(uint64_t *dice)
{
	static _Thread_local uint8_t bytes[5][SIZE_MOST];
	struct slice contents[5];
	uint64_t seeds[5];
	uint8_t ids[5][32];
	struct media_at at[5];
	size_t n = 1 + next(dice) % 5;

	for (size_t i = 0; i < n; i++) {
		size_t size = 1 + next(dice) % (next(dice) % 4 == 0 ? SIZE_MOST : 300);

		seeds[i] = next(dice) | 1;
		fill(seeds[i], bytes[i], size);
		contents[i] = slice_of(bytes[i], size);
	}
	if (!rc_ok(media_put(m, contents, n, ids, at)))
		return;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n; i++) {
		struct told t = {seeds[i],     at[i].length, at[i].segment, at[i].slot,
		                 at[i].offset, false,        false};

		tell("p %llu %u %u %u %llu\n", (unsigned long long)t.seed, t.length, t.segment, t.slot,
		     (unsigned long long)t.offset);
		if (count < ITEMS_MOST)
			told[count++] = t;
	}
	pthread_mutex_unlock(&lock);
}

/* The decision is told before, the deed after. */
static void destroy_one(uint64_t *dice)
{
	struct media_at at;
	struct told t;
	size_t k;

	pthread_mutex_lock(&lock);
	if (count == 0) {
		pthread_mutex_unlock(&lock);
		return;
	}
	k = next(dice) % count;
	told[k].decided = true;
	t = told[k];
	tell("D %llu %u %u %u %llu\n", (unsigned long long)t.seed, t.length, t.segment, t.slot,
	     (unsigned long long)t.offset);
	pthread_mutex_unlock(&lock);
	at = (struct media_at){t.segment, t.slot, t.offset, t.length};
	if (!rc_ok(media_destroy(m, &at, 1)))
		return;
	pthread_mutex_lock(&lock);
	tell("d %llu %u %u %u %llu\n", (unsigned long long)t.seed, t.length, t.segment, t.slot,
	     (unsigned long long)t.offset);
	pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
	uint64_t dice = seed * 1000003 + (uintptr_t)arg + 1;
	struct media_scrub at = {0};

	for (;;) {
		struct media_report r;

		if (arg != NULL) {
			put_some(&dice);
			continue;
		}
		(void)rc_ok(media_scrub(m, &(struct media_judge){.destroyed = destroyed}, &at, 50, &r));
		if (next(&dice) % 4 == 0)
			destroy_one(&dice);
		usleep(1000);
	}
	return NULL;
}

static void put(void)
{
	pthread_t t;

	for (uintptr_t i = 1; i <= THREADS; i++)
		if (pthread_create(&t, NULL, work, (void *)i) != 0)
			abort();
	work(NULL);
}

/* ---- checking ---- */

static void check_one(const struct told *t)
{
	static uint8_t bytes[SIZE_MOST];
	struct media_at at = {t->segment, t->slot, t->offset, t->length};
	AUTO_BUF(got, SIZE_MOST);
	uint8_t id[32];
	struct rc rc;

	fill(t->seed, bytes, t->length);
	sm3_hash(slice_of(bytes, t->length), id);
	rc = media_get(m, id, &at, &got);
	if (t->destroyed ? rc_ok(rc) || rc_last()->err != ERR_RECORD_DISPOSED
	    : t->decided ? !rc_ok(rc) && rc_last()->err != ERR_RECORD_DISPOSED
	                 : !rc_ok(rc) || !slice_equal(buf_slice(&got), slice_of(bytes, t->length))) {
		printf("segment %u slot %u, %s: ", t->segment, t->slot,
		       t->destroyed ? "destroyed"
		       : t->decided ? "being destroyed"
		                    : "put");
		die("not as it was told");
	}
}

static struct media_report scrub(void)
{
	struct media_scrub at = {0};
	struct media_report r;

	if (!rc_ok(media_scrub(m, &(struct media_judge){.destroyed = destroyed}, &at, SIZE_MAX, &r)) ||
	    !r.end)
		die("scrub");
	return r;
}

static void check(void)
{
	struct media_report first, second;
	size_t gone = 0;

	for (size_t i = 0; i < count; i++) {
		check_one(&told[i]);
		gone += told[i].destroyed;
	}
	first = scrub();
	second = scrub();
	for (size_t i = 0; i < count; i++)
		check_one(&told[i]);
	printf("%zu told, %zu destroyed, %llu frames, %llu damaged, %llu repaired, %llu lost\n", count, gone,
	       (unsigned long long)first.checked, (unsigned long long)first.damaged,
	       (unsigned long long)first.repaired, (unsigned long long)first.lost);
	if (first.lost + second.damaged + second.missing > 0) {
		printf("the second time: %llu damaged, %llu lost\n", (unsigned long long)second.damaged,
		       (unsigned long long)second.lost);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *file = argc > 3 && strcmp(argv[3], "put") == 0 ? argv[5] : argv[4];

	if (argc < 5)
		return 2;
	told = calloc(ITEMS_MOST, sizeof(*told));
	read_told(file);
	open_places(argv[2]);
	if (strcmp(argv[3], "check") == 0) {
		check();
		media_close(m);
		return 0;
	}
	seed = strtoull(argv[4], NULL, 10);
	out = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	put();
	return 0;
}
