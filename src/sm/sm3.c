/* SM3, GB/T 32905-2016. */
#include "sm/sm3.h"

static inline uint32_t rotl(uint32_t x, unsigned n)
{
	n &= 31;
	return x << n | x >> ((32 - n) & 31);
}

static inline uint32_t p0(uint32_t x)
{
	return x ^ rotl(x, 9) ^ rotl(x, 17);
}

static inline uint32_t p1(uint32_t x)
{
	return x ^ rotl(x, 15) ^ rotl(x, 23);
}

static inline uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* One round (5.3.3); the caller rotates the roles of the registers. */
#define ROUND(A, B, C, D, E, F, G, H, j, T, FF, GG) \
	do { \
		uint32_t a12 = rotl(A, 12); \
		uint32_t ss1 = rotl(a12 + E + rotl(T, j), 7); \
		uint32_t tt1 = (FF) + D + (ss1 ^ a12) + (w[j] ^ w[(j) + 4]); \
		uint32_t tt2 = (GG) + H + ss1 + w[j]; \
		B = rotl(B, 9); \
		D = tt1; \
		F = rotl(F, 19); \
		H = p0(tt2); \
	} while (0)
#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define MAJ(x, y, z) (((x) & (y)) | (((x) | (y)) & (z)))
#define CHOOSE(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))
#define EARLY(A, B, C, D, E, F, G, H, j) \
	ROUND(A, B, C, D, E, F, G, H, j, 0x79cc4519u, XOR3(A, B, C), XOR3(E, F, G))
#define LATE(A, B, C, D, E, F, G, H, j) \
	ROUND(A, B, C, D, E, F, G, H, j, 0x7a879d8au, MAJ(A, B, C), CHOOSE(E, F, G))

static void compress(uint32_t v[8], const uint8_t *p, size_t blocks)
{
	uint32_t w[68];

	for (; blocks > 0; blocks--, p += SM3_BLOCK) {
		uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
		for (unsigned i = 0; i < 16; i++)
			w[i] = load32(p + 4 * i);
		for (unsigned i = 16; i < 68; i++)
			w[i] = p1(w[i - 16] ^ w[i - 9] ^ rotl(w[i - 3], 15)) ^ rotl(w[i - 13], 7) ^ w[i - 6];
		for (unsigned j = 0; j < 16; j += 4) {
			EARLY(a, b, c, d, e, f, g, h, j);
			EARLY(d, a, b, c, h, e, f, g, j + 1);
			EARLY(c, d, a, b, g, h, e, f, j + 2);
			EARLY(b, c, d, a, f, g, h, e, j + 3);
		}
		for (unsigned j = 16; j < 64; j += 4) {
			LATE(a, b, c, d, e, f, g, h, j);
			LATE(d, a, b, c, h, e, f, g, j + 1);
			LATE(c, d, a, b, g, h, e, f, j + 2);
			LATE(b, c, d, a, f, g, h, e, j + 3);
		}
		v[0] ^= a;
		v[1] ^= b;
		v[2] ^= c;
		v[3] ^= d;
		v[4] ^= e;
		v[5] ^= f;
		v[6] ^= g;
		v[7] ^= h;
	}
	wipe(w, sizeof(w));
}

void sm3_init(struct sm3 *c)
{
	static const uint32_t iv[8] = {
		0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
	};

	memcpy(c->h, iv, sizeof(iv));
	c->total = 0;
}

void sm3_update(struct sm3 *c, struct slice s)
{
	size_t held = c->total % SM3_BLOCK;

	if (s.len == 0)
		return;
	c->total += s.len;
	if (held > 0) {
		size_t n = SM3_BLOCK - held < s.len ? SM3_BLOCK - held : s.len;
		memcpy(c->block + held, s.p, n);
		s = slice_of(s.p + n, s.len - n);
		if (held + n < SM3_BLOCK)
			return;
		compress(c->h, c->block, 1);
	}
	compress(c->h, s.p, s.len / SM3_BLOCK);
	if (s.len % SM3_BLOCK > 0)
		memcpy(c->block, s.p + s.len - s.len % SM3_BLOCK, s.len % SM3_BLOCK);
}

void sm3_final(struct sm3 *c, uint8_t ret[SM3_LEN])
{
	uint64_t bits = c->total * 8;
	size_t held = c->total % SM3_BLOCK;

	c->block[held++] = 0x80;
	if (held > SM3_BLOCK - 8) {
		memset(c->block + held, 0, SM3_BLOCK - held);
		compress(c->h, c->block, 1);
		held = 0;
	}
	memset(c->block + held, 0, SM3_BLOCK - 8 - held);
	store32(c->block + 56, (uint32_t)(bits >> 32));
	store32(c->block + 60, (uint32_t)bits);
	compress(c->h, c->block, 1);
	for (unsigned i = 0; i < 8; i++)
		store32(ret + 4 * i, c->h[i]);
	wipe(c, sizeof(*c));
}

void sm3_hash(struct slice s, uint8_t ret[SM3_LEN])
{
	struct sm3 c;

	sm3_init(&c);
	sm3_update(&c, s);
	sm3_final(&c, ret);
}

void sm3_hash_batch(const struct slice *s, uint8_t (*ret)[SM3_LEN], size_t n)
{
	for (size_t i = 0; i < n; i++)
		sm3_hash(s[i], ret[i]);
}
