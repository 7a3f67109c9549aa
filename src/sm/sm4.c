#include "sm/sm4_core.h"

#define CHUNK (SM4_LANES * SM4_BLOCK)

static void crypt_ecb(const struct sm4 *c, bool decrypt, const uint8_t *in, uint8_t *out, size_t blocks)
{
	struct sm4_schedule s;

	sm4_spread(c, decrypt, &s);
	sm4_blocks(&s, in, out, blocks);
	wipe(&s, sizeof(s));
}

void sm4_ecb_encrypt(const struct sm4 *c, const uint8_t *in, uint8_t *out, size_t blocks)
{
	crypt_ecb(c, false, in, out, blocks);
}

void sm4_ecb_decrypt(const struct sm4 *c, const uint8_t *in, uint8_t *out, size_t blocks)
{
	crypt_ecb(c, true, in, out, blocks);
}

static void xor_into(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = a[i] ^ b[i];
}

void sm4_cbc_encrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
	struct sm4_schedule s;

	sm4_spread(c, false, &s);
	for (; blocks > 0; blocks--, in += SM4_BLOCK, out += SM4_BLOCK) {
		xor_into(iv, iv, in, SM4_BLOCK);
		sm4_blocks(&s, iv, iv, 1);
		memcpy(out, iv, SM4_BLOCK);
	}
	wipe(&s, sizeof(s));
}

void sm4_cbc_decrypt(const struct sm4 *c, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
	struct sm4_schedule s;
	uint8_t before[SM4_BLOCK + CHUNK], plain[CHUNK]; /* the block before each, then its own */

	sm4_spread(c, true, &s);
	while (blocks > 0) {
		size_t n = blocks < SM4_LANES ? blocks : SM4_LANES, len = n * SM4_BLOCK;

		memcpy(before, iv, SM4_BLOCK);
		memcpy(before + SM4_BLOCK, in, len);
		memcpy(iv, before + len, SM4_BLOCK);
		sm4_blocks(&s, in, plain, n);
		xor_into(out, plain, before, len);
		blocks -= n;
		in += len;
		out += len;
	}
	wipe(&s, sizeof(s));
	wipe(plain, sizeof(plain));
}

static void count_up(uint8_t counter[SM4_BLOCK])
{
	unsigned i = SM4_BLOCK;

	while (i > 0 && ++counter[--i] == 0)
		;
}

void sm4_ctr(const struct sm4 *c, uint8_t counter[16], const uint8_t *in, uint8_t *out, size_t len)
{
	struct sm4_schedule s;
	uint8_t stream[CHUNK];

	sm4_spread(c, false, &s);
	while (len > 0) {
		size_t n = len < CHUNK ? len : CHUNK, blocks = (n + SM4_BLOCK - 1) / SM4_BLOCK, i;

		for (i = 0; i < blocks; i++) {
			memcpy(stream + SM4_BLOCK * i, counter, SM4_BLOCK);
			count_up(counter);
		}
		sm4_blocks(&s, stream, stream, blocks);
		xor_into(out, in, stream, n);
		in += n;
		out += n;
		len -= n;
	}
	wipe(&s, sizeof(s));
	wipe(stream, sizeof(stream));
}
