#ifndef YD_BENCH_ROWS_H
#define YD_BENCH_ROWS_H
/* What was measured. */
#include "base/rc.h"

#include <stddef.h>
#include <stdio.h>

#define BENCH_ROWS_MAX 256
#define BENCH_NAME_MAX 63
#define BENCH_FILE_MAX (4u << 20)

struct bench_row {
	char name[BENCH_NAME_MAX + 1];
	double value;
	const char *unit; /* a constant */
	const char *peer; /* who did the same; NULL: nobody */
	double peer_value;
};
struct bench_rows {
	struct bench_row at[BENCH_ROWS_MAX];
	size_t count;
};
RC rows_add(struct bench_rows *r, const struct bench_row *row);
/* One line per row, or a JSON list. */
RC rows_print(const struct bench_rows *r, bool json, FILE *to);
/* Rows of the same name are replaced, all others stay. */
RC rows_save(const struct bench_rows *r, const char *path);
/* Name and version of libcrypto. */
const char *rows_openssl(void);

#endif
