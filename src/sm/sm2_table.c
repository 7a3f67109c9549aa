#include "sm/sm2_point.h"

#include <pthread.h>

/* Process state: constant once made. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct affine table[WINDOWS][WINDOW_HALF];
static struct affine odd_table[BASE_ODD];

static const struct affine generator = {
        {{0x61328990f418029e, 0x3e7981eddca6c050, 0xd6a1ed99ac24c3c3, 0x91167a5ee1c13b05}},
        {{0xc1354e593c2d0ddd, 0xc1f5e5788d3295fa, 0x8d4cfb066e2a48f8, 0x63cd65d481d735bd}}};

static void make_odd(void)
{
	struct jacobian row[BASE_ODD] = {{generator.x, generator.y, fe_one}}, twice;
	unsigned i;

	point_double(&twice, &row[0]);
	for (i = 1; i < BASE_ODD; i++)
		point_add(&row[i], &row[i - 1], &twice);
	point_to_affine_batch(odd_table, row, BASE_ODD);
}

static void make_tables(void)
{
	struct jacobian base = {generator.x, generator.y, fe_one}, row[WINDOW_HALF];
	unsigned i, j;

	for (i = 0; i < WINDOWS; i++) {
		row[0] = base;
		for (j = 1; j < WINDOW_HALF; j++)
			point_add(&row[j], &row[j - 1], &base);
		point_to_affine_batch(table[i], row, WINDOW_HALF);
		point_double(&base, &row[WINDOW_HALF - 1]);
	}
	make_odd();
}

const struct affine (*base_table(void))[WINDOW_HALF]
{
	(void)pthread_once(&once, make_tables);
	return (const struct affine(*)[WINDOW_HALF])table;
}

const struct affine *base_odd_table(void)
{
	(void)pthread_once(&once, make_tables);
	return odd_table;
}
