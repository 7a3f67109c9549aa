/* The group operations of SM2: the same cases over each engine that this CPU runs, libcrypto's EC_POINT the
 * judge (R06.8). */
#include "sm/sm2_engine.h"
#include "sm/judge_test.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

#define MANY 130

/* One case: what goes in, what comes out, and what the judge says. */
static struct {
	struct sc s[MANY], t[MANY];
	struct sm2_xy p[MANY], got[MANY], want[MANY];
} set;
static const struct sm2_engine *engine;
static BN_CTX *ctx;
static EC_GROUP *group;

static int setup(void **state)
{
	(void)state;
	ctx = BN_CTX_new();
	group = EC_GROUP_new_by_curve_name(NID_sm2);
	engine = *state;
	return engine == NULL;
}

static int teardown(void **state)
{
	(void)state;
	EC_GROUP_free(group);
	BN_CTX_free(ctx);
	return 0;
}

static BIGNUM *number_of(const struct sc *a)
{
	uint8_t bytes[32];

	sc_to_bytes(a, bytes);
	return BN_bin2bn(bytes, 32, NULL);
}

static void to_xy(struct sm2_xy *r, const EC_POINT *p)
{
	uint8_t bytes[65] = {0};

	if (EC_POINT_is_at_infinity(group, p)) {
		memset(r, 0, sizeof(*r));
		return;
	}
	assert_int_equal(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, bytes, 65, ctx), 65);
	limbs_load(r->x, bytes + 1);
	limbs_load(r->y, bytes + 33);
}

static EC_POINT *from_xy(const struct sm2_xy *a)
{
	EC_POINT *p = EC_POINT_new(group);
	uint8_t bytes[65] = {4};

	limbs_store(a->x, bytes + 1);
	limbs_store(a->y, bytes + 33);
	assert_int_equal(EC_POINT_oct2point(group, p, bytes, 65, ctx), 1);
	return p;
}

/* s G + t P; each part may be missing. */
static void judged(struct sm2_xy *r, const struct sc *s, const struct sc *t, const struct sm2_xy *p)
{
	BIGNUM *base = s != NULL ? number_of(s) : NULL, *times = t != NULL ? number_of(t) : NULL;
	EC_POINT *point = p != NULL ? from_xy(p) : NULL, *sum = EC_POINT_new(group);

	assert_int_equal(EC_POINT_mul(group, sum, base, point, times, ctx), 1);
	to_xy(r, sum);
	EC_POINT_free(sum);
	EC_POINT_free(point);
	BN_free(base);
	BN_free(times);
}

/* a, or n - |a| for a negative one */
static void small(struct sc *r, int a)
{
	static const struct sc none;
	struct sc size = {{(uint64_t)(a < 0 ? -a : a)}};

	if (a < 0)
		sc_sub(r, &none, &size);
	else
		*r = size;
}

/* Edges by turns: near 0 and n, single bits and runs of ones on both sides of every window. */
static void number(struct sc *r, size_t turn)
{
	uint8_t bytes[32];
	unsigned bit = (unsigned)next_below(256);
	struct sc one = {{1}};

	fill(bytes, 32);
	(void)sc_from_bytes(r, bytes);
	switch (turn % 8) {
	case 0:
		small(r, (int)next_below(140) - 70);
		break;
	case 1: /* 2^bit - 1, 2^bit or n - 2^bit */
		memset(bytes, 0, 32);
		bytes[31 - bit / 8] = (uint8_t)(1u << bit % 8);
		(void)sc_from_bytes(r, bytes);
		if (next_below(2) != 0)
			sc_sub(r, r, &one);
		break;
	case 2:
		memset(bytes + next_below(16), next_below(2) != 0 ? 0xff : 0, 16);
		(void)sc_from_bytes(r, bytes);
		break;
	}
}

static void points(size_t n)
{
	struct sc k;
	size_t i;

	for (i = 0; i < n; i++) {
		do
			number(&k, i);
		while (sc_mask_zero(&k));
		judged(&set.p[i], &k, NULL, NULL);
	}
}

static void numbers(struct sc *r, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		number(&r[i], next_below(8));
}

static void agree(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_memory_equal(&set.got[i], &set.want[i], sizeof(set.got[i]));
}

/* Whole batches, parts of them and nothing; what lies behind the last stays as it was. */
static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, MANY - 1};

static void expect_untouched(size_t n)
{
	const uint8_t *behind = (const uint8_t *)&set.got[n];
	size_t i;

	for (i = 0; i < sizeof(set.got[0]); i++)
		assert_int_equal(behind[i], 0xa5);
}

static void base(void **state)
{
	size_t i, k;

	(void)state;
	for (k = 0; k < 4 * sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t n = sizes[k / 4];

		numbers(set.s, n);
		memset(set.got, 0xa5, sizeof(set.got));
		engine->base(set.got, set.s, n);
		for (i = 0; i < n; i++)
			judged(&set.want[i], &set.s[i], NULL, NULL);
		agree(n);
		expect_untouched(n);
	}
}

/* Each k from -70 to 69 once for each place in a batch of eight. */
static void base_edges(void **state)
{
	int a;
	size_t i;

	(void)state;
	for (a = -70; a < 70; a++) {
		numbers(set.s, 8);
		small(&set.s[(size_t)(a + 70) % 8], a);
		engine->base(set.got, set.s, 8);
		for (i = 0; i < 8; i++)
			judged(&set.want[i], &set.s[i], NULL, NULL);
		agree(8);
	}
}

static void multiply(void **state)
{
	size_t i, k;

	(void)state;
	for (k = 0; k < 2 * sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t n = sizes[k / 2];

		points(n);
		numbers(set.t, n);
		memset(set.got, 0xa5, sizeof(set.got));
		engine->multiply(set.got, set.t, set.p, n);
		for (i = 0; i < n; i++)
			judged(&set.want[i], NULL, &set.t[i], &set.p[i]);
		agree(n);
		expect_untouched(n);
	}
}

/* All small k of both signs: n - 6, where the last addition meets equal points, is among them. */
static void multiply_edges(void **state)
{
	size_t i;

	(void)state;
	points(MANY);
	for (i = 0; i < MANY; i++)
		small(&set.t[i], (int)i - MANY / 2);
	engine->multiply(set.got, set.t, set.p, MANY);
	for (i = 0; i < MANY; i++)
		judged(&set.want[i], NULL, &set.t[i], &set.p[i]);
	agree(MANY);
}

/* P = q G with a small q, so that s G and t P are often equal or opposite, on the way or in the end. */
static void collide(size_t i)
{
	struct sc q;

	small(&q, i % 2 != 0 ? (int)next_below(9) + 1 : -(int)next_below(9) - 1);
	judged(&set.p[i], &q, NULL, NULL);
	sc_mul(&set.s[i], &set.t[i], &q);
	if (i % 4 < 2)
		small(&q, 0);
	sc_sub(&set.s[i], &q, &set.s[i]);
}

static void combine(void **state)
{
	size_t i, k, infinite = 0;

	(void)state;
	for (k = 0; k < 2 * sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t n = sizes[k / 2];

		points(n);
		numbers(set.s, n);
		numbers(set.t, n);
		for (i = 0; i < n; i += 3)
			collide(i);
		memset(set.got, 0xa5, sizeof(set.got));
		engine->combine_public(set.got, set.s, set.t, set.p, n);
		for (i = 0; i < n; i++) {
			judged(&set.want[i], &set.s[i], &set.t[i], &set.p[i]);
			infinite += limbs_mask_zero(set.want[i].y) != 0;
		}
		agree(n);
		expect_untouched(n);
	}
	assert_true(infinite > 20);
}

/* One point again and again: the way through its own table gives the same. */
static void combine_again(void **state)
{
	size_t i, k;

	(void)state;
	points(1);
	for (k = 0; k < 10; k++) {
		numbers(set.s, 20);
		numbers(set.t, 20);
		for (i = 1; i < 20; i++)
			set.p[i] = set.p[0];
		engine->combine_public(set.got, set.s, set.t, set.p, 20);
		for (i = 0; i < 20; i++)
			judged(&set.want[i], &set.s[i], &set.t[i], &set.p[i]);
		agree(20);
	}
}

/* The choice follows the limit that is set, and the number. */
static void choice(void **state)
{
	enum sm_impl was = sm_impl_best();

	(void)state;
	assert_true(rc_ok(sm_use(SM_PORTABLE)));
	assert_ptr_equal(sm2_engine_for(1), &sm2_engine_portable);
	assert_ptr_equal(sm2_engine_for(1000), &sm2_engine_portable);
#ifdef __x86_64__
	if (rc_ok(sm_use(SM_X86_64))) {
		assert_ptr_equal(sm2_engine_for(1), &sm2_engine_x86_64);
		assert_ptr_equal(sm2_engine_for(1000), &sm2_engine_x86_64);
	}
	if (rc_ok(sm_use(SM_AVX512IFMA))) {
		assert_ptr_equal(sm2_engine_for(1), &sm2_engine_x86_64);
		assert_ptr_equal(sm2_engine_for(64), &sm2_engine_avx512);
	}
#endif
	assert_true(rc_ok(sm_use(was)));
}

#define UNDER(e, test)                                                                                       \
	{                                                                                                    \
#e "." #test, test, setup, teardown, (void *)(uintptr_t)&sm2_engine_##e                      \
	}
#define ALL(e)                                                                                               \
	UNDER(e, base), UNDER(e, base_edges), UNDER(e, multiply), UNDER(e, multiply_edges),                  \
	        UNDER(e, combine), UNDER(e, combine_again)

int main(void)
{
	const struct CMUnitTest tests[] = {ALL(portable), cmocka_unit_test(choice)};
	int failed = cmocka_run_group_tests_name("portable", tests, NULL, NULL);

#ifdef __x86_64__
	const struct CMUnitTest scalar[] = {ALL(x86_64)}, vector[] = {ALL(avx512)};

	if (sm_impl_runs(SM_X86_64))
		failed += cmocka_run_group_tests_name("x86_64", scalar, NULL, NULL);
	if (sm_impl_runs(SM_AVX512IFMA))
		failed += cmocka_run_group_tests_name("avx512", vector, NULL, NULL);
#endif
	return failed;
}
