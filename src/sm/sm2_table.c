#include "sm/sm2_point.h"

#include <pthread.h>

/* Process state: constant once made. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct point_table table __attribute__((aligned(64)));
static struct affine odd_table[BASE_ODD] __attribute__((aligned(64)));

_Static_assert(BASE_ODD % POINT_BATCH == 0, "made in whole batches");

static const struct affine generator = {
        {{0x61328990f418029e, 0x3e7981eddca6c050, 0xd6a1ed99ac24c3c3, 0x91167a5ee1c13b05}},
        {{0xc1354e593c2d0ddd, 0xc1f5e5788d3295fa, 0x8d4cfb066e2a48f8, 0x63cd65d481d735bd}}};

static void make_odd(void)
{
	struct jacobian row[POINT_BATCH], sum = {generator.x, generator.y, fe_one}, twice;
	unsigned i;

	point_double(&twice, &sum);
	for (i = 0; i < BASE_ODD; i++) {
		row[i % POINT_BATCH] = sum;
		point_add(&sum, &sum, &twice);
		if ((i + 1) % POINT_BATCH == 0)
			point_to_affine_batch(odd_table + i + 1 - POINT_BATCH, row, POINT_BATCH);
	}
}

static void make_tables(void)
{
	point_table_fill(&table, &generator);
	make_odd();
}

const struct point_table *base_table(void)
{
	(void)pthread_once(&once, make_tables);
	return &table;
}

const struct affine *base_odd_table(void)
{
	(void)pthread_once(&once, make_tables);
	return odd_table;
}
