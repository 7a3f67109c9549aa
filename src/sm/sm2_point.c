#include "sm/sm2_point.h"
#include "base/slice.h"

static const struct jacobian infinity;

/* y^2 - (x^3 - 3x + b) = 0 */
static bool on_curve(const struct affine *a)
{
	struct fe left, right, t;

	fe_sqr(&left, &a->y);
	fe_sqr(&right, &a->x);
	fe_mul(&right, &right, &a->x);
	fe_add(&t, &a->x, &a->x);
	fe_add(&t, &t, &a->x);
	fe_sub(&right, &right, &t);
	fe_add(&right, &right, &fe_curve_b);
	return fe_mask_equal(&left, &right) != 0;
}

bool point_from_bytes(struct affine *r, const uint8_t xy[64])
{
	bool x = fe_from_bytes(&r->x, xy), y = fe_from_bytes(&r->y, xy + 32);

	return x && y && on_curve(r);
}

void point_to_bytes(const struct affine *a, uint8_t xy[64])
{
	fe_to_bytes(&a->x, xy);
	fe_to_bytes(&a->y, xy + 32);
}

static void select_point(struct jacobian *r, const struct jacobian *a, uint64_t mask)
{
	fe_select(&r->x, &a->x, mask);
	fe_select(&r->y, &a->y, mask);
	fe_select(&r->z, &a->z, mask);
}

/* Doubling for a = -3; right for infinity too, and there is no point of order 2. */
void point_double(struct jacobian *r, const struct jacobian *a)
{
	struct fe t, m, s, yy;

	fe_sqr(&t, &a->z);
	fe_sub(&m, &a->x, &t);
	fe_add(&t, &a->x, &t);
	fe_mul(&t, &t, &m);
	fe_add(&m, &t, &t);
	fe_add(&m, &m, &t); /* 3 (x - z^2) (x + z^2) */
	fe_add(&t, &a->y, &a->y);
	fe_mul(&r->z, &t, &a->z); /* 2 y z */
	fe_sqr(&yy, &t);
	fe_mul(&s, &yy, &a->x); /* 4 x y^2 */
	fe_sqr(&yy, &yy);
	fe_half(&yy, &yy); /* 8 y^4 */
	fe_sqr(&t, &m);
	fe_sub(&t, &t, &s);
	fe_sub(&r->x, &t, &s);
	fe_sub(&s, &s, &r->x);
	fe_mul(&m, &m, &s);
	fe_sub(&r->y, &m, &yy);
}

/* The last half of both additions: u1, s1 are a's coordinates over the common denominator, h and d the
 * differences to b's, z what both denominators give. */
static void add_finish(struct jacobian *r, const struct fe *u1, const struct fe *s1, const struct fe *h,
                       const struct fe *d, const struct fe *z)
{
	struct fe hh, hhh, v, t;

	fe_sqr(&hh, h);
	fe_mul(&hhh, &hh, h);
	fe_mul(&v, u1, &hh);
	fe_mul(&t, s1, &hhh);
	fe_mul(&r->z, z, h);
	fe_sqr(&r->x, d);
	fe_sub(&r->x, &r->x, &hhh);
	fe_sub(&r->x, &r->x, &v);
	fe_sub(&r->x, &r->x, &v);
	fe_sub(&v, &v, &r->x);
	fe_mul(&v, &v, d);
	fe_sub(&r->y, &v, &t);
}

/* a + b where neither is infinity.  The differences tell the caller what else went wrong: *h = 0 is
 * a = b (if *d = 0) or a = -b (then the result is infinity, as it should be). */
static void add_plain(struct jacobian *r, const struct jacobian *a, const struct jacobian *b, struct fe *h,
                      struct fe *d)
{
	struct fe z1z1, z2z2, u1, s1, z;

	fe_sqr(&z1z1, &a->z);
	fe_sqr(&z2z2, &b->z);
	fe_mul(&u1, &a->x, &z2z2);
	fe_mul(h, &b->x, &z1z1);
	fe_sub(h, h, &u1);
	fe_mul(&s1, &a->y, &z2z2);
	fe_mul(&s1, &s1, &b->z);
	fe_mul(d, &b->y, &z1z1);
	fe_mul(d, d, &a->z);
	fe_sub(d, d, &s1);
	fe_mul(&z, &a->z, &b->z);
	add_finish(r, &u1, &s1, h, d, &z);
}

static void add_affine_plain(struct jacobian *r, const struct jacobian *a, const struct affine *b,
                             struct fe *h, struct fe *d)
{
	struct fe z1z1, u1 = a->x, s1 = a->y;

	fe_sqr(&z1z1, &a->z);
	fe_mul(h, &b->x, &z1z1);
	fe_sub(h, h, &u1);
	fe_mul(&z1z1, &z1z1, &a->z);
	fe_mul(d, &b->y, &z1z1);
	fe_sub(d, d, &s1);
	add_finish(r, &u1, &s1, h, d, &a->z);
}

/* a + b unless a = b: infinity on either side is taken care of. */
static void add_unequal(struct jacobian *r, const struct jacobian *a, const struct jacobian *b)
{
	uint64_t a_none = fe_mask_zero(&a->z), b_none = fe_mask_zero(&b->z);
	struct jacobian sum;
	struct fe h, d;

	add_plain(&sum, a, b, &h, &d);
	select_point(&sum, b, a_none);
	select_point(&sum, a, b_none);
	*r = sum;
}

void point_add(struct jacobian *r, const struct jacobian *a, const struct jacobian *b)
{
	uint64_t a_none = fe_mask_zero(&a->z), b_none = fe_mask_zero(&b->z);
	struct jacobian sum, twice;
	struct fe h, d;

	add_plain(&sum, a, b, &h, &d);
	point_double(&twice, a);
	select_point(&sum, &twice, fe_mask_zero(&h) & fe_mask_zero(&d));
	select_point(&sum, b, a_none);
	select_point(&sum, a, b_none);
	*r = sum;
}

void point_add_affine_public(struct jacobian *r, const struct jacobian *a, const struct affine *b)
{
	struct jacobian sum;
	struct fe h, d;

	if (fe_mask_zero(&a->z)) {
		*r = (struct jacobian){b->x, b->y, fe_one};
		return;
	}
	add_affine_plain(&sum, a, b, &h, &d);
	if (fe_mask_zero(&h) & fe_mask_zero(&d))
		point_double(&sum, a);
	*r = sum;
}

/* Bits 5i-1 ... 5i+4 of k as b5 ... b0 mean -16 b5 + 8 b4 + 4 b3 + 2 b2 + b1 + b0: the window borrows
 * from the one above when its highest bit is set. */
unsigned window_digit(const struct sc *k, unsigned i, uint64_t *negative)
{
	unsigned bit = WINDOW * i, word, shift;
	uint64_t raw, size;

	if (i == 0) {
		raw = k->v[0] << 1;
	} else {
		word = (bit - 1) / 64;
		shift = (bit - 1) % 64;
		raw = k->v[word] >> shift;
		if (shift > 64 - WINDOW - 1 && word + 1 < LIMBS)
			raw |= k->v[word + 1] << (64 - shift);
	}
	raw &= (2u << WINDOW) - 1;
	*negative = ct_hide(0 - (raw >> WINDOW));
	size = raw ^ (*negative & ((2u << WINDOW) - 1));
	return (unsigned)((size >> 1) + (size & 1));
}

static void negate_y(struct fe *y, uint64_t mask)
{
	static const struct fe none;
	struct fe minus;

	fe_sub(&minus, &none, y);
	fe_select(y, &minus, mask);
}

/* table[size - 1], or zeros for size 0; reads the whole table. */
static void look_up_affine(struct affine *r, const struct affine table[WINDOW_HALF], unsigned size)
{
	uint64_t v[2 * LIMBS] = {0};
	unsigned i, j;

	for (i = 0; i < WINDOW_HALF; i++) {
		uint64_t mask = mask_zero(size ^ (i + 1));

		for (j = 0; j < LIMBS; j++) {
			v[j] |= table[i].x.v[j] & mask;
			v[LIMBS + j] |= table[i].y.v[j] & mask;
		}
	}
	memcpy(r, v, sizeof(*r));
}

static void look_up(struct jacobian *r, const struct jacobian table[WINDOW_HALF], unsigned size)
{
	unsigned i;

	*r = infinity;
	for (i = 0; i < WINDOW_HALF; i++)
		select_point(r, &table[i], mask_zero(size ^ (i + 1)));
}

/* The sum of digit_i * 2^(5i) * G, from the lowest window up.  Before window i the sum is less than
 * 2^(5i) in size, so it can equal neither the next term nor its opposite; for the highest windows,
 * where the wrap at n has to be thought of too, it could only if k were 2^256 - n, whose digits there are
 * zero. */
void point_mul_base(struct jacobian *r, const struct sc *k)
{
	const struct point_table *table = base_table();
	struct jacobian sum = infinity, next, first = {.z = fe_one};
	struct affine term;
	struct fe h, d;
	uint64_t negative;
	unsigned i, size;

	for (i = 0; i < WINDOWS; i++) {
		size = window_digit(k, i, &negative);
		look_up_affine(&term, table->at[i], size);
		negate_y(&term.y, negative);
		add_affine_plain(&next, &sum, &term, &h, &d);
		first.x = term.x;
		first.y = term.y;
		select_point(&next, &first, fe_mask_zero(&sum.z));
		select_point(&sum, &next, ~mask_zero(size));
	}
	*r = sum;
	wipe(&sum, sizeof(sum));
	wipe(&next, sizeof(next));
	wipe(&first, sizeof(first));
	wipe(&term, sizeof(term));
}

static void multiples(struct jacobian table[WINDOW_HALF], const struct affine *p)
{
	unsigned i;

	table[0] = (struct jacobian){p->x, p->y, fe_one};
	for (i = 1; i < WINDOW_HALF; i++) {
		if (i % 2 == 1)
			point_double(&table[i], &table[i / 2]);
		else
			add_unequal(&table[i], &table[i - 1], &table[0]);
	}
}

/* From the highest window down.  32 * sum can equal the term to be added only at the end and only
 * for k = n - 6 (the term is -3 P), so only the last addition needs to be the general one. */
void point_mul(struct jacobian *r, const struct sc *k, const struct affine *p)
{
	struct jacobian table[WINDOW_HALF], sum = infinity, term;
	uint64_t negative;
	unsigned i, j, size;

	multiples(table, p);
	for (i = WINDOWS; i-- > 0;) {
		for (j = 0; j < WINDOW && i + 1 < WINDOWS; j++)
			point_double(&sum, &sum);
		size = window_digit(k, i, &negative);
		look_up(&term, table, size);
		negate_y(&term.y, negative);
		if (i > 0)
			add_unequal(&sum, &sum, &term);
		else
			point_add(&sum, &sum, &term);
	}
	*r = sum;
	wipe(&sum, sizeof(sum));
	wipe(&term, sizeof(term));
}

bool point_to_affine(struct affine *r, const struct jacobian *a)
{
	point_to_affine_batch(r, a, 1);
	return fe_mask_zero(&a->z) == 0;
}

void point_to_affine_batch(struct affine *r, const struct jacobian *a, size_t n)
{
	struct fe z[POINT_BATCH], work[POINT_BATCH], zz;
	size_t i;

	for (i = 0; i < n; i++)
		z[i] = a[i].z;
	fe_inv_batch(z, work, n);
	for (i = 0; i < n; i++) {
		fe_sqr(&zz, &z[i]);
		fe_mul(&r[i].x, &a[i].x, &zz);
		fe_mul(&zz, &zz, &z[i]);
		fe_mul(&r[i].y, &a[i].y, &zz);
	}
	wipe(z, sizeof(z));
	wipe(work, sizeof(work));
}
