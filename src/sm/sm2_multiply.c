#include "sm/sm2_point.h"

#include "base/slice.h"

#ifdef SM2_X86_64
#include <immintrin.h>
#endif

static const struct jacobian infinity;

static void select_point(struct jacobian *r, const struct jacobian *a, uint64_t mask)
{
	fe_select(&r->x, &a->x, mask);
	fe_select(&r->y, &a->y, mask);
	fe_select(&r->z, &a->z, mask);
}

static void negate_y(struct fe *y, uint64_t mask)
{
	static const struct fe none;
	struct fe minus;

	fe_sub(&minus, &none, y);
	fe_select(y, &minus, mask);
}

/* table[size - 1], or zeros for size 0; reads the whole table. */
#ifdef SM2_X86_64
static __attribute__((target("avx2"))) void
look_up_affine(struct affine *r, const struct affine table[TABLE_HALF], unsigned size)
{
	__m256i x = _mm256_setzero_si256(), y = x, i = x, one = _mm256_set1_epi64x(1);
	__m256i wanted = _mm256_set1_epi64x(size);
	const struct affine *at;

	for (at = table; at < table + TABLE_HALF; at++) {
		__m256i mask;

		i = _mm256_add_epi64(i, one);
		mask = _mm256_cmpeq_epi64(i, wanted);
		x = _mm256_or_si256(x, _mm256_and_si256(mask, _mm256_loadu_si256((const void *)&at->x)));
		y = _mm256_or_si256(y, _mm256_and_si256(mask, _mm256_loadu_si256((const void *)&at->y)));
	}
	_mm256_storeu_si256((void *)&r->x, x);
	_mm256_storeu_si256((void *)&r->y, y);
}
#else
static void look_up_affine(struct affine *r, const struct affine table[TABLE_HALF], unsigned size)
{
	uint64_t v[2 * LIMBS] = {0};
	unsigned i, j;

	for (i = 0; i < TABLE_HALF; i++) {
		uint64_t mask = mask_zero(size ^ (i + 1));

		for (j = 0; j < LIMBS; j++) {
			v[j] |= table[i].x.v[j] & mask;
			v[LIMBS + j] |= table[i].y.v[j] & mask;
		}
	}
	memcpy(r, v, sizeof(*r));
}
#endif

static void look_up(struct jacobian *r, const struct jacobian table[WINDOW_HALF], unsigned size)
{
	unsigned i;

	*r = infinity;
	for (i = 0; i < WINDOW_HALF; i++)
		select_point(r, &table[i], mask_zero(size ^ (i + 1)));
}

/* The sum of digit_i * 2^(6i) * G, from the lowest window up.  Before window i the sum is less than
 * 2^(6i) in size, so it can equal neither the next term nor its opposite; for the highest windows,
 * where the wrap at n has to be thought of too, it could only if k were 2^256 - n, whose digits there are
 * zero. */
void point_mul_base(struct jacobian *r, const struct sc *k)
{
	const struct point_table *table = base_table();
	struct jacobian sum = infinity, next, first = {.z = fe_one};
	struct affine term;
	struct fe h, d;
	uint64_t negative;
	unsigned i, size;

	for (i = 0; i < TABLE_WINDOWS; i++) {
		size = window_digit(k, TABLE_WINDOW, i, &negative);
		look_up_affine(&term, table->at[i], size);
		negate_y(&term.y, negative);
		point_add_affine_plain(&next, &sum, &term, &h, &d);
		first.x = term.x;
		first.y = term.y;
		select_point(&next, &first, fe_mask_zero(&sum.z));
		select_point(&sum, &next, ~mask_zero(size));
	}
	*r = sum;
	wipe(&sum, sizeof(sum));
	wipe(&next, sizeof(next));
	wipe(&first, sizeof(first));
	wipe(&term, sizeof(term));
}

static void multiples(struct jacobian table[WINDOW_HALF], const struct affine *p)
{
	unsigned i;

	table[0] = (struct jacobian){p->x, p->y, fe_one};
	for (i = 1; i < WINDOW_HALF; i++) {
		if (i % 2 == 1)
			point_double(&table[i], &table[i / 2]);
		else
			point_add_unequal(&table[i], &table[i - 1], &table[0]);
	}
}

/* From the highest window down.  32 * sum can equal the term to be added only at the end and only
 * for k = n - 6 (the term is -3 P), so only the last addition needs to be the general one. */
void point_mul(struct jacobian *r, const struct sc *k, const struct affine *p)
{
	struct jacobian table[WINDOW_HALF], sum = infinity, term;
	uint64_t negative;
	unsigned i, j, size;

	multiples(table, p);
	for (i = WINDOWS; i-- > 0;) {
		for (j = 0; j < WINDOW && i + 1 < WINDOWS; j++)
			point_double(&sum, &sum);
		size = window_digit(k, WINDOW, i, &negative);
		look_up(&term, table, size);
		negate_y(&term.y, negative);
		if (i > 0)
			point_add_unequal(&sum, &sum, &term);
		else
			point_add(&sum, &sum, &term);
	}
	*r = sum;
	wipe(&sum, sizeof(sum));
	wipe(&term, sizeof(term));
}
