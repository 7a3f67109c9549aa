/* The engine of eight lanes, on this CPU's instructions and emulated; libcrypto's EC_POINT is the judge. What
 * the proofs of docs/sm2.md call exceptional is forced by constructed numbers (R06.8). */
#define SM_LANES_EMULATED
#include "sm/sm2_engine_avx512.c"

#include "sm/judge_test.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

#define MANY 70

struct judge {
	BN_CTX *ctx;
	EC_GROUP *group;
	BIGNUM *order;
	const struct sm2_engine *engine;
	size_t cases;
};

static struct judge judge;

static int setup(const struct sm2_engine *engine, size_t cases)
{
	judge.ctx = BN_CTX_new();
	judge.group = EC_GROUP_new_by_curve_name(NID_sm2);
	judge.order = BN_dup(EC_GROUP_get0_order(judge.group));
	judge.engine = engine;
	judge.cases = cases;
	return 0;
}

static int setup_emulated(void **state)
{
	(void)state;
	return setup(&sm2_engine_emulated, 200);
}

static int setup_avx512(void **state)
{
	(void)state;
#ifdef __x86_64__
	return setup(sm_impl_runs(SM_AVX512IFMA) ? &sm2_engine_avx512 : NULL, 20000);
#else
	return setup(NULL, 0);
#endif
}

static int teardown(void **state)
{
	(void)state;
	BN_free(judge.order);
	EC_GROUP_free(judge.group);
	BN_CTX_free(judge.ctx);
	return 0;
}

static void need_engine(void)
{
	if (judge.engine == NULL)
		skip();
}

static BIGNUM *number_of(const uint64_t v[LIMBS])
{
	uint8_t bytes[32];

	limbs_store(v, bytes);
	return BN_bin2bn(bytes, 32, NULL);
}

static void limbs_of(uint64_t v[LIMBS], const BIGNUM *a)
{
	uint8_t bytes[32];

	assert_int_equal(BN_bn2binpad(a, bytes, 32), 32);
	limbs_load(v, bytes);
}

/* a, or n - |a| for a negative one. */
static struct sc small(long a)
{
	BIGNUM *v = BN_new();
	struct sc r;

	if (a >= 0) {
		BN_set_word(v, (BN_ULONG)a);
	} else {
		BN_copy(v, judge.order);
		BN_sub_word(v, (BN_ULONG)-a);
	}
	limbs_of(r.v, v);
	BN_free(v);
	return r;
}

static struct sc random_number(void)
{
	struct sc r;

	fill(&r, sizeof(r));
	r.v[3] %= 0xfffffffeffffffff;
	return r;
}

/* s * G + t * P by libcrypto; s or P may be missing. */
static struct sm2_xy judged(const struct sc *s, const struct sc *t, const struct sm2_xy *p)
{
	EC_POINT *point = EC_POINT_new(judge.group), *sum = EC_POINT_new(judge.group);
	BIGNUM *s_number = s != NULL ? number_of(s->v) : NULL, *t_number = t != NULL ? number_of(t->v) : NULL;
	BIGNUM *x = BN_new(), *y = BN_new();
	struct sm2_xy r = {{0}};

	if (p != NULL) {
		BIGNUM *px = number_of(p->x), *py = number_of(p->y);

		assert_int_equal(EC_POINT_set_affine_coordinates(judge.group, point, px, py, judge.ctx), 1);
		BN_free(px);
		BN_free(py);
	}
	assert_int_equal(
	        EC_POINT_mul(judge.group, sum, s_number, p != NULL ? point : NULL, t_number, judge.ctx), 1);
	if (!EC_POINT_is_at_infinity(judge.group, sum)) {
		assert_int_equal(EC_POINT_get_affine_coordinates(judge.group, sum, x, y, judge.ctx), 1);
		limbs_of(r.x, x);
		limbs_of(r.y, y);
	}
	BN_free(s_number);
	BN_free(t_number);
	BN_free(x);
	BN_free(y);
	EC_POINT_free(point);
	EC_POINT_free(sum);
	return r;
}

static struct sm2_xy generator_times(long a)
{
	struct sc k = small(a);

	return judged(&k, NULL, NULL);
}

static struct sm2_xy random_point(void)
{
	struct sc k = random_number();

	return judged(&k, NULL, NULL);
}

static void expect_point(const struct sm2_xy *got, const struct sm2_xy *want)
{
	assert_memory_equal(got, want, sizeof(*want));
}

/* The odd window digits of n, those of every second window with their sign turned: the one number whose last
 * addition in base() is that of two equal points (docs/sm2.md). */
static struct sc equal_halves(void)
{
	BIGNUM *sum = BN_new(), *window = BN_new();
	struct sc r;
	int i;

	for (i = 1; i < LB_WINDOWS; i += 2) {
		unsigned long low;

		BN_rshift(window, judge.order, LB_BITS * i);
		low = (unsigned long)BN_mod_word(window, 2 << LB_BITS) | 1;
		BN_set_word(window, low > 1 << LB_BITS ? low - (1 << LB_BITS) : (1 << LB_BITS) - low);
		BN_set_negative(window, low < 1 << LB_BITS);
		BN_lshift(window, window, LB_BITS * i);
		BN_add(sum, sum, window);
	}
	BN_lshift1(sum, sum);
	BN_sub(sum, judge.order, sum);
	assert_false(BN_is_negative(sum));
	limbs_of(r.v, sum);
	BN_free(sum);
	BN_free(window);
	return r;
}

static size_t special_numbers(struct sc *k)
{
	static const long near[] = {0,  1,  2,  3,  4,   5,   6,   7,   8,    15,   16,
	                            31, 32, 33, 63, 127, 128, 129, 255, -1,   -2,   -3,
	                            -4, -5, -6, -7, -8,  -9,  -63, -64, -127, -128, -16384};
	size_t n = sizeof(near) / sizeof(near[0]), i;

	for (i = 0; i < n; i++)
		k[i] = small(near[i]);
	k[n] = equal_halves();
	sc_sub(&k[n + 1], &k[0], &k[n]); /* even: computed as its opposite */
	for (i = 0; i < 8; i++) {
		unsigned j;

		for (j = 0; j < LIMBS; j++)
			k[n + 2 + i].v[j] =
			        i >> (j & 3) & 1 ? 0xffffffff00000000 : (uint64_t)0x5555555555555555;
	}
	return n + 10;
}

/* 0, 1, n - 1 and what meets equal or opposite points on the way. */
static void base_of_special_numbers(void **state)
{
	struct sc k[MANY];
	struct sm2_xy got[MANY], want;
	size_t n, i;

	(void)state;
	need_engine();
	n = special_numbers(k);
	judge.engine->base(got, k, n);
	for (i = 0; i < n; i++) {
		want = judged(&k[i], NULL, NULL);
		expect_point(&got[i], &want);
	}
}

/* Any n: lanes without a number, groups and blocks that are not full. */
static void base_of_any_length(void **state)
{
	struct sc k[MANY];
	struct sm2_xy got[MANY + 1], want[MANY], none;
	size_t n, i;

	(void)state;
	need_engine();
	memset(&none, 0xa5, sizeof(none));
	for (i = 0; i < MANY; i++) {
		k[i] = random_number();
		want[i] = judged(&k[i], NULL, NULL);
	}
	for (n = 0; n <= MANY; n++) {
		got[n] = none;
		judge.engine->base(got, k, n);
		assert_memory_equal(got, want, n * sizeof(want[0]));
		expect_point(&got[n], &none);
	}
}

static void base_of_random_numbers(void **state)
{
	enum { BATCH = 250 };
	struct sc k[BATCH];
	struct sm2_xy got[BATCH], want;
	size_t n, i;

	(void)state;
	need_engine();
	for (n = 0; n < judge.cases; n += BATCH) {
		for (i = 0; i < BATCH; i++)
			k[i] = random_number();
		judge.engine->base(got, k, BATCH);
		for (i = 0; i < BATCH; i++) {
			want = judged(&k[i], NULL, NULL);
			expect_point(&got[i], &want);
		}
	}
}

/* Every special number times G, -G, 2 G and some point. */
static void multiply_by_special_numbers(void **state)
{
	struct sm2_xy points[4], p[MANY], got[MANY], want;
	struct sc k[MANY];
	size_t n, i, j;

	(void)state;
	need_engine();
	points[0] = generator_times(1);
	points[1] = generator_times(-1);
	points[2] = generator_times(2);
	points[3] = random_point();
	n = special_numbers(k);
	for (j = 0; j < 4; j++) {
		for (i = 0; i < n; i++)
			p[i] = points[(i + j) % 4];
		judge.engine->multiply(got, k, p, n);
		for (i = 0; i < n; i++) {
			want = judged(NULL, &k[i], &p[i]);
			expect_point(&got[i], &want);
		}
	}
}

static void multiply_any_length(void **state)
{
	struct sm2_xy p[MANY], got[MANY + 1], want[MANY], none;
	struct sc k[MANY];
	size_t n, i;

	(void)state;
	need_engine();
	memset(&none, 0xa5, sizeof(none));
	for (i = 0; i < MANY; i++) {
		k[i] = random_number();
		p[i] = random_point();
		want[i] = judged(NULL, &k[i], &p[i]);
	}
	for (n = 0; n <= MANY; n += n < 20 ? 1 : 7) {
		got[n] = none;
		judge.engine->multiply(got, k, p, n);
		assert_memory_equal(got, want, n * sizeof(want[0]));
		expect_point(&got[n], &none);
	}
}

/* Nothing from either side, one side only, equal points and opposite ones, in one batch. */
static void combine_special_numbers(void **state)
{
	static const long cases[][3] = {
	        /* s, t, P / G */
	        {0, 0, 1},   {0, 1, 1},   {1, 0, 1},    {1, 1, 1},     {-1, 1, 1}, {1, -1, 1},   {1, 1, -1},
	        {5, 5, 1},   {5, -5, 1},  {6, 2, 3},    {6, -2, 3},    {6, 2, -3}, {-6, 2, 3},   {0, -1, -1},
	        {0, -6, 7},  {1, -6, 7},  {-42, -6, 7}, {42, -6, 7},   {-1, 0, 5}, {-1, -1, -1}, {-1, -1, 1},
	        {100, 1, 9}, {91, 1, 91}, {-91, 1, 91}, {2, 16384, 1}, {0, 0, -1}, {3, 1, 1}};
	enum { N = sizeof(cases) / sizeof(cases[0]) };
	struct sm2_xy p[N], got[N], want;
	struct sc s[N], t[N];
	size_t i;

	(void)state;
	need_engine();
	for (i = 0; i < N; i++) {
		s[i] = small(cases[i][0]);
		t[i] = small(cases[i][1]);
		p[i] = generator_times(cases[i][2]);
	}
	judge.engine->combine_public(got, s, t, p, N);
	for (i = 0; i < N; i++) {
		want = judged(&s[i], &t[i], &p[i]);
		expect_point(&got[i], &want);
	}
}

/* What is no point spoils its own result at most: groups share an inversion. */
static void not_a_point_among_points(void **state)
{
	struct sm2_xy p[MANY], got[MANY], want;
	struct sc s[MANY], t[MANY];
	size_t i;

	(void)state;
	need_engine();
	for (i = 0; i < MANY; i++) {
		s[i] = random_number();
		t[i] = random_number();
		p[i] = random_point();
		if (i % 9 == 4)
			memset(p[i].y, 0, sizeof(p[i].y));
		if (i % 27 == 4)
			memset(&p[i], 0, sizeof(p[i]));
	}
	judge.engine->combine_public(got, s, t, p, MANY);
	for (i = 0; i < MANY; i++) {
		if (i % 9 == 4)
			continue;
		want = judged(&s[i], &t[i], &p[i]);
		expect_point(&got[i], &want);
	}
	judge.engine->multiply(got, t, p, MANY);
	for (i = 0; i < MANY; i++) {
		if (i % 9 == 4)
			continue;
		want = judged(NULL, &t[i], &p[i]);
		expect_point(&got[i], &want);
	}
}

/* P = a G with random a, and s = t a or s = -t a: two equal points, or infinity. */
static void combine_meeting_points(void **state)
{
	struct sm2_xy p[MANY], got[MANY], want;
	struct sc s[MANY], t[MANY], a;
	static const struct sc zero;
	size_t i;

	(void)state;
	need_engine();
	for (i = 0; i < MANY; i++) {
		a = random_number();
		t[i] = random_number();
		p[i] = judged(&a, NULL, NULL);
		sc_mul(&s[i], &t[i], &a);
		if (i % 3 == 1)
			sc_sub(&s[i], &zero, &s[i]);
		if (i % 3 == 2)
			s[i] = random_number();
	}
	judge.engine->combine_public(got, s, t, p, MANY);
	for (i = 0; i < MANY; i++) {
		want = judged(&s[i], &t[i], &p[i]);
		expect_point(&got[i], &want);
		if (i % 3 == 1)
			assert_true((limbs_mask_zero(got[i].x) & limbs_mask_zero(got[i].y)) != 0);
	}
}

static void combine_random_numbers(void **state)
{
	enum { BATCH = 200 };
	struct sm2_xy p[BATCH], own[BATCH], got[BATCH], want;
	struct sc s[BATCH], t[BATCH];
	size_t n, i;

	(void)state;
	need_engine();
	for (i = 0; i < BATCH; i++)
		p[i] = random_point();
	for (n = 0; n < judge.cases; n += BATCH) {
		for (i = 0; i < BATCH; i++) {
			s[i] = random_number();
			t[i] = random_number();
		}
		judge.engine->combine_public(got, s, t, p, BATCH);
		judge.engine->multiply(own, t, p, BATCH);
		for (i = 0; i < BATCH; i++) {
			want = judged(&s[i], &t[i], &p[i]);
			expect_point(&got[i], &want);
			if (i % 4 != 0)
				continue;
			want = judged(NULL, &t[i], &p[i]);
			expect_point(&own[i], &want);
		}
		memcpy(p, got, sizeof(p)); /* strangers' points for the next round */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(base_of_special_numbers),  cmocka_unit_test(base_of_any_length),
	        cmocka_unit_test(base_of_random_numbers),   cmocka_unit_test(multiply_by_special_numbers),
	        cmocka_unit_test(multiply_any_length),      cmocka_unit_test(combine_special_numbers),
	        cmocka_unit_test(combine_meeting_points),   cmocka_unit_test(combine_random_numbers),
	        cmocka_unit_test(not_a_point_among_points),
	};
	int failed = cmocka_run_group_tests_name("eight lanes emulated", tests, setup_emulated, teardown);

	return failed + cmocka_run_group_tests_name("eight lanes", tests, setup_avx512, teardown);
}
