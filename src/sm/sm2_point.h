#ifndef YD_SM_SM2_POINT_H
#define YD_SM_SM2_POINT_H
/* Points of y^2 = x^3 - 3x + b.  Jacobian (x/z^2, y/z^3); z = 0 is the point at infinity.  Functions
 * with "public" in their name branch on the values; all others run in constant time. */
#include "sm/sm2_field.h"
#include "sm/sm2_scalar.h"

struct affine {
	struct fe x, y;
};
struct jacobian {
	struct fe x, y, z;
};

/* Signed windows of WINDOW bits: digits from -16 to 16. */
#define WINDOW 5
#define WINDOWS 52
#define WINDOW_HALF (1 << (WINDOW - 1))

/* False when a coordinate is not below p or the point is not on the curve. */
bool point_from_bytes(struct affine *r, const uint8_t xy[64]);
void point_to_bytes(const struct affine *a, uint8_t xy[64]);
void point_double(struct jacobian *r, const struct jacobian *a);
/* Any a and b. */
void point_add(struct jacobian *r, const struct jacobian *a, const struct jacobian *b);
void point_add_affine_public(struct jacobian *r, const struct jacobian *a, const struct affine *b);
/* k * G */
void point_mul_base(struct jacobian *r, const struct sc *k);
/* k * P */
void point_mul(struct jacobian *r, const struct sc *k, const struct affine *p);
/* sm2_point_public.c: s * G + t * P for public numbers, in a time that depends on them.  The odd
 * multiples of P are made first, so that a batch can share the inversion that makes them affine. */
#define ODD_BITS 5
#define ODD_MULTIPLES (1 << (ODD_BITS - 2))
void point_odd_multiples(struct jacobian r[ODD_MULTIPLES], const struct affine *p);
void point_mul_two_public(struct jacobian *r, const struct sc *s, const struct sc *t,
                          const struct affine odd[ODD_MULTIPLES]);
/* False for infinity (and then r is (0, 0)). */
bool point_to_affine(struct affine *r, const struct jacobian *a);
/* The same for n points with one inversion; infinity becomes (0, 0).  n <= POINT_BATCH. */
#define POINT_BATCH 64
void point_to_affine_batch(struct affine *r, const struct jacobian *a, size_t n);

/* Digit i of k in signed windows: its size and a mask that is set when it is negative. */
unsigned window_digit(const struct sc *k, unsigned i, uint64_t *negative);

/* sm2_table.c: multiples 1 ... 16 of 2^(WINDOW * i) * P, for each window i. */
struct point_table {
	struct affine at[WINDOWS][WINDOW_HALF];
};
void point_table_fill(struct point_table *r, const struct affine *p);
/* That of G. */
const struct point_table *base_table(void);
/* s * G + t * P for public numbers, with P's table. */
void point_mul_tables_public(struct jacobian *r, const struct sc *s, const struct sc *t,
                             const struct point_table *p);
/* sm2_known.c: the table that is kept for a public key which is asked for again and again, until it is
 * released; NULL when there is none (yet).  make fills a new one. */
typedef void point_table_maker(struct point_table *r, const struct affine *p);
const struct point_table *known_table_hold(const struct affine *p, point_table_maker *make);
void known_table_release(void);
/* The odd multiples 1, 3, 5 ... of G for public numbers. */
#define BASE_ODD_BITS 8
#define BASE_ODD (1 << (BASE_ODD_BITS - 2))
const struct affine *base_odd_table(void);

#endif
