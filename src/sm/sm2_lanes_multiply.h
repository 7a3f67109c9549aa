#ifndef YD_SM_SM2_LANES_MULTIPLY_H
#define YD_SM_SM2_LANES_MULTIPLY_H
/* k * P for eight lanes in each of several groups, each lane its own point; constant time. */
#include "sm/sm2_lanes_base.h"

/* Signed windows of 5 bits with odd digits: |d_i| = 1, 3 ... 31. */
#define LM_BITS 5
#define LM_WINDOWS 52
#define LM_ODD (1 << (LM_BITS - 1))

/* odd[m ... 2m-1] = *power + odd[0 ... m-1], and *power is doubled unless these were the last. */
static void odd8_level(struct sum8 *sums, struct point8 odd[][LM_ODD], struct point8 *power, unsigned m,
                       size_t groups)
{
	unsigned last = 2 * m == LM_ODD, i;
	size_t g;

	for (g = 0; g < groups; g++) {
		for (i = 0; i < m; i++) {
			struct sum8 *s = &sums[i * groups + g];

			s->x = odd[g][i].x;
			s->y = odd[g][i].y;
			sum8_of(s, &power[g].x, &power[g].y);
			sum8_guard(s);
		}
		if (last)
			continue;
		sums[m * groups + g].x = power[g].x;
		sums[m * groups + g].y = power[g].y;
		sum8_of_double(&sums[m * groups + g]);
		sum8_guard(&sums[m * groups + g]);
	}
	sum8_finish_all(sums, (m + 1 - last) * groups);
	for (g = 0; g < groups; g++) {
		for (i = 0; i < m; i++)
			odd[g][m + i] = (struct point8){sums[i * groups + g].x, sums[i * groups + g].y};
		if (!last)
			power[g] = (struct point8){sums[m * groups + g].x, sums[m * groups + g].y};
	}
}

/* 1, 3 ... 31 times P: 2 P; 3, 4; 5, 7, 8; 9 ... 15, 16; 17 ... 31, each row with one inversion. */
static void odd8(struct sum8 *sums, struct point8 odd[][LM_ODD], size_t groups)
{
	struct point8 power[GROUPS];
	unsigned m;
	size_t g;

	for (g = 0; g < groups; g++)
		power[g] = odd[g][0];
	for (m = 0; m < LM_ODD; m = m == 0 ? 1 : 2 * m)
		odd8_level(sums, odd, power, m, groups);
}

/* odd[index], by looking at all. */
LANE_INLINE void odd8_look_up(struct point8 *r, const struct point8 odd[LM_ODD], lanes index)
{
	struct point8 sum = {{{{0}}}};
	unsigned i, j;

	for (i = 0; i < LM_ODD; i++) {
		lanes wanted = lanes_equal(index, lanes_all(i));

		for (j = 0; j < FE8_LIMBS; j++) {
			sum.x.v[j] |= odd[i].x.v[j] & wanted;
			sum.y.v[j] |= odd[i].y.v[j] & wanted;
		}
	}
	*r = sum;
}

/* From the highest window, whose digit is 1, down.  Only the last addition can meet its own point (k = n - 6)
 * or the opposite one (k = 0, which is n here). */
static void multiply8_one(struct jacobian8 *sum, const struct scalar8 *k, const struct point8 odd[LM_ODD])
{
	struct difference8 apart;
	struct digit8 digit;
	struct term8 term;
	unsigned i, j;

	sum->x = odd[0].x;
	sum->y = odd[0].y;
	fe8_set(&sum->z, fe8_one);
	for (i = LM_WINDOWS - 1; i-- > 0;) {
		for (j = 0; j < LM_BITS; j++)
			jacobian8_double(sum);
		digit = digit8_of(k, i, LM_BITS, LM_WINDOWS);
		odd8_look_up(&term.p, odd, digit.half);
		term.negative = digit.negative;
		if (i > 0)
			jacobian8_add(sum, &term, &apart);
		else
			jacobian8_add_any(sum, &term);
	}
	wipe(&term, sizeof(term));
	wipe(&apart, sizeof(apart));
}

/* sums[g] = k[g] * P with P in odd[g][0]; none[g] is set where that is infinity.  sums has room for
 * LB_CHAINS * groups. */
static void multiply8(struct sum8 *sums, lanes *none, const struct scalar8 *k, struct point8 odd[][LM_ODD],
                      size_t groups)
{
	struct jacobian8 product[GROUPS];
	size_t g;

	odd8(sums, odd, groups);
	for (g = 0; g < groups; g++)
		multiply8_one(&product[g], &k[g], odd[g]);
	jacobian8_to_affine(sums, none, product, groups);
	for (g = 0; g < groups; g++)
		fe8_negate_reduced(&sums[g].y, k[g].flip);
	wipe(product, sizeof(product));
}

#endif
