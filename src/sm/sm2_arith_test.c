/* The arithmetic below SM2: numbers modulo p and n, points; libcrypto's BIGNUM and EC_POINT judge. */
#include "sm/sm2_point.h"
#include "sm/judge_test.h"

#include <openssl/bn.h>
#include <openssl/obj_mac.h>

#define CASES 2000

struct judge {
	BN_CTX *ctx;
	EC_GROUP *group;
	BIGNUM *p, *n;
};

static int setup(void **state)
{
	static struct judge j;

	j.ctx = BN_CTX_new();
	j.group = EC_GROUP_new_by_curve_name(NID_sm2);
	j.p = BN_new();
	j.n = BN_dup(EC_GROUP_get0_order(j.group));
	EC_GROUP_get_curve(j.group, j.p, NULL, NULL, j.ctx);
	*state = &j;
	return 0;
}

static int teardown(void **state)
{
	struct judge *j = *state;

	BN_free(j->p);
	BN_free(j->n);
	EC_GROUP_free(j->group);
	BN_CTX_free(j->ctx);
	return 0;
}

/* Numbers near 0, the modulus and 2^256 and with long runs of ones or zeros come up often. */
static void awkward(uint8_t b[32], const BIGNUM *modulus)
{
	static const uint8_t runs[4] = {0x00, 0xff, 0x01, 0x80};
	BIGNUM *v;
	size_t i;

	fill(b, 32);
	switch (next_below(6)) {
	case 0:
		for (i = 0; i < 32; i += 4)
			memset(b + i, runs[next_below(4)], 4);
		break;
	case 1:
		memset(b, next_below(2) != 0 ? 0xff : 0, 31);
		break;
	case 2:
		v = BN_dup(modulus);
		if (next_below(2) != 0)
			BN_add_word(v, next_below(4));
		else
			BN_sub_word(v, next_below(4));
		BN_bn2binpad(v, b, 32);
		BN_free(v);
		break;
	}
}

static void expect(const uint8_t got[32], const BIGNUM *want)
{
	uint8_t bytes[32];

	assert_int_equal(BN_bn2binpad(want, bytes, 32), 32);
	assert_memory_equal(got, bytes, 32);
}

struct numbers {
	uint8_t a_bytes[32], b_bytes[32];
	BIGNUM *a, *b, *r;
};

static void two_numbers(struct numbers *v, const BIGNUM *modulus, BN_CTX *ctx)
{
	awkward(v->a_bytes, modulus);
	awkward(v->b_bytes, modulus);
	v->a = BN_bin2bn(v->a_bytes, 32, NULL);
	v->b = BN_bin2bn(v->b_bytes, 32, NULL);
	v->r = BN_new();
	BN_nnmod(v->a, v->a, modulus, ctx);
	BN_nnmod(v->b, v->b, modulus, ctx);
}

static void free_numbers(struct numbers *v)
{
	BN_free(v->a);
	BN_free(v->b);
	BN_free(v->r);
}

static bool below(const uint8_t bytes[32], const BIGNUM *modulus)
{
	BIGNUM *v = BN_bin2bn(bytes, 32, NULL);
	bool r = BN_cmp(v, modulus) < 0;

	BN_free(v);
	return r;
}

static void expect_fe(const struct fe *got, const BIGNUM *want)
{
	uint8_t bytes[32];

	fe_to_bytes(got, bytes);
	expect(bytes, want);
}

static void field(void **state)
{
	struct judge *j = *state;
	struct numbers v;
	struct fe a, b, r;
	unsigned i;

	for (i = 0; i < 10 * CASES; i++) {
		two_numbers(&v, j->p, j->ctx);
		assert_int_equal(fe_from_bytes(&a, v.a_bytes), below(v.a_bytes, j->p));
		assert_int_equal(fe_from_bytes(&b, v.b_bytes), below(v.b_bytes, j->p));
		expect_fe(&a, v.a);
		BN_mod_add(v.r, v.a, v.b, j->p, j->ctx);
		fe_add(&r, &a, &b);
		expect_fe(&r, v.r);
		BN_mod_sub(v.r, v.a, v.b, j->p, j->ctx);
		fe_sub(&r, &a, &b);
		expect_fe(&r, v.r);
		BN_mod_mul(v.r, v.a, v.b, j->p, j->ctx);
		fe_mul(&r, &a, &b);
		expect_fe(&r, v.r);
		BN_mod_sqr(v.r, v.a, j->p, j->ctx);
		fe_sqr(&r, &a);
		expect_fe(&r, v.r);
		fe_half(&r, &a);
		fe_add(&r, &r, &r);
		assert_true(fe_mask_equal(&r, &a));
		if (i % 20 == 0 && !BN_is_zero(v.a)) {
			BN_mod_inverse(v.r, v.a, j->p, j->ctx);
			fe_inv(&r, &a);
			expect_fe(&r, v.r);
		}
		free_numbers(&v);
	}
}

static void field_batch_inverse(void **state)
{
	struct fe a[POINT_BATCH], work[POINT_BATCH], was[POINT_BATCH], r;
	uint8_t bytes[32];
	unsigned round, i;

	(void)state;
	for (round = 0; round < 50; round++) {
		for (i = 0; i < POINT_BATCH; i++) {
			fill(bytes, 32);
			if (next_below(8) == 0)
				memset(bytes, 0, 32);
			fe_from_bytes(&a[i], bytes);
			was[i] = a[i];
		}
		fe_inv_batch(a, work, POINT_BATCH);
		for (i = 0; i < POINT_BATCH; i++) {
			fe_inv(&r, &was[i]);
			assert_true(fe_mask_equal(&r, &a[i]));
		}
	}
}

static void expect_sc(const struct sc *got, const BIGNUM *want)
{
	uint8_t bytes[32];

	sc_to_bytes(got, bytes);
	expect(bytes, want);
}

static void scalars(void **state)
{
	struct judge *j = *state;
	struct numbers v;
	struct sc a, b, r, work;
	unsigned i;

	for (i = 0; i < 10 * CASES; i++) {
		two_numbers(&v, j->n, j->ctx);
		assert_int_equal(sc_from_bytes(&a, v.a_bytes), below(v.a_bytes, j->n));
		assert_int_equal(sc_from_bytes(&b, v.b_bytes), below(v.b_bytes, j->n));
		expect_sc(&a, v.a);
		BN_mod_add(v.r, v.a, v.b, j->n, j->ctx);
		sc_add(&r, &a, &b);
		expect_sc(&r, v.r);
		BN_mod_sub(v.r, v.a, v.b, j->n, j->ctx);
		sc_sub(&r, &a, &b);
		expect_sc(&r, v.r);
		BN_mod_mul(v.r, v.a, v.b, j->n, j->ctx);
		sc_mul(&r, &a, &b);
		expect_sc(&r, v.r);
		if (i % 20 == 0 && !BN_is_zero(v.a)) {
			BN_mod_inverse(v.r, v.a, j->n, j->ctx);
			sc_inv(&r, &a);
			expect_sc(&r, v.r);
			sc_inv_batch(&a, &work, 1);
			expect_sc(&a, v.r);
		}
		free_numbers(&v);
	}
}

/* The sum of the signed digits is the number. */
static void digits(void **state)
{
	struct judge *j = *state;
	uint8_t bytes[32];
	uint64_t negative;
	struct sc k;
	unsigned i, w, window, windows;

	for (i = 0; i < CASES; i++) {
		BIGNUM *sum = BN_new();

		awkward(bytes, j->n);
		sc_from_bytes(&k, bytes);
		BN_zero(sum);
		window = i % 2 != 0 ? WINDOW : TABLE_WINDOW;
		windows = i % 2 != 0 ? WINDOWS : TABLE_WINDOWS;
		for (w = windows; w-- > 0;) {
			unsigned size = window_digit(&k, window, w, &negative);

			assert_true(size <= 1u << (window - 1));
			BN_lshift(sum, sum, (int)window);
			if (negative != 0)
				BN_sub_word(sum, size);
			else
				BN_add_word(sum, size);
		}
		expect_sc(&k, sum);
		BN_free(sum);
	}
}

/* *r or infinity, against the judge's point. */
static void expect_point(struct judge *j, const struct jacobian *got, const EC_POINT *want)
{
	uint8_t bytes[65], ours[64];
	struct affine a;
	bool finite = point_to_affine(&a, got);

	assert_int_equal(finite, !EC_POINT_is_at_infinity(j->group, want));
	point_to_bytes(&a, ours);
	if (!finite) {
		assert_memory_equal(ours, (&(uint8_t[64]){0}), 64);
		return;
	}
	assert_int_equal(EC_POINT_point2oct(j->group, want, POINT_CONVERSION_UNCOMPRESSED, bytes, 65, j->ctx),
	                 65);
	assert_memory_equal(ours, bytes + 1, 64);
	assert_true(point_from_bytes(&a, ours));
}

static void load_point(struct judge *j, const EC_POINT *p, struct affine *ret)
{
	uint8_t bytes[65];

	EC_POINT_point2oct(j->group, p, POINT_CONVERSION_UNCOMPRESSED, bytes, 65, j->ctx);
	assert_true(point_from_bytes(ret, bytes + 1));
}

static void small_or_near_order(struct judge *j, BIGNUM *k, unsigned i)
{
	if (i < 70)
		BN_set_word(k, i);
	else
		BN_copy(k, j->n);
	if (i >= 70)
		BN_sub_word(k, i - 69);
}

static void load_scalar(const BIGNUM *k, struct sc *ret)
{
	uint8_t bytes[32];

	BN_bn2binpad(k, bytes, 32);
	sc_from_bytes(ret, bytes);
}

/* k G, k P and s G + t P: random numbers, and all k from 0 to 69 and from n - 1 down to n - 70, among them
 * n - 6, where the last addition of point_mul() is a doubling. */
static void multiplication(void **state)
{
	struct judge *j = *state;
	BIGNUM *k = BN_new(), *s = BN_new();
	EC_POINT *p = EC_POINT_new(j->group), *want = EC_POINT_new(j->group);
	struct affine ours, odd[ODD_MULTIPLES];
	struct jacobian got, odd_raw[ODD_MULTIPLES];
	struct sc number, other;
	struct point_table *table = malloc(sizeof(*table));
	unsigned i;

	assert_non_null(table);
	for (i = 0; i < CASES; i++) {
		BN_rand_range(s, j->n);
		if (BN_is_zero(s))
			BN_one(s);
		EC_POINT_mul(j->group, p, s, NULL, NULL, j->ctx);
		load_point(j, p, &ours);
		if (i < 140)
			small_or_near_order(j, k, i);
		else
			BN_rand_range(k, j->n);
		load_scalar(k, &number);
		EC_POINT_mul(j->group, want, k, NULL, NULL, j->ctx);
		point_mul_base(&got, &number);
		expect_point(j, &got, want);
		EC_POINT_mul(j->group, want, NULL, p, k, j->ctx);
		point_mul(&got, &number, &ours);
		expect_point(j, &got, want);

		/* for every third the sum passes through infinity or equal points: P = s G, t = -1 or 1 */
		if (i % 3 == 0)
			small_or_near_order(j, k, i % 2 != 0 ? 1 : 70);
		else if (i % 3 == 1)
			small_or_near_order(j, s, (unsigned)next_below(140));
		load_scalar(s, &other);
		load_scalar(k, &number);
		EC_POINT_mul(j->group, want, s, p, k, j->ctx);
		point_odd_multiples(odd_raw, &ours);
		point_to_affine_batch(odd, odd_raw, ODD_MULTIPLES);
		point_mul_two_public(&got, &other, &number, odd);
		expect_point(j, &got, want);
		if (i % 4 == 0 || i < 160) {
			point_table_fill(table, &ours);
			point_mul_tables_public(&got, &other, &number, table);
			expect_point(j, &got, want);
		}
	}
	free(table);
	EC_POINT_free(p);
	EC_POINT_free(want);
	BN_free(k);
	BN_free(s);
}

/* a + b for a, b among infinity, P, -P, 2P and Q, in different scalings. */
static void addition(void **state)
{
	struct judge *j = *state;
	EC_POINT *points[5], *want = EC_POINT_new(j->group);
	struct jacobian ours[5], r;
	struct affine a;
	struct fe z, zz;
	uint8_t bytes[32];
	unsigned i, k, round;

	for (i = 0; i < 5; i++)
		points[i] = EC_POINT_new(j->group);
	for (round = 0; round < 100; round++) {
		BIGNUM *n = BN_new();

		EC_POINT_set_to_infinity(j->group, points[0]);
		BN_rand_range(n, j->n);
		EC_POINT_mul(j->group, points[1], n, NULL, NULL, j->ctx);
		EC_POINT_copy(points[2], points[1]);
		EC_POINT_invert(j->group, points[2], j->ctx);
		EC_POINT_dbl(j->group, points[3], points[1], j->ctx);
		BN_rand_range(n, j->n);
		EC_POINT_mul(j->group, points[4], n, NULL, NULL, j->ctx);
		BN_free(n);
		memset(&ours[0], 0, sizeof(ours[0]));
		ours[0].x = ours[0].y = fe_one;
		for (i = 1; i < 5; i++) {
			load_point(j, points[i], &a);
			fill(bytes, 32);
			fe_from_bytes(&z, bytes);
			fe_sqr(&zz, &z);
			ours[i].z = z;
			fe_mul(&ours[i].x, &a.x, &zz);
			fe_mul(&zz, &zz, &z);
			fe_mul(&ours[i].y, &a.y, &zz);
		}
		for (i = 0; i < 5; i++) {
			EC_POINT_dbl(j->group, want, points[i], j->ctx);
			point_double(&r, &ours[i]);
			expect_point(j, &r, want);
			for (k = 0; k < 5; k++) {
				EC_POINT_add(j->group, want, points[i], points[k], j->ctx);
				point_add(&r, &ours[i], &ours[k]);
				expect_point(j, &r, want);
				if (k == 0)
					continue;
				load_point(j, points[k], &a);
				point_add_affine_public(&r, &ours[i], &a);
				expect_point(j, &r, want);
			}
		}
	}
	for (i = 0; i < 5; i++)
		EC_POINT_free(points[i]);
	EC_POINT_free(want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(field),  cmocka_unit_test(field_batch_inverse), cmocka_unit_test(scalars),
	        cmocka_unit_test(digits), cmocka_unit_test(multiplication),      cmocka_unit_test(addition),
	};

#ifdef SM2_X86_64
	if (!sm_impl_runs(SM_X86_64))
		return 0;
#endif
	return cmocka_run_group_tests(tests, setup, teardown);
}
