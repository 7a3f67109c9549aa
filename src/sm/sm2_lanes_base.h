#ifndef YD_SM_SM2_LANES_BASE_H
#define YD_SM_SM2_LANES_BASE_H
/* k * G for eight lanes in each of several groups, constant time. */
#include "sm/sm2_lanes_sum.h"
#include "sm/sm2_point.h"

#include <pthread.h>

#define GROUPS 16 /* of eight lanes that share the inversions */

/* Signed windows of 7 bits with odd digits: k = sum of d_i * 2^(7 i), |d_i| = 1, 3 ... 127, never 0. */
#define LB_BITS 7
#define LB_WINDOWS 37
#define LB_HALF (1 << (LB_BITS - 1))
#define LB_CHAINS 8

/* An odd number's digit in a window of some bits: half of its size (rounded down) and its sign. */
struct digit8 {
	lanes half, negative;
};

/* The odd one of k and n - k, word by word; flip tells where it is n - k. */
struct scalar8 {
	lanes w[LIMBS + 1], flip;
};

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

/* Bits bits * i ... bits * (i + 1) of k, the highest of them being the lowest of the next window: when it is
 * 0 the digit is less by 2^bits, which makes that window odd.  The last window has nothing above it. */
LANE_INLINE struct digit8 digit8_of(const struct scalar8 *k, unsigned i, unsigned bits, unsigned windows)
{
	unsigned word = bits * i / 64, shift = bits * i % 64;
	lanes raw = k->w[word] >> (int)shift;
	struct digit8 r;

	if (shift + bits >= 64)
		raw |= k->w[word + 1] << (int)(63 - shift) << 1;
	r.negative = i + 1 < windows ? ((raw >> (int)bits) & 1) - 1 : lanes_all(0);
	r.half = ((raw ^ r.negative) & (((uint64_t)1 << bits) - 1)) >> 1;
	return r;
}

LANE_INLINE void base8_look_up(struct point8 *r, const lanes row[][LB_HALF / LANES],
                               const struct digit8 *digit)
{
	unsigned i;

	for (i = 0; i < FE8_LIMBS; i++) {
		r->x.v[i] = lanes_pick_64(row[i], digit->half);
		r->y.v[i] = lanes_pick_64(row[FE8_LIMBS + i], digit->half);
	}
	fe8_negate_loose(&r->y, digit->negative);
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

			base8_look_up(&p, table->at[window], &digit);
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

/* sums[g] = k[g] * G; none[g] is set where that is infinity.  The chains hold windows i, i + 8 ...; no two of
 * them can be equal or opposite before the last addition (docs/sm2.md).  sums has room for LB_CHAINS *
 * groups. */
static void base8(struct sum8 *sums, lanes *none, const struct scalar8 *k, size_t groups)
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
	for (i = 0; i < groups; i++)
		fe8_negate_reduced(&sums[i].y, k[i].flip);
}

#endif
