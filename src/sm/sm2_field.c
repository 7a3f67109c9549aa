#include "sm/sm2_field.h"

static const uint64_t prime[LIMBS] = {0xffffffffffffffff, 0xffffffff00000000, 0xffffffffffffffff,
                                      0xfffffffeffffffff};
static const struct fe zero = {{0}};
static const struct fe square_of_r = {
        {0x0000000200000003, 0x00000002ffffffff, 0x0000000100000001, 0x0000000400000002}};

const struct fe fe_one = {{0x0000000000000001, 0x00000000ffffffff, 0x0000000000000000, 0x0000000100000000}};
const struct fe fe_curve_b = {
        {0x90d230632bc0dd42, 0x71cf379ae9b537ab, 0x527981505ea51c3c, 0x240fe188ba20e2c8}};

void fe_add(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t carry = limbs_add(r->v, a->v, b->v);

	limbs_reduce_once(r->v, carry, prime);
}

void fe_sub(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t mask = ct_hide(0 - limbs_sub(r->v, a->v, b->v));
	uint64_t back[LIMBS] = {mask, prime[1] & mask, mask, prime[3] & mask};

	(void)limbs_add(r->v, r->v, back);
}

/* One step of Montgomery's reduction: drops the lowest limb m of t by adding m * p.  As p = -1 modulo
 * 2^64 the factor is m itself, and (m * p + m) / 2^64 = m * (2^192 - 2^160 - 2^32 + 1) needs shifts
 * only. */
static inline uint64_t reduce_step(uint64_t *t, uint64_t carry_in)
{
	uint64_t m = t[0], low = m << 32, high = m >> 32, borrow = 0, carry = 0;
	uint64_t m0 = sub_borrow(m, low, &borrow);
	uint64_t m1 = sub_borrow(0, high, &borrow);
	uint64_t m2 = sub_borrow(0, low, &borrow);
	uint64_t m3 = sub_borrow(m, high, &borrow);

	t[1] = add_carry(t[1], m0, &carry);
	t[2] = add_carry(t[2], m1, &carry);
	t[3] = add_carry(t[3], m2, &carry);
	carry += carry_in;
	t[4] = add_carry(t[4], m3, &carry);
	return carry;
}

static inline void reduce(struct fe *r, uint64_t t[2 * LIMBS])
{
	uint64_t carry = reduce_step(t, 0);

	carry = reduce_step(t + 1, carry);
	carry = reduce_step(t + 2, carry);
	carry = reduce_step(t + 3, carry);
	r->v[0] = t[4];
	r->v[1] = t[5];
	r->v[2] = t[6];
	r->v[3] = t[7];
	limbs_reduce_once(r->v, carry, prime);
}

void fe_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t t[2 * LIMBS] = {0};
	unsigned i;

	for (i = 0; i < LIMBS; i++) {
		uint64_t high = 0;

		t[i] = mul_add(a->v[i], b->v[0], t[i], &high);
		t[i + 1] = mul_add(a->v[i], b->v[1], t[i + 1], &high);
		t[i + 2] = mul_add(a->v[i], b->v[2], t[i + 2], &high);
		t[i + 3] = mul_add(a->v[i], b->v[3], t[i + 3], &high);
		t[i + 4] = high;
	}
	reduce(r, t);
}

void fe_sqr(struct fe *r, const struct fe *a)
{
	fe_mul(r, a, a);
}

bool fe_from_bytes(struct fe *r, const uint8_t bytes[32])
{
	uint64_t t[LIMBS], below;

	limbs_load(r->v, bytes);
	below = limbs_sub(t, r->v, prime);
	limbs_reduce_once(r->v, 0, prime);
	fe_mul(r, r, &square_of_r);
	return below != 0;
}

void fe_to_bytes(const struct fe *a, uint8_t bytes[32])
{
	uint64_t t[2 * LIMBS] = {a->v[0], a->v[1], a->v[2], a->v[3]};
	struct fe plain;

	reduce(&plain, t);
	limbs_store(plain.v, bytes);
}

static void sqr_times(struct fe *r, const struct fe *a, unsigned n)
{
	fe_sqr(r, a);
	while (--n > 0)
		fe_sqr(r, r);
}

/* a^(p-2) (Fermat).  ones_n is a^(2^n - 1); in words p - 2 is
 * FFFFFFFE FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF 00000000 FFFFFFFF FFFFFFFD. */
void fe_inv(struct fe *r, const struct fe *a)
{
	struct fe one = *a, ones_2, ones_4, ones_8, ones_16, ones_30, ones_32, t;
	unsigned i;

	sqr_times(&t, &one, 1);
	fe_mul(&ones_2, &t, &one);
	sqr_times(&t, &ones_2, 2);
	fe_mul(&ones_4, &t, &ones_2);
	sqr_times(&t, &ones_4, 4);
	fe_mul(&ones_8, &t, &ones_4);
	sqr_times(&t, &ones_8, 8);
	fe_mul(&ones_16, &t, &ones_8);
	sqr_times(&t, &ones_8, 4);
	fe_mul(&t, &t, &ones_4); /* 12 */
	sqr_times(&t, &t, 2);
	fe_mul(&t, &t, &ones_2); /* 14 */
	sqr_times(&ones_30, &ones_16, 14);
	fe_mul(&ones_30, &ones_30, &t);
	sqr_times(&ones_32, &ones_30, 2);
	fe_mul(&ones_32, &ones_32, &ones_2);

	sqr_times(&t, &ones_30, 1);
	fe_mul(&t, &t, &one); /* FFFFFFFE without its last bit */
	sqr_times(&t, &t, 33);
	fe_mul(&t, &t, &ones_32);
	for (i = 0; i < 3; i++) {
		sqr_times(&t, &t, 32);
		fe_mul(&t, &t, &ones_32);
	}
	sqr_times(&t, &t, 64);
	fe_mul(&t, &t, &ones_32);
	sqr_times(&t, &t, 30);
	fe_mul(&t, &t, &ones_30);
	sqr_times(&t, &t, 2);
	fe_mul(r, &t, &one);
}

void fe_inv_batch(struct fe *a, struct fe *work, size_t n)
{
	struct fe product = fe_one, inverse, own;
	size_t i;

	for (i = 0; i < n; i++) {
		work[i] = product;
		own = a[i];
		fe_select(&own, &fe_one, fe_mask_zero(&a[i]));
		fe_mul(&product, &product, &own);
	}
	fe_inv(&inverse, &product);
	for (i = n; i-- > 0;) {
		uint64_t empty = fe_mask_zero(&a[i]);

		own = a[i];
		fe_select(&own, &fe_one, empty);
		fe_mul(&a[i], &inverse, &work[i]);
		fe_select(&a[i], &zero, empty);
		fe_mul(&inverse, &inverse, &own);
	}
}
