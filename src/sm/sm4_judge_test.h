#ifndef YD_SM_SM4_JUDGE_TEST_H
#define YD_SM_SM4_JUDGE_TEST_H
/* GCM, CCM and XTS as their texts define them, bit by bit and block by block, over libcrypto's SM4. */
#include "sm/sm4.h"
#include "sm/judge_test.h"

static inline void judge_block(const uint8_t key[16], bool encrypt, const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t room[48];
	int n = 0;

	assert_int_equal(EVP_CipherInit_ex(c, EVP_sm4_ecb(), NULL, key, NULL, encrypt), 1);
	EVP_CIPHER_CTX_set_padding(c, 0);
	assert_int_equal(EVP_CipherUpdate(c, room, &n, in, 16), 1);
	assert_int_equal(n, 16);
	memcpy(out, room, 16);
	EVP_CIPHER_CTX_free(c);
}

static inline void judge_xor(uint8_t *to, const uint8_t *a, size_t len)
{
	while (len-- > 0)
		to[len] ^= a[len];
}

/* One place to the right; the bit that falls out comes back as r (SP 800-38D 6.3; GB/T 17964 for XTS). */
static inline void judge_right(uint8_t v[16])
{
	bool out = v[15] & 1;
	int i;

	for (i = 15; i > 0; i--)
		v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
	v[0] = (uint8_t)(v[0] >> 1 ^ (out ? 0xe1 : 0));
}

/* y = y * h, SP 800-38D algorithm 1 */
static inline void judge_gf(uint8_t y[16], const uint8_t h[16])
{
	uint8_t z[16] = {0}, v[16];
	unsigned i;

	memcpy(v, h, 16);
	for (i = 0; i < 128; i++) {
		if (y[i / 8] >> (7 - i % 8) & 1)
			judge_xor(z, v, 16);
		judge_right(v);
	}
	memcpy(y, z, 16);
}

static inline void judge_ghash(uint8_t y[16], const uint8_t h[16], struct slice s)
{
	size_t n;

	for (; s.len > 0; s = slice_of(s.p + n, s.len - n)) {
		n = s.len < 16 ? s.len : 16;
		judge_xor(y, s.p, n);
		judge_gf(y, h);
	}
}

static inline void judge_lengths(uint8_t y[16], const uint8_t h[16], size_t a, size_t b)
{
	uint8_t block[16] = {0};
	unsigned i;

	for (i = 0; i < 4; i++) {
		block[7 - i] = (uint8_t)(a * 8 >> 8 * i);
		block[15 - i] = (uint8_t)(b * 8 >> 8 * i);
	}
	judge_ghash(y, h, SLICE_ARR(block));
}

/* Adds one to the last len bytes. */
static inline void judge_count(uint8_t block[16], size_t len)
{
	size_t i = 16;

	while (len-- > 0 && ++block[--i] == 0)
		;
}

/* Text with the counters behind first, of len bytes. */
static inline void judge_stream(const uint8_t key[16], const uint8_t first[16], size_t len, struct slice in,
                                uint8_t *out)
{
	uint8_t counter[16], stream[16];
	size_t i;

	memcpy(counter, first, 16);
	for (i = 0; i < in.len; i++) {
		if (i % 16 == 0) {
			judge_count(counter, len);
			judge_block(key, true, counter, stream);
		}
		out[i] = in.p[i] ^ stream[i % 16];
	}
}

static inline void judge_gcm(const uint8_t key[16], struct slice nonce, struct slice aad, struct slice in,
                             uint8_t *out, uint8_t tag[16])
{
	uint8_t h[16] = {0}, first[16] = {0}, mask[16];

	judge_block(key, true, h, h);
	if (nonce.len == 12) {
		memcpy(first, nonce.p, 12);
		first[15] = 1;
	} else {
		judge_ghash(first, h, nonce);
		judge_lengths(first, h, 0, nonce.len);
	}
	judge_stream(key, first, 4, in, out);
	memset(tag, 0, 16);
	judge_ghash(tag, h, aad);
	judge_ghash(tag, h, slice_of(out, in.len));
	judge_lengths(tag, h, aad.len, in.len);
	judge_block(key, true, first, mask);
	judge_xor(tag, mask, 16);
}

/* The nonce of 16 bytes whose first counter is the one given: (nonce H + length) H, backwards. */
static inline void judge_gcm_nonce(const uint8_t key[16], const uint8_t first[16], uint8_t nonce[16])
{
	uint8_t h[16] = {0}, inverse[16] = {0x80}, power[16];
	unsigned i;

	judge_block(key, true, h, h);
	memcpy(power, h, 16);
	for (i = 1; i < 128; i++) { /* h^(2^128 - 2) */
		judge_gf(power, (const uint8_t *)memcpy((uint8_t[16]){0}, power, 16));
		judge_gf(inverse, power);
	}
	memcpy(nonce, first, 16);
	judge_gf(nonce, inverse);
	nonce[15] ^= 128;
	judge_gf(nonce, inverse);
}

static inline void judge_mac(const uint8_t key[16], uint8_t y[16], struct slice s)
{
	size_t n;

	for (; s.len > 0; s = slice_of(s.p + n, s.len - n)) {
		n = s.len < 16 ? s.len : 16;
		judge_xor(y, s.p, n);
		judge_block(key, true, y, y);
	}
}

/* SP 800-38C 6.1, A.2, A.3 */
static inline void judge_ccm(const uint8_t key[16], const struct sm4_ccm *m, struct slice in, uint8_t *out,
                             uint8_t tag[16])
{
	static uint8_t aad[80000];
	uint8_t first[16] = {0}, mask[16];
	size_t head = m->aad.len < 0xff00 ? 2 : 6, q = 15 - m->nonce.len;

	memcpy(first + 1, m->nonce.p, m->nonce.len);
	first[0] = (uint8_t)((m->aad.len > 0 ? 64U : 0U) + (m->tag_len - 2) / 2 * 8 + q - 1);
	first[14] = (uint8_t)(in.len >> 8);
	first[15] = (uint8_t)in.len;
	memset(tag, 0, 16);
	judge_mac(key, tag, SLICE_ARR(first));
	if (m->aad.len > 0) {
		memset(aad, 0, 6);
		aad[0] = 0xff;
		aad[1] = 0xfe;
		aad[head - 2] = (uint8_t)(m->aad.len >> 8);
		aad[head - 1] = (uint8_t)m->aad.len;
		memcpy(aad + head, m->aad.p, m->aad.len);
		judge_mac(key, tag, slice_of(aad, head + m->aad.len));
	}
	judge_mac(key, tag, in);
	memset(first + 16 - q, 0, q);
	first[0] = (uint8_t)(q - 1);
	judge_stream(key, first, q, in, out);
	judge_block(key, true, first, mask);
	judge_xor(tag, mask, 16);
}

static inline void judge_left(uint8_t v[16])
{
	bool out = v[15] >> 7;
	int i;

	for (i = 15; i > 0; i--)
		v[i] = (uint8_t)(v[i] << 1 | v[i - 1] >> 7);
	v[0] = (uint8_t)(v[0] << 1 ^ (out ? 0x87 : 0));
}

static inline void judge_xts_block(const uint8_t key[16], const uint8_t t[16], const uint8_t *in,
                                   uint8_t *out)
{
	uint8_t block[16];

	memcpy(block, in, 16);
	judge_xor(block, t, 16);
	judge_block(key, true, block, block);
	judge_xor(block, t, 16);
	memcpy(out, block, 16);
}

/* IEEE 1619 5.3.2: encryption; the order of bits is the only difference of GB/T 17964. */
static inline void judge_xts(const uint8_t key[32], bool gb, const uint8_t iv[16], struct slice in,
                             uint8_t *out)
{
	uint8_t t[16], last[16];
	size_t at, n = in.len % 16;

	judge_block(key + 16, true, iv, t);
	for (at = 0; at + 16 <= in.len; at += 16) {
		judge_xts_block(key, t, in.p + at, out + at);
		if (gb)
			judge_right(t);
		else
			judge_left(t);
	}
	if (n == 0)
		return;
	memcpy(last, out + at - 16, 16);
	memcpy(out + at, last, n);
	memcpy(last, in.p + at, n);
	judge_xts_block(key, t, last, out + at - 16);
}

#endif
