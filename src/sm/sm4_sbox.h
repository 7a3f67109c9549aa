#ifndef YD_SM_SM4_SBOX_H
#define YD_SM_SM4_SBOX_H
/* The S-box of SM4 (GB/T 32907-2016, 6.2) on 64 bytes at once, one uint64_t per bit.  The table of the
 * standard is S(x) = A inv(A x + c) + c with the inverse in GF(2^8) modulo x^8+x^7+x^6+x^5+x^4+x^2+1.
 * Here the inverse is taken in the tower GF(4) < GF(16) < GF(256) with w^2 = w + 1, z^2 = z + w,
 * y^2 = y + v, v = wz + 1; the changes of basis are folded into the two affine maps. */
#include <stdint.h>

struct gf4 {
	uint64_t h, l;
};
struct gf16 {
	struct gf4 h, l;
};

static inline struct gf4 gf4_add(struct gf4 a, struct gf4 b)
{
	return (struct gf4){a.h ^ b.h, a.l ^ b.l};
}

static inline struct gf4 gf4_mul(struct gf4 a, struct gf4 b)
{
	uint64_t high = a.h & b.h, low = a.l & b.l, cross = (a.h ^ a.l) & (b.h ^ b.l);

	return (struct gf4){cross ^ low, high ^ low};
}

static inline struct gf4 gf4_mul_w(struct gf4 a)
{
	return (struct gf4){a.h ^ a.l, a.h};
}

static inline struct gf4 gf4_sqr(struct gf4 a)
{
	return (struct gf4){a.h, a.h ^ a.l};
}

static inline struct gf16 gf16_add(struct gf16 a, struct gf16 b)
{
	return (struct gf16){gf4_add(a.h, b.h), gf4_add(a.l, b.l)};
}

static inline struct gf16 gf16_mul(struct gf16 a, struct gf16 b)
{
	struct gf4 high = gf4_mul(a.h, b.h), low = gf4_mul(a.l, b.l);
	struct gf4 cross = gf4_mul(gf4_add(a.h, a.l), gf4_add(b.h, b.l));

	return (struct gf16){gf4_add(cross, low), gf4_add(low, gf4_mul_w(high))};
}

/* v * a^2, which is linear in the bits of a. */
static inline struct gf16 gf16_sqr_v(struct gf16 a)
{
	uint64_t odd = a.h.h ^ a.l.h;

	return (struct gf16){{a.l.l, a.l.h}, {odd, odd ^ a.h.l ^ a.l.l}};
}

static inline struct gf16 gf16_inv(struct gf16 a)
{
	struct gf4 sum = gf4_add(a.h, a.l);
	struct gf4 norm = gf4_add(gf4_mul_w(gf4_sqr(a.h)), gf4_mul(a.l, sum));
	struct gf4 inverse = gf4_sqr(norm); /* in GF(4) 1/a = a^2 */

	return (struct gf16){gf4_mul(a.h, inverse), gf4_mul(sum, inverse)};
}

/* A x + c, then into the tower: *h * y + *l. */
static inline void sbox_in(const uint64_t x[8], struct gf16 *h, struct gf16 *l)
{
	uint64_t t0 = x[0] ^ x[6], t1 = x[1] ^ x[2], t2 = x[4] ^ x[5], t3 = t0 ^ t1;

	l->l.l = t0 ^ t2;
	l->l.h = x[1] ^ t2;
	l->h.l = ~x[5];
	l->h.h = x[5] ^ t3;
	h->l.l = x[4] ^ t3;
	h->l.h = ~x[6];
	h->h.l = ~(x[2] ^ x[7]);
	h->h.h = ~(t3 ^ x[3] ^ t2);
}

/* Out of the tower, then A x + c. */
static inline void sbox_out(struct gf16 h, struct gf16 l, uint64_t x[8])
{
	uint64_t b0 = l.l.l, b1 = l.l.h, b2 = l.h.l, b3 = l.h.h, b4 = h.l.l, b5 = h.l.h, b6 = h.h.l,
	         b7 = h.h.h;
	uint64_t t0 = b0 ^ b4, t1 = b1 ^ b3, t2 = b6 ^ b7;

	x[0] = ~(b0 ^ b2);
	x[1] = ~(b6 ^ t0);
	x[2] = b4 ^ b1 ^ b2;
	x[3] = b0 ^ t2;
	x[4] = ~(b5 ^ t1);
	x[5] = b7 ^ t1;
	x[6] = ~(t0 ^ b1 ^ b5);
	x[7] = ~(b2 ^ t0 ^ t1 ^ t2);
}

static inline void sm4_sbox(uint64_t x[8])
{
	struct gf16 h, l, sum, norm, inverse;

	sbox_in(x, &h, &l);
	sum = gf16_add(h, l);
	norm = gf16_add(gf16_sqr_v(h), gf16_mul(l, sum)); /* v h^2 + h l + l^2 */
	inverse = gf16_inv(norm);
	sbox_out(gf16_mul(h, inverse), gf16_mul(sum, inverse), x);
}

#endif
