#include "status/journal.h"

#include "base/mem.h"
#include "sm/sm3.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FRAME_MAGIC 0x59444a31u

struct frame {
	uint32_t magic, n;
	uint64_t from, to;
	uint8_t sum[8];
};

static void sum(const struct frame *f, const struct table_entry *e, uint8_t ret[8])
{
	struct sm3 c;
	uint8_t h[SM3_LEN];

	sm3_init(&c);
	sm3_update(&c, slice_of(f, offsetof(struct frame, sum)));
	sm3_update(&c, slice_of(e, f->n * sizeof(*e)));
	sm3_final(&c, h);
	memcpy(ret, h, 8);
}

static bool write_all(int fd, const void *p, size_t len)
{
	const uint8_t *at = p;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

RC journal_add(const char *path, uint64_t from, uint64_t to, const struct table_entry *e, size_t n)
{
	struct frame f = {.magic = FRAME_MAGIC, .n = (uint32_t)n, .from = from, .to = to};
	int fd, err;
	bool ok;

	NEED(n <= JOURNAL_PAGE, RC_BUG, "a journal frame of %zu entries", n);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	NEED(fd >= 0, RC_BUSY, "cannot open %s: error %d", path, errno);
	sum(&f, e, f.sum);
	ok = write_all(fd, &f, sizeof(f)) && write_all(fd, e, n * sizeof(*e));
	err = errno;
	(void)close(fd);
	NEED(ok, RC_BUSY, "cannot write %s: error %d", path, err);
	return OK;
}

/* False at the end, and at whatever is no frame. */
static bool read_frame(FILE *in, struct frame *f, struct table_entry *e)
{
	uint8_t want[8];

	if (fread(f, sizeof(*f), 1, in) != 1 || f->magic != FRAME_MAGIC || f->n > JOURNAL_PAGE ||
	    fread(e, sizeof(*e), f->n, in) != f->n)
		return false;
	sum(f, e, want);
	return memcmp(want, f->sum, sizeof(want)) == 0;
}

RC journal_read(const char *path, uint64_t *position, uint64_t end,
                struct rc (*each)(void *arg, const struct table_entry *e), void *arg)
{
	AUTO_MEM(struct table_entry, e, mem_new(JOURNAL_PAGE, sizeof(*e)));
	struct rc rc = OK;
	struct frame f;
	FILE *in;

	NEED(e != NULL, RC_NOMEM, "no memory to read %s", path);
	in = fopen(path, "re");
	if (in == NULL)
		return OK;
	while (rc_ok(rc) && read_frame(in, &f, e) && f.from <= *position && f.to <= end) {
		if (f.to <= *position)
			continue;
		for (size_t i = 0; rc_ok(rc) && i < f.n; i++)
			rc = each(arg, &e[i]);
		*position = f.to;
	}
	(void)fclose(in);
	return rc;
}
