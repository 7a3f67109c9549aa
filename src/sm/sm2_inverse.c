/* Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (TCHES 2019), with steps
 * that start from delta = 1/2.  A step takes (delta, f, g), f odd, to (1 - delta, g, (g - f) / 2) when delta
 * > 0 and g is odd, else (1 + delta, f, (g + (g mod 2) f) / 2) and 590 of them bring any g < f < 2^256 to 0,
 * f to +-1 (or, for g = 0 at first, leave f).  What 59 steps do depends on the lowest 59 bits and is a matrix
 * of small numbers; it is found on single words and then applied to f and g, and modulo m to d and e, for
 * which always d a = f and e a = g modulo m. */
#include "sm/sm2_inverse.h"

#include "base/slice.h"

#define BITS 62
#define LOW ((uint64_t)-1 >> (64 - BITS))
#define STEPS 59
#define ROUNDS 10

/* 2^62 times what takes (f, g) to the next: u f + v g and q f + r g. */
struct matrix {
	int64_t u, v, q, r;
};

/* x or -x */
static inline uint64_t minus_if(uint64_t x, uint64_t mask)
{
	return (x ^ mask) - mask;
}

/* zeta is -(delta + 1/2); the new one. */
static uint64_t steps(uint64_t zeta, uint64_t f, uint64_t g, struct matrix *ret)
{
	uint64_t u = 1u << (BITS - STEPS), v = 0, q = 0, r = u;
	unsigned i;

	for (i = 0; i < STEPS; i++) {
		uint64_t positive = ct_hide(0 - (zeta >> 63)), odd = ct_hide(0 - (g & 1));

		g += minus_if(f, positive) & odd;
		q += minus_if(u, positive) & odd;
		r += minus_if(v, positive) & odd;
		/* g - f + f is the old g */
		positive &= odd;
		zeta = (zeta ^ positive) - 1;
		f += g & positive;
		u += q & positive;
		v += r & positive;
		g >>= 1;
		u <<= 1;
		v <<= 1;
	}
	*ret = (struct matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
	return zeta;
}

/* a f + b g, by 2^62, which divides it. */
static inline struct number62 combine(int64_t a, const struct number62 *f, int64_t b,
                                      const struct number62 *g)
{
	s128 sum = ((s128)a * f->v[0] + (s128)b * g->v[0]) >> BITS;
	struct number62 r;
	unsigned i;

	for (i = 1; i < INVERSE_LIMBS; i++) {
		sum += (s128)a * f->v[i] + (s128)b * g->v[i];
		r.v[i - 1] = (int64_t)((uint64_t)sum & LOW);
		sum >>= BITS;
	}
	r.v[INVERSE_LIMBS - 1] = (int64_t)sum;
	return r;
}

/* (a d + b e) / 2^62 modulo m.  All three numbers are above -2m and below m: m is added in proportion to what
 * is negative, then as often as makes the sum divisible. */
static inline struct number62 combine_mod(int64_t a, const struct number62 *d, int64_t b,
                                          const struct number62 *e, const struct inverse_modulus *m)
{
	int64_t times = (a & d->v[INVERSE_LIMBS - 1] >> 63) + (b & e->v[INVERSE_LIMBS - 1] >> 63);
	s128 sum = (s128)a * d->v[0] + (s128)b * e->v[0];
	struct number62 r;
	unsigned i;

	times -= (int64_t)((m->inverse * (uint64_t)sum + (uint64_t)times) & LOW);
	sum = (sum + (s128)times * m->m.v[0]) >> BITS;
	for (i = 1; i < INVERSE_LIMBS; i++) {
		sum += (s128)a * d->v[i] + (s128)b * e->v[i] + (s128)times * m->m.v[i];
		r.v[i - 1] = (int64_t)((uint64_t)sum & LOW);
		sum >>= BITS;
	}
	r.v[INVERSE_LIMBS - 1] = (int64_t)sum;
	return r;
}

/* r, or -r, plus m if that is negative; limbs in range again. */
static void settle(struct number62 *r, int64_t negate, const struct number62 *m)
{
	int64_t carry = 0, borrow;
	unsigned i;

	for (i = 0; i < INVERSE_LIMBS - 1; i++) {
		carry += (r->v[i] ^ negate) - negate;
		r->v[i] = (int64_t)((uint64_t)carry & LOW);
		carry >>= BITS;
	}
	r->v[i] = (r->v[i] ^ negate) - negate + carry;
	borrow = r->v[i] >> 63;
	carry = 0;
	for (i = 0; i < INVERSE_LIMBS - 1; i++) {
		carry += r->v[i] + (m->v[i] & borrow);
		r->v[i] = (int64_t)((uint64_t)carry & LOW);
		carry >>= BITS;
	}
	r->v[i] += (m->v[i] & borrow) + carry;
}

static void spread(struct number62 *r, const uint64_t a[LIMBS])
{
	r->v[0] = (int64_t)(a[0] & LOW);
	r->v[1] = (int64_t)((a[0] >> 62 | a[1] << 2) & LOW);
	r->v[2] = (int64_t)((a[1] >> 60 | a[2] << 4) & LOW);
	r->v[3] = (int64_t)((a[2] >> 58 | a[3] << 6) & LOW);
	r->v[4] = (int64_t)(a[3] >> 56);
}

static void gather(uint64_t r[LIMBS], const struct number62 *a)
{
	const int64_t *v = a->v;

	r[0] = (uint64_t)v[0] | (uint64_t)v[1] << 62;
	r[1] = (uint64_t)v[1] >> 2 | (uint64_t)v[2] << 60;
	r[2] = (uint64_t)v[2] >> 4 | (uint64_t)v[3] << 58;
	r[3] = (uint64_t)v[3] >> 6 | (uint64_t)v[4] << 56;
}

void inverse_mod(uint64_t r[LIMBS], const uint64_t a[LIMBS], const struct inverse_modulus *m)
{
	struct number62 f = m->m, g, d = {{0}}, e = {{1}}, next;
	uint64_t zeta = (uint64_t)-1;
	struct matrix t;
	unsigned i;

	spread(&g, a);
	for (i = 0; i < ROUNDS; i++) {
		zeta = steps(zeta, (uint64_t)f.v[0] | (uint64_t)f.v[1] << BITS,
		             (uint64_t)g.v[0] | (uint64_t)g.v[1] << BITS, &t);
		next = combine(t.u, &f, t.v, &g);
		g = combine(t.q, &f, t.r, &g);
		f = next;
		next = combine_mod(t.u, &d, t.v, &e, m);
		e = combine_mod(t.q, &d, t.r, &e, m);
		d = next;
	}
	settle(&d, 0, &m->m);
	settle(&d, f.v[INVERSE_LIMBS - 1] >> 63, &m->m);
	gather(r, &d);
	wipe(&f, sizeof(f));
	wipe(&g, sizeof(g));
	wipe(&d, sizeof(d));
	wipe(&e, sizeof(e));
	wipe(&t, sizeof(t));
}
