#include "sm/sm2_scalar.h"

#include <string.h>

static const uint64_t order[LIMBS] = {0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff,
                                      0xfffffffeffffffff};
static const uint64_t minus_inverse = 0x327f9e8872350975; /* -1/n mod 2^64 */
static const struct sc r_squared = {
        {0x901192af7c114f20, 0x3464504ade6fa2fa, 0x620fc84c3affe0d4, 0x1eb5e412a22b3d3b}};
static const struct sc one = {{1}};

bool sc_from_bytes(struct sc *r, const uint8_t bytes[32])
{
	uint64_t t[LIMBS], below;

	limbs_load(r->v, bytes);
	below = limbs_sub(t, r->v, order);
	limbs_reduce_once(r->v, 0, order);
	return below != 0;
}

void sc_from_limbs(struct sc *r, const uint64_t limbs[LIMBS])
{
	memcpy(r->v, limbs, sizeof(r->v));
	limbs_reduce_once(r->v, 0, order);
}

void sc_to_bytes(const struct sc *a, uint8_t bytes[32])
{
	limbs_store(a->v, bytes);
}

void sc_plus_order(const struct sc *a, uint8_t bytes[32])
{
	uint64_t sum[LIMBS];

	(void)limbs_add(sum, a->v, order);
	limbs_store(sum, bytes);
}

void sc_add(struct sc *r, const struct sc *a, const struct sc *b)
{
	uint64_t carry = limbs_add(r->v, a->v, b->v);

	limbs_reduce_once(r->v, carry, order);
}

void sc_sub(struct sc *r, const struct sc *a, const struct sc *b)
{
	uint64_t mask = ct_hide(0 - limbs_sub(r->v, a->v, b->v));

	(void)limbs_add_masked(r->v, order, mask);
}

/* Montgomery's product, one limb of a at a time. */
void sc_mul_prepared(struct sc *r, const struct sc *a, const struct sc *prepared)
{
	uint64_t t[LIMBS + 1] = {0}, extra = 0;
	unsigned i, j;

	for (i = 0; i < LIMBS; i++) {
		uint64_t high = 0, carry = 0, m;

		for (j = 0; j < LIMBS; j++)
			t[j] = mul_add(a->v[i], prepared->v[j], t[j], &high);
		t[LIMBS] = add_carry(extra, high, &carry);
		extra = carry;
		m = t[0] * minus_inverse;
		high = 0;
		(void)mul_add(m, order[0], t[0], &high);
		for (j = 1; j < LIMBS; j++)
			t[j - 1] = mul_add(m, order[j], t[j], &high);
		carry = 0;
		t[LIMBS - 1] = add_carry(t[LIMBS], high, &carry);
		extra += carry;
	}
	for (i = 0; i < LIMBS; i++)
		r->v[i] = t[i];
	limbs_reduce_once(r->v, extra, order);
}

void sc_prepare(struct sc *r, const struct sc *a)
{
	sc_mul_prepared(r, a, &r_squared);
}

void sc_mul(struct sc *r, const struct sc *a, const struct sc *b)
{
	struct sc prepared;

	sc_prepare(&prepared, b);
	sc_mul_prepared(r, a, &prepared);
}

/* a^(n-2) (Fermat), four bits of the public exponent at a time. */
void sc_inv(struct sc *r, const struct sc *a)
{
	struct sc power[16], t;
	unsigned i, j;

	sc_prepare(&power[0], &one);
	for (i = 1; i < 16; i++) {
		if (i == 1)
			sc_prepare(&power[1], a);
		else
			sc_mul_prepared(&power[i], &power[i - 1], &power[1]);
	}
	t = power[0];
	for (i = 64; i-- > 0;) {
		uint64_t limb = order[i / 16] - (i / 16 == 0 ? 2 : 0);

		for (j = 0; j < 4; j++)
			sc_mul_prepared(&t, &t, &t);
		sc_mul_prepared(&t, &t, &power[limb >> (4 * (i % 16)) & 15]);
	}
	sc_mul_prepared(r, &t, &one);
}

void sc_inv_batch(struct sc *a, struct sc *work, size_t n)
{
	struct sc product = one, inverse, own;
	size_t i;

	for (i = 0; i < n; i++) {
		work[i] = product;
		sc_mul(&product, &product, &a[i]);
	}
	sc_inv(&inverse, &product);
	for (i = n; i-- > 0;) {
		own = a[i];
		sc_mul(&a[i], &inverse, &work[i]);
		sc_mul(&inverse, &inverse, &own);
	}
}
