#ifndef YD_BENCH_BENCH_H
#define YD_BENCH_BENCH_H
/* `yuandian bench NAME…`: measures this platform beside its peers in the same run and writes rows
 * {"name","value","unit","peer","peer_value","ratio"} into a JSON list, merged by name. */
#include "base/rc.h"

#include <stddef.h>

struct bench_options {
	const char *out;          /* file of rows; NULL: not written */
	const char *data;         /* empty folder for a platform of our own; needed by all but "sm" */
	bool json;                /* rows on stdout as JSON, else as a table */
	const char *const *names; /* of bench_names(); count 0: all */
	size_t count;
};
RC bench_run(const struct bench_options *o);
/* NULL after the last. */
const char *bench_name(size_t i);

#endif
