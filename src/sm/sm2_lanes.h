#ifndef YD_SM_SM2_LANES_H
#define YD_SM_SM2_LANES_H
/* Eight 64-bit numbers side by side, one for each of eight independent computations (lanes).  The compiler's
 * vectors give + - & | ^ << >> and comparisons; here is what they lack, once for AVX-512 IFMA and once in
 * plain C (SM_LANES_EMULATED), so that the same source can be watched by tools that do not know these
 * instructions. Nothing here branches on a lane or forms an address from one. */
#include <stddef.h>
#include <stdint.h>

#ifdef SM_LANES_EMULATED
/* Vectors wider than the machine's are handed over in memory; nobody outside this source sees them. */
#pragma GCC diagnostic ignored "-Wpsabi"
#else
#include <immintrin.h>
#endif

#define LANES 8
#define LANE_BITS 52 /* of each factor that the multiplications use */
#define LANE_MASK ((uint64_t)0xfffffffffffff)
#define LANE_INLINE static inline __attribute__((always_inline))
#define LANE_CALLED static __attribute__((noinline)) /* long ones, where a call costs nothing */

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));
typedef int64_t signed_lanes __attribute__((vector_size(8 * LANES)));

/* a >> n for numbers that may be negative. */
LANE_INLINE lanes lanes_shift_signed(lanes a, int n)
{
	return (lanes)((signed_lanes)a >> n);
}

/* Keeps the compiler from knowing that a mask is one: it makes branches of what it selects otherwise. */
LANE_INLINE lanes lanes_hide(lanes mask)
{
#ifdef SM_LANES_EMULATED
	__asm__("" : "+m"(mask));
#else
	__asm__("" : "+v"(mask));
#endif
	return mask;
}

/* All ones where a = b. */
LANE_INLINE lanes lanes_equal(lanes a, lanes b)
{
	return lanes_hide((lanes)(a == b));
}

/* All ones where bit i of a is set. */
LANE_INLINE lanes lanes_bit_mask(lanes a, int i)
{
	return lanes_hide(lanes_shift_signed(a << (63 - i), 63));
}

/* mask ? b : a */
LANE_INLINE lanes lanes_select(lanes a, lanes b, lanes mask)
{
	return (a & ~mask) | (b & mask);
}

LANE_INLINE lanes lanes_all(uint64_t v)
{
	return (lanes){v, v, v, v, v, v, v, v};
}

#ifdef SM_LANES_EMULATED
__extension__ typedef unsigned __int128 lane_product;

LANE_INLINE lane_product lane_multiply(uint64_t a, uint64_t b)
{
	return (lane_product)(a & LANE_MASK) * (b & LANE_MASK);
}

/* sum + the low 52 bits of a * b */
LANE_INLINE lanes lanes_add_low(lanes sum, lanes a, lanes b)
{
	unsigned i;

	for (i = 0; i < LANES; i++)
		sum[i] += (uint64_t)lane_multiply(a[i], b[i]) & LANE_MASK;
	return sum;
}

/* sum + the high 52 bits of a * b */
LANE_INLINE lanes lanes_add_high(lanes sum, lanes a, lanes b)
{
	unsigned i;

	for (i = 0; i < LANES; i++)
		sum[i] += (uint64_t)(lane_multiply(a[i], b[i]) >> LANE_BITS);
	return sum;
}

/* In each lane row[index mod 16]; by looking at all of them. */
LANE_INLINE lanes lanes_pick_16(const lanes row[2], lanes index)
{
	lanes r = lanes_all(0);
	uint64_t i;

	for (i = 0; i < 2 * LANES; i++)
		r |= lanes_all(row[i / LANES][i % LANES]) & lanes_equal(index & lanes_all(15), lanes_all(i));
	return r;
}
#else
LANE_INLINE lanes lanes_add_low(lanes sum, lanes a, lanes b)
{
	return (lanes)_mm512_madd52lo_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
}

LANE_INLINE lanes lanes_add_high(lanes sum, lanes a, lanes b)
{
	return (lanes)_mm512_madd52hi_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
}

/* One instruction with the index in a register. */
LANE_INLINE lanes lanes_pick_16(const lanes row[2], lanes index)
{
	return (lanes)_mm512_permutex2var_epi64((__m512i)row[0], (__m512i)index, (__m512i)row[1]);
}
#endif

/* row[index] of 64 numbers. */
LANE_INLINE lanes lanes_pick_64(const lanes row[8], lanes index)
{
	lanes bit_4 = lanes_bit_mask(index, 4), bit_5 = lanes_bit_mask(index, 5);
	lanes low = lanes_select(lanes_pick_16(row, index), lanes_pick_16(row + 2, index), bit_4);
	lanes high = lanes_select(lanes_pick_16(row + 4, index), lanes_pick_16(row + 6, index), bit_4);

	return lanes_select(low, high, bit_5);
}

#endif
