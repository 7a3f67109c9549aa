#ifndef YD_SM_SM2_LANES_BASE_H
#define YD_SM_SM2_LANES_BASE_H
/* k * G for eight lanes in each of several groups, constant time. */
#include "sm/sm2_lanes_point.h"
#include "sm/sm2_point.h"

#include <pthread.h>

/* Signed windows of 7 bits with odd digits: k = sum of d_i * 2^(7 i), |d_i| = 1, 3 ... 127, never 0. */
#define LB_BITS 7
#define LB_WINDOWS 37
#define LB_HALF (1 << (LB_BITS - 1))
#define LB_CHAINS 8
#define LB_FEW 4 /* groups up to which the shared inversions cost more than they save */

/* Process state: constant once made. */
struct base8_table {
	lanes at[LB_WINDOWS][2 * FE8_LIMBS][LB_HALF / LANES];
};
static pthread_once_t base8_once = PTHREAD_ONCE_INIT;
static struct base8_table base8_points;

static void base8_store(unsigned window, unsigned at, const struct affine *p)
{
	uint8_t xy[64];
	lanes w[LIMBS];
	struct fe8 number;
	unsigned i, j;

	point_to_bytes(p, xy);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < LIMBS; j++)
			w[j] = lanes_all(load_be64(xy + 32 * i + 8 * (LIMBS - 1 - j)));
		fe8_load(&number, w);
		for (j = 0; j < FE8_LIMBS; j++)
			base8_points.at[window][FE8_LIMBS * i + j][at / LANES][at % LANES] = number.v[j][0];
	}
}

static void base8_make(void)
{
	static const struct sc one = {{1}};
	struct jacobian first, twice, row[LB_HALF];
	struct affine points[LB_HALF];
	unsigned i, j;

	point_mul_base(&first, &one);
	for (i = 0; i < LB_WINDOWS; i++) {
		point_double(&twice, &first);
		row[0] = first;
		for (j = 1; j < LB_HALF; j++)
			point_add(&row[j], &row[j - 1], &twice);
		point_to_affine_batch(points, row, LB_HALF);
		for (j = 0; j < LB_HALF; j++)
			base8_store(i, j, &points[j]);
		for (j = 0; j < LB_BITS; j++)
			point_double(&first, &first);
	}
}

static const struct base8_table *base8_table(void)
{
	(void)pthread_once(&base8_once, base8_make);
	return &base8_points;
}

LANE_INLINE void base8_look_up(struct point8 *r, const lanes row[][LB_HALF / LANES], lanes index)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++) {
		r->x.v[i] = lanes_pick_64(row[i], index);
		r->y.v[i] = lanes_pick_64(row[FE8_LIMBS + i], index);
	}
}

/* Terms round * LB_CHAINS ... of each sum go to its chains; the first ones start them. */
static void base8_round(struct sum8 *sums, const struct scalar8 *k, size_t groups, unsigned round)
{
	const struct base8_table *table = base8_table();
	unsigned chain, window;
	struct point8 p;
	size_t g;

	for (chain = 0; chain < LB_CHAINS; chain++) {
		window = round * LB_CHAINS + chain;
		if (window >= LB_WINDOWS)
			break;
		for (g = 0; g < groups; g++) {
			struct sum8 *s = &sums[chain * groups + g];
			struct digit8 digit = digit8_of(&k[g], window, LB_BITS, LB_WINDOWS);

			base8_look_up(&p, table->at[window], digit.half);
			fe8_negate_loose(&p.y, digit.negative);
			if (round == 0) {
				s->x = p.x;
				s->y = p.y;
			} else {
				sum8_of(s, &p.x, &p.y);
			}
		}
	}
	if (round > 0)
		sum8_finish_all(sums, chain * groups);
	wipe(&p, sizeof(p));
}

/* k * G, adding one window after the other.  Only the last addition can meet equal or opposite points. */
static void base8_one(struct jacobian8 *sum, const struct scalar8 *k)
{
	const struct base8_table *table = base8_table();
	struct difference8 apart;
	struct digit8 digit;
	struct term8 term;
	unsigned i;

	for (i = 0; i < LB_WINDOWS; i++) {
		digit = digit8_of(k, i, LB_BITS, LB_WINDOWS);
		base8_look_up(&term.p, table->at[i], digit.half);
		term.negative = digit.negative;
		if (i == 0) {
			sum->x = term.p.x;
			sum->y = term.p.y;
			fe8_negate_reduced(&sum->y, digit.negative);
			fe8_set(&sum->z, fe8_one);
		} else if (i + 1 < LB_WINDOWS) {
			jacobian8_add(sum, &term, &apart);
		} else {
			jacobian8_add_any(sum, &term);
		}
	}
	wipe(&term, sizeof(term));
	wipe(&apart, sizeof(apart));
}

static void base8_few(struct sum8 *sums, lanes *none, const struct scalar8 *k, size_t groups)
{
	struct jacobian8 product[LB_FEW];
	size_t g;

	for (g = 0; g < groups; g++)
		base8_one(&product[g], &k[g]);
	jacobian8_to_affine(sums, none, product, groups);
	wipe(product, sizeof(product));
}

/* The chains hold windows i, i + 8 ...; no two of them can be equal or opposite before the last addition
 * (docs/sm2.md). */
static void base8_many(struct sum8 *sums, lanes *none, const struct scalar8 *k, size_t groups)
{
	unsigned round, chains;
	size_t i;

	for (round = 0; round * LB_CHAINS < LB_WINDOWS; round++)
		base8_round(sums, k, groups, round);
	for (chains = LB_CHAINS / 2; chains > 1; chains /= 2) {
		for (i = 0; i < chains * groups; i++)
			sum8_of(&sums[i], &sums[chains * groups + i].x, &sums[chains * groups + i].y);
		sum8_finish_all(sums, chains * groups);
	}
	for (i = 0; i < groups; i++)
		none[i] = sum8_of_any(&sums[i], &sums[groups + i].x, &sums[groups + i].y);
	sum8_finish_all(sums, groups);
}

/* sums[g] = k[g] * G; none[g] is set where that is infinity.  sums has room for LB_CHAINS * groups. */
static void base8(struct sum8 *sums, lanes *none, const struct scalar8 *k, size_t groups)
{
	size_t g;

	if (groups <= LB_FEW)
		base8_few(sums, none, k, groups);
	else
		base8_many(sums, none, k, groups);
	for (g = 0; g < groups; g++)
		fe8_negate_reduced(&sums[g].y, k[g].flip);
}

#endif
