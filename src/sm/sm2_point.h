#ifndef YD_SM_SM2_POINT_H
#define YD_SM_SM2_POINT_H
/* Points of y^2 = x^3 - 3x + b (GB/T 32918.5).  Jacobian (x/z^2, y/z^3); z = 0 is the point at infinity.
 * Functions with "public" in their name branch on the values; all others run in constant time. */
#include "sm/sm2_field.h"
#include "sm/sm2_scalar.h"

struct affine {
	struct fe x, y;
};
struct jacobian {
	struct fe x, y, z;
};

/* Signed windows: of 5 bits (digits from -16 to 16) to multiply any point, of 6 where a table is there. */
#define WINDOW 5
#define WINDOWS 52
#define WINDOW_HALF (1 << (WINDOW - 1))
#define TABLE_WINDOW 6
#define TABLE_WINDOWS 43
#define TABLE_HALF (1 << (TABLE_WINDOW - 1))

/* ---- sm2_curve.c ---- */
/* False when a coordinate is not below p or the point is not on the curve. */
bool point_from_bytes(struct affine *r, const uint8_t xy[64]);
void point_to_bytes(const struct affine *a, uint8_t xy[64]);

/* ---- sm2_point.c ---- */
void point_double(struct jacobian *r, const struct jacobian *a);
/* Any a and b. */
void point_add(struct jacobian *r, const struct jacobian *a, const struct jacobian *b);
/* Unless a = b. */
void point_add_unequal(struct jacobian *r, const struct jacobian *a, const struct jacobian *b);
/* Neither may be infinity.  *h = 0 says that a = b (if *d = 0), and the sum is wrong, or a = -b. */
void point_add_affine_plain(struct jacobian *r, const struct jacobian *a, const struct affine *b,
                            struct fe *h, struct fe *d);
void point_add_affine_public(struct jacobian *r, const struct jacobian *a, const struct affine *b);
/* False for infinity (and then r is (0, 0)). */
bool point_to_affine(struct affine *r, const struct jacobian *a);
/* The same for n points with one inversion; infinity becomes (0, 0).  n <= POINT_BATCH. */
#define POINT_BATCH 64
void point_to_affine_batch(struct affine *r, const struct jacobian *a, size_t n);

/* ---- sm2_digits.c ---- */
/* Digit i of k in signed windows of so many bits: its size and a mask that is set when it is negative. */
unsigned window_digit(const struct sc *k, unsigned bits, unsigned i, uint64_t *negative);
/* For public numbers, non-adjacent form with a window: k = sum of digit[i] * 2^i, the digits odd and below
 * 2^(bits-1) in size or zero, no two of them in the same window. */
#define DIGITS 257
void sparse_digits(int16_t digit[DIGITS], const struct sc *k, unsigned bits);

/* ---- sm2_multiply.c ---- */
/* k * G */
void point_mul_base(struct jacobian *r, const struct sc *k);
/* k * P */
void point_mul(struct jacobian *r, const struct sc *k, const struct affine *p);

/* ---- sm2_point_public.c ---- */
/* s * G + t * P for public numbers, in a time that depends on them.  The odd multiples of P are made
 * first, so that a batch can share the inversion that makes them affine. */
#define ODD_BITS 5
#define ODD_MULTIPLES (1 << (ODD_BITS - 2))
void point_odd_multiples(struct jacobian r[ODD_MULTIPLES], const struct affine *p);
void point_mul_two_public(struct jacobian *r, const struct sc *s, const struct sc *t,
                          const struct affine odd[ODD_MULTIPLES]);
/* Multiples 1 ... 32 of 2^(TABLE_WINDOW * i) * P, for each window i. */
struct point_table {
	struct affine at[TABLE_WINDOWS][TABLE_HALF];
};
void point_table_fill(struct point_table *r, const struct affine *p);
/* s * G + t * P for public numbers, with P's table. */
void point_mul_tables_public(struct jacobian *r, const struct sc *s, const struct sc *t,
                             const struct point_table *p);

/* ---- sm2_known.c ---- */
/* The table that is kept for a public key which is asked for again and again, until it is
 * released; NULL when there is none (yet).  make fills a new one. */
typedef void point_table_maker(struct point_table *r, const struct affine *p);
struct point_table *known_table_hold(const struct affine *p, point_table_maker *make);
void known_table_release(struct point_table *table);

/* ---- sm2_table.c: constant tables, made when first asked for ---- */
const struct point_table *base_table(void);
/* The odd multiples 1, 3, 5 ... of G for public numbers. */
#define BASE_ODD_BITS 10
#define BASE_ODD (1 << (BASE_ODD_BITS - 2))
const struct affine *base_odd_table(void);

#endif
