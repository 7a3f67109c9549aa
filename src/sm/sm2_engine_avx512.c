/* The engine of eight lanes: AVX-512 IFMA, or plain C with SM_LANES_EMULATED for tools that do not know these
 * instructions.  docs/sm2.md describes the algorithms. */
#include "sm/sm2_engine.h"

#if defined(__AVX512IFMA__) || defined(SM_LANES_EMULATED)
#include "sm/sm2_lanes_multiply.h"

#include <string.h>

#define BLOCK (GROUPS * LANES)

/* One block's results, and the room to compute them in. */
struct block {
	struct scalar8 k[GROUPS];
	lanes none[GROUPS];
	struct sum8 sums[LB_CHAINS * GROUPS];
};

struct block_points {
	struct point8 odd[GROUPS][LM_ODD];
};

/* Lanes without a number of their own repeat the last one. */
static size_t lane_index(size_t g, size_t lane, size_t n)
{
	size_t i = g * LANES + lane;

	return i < n ? i : n - 1;
}

static size_t groups_of(size_t n)
{
	return (n + LANES - 1) / LANES;
}

static void load_scalars(struct scalar8 *r, const struct sc *k, size_t n)
{
	static const uint64_t order[LIMBS] = {0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff,
	                                      0xfffffffeffffffff};
	uint64_t v[LIMBS], w[LIMBS + 1][LANES] = {{0}}, flip[LANES];
	size_t g, lane;
	unsigned i;

	for (g = 0; g < groups_of(n); g++) {
		for (lane = 0; lane < LANES; lane++) {
			const struct sc *own = &k[lane_index(g, lane, n)];

			flip[lane] = ct_hide((own->v[0] & 1) - 1);
			(void)limbs_sub(v, order, own->v);
			limbs_select(v, own->v, ~flip[lane]);
			for (i = 0; i < LIMBS; i++)
				w[i][lane] = v[i];
		}
		memcpy(r[g].w, w, sizeof(w));
		memcpy(&r[g].flip, flip, sizeof(flip));
	}
	wipe(v, sizeof(v));
	wipe(w, sizeof(w));
	wipe(flip, sizeof(flip));
}

static void load_points(struct block_points *r, const struct sm2_xy *p, size_t n)
{
	lanes x[LIMBS], y[LIMBS];
	uint64_t w[2 * LIMBS][LANES];
	size_t g, lane;
	unsigned i;

	for (g = 0; g < groups_of(n); g++) {
		for (lane = 0; lane < LANES; lane++) {
			const struct sm2_xy *own = &p[lane_index(g, lane, n)];

			for (i = 0; i < LIMBS; i++) {
				w[i][lane] = own->x[i];
				w[LIMBS + i][lane] = own->y[i];
			}
		}
		memcpy(x, w, sizeof(x));
		memcpy(y, w + LIMBS, sizeof(y));
		fe8_load(&r->odd[g][0].x, x);
		fe8_load(&r->odd[g][0].y, y);
	}
}

static void store_points(struct sm2_xy *r, const struct block *b, size_t n)
{
	lanes x[LIMBS], y[LIMBS];
	size_t g, lane;
	unsigned i;

	for (g = 0; g < groups_of(n); g++) {
		fe8_store(x, &b->sums[g].x);
		fe8_store(y, &b->sums[g].y);
		for (i = 0; i < LIMBS; i++) {
			x[i] &= ~b->none[g];
			y[i] &= ~b->none[g];
		}
		for (lane = 0; lane < LANES && g * LANES + lane < n; lane++) {
			for (i = 0; i < LIMBS; i++) {
				r[g * LANES + lane].x[i] = x[i][lane];
				r[g * LANES + lane].y[i] = y[i][lane];
			}
		}
	}
	wipe(x, sizeof(x));
	wipe(y, sizeof(y));
}

/* Only what n numbers left in it. */
static void wipe_block(struct block *b, size_t n)
{
	wipe(b->k, groups_of(n) * sizeof(b->k[0]));
	wipe(b->sums, LB_CHAINS * groups_of(n) * sizeof(b->sums[0]));
}

static size_t block_of(size_t left)
{
	return left < BLOCK ? left : BLOCK;
}

/* What the calls before left on the stack below. */
LANE_CALLED void wipe_below(void)
{
	uint8_t below[16 << 10];

	wipe(below, sizeof(below));
}

static void base(struct sm2_xy *r, const struct sc *k, size_t n)
{
	struct block b;
	size_t i, m;

	if (n == 0)
		return;
	for (i = 0; i < n; i += m) {
		m = block_of(n - i);
		load_scalars(b.k, k + i, m);
		base8(b.sums, b.none, b.k, groups_of(m));
		store_points(r + i, &b, m);
	}
	wipe_block(&b, block_of(n));
	wipe_below();
}

static void multiply(struct sm2_xy *r, const struct sc *k, const struct sm2_xy *p, size_t n)
{
	struct block_points points;
	struct block b;
	size_t i, m;

	if (n == 0)
		return;
	for (i = 0; i < n; i += m) {
		m = block_of(n - i);
		load_scalars(b.k, k + i, m);
		load_points(&points, p + i, m);
		multiply8(b.sums, b.none, b.k, points.odd, groups_of(m));
		store_points(r + i, &b, m);
	}
	wipe_block(&b, block_of(n));
	wipe_below();
}

/* sums[g] += point[g], either of which may be infinity. */
static void add_all(struct block *b, const struct point8 *point, const lanes *none, size_t groups)
{
	struct point8 own[GROUPS];
	lanes opposite[GROUPS];
	size_t g;

	for (g = 0; g < groups; g++) {
		own[g] = (struct point8){b->sums[g].x, b->sums[g].y};
		opposite[g] = sum8_of_any(&b->sums[g], &point[g].x, &point[g].y);
	}
	sum8_finish_all(b->sums, groups);
	for (g = 0; g < groups; g++) {
		fe8_select(&b->sums[g].x, &point[g].x, b->none[g]);
		fe8_select(&b->sums[g].y, &point[g].y, b->none[g]);
		fe8_select(&b->sums[g].x, &own[g].x, none[g]);
		fe8_select(&b->sums[g].y, &own[g].y, none[g]);
		b->none[g] = (b->none[g] & none[g]) | (opposite[g] & ~(b->none[g] | none[g]));
	}
}

/* Two multiplications that take the same time for all numbers: looking things up by address would cost as
 * much. */
static void combine_public(struct sm2_xy *r, const struct sc *s, const struct sc *t, const struct sm2_xy *p,
                           size_t n)
{
	struct point8 product[GROUPS];
	lanes none[GROUPS];
	struct block_points points;
	struct block b;
	size_t i, m, g;

	for (i = 0; i < n; i += m) {
		m = block_of(n - i);
		load_scalars(b.k, t + i, m);
		load_points(&points, p + i, m);
		multiply8(b.sums, none, b.k, points.odd, groups_of(m));
		for (g = 0; g < groups_of(m); g++)
			product[g] = (struct point8){b.sums[g].x, b.sums[g].y};
		load_scalars(b.k, s + i, m);
		base8(b.sums, b.none, b.k, groups_of(m));
		add_all(&b, product, none, groups_of(m));
		store_points(r + i, &b, m);
	}
}

#ifdef SM_LANES_EMULATED
extern const struct sm2_engine sm2_engine_emulated;
const struct sm2_engine sm2_engine_emulated = {base, multiply, combine_public};
#else
const struct sm2_engine sm2_engine_avx512 = {base, multiply, combine_public};
#endif
#endif
