/* Key schedule, ECB, CBC and CTR (GB/T 17964) over the engine in use. */
#include "sm/sm4_engine.h"
#include "sm/limbs.h"

static inline uint32_t rol32(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* GB/T 32907 7.3: the constants CK are (4i+j) * 7 mod 256, byte by byte. */
static SM4_APART void expand(struct sm4 *c, const uint8_t key[SM4_KEY])
{
	static const uint32_t family[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
	const struct sm4_engine *e = sm4_engine();
	uint32_t k[4], t;
	unsigned i, j;

	for (i = 0; i < 4; i++)
		k[i] = load_be32(key + 4 * i) ^ family[i];
	for (i = 0; i < 32; i++) {
		uint32_t ck = 0;

		for (j = 0; j < 4; j++)
			ck = ck << 8 | ((4 * i + j) * 7 & 0xff);
		t = e->sbox(k[(i + 1) % 4] ^ k[(i + 2) % 4] ^ k[(i + 3) % 4] ^ ck);
		k[i % 4] ^= t ^ rol32(t, 13) ^ rol32(t, 23);
		c->rk[i] = k[i % 4];
	}
	wipe(k, sizeof(k));
}

void sm4_init(struct sm4 *c, const uint8_t key[SM4_KEY])
{
	expand(c, key);
	sm4_clean();
}

void sm4_wipe(struct sm4 *c)
{
	wipe(c, sizeof(*c));
}

static void crypt_ecb(const struct sm4 *c, bool decrypt, const uint8_t *in, uint8_t *out, size_t blocks)
{
	const struct sm4_engine *e = sm4_engine();
	struct sm4_schedule s;

	e->spread(c, decrypt, &s);
	e->blocks(&s, in, out, blocks);
	wipe(&s, sizeof(s));
	sm4_clean();
}

void sm4_ecb_encrypt(const struct sm4 *c, const uint8_t *in, uint8_t *out, size_t blocks)
{
	crypt_ecb(c, false, in, out, blocks);
}

void sm4_ecb_decrypt(const struct sm4 *c, const uint8_t *in, uint8_t *out, size_t blocks)
{
	crypt_ecb(c, true, in, out, blocks);
}

void sm4_cbc_encrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
	const struct sm4_engine *e = sm4_engine();
	struct sm4_schedule s;

	e->spread(c, false, &s);
	e->chain(&s, iv, in, out, blocks);
	wipe(&s, sizeof(s));
	sm4_clean();
}

static SM4_APART void decrypt_cbc(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                                  size_t blocks)
{
	const struct sm4_engine *e = sm4_engine();
	struct sm4_schedule s;
	uint8_t before[SM4_BLOCK + SM4_CHUNK], plain[SM4_CHUNK]; /* the block before each, then its own */
	size_t left = blocks * SM4_BLOCK, len;

	e->spread(c, true, &s);
	for (; left > 0; left -= len) {
		len = left < SM4_CHUNK ? left : SM4_CHUNK;
		memcpy(before, iv, SM4_BLOCK);
		memcpy(before + SM4_BLOCK, in, len);
		memcpy(iv, before + len, SM4_BLOCK);
		e->blocks(&s, in, plain, len / SM4_BLOCK);
		sm4_xor(out, plain, before, len);
		in += len;
		out += len;
	}
	wipe(&s, sizeof(s));
	wipe(plain, sizeof(plain));
}

void sm4_cbc_decrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
	decrypt_cbc(c, iv, in, out, blocks);
	sm4_clean();
}

/* Blocks of the counter one after the other; the counter becomes the next one. */
static void count(uint8_t counter[SM4_BLOCK], uint8_t *out, size_t blocks)
{
	uint64_t high = load_be64(counter), low = load_be64(counter + 8);

	for (; blocks > 0; blocks--, out += SM4_BLOCK) {
		sm4_put_counter(out, high, low);
		low++;
		high += low == 0;
	}
	store_be64(counter, high);
	store_be64(counter + 8, low);
}

void sm4_ctr(const struct sm4 *c, uint8_t counter[16], const uint8_t *in, uint8_t *out, size_t len)
{
	const struct sm4_engine *e = sm4_engine();
	struct sm4_schedule s;
	uint8_t stream[SM4_CHUNK];
	size_t n, blocks;

	e->spread(c, false, &s);
	for (; len > 0; len -= n) {
		n = len < SM4_CHUNK ? len : SM4_CHUNK;
		blocks = (n + SM4_BLOCK - 1) / SM4_BLOCK;
		count(counter, stream, blocks);
		e->blocks(&s, stream, stream, blocks);
		sm4_xor(out, in, stream, n);
		in += n;
		out += n;
	}
	wipe(&s, sizeof(s));
	wipe(stream, sizeof(stream));
	sm4_clean();
}
