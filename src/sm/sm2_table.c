#include "sm/sm2_point.h"

#include <pthread.h>

#define ROWS_AT_ONCE (POINT_BATCH / WINDOW_HALF) /* rows that share one inversion */

/* Process state: constant once made. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct point_table table;
static struct affine odd_table[BASE_ODD];

static const struct affine generator = {
        {{0x61328990f418029e, 0x3e7981eddca6c050, 0xd6a1ed99ac24c3c3, 0x91167a5ee1c13b05}},
        {{0xc1354e593c2d0ddd, 0xc1f5e5788d3295fa, 0x8d4cfb066e2a48f8, 0x63cd65d481d735bd}}};

_Static_assert(WINDOWS % ROWS_AT_ONCE == 0, "rows in whole batches");

void point_table_fill(struct point_table *r, const struct affine *p)
{
	struct jacobian base = {p->x, p->y, fe_one}, rows[POINT_BATCH];
	unsigned i, j;

	for (i = 0; i < WINDOWS; i++) {
		struct jacobian *row = rows + WINDOW_HALF * (i % ROWS_AT_ONCE);

		row[0] = base;
		for (j = 1; j < WINDOW_HALF; j++)
			point_add(&row[j], &row[j - 1], &base);
		point_double(&base, &row[WINDOW_HALF - 1]);
		if (i % ROWS_AT_ONCE == ROWS_AT_ONCE - 1)
			point_to_affine_batch(r->at[i + 1 - ROWS_AT_ONCE], rows, POINT_BATCH);
	}
}

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
