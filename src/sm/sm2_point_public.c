#include "sm/sm2_point.h"

#include <string.h>

#define DIGITS 257

/* Non-adjacent form with a window: k = sum of digit[i] * 2^i, the digits odd and below 2^(bits-1) in
 * size or zero, no two of them in the same window. */
static void sparse_digits(int8_t digit[DIGITS], const struct sc *k, unsigned bits)
{
	uint64_t v[LIMBS + 1] = {k->v[0], k->v[1], k->v[2], k->v[3], 0};
	unsigned i, j, carry = 0;

	memset(digit, 0, DIGITS);
	for (i = 0; i < DIGITS; i++) {
		unsigned word = i / 64, shift = i % 64, low;
		uint64_t window = v[word] >> shift;

		if (shift + bits > 64 && word < LIMBS)
			window |= v[word + 1] << (64 - shift);
		if (((window + carry) & 1) == 0)
			continue;
		low = ((unsigned)window & ((1u << bits) - 1)) + carry;
		carry = low >> (bits - 1) & 1;
		digit[i] = (int8_t)((int)low - (int)(carry << bits));
		for (j = 1; j < bits && i + 1 < DIGITS; j++)
			i++;
	}
}

void point_odd_multiples(struct jacobian r[ODD_MULTIPLES], const struct affine *p)
{
	struct jacobian twice;
	unsigned i;

	r[0] = (struct jacobian){p->x, p->y, fe_one};
	point_double(&twice, &r[0]);
	for (i = 1; i < ODD_MULTIPLES; i++)
		point_add(&r[i], &r[i - 1], &twice);
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
	int8_t of_base[DIGITS], of_point[DIGITS];
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
                       const struct affine row[WINDOW_HALF])
{
	uint64_t negative;
	unsigned size = window_digit(k, i, &negative);
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

	for (i = 0; i < WINDOWS; i++) {
		add_window(&sum, s, i, base->at[i]);
		add_window(&sum, t, i, p->at[i]);
	}
	*r = sum;
}
