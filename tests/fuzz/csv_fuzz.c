/* CSV: whatever the bytes are and however they arrive, the rows are the same, within their limits, and the
 * walk ends. */
#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

struct source {
	struct slice left;
	size_t step;
};

static struct rc give(void *arg, uint8_t *to, size_t max, size_t *n)
{
	struct source *s = arg;

	*n = s->left.len < s->step ? s->left.len : s->step;
	*n = *n < max ? *n : max;
	if (*n > 0)
		memcpy(to, s->left.p, *n);
	s->left = slice_of(s->left.p + *n, s->left.len - *n);
	return OK;
}

/* Every field with its length, wrong rows with their line. */
static void walk(const uint8_t *p, size_t len, size_t step, struct buf *ret)
{
	struct source s = {slice_of(p, len), step};
	AUTO(csv, c, NULL);
	bool more = true;
	size_t rows = 0;

	if (!rc_ok(csv_new(give, &s, &c)))
		abort();
	while (more) {
		struct rc rc = csv_row(c, &more);

		if (++rows > len + 2 || csv_count(c) > CSV_FIELDS_MAX)
			abort();
		buf_printf(ret, "%zu %d ", csv_where(c), rc.code);
		for (size_t i = 0; rc_ok(rc) && i < csv_count(c); i++) {
			buf_printf(ret, "%zu:", csv_field(c, i).len);
			buf_add(ret, csv_field(c, i));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	AUTO_BUF(whole, 16 << 20);
	AUTO_BUF(bytes, 16 << 20);

	walk(p, len, len + 1, &whole);
	walk(p, len, 1, &bytes);
	if (!slice_equal(buf_slice(&whole), buf_slice(&bytes)))
		abort();
	return 0;
}
