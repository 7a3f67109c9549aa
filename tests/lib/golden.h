#ifndef YD_TESTS_GOLDEN_H
#define YD_TESTS_GOLDEN_H
/* Walks tests/data/KIND/{good,bad}: each NAME.der with the first line of its NAME.why.  In bad folders
 * that line begins with the name of the refusal and a colon. */
#include "base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef assert_rc
#define assert_rc(call, want) assert_int_equal((call).code, (want))
#endif

struct golden {
	char name[96], why[256];
	struct slice der;
};

static inline void golden_load(const char *folder, const char *name, struct golden *g, struct buf *der)
{
	char path[512];
	AUTO_BUF(why, 1024);

	(void)snprintf(g->name, sizeof(g->name), "%s", name);
	(void)snprintf(path, sizeof(path), "%s/%s.der", folder, name);
	assert_ok(file_read(path, 1 << 20, der));
	(void)snprintf(path, sizeof(path), "%s/%s.why", folder, name);
	assert_ok(file_read(path, 1 << 10, &why));
	(void)snprintf(g->why, sizeof(g->why), "%.*s", (int)strcspn(buf_cstr(&why), "\n"), buf_cstr(&why));
	g->der = buf_slice(der);
}

static inline int golden_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* kind: "cert/good".  At least `least` files, so that an empty folder is no success. */
static inline void golden_each(const char *kind, size_t least, void (*each)(const struct golden *g))
{
	static char names[256][96];
	char folder[400];
	size_t n = 0;
	struct dirent *e;

	(void)snprintf(folder, sizeof(folder), TEST_DATA "/%s", kind);
	DIR *d = opendir(folder);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL && n < 256) {
		size_t len = strlen(e->d_name);
		if (len > 4 && len < 96 && strcmp(e->d_name + len - 4, ".der") == 0)
			(void)snprintf(names[n++], 96, "%.*s", (int)(len - 4), e->d_name);
	}
	closedir(d);
	assert_true(n >= least);
	qsort(names, n, sizeof(names[0]), golden_order);
	for (size_t i = 0; i < n; i++) {
		struct golden g;
		AUTO_BUF(der, 1 << 20);
		golden_load(folder, names[i], &g, &der);
		each(&g);
	}
}

/* Refused, and under the name that the .why begins with. */
static inline void golden_refused(const struct golden *g, struct rc rc)
{
	char want[64];

	(void)snprintf(want, sizeof(want), "%.*s", (int)strcspn(g->why, ":"), g->why);
	if (rc_ok(rc))
		fail_msg("%s: accepted, though %s", g->name, g->why);
	if (strcmp(err_info(rc_last()->err)->name, want) != 0)
		fail_msg("%s: \"%s\" (%s), expected %s", g->name, rc_last()->text,
		         err_info(rc_last()->err)->name, want);
}

/* The whole tree, written again by the writer: strict DER has one form (R06.15). */
static inline void golden_copy(struct der_reader *r, struct der_writer *w)
{
	while (der_more(r)) {
		uint8_t tag = der_tag(r);
		if (!(tag & 0x20)) {
			der_put(w, tag, der_value(r, tag));
			continue;
		}
		der_enter(r, tag);
		der_begin(w, tag);
		golden_copy(r, w);
		if (tag == DER_SET)
			der_end_set(w);
		else
			der_end(w);
		der_leave(r);
	}
}

static inline void golden_again(const struct golden *g)
{
	struct der_reader r = der_read(g->der);
	AUTO_DER(w, 1 << 20);

	golden_copy(&r, &w);
	assert_ok(der_done(&r, g->name));
	assert_ok(buf_done(&w.out));
	if (!slice_equal(buf_slice(&w.out), g->der))
		fail_msg("%s: written again, the bytes differ", g->name);
}

/* Fails the n-th allocation for n = 1 …: no crash, no leak, and either an error or the right result. */
#define GOLDEN_TORTURE(call, least)                                                                          \
	do {                                                                                                 \
		size_t n__ = 0, nomem__ = 0;                                                                 \
		struct rc rc__ = OK;                                                                         \
		do {                                                                                         \
			(void)mem_fail_after(++n__);                                                         \
			rc__ = (call);                                                                       \
			(void)mem_fail_after(0);                                                             \
			if (!rc_ok(rc__) && rc__.code != RC_NOMEM && rc__.code != RC_CRYPTO)                 \
				fail_msg("allocation %zu: %s: %s", n__, rc_name(rc__.code),                  \
				         rc_last()->text);                                                   \
			nomem__ += !rc_ok(rc__);                                                             \
		} while (!rc_ok(rc__) && n__ < 10000);                                                       \
		assert_true(rc_ok(rc__) && nomem__ + 1 > (least));                                           \
	} while (0)

#endif
