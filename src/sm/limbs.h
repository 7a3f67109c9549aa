#ifndef YD_SM_LIMBS_H
#define YD_SM_LIMBS_H
/* 256-bit numbers as four 64-bit limbs, least significant first.  Everything here runs in a time that
 * does not depend on the values; masks are all ones or zero. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMBS 4

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 s128;

/* Keeps the compiler from turning mask arithmetic back into a branch. */
static inline uint64_t ct_hide(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline uint64_t mask_of(bool condition)
{
	return ct_hide(0 - (uint64_t)condition);
}

static inline uint64_t mask_zero(uint64_t v)
{
	return ct_hide(((v | (0 - v)) >> 63) - 1);
}

static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
	       (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
	unsigned i;

	for (i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static inline void limbs_load(uint64_t r[LIMBS], const uint8_t bytes[32])
{
	r[3] = load_be64(bytes);
	r[2] = load_be64(bytes + 8);
	r[1] = load_be64(bytes + 16);
	r[0] = load_be64(bytes + 24);
}

static inline void limbs_store(const uint64_t a[LIMBS], uint8_t bytes[32])
{
	store_be64(bytes, a[3]);
	store_be64(bytes + 8, a[2]);
	store_be64(bytes + 16, a[1]);
	store_be64(bytes + 24, a[0]);
}

/* a + b + *carry; *carry becomes 0 or 1.  Not by __builtin_add_overflow: compilers branch on its bool. */
static inline uint64_t add_carry(uint64_t a, uint64_t b, uint64_t *carry)
{
	u128 t = (u128)a + b + *carry;

	*carry = (uint64_t)(t >> 64);
	return (uint64_t)t;
}

/* a - b - *borrow; *borrow becomes 0 or 1. */
static inline uint64_t sub_borrow(uint64_t a, uint64_t b, uint64_t *borrow)
{
	u128 t = (u128)a - b - *borrow;

	*borrow = (uint64_t)(t >> 64) & 1;
	return (uint64_t)t;
}

/* a * b + c + *high: never more than two limbs. */
static inline uint64_t mul_add(uint64_t a, uint64_t b, uint64_t c, uint64_t *high)
{
	u128 t = (u128)a * b + c + *high;

	*high = (uint64_t)(t >> 64);
	return (uint64_t)t;
}

static inline uint64_t limbs_add(uint64_t r[LIMBS], const uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
	uint64_t carry = 0;

	r[0] = add_carry(a[0], b[0], &carry);
	r[1] = add_carry(a[1], b[1], &carry);
	r[2] = add_carry(a[2], b[2], &carry);
	r[3] = add_carry(a[3], b[3], &carry);
	return carry;
}

static inline uint64_t limbs_sub(uint64_t r[LIMBS], const uint64_t a[LIMBS], const uint64_t b[LIMBS])
{
	uint64_t borrow = 0;

	r[0] = sub_borrow(a[0], b[0], &borrow);
	r[1] = sub_borrow(a[1], b[1], &borrow);
	r[2] = sub_borrow(a[2], b[2], &borrow);
	r[3] = sub_borrow(a[3], b[3], &borrow);
	return borrow;
}

/* r[0..4] += a * b[0..3]; r[4] is set, not added to. */
static inline void limbs_mul_row(uint64_t r[LIMBS + 1], uint64_t a, const uint64_t b[LIMBS])
{
	uint64_t high = 0;

	r[0] = mul_add(a, b[0], r[0], &high);
	r[1] = mul_add(a, b[1], r[1], &high);
	r[2] = mul_add(a, b[2], r[2], &high);
	r[3] = mul_add(a, b[3], r[3], &high);
	r[4] = high;
}

/* r = mask ? a : r */
static inline void limbs_select(uint64_t r[LIMBS], const uint64_t a[LIMBS], uint64_t mask)
{
	unsigned i;

	for (i = 0; i < LIMBS; i++)
		r[i] ^= (r[i] ^ a[i]) & mask;
}

static inline uint64_t limbs_mask_zero(const uint64_t a[LIMBS])
{
	return mask_zero(a[0] | a[1] | a[2] | a[3]);
}

/* r += m & mask; the carry. */
static inline uint64_t limbs_add_masked(uint64_t r[LIMBS], const uint64_t m[LIMBS], uint64_t mask)
{
	uint64_t carry = 0;

	r[0] = add_carry(r[0], m[0] & mask, &carry);
	r[1] = add_carry(r[1], m[1] & mask, &carry);
	r[2] = add_carry(r[2], m[2] & mask, &carry);
	r[3] = add_carry(r[3], m[3] & mask, &carry);
	return carry;
}

/* Brings carry:r, less than 2m, below m. */
static inline void limbs_reduce_once(uint64_t r[LIMBS], uint64_t carry, const uint64_t m[LIMBS])
{
	uint64_t mask = ct_hide(carry - limbs_sub(r, r, m));

	(void)limbs_add_masked(r, m, mask);
}

#endif
