/* start.first.seconds: an empty folder, ceremony included; start.seconds: a folder with data, median. */
#include "bench/measure.h"
#include "bench/platform.h"

#define STARTS 5

static RC add(struct bench *b, const char *name, double seconds)
{
	struct bench_row row = {.value = seconds, .unit = "s"};

	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	return rows_add(&b->rows, &row);
}

RC bench_start(struct bench *b)
{
	double seconds[STARTS], first;
	size_t i;

	platform_stop(b->platform);
	b->platform = NULL;
	TRY(platform_start(b->options->data, &b->platform, &first));
	for (i = 0; i < STARTS; i++) {
		platform_stop(b->platform);
		b->platform = NULL;
		TRY(platform_start(b->options->data, &b->platform, &seconds[i]));
	}
	TRY(add(b, "start.first.seconds", first));
	return add(b, "start.seconds", median(seconds, STARTS));
}
