#include "sm/ct.h"
#include "sm/sm4_core.h"
#include "sm/limbs.h"

#define CHUNK (SM4_LANES * SM4_BLOCK)

/* ---- GHASH (SP 800-38D 6.3, 6.4): GF(2^128), bits from left to right ---- */

/* Product without carries, low 64 bits.  Each factor is split into four with three zero bits between the
 * ones; 16 partial products then add up to less than 16 below the top, so no carry of the machine's
 * multiplication reaches a bit that is kept. */
static uint64_t mul_low(uint64_t a, uint64_t b)
{
	const uint64_t every_fourth = 0x1111111111111111;
	uint64_t x[4], y[4], r = 0;
	unsigned i;

	for (i = 0; i < 4; i++) {
		x[i] = a & every_fourth << i;
		y[i] = b & every_fourth << i;
	}
	for (i = 0; i < 4; i++)
		r |= (x[0] * y[i] ^ x[1] * y[(i + 3) % 4] ^ x[2] * y[(i + 2) % 4] ^ x[3] * y[(i + 1) % 4]) &
		     every_fourth << i;
	return r;
}

static uint64_t reverse(uint64_t v)
{
	v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
	v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(v);
}

/* The high half is the low half of the reversed factors, reversed. */
static void mul_wide(uint64_t a, uint64_t b, uint64_t a_reversed, uint64_t b_reversed, uint64_t r[2])
{
	r[0] = mul_low(a, b);
	r[1] = reverse(mul_low(a_reversed, b_reversed)) >> 1;
}

struct ghash {
	uint64_t h[3], h_reversed[3]; /* low, high, low + high (Karatsuba's third factor) */
	uint64_t y[2];
};

static void ghash_init(struct ghash *g, const uint8_t h[SM4_BLOCK])
{
	unsigned i;

	*g = (struct ghash){.h = {load_be64(h + 8), load_be64(h), 0}};
	g->h[2] = g->h[0] ^ g->h[1];
	for (i = 0; i < 3; i++)
		g->h_reversed[i] = reverse(g->h[i]);
}

/* y = y * h.  The numbers are stored with the first bit on top, so a product of 255 bits is one place
 * too low; then x^128 = x^7 + x^2 + x + 1 folds the lower half into the upper. */
static void ghash_mul(struct ghash *g)
{
	uint64_t y[3] = {g->y[0], g->y[1], g->y[0] ^ g->y[1]}, low[2], high[2], mid[2], t[4];
	unsigned i;

	mul_wide(y[0], g->h[0], reverse(y[0]), g->h_reversed[0], low);
	mul_wide(y[1], g->h[1], reverse(y[1]), g->h_reversed[1], high);
	mul_wide(y[2], g->h[2], reverse(y[2]), g->h_reversed[2], mid);
	for (i = 0; i < 2; i++)
		mid[i] ^= low[i] ^ high[i];
	t[0] = low[0] << 1;
	t[1] = (low[1] ^ mid[0]) << 1 | low[0] >> 63;
	t[2] = (high[0] ^ mid[1]) << 1 | (low[1] ^ mid[0]) >> 63;
	t[3] = high[1] << 1 | (high[0] ^ mid[1]) >> 63;
	for (i = 0; i < 2; i++) {
		t[i + 2] ^= t[i] ^ t[i] >> 1 ^ t[i] >> 2 ^ t[i] >> 7;
		t[i + 1] ^= t[i] << 63 ^ t[i] << 62 ^ t[i] << 57;
	}
	g->y[0] = t[2];
	g->y[1] = t[3];
}

/* The last block is filled with zeros. */
static void ghash_add(struct ghash *g, struct slice s)
{
	uint8_t block[SM4_BLOCK];

	while (s.len > 0) {
		size_t n = s.len < SM4_BLOCK ? s.len : SM4_BLOCK;

		memset(block, 0, sizeof(block));
		memcpy(block, s.p, n);
		g->y[1] ^= load_be64(block);
		g->y[0] ^= load_be64(block + 8);
		ghash_mul(g);
		s = slice_of(s.p + n, s.len - n);
	}
}

/* ---- GCM (SP 800-38D 7) ---- */

struct gcm {
	struct sm4_schedule s;
	struct ghash g;
	uint8_t tag_mask[SM4_BLOCK], counter[SM4_BLOCK];
};

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void gcm_init(struct gcm *m, const struct sm4 *c, const uint8_t nonce[12])
{
	uint8_t both[2 * SM4_BLOCK] = {0};

	sm4_spread(c, false, &m->s);
	memcpy(m->counter, nonce, 12);
	put_be32(m->counter + 12, 1);
	memcpy(both + SM4_BLOCK, m->counter, SM4_BLOCK);
	sm4_blocks(&m->s, both, both, 2);
	ghash_init(&m->g, both);
	memcpy(m->tag_mask, both + SM4_BLOCK, SM4_BLOCK);
	wipe(both, sizeof(both));
}

static void gcm_crypt(struct gcm *m, struct slice in, uint8_t *out)
{
	uint8_t stream[CHUNK];
	uint32_t count = 2;

	while (in.len > 0) {
		size_t n = in.len < CHUNK ? in.len : CHUNK, blocks = (n + SM4_BLOCK - 1) / SM4_BLOCK, i;

		for (i = 0; i < blocks; i++) {
			put_be32(m->counter + 12, count++);
			memcpy(stream + SM4_BLOCK * i, m->counter, SM4_BLOCK);
		}
		sm4_blocks(&m->s, stream, stream, blocks);
		for (i = 0; i < n; i++)
			out[i] = in.p[i] ^ stream[i];
		in = slice_of(in.p + n, in.len - n);
		out += n;
	}
	wipe(stream, sizeof(stream));
}

static void gcm_tag(struct gcm *m, struct slice aad, struct slice sealed, uint8_t tag[SM4_BLOCK])
{
	uint8_t lengths[SM4_BLOCK];
	unsigned i;

	store_be64(lengths, (uint64_t)aad.len * 8);
	store_be64(lengths + 8, (uint64_t)sealed.len * 8);
	ghash_add(&m->g, aad);
	ghash_add(&m->g, sealed);
	ghash_add(&m->g, SLICE_ARR(lengths));
	store_be64(tag, m->g.y[1]);
	store_be64(tag + 8, m->g.y[0]);
	for (i = 0; i < SM4_BLOCK; i++)
		tag[i] ^= m->tag_mask[i];
}

void sm4_gcm_seal(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in,
                  uint8_t *out, uint8_t tag[16])
{
	struct gcm m;

	gcm_init(&m, c, nonce);
	gcm_crypt(&m, in, out);
	gcm_tag(&m, aad, slice_of(out, in.len), tag);
	wipe(&m, sizeof(m));
}

RC sm4_gcm_open(const struct sm4 *c, const uint8_t nonce[12], struct slice aad, struct slice in, uint8_t *out,
                const uint8_t tag[16])
{
	struct gcm m;
	uint8_t expected[SM4_BLOCK];
	bool same;

	gcm_init(&m, c, nonce);
	gcm_tag(&m, aad, in, expected);
	same = ct_equal(expected, tag, SM4_BLOCK);
	ct_public(&same, sizeof(same));
	if (same)
		gcm_crypt(&m, in, out);
	else
		wipe(out, in.len);
	wipe(&m, sizeof(m));
	NEED(same, RC_INPUT, "sm4: wrong authentication tag (SP 800-38D 7.2)");
	return OK;
}
