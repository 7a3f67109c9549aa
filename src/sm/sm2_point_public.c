#include "sm/sm2_point.h"

#define ROWS_AT_ONCE (POINT_BATCH / TABLE_HALF) /* rows that share one inversion */

void point_table_fill(struct point_table *r, const struct affine *p)
{
	struct jacobian base = {p->x, p->y, fe_one}, rows[POINT_BATCH];
	unsigned i, j, used;

	for (i = 0; i < TABLE_WINDOWS; i++) {
		struct jacobian *row = rows + TABLE_HALF * (i % ROWS_AT_ONCE);

		row[0] = base;
		point_double(&row[1], &base);
		for (j = 2; j < TABLE_HALF; j++)
			point_add_unequal(&row[j], &row[j - 1], &base);
		point_double(&base, &row[TABLE_HALF - 1]);
		used = i % ROWS_AT_ONCE + 1;
		if (used == ROWS_AT_ONCE || i + 1 == TABLE_WINDOWS)
			point_to_affine_batch(r->at[i + 1 - used], rows, TABLE_HALF * used);
	}
}

void point_odd_multiples(struct jacobian r[ODD_MULTIPLES], const struct affine *p)
{
	struct jacobian twice;
	unsigned i;

	r[0] = (struct jacobian){p->x, p->y, fe_one};
	point_double(&twice, &r[0]);
	for (i = 1; i < ODD_MULTIPLES; i++)
		point_add_unequal(&r[i], &r[i - 1], &twice);
}

static void negate(struct fe *y)
{
	static const struct fe zero;

	fe_sub(y, &zero, y);
}

static void add_affine(struct jacobian *r, int digit, const struct affine *odd)
{
	struct affine term = odd[(digit < 0 ? -digit : digit) / 2];

	if (digit < 0)
		negate(&term.y);
	point_add_affine_public(r, r, &term);
}

void point_mul_two_public(struct jacobian *r, const struct sc *s, const struct sc *t,
                          const struct affine odd[ODD_MULTIPLES])
{
	const struct affine *base = base_odd_table();
	int16_t of_base[DIGITS], of_point[DIGITS];
	struct jacobian sum = {.z = {{0}}};
	unsigned i;

	sparse_digits(of_base, s, BASE_ODD_BITS);
	sparse_digits(of_point, t, ODD_BITS);
	for (i = DIGITS; i-- > 0;) {
		point_double(&sum, &sum);
		if (of_base[i] != 0)
			add_affine(&sum, of_base[i], base);
		if (of_point[i] != 0)
			add_affine(&sum, of_point[i], odd);
	}
	*r = sum;
}

static void add_window(struct jacobian *r, const struct sc *k, unsigned i,
                       const struct affine row[TABLE_HALF])
{
	uint64_t negative;
	unsigned size = window_digit(k, TABLE_WINDOW, i, &negative);
	struct affine term;

	if (size == 0)
		return;
	term = row[size - 1];
	if (negative != 0)
		negate(&term.y);
	point_add_affine_public(r, r, &term);
}

/* From the lowest window up, as point_mul_base(). */
void point_mul_tables_public(struct jacobian *r, const struct sc *s, const struct sc *t,
                             const struct point_table *p)
{
	const struct point_table *base = base_table();
	struct jacobian sum = {.z = {{0}}};
	unsigned i;

	for (i = 0; i < TABLE_WINDOWS; i++) {
		add_window(&sum, s, i, base->at[i]);
		add_window(&sum, t, i, p->at[i]);
	}
	*r = sum;
}
