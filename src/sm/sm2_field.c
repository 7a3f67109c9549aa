#include "sm/sm2_field.h"
#include "sm/sm2_inverse.h"

#include <string.h>

static const uint64_t prime[LIMBS] = FE_PRIME;
static const struct fe square_of_r = {
        {0x0000000200000003, 0x00000002ffffffff, 0x0000000100000001, 0x0000000400000002}};

const struct fe fe_one = {{0x0000000000000001, 0x00000000ffffffff, 0x0000000000000000, 0x0000000100000000}};
const struct fe fe_curve_b = {
        {0x90d230632bc0dd42, 0x71cf379ae9b537ab, 0x527981505ea51c3c, 0x240fe188ba20e2c8}};

/* The lowest limb of the sum; the rest, which may be negative, stays for the next column. */
static inline uint64_t take_limb(s128 *sum)
{
	uint64_t limb = (uint64_t)*sum;

	*sum >>= 64;
	return limb;
}

/* Montgomery's reduction: four times the lowest limb m is removed by adding m * p.  As p = -1 modulo 2^64
 * the factor is the limb itself, and with what is removed m * p is
 *     m * 2^256 - m * 2^224 - m * 2^96 + m * 2^64,
 * so that shifts do for multiplications.  Added up by columns. */
static inline __attribute__((always_inline)) void reduce(struct fe *r, const uint64_t t[2 * LIMBS])
{
	uint64_t m0 = t[0], m1, m2, m3;
	s128 sum = 0;

	sum += (s128)t[1] + m0 - (m0 << 32);
	m1 = take_limb(&sum);
	sum += (s128)t[2] + m1 - (m1 << 32) - (m0 >> 32);
	m2 = take_limb(&sum);
	sum += (s128)t[3] + m2 - (m2 << 32) - (m1 >> 32) - (m0 << 32);
	m3 = take_limb(&sum);
	sum += (s128)t[4] + m3 - (m3 << 32) - (m2 >> 32) - (m1 << 32) + (m0 - (m0 >> 32));
	r->v[0] = take_limb(&sum);
	sum += (s128)t[5] - (m3 >> 32) - (m2 << 32) + (m1 - (m1 >> 32));
	r->v[1] = take_limb(&sum);
	sum += (s128)t[6] - (m3 << 32) + (m2 - (m2 >> 32));
	r->v[2] = take_limb(&sum);
	sum += (s128)t[7] + (m3 - (m3 >> 32));
	r->v[3] = take_limb(&sum);
	limbs_reduce_once(r->v, (uint64_t)sum, prime);
}

void fe_mul(struct fe *r, const struct fe *a, const struct fe *b)
{
	uint64_t t[2 * LIMBS] = {0};

	limbs_mul_row(t, a->v[0], b->v);
	limbs_mul_row(t + 1, a->v[1], b->v);
	limbs_mul_row(t + 2, a->v[2], b->v);
	limbs_mul_row(t + 3, a->v[3], b->v);
	reduce(r, t);
}

static inline void add_square(uint64_t t[2], uint64_t a, uint64_t *carry)
{
	u128 square = (u128)a * a;

	t[0] = add_carry(t[0], (uint64_t)square, carry);
	t[1] = add_carry(t[1], (uint64_t)(square >> 64), carry);
}

void fe_sqr(struct fe *r, const struct fe *a)
{
	uint64_t t[2 * LIMBS] = {0}, high = 0, carry = 0;
	const uint64_t *v = a->v;

	/* each product of two different limbs once, then doubled */
	t[1] = mul_add(v[0], v[1], 0, &high);
	t[2] = mul_add(v[0], v[2], 0, &high);
	t[3] = mul_add(v[0], v[3], 0, &high);
	t[4] = high;
	high = 0;
	t[3] = mul_add(v[1], v[2], t[3], &high);
	t[4] = mul_add(v[1], v[3], t[4], &high);
	t[5] = high;
	high = 0;
	t[5] = mul_add(v[2], v[3], t[5], &high);
	t[6] = high;
	t[7] = t[6] >> 63;
	t[6] = t[6] << 1 | t[5] >> 63;
	t[5] = t[5] << 1 | t[4] >> 63;
	t[4] = t[4] << 1 | t[3] >> 63;
	t[3] = t[3] << 1 | t[2] >> 63;
	t[2] = t[2] << 1 | t[1] >> 63;
	t[1] = t[1] << 1;

	add_square(t, v[0], &carry);
	add_square(t + 2, v[1], &carry);
	add_square(t + 4, v[2], &carry);
	add_square(t + 6, v[3], &carry);
	reduce(r, t);
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

void fe_from_limbs(struct fe *r, const uint64_t limbs[LIMBS])
{
	memcpy(r->v, limbs, sizeof(r->v));
	limbs_reduce_once(r->v, 0, prime);
	fe_mul(r, r, &square_of_r);
}

void fe_to_limbs(const struct fe *a, uint64_t limbs[LIMBS])
{
	uint64_t t[2 * LIMBS] = {a->v[0], a->v[1], a->v[2], a->v[3]};
	struct fe plain;

	reduce(&plain, t);
	memcpy(limbs, plain.v, sizeof(plain.v));
}

void fe_to_bytes(const struct fe *a, uint8_t bytes[32])
{
	uint64_t limbs[LIMBS];

	fe_to_limbs(a, limbs);
	limbs_store(limbs, bytes);
}

/* 1 / (x R) R^2 = 1/x R, R = 2^256 */
void fe_inv(struct fe *r, const struct fe *a)
{
	static const struct inverse_modulus modulus = {
	        {{0x3fffffffffffffff, 0x3ffffffc00000003, 0x3fffffffffffffff, 0x3fffffbfffffffff,
	          0x00000000000000ff}},
	        0x3fffffffffffffff};
	static const struct fe cube_of_r = {
	        {0x0000001200000016, 0x0000000efffffff8, 0x0000000a0000000c, 0x0000001b00000009}};

	inverse_mod(r->v, a->v, &modulus);
	fe_mul(r, r, &cube_of_r);
}
