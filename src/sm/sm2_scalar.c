#include "sm/sm2_scalar.h"
#include "sm/sm2_inverse.h"

#include "base/slice.h"

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

void sc_inv(struct sc *r, const struct sc *a)
{
	static const struct inverse_modulus modulus = {
	        {{0x13bbf40939d54123, 0x080f7dac871814ad, 0x3ffffffffffffff7, 0x3fffffbfffffffff,
	          0x00000000000000ff}},
	        0x0d8061778dcaf68b};

	inverse_mod(r->v, a->v, &modulus);
}

/* product holds the running product times 2^256, so that each step is one multiplication. */
void sc_inv_batch(struct sc *a, struct sc *work, size_t n)
{
	struct sc product, inverse, own;
	size_t i;

	sc_prepare(&product, &one);
	for (i = 0; i < n; i++) {
		work[i] = product;
		sc_prepare(&own, &a[i]);
		sc_mul_prepared(&product, &product, &own);
	}
	sc_mul_prepared(&product, &product, &one);
	sc_inv(&inverse, &product);
	for (i = n; i-- > 0;) {
		sc_prepare(&own, &a[i]);
		sc_mul_prepared(&a[i], &inverse, &work[i]);
		sc_mul_prepared(&inverse, &inverse, &own);
	}
	wipe(&product, sizeof(product));
	wipe(&inverse, sizeof(inverse));
	wipe(&own, sizeof(own));
}
